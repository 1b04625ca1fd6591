"""Numbers that count the additions they have gone through, for a task that allows only a few in a row."""

from typing import Any

import numpy as np


class Followed:
    """A number that knows how many additions it has gone through."""

    def __init__(self, value: float, additions: int = 0) -> None:
        self.value, self.additions = value, additions

    def __add__(self, other: Any) -> "Followed":
        other = other if isinstance(other, Followed) else Followed(float(other))
        return Followed(self.value + other.value, 1 + max(self.additions, other.additions))

    __radd__ = __add__
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Followed) and self.value == other.value

    def __float__(self) -> float:
        raise TypeError("this number is followed on its way: add it as it is, and change it into no other kind")

    def __repr__(self) -> str:
        return f"{self.value:g}"


def followed(n: int) -> np.ndarray:
    """The numbers 1 to n (n,), as Followed."""
    x = np.empty(n, dtype=object)
    x[:] = [Followed(i + 1.0) for i in range(n)]
    return x
