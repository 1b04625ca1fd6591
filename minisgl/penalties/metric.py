"""Proxes in a diagonal metric d, such as Adam's d = sqrt(v_hat) + eps: each weight has its own step, step/d_i.

    prox(u) = argmin_x  step * value(x)  +  1/2 sum_i d_i (x_i - u_i)^2

**Group lasso.** One group, k = step * lam * sqrt(n_g). A minimiser x != 0 has k x_i/n + d_i (x_i - u_i) = 0 with n = ||x||, so

    x_i = n u_i/(n + a_i),   a_i = k/d_i,   and n is the root of   psi(n) = sum_i (u_i/(n + a_i))^2 = 1.

psi falls as n grows, so there is one root if psi(0) > 1, that is if sum (d_i u_i)^2 > k^2, and otherwise 0 is the minimiser:
-d u is then a subgradient of k ||x|| at 0. For one weight x = u - sign(u) k/d, and d = 1 gives block soft thresholding.

Newton's method solves h(n) = psi(n)^(-1/2) - 1 = 0. h rises, and it is concave if psi psi'' >= (3/2) psi'^2: with
s_i = (u_i/(n + a_i))^2, psi psi'' = 6 (sum s_i) (sum s_i/(n + a_i)^2) >= 6 (sum s_i/(n + a_i))^2 = (3/2) psi'^2, by the
Cauchy-Schwarz inequality. The tangent of a concave h lies above it, so from the left of the root no step passes the root.
n + a_i <= n + max a gives such a start: the root is at least ||u|| - max a.

**l0, l1, lp.** One weight, s = step/d_i, r(x) = lam |x|^p with p = 0 for l0 and p = 1 for l1. With x = c y and u = c z,

    s r(x) + (x - u)^2/2  =  c^2 [s c^(p-2) r(y) + (y - z)^2/2],      so   prox(u, s) = c prox(u/c, 1)   for   c = s^(1/(2-p)).

So the prox for one step serves a different step for every weight. The other penalties have a size of their own, such as
a (tl1) or theta (capped l1), which c would change from weight to weight.

**l1 and group lasso together.** As in sparse_group.py: z = prox of l1, then x = prox of group lasso at z. For a subgradient q
of k1 ||.||_1 at z, d (u - z) = q. x_i is z_i times a factor >= 0, so q is a subgradient at x too, and d (z - x) is one of
k ||.||_2 at x: their sum d (u - x) is one of both terms.
"""

from minisgl.backend import Array, get_array_module, to_host
from minisgl.penalties.base import Penalty
from minisgl.penalties.groups import Axes, root_size, within
from minisgl.penalties.l0 import L0
from minisgl.penalties.l1 import L1
from minisgl.penalties.lp import Lp

MOST_STEPS = 100  # far more than Newton's method needs; without a limit rounding could make it run on


def group_prox(u: Array, d: Array, step: float, lam: float, groups: Axes) -> Array:
    """Return the prox of lam * sum_g sqrt(n_g) ||x_g|| at u in the metric d, of u's shape and dtype, computed in float64.

    d > 0 has u's shape; step > 0, lam >= 0; groups as in groups.py. A group with a NaN in u or in d becomes NaN.
    """
    xp, inner = get_array_module(u), within(u, groups)
    k = step * lam * root_size(u, groups)
    v, metric = u.astype("float64"), d.astype("float64")
    a = k / metric

    def total(terms: Array) -> Array:
        return xp.sum(terms, axis=inner, keepdims=True)  # one number a group

    empty = total((metric * v) ** 2) <= k * k
    n = xp.maximum(xp.sqrt(total(v * v)) - xp.max(a, axis=inner, keepdims=True), 0)
    n = xp.where(empty, 1, n)
    for _ in range(MOST_STEPS):
        squares = (v / (n + a)) ** 2
        psi, slope = total(squares), total(squares / (n + a))  # slope = -psi'/2
        longer = xp.where(empty, n, n + psi * (xp.sqrt(psi) - 1) / xp.where(empty, 1, slope))
        if not to_host(xp.any(longer > n)):
            break
        n = xp.maximum(n, longer)
    return xp.where(empty, 0, v * n / (n + a)).astype(u.dtype)


def power(r: Penalty) -> float | None:
    """Return p if r is lam * sum |w_i|^p: 0 for l0, 1 for l1; else None."""
    match r:
        case L0():
            return 0.0
        case L1():
            return 1.0
        case Lp(p=p):
            return p
        case _:
            return None


def separable_prox(u: Array, d: Array, step: float, r: Penalty) -> Array:
    """Return r's prox at u in the metric d, of u's shape and dtype. l0 leaves the weights that it keeps as they are.

    d > 0 has u's shape and dtype; step > 0. NaN stays NaN. ValueError unless r is l0, l1 or lp.
    """
    xp, p = get_array_module(u), power(r)
    if p is None:
        raise ValueError(f"only l0, l1 and lp have a prox with a step for each weight, and this is {r}")
    c = (step / d) ** (1 / (2 - p))
    z = u / c
    y = r.prox(z, 1.0)
    return xp.where(y == 0, 0, u - c * (z - y)).astype(u.dtype)
