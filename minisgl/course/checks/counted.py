"""Numbers that record each product of two of them, for a task that allows only three."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Counted:
    """A number. Each product of two such numbers is written into the list `products`, which they share."""

    value: float
    products: list[str]

    def _new(self, value: float) -> "Counted":
        return Counted(value, self.products)

    def __deepcopy__(self, memo: object) -> "Counted":
        return self  # a copy writes into the same list

    def __float__(self) -> float:
        return self.value

    def __neg__(self) -> "Counted":
        return self._new(-self.value)

    def __add__(self, other: Any) -> Any:
        return self._new(self.value + float(other)) if _is_number(other) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + -other if _is_number(other) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return -self + other if _is_number(other) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        if isinstance(other, Counted):
            self.products.append(f"{self.value:g} * {other.value:g}")
        return self._new(self.value * float(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self * (1 / float(other)) if _is_number(other) and not isinstance(other, Counted) else NotImplemented

    def __pow__(self, other: Any) -> Any:
        return self * self if other == 2 else NotImplemented


def counted(values: np.ndarray, products: list[str]) -> np.ndarray:
    """The numbers of values (n,), counted in `products`."""
    return np.array([Counted(float(value), products) for value in values])


def _is_number(value: Any) -> bool:
    return isinstance(value, Counted | int | float | np.number)
