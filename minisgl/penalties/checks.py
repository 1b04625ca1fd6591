"""Checks of a penalty's parameters: a ValueError says in one sentence what a number must be and what it is."""

from math import isfinite
from numbers import Integral

from minisgl.backend import Array


def require_nonnegative(name: str, value: float) -> None:
    """Raise ValueError unless 0 <= value < infinity."""
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a number >= 0, but is {value}")


def require_positive(name: str, value: float) -> None:
    """Raise ValueError unless 0 < value < infinity."""
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a number > 0, but is {value}")


def scaled_by(step: float, lam: float) -> float:
    """Return step * lam. ValueError unless step is a finite number > 0 and the product is finite."""
    require_positive("step", step)
    scaled = float(step) * float(lam)
    if not isfinite(scaled):
        raise ValueError(f"step * lam must be finite, but step is {step:g} and lam {lam:g}")
    return scaled


def require_floats(w: Array) -> None:
    """Raise ValueError unless w is of float32 or float64."""
    if w.dtype.char not in "fd":  # NumPy's codes for the two; to ask for a dtype's name takes a microsecond
        raise ValueError(f"penalties work on arrays of float32 or float64, but this one is of {w.dtype}")


def require_count(name: str, value: int) -> None:
    """Raise ValueError unless value is a whole number >= 1."""
    if not (isinstance(value, Integral) and value >= 1):
        raise ValueError(f"{name} must be a whole number >= 1, but is {value}")


def require_scale(name: str, value: float, bound: float = 0) -> None:
    """Raise ValueError unless 1e-30 <= value <= 1e30, and value > bound: beyond, its powers overflow or underflow."""
    if not (1e-30 <= value <= 1e30 and value > bound):
        low = f"above {bound:g} and at most" if bound else "from 1e-30 to"
        raise ValueError(f"{name} must be a number {low} 1e30, but is {value}")


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, but is {value}")
