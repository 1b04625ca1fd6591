"""What "sparse" costs: one penalty a file, each with its value and its proximal operator, derived in its docstring.

    prox(v, step) = argmin over x of   step * value(x) + ||x - v||^2 / 2

is the point that trades the penalty against staying close to v. A penalty carries its weight lam; the step comes from
outside. Penalties know nothing of networks: they take arrays of any shape, dtype and array module.
"""

from collections.abc import Callable
from typing import Protocol

from minisgl.backend import Array
from minisgl.penalties.group_lasso import GroupLasso
from minisgl.penalties.l0 import L0
from minisgl.penalties.l1 import L1


class Penalty(Protocol):
    """What the V-step asks of r. It is handed one layer's weights whole, so r need not be separable."""

    def value(self, w: Array) -> float:
        """lam * r(w), at least 0."""

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """argmin over x of step * value(x) + ||x - v||^2 / 2; v is left alone unless out is v."""

    def step_for(self, threshold: float) -> float:
        """The step at which prox sets every |v| up to `threshold` to 0: what continuation schedules.

        For a separable penalty it is the inverse of threshold(step), the largest |v| whose prox is 0.
        """


# The r of the command line's --penalty, by name; "none" and "group-lasso" have none.
SEPARABLE: dict[str, Callable[[float], Penalty]] = {"l1": L1, "l0": L0}

__all__ = ["L0", "L1", "SEPARABLE", "GroupLasso", "Penalty"]
