"""What the rest of minisgl asks of a penalty: its value and its prox, and of one in the table of names three facts."""

from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

from minisgl.backend import Array


@runtime_checkable
class Penalty(Protocol):
    """What the V-step asks of r. It is handed one layer's weights whole, so r need not be separable."""

    def value(self, w: Array) -> float:
        """lam * r(w), at least 0."""

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """argmin over x of step * value(x) + ||x - v||^2 / 2, step > 0: an array of v's shape, dtype and array module.

        With `out`, an array like v or v itself, the result is written into it, and out is returned. Else v is left alone.
        """

    def step_for(self, threshold: float) -> float:
        """The step at which prox sets every |v| up to `threshold` to 0: what continuation schedules."""


@runtime_checkable
class Separable(Penalty, Protocol):
    """A penalty that is a sum over single weights: value(w) is the sum of cost(w), and prox works entry by entry."""

    def cost(self, w: Array) -> Array:
        """lam * r(w_i), entry by entry."""

    def threshold(self, step: float) -> float:
        """The largest |v| whose prox is 0; step_for is its inverse."""


class Named(Penalty, Protocol):
    """What a class in the table of names says of itself. A user's own penalty need not; nor does a combination of two."""

    name: ClassVar[str]
    """The penalty on the command line: "l0"."""
    options: ClassVar[Mapping[str, float]]
    """The parameters beside lam that the command line can set, each with the value that it has there if it is not given."""
    shrinks: ClassVar[bool]
    """True if prox may shrink a weight that it keeps, however large it is; False if all above some size stay as they are."""
