# %% [markdown]
# # 7 l1 minus l2: four cases, not separable
#
# *Reading: 35 minutes. Exercises: an evening. Needs chapter [4](04_proximal_operator.ipynb).*
#
# The penalties so far look at one weight at a time: each weight pays its own price. But "sparse" is said of a whole vector: nearly all of its
# length is in few entries. The penalty of this chapter measures that,
#
# $$r(x) = \lVert x \rVert_1 - \alpha \lVert x \rVert_2, \qquad 0 \le \alpha \le 1,$$
#
# the l1 norm, with a rebate for length. A single entry is free: $\alpha = 1$ and one entry that is not 0 give $r = 0$.
#
# **Which $x$ is cheap and near $v$, when no entry can be decided by itself?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from drawings import chapter_07 as draw
from minisgl.course.show_code import show_code
from minisgl.penalties import L1, L1MinusL2

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# What two weights cost: white is cheap, and orange is free. Below, $\lVert x \rVert$ without a number is the l2 norm $\lVert x \rVert_2$.

# %%
draw.prices(alphas=(0, 0.5, 1))

# %% [markdown]
# The corners of l1 on the axes are what makes weights zero. With $\alpha$ they grow longer, and at $\alpha = 1$ the lines of equal cost
# run along the axes and never meet them: on the axes all is free. On the right, the rebate is the same for all $x$ of one length. So it does not change which of them
# is cheaper, but by which *factor*: between the axes and the diagonal, l1 rises from 1 to 1.41, and $\alpha = 1$ from 0 to 0.41.


# %%
def r(x, alpha):
    """||x||_1 - alpha ||x||_2 of vectors x (..., n): (...)."""
    return np.abs(x).sum(axis=-1) - alpha * np.sqrt((x**2).sum(axis=-1))


line = np.arange(-150, 151) / 100  # (301,), with an exact 0
plane = np.stack(np.meshgrid(line, line), axis=-1)  # (301, 301, 2)
wrong = np.sum((r(plane, 1) == 0) != (plane == 0).any(axis=-1))
assert wrong == 0, f"for alpha = 1 all should be free on the axes, and nothing elsewhere; not so at {wrong} points"
for alpha, wanted in ((0, [1, np.sqrt(2)]), (1, [0, np.sqrt(2) - 1])):
    found = r(np.array([[1, 0], [np.sqrt(0.5), np.sqrt(0.5)]]), alpha)  # (2,)
    np.testing.assert_allclose(found, wanted, atol=1e-12, err_msg=f"alpha = {alpha}: the costs on an axis and on the diagonal")

# %% [markdown]
# ## Why this measures sparsity
#
# Let $x$ of shape $(n,)$ have $k \ge 1$ entries that are not 0.
#
# - *It scales.* $r(cx) = c\,r(x)$ for $c \ge 0$: both norms do. So look at one length only.
# - *From below.* Multiply out: $\lVert x \rVert_1^2 = \sum_i x_i^2 + \sum_{i \ne j} |x_i| |x_j| \ge \lVert x \rVert^2$. So $\lVert x \rVert_1 \ge \lVert x \rVert$, and they are equal
#   exactly when all products $|x_i| |x_j|$ are 0: when $k = 1$.
# - *From above.* Let $s$ have the $k$ signs of $x$, and 0 elsewhere: $\lVert s \rVert = \sqrt k$. By Cauchy and Schwarz $\lVert x \rVert_1 = \sum_i s_i x_i \le \sqrt k\,\lVert x \rVert$, equal
#   when all $k$ have the same size. (Their inequality: $0 \le \big\lVert \frac{a}{\lVert a \rVert} - \frac{b}{\lVert b \rVert} \big\rVert^2 = 2 - 2\,\frac{a \cdot b}{\lVert a \rVert \lVert b \rVert}$, so $a \cdot b \le \lVert a \rVert \lVert b \rVert$, equal when $a$ and $b$ point the same way.)
#
# $$(1 - \alpha)\,\lVert x \rVert \;\le\; r(x) \;\le\; (\sqrt k - \alpha)\,\lVert x \rVert$$
#
# It is never negative. At $\alpha = 1$ it is 0 for the vectors with a single entry, and for 0, and for no others. And it is not convex: halfway between two
# free points, $(1, 0)$ and $(0, 1)$, it costs $1 - \sqrt{1/2} = 0.29$.


# %%
rng = np.random.default_rng(0)
for k in (1, 2, 4, 9, 100):
    x = np.zeros((1000, 100))  # 1,000 vectors with k entries that are not 0
    x[:, :k] = rng.normal(size=(1000, k))
    x /= np.linalg.norm(x, axis=1, keepdims=True)  # of length 1
    equal = np.repeat([1.0, 0.0], [k, 100 - k]) / np.sqrt(k)  # (100,), of length 1
    print(f"length 1, alpha = 1, {k:3d} entries: {r(equal, 1.0):.2f} if equal, {r(x, 1.0).mean():.2f} on average if random")
    for alpha in (0, 0.5, 1):
        costs, low, high = r(x, alpha), 1 - alpha, np.sqrt(k) - alpha  # (1000,)
        said = f"k = {k}, alpha = {alpha}: r should be {low:.3f} to {high:.3f}, and is {costs.min():.3f} to {costs.max():.3f}"
        assert low - 1e-12 < costs.min(), said
        assert costs.max() < high + 1e-12, said
        np.testing.assert_allclose(r(equal, alpha), high, atol=1e-12, err_msg=f"{k} equal entries should cost the most")
np.testing.assert_allclose(r(np.array([0.5, 0.5]), 1), 1 - np.sqrt(0.5), err_msg="the cost halfway between two free points")
a, b, norm = *rng.normal(size=(2, 6)), np.linalg.norm  # each (6,)
np.testing.assert_allclose(r(2.5 * a, 0.7), 2.5 * r(a, 0.7), err_msg="2.5 x should cost 2.5 times as much as x")
mixed = np.abs(np.outer(a, a))[~np.eye(6, dtype=bool)].sum()  # all |a_i| |a_j| with i != j
np.testing.assert_allclose(np.abs(a).sum() ** 2, a @ a + mixed, err_msg="the square of the l1 norm, multiplied out")
square = np.sum((a / norm(a) - b / norm(b)) ** 2)
np.testing.assert_allclose(square, 2 - 2 * a @ b / (norm(a) * norm(b)), err_msg="the square in Cauchy and Schwarz")

# %% [markdown]
# ## By hand
#
# The prox looks for the least of $F(x) = \lambda\,r(x) + \tfrac12 \lVert x - v \rVert^2$. Take $v = (4, 5, 1)$, $\lambda = 1$, $\alpha = 1$.
#
# | | $\lVert x \rVert_1$ | $\lVert x \rVert$ | price $\lVert x \rVert_1 - \lVert x \rVert$ | distance $\lVert x - v \rVert^2/2$ | together |
# |---|---|---|---|---|---|
# | $v$ itself | 10 | 6.481 | 3.519 | 0 | 3.519 |
# | one alone: $(0, 5, 0)$ | 5 | 5 | 0 | 8.5 | 8.5 |
# | soft threshold: $(3, 4, 0)$ | 7 | 5 | 2 | 1.5 | 3.5 |
# | the same, longer: $(3.6, 4.8, 0)$ | 8.4 | 6 | 2.4 | 0.6 | **3** |
# | and longer still: $(4.2, 5.6, 0)$ | 9.8 | 7 | 2.8 | 0.7 | 3.5 |
#
# The soft threshold points the right way, and is too short. Its length is 5; with 1 more it is best.


# %%
def cost(x, v, lam, alpha):
    """What x costs as a whole: lam r(x) + ||x - v||^2 / 2, for x and v (..., n): (...)."""
    return lam * r(x, alpha) + ((x - v) ** 2).sum(axis=-1) / 2


v = np.array([4.0, 5, 1])
x = np.array([v, [0, 5, 0], [3, 4, 0], [3.6, 4.8, 0], [4.2, 5.6, 0]])  # (5, 3)
columns = [r(x, 0), norm(x, axis=1), r(x, 1), ((x - v) ** 2).sum(axis=1) / 2, cost(x, v, 1, 1)]  # (5,) each
best = L1MinusL2(1.0).prox(v, step=1.0)  # (3,)
print(columns[-1].round(3), "minisgl's prox:", best)
by_hand = [
    [10, 5, 7, 8.4, 9.8],
    [6.481, 5, 5, 6, 7],
    [3.519, 0, 2, 2.4, 2.8],
    [0, 8.5, 1.5, 0.6, 0.7],
    [3.519, 8.5, 3.5, 3, 3.5],
]
np.testing.assert_allclose(columns, by_hand, atol=0.0005, err_msg="the columns of the table")
np.testing.assert_allclose(best, [3.6, 4.8, 0], err_msg="the best x of the table should be the prox")

# %% [markdown]
# ## A weight and its neighbour
#
# For a *separable* penalty, the sum of one price for each entry, $x_1$ depends on $v_1$ alone. Here it does not. We hold $v_1$, move
# its neighbour $v_2$, and look at what becomes of the first. The price is that of $\lambda = 1$, $\alpha = 1$.

# %%
lam, p = 1.0, L1MinusL2(1.0)
v2 = np.linspace(0, 4, 801)  # (801,)
left = {v1: np.array([p.prox(np.array([v1, other]), lam)[0] for other in v2]) for v1 in (0.9, 1.5)}  # x_1, (801,) each
panels = {v1: (x1, L1(1.0).prox(np.array([v1]), lam)[0], min(v1, lam)) for v1, x1 in left.items()}
draw.neighbour(v2, panels)
for pair in ([0.9, 0.5], [0.9, 1.0], [1.5, 0.5], [1.5, 1.5], [1.5, 3.0]):
    print(f"v = {pair}:   x = {p.prox(np.array(pair), 1.0).round(3)}")

# %% [markdown]
# On the left only one of the two can stand, and it is the larger: at $v_2 = 0.9$ the first gives way, in a jump. On the right the first
# keeps all of its 1.5 while its neighbour is small, and loses more and more as it grows. Why, and why at 0.9 and at 1?

# %%
small, large = left.values()  # (801,) each
before, after = small[v2 < 0.9], small[v2 > 0.9]
assert before.min() > 0.5, f"the text says that 0.9 stands while its neighbour is smaller; here only {before.min():.2f} is left"
assert after.max() == 0, f"the text says that 0.9 gives way to a larger neighbour; here up to {after.max():.2f} is left"
keeps = large[v2 < 1]
np.testing.assert_allclose(keeps, 1.5, err_msg="the text says that 1.5 keeps its size while its neighbour is below 1")
rise = np.diff(large[v2 >= 1]).max()
assert rise < 0, f"the text says that 1.5 loses more and more from 1 on; here it changes by {rise:+.2g} somewhere"

# %% [markdown]
# ## The derivation
#
# $v$ and $x$ have the shape $(n,)$, $\lambda > 0$, and $m = \max_i |v_i|$ is the largest size. There is a least value: $F$ is continuous, and far out the distance makes it
# large. (The formula is Lou and Yan's, of 2018.)
#
# **Step 1: signs and order.** *The signs of $x$ are those of $v$.* If $x_i v_i < 0$, turn the sign of $x_i$: neither norm changes, and the distance shrinks by
# $\tfrac12 (x_i - v_i)^2 - \tfrac12 (-x_i - v_i)^2 = -2 x_i v_i > 0$. *The order is kept.* If $|v_i| > |v_j|$ but $|x_i| < |x_j|$, exchange the two sizes:
# neither norm changes, and the cost shrinks by $(|v_i| - |v_j|)(|x_j| - |x_i|) > 0$ (multiply out the four squares: only the mixed products differ).
#
# So turn the signs of $x$ and $v$ together until **$v \ge 0$ and $x \ge 0$**, and turn them back at the end. (Where $v_i = 0$ both signs of $x_i$ cost the same: take $+$.)
#
# **Check** of both differences, with random vectors.


# %%
rng = np.random.default_rng(1)
for _ in range(1000):
    v, x = rng.normal(size=(2, 6))  # each (6,)
    lam, alpha = rng.uniform(size=2)
    turned = x * np.array([-1, 1, 1, 1, 1, 1])
    gain = cost(x, v, lam, alpha) - cost(turned, v, lam, alpha)
    np.testing.assert_allclose(gain, -2 * x[0] * v[0], atol=1e-12, err_msg="what it gains to turn the sign of x_0")
    v, x = np.abs(v), np.abs(x)
    exchanged = x[[1, 0, 2, 3, 4, 5]]
    gain, said = cost(x, v, lam, alpha) - cost(exchanged, v, lam, alpha), "what it gains to exchange two sizes"
    np.testing.assert_allclose(gain, (v[0] - v[1]) * (x[1] - x[0]), atol=1e-12, err_msg=said)
print("both differences are right 1,000 times")

# %% [markdown]
# **Step 2: the direction.** Write $\rho = \lVert x \rVert$. With $x \ge 0$ the l1 norm is $\sum_i x_i$. Multiply out the square, and collect:
#
# $$F(x) = \lambda \sum_i x_i - \alpha \lambda \rho + \tfrac12 \rho^2 - \sum_i v_i x_i + \tfrac12 \lVert v \rVert^2 \;=\; \tfrac12 \lVert v \rVert^2 + \tfrac12 \rho^2 - \alpha\lambda\rho - \sum_i (v_i - \lambda)\, x_i$$
#
# Of all $x \ge 0$ of the length $\rho$, the best has the largest sum $\sum_i (v_i - \lambda)\, x_i$: only this depends on the direction.
#
# *If $m > \lambda$*, some $v_i - \lambda$ is positive. Let $z_i = \max(v_i - \lambda, 0)$, the soft threshold of $v$. Then
#
# $$\sum_i (v_i - \lambda)\,x_i \;\le\; \sum_i z_i x_i \;\le\; \lVert z \rVert\,\rho$$
#
# The first because $x_i \ge 0$; equal if $x_i = 0$ wherever $v_i < \lambda$. The second is Cauchy and Schwarz; equal only if $x$ points along $z$. This $x$
# meets both: **$x = \rho\, z / \lVert z \rVert$**.
#
# *If $m \le \lambda$*, no $v_i - \lambda$ is positive: every unit of $x$ costs, at the largest $v_i$ the least. And $\sum_i x_i = \lVert x \rVert_1 \ge \rho$. So, since multiplying by $m - \lambda \le 0$ turns the inequality round,
#
# $$\sum_i (v_i - \lambda)\,x_i \;\le\; (m - \lambda) \sum_i x_i \;\le\; (m - \lambda)\,\rho$$
#
# The first is equal if $x_i = 0$ wherever $v_i < m$. The second is equal if only one entry is not 0: then $\lVert x \rVert_1 = \rho$. This $x$ meets both:
# **all of the length in one entry, at the largest $v_i$**. If several are the largest, any of them will do. (For $m < \lambda$ there is no other: two entries would
# have $\lVert x \rVert_1 > \rho$. For $m = \lambda$ the right side is $0 \cdot \rho$, and the largest may also share the length.)
#
# **Check**, with $\lambda = 1$: of 9,001 directions in the quadrant, which is best at a given length?

# %%
degrees = np.linspace(0, 90, 9001)  # (9001,)
directions = np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=-1)  # (9001, 2)
for v, wanted in (
    ([1.3, 1.4], np.degrees(np.arctan2(0.4, 0.3))),  # m > lam: along z = (0.3, 0.4)
    ([1.3, 0.7], 0),  # m > lam, z = (0.3, 0)
    ([0.7, 0.8], 90),  # m < lam: in the larger entry
    ([0.2, 0.1], 0),
):
    for rho in (0.1, 1, 3):
        for alpha in (0, 0.6, 1):
            best = degrees[cost(rho * directions, np.array(v), 1, alpha).argmin()]
            said = f"v = {v}, length {rho}, alpha = {alpha}: best at {best:.2f} degrees, and should be at {wanted:.2f}"
            assert abs(best - wanted) < 0.011, said
    print(f"v = {v}: at every length the best direction is at {wanted:.1f} degrees")
for lam in (0.5, 5.0):  # m > lam, and m < lam
    v, x = np.abs(np.random.default_rng(7).normal(size=(2, 6)))  # each (6,)
    m, z, rho = v.max(), np.maximum(v - lam, 0), norm(x)
    collected = (v @ v + rho**2) / 2 - 0.7 * lam * rho - (v - lam) @ x
    np.testing.assert_allclose(cost(x, v, lam, 0.7), collected, err_msg=f"F, multiplied out and collected, for lam = {lam}")
    chain = [(v - lam) @ x, *([z @ x, norm(z) * rho] if m > lam else [(m - lam) * x.sum(), (m - lam) * rho])]
    assert chain == sorted(chain), f"lam = {lam}: the three sums should rise, and they are {np.round(chain, 3)}"
    best = rho * (z / norm(z) if m > lam else v == m)  # (6,)
    np.testing.assert_allclose((v - lam) @ best, chain[-1], err_msg=f"lam = {lam}: the best x should meet both bounds")

# %% [markdown]
# **Step 3: the length.** Put the largest sum in. In both cases, what is left is a parabola in $\rho \ge 0$:
#
# $$F = \tfrac12 \lVert v \rVert^2 + \tfrac12 \rho^2 - c\,\rho, \qquad c = \begin{cases} \lVert z \rVert + \alpha\lambda & \text{if } m > \lambda \\ m - (1 - \alpha)\,\lambda & \text{if } m \le \lambda \end{cases}$$
#
# Its slope $\rho - c$ is zero at $\rho = c$. If $c > 0$, that is the best length. If $c \le 0$, the parabola rises from the start: the best is $\rho = 0$. With the
# signs of $v$ put back there are **four cases**, from large to small:
#
# $$\boxed{\;\begin{array}{lll} \text{1} & m > \lambda & x = z\,\dfrac{\lVert z \rVert + \alpha\lambda}{\lVert z \rVert}, \quad z_i = \operatorname{sign}(v_i) \max(|v_i| - \lambda, 0) \\[1.2ex]
# \text{2} & m = \lambda & x_i = \operatorname{sign}(v_i)\,\alpha\lambda \text{ at one } i \text{ with } |v_i| = m, \text{ else 0; or shared, see below} \\[0.6ex]
# \text{3} & (1 - \alpha)\lambda < m < \lambda & x_i = \operatorname{sign}(v_i)\,\big(m - (1 - \alpha)\lambda\big) \text{ at one } i \text{ with } |v_i| = m, \text{ else 0} \\[0.6ex]
# \text{4} & m \le (1 - \alpha)\lambda & x = 0 \end{array}\;}$$
#
# Case 2 is 3 with $m = \lambda$, so a program needs three. But only in case 2 may the largest entries share: *every* $x$ of length $\alpha\lambda$ that has $v$'s signs at the
# largest entries, and zeros elsewhere, costs the same. And the least cost, in all cases, is the parabola at $\rho = c$, or at 0:
#
# $$F = \tfrac12 \lVert v \rVert^2 - \tfrac12 \lVert x \rVert^2$$
#
# **Check** of all cases and of the least cost, against 361,201 candidates in the plane. `step=1.0` in minisgl's prox is this $F$. It returns one $x$ at a tie; we
# compare costs, which are the same at all of them.

# %%
line = np.arange(-300, 301) / 100  # (601,), with an exact 0
plane = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)  # (601, 601, 2)


def best_on_grid(v, lam, alpha):
    """The least cost of all x on the grid, and where: a number and (2,)."""
    costs = cost(plane, v, lam, alpha)  # (601, 601)
    return costs.min(), plane[np.unravel_index(costs.argmin(), costs.shape)]


def case_of(v, lam, alpha):
    """1 to 4, for vectors v (..., n): (...)."""
    m = np.abs(v).max(axis=-1)
    return np.select([m > lam, m == lam, m > (1 - alpha) * lam], [1, 2, 3], 4)


rng = np.random.default_rng(2)
tried = dict.fromkeys((1, 2, 3, 4), 0)
for lam, alpha in ((1.0, 1), (1.0, 0.6), (1.0, 0), (0.5, 0.3), (1.75, 0.8)):
    special = np.array([[lam, 0.3], [-lam, lam], [0.4, -0.4], [0, 0]])  # (4, 2)
    for v in [*rng.uniform(-2, 2, size=(20, 2)), *special]:
        x = L1MinusL2(lam, alpha).prox(v, step=1.0)
        case = int(case_of(v, lam, alpha))
        tried[case] += 1
        (least, where), of_x = best_on_grid(v, lam, alpha), cost(x, v, lam, alpha)
        of = f"lam = {lam}, alpha = {alpha}, v = {v}, case {case}: "
        z, one = L1(lam).prox(v, step=1.0), np.where(v < 0, -1, 1) * (np.arange(2) == np.abs(v).argmax())  # (2,) each
        u, c = (z / norm(z), norm(z) + alpha * lam) if case == 1 else (one, np.abs(v).max() - (1 - alpha) * lam)
        np.testing.assert_allclose(cost(2 * u, v, lam, alpha), v @ v / 2 + 2 - 2 * c, err_msg=of + "the parabola at rho = 2")
        np.testing.assert_allclose(x, max(c, 0) * u, atol=1e-12, err_msg=of + "the box")
        assert -1e-12 < least - of_x < 1e-4, of + f"it should cost what the best candidate does, {least:.5f}, not {of_x:.5f}"
        np.testing.assert_allclose(of_x, (v @ v - x @ x) / 2, atol=1e-12, err_msg=of + "the least cost")
        if case > 2 and abs(v[0]) != abs(v[1]):  # then the best x is one, and the grid finds it
            assert np.abs(where - x).max() <= 0.01, of + f"the prox should be the best candidate, {where}, and is {x}"
print("values of v tried in case 1, 2, 3, 4:", *tried.values())

# %% [markdown]
# ## The four cases, seen from above
#
# The cost of $x = (x_1, x_2)$ for five $v$ (grey cross), with $\lambda = 1$, $\alpha = 0.6$: white is low. Orange: the best $x$. The dotted circle has the radius $\alpha\lambda$.

# %%
lam, alpha = 1.0, 0.6
some_v = {
    "1: along z, longer": [1.7, 1.3],
    "2: a whole arc": [1.0, 1.0],
    "3: the larger alone": [0.85, 0.6],
    "3, a tie: either": [0.85, 0.85],
    "4: zero": [0.3, 0.2],
}
draw.four_cases(some_v, lam, alpha, case_of)

# %%
cases = [int(case_of(v, lam, alpha)) for v in some_v.values()]
assert cases == [1, 2, 3, 3, 4], f"the five v are said to be in the cases 1, 2, 3, 3, 4; here they are in {cases}"
angle = np.linspace(0, np.pi / 2, 361)  # (361,)
arc = alpha * lam * np.stack([np.cos(angle), np.sin(angle)], axis=-1)  # (361, 2)
spread = np.ptp(cost(arc, np.array(some_v["2: a whole arc"]), lam, alpha))
assert spread < 1e-12, f"the text says that all of the arc costs the same; here the costs differ by {spread:.2g}"
v = np.array(some_v["3, a tie: either"])
alone = v[0] - (1 - alpha) * lam
either, least = cost(np.array([[alone, 0], [0, alone]]), v, lam, alpha), best_on_grid(v, lam, alpha)[0]
assert either[0] == either[1] < least + 1e-12, f"at the tie either should be best, {least:.4f}; here they cost {either}"

# %% [markdown]
# Now let $v$ be anywhere in the plane. Left: its case. Middle: where $v$ goes. Right: all the places that are reached.

# %%
many = np.random.default_rng(3).uniform(-2, 2, size=(6000, 2))  # (6000, 2)
p = L1MinusL2(lam, alpha)
reached = np.array([p.prox(v, 1.0) for v in many])  # (6000, 2)
draw.where_v_goes(many, reached, lam, alpha, case_of)
for pair in ([0.81, 0.79], [0.79, 0.81], [1.41, 1.39], [1.39, 1.41]):
    print(f"v = {pair}:   x = {p.prox(np.array(pair), 1.0).round(3)}")

# %% [markdown]
# No $x$ lies inside the circle of radius $\alpha\lambda$, but on the axes: in case 1 the length is *more* than $\alpha\lambda$, in case 3 there is one entry. And the prox jumps: two
# neighbours $v$ on both sides of the orange square's diagonal go to different axes. Further out, neighbours stay neighbours. With a running kernel, move $v$,
# $\lambda$ and $\alpha$.

# %%
inside = np.linalg.norm(reached, axis=1) <= alpha * lam
off_axes = np.sum((reached[inside] != 0).all(axis=1))
print(f"{inside.sum():,} of {len(many):,} end inside the circle")
assert off_axes == 0, f"inside the circle only the axes should be reached; {off_axes} of {inside.sum()} are elsewhere"
for at, jump in ((0.8, True), (1.4, False)):
    leap = norm(p.prox(np.array([at + 1e-6, at]), 1.0) - p.prox(np.array([at, at + 1e-6]), 1.0))
    assert (leap > 0.1) == jump, f"it should jump at the diagonal of the square alone; at {at} it moves by {leap:.2g}"


# %%
def two_panels(v1, v2, lam, alpha):
    draw.cost_and_case(np.array([v1, v2]), lam, alpha, case_of)


_ = interact(
    two_panels,
    v1=FloatSlider(value=0.8, min=-0.5, max=1.9, step=0.1),
    v2=FloatSlider(value=0.5, min=-0.5, max=1.9, step=0.1),
    lam=FloatSlider(value=1.0, min=0.1, max=1.5, step=0.1),
    alpha=FloatSlider(value=0.6, min=0, max=1, step=0.1),
)

# %% [markdown]
# ## Where the rebate goes
#
# At the best $x$, take an entry that is not 0. There $F$ has a slope in $x_i$, and it must be 0:
#
# $$x_i - v_i + \lambda \Big( \operatorname{sign}(x_i) - \alpha\,\frac{x_i}{\lVert x \rVert} \Big) = 0 \quad\Longleftrightarrow\quad x_i = v_i - \lambda \operatorname{sign}(x_i) + \alpha\lambda\,\frac{x_i}{\lVert x \rVert}$$
#
# From $v_i$, l1 takes $\lambda$, as in chapter 4. Then $\alpha\lambda\,x/\lVert x \rVert$ is given back: a vector of length $\alpha\lambda$, *one sum for all*, shared in proportion to
# what is left. A weight that stands alone gets all of it, and loses $(1 - \alpha)\lambda$: the 1.5 with a small neighbour, above, kept its size. From $v_2 = \lambda = 1$ on the neighbour
# stays too, and takes its share; and 0.9, below $\lambda$, stays only as the largest. Of $k$ equal weights each gets $\alpha\lambda/\sqrt k$. No entry ever grows, because
# $\alpha |x_i| / \lVert x \rVert \le 1$: what is given back is at most what was taken.
#
# In a layer with hundreds of thousands of weights little is left for each. **Check**, with $\alpha = 1$ and a threshold that keeps 10 % of $n$ random weights:

# %%
for n in (10, 100, 10_000, 400_000):
    v = np.random.default_rng(4).normal(size=n)  # (n,)
    lam = np.quantile(np.abs(v), 0.9)
    x, z = L1MinusL2(lam).prox(v, step=1.0), L1(lam).prox(v, step=1.0)
    kept = x != 0
    lost, lost_l1 = np.abs(v - x)[kept].mean() / lam, np.abs(v - z)[kept].mean() / lam
    print(f"{n:7,} weights, {kept.sum():6,} kept: each loses {lost:.3f} lam on average; {lost_l1:.3f} lam with l1")
    grown = np.max(np.abs(x) - np.abs(v))
    assert grown < 1e-12, f"n = {n}: the text says that no entry grows; here one grows by {grown:.2g}"
    np.testing.assert_array_equal(kept, z != 0, err_msg=f"n = {n}: l1 should make the same zeros")
lam, alpha = 0.8, 0.3
for v in (np.array([2.0, -1.4, 0.3]), np.array([1.5, 0.2]), np.full(9, 2.0)):
    x = L1MinusL2(lam, alpha).prox(v, step=1.0)  # (n,)
    given_back = (v - lam * np.sign(x) + alpha * lam * x / norm(x)) * (x != 0)  # (n,)
    np.testing.assert_allclose(x, given_back, err_msg=f"v = {v}: what is kept should get alpha lam x/||x|| back")
    if len(v) != 3:
        lost = lam - alpha * lam / np.sqrt(np.sum(x != 0))
        np.testing.assert_allclose(v[0] - x[0], lost, err_msg="of k equal weights each should get alpha lam/sqrt(k) back")

# %% [markdown]
# So over a whole layer l1 - l2 is nearly l1: the same zeros, and almost the same weights. It differs where few weights are left.
#
# ## The step, and the code
#
# With a step $s$ write $s\lambda$ for $\lambda$, everywhere. The step $\tau/\lambda$ gives the threshold $\tau$, as for l1: below it all is dropped as long as one weight is above. This is what
# minisgl runs, printed from the package itself. `scaled` is $s\lambda$.

# %%
show_code(L1MinusL2.value, L1MinusL2.step_for, L1MinusL2.prox)

# %% [markdown]
# What looks different from the box:
#
# - **One norm for the whole array.** `v` may have any shape, such as $(50, 20, 5, 5)$. `reshape(-1)` looks at it as one vector.
# - **The largest $|v_i|$** is the largest $v_i$, or the smallest. So no array of sizes is needed. At a tie the *first* of them stays.
# - **No `if`.** All cases are computed, and `xp.where` takes the right one: on a GPU an `if` would have to wait for the number $m$. If
#   $m \le s\lambda$, $z$ is 0 everywhere, and one entry is written into it: `alone`, which is 0 in case 4.
# - **The length in float64.** The square of a float32 below about $10^{-23}$ is 0, and $z/\lVert z \rVert$ would be a division by zero.

# %%
small = np.array([3e-25, 4e-25], dtype=np.float32)
assert np.sqrt(np.sum(small * small)) == 0, "in float32 the length of this vector should be rounded to 0"
assert np.float32(2e-23) ** 2 == 0 < np.float32(4e-23) ** 2, "the squares should begin to be 0 between 4e-23 and 2e-23"
of_small, of_large = L1MinusL2(1e-25).prox(small, step=1.0), L1MinusL2(1.0).prox(small / np.float32(1e-25), 1.0)  # (2,) each
np.testing.assert_allclose(of_small, of_large * 1e-25, rtol=1e-5, err_msg="tiny numbers should be treated as large ones are")
v = np.random.default_rng(5).normal(size=(4, 3, 5, 5)).astype(np.float32)  # a small convolution's weights
for lam, alpha in ((0.5, 1.0), (10.0, 1.0), (10.0, 0.8), (10.0, 0.1)):
    x, case = L1MinusL2(lam, alpha).prox(v, step=1.0), case_of(v.ravel(), lam, alpha)
    print(f"lam = {lam:4}, alpha = {alpha}: case {case}, {np.count_nonzero(x):3} of {x.size} kept, {x.dtype}")
    as_vector = L1MinusL2(lam, alpha).prox(v.ravel(), step=1.0)  # (300,)
    np.testing.assert_array_equal(x.ravel(), as_vector, err_msg="an array of any shape should be treated as one vector")
tie, p = L1MinusL2(1.0).prox(np.array([0.2, -0.7, 0.7]), step=1.0), L1MinusL2(0.3, 0.8)
print("a tie:", tie)
np.testing.assert_allclose(tie, [0, -0.7, 0], err_msg="at a tie the first of the largest should stay")
as_scaled = L1MinusL2(2.5 * 0.3, 0.8).prox(v, step=1.0)
np.testing.assert_allclose(p.prox(v, step=2.5), as_scaled, rtol=1e-6, err_msg="the step 2.5 should be 2.5 lam for lam")
x = p.prox(v, p.step_for(0.6))
np.testing.assert_array_equal(x != 0, np.abs(v) > 0.6, err_msg="with the step tau/lam = 2 all up to tau = 0.6 should go")

# %% [markdown]
# ## An experiment: with fewer outputs
#
# 30 weights, of which only 2 are not 0, and $M$ outputs $b = A\,w_{\text{true}}$ without noise: $A : (M, 30)$, $b : (M,)$. With $M < 30$ infinitely many $w$ fit exactly.
# Is $w_{\text{true}}$ the one with the least penalty, and is it found? We make proximal gradient steps ([chapter 4](04_proximal_operator.ipynb)) with a $\lambda$ that shrinks to 0.001,
# from $w = 0$. For l1 - l2, which is not convex, we also take the best of 5 starts: the one that ends with the least loss plus penalty, since the truth is not known. Each step
# sets out from a point a little ahead, where the last one was going (momentum). A problem is solved when the error is below 2 % of the length of $w_{\text{true}}$.

# %%
l1, l1_l2 = L1(1.0), L1MinusL2(1.0)
lams = np.geomspace(0.3, 0.001, 150)  # (150,)


def descend(A, b, penalty, w):
    """150 proximal gradient steps on ||A w - b||^2 / 2 + lam r(w), from w: (30,) -> (30,)."""
    lr = 1 / np.linalg.norm(A, 2) ** 2
    before = w
    for i, lam in enumerate(lams):
        ahead = w + i / (i + 3) * (w - before)
        before, w = w, penalty.prox(ahead - lr * (A.T @ (A @ ahead - b)), step=lr * lam)
    return w


outputs, trials = np.array([4, 6, 8, 10, 12]), 20
runs = {"l1": l1, "l1 - l2, from 0": l1_l2, "l1 - l2, best of 5": l1_l2}
found = {name: np.zeros(len(outputs)) for name in runs}
wrong_question = dict.fromkeys(runs, 0)  # a w was found that is not the truth, and has a smaller penalty
rng = np.random.default_rng(6)
for i, M in enumerate(outputs):
    for _ in range(trials):
        A = rng.normal(size=(M, 30)) / np.sqrt(M)
        w_true = np.zeros(30)
        w_true[rng.choice(30, 2, replace=False)] = rng.uniform(1, 2, 2) * rng.choice([-1, 1], 2)
        b = A @ w_true  # (M,)
        ends = [descend(A, b, l1_l2, start) for start in [np.zeros(30), *rng.normal(size=(4, 30))]]
        objective = [np.sum((A @ w - b) ** 2) / 2 + lams[-1] * l1_l2.value(w) for w in ends]
        ends = [descend(A, b, l1, np.zeros(30)), ends[0], ends[np.argmin(objective)]]
        for (name, penalty), w in zip(runs.items(), ends, strict=True):
            hit = np.linalg.norm(w - w_true) < 0.02 * np.linalg.norm(w_true)
            found[name][i] += hit
            wrong_question[name] += not hit and penalty.value(w) < penalty.value(w_true)
draw.solved(outputs, found, trials)
failed = {name: int(trials * len(outputs) - count.sum()) for name, count in found.items()}
for name, count in failed.items():
    print(f"{name}: {count} of {trials * len(outputs)} not solved; {wrong_question[name]} of them are cheaper than the truth")

# %% [markdown]
# Where l1 fails, it mostly asks the wrong question: a wrong $w$ has a smaller l1 norm than the true one, and no search can help that. l1 - l2 asks the right one more
# often: from a single start, far fewer of its failures are cheaper than the truth. In the others the truth is cheaper, and the search ended elsewhere; more starts help. The better
# measure of sparsity is paid for with a harder search, as in [chapter 5](05_hard_thresholding.ipynb).

# %%
best = found["l1 - l2, best of 5"]
for other in ("l1", "l1 - l2, from 0"):
    assert np.all(best >= found[other]), (
        f"the best of 5 should solve at least what {other} does, {found[other]}; it solves {best}"
    )
shares = {name: f"{wrong_question[name]} of {failed[name]}" for name in runs}
assert wrong_question["l1"] > failed["l1"] / 2, f"the text says that l1 mostly asks the wrong question; here {shares}"
fewer = wrong_question["l1 - l2, from 0"] < 0.6 * wrong_question["l1"]
assert fewer, f"the text says that far fewer failures of l1 - l2 are cheaper than the truth; here {shares}"

# %% [markdown]
# ## Exercises
#
# To be written in [exercises/07_l1_minus_l2.ipynb](exercises/07_l1_minus_l2.ipynb), where a check below each answer tells you what is wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write $\lVert x \rVert_1 - \alpha \lVert x \rVert_2$ for an array `x` of any shape, taken as one vector: one number.


# %% tags=["ex1"]
def l1_minus_l2(x, alpha):
    """||x||_1 - alpha ||x||_2 over all entries of x: one number."""
    # BEGIN SOLUTION: one number for the whole array
    return np.abs(x).sum() - alpha * np.sqrt((x * x).sum())
    # END SOLUTION


# %% tags=["ex1"]
check("07.l1_minus_l2", l1_minus_l2)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Write the prox where some entry is larger than `lam` in size, which is case 1: you may take it for granted. `v` is an array of any shape, float32 or float64, and
# one vector; the result has its shape and dtype, and `v` stays as it was. No loop, and without `L1MinusL2`.


# %% tags=["ex2"]
def prox_case_1(v, lam, alpha):
    """argmin over x of lam (||x||_1 - alpha ||x||_2) + ||x - v||^2 / 2, where max |v| > lam."""
    # BEGIN SOLUTION: the best x, without a loop
    z = np.sign(v) * np.maximum(np.abs(v) - lam, 0)
    length = np.sqrt((z * z).sum())
    return z * ((length + alpha * lam) / length)
    # END SOLUTION


# %% tags=["ex2"]
check("07.prox_case_1", prox_case_1)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** How long is the best $x$? Write $\lVert x \rVert_2$, one number, for any `v` (of any shape, with at least one entry), `lam` of at least 0 and `alpha` from 0 to 1.


# %% tags=["ex3"]
def best_length(v, lam, alpha):
    """||x||_2 of the x that makes lam (||x||_1 - alpha ||x||_2) + ||x - v||^2 / 2 least: in all four cases."""
    # BEGIN SOLUTION: one number, in every case
    m = np.abs(v).max()
    if m > lam:
        return np.linalg.norm(np.maximum(np.abs(v) - lam, 0)) + alpha * lam
    return max(m - (1 - alpha) * lam, 0)
    # END SOLUTION


# %% tags=["ex3"]
check("07.best_length", best_length)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** Now the whole prox, in all cases, for `v` of any shape (with at least one entry), float32 or float64. Of several largest entries in cases 2 and 3, keep the first, in the
# order of `v.ravel()`. Shape and dtype are those of `v`, and `v` stays as it was. Without `L1MinusL2`.


# %% tags=["ex4"]
def l1_minus_l2_prox(v, lam, alpha):
    """argmin over x of lam (||x||_1 - alpha ||x||_2) + ||x - v||^2 / 2; v as one vector."""
    # BEGIN SOLUTION: the best x, in every case
    sizes = np.abs(v)
    if sizes.max() > lam:
        z = np.sign(v) * np.maximum(sizes - lam, 0)
        return z * (1 + alpha * lam / np.linalg.norm(z))
    x = np.zeros_like(v)
    first = np.unravel_index(sizes.argmax(), v.shape)
    x[first] = np.sign(v[first]) * max(sizes[first] - (1 - alpha) * lam, 0)
    return x
    # END SOLUTION


# %% tags=["ex4"]
check("07.l1_minus_l2_prox", l1_minus_l2_prox)

# %% [markdown]
# ## Summary
#
# - $\lVert x \rVert_1 - \alpha \lVert x \rVert$ measures how far the length of $x$ is spread over its entries: at $\alpha = 1$ it is 0 for one entry, up to $\sqrt k - 1$ for $k$, at length 1.
# - It is not separable: what becomes of a weight depends on the others. Its prox: first the direction, then the length.
# - A large entry is there, $m > \lambda$: soft threshold, made longer by $\alpha\lambda$. None is: the largest alone, with the length $m - (1 - \alpha)\lambda$, or 0.
# - It jumps where the largest is not the only one and $(1 - \alpha)\lambda < m \le \lambda$. Inside the radius $\alpha\lambda$ only vectors with one entry are reached.
# - The rebate is one sum for all. A weight alone gets all of it; in a large layer l1 - l2 is nearly l1.
