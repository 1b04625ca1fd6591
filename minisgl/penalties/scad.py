"""SCAD: like l1 near zero, then flatter and flatter, and constant from a*lam on: a large weight costs no more if it grows.

    one weight, x = |w|:   lam x                                        up to lam
                           (2 a lam x - x^2 - lam^2) / (2 (a - 1))      up to a lam            a > 1
                           lam^2 (a + 1)/2                              beyond

    prox, step s, y = |v|:
    s < a - 1        soft(y, s lam)                                     up to (1 + s) lam
                     ((a - 1) y - a s lam) / (a - 1 - s)                up to a lam
                     y                                                  beyond                 (continuous)
    s < a + 1        soft(y, s lam) up to lam (a + 1 + s)/2, then y                            (jumps there)
    s >= a + 1       0 up to lam sqrt(s (a + 1)), then y                                       (jumps there)

Derivation. Each of the three parts of s * value(x) + (x - y)^2/2 is a parabola. The first has its minimum at y - s lam, the
last at y; the middle one, of curvature 1 - s/(a - 1), has it at the formula above if the curvature is positive. For
s >= a - 1 the middle part is concave and has no minimum inside, so soft(y) must be compared with y. They cost
s lam y - s^2 lam^2/2 (for y >= s lam) and s lam^2 (a + 1)/2, equal at y = lam (a + 1 + s)/2. For s >= a + 1 that point is below
s lam, where soft(y) is 0 and costs y^2/2; the costs are then equal at y = lam sqrt(s (a + 1)). The usual formula with three
parts is right only for s < a - 1.

Source: Fan, Li, "Variable selection via nonconcave penalized likelihood", J. Am. Stat. Assoc. 96 (2001) (step 1); the cases
of larger steps are derived here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Formula
from minisgl.penalties.blocks import HARD, SOFT_OR_KEEP, in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, require_scale, scaled_by

THREE_PARTS = Formula(
    "scad",
    "T v, T t, T ratio, T lam, T soft_end, T end",
    "T x",
    """
    y = abs(v);
    soft = v - where(v < -t, -t, where(v > t, t, v));
    rising = y - ratio * (end - y);
    middle = where(rising < lam, lam, where(rising > end, end, rising));
    x = where(y <= soft_end, soft, where(y <= end, where(v < 0, -middle, middle), v));
    """,
)


@dataclass(frozen=True)
class SCAD:
    """Smoothly clipped absolute deviation, lam >= 0, a above 1 and at most 1e30. Separable, not convex, unbiased beyond a*lam.

    prox: soft thresholding at step * lam up to (1 + step) lam, then rising faster than v until it equals v at a*lam. If
    step >= a - 1 it jumps to v; if step >= a + 1 it jumps at its threshold, lam sqrt(step (a + 1)). ValueError if lam or a is
    out of range. Source: Fan, Li (2001).
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
        """The three cases above, entry by entry."""
        require_floats(w)
        xp, lam, a = get_array_module(w), self.lam, self.a
        x = xp.minimum(xp.abs(w), a * lam)  # beyond a lam the cost stays at the middle formula's end value
        middle = (2 * a * lam * x - x * x - lam**2) / (2 * (a - 1))
        return xp.where(x <= lam, lam * x, middle)

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """step * lam, or lam sqrt(step (a + 1)) if step >= a + 1."""
        return self.lam * (step if step < self.a + 1 else sqrt(step * (self.a + 1)))

    def step_for(self, threshold: float) -> float:
        """The inverse of threshold. ValueError if lam is 0."""
        require_positive("lam", self.lam)
        ratio = threshold / self.lam
        return ratio if ratio < self.a + 1 else ratio**2 / (self.a + 1)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        scaled = scaled_by(step, self.lam)
        xp, lam, a, t = get_array_module(v), self.lam, self.a, self.threshold(step)

        def three_parts(block: Array) -> Array:
            y = xp.abs(block)
            soft = block - xp.clip(block, -scaled, scaled)
            middle = xp.clip(y - step / (a - 1 - step) * (a * lam - y), lam, a * lam)  # rounding may pass the ends
            return xp.where(y <= (1 + step) * lam, soft, xp.where(y <= a * lam, xp.copysign(middle, block), block))

        def soft_or_keep(block: Array) -> Array:
            soft = block - xp.clip(block, -scaled, scaled)
            return xp.where(xp.abs(block) <= lam * (a + 1 + step) / 2, soft, block)

        def hard(block: Array) -> Array:
            return xp.where(xp.abs(block) <= t, 0, block)

        if step < a - 1:
            function, *kernel = three_parts, THREE_PARTS, scaled, step / (a - 1 - step), lam, (1 + step) * lam, a * lam
        elif step < a + 1:
            function, *kernel = soft_or_keep, SOFT_OR_KEEP, scaled, lam * (a + 1 + step) / 2
        else:
            function, *kernel = hard, HARD, t
        return in_blocks(function, v, out, t, scaled, a * lam, kernel=kernel)
