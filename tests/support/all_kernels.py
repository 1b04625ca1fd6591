"""Every kernel of minisgl: those at the top of its modules, and the W-steps that are put together from two of them."""

import importlib
import pkgutil

import minisgl
from minisgl.kernels import Indexed, Reduction
from minisgl.nn.optimizers import ADAM, MOMENTUM, NESTEROV
from minisgl.solver.fused import COUPLED

ROOMS = ("minisgl.nn", "minisgl.penalties", "minisgl.solver")


def all_kernels() -> list[Indexed | Reduction]:
    """All kernels, in the order of their names."""
    found = {each.after(COUPLED) for each in (ADAM, MOMENTUM, NESTEROV)}
    for module in pkgutil.walk_packages(minisgl.__path__, "minisgl."):
        if module.name.startswith(ROOMS):
            found |= {
                each for each in vars(importlib.import_module(module.name)).values() if isinstance(each, Indexed | Reduction)
            }
    return sorted(found, key=lambda kernel: kernel.name)
