# %% [markdown]
# # 6 Transformed l1: the cubic, the arccosine, the two regimes
#
# *Reading: 40 minutes. Exercises: an evening. Needs chapters [4](04_proximal_operator.ipynb) and [5](05_hard_thresholding.ipynb).*
#
# l1 leaves no gap, but takes the same from every weight it keeps ([chapter 4](04_proximal_operator.ipynb)). l0 takes nothing, but jumps
# ([chapter 5](05_hard_thresholding.ipynb)). Is there something between? There is a penalty with a parameter $a$ that leads from the one to the other.
# (The formula for the prox is from S. Zhang and J. Xin, *Minimization of transformed l1
# penalty: closed form representation and iterative thresholding algorithms*, Commun. Math. Sci. 15 (2017) 511. Here it is derived anew.)
#
# **When does the threshold jump, where to, and why?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from drawings import chapter_06 as draw
from minisgl.course.show_code import show_code
from minisgl.penalties import L0, L1, TransformedL1

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# The same penalty twice, with the same $a = 1$. Only its weight $\lambda$ has changed. On the left the curve leaves zero without a gap, on
# the right no weight ends between 0 and 1.

# %%
v = np.linspace(-3, 3, 1201)  # (1201,)
curves = {lam: TransformedL1(lam, a=1.0).prox(v, step=1.0) for lam in (0.2, 1.0)}  # (1201,) each
draw.bend_and_jump(v, curves)

# %%
left, *_, right = curves.values()  # (1201,) each
gap, least = np.diff(left).max(), np.abs(right[right != 0]).min()
assert gap < 0.05, f"the text says that the left curve has no gap; here two neighbours are {gap:.2f} apart"
assert least > 0.99, f"the text says that on the right no weight ends between 0 and 1; here one ends at {least:.2f}"

# %% [markdown]
# ## The penalty
#
# For one number $x$ and a parameter $a > 0$:
#
# $$\rho_a(x) = \frac{(a+1)\,|x|}{a + |x|}$$
#
# It is 0 at 0, and 1 at $|x| = 1$, whatever $a$ is. Write $|x| = (a + |x|) - a$ above the line to see how it grows:
#
# $$\rho_a(x) = (a+1)\Big(1 - \frac{a}{a+|x|}\Big) \quad\Longrightarrow\quad \rho_a'(x) = \frac{a\,(a+1)}{(a+x)^2}, \qquad \rho_a''(x) = -\frac{2a\,(a+1)}{(a+x)^3} \qquad (x > 0)$$
#
# - It always rises, and never above $a + 1$. It starts with the slope $\rho_a'(0) = (a+1)/a$.
# - The slope only falls ($\rho_a'' < 0$): $\rho_a$ is **concave** for $x > 0$. The next bit of a large weight is cheap.
# - $a \to 0$: for $x \ne 0$ it tends to $1 \cdot |x| / |x| = 1$, and at $x = 0$ it is 0. That is **l0**.
# - $a \to \infty$: $\rho_a(x) = |x| \cdot \dfrac{1 + 1/a}{1 + |x|/a} \to |x|$. That is **l1**.


# %%
def price(x, a):
    """rho_a(x) = (a + 1)|x| / (a + |x|), entry by entry."""
    return (a + 1) * np.abs(x) / (a + np.abs(x))


some_a = (0.1, 0.5, 1.0, 3.0, 10.0)

# %% [markdown]
# Its graph, and its contours for two weights, $\rho_a(w_1) + \rho_a(w_2)$. The shade is all that costs at most 1, as
# much as a single weight of size 1. The smaller $a$, the closer it is to the axes, where one of the weights is zero.

# %%
draw.prices(price, some_a, contours_of=(3.0, 1.0, 0.1))

# %%
x = np.linspace(0.01, 2, 400)  # (400,)
for a in some_a:
    slope = (price(x + 1e-5, a) - price(x - 1e-5, a)) / 2e-5  # (400,)
    said = f"the text says that at a = {a} the slope is a (a + 1)/(a + x)^2"
    np.testing.assert_allclose(slope, a * (a + 1) / (a + x) ** 2, rtol=1e-5, err_msg=said)
    assert np.all(np.diff(slope) < 0), (
        f"the text says that the slope only falls; at a = {a} it rises by {np.diff(slope).max():.2g}"
    )
    bends = (a * (a + 1) / (a + x + 1e-5) ** 2 - a * (a + 1) / (a + x - 1e-5) ** 2) / 2e-5  # (400,)
    bent = -2 * a * (a + 1) / (a + x) ** 3  # (400,)
    np.testing.assert_allclose(bends, bent, rtol=1e-5, err_msg=f"the second slope at a = {a}")
    np.testing.assert_allclose(price(x, a), (a + 1) * (1 - a / (a + x)), err_msg=f"the price's two forms differ at a = {a}")
    ends = price(1e-9, a) / 1e-9, price(1e9, a)
    np.testing.assert_allclose(ends, [(a + 1) / a, a + 1], rtol=1e-6, err_msg=f"slope at 0, and limit, at a = {a}")
    np.testing.assert_allclose(price(1.0, a), 1, err_msg=f"the text says that 1 costs 1, whatever a is; here a = {a}")
np.testing.assert_allclose(
    price(x, 1e-9), 1, rtol=1e-6, err_msg="the text says that for tiny a every weight costs 1, as with l0"
)
np.testing.assert_allclose(price(x, 1e9), x, rtol=1e-6, err_msg="the text says that for large a a weight x costs x, as with l1")

# %% [markdown]
# ## By hand
#
# The prox looks for the least of $f(x) = \lambda\,\rho_a(x) + \tfrac12 (x - v)^2$. Take $\lambda = 1$ and $a = 1$, so the price is
# $2x/(1+x)$.
#
# | | price | $f$ for $v = 1$ | $f$ for $v = 1.5$ | $f$ for $v = 2$ |
# |---|---|---|---|---|
# | $x = 0$ | 0 | **0.5** | **1.125** | 2 |
# | $x = 0.5$ | 0.667 | 0.792 | 1.167 | 1.792 |
# | $x = 1$ | 1 | 1 | **1.125** | 1.5 |
# | $x = 1.5$ | 1.2 | 1.325 | 1.2 | **1.325** |
# | $x = 2$ | 1.333 | 1.833 | 1.458 | 1.333 |
#
# Look at $v = 1.5$: 0 and 1 cost the same, and 0.5, between them, costs more. There are *two valleys*, and they are level. For $v = 2$ the
# best is somewhere around 1.5. We shall find that it is $\sqrt3$.


# %%
def cost(x, v, lam, a):
    """f(x) = lam rho_a(x) + (x - v)^2 / 2, entry by entry."""
    return lam * price(x, a) + (x - v) ** 2 / 2


x = np.array([0, 0.5, 1, 1.5, 2])  # (5,)
table = {1.0: [0.5, 0.792, 1, 1.325, 1.833], 1.5: [1.125, 1.167, 1.125, 1.2, 1.458], 2.0: [2, 1.792, 1.5, 1.325, 1.333]}
for v, column in table.items():
    print(f"v = {v}: f = {cost(x, v, 1, 1).round(3)}")
    np.testing.assert_allclose(cost(x, v, 1, 1), column, atol=5e-4, err_msg=f"the column of v = {v} in the table")

# %% [markdown]
# ## The threshold: which $x$ beats 0?
#
# As in chapters 4 and 5, for $v$ of shape $(n,)$ every entry is a problem of its own. For $v \ge 0$ the best $x$ is not negative: if $x < 0$,
# then $-x$ has the same price and is not further from $v$. And $\operatorname{prox}(-v) = -\operatorname{prox}(v)$. So let $v \ge 0$,
# $x > 0$, single numbers, and $\lambda > 0$. Compare $x$ with 0:
#
# $$f(x) - f(0) = \lambda\,\frac{(a+1)\,x}{a+x} + \tfrac12 (x-v)^2 - \tfrac12 v^2 = \lambda\,\frac{(a+1)\,x}{a+x} + \tfrac12 x^2 - x v = x\,\big( h(x) - v \big)$$
#
# $$h(x) = \underbrace{\tfrac12 x}_{\text{half the weight}} + \underbrace{\lambda\,\frac{a+1}{a+x}}_{\text{the price per unit}}$$
#
# So $x$ beats 0 exactly when $v > h(x)$. Let $v$ grow. While it is below the curve of $h$, nothing beats 0. **The threshold $t$ is the height
# of the lowest point of $h$, and $x$ lands where that point is.** Two terms decide where it is: further out, half the weight is more, and the
# price per unit is less.
#
# Write $z = a + x$ and $M = \sqrt{2\lambda(a+1)}$, so that $\lambda (a+1) = M^2/2$, and complete the square, $z^2 + M^2 = (z - M)^2 + 2zM$:
#
# $$h = \frac{z - a}{2} + \frac{M^2}{2z} = \frac{z^2 + M^2}{2z} - \frac a2 = \frac{(z - M)^2}{2z} + M - \frac a2 \qquad (z > a)$$
#
# The fraction is never negative, and 0 only at $z = M$. Is $z = M$ allowed? We need $z > a$.
#
# - **$M > a$: yes.** The lowest point is *inside*, at $x = M - a$, at the height $M - \tfrac a2$. When $v$ rises past it, only an $x$ between
#   the two places where $h(x) = v$ beats 0, and these close in on $M - a$. So $x$ goes from 0 to $M - a$ in one **jump**.
# - **$M \le a$: no.** Right of $M$ the fraction $(z - M)^2/(2z) = \tfrac12 (z + M^2/z) - M$ only rises (its slope is
#   $\tfrac12 (1 - M^2/z^2) > 0$). So $h$ is lowest at the edge $x \to 0$, at the height $h(0) = \lambda (a+1)/a$. When $v$ rises past it,
#   only an $x$ near 0 beats 0, the nearer the smaller the excess: **no jump**.
#
# $M > a$ means $2\lambda(a+1) > a^2$. Hence the **two regimes**:
#
# $$\boxed{\; t = \begin{cases} \lambda\,\dfrac{a+1}{a} & \text{if } \lambda \le \dfrac{a^2}{2(a+1)}, \text{ no jump} \\[2ex] \sqrt{2\lambda(a+1)} - \dfrac a2 & \text{if } \lambda > \dfrac{a^2}{2(a+1)}, \text{ jump to } \sqrt{2\lambda(a+1)} - a \end{cases} \;}$$
#
# At the border $M = a$. Then both thresholds are $\tfrac a2$ (the first is $M^2/(2a)$), and the jump is 0. In the table above $M = 2$:
# threshold $1.5$, jump to 1. And l1 and l0 are here too: their $h$ is $\tfrac12 x + \lambda$ (always lowest at the edge) and
# $\tfrac12 x + \lambda/x$ (always inside).
#
# **The picture**, and a check: the lowest of 200,000 values of $h$.


# %%
def h(x, lam, a):
    """What v must exceed for x to beat 0."""
    return x / 2 + lam * (a + 1) / (a + x)


def threshold_and_landing(lam, a):
    M = np.sqrt(2 * lam * (a + 1))
    return (M - a / 2, M - a) if a < M else (lam * (a + 1) / a, 0.0)


def curve(x, lam, a):
    """h, and its lowest point: place and height."""
    t, landing = threshold_and_landing(lam, a)
    return h(x, lam, a), landing, t


x, lam = np.linspace(0.001, 2.5, 500), 0.5  # (500,)
three_penalties = {
    "l1: never a jump": (x / 2 + lam, 0.0, lam),
    "transformed l1, a = 0.5": curve(x, lam, 0.5),
    "l0: always a jump": (x / 2 + lam / x, np.sqrt(2 * lam), np.sqrt(2 * lam)),
}
by_lam = {lam: curve(x, lam, 1.0) for lam in (0.1, 0.25, 0.5, 1.0)}
draw.lowest_points(x, by_lam, three_penalties, a=1.0, lam=lam, level=1.7)

# %%
x = np.linspace(1e-6, 8, 200_000)  # (200000,)
for a in (0.1, 0.5, 1.0, 3.0, 10.0):
    for lam in (0.01, 0.1, 0.25, 1.0, 3.0):
        heights = h(x, lam, a)  # (200000,)
        found, said = (heights.min(), x[heights.argmin()]), f"height and place of the lowest point for a = {a}, lam = {lam}"
        np.testing.assert_allclose(found, threshold_and_landing(lam, a), atol=1e-4, err_msg=said)
        v, z, M = 1.7, a + x, np.sqrt(2 * lam * (a + 1))
        compared = cost(x, v, lam, a) - cost(0.0, v, lam, a)  # (200000,)
        np.testing.assert_allclose(compared, x * (heights - v), atol=1e-9, err_msg=f"f(x) - f(0) is not x (h - v), {said}")
        part = (z - M) ** 2 / (2 * z)  # (200000,)
        np.testing.assert_allclose(heights, part + M - a / 2, err_msg=f"the completed square is not h, {said}")
        np.testing.assert_allclose(part, (z + M**2 / z) / 2 - M, atol=1e-9, err_msg=f"the fraction, {said}")
    border = a**2 / (2 * (a + 1))
    both = border * (a + 1) / a, np.sqrt(2 * border * (a + 1)) - a / 2
    np.testing.assert_allclose(both, a / 2, err_msg=f"at the border both thresholds should be a/2; here a = {a}")
np.testing.assert_allclose((x / 2 + 0.5 / x).min(), np.sqrt(2 * 0.5), atol=1e-6, err_msg="l0's threshold, from its h")
print("25 times the lowest value of h is the threshold, and its place the landing")

# %% [markdown]
# Follow the dots on the left. While $\lambda$ is small the dot stays on the axis: the threshold grows, and there is no jump.
# Beyond $\lambda = \tfrac14$, the border for $a = 1$, the curve begins by falling, and its lowest point leaves the axis. Shaded, for
# $\lambda = 1$: at $v = 1.7$ these $x$ beat 0.
#
# *The same with slopes.* Threshold and landing are often found by solving $f(x) = f(0)$ together with $f'(x) = 0$. From
# $f(x) - f(0) = x\,(h - v)$ the first says $h(x) = v$; and $f'(x) = h - v + x\,h'$, so the second then says $h'(x) = 0$: the lowest point of
# $h$. Also, $f''(x) = 1 - 2\lambda a (a+1)/(a+x)^3$ is least at $x = 0$, and there it is $1 - 2\lambda(a+1)/a^2$: not negative exactly if
# $\lambda \le a^2/(2(a+1))$. **Where there is no jump, $f$ is convex on $x \ge 0$, for every $v$**: one valley. Where there is one, it has a
# hill for some $v$.
#
# ## The landing of every other $v$: a cubic
#
# Let $v > t$. Some $x > 0$ beats 0, and for large $x$ the distance makes $f$ as large as you like: the least is inside, where the slope is
# zero. With $c = \lambda a (a+1)$, $z = a + x$ and $A = a + v$ we have $x - v = z - A$, and
#
# $$f'(x) = \frac{c}{z^2} + z - A = \frac{p(z)}{z^2}, \qquad \boxed{\;p(z) = z^3 - A z^2 + c\;}$$
#
# *Step 1: shift, so that the square goes.* Put $z = \tfrac A3 + u$:
#
# $$\begin{aligned} z^2 (z - A) &= \big(u^2 + \tfrac{2A}{3} u + \tfrac{A^2}{9}\big)\big(u - \tfrac{2A}{3}\big) \\
# &= u^3 + \big(\tfrac{2A}{3} - \tfrac{2A}{3}\big) u^2 + \big(\tfrac{A^2}{9} - \tfrac{4A^2}{9}\big) u - \tfrac{2A^3}{27} \end{aligned}$$
#
# $$p = u^3 - \tfrac{A^2}{3}\,u - \tfrac{2A^3}{27} + c$$
#
# *Step 2: a cubic of a cosine.* From $\cos(\alpha + \beta) = \cos\alpha\cos\beta - \sin\alpha\sin\beta$, with
# $\sin 2\theta = 2\sin\theta\cos\theta$ and $\sin^2 = 1 - \cos^2$,
#
# $$\cos 3\theta = \cos 2\theta \cos\theta - \sin 2\theta \sin\theta = (2\cos^2\theta - 1)\cos\theta - 2 (1 - \cos^2\theta) \cos\theta = 4\cos^3\theta - 3\cos\theta$$
#
# Our $u^3 - \tfrac{A^2}{3} u$ has the same form, if with $u = k \cos\theta$ the two factors $k^3$ and $\tfrac{A^2}{3} k$ are as 4 to 3. So
# $3k^3 = \tfrac43 A^2 k$, and $k = \tfrac{2A}{3}$. Then $k^3 = \tfrac{8A^3}{27}$ and $\tfrac{A^2}{3} k = \tfrac{6A^3}{27}$:
#
# $$p = \tfrac{2A^3}{27}\big( 4\cos^3\theta - 3\cos\theta - 1 \big) + c = \tfrac{2A^3}{27} (\cos 3\theta - 1) + c$$
#
# *Step 3: solve.* For such a $z$, $p = 0$ exactly if
#
# $$\cos 3\theta = 1 - \frac{27\,c}{2A^3}$$
#
# The right side is below 1, and at least $-1$ if $c \le \tfrac{4}{27} A^3$. Then put $\varphi = \arccos\big(1 - \tfrac{27 c}{2 A^3}\big)$,
# between 0 and 180°. The angles $\varphi$, $\varphi + 360°$ and $\varphi + 720°$ have the same cosine, and each can be $3\theta$: three
# roots, and a cubic has no more,
#
# $$z_k = \tfrac A3 + \tfrac{2A}{3} \cos\big(\tfrac{\varphi}{3} + k \cdot 120°\big), \qquad k = 0, 1, 2$$
#
# *Step 4: which root?* $\varphi/3$ lies between 0 and 60°, so the three angles have their cosines in $[\tfrac12, 1]$, $[-1, -\tfrac12]$ and
# $[-\tfrac12, \tfrac12]$. From left to right, $p$ begins below zero and ends above:
#
# | root | lies in | $p$ there goes | $f$ has there |
# |---|---|---|---|
# | $z_1$ | $[-\tfrac A3, 0]$ | from $-$ to $+$ | nothing: $z = a + x > 0$ |
# | $z_2$ | $[0, \tfrac{2A}{3}]$ | from $+$ to $-$ | a **hill**, if $z_2 > a$ |
# | $z_0$ | $[\tfrac{2A}{3}, A]$ | from $-$ to $+$ | a **valley**, if $z_0 > a$ |
#
# $f'$ has the sign of $p$: $f$ rises up to $z_2$, falls until $z_0$, rises ever after. For $v > t$ the least is inside, and a hill is not the
# least: it is $z_0$.
#
# *If there are not three different roots,* $c \ge \tfrac{4}{27} A^3$: for $z > 0$ the slope $3z^2 - 2Az = z\,(3z - 2A)$ of $p$ changes its
# sign at $z = \tfrac{2A}{3}$ only, so $p$ is lowest there. It is
# $\tfrac{4A^2}{9}\big(\tfrac{2A}{3} - A\big) + c = c - \tfrac{4}{27} A^3 \ge 0$. So $f$ only rises, and 0 is best: $v \le t$.
#
# So $x = z_0 - a$, with $A = a + v$:
#
# $$\boxed{\;\operatorname{prox}(v) = \begin{cases} 0 & \text{if } |v| \le t \\ \operatorname{sign}(v)\,\Big( \tfrac23 (a + |v|) \cos\tfrac{\varphi}{3} - \tfrac23 a + \tfrac13 |v| \Big) & \text{otherwise} \end{cases}\;}$$
#
# $$\varphi = \arccos\Big( 1 - \frac{27\,\lambda a (a+1)}{2\,(a+|v|)^3} \Big)$$
#
# **By hand**, $\lambda = a = 1$ and $v = 2$: $c = 2$, $A = 3$, $\cos\varphi = 1 - \tfrac{54}{54} = 0$, so $\varphi = 90°$ and
# $\varphi/3 = 30°$. The roots are $1 + 2\cos 30° = 1 + \sqrt3$, $1 + 2 \cos 150° = 1 - \sqrt3$ and $1 + 2\cos 270° = 1$. Hence $x = \sqrt3$.


# %%
def roots(v, lam, a):
    """z_0, z_1, z_2 for v >= 0 of shape (n,): (3, n), NaN where they are not real."""
    A = a + v  # (n,)
    cosine = 1 - 27 * lam * a * (a + 1) / (2 * A**3)  # (n,)
    phi = np.arccos(np.where(cosine >= -1, cosine, np.nan))  # (n,)
    return A / 3 + 2 * A / 3 * np.cos(phi / 3 + np.array([[0], [1], [2]]) * 2 * np.pi / 3)  # (3, n)


def by_arccosine(v, lam, a):
    """The box: v of any shape."""
    sizes = np.abs(v)
    phi = np.arccos(np.maximum(1 - 27 * lam * a * (a + 1) / (2 * (a + sizes) ** 3), -1))
    inside = 2 / 3 * (a + sizes) * np.cos(phi / 3) - 2 * a / 3 + sizes / 3
    return np.where(sizes > threshold_and_landing(lam, a)[0], np.sign(v) * inside, 0)


by_hand = [1 + np.sqrt(3), 1 - np.sqrt(3), 1]
np.testing.assert_allclose(roots(np.array([2.0]), 1, 1)[:, 0], by_hand, err_msg="the three roots found by hand for v = 2")

# %% [markdown]
# The three roots, seen: three points on a circle of radius $\tfrac{2A}{3}$ around $\tfrac A3$, 120° apart, and on the axis their shadows, the
# zeros of $p$. When $v$ shrinks, $\varphi$ grows and the triangle turns, until hill and valley meet at $\varphi = 180°$ and are gone.

# %%
lam = a = 1.0
birth = 3 * (lam * a * (a + 1) / 4) ** (1 / 3) - a  # c = 4 A^3 / 27, solved for v
draw.three_on_a_circle(lam, a, {v: roots(np.array([v]), lam, a)[:, 0] for v in (3.0, 2.0, birth + 1e-9)})

# %% [markdown]
# **Check**: the three roots against those of `np.roots`, and the formula on 301 values of $v$ against the best of 6,001 candidates, in both
# regimes.

# %%
v = np.linspace(-3, 3, 301)  # (301,)
x = np.arange(-3000, 3001) / 1000  # (6001,), with an exact 0
for a, lam in ((0.1, 0.001), (0.1, 0.3), (1, 0.2), (1, 1), (5, 0.7), (5, 3)):
    t, landing = threshold_and_landing(lam, a)
    for one_v in v[v > t]:
        three = roots(np.array([one_v]), lam, a)[[1, 2, 0], 0]  # (3,)
        known = np.sort(np.roots([1, -(a + one_v), 0, lam * a * (a + 1)]).real)  # (3,)
        A = a + one_v
        edges = [-A / 3, three[0], 0, three[1], 2 * A / 3, three[2], A]
        assert np.all(np.diff(edges) > -1e-9), f"the three roots should lie where the table says; for v = {one_v:.2f}: {edges}"
        np.testing.assert_allclose(three, known, atol=1e-6, err_msg=f"the roots for a = {a}, lam = {lam}, v = {one_v:.2f}")
    clear = np.abs(np.abs(v) - t) > 0.002  # not a tie: there rounding would decide
    best = x[cost(x, v[:, None], lam, a).argmin(axis=1)]  # (301, 6001) -> (301,)
    off = np.abs(by_arccosine(v, lam, a) - best)[clear].max()
    assert off < 0.001, f"a = {a}, lam = {lam}: the box and the best candidate should agree; they are {off:.4f} apart"
    print(f"a = {a:<4g} lam = {lam:<6g} t = {t:.3f}, lands at {landing:.3f}: the formula and the best candidate agree")

# %% [markdown]
# The steps to it: the slopes of $f$, the cubic, its cosine, and its lowest value.

# %%
a, lam, v, x = 0.7, 0.9, 2.1, np.linspace(0.1, 3, 50)  # (50,)
c, A, z = lam * a * (a + 1), a + v, a + x  # z (50,)
theta = np.linspace(0, np.pi, 50)  # (50,)
p = np.poly1d([1, -A, 0, c])
slope = (cost(x + 1e-5, v, lam, a) - cost(x - 1e-5, v, lam, a)) / 2e-5  # (50,)
slope_of_h = (h(x + 1e-5, lam, a) - h(x - 1e-5, lam, a)) / 2e-5
bend = (cost(x + 1e-4, v, lam, a) - 2 * cost(x, v, lam, a) + cost(x - 1e-4, v, lam, a)) / 1e-8
u, cosine = z - A / 3, np.cos(theta)
for name, left, right in (
    ("f'", slope, p(z) / z**2),
    ("f' from h", slope, h(x, lam, a) - v + x * slope_of_h),
    ("f''", bend, 1 - 2 * c / z**3),
    ("p without its square", p(z), u**3 - A**2 / 3 * u - 2 * A**3 / 27 + c),
    ("cos 3 theta", np.cos(3 * theta), 4 * cosine**3 - 3 * cosine),
    ("p of the cosine", p(A / 3 + 2 * A / 3 * cosine), 2 * A**3 / 27 * (np.cos(3 * theta) - 1) + c),
    ("lowest p", p(np.linspace(0, A, 30_001)).min(), c - 4 / 27 * A**3),
):
    np.testing.assert_allclose(left, right, atol=1e-6, err_msg=f"the two sides differ: {name}")

# %% [markdown]
# ## The two valleys
#
# Each row shows $f(x) - f(0)$ for $a = 1$ and four values of $v$: what is below the dotted line beats 0. Grey dots: valleys; open dots:
# hills; orange: the best. On the right the prox, with the four orange dots. The thin curve behind it shows all points of zero slope,
# $v = x + c/(a+x)^2$. Where it leans backwards are the hills.

# %%
draw.valleys([(TransformedL1(0.2, a=1.0), [0.2, 0.4, 0.6, 0.9]), (TransformedL1(1.0, a=1.0), [1.2, 1.45, 1.5, 1.7])])

# %% [markdown]
# - **Upper row**, $\lambda = 0.2$, below the border: always one valley. It sits in the corner at 0 until $v = t = 0.4$, and then moves out.
# - **Lower row**, $\lambda = 1$: at $v = 1.2$ there is one valley, at 0. Then a second appears inside ($v = 1.45$), higher than the first. At
#   $v = 1.5$ the two are level, and then the inner is the lower. *It has hardly moved: it has only become the best.* That is the jump. The
#   valley at 0 remains until $v = \lambda(a+1)/a = 2$, where the slope at 0 turns negative.
#
# So beyond the border three values of $v$ matter: the inner valley is born (at $c = \tfrac{4}{27}A^3$, hence
# $v = A - a = 3 \sqrt[3]{c/4} - a$); the two are level (the threshold); the valley at 0 dies. In between a step-by-step method stays in the
# valley where it is. The prox does not: it compares.

# %%
for a, lam in ((1.0, 1.0), (1.0, 0.3), (0.1, 0.3)):
    birth, level, death = 3 * (lam * a * (a + 1) / 4) ** (1 / 3) - a, threshold_and_landing(lam, a)[0], lam * (a + 1) / a
    print(f"a = {a}, lam = {lam}: born at {birth:.3f}, level at {level:.3f}, the valley at 0 dies at {death:.3f}")
    real = np.isfinite(roots(np.array([birth - 1e-6, birth + 1e-6]), lam, a)[0])  # (2,)
    assert list(real) == [False, True], f"the inner valley should be born at {birth:.3f}; real roots before and after: {real}"
    uphill = [cost(1e-8, v, lam, a) > cost(0.0, v, lam, a) for v in (death - 1e-4, death + 1e-4)]
    assert uphill == [True, False], f"the valley at 0 should die at {death:.3f}; uphill from 0 before and after: {uphill}"
    assert birth < level < death, (
        f"beyond the border the three should come in this order: {birth:.3f}, {level:.3f}, {death:.3f}"
    )

# %% [markdown]
# With a running kernel, drag $v$ from 1 to 2 and watch the jump, or drag $\lambda$ or $a$ across the border. (Without a kernel the rows
# above show the same.)


# %%
def two_panels(a, lam, v):
    draw.cost_and_prox(TransformedL1(lam, a), v)


_ = interact(
    two_panels,
    a=FloatSlider(value=1.0, min=0.1, max=5.0, step=0.1),
    lam=FloatSlider(value=1.0, min=0.05, max=2.0, step=0.05),
    v=FloatSlider(value=1.45, min=0.0, max=3.0, step=0.05),
)

# %% [markdown]
# ## The map
#
# Left: how large a part of the threshold is jumped, $(M - a)/(M - \tfrac a2)$, over all $a$ and $\lambda$. Right: the threshold as $\lambda$
# grows. It starts as a straight line, as l1's does, and at the dot turns into a root, as l0's is. (They meet without a corner: there the root
# has the slope $(a+1)/M = (a+1)/a$, as the line has.)

# %%
a, lam = np.meshgrid(np.geomspace(0.02, 20, 300), np.geomspace(0.002, 20, 300))  # (300, 300) each
M = np.sqrt(2 * lam * (a + 1))  # (300, 300)
part = np.where(a < M, (M - a) / np.maximum(M - a / 2, a / 2), np.nan)  # (300, 300)
lams = np.linspace(1e-4, 2, 400)  # (400,)
thresholds = {a: (lams, [TransformedL1(lam, a).threshold(1.0) for lam in lams]) for a in (0.1, 1.0, 3.0)}
draw.regimes(a, lam, part, borders={a: a**2 / (2 * (a + 1)) for a in thresholds}, thresholds=thresholds)

# %%
wide = np.linspace(0, 1, 4001)  # (4001,), candidates from 0 to v
for a in np.geomspace(0.05, 20, 20):
    for lam in np.geomspace(0.005, 10, 20):
        t, landing = threshold_and_landing(lam, a)
        below, above = ((v * wide)[cost(v * wide, v, lam, a).argmin()] for v in (0.998 * t, 1.002 * t))
        where = f"a = {a:.3g}, lam = {lam:.3g}: "
        assert below == 0, where + f"just below t the best should be 0, and is {below:.3g}"
        assert above > max(0, landing - 0.001 * t), (
            where + f"just above t the best should be beyond {landing:.3g}, and is {above:.3g}"
        )
        assert (landing > 0) == (t > a / 2), (
            where + f"the prox should jump exactly if t > a/2; t = {t:.4g}, landing {landing:.4g}"
        )
    border = a**2 / (2 * (a + 1))
    near = [threshold_and_landing(border * one, a)[0] for one in (1 - 1e-6, 1, 1 + 1e-6)]
    said = f"at the border line and root should have the slope (a + 1)/a; here a = {a:.3g}"
    np.testing.assert_allclose(np.diff(near) / (border * 1e-6), (a + 1) / a, rtol=1e-4, err_msg=said)
print("400 points of the map: just below t the best candidate is 0, just above it is beyond the jump")

# %% [markdown]
# ## The step
#
# With a step $s$, put $s \lambda$ for $\lambda$. The border can then be read off the threshold itself: the prox jumps exactly if
# $t > \tfrac a2$. And the step that gives a chosen threshold $\tau$ (as in chapter 5) is, from the two lines of the box,
#
# $$s = \frac{\tau}{\lambda}\,\frac{a}{a+1} \;\text{ if } \tau \le \tfrac a2, \qquad s = \frac{(\tau + a/2)^2}{2\lambda(a+1)} \;\text{ otherwise}$$
#
# In the paper's splitting ([chapter 11](11_variable_splitting.ipynb)) $s = 1/\beta$ with $\beta = 25\lambda$ at the start: $s\lambda = 0.04$,
# and for $a = 1$ the threshold is 0.08, far below $\tfrac12$: there it bends, and does not jump.

# %%
lam = 1e-4
for a in (0.1, 1.0, 3.0):
    for tau in (0.01, a / 2, 0.3, 2.0):
        s = tau / lam * a / (a + 1) if tau <= a / 2 else (tau + a / 2) ** 2 / (2 * lam * (a + 1))
        said, p = f"the step for the threshold {tau} with a = {a} should be {s:.5g}", TransformedL1(lam, a)
        np.testing.assert_allclose([p.threshold(s), p.step_for(tau)], [tau, s], err_msg=said)
        box = by_arccosine(3.01 * wide, s * lam, a)  # (4001,)
        np.testing.assert_allclose(p.prox(3.01 * wide, step=s), box, atol=1e-9, err_msg="the prox is not the box with s lam")
said = "the text says that the threshold is 0.08 at the start"
np.testing.assert_allclose(TransformedL1(lam).threshold(step=1 / (25 * lam)), 0.08, err_msg=said)

# %% [markdown]
# ## The code
#
# From the package itself. Where is the arccosine?

# %%
show_code(TransformedL1.threshold, TransformedL1.prox)

# %% [markdown]
# Weights are float32 numbers, with some seven digits. For large $a$ the box loses them: $\tfrac{27c}{2A^3}$ is tiny, and is rounded away in
# 1 minus it; and $\tfrac23(a+v)\cos\tfrac\varphi3 - \tfrac23 a$ is a difference of two large numbers. Take half the angle. From $\cos\alpha = 1 - 2\sin^2\tfrac\alpha2$, once for $\alpha = \varphi$ and once for $\alpha = \varphi/3$,
#
# $$\sin^2\tfrac\varphi2 = \frac{1 - \cos\varphi}{2} = \frac{27c}{4A^3} =: q, \qquad \frac\varphi6 = \frac{\arcsin\sqrt q}{3}$$
#
# $$\begin{aligned} x &= \tfrac23 A \big(1 - 2\sin^2\tfrac\varphi6\big) - \tfrac23 a + \tfrac13 v = \Big[\tfrac23 (a + v) - \tfrac23 a + \tfrac13 v\Big] - \tfrac43 A \sin^2\tfrac\varphi6 \\
# &= v - \tfrac43 A \sin^2\!\Big( \frac{\arcsin\sqrt q}{3} \Big) \end{aligned}$$
#
# The large numbers have cancelled by algebra, not by rounding: the result is $v$ *minus what it loses*. Two more details: where there is no
# real root, $q > 1$, and `minimum` keeps the arcsine defined (there $|v| \le t$, and 0 is chosen); and $\sqrt q$ is computed in two
# divisions, because $A^3$ may be too large for a float32.

# %%
v = np.linspace(1.6, 3, 1000)  # (1000,)
scales = np.geomspace(0.1, 1e8, 40)  # (40,)
off = {"the box": [], "the package": []}
for a in scales:
    right_x = TransformedL1(1.0, a).prox(v, 1.0)  # (1000,), in float64
    off["the box"].append(np.abs(by_arccosine(v.astype(np.float32), 1.0, float(a)) - right_x).max())
    off["the package"].append(np.abs(TransformedL1(1.0, a).prox(v.astype(np.float32), 1.0) - right_x).max())
draw.rounding(scales, off, v)

# %%
for a in scales[scales < 1000]:
    same = f"in float64 both forms should give the same; a = {a:.3g}"
    np.testing.assert_allclose(by_arccosine(v, 1.0, a), TransformedL1(1.0, a).prox(v, 1.0), rtol=1e-9, err_msg=same)
box, package = max(off["the box"]), max(off["the package"])
assert box > 0.9, f"for large a the box should lose all digits in float32; here its largest error is {box:.2g}"
assert package < 1e-6, f"the half angle should keep float32's digits; here its largest error is {package:.2g}"

# %% [markdown]
# ## What a kept weight loses
#
# At the best $x$ the slope is zero: $v - x = \lambda\,\rho_a'(x)$. A weight loses **the slope of its price, where it arrives**. For l1 that
# is the same for all, for l0 nothing, here $c/(a+x)^2$: less and less. After a jump $z = M$, so it has lost $c/M^2 = \tfrac a2$.
#
# The smaller $a$, the sooner the loss is forgotten:

# %%
v = np.linspace(1.001, 6, 400)  # (400,)
family = {"l1": L1(1.0), "l0": L0(1.0), **{a: TransformedL1(1.0, a) for a in some_a}}
kept = {name: penalty.prox(v, penalty.step_for(1.0)) for name, penalty in family.items()}  # (400,) each
draw.losses(v, {name: v - x for name, x in kept.items()})

# %%
for a in some_a:
    c, said = family[a].step_for(1.0) * a * (a + 1), f"the text says that a weight loses c/(a + x)^2; here a = {a}"
    np.testing.assert_allclose(v - kept[a], c / (a + kept[a]) ** 2, err_msg=said)
    lam = family[a].step_for(1.0)
    if a / 2 < 1.0:  # it jumps
        M = np.sqrt(2 * lam * (a + 1))
        lost = c / M**2, np.subtract(*threshold_and_landing(lam, a))
        np.testing.assert_allclose(lost, a / 2, err_msg=f"after a jump a weight should have lost a/2; here a = {a}")
lost = [np.ptp(v - kept["l1"]), np.abs(v - kept["l0"]).max()]
np.testing.assert_allclose(lost, 0, atol=1e-12, err_msg="l1 should take the same from all, and l0 nothing")

# %% [markdown]
# ## An experiment: little bias, and few valleys
#
# Chapter 5's problem: 100 weights, 60 outputs, 12 weights not zero, proximal gradient steps from 30 random starts. l1 always came to
# the same end, with a bias; l0 came to many different ends. Now let $a$ lead from one to the other.
#
# Where do we expect trouble? Hold all weights but $w_j$ still. Then $\tfrac12 \lVert B w - b \rVert^2$ is a parabola in $w_j$ with the
# curvature $\kappa = \lVert B_j \rVert^2$ ($B_j$ is the column), that is $\kappa \cdot \tfrac12 (w_j - v)^2$ for some $v$, and a constant.
# Divide by $\kappa$: our problem, with $\lambda/\kappa$ for $\lambda$. It can have two valleys if $\lambda/\kappa > a^2/(2(a+1))$. The shade
# is where this holds for some column, that is for the smallest $\kappa$.

# %%
rng = np.random.default_rng(4)
B = rng.normal(size=(60, 100)) / np.sqrt(60)
w_true = np.zeros((100, 1))
w_true[rng.choice(100, 12, replace=False), 0] = rng.uniform(1, 2, 12) * rng.choice([-1, 1], 12)
b = B @ w_true + 0.05 * rng.normal(size=(60, 1))
lr = 1 / np.linalg.norm(B, 2) ** 2
starts = rng.normal(0, 0.5, size=(100, 30))  # a column for each start
lam, some = 0.05, [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0, 3.0, 10.0]
away, exact = {}, {}
for name, penalty in {"l0": L0(lam), **{a: TransformedL1(lam, a) for a in some}, "l1": L1(lam)}.items():
    w = starts
    for _ in range(1500):
        w = penalty.prox(w - lr * B.T @ (B @ w - b), step=lr)  # (100, 30)
    away[name] = np.linalg.norm(w - w_true, axis=0)  # (30,)
    exact[name] = int(np.sum(np.all((w != 0) == (w_true != 0), axis=0)))  # of 30
kappa = np.sum(B**2, axis=0).min()
two_valleys = max(a for a in np.geomspace(0.001, 1000, 5000) if lam / kappa > a**2 / (2 * (a + 1)))
draw.one_end_or_many(away, exact, two_valleys)

# %%
for name, one in away.items():
    print(f"{name}: {exact[name]} of 30 runs find the 12 weights; the distances are {one.min():.2f} to {one.max():.2f}")
print(f"the shade ends at a = {two_valleys:.2f}")
e, w = np.eye(100)[:, [7]], starts[:, [0]]  # (100, 1) each
up, at, down = (np.sum((B @ one - b) ** 2) / 2 for one in (w + e, w, w - e))
np.testing.assert_allclose(up - 2 * at + down, np.sum(B[:, 7] ** 2), err_msg="the loss of w_j should have the curvature of B_j")
outside = [a for a in some if a > two_valleys and np.ptp(away[a]) > 1e-6]  # and with several ends
assert not outside, f"the text says that outside the shade all runs end in one place; here not for a of {outside}"
some_exact = {a: exact[a] for a in ("l0", 0.1, 0.2, 0.3, 0.5, "l1")}
assert exact[0.3] == exact[0.5] == 30, f"the text says that at a = 0.5 and 0.3 every run is right; runs that are: {some_exact}"
assert exact["l0"] == exact["l1"] == 0, f"the text says that l0 and l1 are never right; runs that are: {some_exact}"
assert 30 > exact[0.2] > exact[0.1], (
    f"the text says that further into the shade fewer runs are right; runs that are: {some_exact}"
)

# %% [markdown]
# From the right: the smaller $a$, the less bias, and still all 30 runs end in one place (blue). At $a = 0.5$ and $0.3$ every run finds
# exactly the twelve weights, which neither l1 nor l0 did once. Further into the shade more and more runs end in a wrong valley
# (orange). Outside the shade no single weight can have two valleys. That is no promise for all weights together, and inside the shade it need
# not go wrong; but the border says where to look.
#
# ## Exercises
#
# In [exercises/06_transformed_l1.ipynb](exercises/06_transformed_l1.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** To go backwards needs no cubic. `x` is what the prox of $\lambda \rho_a$ (step 1) made of `v`, and no entry of `x` is 0.
# What was `v`? Any shape; take care of the negative entries.


# %% tags=["ex1"]
def came_from(x, lam, a):
    """The v with prox(v) = x: x of any shape, no entry 0."""
    # BEGIN SOLUTION: every entry's v, without a loop
    lost = lam * a * (a + 1) / (a + np.abs(x)) ** 2
    return x + np.sign(x) * lost
    # END SOLUTION


# %% tags=["ex1"]
check("06.came_from", came_from)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Write the threshold of the prox of $\lambda \rho_a$ (step 1), for `lam` of at least 0 and `a` above 0: one number, in both
# regimes.


# %% tags=["ex2"]
def tl1_threshold(lam, a):
    """The largest v for which 0 is a best x."""
    # BEGIN SOLUTION: one number, for every lam and a
    if lam <= a**2 / (2 * a + 2):
        return lam * (1 + 1 / a)
    return np.sqrt(2 * lam * (a + 1)) - a / 2
    # END SOLUTION


# %% tags=["ex2"]
check("06.tl1_threshold", tl1_threshold)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Now the prox itself, for `v` of any shape, float32 or float64. The threshold is given: `t`. Use either form of the formula;
# the result has the shape and dtype of `v`, and `v` stays as it was. No loop, and without `TransformedL1`. What lies under an arccosine or
# arcsine may be out of its range where the answer is 0: keep it inside.


# %% tags=["ex3"]
def tl1_prox(v, lam, a, t):
    """argmin over x of lam (a + 1)|x|/(a + |x|) + (x - v)^2 / 2, entry by entry; 0 where |v| <= t."""
    # BEGIN SOLUTION: every entry's best x, without a loop
    A = a + np.abs(v)
    half_sine = np.sqrt(np.minimum(27 * lam * a * (a + 1) / (4 * A**3), 1))
    size = np.abs(v) - 4 / 3 * A * np.sin(np.arcsin(half_sine) / 3) ** 2
    return np.where(np.abs(v) > t, np.sign(v) * size, 0)
    # END SOLUTION


# %% tags=["ex3"]
check("06.tl1_prox", tl1_prox)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** You want as little bias of the large weights as can be had without a jump. Which is the smallest `a` for which the prox of
# $\lambda \rho_a$ (step 1) does not jump? Solve the border for $a$, on paper.


# %% tags=["ex4"]
def least_a(lam):
    """The smallest a > 0 without a jump, for the price lam > 0: one number."""
    # BEGIN SOLUTION: what you found on paper
    return lam + np.sqrt(lam**2 + 2 * lam)
    # END SOLUTION


# %% tags=["ex4"]
check("06.least_a", least_a)

# %% [markdown]
# ## Summary
#
# - $\rho_a(x) = (a+1)|x|/(a+|x|)$ leads from l0 ($a \to 0$) to l1 ($a \to \infty$). The next bit of a large weight is cheap, so a large
#   weight loses little.
# - $x$ beats 0 if $v > h(x)$, half the weight plus its price per unit. The lowest point of $h$ is the threshold and the landing: at the edge,
#   no jump; inside, a jump.
# - The border is $\lambda = a^2/(2(a+1))$, where $t = \tfrac a2$. Below it $t = \lambda(a+1)/a$; above it
#   $t = \sqrt{2\lambda(a+1)} - \tfrac a2$, and the prox jumps to $\sqrt{2\lambda(a+1)} - a$.
# - Beyond the threshold $a + x$ is the largest root of $z^3 - (a+v) z^2 + \lambda a(a+1)$, found by $4\cos^3 - 3\cos = \cos 3\theta$. The
#   middle root is the hill between the valleys.
# - On a computer take the half angle: $x = v - \tfrac43 (a+v) \sin^2(\tfrac13 \arcsin\sqrt q)$.
