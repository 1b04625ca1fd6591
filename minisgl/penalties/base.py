"""The interface of a penalty: value, prox and step_for, and three attributes for each penalty in the table of names."""

from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

from minisgl.backend import Array


@runtime_checkable
class Penalty(Protocol):
    """What the V-step needs. It passes all weights of a layer at once, so a penalty need not be separable."""

    def value(self, w: Array) -> float:
        """lam * r(w), at least 0."""

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """argmin over x of step * value(x) + ||x - v||^2 / 2, step > 0: an array of v's shape, dtype and array module.

        `out`, an array like v or v itself, is filled with the result and returned. v is not changed unless it is out.

        minisgl's own penalties take float32 and float64 and refuse other dtypes with ValueError. An infinite entry stays
        infinite; where prox couples entries, the others become what they would be next to a very large one. NaN stays NaN;
        where prox couples entries, the whole group becomes NaN.
        """

    def step_for(self, threshold: float) -> float:
        """The step at which prox sets every |v| up to `threshold` to 0. Continuation schedules the threshold."""


@runtime_checkable
class Separable(Penalty, Protocol):
    """A penalty that is a sum over single weights: value(w) is the sum of cost(w), and prox works entry by entry."""

    def cost(self, w: Array) -> Array:
        """lam * r(w_i), entry by entry."""

    def threshold(self, step: float) -> float:
        """The largest |v| whose prox is 0; step_for is its inverse."""


class Named(Penalty, Protocol):
    """A penalty in the table of names. A user's own penalty and a combination of two penalties need not have these."""

    name: ClassVar[str]
    """The penalty's name on the command line: "l0"."""
    options: ClassVar[Mapping[str, float]]
    """The parameters that the command line can set besides lam, each with its default."""
    shrinks: ClassVar[bool]
    """True if prox may shrink a weight that it keeps, however large it is; False if weights above some size do not change."""
