"""The questions every penalty asks of its numbers, answered in one sentence when the answer is no."""

from math import isfinite


def require_nonnegative(name: str, value: float) -> None:
    """Raise ValueError unless 0 <= value < infinity."""
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a number >= 0, and is {value}")


def require_positive(name: str, value: float) -> None:
    """Raise ValueError unless 0 < value < infinity."""
    if not (isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a number > 0, and is {value}")
