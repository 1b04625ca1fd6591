"""minisgl: sparse training of convolutional networks from scratch, in NumPy, with every gradient written by hand.

`run = minisgl.fit(minisgl.preset("quick", epochs=3))` trains as `python -m minisgl.train` does, and `minisgl.Run.open(RUN)`
reads a finished run. `network, report = minisgl.load(RUN)` loads its network, and `minisgl.load("RUN/compact.safetensors")`
loads the smaller one that `python -m minisgl.compress` wrote.

Names are imported on first use. `import minisgl` alone loads nothing, not even NumPy; `import minisgl.penalties` loads NumPy
and nothing heavier.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minisgl import data, models, nn, penalties, solver
    from minisgl.config import TrainConfig
    from minisgl.errors import MinisglError
    from minisgl.experiments import preset
    from minisgl.run import Run, fit, load

__version__ = "0.1.0"

# The module that defines each name; a subpackage is its own module.
_MODULE_OF = {
    "MinisglError": "minisgl.errors",
    "TrainConfig": "minisgl.config",
    "preset": "minisgl.experiments",
    **dict.fromkeys(("Run", "fit", "load"), "minisgl.run"),
    **{name: f"minisgl.{name}" for name in ("data", "models", "nn", "penalties", "solver")},
}

__all__ = [
    "MinisglError",
    "Run",
    "TrainConfig",
    "__version__",
    "data",
    "fit",
    "load",
    "models",
    "nn",
    "penalties",
    "preset",
    "solver",
]


def __getattr__(name: str) -> Any:
    """Import the name on first use. Python calls this only for a name that the module does not have yet."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_MODULE_OF[name])
    value = globals()[name] = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
