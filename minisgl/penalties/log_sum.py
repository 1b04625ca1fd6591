"""Log-sum: the cost of a weight grows with the logarithm of its size, so doubling a large weight costs little.

    value(w) = lam * sum log(1 + |w_i|/eps),   eps > 0

    prox, L = step * lam, y = |v|:  0 for y <= t, else sign(v) q(y),   q = ((y - eps) + sqrt((y + eps)^2 - 4 L)) / 2
    L <= eps^2       t = L/eps                                                       (continuous)
    L > eps^2        t = min over x > 0 of x/2 + L log(1 + x/eps)/x                  (jumps there)

Derivation, x >= 0. A stationary point satisfies L/(eps + x) + x - y = 0, that is x^2 + (eps - y) x + L - eps y = 0, whose
larger root q is the minimum. Some x costs less than 0 does if L log(1 + x/eps) + x^2/2 - x y < 0, that is if y exceeds
h(x) = x/2 + L log(1 + x/eps)/x somewhere: t is the minimum of h. With u = x/eps and k = L/eps^2, h'(x) = 0 reads

    u^2/2 = k (log(1 + u) - u/(1 + u)),      which has a root u > 0 exactly when k > 1.

This gives k for any u, and then t = eps (u/2 + k log(1 + u)/u). Both k and t grow with u, so a bisection in u finds t for a
given step, or the step for a given t.

Source: Candes, Wakin, Boyd, "Enhancing sparsity by reweighted l1 minimization", J. Fourier Anal. Appl. 14 (2008) (the
penalty); the threshold is derived here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log1p, sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Formula
from minisgl.penalties.blocks import in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, require_scale, scaled_by


def _k(u: float) -> float:
    """The k for which prox jumps to eps * u; for small u a series, since the difference below would cancel."""
    if u < 1e-3:
        return 1 / (1 - 4 * u / 3 + 3 * u**2 / 2 - 8 * u**3 / 5)
    return u**2 / 2 / (log1p(u) - u / (1 + u))


def _t(u: float, k: float) -> float:
    """The threshold, in units of eps."""
    return u / 2 + k * log1p(u) / u


def _bisect(function: Callable[[float], float], target: float) -> float:
    """Return the u > 0 at which an increasing function reaches `target`, to the last digit."""
    low, high = 1e-12, 1.0
    while function(high) < target:
        high *= 2
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return high


SHRINK = Formula(
    "log_sum",
    "T v, T t, T scaled, T eps, T gap",
    "T x",
    """
    y = abs(v);
    y_plus_eps = y + eps;
    root = sqrt(where(y_plus_eps < gap, T(0), y_plus_eps - gap)) * sqrt(y_plus_eps + gap);
    larger = y - 2 * (scaled / (y_plus_eps + root));
    q = where(larger < 0, T(0), larger);
    x = where(y <= t, T(0), where(v < 0, -q, q));
    """,
)


@dataclass(frozen=True)
class LogSum:
    """lam * sum log(1 + |w|/eps), lam >= 0, eps from 1e-30 to 1e30. Separable, not convex, unbiased in the limit.

    prox, L = step * lam: 0 up to the threshold, then the larger root of a quadratic. The threshold is L/eps if L <= eps^2; for
    larger L it is found by bisection, and the prox jumps there. ValueError if lam or eps is out of range.
    Source: Candes (2008).
    """

    name: ClassVar[str] = "log-sum"
    options: ClassVar[Mapping[str, float]] = {"eps": 0.1}
    shrinks: ClassVar[bool] = True

    lam: float
    eps: float

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        require_scale("eps", self.eps)

    def cost(self, w: Array) -> Array:
        """lam log(1 + |w_i|/eps), entry by entry."""
        require_floats(w)
        xp = get_array_module(w)
        return self.lam * xp.log1p(xp.abs(w) / self.eps)

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """t above."""
        k = step * self.lam / self.eps / self.eps
        return self.eps * (k if k <= 1 else _t(_bisect(_k, k), k))

    def step_for(self, threshold: float) -> float:
        """The inverse of threshold. ValueError if lam is 0."""
        require_positive("lam", self.lam)
        k = threshold / self.eps
        if k > 1:
            u = _bisect(lambda u: _t(u, _k(u)), k)
            k = (k - u / 2) * u / log1p(u)
        return k * self.eps / self.lam * self.eps

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        scaled = scaled_by(step, self.lam)
        xp, eps, t = get_array_module(v), self.eps, self.threshold(step)
        gap = 2 * sqrt(scaled)

        def shrink(block: Array) -> Array:
            y = xp.abs(block)
            y_plus_eps = y + eps
            # sqrt((y + eps)^2 - 4 L), without the squares
            root = xp.sqrt(xp.maximum(y_plus_eps - gap, 0)) * xp.sqrt(y_plus_eps + gap)
            q = xp.maximum(y - 2 * (scaled / (y_plus_eps + root)), 0)  # q as above, without cancellation
            return xp.where(y <= t, 0, xp.copysign(q, block))

        return in_blocks(shrink, v, out, t, scaled, kernel=(SHRINK, t, scaled, eps, gap))
