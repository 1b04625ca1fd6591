"""minisgl: sparse training of convolutional networks from scratch, in NumPy, with every gradient written by hand.

`network, report = minisgl.load(RUN)` gives what `python -m minisgl.train` saved, and `minisgl.load("RUN/compact.safetensors")`
what `python -m minisgl.compress` made of it.

A name is imported when it is first used: `import minisgl` alone loads nothing, not even NumPy, and `import minisgl.penalties`
NumPy and nothing heavier.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minisgl import data, models, nn, penalties, solver
    from minisgl.errors import MinisglError
    from minisgl.run import load

__version__ = "0.1.0"

# Each name and the module that has it; a folder has itself.
_MODULE_OF = {
    "MinisglError": "minisgl.errors",
    "load": "minisgl.run",
    **{name: f"minisgl.{name}" for name in ("data", "models", "nn", "penalties", "solver")},
}

__all__ = ["MinisglError", "__version__", "data", "load", "models", "nn", "penalties", "solver"]


def __getattr__(name: str) -> Any:
    """Import what is asked for; Python calls this for a name that the module does not have yet, once a name."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_MODULE_OF[name])
    value = globals()[name] = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
