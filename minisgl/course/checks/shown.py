"""How arguments and results are shown to a student: names and values, one below the other."""

from typing import Any

import numpy as np

Inputs = dict[str, Any]  # arguments by name, in the order of the function's parameters


def shown(values: Inputs) -> str:
    """The names and values, one below the other. The arrays of a list get a line each."""
    values = {key: value for name, one in values.items() for key, value in _items(name, one).items()}
    width = max(map(len, values))
    lines = []
    for name, value in values.items():
        text = _array(value) if isinstance(value, np.ndarray) else f"{value:.6g}" if isinstance(value, float) else str(value)
        lines.append(f"  {name:<{width}}   " + text.replace("\n", "\n" + " " * (width + 5)))
    return "\n".join(lines)


def _items(name: str, value: Any) -> Inputs:
    arrays = isinstance(value, list) and any(isinstance(one, np.ndarray) for one in value)
    return {f"{name}[{i}]": one for i, one in enumerate(value)} if arrays else {name: value}


def _array(value: np.ndarray) -> str:
    note = "" if value.dtype == np.float64 and value.size else f"  ({value.dtype}, shape {value.shape})"
    return np.array2string(value, precision=4, suppress_small=True, threshold=60) + note
