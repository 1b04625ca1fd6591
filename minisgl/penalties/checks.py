"""The questions every penalty asks of its numbers, answered in one sentence when the answer is no."""

from math import isfinite


def require_nonnegative(name: str, value: float) -> None:
    """Raise ValueError unless 0 <= value < infinity."""
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a number >= 0, and is {value}")


def require_positive(name: str, value: float) -> None:
    """Raise ValueError unless 0 < value < infinity."""
    require_above(name, value, 0)


def require_above(name: str, value: float, bound: float) -> None:
    """Raise ValueError unless bound < value < infinity."""
    if not (isfinite(value) and value > bound):
        raise ValueError(f"{name} must be a number > {bound:g}, and is {value}")


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless low <= value <= high."""
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, and is {value}")
