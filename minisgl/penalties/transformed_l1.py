"""Transformed l1: steep like l1 near zero, flat like l0 for large weights; a is the size at which it changes.

    value(w) = lam * sum (a + 1)|w_i| / (a + |w_i|),   a > 0               a -> 0 gives l0, a -> infinity gives l1

    prox(v)_i, with L = step * lam, y = |v_i|:
        0 for y <= t, else sign(v_i) * (2/3 (a + y) cos(phi/3) - 2a/3 + y/3),   phi = arccos(1 - 27 L a (a+1) / (2 (a + y)^3))

        t = L (a + 1)/a                       if L <= a^2 / (2 (a + 1))      (continuous at t)
        t = sqrt(2 L (a + 1)) - a/2           otherwise                      (jumps at t, to sqrt(2 L (a + 1)) - a)

Derivation, one coordinate, x >= 0. The slope of the penalty is L a (a+1)/(a+x)^2, so a stationary point satisfies
(x - y)(a + x)^2 + L a (a + 1) = 0. With z = a + x and A = a + y that is the cubic z^3 - A z^2 + L a (a+1) = 0. Put
z = A/3 + (2A/3) cos(theta): the identity 4 cos^3 - 3 cos = cos(3 theta) gives cos(3 theta) = 1 - 27 L a (a+1)/(2 A^3).
The largest root, which is the minimum among the stationary points, has theta = arccos(...)/3: the formula above.
Threshold. x costs less than 0 does if (a+1) L x/(a+x) + x^2/2 - x y < 0, that is if y > x/2 + L (a+1)/(a+x). Over x >= 0 the
right side is least at (a + x)^2 = 2 L (a+1) if that has a root x > 0, where it is sqrt(2 L (a+1)) - a/2, and at x = 0
otherwise, where it is L (a+1)/a. The root is positive exactly when L > a^2/(2 (a+1)).

Numerically, cos(phi/3) = 1 - 2 sin^2(phi/6), and sin^2(phi/2) = (1 - cos phi)/2 = q = 27 L a (a+1)/(4 A^3), so phi/6 =
arcsin(sqrt q)/3 and the prox is y - 4/3 (a + y) sin^2(arcsin(sqrt q)/3): the same value, without cancellation for large a.

Source: Zhang, Xin, "Minimization of transformed l1 penalty: closed form representation and iterative thresholding algorithms",
Commun. Math. Sci. 15 (2017) 511.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Formula
from minisgl.penalties.blocks import in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, require_scale, scaled_by

SHRINK = Formula(
    "transformed_l1",
    "T v, T t, T a, T root_c, T largest, T ratio",
    "T x",
    """
    y = abs(v);
    A = where(y > largest, largest, y) + a;
    ratio_of_roots = root_c / A / sqrt(A);
    root_q = where(ratio_of_roots > 1, T(1), ratio_of_roots);
    s = sin(asin(root_q) / 3);
    root = y - ratio * A * s * s;
    x = where(y <= t, T(0), where(root < 0, T(0), where(v < 0, -root, root)));
    """,
)


@dataclass(frozen=True)
class TransformedL1:
    """lam * sum (a+1)|w|/(a+|w|), lam >= 0, a from 1e-30 to 1e30. Separable, not convex, unbiased in the limit.

    prox, L = step * lam: 0 up to the threshold, then the root of a cubic. The threshold is L (a+1)/a if L <= a^2/(2 (a+1)); for
    larger L it is sqrt(2 L (a+1)) - a/2, and the prox jumps there. ValueError if lam or a is out of range.
    Source: Zhang, Xin (2017).
    """

    name: ClassVar[str] = "tl1"
    options: ClassVar[Mapping[str, float]] = {"a": 1.0}
    shrinks: ClassVar[bool] = True

    lam: float
    a: float = 1.0

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        require_scale("a", self.a)

    def cost(self, w: Array) -> Array:
        """lam (a+1)|w_i|/(a+|w_i|), entry by entry."""
        require_floats(w)
        size = get_array_module(w).abs(w)
        return self.lam * (self.a + 1) * (size / (self.a + size))

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """t above, with L = step * lam."""
        scaled, a = step * self.lam, self.a
        if scaled <= a / (a + 1) * a / 2:
            return scaled * ((a + 1) / a)
        return sqrt(2 * scaled * (a + 1)) - a / 2

    def step_for(self, threshold: float) -> float:
        """threshold * a/((a+1) lam) up to a/2, then (threshold + a/2)^2/(2 (a+1) lam). ValueError if lam is 0."""
        require_positive("lam", self.lam)
        if threshold <= self.a / 2:
            return threshold * self.a / (self.a + 1) / self.lam
        return (threshold + self.a / 2) ** 2 / (2 * (self.a + 1)) / self.lam

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        scaled_by(step, self.lam)
        require_floats(v)
        xp, a, t = get_array_module(v), self.a, self.threshold(step)
        root_c = sqrt(27 * step * self.lam / 4) * sqrt(a) * sqrt(a + 1)

        def shrink(block: Array) -> Array:
            y = xp.abs(block)
            A = xp.minimum(y, np.finfo(y.dtype).max / 2) + a  # an infinite y stays infinite
            # (sqrt c / A) / sqrt A, not sqrt(c / A^3): A^3 leaves float32's range if a is very large or small
            root_q = xp.minimum(root_c / A / xp.sqrt(A), 1)
            s = xp.sin(xp.arcsin(root_q) / 3)
            x = y - (4 / 3) * A * s * s
            return xp.where(y <= t, 0, xp.copysign(xp.maximum(x, 0), block))

        kernel = SHRINK, t, a, root_c, float(np.finfo(v.dtype).max) / 2, 4 / 3
        return in_blocks(shrink, v, out, t, root_c, kernel=kernel)
