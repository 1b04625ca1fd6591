"""SCAD: l1 near zero, then ever flatter, and constant from a*lam on, so that large weights pay no more for being larger.

    one weight, x = |w|:   lam x                                        up to lam
                           (2 a lam x - x^2 - lam^2) / (2 (a - 1))      up to a lam            a > 1
                           lam^2 (a + 1)/2                              beyond

    prox, step s, y = |v|:
    s < a - 1        soft(y, s lam)                                     up to (1 + s) lam
                     ((a - 1) y - a s lam) / (a - 1 - s)                up to a lam
                     y                                                  beyond                 (continuous)
    s < a + 1        soft(y, s lam) up to lam (a + 1 + s)/2, then y                            (jumps there)
    s >= a + 1       0 up to lam sqrt(s (a + 1)), then y                                       (jumps there)

Derivation. Each piece of s * value(x) + (x - y)^2/2 is a parabola; the first has its minimum at y - s lam, the last at y,
the middle one, of curvature 1 - s/(a - 1), at the formula above as long as that curvature is positive. For s >= a - 1 the
middle piece bends down and holds no minimum: soft(y) must be compared with y. They cost s lam y - s^2 lam^2/2 (for
y >= s lam) and s lam^2 (a + 1)/2, equal at y = lam (a + 1 + s)/2. Once s >= a + 1 that point lies below s lam, where soft(y)
is 0 and costs y^2/2: equal at y = lam sqrt(s (a + 1)). The textbook's three pieces are right in the first case only.

Source: Fan, Li, "Variable selection via nonconcave penalized likelihood", J. Am. Stat. Assoc. 96 (2001) (step 1); the cases
of larger steps are derived here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.penalties.blocks import in_blocks
from minisgl.penalties.checks import require_nonnegative, require_positive, require_scale


@dataclass(frozen=True)
class SCAD:
    """Smoothly clipped absolute deviation, lam >= 0, a above 1 and at most 1e30. Separable, not convex, unbiased beyond a*lam.

    prox: 0 up to the threshold step * lam, then steeper than v until it meets v at a*lam; from step = a - 1 on it jumps to v,
    from a + 1 on at its threshold lam sqrt(step (a + 1)). ValueError if lam or a is out of range. Source: Fan, Li (2001).
    """

    name: ClassVar[str] = "scad"
    options: ClassVar[Mapping[str, float]] = {"a": 3.7}
    shrinks: ClassVar[bool] = False

    lam: float
    a: float = 3.7

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        require_scale("a", self.a, bound=1)

    def cost(self, w: Array) -> Array:
        """The three pieces above, entry by entry."""
        xp, lam, a = get_array_module(w), self.lam, self.a
        x = xp.minimum(xp.abs(w), a * lam)  # beyond a lam the middle piece's end value is the constant
        middle = (2 * a * lam * x - x * x - lam**2) / (2 * (a - 1))
        return xp.where(x <= lam, lam * x, middle)

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """step * lam, or lam sqrt(step (a + 1)) from step = a + 1 on."""
        return self.lam * (step if step < self.a + 1 else sqrt(step * (self.a + 1)))

    def step_for(self, threshold: float) -> float:
        """The inverse of threshold. ValueError if lam is 0."""
        require_positive("lam", self.lam)
        ratio = threshold / self.lam
        return ratio if ratio < self.a + 1 else ratio**2 / (self.a + 1)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        require_positive("step", step)
        xp, lam, a, t = get_array_module(v), self.lam, self.a, self.threshold(step)

        def pieces(block: Array) -> Array:
            y = xp.abs(block)
            soft = block - xp.clip(block, -step * lam, step * lam)
            middle = xp.clip(y - step / (a - 1 - step) * (a * lam - y), lam, a * lam)  # its ends, should rounding pass them
            return xp.where(y <= (1 + step) * lam, soft, xp.where(y <= a * lam, xp.copysign(middle, block), block))

        def soft_or_keep(block: Array) -> Array:
            soft = block - xp.clip(block, -step * lam, step * lam)
            return xp.where(xp.abs(block) <= lam * (a + 1 + step) / 2, soft, block)

        def hard(block: Array) -> Array:
            return xp.where(xp.abs(block) <= t, 0, block)

        return in_blocks(pieces if step < a - 1 else soft_or_keep if step < a + 1 else hard, v, out)
