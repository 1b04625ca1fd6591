# %% [markdown]
# # 7 l1 minus l2: four cases, not separable
#
# *Reading: 35 minutes. Exercises: an evening. Needs chapter [4](04_proximal_operator.ipynb).*
#
# The penalties so far look at one weight at a time. Each weight pays its own price, and does not know of the others. But "sparse" is
# said of a whole vector: nearly all of its length stands in few entries. The penalty of this chapter looks at that,
#
# $$r(x) = \lVert x \rVert_1 - \alpha \lVert x \rVert_2, \qquad 0 \le \alpha \le 1,$$
#
# the l1 norm, with a rebate for length. It costs nothing to stand alone: $\alpha = 1$ and one entry that is not 0 give $r = 0$.
#
# **Which $x$ is cheap and near $v$, when no entry can be decided by itself?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
from matplotlib.colors import ListedColormap, to_rgba

from minisgl.course.show_code import show_code
from minisgl.penalties import L1, L1MinusL2
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# What two weights cost: white is cheap, and orange is free. Below, $\lVert x \rVert$ without a number is the l2 norm $\lVert x \rVert_2$.


# %%
def r(x, alpha):
    """||x||_1 - alpha ||x||_2 of vectors x (..., n): (...)."""
    return np.abs(x).sum(axis=-1) - alpha * np.sqrt((x**2).sum(axis=-1))


line = np.linspace(-1.5, 1.5, 301)  # (301,), with an exact 0
plane = np.stack(np.meshgrid(line, line), axis=-1)  # (301, 301, 2)
angle = np.linspace(0, 90, 361)  # (361,), degrees
circle = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=-1)  # (361, 2), all of length 1
figure, axes = plt.subplots(1, 4, figsize=(14, 3.4))
for panel, alpha, name in zip(axes, (0, 0.5, 1), ("alpha = 0: l1", "alpha = 0.5", "alpha = 1: free on the axes"), strict=False):
    panel.contourf(line, line, r(plane, alpha), levels=np.arange(0, 3.3, 0.2), cmap="Blues", extend="max")
    panel.contour(line, line, r(plane, alpha), levels=np.arange(0.2, 3.3, 0.2), colors=GREY, linewidths=0.7)
    panel.set(title=name, xlabel="$x_1$", aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
axes[0].set_ylabel("$x_2$")
axes[0].plot(0, 0, "o", color=V_COLOUR, markersize=5)
axes[1].plot(0, 0, "o", color=V_COLOUR, markersize=5)
axes[2].plot([-1.5, 1.5, np.nan, 0, 0], [0, 0, np.nan, -1.5, 1.5], color=V_COLOUR, linewidth=2)
for alpha, colour in ((0, W_COLOUR), (0.5, GREY), (1, V_COLOUR)):
    axes[3].plot(angle, r(circle, alpha), color=colour)
    axes[3].text(45, r(circle, alpha).max() - 0.04, f"alpha = {alpha:g}", color=colour, ha="center", va="top")
axes[3].set(
    title="all x of length 1", xlabel="angle (0 and 90: on an axis)", xticks=[0, 45, 90], ylim=(-0.05, 1.5), ylabel="r(x)"
)
plt.show()
assert r(plane, 1)[150].max() == r(plane, 1)[:, 150].max() == 0  # the two axes
assert np.sort(r(plane, 1).ravel())[601] > 0  # and nothing else: 301 + 301 - 1 points are on them

# %% [markdown]
# The corners of l1 on the axes are what makes weights zero. With $\alpha$ they grow longer, and at $\alpha = 1$ the lines of equal cost
# run along the axes and never meet them: on the axes all is free. On the right, the rebate is the same for all $x$ of one length. So it does not change which of them
# is cheaper, but by which *factor*: between the axes and the diagonal, l1 rises from 1 to 1.41, and $\alpha = 1$ from 0 to 0.41.
#
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
    for alpha in (0, 0.5, 1):
        assert r(x, alpha).min() > 1 - alpha - 1e-12
        assert r(x, alpha).max() < np.sqrt(k) - alpha + 1e-12
    np.testing.assert_allclose(r(equal, 1.0), np.sqrt(k) - 1, atol=1e-12)
    print(
        f"length 1, {k:3d} entries, alpha = 1: {r(equal, 1.0):.2f} if they are equal, {r(x, 1.0).mean():.2f} on average of random ones"
    )
np.testing.assert_allclose(r(np.array([0.5, 0.5]), 1), 1 - np.sqrt(0.5))

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
np.testing.assert_allclose(cost(x, v, 1, 1), [3.519, 8.5, 3.5, 3, 3.5], atol=0.0005)
print(L1MinusL2(1.0).prox(v, step=1.0))

# %% [markdown]
# ## A weight and its neighbour
#
# For a *separable* penalty, the sum of one price for each entry, $x_1$ depends on $v_1$ alone. Here it does not. We hold $v_1$, move
# its neighbour $v_2$, and look at what becomes of the first. The price is that of $\lambda = 1$, $\alpha = 1$.

# %%
p = L1MinusL2(1.0)
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True)
for panel, v1, where in zip(axes, (0.9, 1.5), (0.9, 1.0), strict=True):
    v2 = np.linspace(0, 4, 801)  # (801,)
    x1 = np.array([p.prox(np.array([v1, other]), 1.0)[0] for other in v2])  # (801,)
    panel.axhline(L1(1.0).prox(np.array([v1]), 1.0)[0], color=W_COLOUR, label="l1: the neighbour does not matter")
    for part in (v2 <= where, v2 > where):
        panel.plot(v2[part], x1[part], color=V_COLOUR, linewidth=2, label="l1 - l2" if part[0] else None)
    panel.axvline(where, color=GREY, linewidth=0.8, linestyle=":")
    panel.set(title=f"$v_1$ = {v1}: what is left of it", xlabel="$v_2$, its neighbour", ylim=(-0.1, 1.7))
axes[0].set_ylabel("$x_1$")
axes[1].legend()
plt.show()
for pair in ([0.9, 0.5], [0.9, 1.0], [1.5, 0.5], [1.5, 1.5], [1.5, 3.0]):
    print(f"v = {pair}:   x = {p.prox(np.array(pair), 1.0).round(3)}")

# %% [markdown]
# On the left only one of the two can stand, and it is the larger: at $v_2 = 0.9$ the first gives way, in a jump. On the right the first
# keeps all of its 1.5 while its neighbour is small, and loses more and more as it grows. Why, and why at 0.9 and at 1?
#
# ## The derivation
#
# $v$ and $x$ have the shape $(n,)$, $\lambda > 0$, and $m = \max_i |v_i|$ is the largest size. There is a least value: $F$ is continuous, and far out the distance makes it
# large. (The formula is Lou and Yan's, of 2018. The package's file finds it by setting slopes to zero; we find first the direction of $x$, and then its length.)
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
    np.testing.assert_allclose(cost(x, v, lam, alpha) - cost(turned, v, lam, alpha), -2 * x[0] * v[0], atol=1e-12)
    v, x = np.abs(v), np.abs(x)
    exchanged = x[[1, 0, 2, 3, 4, 5]]
    gain = (v[0] - v[1]) * (x[1] - x[0])
    np.testing.assert_allclose(cost(x, v, lam, alpha) - cost(exchanged, v, lam, alpha), gain, atol=1e-12)

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
# *If $m \le \lambda$*, no $v_i - \lambda$ is positive: every unit of $x$ costs, at the largest $v_i$ the least. And $\sum_i x_i = \lVert x \rVert_1 \ge \rho$. So, minding that $m - \lambda \le 0$ turns an inequality round,
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
            assert abs(best - wanted) < 0.011
    print(f"v = {v}: at every length the best direction is at {wanted:.1f} degrees")

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
        least, where = best_on_grid(v, lam, alpha)
        assert -1e-12 < least - cost(x, v, lam, alpha) < 1e-4  # no candidate is cheaper, and one comes near
        np.testing.assert_allclose(cost(x, v, lam, alpha), (v @ v - x @ x) / 2, atol=1e-12)
        if case > 2 and abs(v[0]) != abs(v[1]):
            assert np.abs(where - x).max() <= 0.01  # the best x is one, and the grid finds it
print("values of v tried in case 1, 2, 3, 4:", *tried.values())

# %% [markdown]
# ## The four cases, seen from above
#
# The cost of $x = (x_1, x_2)$ for five $v$ (grey cross), with $\lambda = 1$, $\alpha = 0.6$: white is low. Orange: the best $x$. The dotted circle has the radius $\alpha\lambda$.


# %%
def draw_cost(axes, v, lam, alpha):
    line = np.linspace(-0.6, 2.0, 261)  # (261,)
    costs = cost(np.stack(np.meshgrid(line, line), axis=-1), np.array(v), lam, alpha)  # (261, 261)
    levels = costs.min() + np.array([0, 0.01, 0.03, 0.06, 0.1, 0.16, 0.25, 0.4, 0.6, 0.9, 1.3, 1.8, 2.5, 4])
    axes.contourf(line, line, costs, levels=levels, colors=plt.cm.Blues(np.linspace(0, 0.75, 14)), extend="max")
    axes.contour(line, line, costs, levels=levels[1:], colors=GREY, linewidths=0.4)
    axes.add_patch(plt.Circle((0, 0), alpha * lam, fill=False, color=GREY, linestyle=":"))
    best = [L1MinusL2(lam, alpha).prox(np.array(v), 1.0)]
    if abs(v[0]) == abs(v[1]) and case_of(v, lam, alpha) in (2, 3):
        best.append(best[0][::-1] * np.sign(v[0] * v[1]))  # the other of the two
    if len(best) == 2 and case_of(v, lam, alpha) == 2:  # and all between them
        axes.plot(*(alpha * lam * circle.T * np.sign(v)[:, None]), color=V_COLOUR, linewidth=3)
    axes.plot(*v, "x", color=GREY, markersize=8, markeredgewidth=2)
    axes.plot(*np.transpose(best), "o", color=V_COLOUR, markersize=8)
    axes.set(aspect="equal", xlabel="$x_1$", xticks=[0, 1, 2], yticks=[0, 1, 2], xlim=(-0.6, 2), ylim=(-0.6, 2))


figure, axes = plt.subplots(1, 5, figsize=(14, 3.3))
for panel, v, said in zip(
    axes,
    ([1.7, 1.3], [1.0, 1.0], [0.85, 0.6], [0.85, 0.85], [0.3, 0.2]),
    ("1: along z, longer", "2: a whole arc", "3: the larger alone", "3, a tie: either", "4: zero"),
    strict=True,
):
    draw_cost(panel, v, 1, 0.6)
    panel.set_title(f"{said}\nv = ({v[0]}, {v[1]})")
axes[0].set_ylabel("$x_2$")
plt.show()
on_arc = cost(0.6 * circle, np.array([1.0, 1.0]), 1, 0.6)  # (361,)
assert np.ptp(on_arc) < 1e-12  # all of the arc costs the same
either = cost(np.array([[0.45, 0], [0, 0.45]]), np.array([0.85, 0.85]), 1, 0.6)
assert either[0] == either[1] < best_on_grid(np.array([0.85, 0.85]), 1, 0.6)[0] + 1e-12

# %% [markdown]
# Now let $v$ be anywhere in the plane. Left: its case. Middle: where $v$ goes. Right: all the places that are reached.

# %%
COLOURS = {1: W_COLOUR, 2: "black", 3: V_COLOUR, 4: GREY}


def draw_map(axes, lam, alpha, end=2.0):
    line = np.linspace(-end, end, 401)  # (401,)
    cases = case_of(np.stack(np.meshgrid(line, line), axis=-1), lam, alpha)  # (401, 401)
    shades = ListedColormap([to_rgba(COLOURS[case], 0.3) for case in (1, 2, 3, 4)])
    axes.imshow(cases, extent=(-end, end, -end, end), origin="lower", cmap=shades, vmin=0.5, vmax=4.5)
    if lam < end:
        axes.add_patch(plt.Rectangle((-lam, -lam), 2 * lam, 2 * lam, fill=False, color="black", linewidth=2))
    axes.set(xlim=(-end, end), ylim=(-end, end), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.5))
p = L1MinusL2(1, alpha=0.6)
draw_map(left, 1, 0.6)
for case, place in ((1, (1.5, 1.5)), (2, (1.0, 0.0)), (3, (0.0, 0.7)), (4, (0, 0))):
    left.text(*place, str(case), color=COLOURS[case], fontsize=16, ha="center", va="center", backgroundcolor="white")
left.set(title="the case of v", xlabel="$v_1$", ylabel="$v_2$")
for v in np.stack(np.meshgrid([0.25, 0.65, 1.05, 1.45, 1.85], [0.1, 0.5, 0.9, 1.3, 1.7]), axis=-1).reshape(25, 2):
    arrow = {"arrowstyle": "->", "color": COLOURS[int(case_of(v, 1, 0.6))], "shrinkA": 0, "shrinkB": 0}
    middle.annotate("", p.prox(v, 1.0), v, arrowprops=arrow)
middle.set(title="from v to x, in a quadrant", aspect="equal", xlabel="$v_1$ and $x_1$", xticks=[0, 1, 2], yticks=[0, 1, 2])
middle.set(xlim=(-0.05, 2), ylim=(-0.05, 2))
many = np.random.default_rng(3).uniform(-2, 2, size=(6000, 2))  # (6000, 2)
reached = np.array([p.prox(v, 1.0) for v in many])  # (6000, 2)
right.scatter(*reached.T, s=4, color=[COLOURS[case] for case in case_of(many, 1, 0.6)])
right.add_patch(plt.Circle((0, 0), 0.6, fill=False, color=GREY, linestyle=":"))
right.set(title="where 6,000 v are sent", aspect="equal", xlabel="$x_1$", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
right.set(xlim=(-2, 2), ylim=(-2, 2))
plt.show()
inside = np.linalg.norm(reached, axis=1) <= 0.6
assert np.all((reached[inside] == 0).any(axis=1))
print(f"{inside.sum()} of 6,000 end inside the circle, all of them on an axis")
for pair in ([0.81, 0.79], [0.79, 0.81], [1.41, 1.39], [1.39, 1.41]):
    print(f"v = {pair}:   x = {p.prox(np.array(pair), 1.0).round(3)}")

# %% [markdown]
# No $x$ lies inside the circle of radius $\alpha\lambda$, but on the axes: in case 1 the length is *more* than $\alpha\lambda$, in case 3 there is one entry. And the prox jumps: two
# neighbours $v$ on both sides of the orange square's diagonal go to different axes. Further out, neighbours stay neighbours. With a running kernel, move $v$,
# $\lambda$ and $\alpha$. (Without one, the panels above show the same.)


# %%
def two_panels(v1, v2, lam, alpha):
    _, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    draw_cost(left, [v1, v2], lam, alpha)
    draw_map(right, lam, alpha)
    v = np.array([v1, v2])
    x = L1MinusL2(lam, alpha).prox(v, 1.0)
    right.annotate("", x, v, arrowprops={"arrowstyle": "->", "linewidth": 2})
    right.plot(*v, "x", color="black")
    right.set_title(f"case {case_of(v, lam, alpha)}: x = ({x[0]:.2f}, {x[1]:.2f})")
    plt.show()


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
    np.testing.assert_allclose(x[kept], (v - lam * np.sign(x) + lam * x / np.linalg.norm(x))[kept])
    assert np.all(np.abs(x) <= np.abs(v) + 1e-12)
    np.testing.assert_array_equal(kept, z != 0)  # the same zeros as l1
    lost, lost_l1 = np.abs(v - x)[kept].mean() / lam, np.abs(v - z)[kept].mean() / lam
    print(f"{n:7,} weights, {kept.sum():6,} kept: each loses {lost:.3f} lam on average; {lost_l1:.3f} lam with l1")

# %% [markdown]
# So over a whole layer l1 - l2 is nearly l1: the same zeros, and almost the same weights. It differs where few weights are left.
#
# ## The step, and the code
#
# With a step $s$ write $s\lambda$ for $\lambda$, everywhere. A threshold $\tau$ is had with the step $\tau/\lambda$, as for l1: below it all is dropped as long as one weight is above. This is what
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
assert np.sqrt(np.sum(small * small)) == 0
np.testing.assert_allclose(
    L1MinusL2(1e-25).prox(small, step=1.0), L1MinusL2(1.0).prox(small / np.float32(1e-25), 1.0) * 1e-25, rtol=1e-5
)
v = np.random.default_rng(5).normal(size=(4, 3, 5, 5)).astype(np.float32)  # a small convolution's weights
for lam, alpha in ((0.5, 1.0), (10.0, 1.0), (10.0, 0.8), (10.0, 0.1)):
    x = L1MinusL2(lam, alpha).prox(v, step=1.0)
    np.testing.assert_array_equal(x.ravel(), L1MinusL2(lam, alpha).prox(v.ravel(), step=1.0))
    print(
        f"lam = {lam:4}, alpha = {alpha}: case {case_of(v.ravel(), lam, alpha)}, {np.count_nonzero(x):3} of {x.size} kept, {x.dtype}"
    )
print("a tie:", L1MinusL2(1.0).prox(np.array([0.2, -0.7, 0.7]), step=1.0))

# %% [markdown]
# ## An experiment: with fewer outputs
#
# 30 weights, of which only 2 are not 0, and $M$ outputs $b = A\,w_{\text{true}}$ without noise: $A : (M, 30)$, $b : (M,)$. With $M < 30$ infinitely many $w$ fit exactly.
# Is $w_{\text{true}}$ the one with the least penalty, and is it found? We make proximal gradient steps ([chapter 4](04_proximal_operator.ipynb)) with a $\lambda$ that shrinks to 0.001,
# from $w = 0$. For l1 - l2, which is not convex, we also take the best of 5 starts: the one that ends with the least loss plus penalty, for the truth is not to be looked at. Each step
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


outputs = np.array([4, 6, 8, 10, 12])
runs = {"l1": l1, "l1 - l2, from 0": l1_l2, "l1 - l2, best of 5": l1_l2}
found = {name: np.zeros(5) for name in runs}
wrong_question = dict.fromkeys(runs, 0)  # a w was found that is not the truth, and has a smaller penalty
rng = np.random.default_rng(6)
for i, M in enumerate(outputs):
    for _ in range(20):
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

figure, axes = plt.subplots(figsize=(7, 3.4))
for (name, count), style in zip(found.items(), ("o-", "o--", "o-"), strict=True):
    axes.plot(outputs, count, style, color=W_COLOUR if name == "l1" else V_COLOUR, label=name)
axes.set(title="problems solved, of 20", xlabel="outputs M (30 weights, 2 not zero)", xticks=outputs, yticks=[0, 5, 10, 15, 20])
axes.legend()
plt.show()
for name, count in found.items():
    print(
        f"{name}: {int(100 - count.sum())} of 100 not solved; in {wrong_question[name]} of them what is found is cheaper than the truth"
    )
assert np.all(found["l1 - l2, best of 5"] >= np.maximum(found["l1"], found["l1 - l2, from 0"]))
assert wrong_question["l1"] > (100 - found["l1"].sum()) / 2 > wrong_question["l1 - l2, from 0"]

# %% [markdown]
# Where l1 fails, it mostly asks the wrong question: a wrong $w$ has a smaller l1 norm than the true one, and no search can help that. l1 - l2 asks the right one more
# often: from a single start, far fewer of its failures are cheaper than the truth. In the others the truth is cheaper, and the search ended elsewhere; more starts help. The better
# measure of sparsity is paid for with a harder search, as in [chapter 5](05_hard_thresholding.ipynb).
#
# ## Exercises
#
# To be written in [exercises/07_l1_minus_l2.ipynb](exercises/07_l1_minus_l2.ipynb), where a check below each answer tells you what is wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write $\lVert x \rVert_1 - \alpha \lVert x \rVert_2$ for an array `x` of any shape, taken as one vector: one number.


# %% tags=["ex1"]
def l1_minus_l2(x, alpha):
    """||x||_1 - alpha ||x||_2 over all entries of x: one number."""
    # BEGIN SOLUTION: the sum of the sizes, less alpha times the length
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
    # BEGIN SOLUTION: the soft threshold, then made longer as a whole
    z = np.sign(v) * np.maximum(np.abs(v) - lam, 0)
    length = np.sqrt((z * z).sum())
    return z * ((length + alpha * lam) / length)
    # END SOLUTION


# %% tags=["ex2"]
check("07.prox_case_1", prox_case_1)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** How long is the best $x$? Write $\lVert x \rVert_2$, one number, for any `v` (of any shape, with at least one entry), `lam` of at least 0 and `alpha` from 0 to 1. First
# find out which case it is.


# %% tags=["ex3"]
def best_length(v, lam, alpha):
    """||x||_2 of the x that makes lam (||x||_1 - alpha ||x||_2) + ||x - v||^2 / 2 least: in all four cases."""
    # BEGIN SOLUTION: the largest size decides the case; each has its length
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
    # BEGIN SOLUTION: case 1 as before; else zeros, and the one entry that may stay
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
