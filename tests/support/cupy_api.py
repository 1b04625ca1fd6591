"""What CuPy has: its functions, their arguments and its arrays' attributes, as the installed package itself says.

Run as a command, this writes cupy_api.json, which device_double.py reads. It does not need a GPU.

    python tests/support/cupy_api.py
"""

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "cupy_api.json"
UFUNC = ["x1", "x2", "out", "dtype", "casting"]  # cupy.ufunc.__call__; NumPy's where= is not among them
MODULES = ("", "linalg", "lib.stride_tricks")


def _arguments(function: Any) -> list[str] | None:
    """The names of its arguments, None where it takes any."""
    if type(function).__name__ in ("ufunc", "_GUFunc"):
        return UFUNC
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters]


def _member(module: Any, dotted: str) -> Any:
    for name in filter(None, dotted.split(".")):
        module = getattr(module, name)
    return module


def functions(cupy: Any) -> dict[str, list[str] | None]:
    """Every function that CuPy and NumPy both have, by its dotted name."""
    found = {}
    for prefix in MODULES:
        ours, theirs = _member(np, prefix), _member(cupy, prefix)
        for name in sorted(set(dir(ours)) & set(dir(theirs))):
            function = getattr(theirs, name)
            if not name.startswith("_") and callable(function) and not isinstance(function, type):
                try:
                    found[f"{prefix}.{name}".lstrip(".")] = _arguments(function)
                except ValueError:  # a built-in without a signature
                    found[f"{prefix}.{name}".lstrip(".")] = None
    return found


def describe(cupy: Any) -> dict[str, Any]:
    """All that the file holds."""
    attributes = sorted(name for name in dir(cupy.ndarray) if not name.startswith("_"))
    return {"version": cupy.__version__, "functions": functions(cupy), "array": attributes}


if __name__ == "__main__":
    import cupy

    lines = json.dumps(describe(cupy), sort_keys=True).replace("], ", "],\n").replace("null, ", "null,\n")
    FILE.write_text(lines + "\n")
