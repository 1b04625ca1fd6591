"""Group lasso's prox in a diagonal metric d, such as Adam's d = sqrt(v_hat) + eps: each weight has its own step, step/d_i.

    prox(u) = argmin_x  step * lam * sum_g sqrt(n_g) ||x_g||  +  1/2 sum_i d_i (x_i - u_i)^2

One group, k = step * lam * sqrt(n_g). A minimiser x != 0 has k x_i/n + d_i (x_i - u_i) = 0 with n = ||x||, so

    x_i = n u_i/(n + a_i),   a_i = k/d_i,   and n is the root of   psi(n) = sum_i (u_i/(n + a_i))^2 = 1.

psi falls as n grows, so there is one root if psi(0) > 1, that is if sum (d_i u_i)^2 > k^2, and otherwise 0 is the minimiser:
-d u is then a subgradient of k ||x|| at 0. For one weight x = u - sign(u) k/d, and d = 1 gives block soft thresholding.

Newton's method solves h(n) = psi(n)^(-1/2) - 1 = 0. h rises, and it is concave if psi psi'' >= (3/2) psi'^2: with
s_i = (u_i/(n + a_i))^2, psi psi'' = 6 (sum s_i) (sum s_i/(n + a_i)^2) >= 6 (sum s_i/(n + a_i))^2 = (3/2) psi'^2, by the
Cauchy-Schwarz inequality. The tangent of a concave h lies above it, so from the left of the root no step passes the root.
n + a_i <= n + max a gives such a start: the root is at least ||u|| - max a.
"""

from minisgl.backend import Array, get_array_module
from minisgl.penalties.groups import Axes, root_size, within

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
        if not bool(xp.any(longer > n)):
            break
        n = xp.maximum(n, longer)
    return xp.where(empty, 0, v * n / (n + a)).astype(u.dtype)
