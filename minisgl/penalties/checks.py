"""Checks of a penalty's parameters: a ValueError says in one sentence what a number must be and what it is."""

from math import isfinite
from numbers import Integral


def require_nonnegative(name: str, value: float) -> None:
    """Raise ValueError unless 0 <= value < infinity."""
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a number >= 0, and is {value}")


def require_positive(name: str, value: float) -> None:
    """Raise ValueError unless 0 < value < infinity."""
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a number > 0, and is {value}")


def require_count(name: str, value: int) -> None:
    """Raise ValueError unless value is a whole number >= 1."""
    if not (isinstance(value, Integral) and value >= 1):
        raise ValueError(f"{name} must be a whole number >= 1, and is {value}")


def require_scale(name: str, value: float, bound: float = 0) -> None:
    """Raise ValueError unless 1e-30 <= value <= 1e30, and value > bound: beyond, its powers overflow or underflow."""
    if not (1e-30 <= value <= 1e30 and value > bound):
        low = f"above {bound:g} and at most" if bound else "from 1e-30 to"
        raise ValueError(f"{name} must be a number {low} 1e30, and is {value}")


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, and is {value}")
