"""The lp penalty, 0 < p < 1: between l0 (p -> 0) and l1 (p -> 1).

    value(w) = lam * sum |w_i|^p

    prox, L = step * lam, y = |v|:  0 for y <= t, else sign(v) x, the larger root of   x + L p x^(p-1) = y
    t = (2 - p)/(2 (1 - p)) * (2 L (1 - p))^(1/(2-p)),      jumping to (2 L (1 - p))^(1/(2-p))

Derivation, x >= 0. x costs less than 0 does if L x^p + x^2/2 - x y < 0, that is if y > h(x) = x/2 + L x^(p-1). h is least
where 1/2 = L (1 - p) x^(p-2), at x0 = (2 L (1 - p))^(1/(2-p)), and there h = x0 (1/2 + 1/(2 (1-p))) = t. Above t the minimum is
a stationary point, which satisfies the equation above. Its left side is convex, so Newton's method started at x = y decreases
to the root; the slope 1 - L p (1-p) x^(p-2) is at least 1 - p/2 on the way. Nine steps are enough for every p: in float64 the
result is within 2e-15 |v| of the root. expm1 gives (x/y)^(p-1) - 1, so that little cancels for p near 1.

Two cases have closed forms. p = 1/2: with x = z^2 the equation is z^3 - y z + L/2 = 0, and the trigonometric solution gives
x = 2/3 y (1 + cos(2 pi/3 - 2/3 arccos(L/4 (y/3)^(-3/2)))). p = 2/3: with x = z^3, z^4 - y z + 2L/3 = 0, a quartic, solved by
splitting it into two quadratics: M = (2/sqrt 3)(2L)^(1/4) sqrt(cosh(arccosh(27 y^2/16 (2L)^(-3/2))/3)),
x = ((M + sqrt(2 y/M - M^2))/2)^3.

Sources: Xu, Chang, Xu, Zhang, IEEE Trans. Neural Netw. 23 (2012) (p = 1/2); Cao, Sun, Xu, J. Vis. Commun. Image Represent.
24 (2013) (p = 2/3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from typing import ClassVar

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.penalties.blocks import in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, scaled_by

NEWTON_STEPS = 9


@dataclass(frozen=True)
class Lp:
    """lam * sum |w|^p, lam >= 0, 0 < p < 1. Separable, not convex, unbiased in the limit of large weights.

    prox, L = step * lam: 0 up to the threshold (2-p)/(2 (1-p)) (2 L (1-p))^(1/(2-p)), where it jumps, then the larger root of
    x + L p x^(p-1) = |v|. ValueError if lam or p is out of range. Sources: Xu et al. (2012), Cao et al. (2013).
    """

    name: ClassVar[str] = "lp"
    options: ClassVar[Mapping[str, float]] = {"p": 0.5}
    shrinks: ClassVar[bool] = True

    lam: float
    p: float

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        if not 0 < self.p < 1:
            raise ValueError(f"p must be above 0 and below 1, but is {self.p}")

    def cost(self, w: Array) -> Array:
        """lam |w_i|^p, entry by entry."""
        require_floats(w)
        return self.lam * get_array_module(w).abs(w) ** self.p

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """t above."""
        p = self.p
        return (2 - p) / (2 * (1 - p)) * (2 * step * self.lam * (1 - p)) ** (1 / (2 - p))

    def step_for(self, threshold: float) -> float:
        """(threshold * 2 (1-p)/(2-p))^(2-p) / (2 (1-p) lam). ValueError if lam is 0."""
        require_positive("lam", self.lam)
        p = self.p
        return (threshold * 2 * (1 - p) / (2 - p)) ** (2 - p) / (2 * (1 - p)) / self.lam

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        scaled = scaled_by(step, self.lam)
        xp, p, t = get_array_module(v), self.p, self.threshold(step)
        if t == 0:  # lam = 0, or a step so small that t underflows
            return in_blocks(lambda block: block, v, out)

        def half_power(y: Array) -> Array:
            third = y / 3
            b = xp.arcsin(xp.minimum(scaled / 4 / third / xp.sqrt(third), 1)) / 3
            return y - y * (4 / 3 * xp.sin(b) * xp.sin(b + pi / 3))

        def two_thirds_power(y: Array) -> Array:
            unit = (2 * scaled) ** 0.75
            ratio = xp.minimum(y, 1e12 * unit) / unit  # beyond, x and y are equal to the last digit
            c = xp.maximum(27 / 16 * ratio**2, 1)
            phi = xp.log(c) + xp.log1p(xp.sqrt(1 - 1 / c / c))  # arccosh(c), without c^2, which some libraries let overflow
            M = 2 / 3**0.5 * xp.sqrt(xp.cosh(phi / 3))  # in units of (2 L)^(1/4)
            z = (M + xp.sqrt(xp.maximum(2 * ratio / M - M * M, 0))) / 2
            return y - 2 / 3 * scaled / (2 * scaled) ** 0.25 / z  # x = y - L p x^(p-1), which does not cancel

        smallest = (2 * scaled * (1 - p)) ** (1 / (2 - p))  # prox jumps to this size: no root is smaller

        def newton_steps(y: Array) -> Array:
            slope = scaled * p * xp.exp((p - 1) * xp.log(y))  # L p y^(p-1), at most about y at every scale
            x, shifted = y, y - slope
            for _ in range(NEWTON_STEPS):
                excess = slope * xp.expm1((p - 1) * xp.log(x / y))  # L p (x^(p-1) - y^(p-1))
                x = xp.maximum(x - (x + excess - shifted) / (1 - (1 - p) * (excess + slope) / x), smallest)
            return x

        root = half_power if p == 0.5 else two_thirds_power if p == 2 / 3 else newton_steps

        def shrink(block: Array) -> Array:
            y = xp.abs(block)
            # below t the root may not exist, and is not needed; an infinite entry stays
            x = root(xp.clip(y, t, np.finfo(y.dtype).max))
            return xp.where(y <= t, 0, xp.copysign(xp.where(xp.isinf(y), y, x), block))

        return in_blocks(shrink, v, out, t, scaled)
