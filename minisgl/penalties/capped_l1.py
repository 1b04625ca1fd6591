"""Capped l1: the cost of a weight is lam times its size, but at most lam*theta.

    value(w) = lam * sum min(|w_i|, theta),   theta > 0

    prox, L = step * lam, y = |v|:
    L < 2 theta      soft(y, L) up to theta + L/2, then y                     (jumps there, by L)
    L >= 2 theta     0 up to sqrt(2 L theta), then y                          (jumps there)

Derivation. The best x up to theta is soft(y, L), and the best x beyond theta is y. For y >= L they cost L y - L^2/2 and
L theta, which are equal at y = theta + L/2. If that point is below L, that is if L > 2 theta, soft(y, L) is 0 there and costs
y^2/2; the costs are then equal at y = sqrt(2 L theta).

Source: Zhang, "Analysis of multi-stage convex relaxation for sparse regularization", J. Mach. Learn. Res. 11 (2010).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.penalties.blocks import SOFT_OR_KEEP, in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, require_scale, scaled_by


@dataclass(frozen=True)
class CappedL1:
    """lam * sum min(|w|, theta), lam >= 0, theta from 1e-30 to 1e30. Separable, not convex, unbiased beyond the jump.

    prox, L = step * lam: if L < 2 theta, soft thresholding at L up to theta + L/2, else 0 up to sqrt(2 L theta); then it jumps
    to v. ValueError if lam or theta is out of range. Source: Zhang (2010).
    """

    name: ClassVar[str] = "capped-l1"
    options: ClassVar[Mapping[str, float]] = {"theta": 0.1}
    shrinks: ClassVar[bool] = False

    lam: float
    theta: float

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        require_scale("theta", self.theta)

    def cost(self, w: Array) -> Array:
        """lam min(|w_i|, theta), entry by entry."""
        require_floats(w)
        xp = get_array_module(w)
        return self.lam * xp.minimum(xp.abs(w), self.theta)

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """step * lam, or sqrt(2 step lam theta) if step * lam >= 2 theta."""
        scaled = step * self.lam
        return scaled if scaled < 2 * self.theta else sqrt(2 * scaled * self.theta)

    def step_for(self, threshold: float) -> float:
        """The inverse of threshold. ValueError if lam is 0."""
        require_positive("lam", self.lam)
        return (threshold if threshold < 2 * self.theta else threshold**2 / (2 * self.theta)) / self.lam

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        xp, scaled, t = get_array_module(v), scaled_by(step, self.lam), self.threshold(step)
        jump = self.theta + scaled / 2 if scaled < 2 * self.theta else t

        def soft_or_keep(block: Array) -> Array:
            return xp.where(xp.abs(block) <= jump, block - xp.clip(block, -t, t), block)

        return in_blocks(soft_or_keep, v, out, t, jump, kernel=(SOFT_OR_KEEP, t, jump))
