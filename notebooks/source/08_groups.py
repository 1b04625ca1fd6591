# %% [markdown]
# # 8 Groups: whole filters and whole neurons
#
# *Reading: 35 minutes. Exercises: an evening. Needs chapter [4](04_proximal_operator.ipynb).*
#
# The penalties so far ask a price for every weight, and the zeros fall where they fall. A matrix with zeros here and there is still a
# matrix of the same size: it is multiplied row by column, zeros and all.
#
# **How do we make zeros that leave together, so that what is left is a smaller network?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads
from minisgl.penalties import L1
from minisgl.penalties.groups import block_soft, within

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from minisgl.data import mnist
from minisgl.models import lenet5
from minisgl.course.show_code import show_code
from minisgl.penalties import GroupLasso, SparseGroupLasso
from minisgl.penalties.groups import norms
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Two matrices of a linear layer $y = Wx$, $W$ of shape $(12, 24)$. Both have 216 zeros (white), three quarters of all: scattered on the left, in
# whole columns on the right. Column $i$ holds all the weights that $x_i$ is multiplied with. If it is zero, nobody reads $x_i$, and both can
# go. The lower row shows what is then left.

# %%
rng = np.random.default_rng(0)
full = rng.uniform(0.4, 1, (12, 24)) * rng.choice([-1, 1], (12, 24))
scattered, grouped = full.copy(), full.copy()  # both (12, 24)
scattered.flat[rng.permutation(288)[:216]] = 0
grouped[:, rng.permutation(24)[:18]] = 0

x = rng.normal(size=24)
figure, axes = plt.subplots(2, 2, figsize=(9, 5))
for pair, W, name in zip(axes.T, (scattered, grouped), ("scattered", "in columns"), strict=True):
    read = (W != 0).any(axis=0)  # (24,): is the column alive?
    np.testing.assert_allclose(W[:, read] @ x[read], W @ x)  # the smaller product is the same
    left = f"left to multiply: 12 x {read.sum()} = {12 * read.sum()}"
    for panel, matrix, title in ((pair[0], W, f"216 zeros, {name}"), (pair[1], W[:, read], left)):
        panel.imshow(np.where(matrix == 0, np.nan, matrix), cmap="RdBu", vmin=-1.3, vmax=1.3)
        panel.axvspan(matrix.shape[1] - 0.5, 23.5, color=GREY, alpha=0.25)
        panel.set(title=title, xlim=(-0.5, 23.5), xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## What a group is
#
# A group is a set of weights whose zeros are worth something together: if all are 0, one unit of the network is of no use.
#
# | layer | weight | group | numbered by axis | if it is 0 |
# |---|---|---|---|---|
# | convolution | $(K, C, R, S)$ | filter $W_{k,:,:,:}$, of shape $(C, R, S)$ | 0 | output channel $k$ is the number $b_k$, whatever the image |
# | linear | $(D_{out}, D_{in})$ | column $W_{:,i}$, of shape $(D_{out},)$ | 1 | nobody reads neuron $i$ |
#
# A filter is what *enters* a channel, a column what *leaves* a neuron. Either way the unit can go: what a constant channel adds to the next
# layer is put into its bias, and what nobody reads is not computed ([chapter 16](16_smaller_network.ipynb)). Why not the same way for both? Rows of
# the last layer would be the ten classes, and input channels of the first the image: these we want to keep.

# %%
network = lenet5(np.random.default_rng(0))
units = {name: (slot.shape, slot.unit_axis) for name, slot in network.layout.weights.items()}
for name, (shape, axis) in units.items():
    print(f"{name:5} {shape!s:14} groups along axis {axis}: {shape[axis]:3}, each of {np.prod(shape) // shape[axis]} weights")
assert sum(shape[axis] for shape, axis in units.values()) == 20 + 50 + 800 + 500

conv1 = network.layers["conv1"]
conv1.weight[7] = 0  # one dead filter
y, _ = conv1.forward(rng.random((1, 28, 28, 2), np.float32))  # (20, 24, 24, 2): two images, in the last axis
assert np.all(y[7] == conv1.bias[7])

# %% [markdown]
# ## By hand
#
# We want a penalty that sees the group as a whole. Take its **length**, $\lVert x \rVert = \sqrt{x_1^2 + \dots + x_n^2}$, at a price of $k$ for every unit of it.
# For a group of two weights, $v = (3, 4)$, of length 5, and $k = 2$:
#
# | $x$ | price $2\,\lVert x\rVert$ | distance $\lVert x - v\rVert^2/2$ | together |
# |---|---|---|---|
# | $(3, 4)$ (stay) | 10 | 0 | 10 |
# | $(1, 2)$ (each weight soft, by 2) | 4.472 | 4 | 8.472 |
# | $(1.8, 2.4)$ (same direction, length 3) | 6 | 2 | **8** |
# | $(0, 0)$ | 0 | 12.5 | 12.5 |
#
# And for $v = (0.6, 0.8)$, of length 1: to stay costs 2, half of it $1 + 0.125 = 1.125$, and $(0, 0)$ costs 0.5. The group goes.


# %%
def cost(x, v, k):
    """What x costs, for each group in the last axis: k ||x|| + ||x - v||^2 / 2."""
    return k * np.sqrt((x**2).sum(axis=-1)) + ((x - v) ** 2).sum(axis=-1) / 2


some_x = np.array([[3, 4], [1, 2], [1.8, 2.4], [0, 0]])  # (4, 2)
np.testing.assert_allclose(cost(some_x, np.array([3, 4]), 2), [10, 8.472, 8, 12.5], atol=0.0005)
v = np.array([0.6, 0.8])  # (2,)
np.testing.assert_allclose(cost(np.stack([v, v / 2, 0 * v]), v, 2), [2, 1.125, 0.5])
print(block_soft(np.array([[3, 4], [0.6, 0.8]]), k=2, groups=0))  # the prox that is derived below: two groups, the rows

# %% [markdown]
# ## The penalty: group lasso, or l2,1
#
# For weights $w$ in groups $w_1, \dots, w_G$, group $g$ of shape $(n_g,)$:
#
# $$r(w) = \lambda \sum_{g=1}^{G} \sqrt{n_g}\; \lVert w_g \rVert$$
#
# the l2 norm within a group, and a sum, like that of l1, over the groups.
#
# **Why the length, and not its square?** $\tfrac12 \lVert w_g\rVert^2$ is weight decay: its slope fades as the weights do, and makes no zero. The length is a
# cone: it falls towards 0 with slope 1 from every side. And it has no other corner: at $(0, 4)$ it is as smooth as at $(3, 4)$.
#
# **Why $\sqrt{n_g}$?** So that each weight pays alike, in a small group and in a large one. If all of the $n_g$ weights have the size $c$, then
#
# $$\lVert w_g\rVert = \sqrt{n_g\, c^2} = \sqrt{n_g}\; c, \qquad \sqrt{n_g}\;\lVert w_g\rVert = n_g\, c :$$
#
# $c$ per weight, as with l1. Or put it with noise. We shall see that a group is dropped when its length is at most the price $k$. With $k = \lambda\sqrt{n_g}$ this compares the *root mean
# square* of its weights with $\lambda$,
#
# $$\lVert w_g \rVert \le \lambda \sqrt{n_g} \quad\Longleftrightarrow\quad \sqrt{\tfrac{1}{n_g} \textstyle\sum_i w_i^2} \;\le\; \lambda,$$
#
# and the mean square of noise is on average the same in groups of every size. **Check** with three group sizes of LeNet-5.

# %%
print("groups of pure noise (standard deviation 1) that are dropped with lam = 1.3")
for n in (10, 25, 500):
    noise = np.random.default_rng(1).normal(size=(2000, n))  # a group in each row
    with_root = (GroupLasso(1.3, groups=0).prox(noise, step=1.0) == 0).all(axis=1).mean()
    without = (block_soft(noise, 1.3 * np.sqrt(25), groups=0) == 0).all(axis=1).mean()
    print(f"   of {n:3} weights: {with_root:6.1%}       with the k of 25 weights for all sizes: {without:6.1%}")
    assert with_root > 0.9

# %% [markdown]
# ## The prox: block soft thresholding
#
# The cost is a sum over groups, so each is a problem of its own. With the step $s$ put $k = s \lambda \sqrt{n_g}$. For one group, $v$ and $x$ of shape $(n,)$:
#
# $$f(x) = k\,\lVert x\rVert + \tfrac12 \lVert x - v\rVert^2$$
#
# **Step 1: the direction.** Hold the length $\ell = \lVert x\rVert$. Then the price is $k \ell$ in every direction, and the distance is
#
# $$\tfrac12\lVert x - v\rVert^2 = \tfrac12 \ell^2 - x\cdot v + \tfrac12 \lVert v\rVert^2,$$
#
# least where $x \cdot v$ is largest. How large can that be? A square is never negative:
#
# $$0 \;\le\; \big\lVert\, \lVert v\rVert\, x - \ell\, v \,\big\rVert^2 \;=\; \lVert v\rVert^2 \ell^2 - 2\,\ell\,\lVert v\rVert\; x\cdot v + \ell^2 \lVert v\rVert^2
# \quad\Longrightarrow\quad x \cdot v \;\le\; \lVert x\rVert\,\lVert v\rVert$$
#
# (divide by $2\ell\lVert v\rVert$; if that is 0, both sides are 0). They are equal when the square is 0: when $x = \ell\, v/\lVert v\rVert$. So **the best $x$ points along
# $v$**. (If $v = 0$, then $x = 0$ is best.)
#
# **Step 2: the length.** Along $v$ the distance is that of the lengths, and what is left has one unknown:
#
# $$k\,\ell + \tfrac12 (\ell - \lVert v\rVert)^2, \qquad \ell \ge 0$$
#
# This is [chapter 4](04_proximal_operator.ipynb) with the number $\lVert v\rVert \ge 0$, so $\ell = \max(\lVert v\rVert - k,\, 0)$. Both steps together:
#
# $$\boxed{\;\operatorname{prox}(v) = \begin{cases} \Big(1 - \dfrac{k}{\lVert v\rVert}\Big)\, v & \text{if } \lVert v\rVert > k \\ 0 & \text{otherwise} \end{cases}\;}$$
#
# **Check** against the best of a million candidates in the plane, and a figure of the two steps for $v = (3, 4)$.

# %%
side = np.linspace(0, 5, 1001)  # 0.005 apart
candidates = np.stack(np.meshgrid(side, side), axis=-1)  # (1001, 1001, 2)
for v in np.array([[3, 4], [0.6, 0.8], [2, 0.5], [0, 3]]):
    best = candidates.reshape(-1, 2)[cost(candidates, v, 2).argmin()]  # (2,)
    formula = max(1 - 2 / np.linalg.norm(v), 0) * v
    assert np.abs(formula - best).max() < 0.005
    print(f"v = {v}: the formula gives {formula.round(3)}, and the best candidate is {best.round(3)}")

v = np.array([3.0, 4.0])
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
left.contour(side, side, cost(candidates, v, 2), levels=np.arange(8.2, 16, 1), colors=GREY, linewidths=0.6)
turn = np.linspace(0, np.pi / 2, 91)
left.plot(3 * np.cos(turn), 3 * np.sin(turn), color=W_COLOUR, label="all x of length 3")
left.plot([0, 3], [0, 4], "--", color=GREY, linewidth=0.8)
left.plot(*v, "o", color=GREY, label="v")
left.plot(1.8, 2.4, "o", color=V_COLOUR, label="the best x")
left.set(title="contours of the cost", xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(0, 5), ylim=(0, 5))
left.legend(loc="lower right", fontsize=8)
for size, colour in ((5.0, V_COLOUR), (1.0, GREY)):
    length = np.linspace(0, size + 0.6, 111)
    right.plot(length, 2 * length + (length - size) ** 2 / 2, color=colour, label=f"||v|| = {size:.0f}")
    best = max(size - 2, 0)
    right.plot(best, 2 * best + (best - size) ** 2 / 2, "o", color=colour)
right.set(title="the cost along v, over the length: chapter 4", xlabel="length of x", ylim=(0, 14))
right.legend()
plt.show()

# %% [markdown]
# ## The slope, and the ball at a zero group
#
# For $w_g \ne 0$ differentiate the root, $\partial \lVert w_g\rVert / \partial w_i = 2 w_i / (2\lVert w_g\rVert)$:
#
# $$\nabla\, \lambda\sqrt{n_g}\,\lVert w_g\rVert = \lambda\sqrt{n_g}\, \frac{w_g}{\lVert w_g\rVert}, \qquad\text{of shape } (n_g,) \text{ and length } \lambda\sqrt{n_g},$$
#
# the same length however short the group is. At $w_g = 0$ the formula says $0/0$: there is no slope. But there are **subgradients**, vectors $u$ with
#
# $$r(y) \;\ge\; r(x) + u\cdot(y - x) \quad\text{for all } y :$$
#
# planes that touch $r$ at $x$ and stay below it. For $r(x) = k\lVert x\rVert$ at $x = 0$ this asks for $k \lVert y\rVert \ge u\cdot y$. If $\lVert u\rVert \le k$ it holds, because
# $u\cdot y \le \lVert u\rVert\,\lVert y\rVert$ by step 1. If $\lVert u\rVert > k$ it fails at $y = u$. So the subgradients at a zero group fill the **ball** $\lVert u\rVert \le k$: this corner
# can answer a pull of any strength up to $k$, from any direction. minisgl takes $u = 0$, the shortest, which leaves a dead group alone.
#
# ## The code

# %%
show_code(norms, block_soft, GroupLasso.scale, GroupLasso.subgradient, GroupLasso.prox)

# %% [markdown]
# `groups` is the axis that numbers the groups. `norms` keeps the others with length 1: the lengths of the filters of a $(20, 1, 5, 5)$ have the shape $(20, 1, 1, 1)$, and
# can be multiplied with it. Each `where(lengths > 0, ...)` is for zero groups: there it divides by 1, and not by 0.

# %%
penalty, W = GroupLasso(0.1, groups=1), np.random.default_rng(2).normal(size=(500, 8))
W[:, 3] = 0
assert norms(conv1.weight, groups=0).shape == (20, 1, 1, 1)
lengths = np.linalg.norm(penalty.subgradient(W), axis=0)  # (8,)
np.testing.assert_allclose(lengths, np.where(np.arange(8) == 3, 0, 0.1 * np.sqrt(500)))
nudge = np.zeros((500, 8))
nudge[7, 2] = 1e-5
slope = (penalty.value(W + nudge) - penalty.value(W - nudge)) / 2e-5
np.testing.assert_allclose(slope, penalty.subgradient(W)[7, 2], rtol=1e-6)

# %% [markdown]
# ## Few groups, and few weights in them: the sparse group lasso
#
# A group that stays may still hold weights that nobody needs. Ask for both. For one group, with $t = s\lambda_1$ and $k = s \lambda_2 \sqrt{n_g}$:
#
# $$f(x) = t\,\lVert x\rVert_1 + k\,\lVert x\rVert + \tfrac12 \lVert x - v\rVert^2, \qquad x, v: (n_g,)$$
#
# Its prox is **soft thresholding, then block soft thresholding**: $z = \operatorname{soft}(v, t)$, $\;x = \operatorname{block}(z, k)$.
#
# **Step 1: what is enough.** Let $a$ be a subgradient of $\lVert\cdot\rVert_1$ at $x$, and $u$ one of $\lVert\cdot\rVert$ at $x$, such that $v - x = t\,a + k\,u$. For any
# $y$ we have
#
# $$t\lVert y\rVert_1 \ge t\lVert x\rVert_1 + t\,a\cdot(y - x), \qquad k\lVert y\rVert \ge k\lVert x\rVert + k\,u\cdot(y - x),$$
# $$\tfrac12\lVert y - v\rVert^2 = \tfrac12\lVert x - v\rVert^2 + (x - v)\cdot(y - x) + \tfrac12\lVert y - x\rVert^2$$
#
# Add the three. The products sum to $(t\,a + k\,u + x - v)\cdot(y - x) = 0$, and what stays is
#
# $$f(y) \;\ge\; f(x) + \tfrac12 \lVert y - x\rVert^2 :$$
#
# every other $y$ costs more. So such an $x$ is the prox.
#
# **Step 2: we have such $a$ and $u$.**
#
# - *Soft* takes $t \operatorname{sign}(z_i)$ from what it keeps, and all of $v_i$, at most $t$, from what it drops. So $v - z = t\,a$ with $a_i = \operatorname{sign}(z_i)$ where
#   $z_i \ne 0$, and $|a_i| \le 1$ elsewhere.
# - *Block* shortens $z$ by $k$ in its own direction, or drops it if $\lVert z\rVert \le k$. So $z - x = k\,u$ with $u = x/\lVert x\rVert$ if $x \ne 0$, and $\lVert u\rVert \le 1$ if $x = 0$: a
#   subgradient of the length at $x$, because $\lVert y\rVert \ge u\cdot y$ by step 1 above, and $\lVert x\rVert = u\cdot x$.
# - Together $v - x = t\,a + k\,u$. But $a$ was made at $z$: is it a subgradient of $\lVert\cdot\rVert_1$ **at $x$**? Yes: $|y_i| \ge a_i y_i$ because $|a_i| \le 1$,
#   and $|x_i| = a_i x_i$ because $x$ is $z$ times a factor that is not negative: where $x_i \ne 0$ it has the sign of $z_i$, which is $a_i$. ∎
#
# **The other order** breaks just here: after $\operatorname{block}(v, k)$ the vector $u$ points along $v$; soft thresholding then *turns* the group, and $u$ is not the slope of the length
# where we end.
#
# Take $v = (4, 5)$, $t = 1$, $k = 2$. Soft: $(3, 4)$. Block: $(1.8, 2.4)$, from the table above. **Check** that every other $y$ costs more, by the margin in the proof; and that
# the other order costs more.


# %%
def soft_then_block(v, t, k):
    """v (N, n): each row a group."""
    return block_soft(L1(t).prox(v, 1.0), k, groups=0)


def cost_of_both(x, v, t, k):
    return t * np.abs(x).sum(axis=-1) + cost(x, v, k)


v, t, k = np.array([4.0, 5.0]), 1.0, 2.0
x = soft_then_block(v[None], t, k)[0]  # (2,)
other = L1(t).prox(block_soft(v[None], k, groups=0), 1.0)[0]  # (2,)
print(f"soft, then block: {x.round(3)}, cost {cost_of_both(x, v, t, k):.4f}")
print(f"block, then soft: {other.round(3)}, cost {cost_of_both(other, v, t, k):.4f}")
assert cost_of_both(other, v, t, k) > cost_of_both(x, v, t, k)
np.testing.assert_allclose(SparseGroupLasso(t, k / np.sqrt(2), groups=0).prox(v[None], step=1.0)[0], x)
y = np.random.default_rng(3).normal(x, 2, size=(100_000, 2))
assert np.all(cost_of_both(y, v, t, k) >= cost_of_both(x, v, t, k) + ((y - x) ** 2).sum(axis=1) / 2 - 1e-9)

show_code(SparseGroupLasso.prox)  # what minisgl does: the same two, in the same order

# %% [markdown]
# ## Where the three send a group of two weights
#
# Each arrow goes from $v$ to its prox. What lies in the shaded region goes to 0 as a whole. Orange arrows end on an axis: one of the two weights is 0.
#
# - **l1**: a square is dropped. Many arrows end on the axes: single zeros.
# - **Group lasso**: a disc is dropped. Arrows point to the origin, and none ends on an axis: all or nothing.
# - **Sparse group lasso**: a square of side $2t$ with a rim of width $k$ is dropped, for a group goes if what soft thresholding leaves of it is at most $k$ long.


# %%
def draw_prox(axes, lam1, lam2, title):
    """Draw the arrows, and return how many of them end on an axis."""
    t, k = lam1, lam2 * np.sqrt(2)
    fine = np.linspace(-3, 3, 301)
    plane = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)  # (90601, 2)
    dead = (soft_then_block(plane, t, k) == 0).all(axis=1).reshape(301, 301)
    axes.contourf(fine, fine, dead, levels=[0.5, 2], colors=[GREY], alpha=0.25)
    some = np.linspace(-2.75, 2.75, 12)
    v = np.stack(np.meshgrid(some, some), axis=-1).reshape(-1, 2)  # (144, 2)
    x = soft_then_block(v, t, k)
    zeros = (x == 0).sum(axis=1)
    for number, colour in ((0, W_COLOUR), (1, V_COLOUR)):
        start, way = v[zeros == number], (x - v)[zeros == number]
        axes.quiver(*start.T, *way.T, angles="xy", scale_units="xy", scale=1, width=0.004, color=colour)
    axes.set(title=title, xlabel="$v_1$", aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2], xlim=(-3, 3), ylim=(-3, 3))
    return np.sum(zeros == 1)


figure, axes = plt.subplots(1, 3, figsize=(14, 4.6))
on_axis = [
    draw_prox(axes[0], 1.0, 0.0, "l1: lam1 = 1, lam2 = 0"),
    draw_prox(axes[1], 0.0, 0.9, "group lasso: lam1 = 0, lam2 = 0.9"),
    draw_prox(axes[2], 0.6, 0.5, "sparse group lasso: lam1 = 0.6, lam2 = 0.5"),
]
axes[0].set_ylabel("$v_2$")
plt.show()
assert on_axis[1] == 0 < min(on_axis[0], on_axis[2])

# %% [markdown]
# With a running kernel, mix the two yourself. (Without one, the three panels above are the cases to compare.)


# %%
def one_panel(lam1, lam2):
    _, panel = plt.subplots(figsize=(4.6, 4.6))
    draw_prox(panel, lam1, lam2, f"lam1 = {lam1:.1f}, lam2 = {lam2:.1f}")
    plt.show()


_ = interact(
    one_panel,
    lam1=FloatSlider(value=0.6, min=0, max=1.2, step=0.1),
    lam2=FloatSlider(value=0.5, min=0, max=1.2, step=0.1),
)

# %% [markdown]
# ## Three weights, two groups
#
# Groups $\{1, 2\}$ and $\{3\}$: $r(x) = \sqrt2\,\sqrt{x_1^2 + x_2^2} + |x_3|$. All $x$ with $r(x) \le 1$ fill a double cone (middle). Sharp edges (orange) and tips are where
# a loss likes to touch such a body, and say which zeros to expect. Those of the cone: the two tips have $x_1 = x_2 = 0$, the rim has $x_3 = 0$. No edge has $x_1 = 0$ alone. l1 (left) has an
# edge for every weight, and the sparse group lasso (right) the edges of the one on the body of the other.


# %%
def l1_value(x):
    return np.abs(x).sum(axis=-1)


def group_value(x):
    return np.sqrt(2) * np.sqrt(x[..., 0] ** 2 + x[..., 1] ** 2) + np.abs(x[..., 2])


def at_one(ray, value):
    """The rays (..., 3), cut where value is 1: value(c x) = c value(x) for c > 0."""
    skin = ray / value(ray)[..., None]
    np.testing.assert_allclose(value(skin), 1)
    return skin


around, up = np.meshgrid(np.linspace(0, 2 * np.pi, 81), np.linspace(-np.pi / 2, np.pi / 2, 41))
sphere = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=-1)  # (41, 81, 3)
ring = np.stack([np.cos(around[0]), np.sin(around[0]), 0 * around[0]])  # (3, 81): x3 = 0
figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), subplot_kw={"projection": "3d"})
for panel, title, value, turns in (
    (axes[0], "l1", l1_value, (0, 1, 2)),
    (axes[1], "groups {1, 2} and {3}", group_value, (0,)),
    (axes[2], "half of each: sparse groups", lambda x: (l1_value(x) + group_value(x)) / 2, (0, 1, 2)),
):
    panel.plot_surface(*np.moveaxis(at_one(sphere, value), -1, 0), color=W_COLOUR, alpha=0.35, rcount=41, ccount=81)
    for turn in turns:  # the rings x3 = 0, x1 = 0, x2 = 0
        panel.plot(*at_one(np.roll(ring, turn, axis=0).T, value).T, color=V_COLOUR, linewidth=1.5)
    panel.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xticks=[-1, 1], yticks=[-1, 1], zticks=[-1, 1])
    panel.text(0, 0, 1.15, "$x_3$")
    panel.view_init(elev=22, azim=-60)
    panel.set_box_aspect((1, 1, 1), zoom=1.1)
plt.show()

v = np.random.default_rng(4).normal(0, 2, size=(20_000, 3))
x_l1 = L1(1.0).prox(v, 1.0)
x_group = np.concatenate([block_soft(v[:, :2], np.sqrt(2), groups=0), block_soft(v[:, 2:], 1.0, groups=0)], axis=1)
for name, x in (("l1", x_l1), ("groups", x_group)):
    zeros = (x[:, :2] == 0).sum(axis=1)
    print(f"{name:7} of 20,000 prox: x1 and x2 both 0 in {np.sum(zeros == 2):5}, one of them alone in {np.sum(zeros == 1):5}")
assert np.sum((x_group[:, :2] == 0).sum(axis=1) == 1) == 0

# %% [markdown]
# ## An experiment: which pixels does a linear classifier need?
#
# 20,000 digits of MNIST, $x$ of shape $(784,)$, and the right class as $y$ of shape $(10,)$, with one 1. A single layer, $W$ of shape $(10, 784)$: column $i$ is all that the ten
# outputs read of pixel $i$. With the means taken away from $x$ and $y$, we look for
#
# $$\min_W\;\; \frac{1}{2N} \sum_{n=1}^N \lVert W x_n - y_n\rVert^2 + \lambda \sqrt{10}\, \sum_{i=1}^{784} \lVert W_{:,i}\rVert$$
#
# The gradient of the loss is $W G - B$ with $G = \frac1N \sum_n x_n x_n^{\mathsf T}$, $(784, 784)$, and $B = \frac1N \sum_n y_n x_n^{\mathsf T}$, $(10, 784)$. We go down a path of $\lambda$ by
# proximal gradient steps, each from a point a little ahead in the direction of the last step (Nesterov's momentum: the same minimum, sooner). Then the same with l1.

# %%
train, test = mnist.load()
N = 20_000
X, X_test = train.images[:N].reshape(N, 784), test.images.reshape(-1, 784)
Y = np.eye(10, dtype=np.float32)[train.labels[:N]]  # (N, 10)
never = X.max(axis=0) == 0  # (784,): pixels without ink in all digits
x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
G = (X - x_mean).T @ (X - x_mean) / N  # (784, 784), float32
B = (Y - y_mean).T @ (X - x_mean) / N  # (10, 784)
lr = 1 / float(np.linalg.eigvalsh(G)[-1])
lams = np.geomspace(0.028, 0.001, 12)


def path(make, steps=200):
    """The solutions (12, 10, 784) for all of lams, each starting from the one before."""
    W, solutions = np.zeros((10, 784), np.float32), []
    for lam in lams.tolist():
        penalty, before = make(lam), W
        for i in range(steps):
            ahead = W + i / (i + 3) * (W - before)
            before, W = W, penalty.prox(ahead - lr * (ahead @ G - B), step=lr)
        solutions.append(W)
    return np.array(solutions)


def error(W):
    return np.mean(((X_test - x_mean) @ W.T + y_mean).argmax(axis=1) != test.labels)


paths = {"group lasso": path(lambda lam: GroupLasso(lam, groups=1)), "l1": path(L1)}
pixels = {name: (W != 0).any(axis=1).sum(axis=1) for name, W in paths.items()}  # (12,): pixels that are read
zeros = {name: (W == 0).mean(axis=(1, 2)) for name, W in paths.items()}  # (12,)
errors = {name: np.array([error(one) for one in W]) for name, W in paths.items()}  # (12,)

figure, axes = plt.subplots(1, 5, figsize=(14, 3.3))
for panel, i in zip(axes, (1, 3, 5, 8, 11), strict=True):
    lengths = norms(paths["group lasso"][i], 1).reshape(28, 28)
    panel.imshow(np.where(lengths == 0, np.nan, lengths), cmap="viridis")
    panel.set(xticks=[], yticks=[])
    panel.set_title(f"lam = {lams[i]:.4f}\n{pixels['group lasso'][i]} pixels, error {errors['group lasso'][i]:.1%}")
figure.suptitle("group lasso: length of each pixel's column (white: the pixel is not read)")
plt.show()
dead = (paths["group lasso"] == 0).all(axis=1)  # (12, 784)
border = np.pad(np.zeros((26, 26), bool), 1, constant_values=True).ravel()
assert dead[:, never].all()
assert dead[:, border].all()
print(f"{never.sum()} pixels never have ink. No lam reads one of them, or one at the edge of the picture")

# %% [markdown]
# **Check** of a solution by its subgradients. Where $W_{:,i} \ne 0$, the gradient of the loss and the slope of the penalty cancel, so the gradient has the length $k = \lambda\sqrt{10}$. Where
# $W_{:,i} = 0$, it must lie in the ball: at most $k$ long.

# %%
at = 5
W = paths["group lasso"][at]  # (10, 784)
pull = np.linalg.norm(W @ G - B, axis=0) / (lams[at] * np.sqrt(10))  # (784,), in units of k
print(
    f"pixels that are read: {pull[~dead[at]].min():.3f} k to {pull[~dead[at]].max():.3f} k; the others: at most {pull[dead[at]].max():.3f} k"
)
assert np.abs(pull[~dead[at]] - 1).max() < 0.01
assert pull[dead[at]].max() < 1.01

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.6))
entered = np.flatnonzero(~dead[-1])
some = np.random.default_rng(8).choice(entered, 60, replace=False)
left.semilogx(lams, norms(paths["group lasso"], (0, 2))[:, 0, some], color=V_COLOUR, linewidth=0.8, alpha=0.7)
left.invert_xaxis()
left.set(title="60 of the pixels: more enter as lam falls", xlabel="lam, falling", ylabel="length of the column")
for name, colour in (("group lasso", V_COLOUR), ("l1", W_COLOUR)):
    middle.plot(100 * zeros[name], pixels[name], "o-", color=colour, markersize=4, label=name)
    right.plot(pixels[name], 100 * errors[name], "o-", color=colour, markersize=4, label=name)
middle.set(title="pixels that are read", xlabel="% of the weights that are 0")
right.set(title="test error, %", xlabel="pixels that are read", ylim=(0, 70))
middle.legend()
right.legend()
plt.show()
assert np.all(np.diff(pixels["group lasso"]) > 0)
np.testing.assert_allclose(zeros["group lasso"], 1 - pixels["group lasso"] / 784)  # all zeros are in dead columns

# %% [markdown]
# Now one solution of each: of l1 the last on its path that has at least as many zeros.

# %%
at = {"group lasso": 5, "l1": int(np.flatnonzero(zeros["l1"] >= zeros["group lasso"][5])[-1])}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for panel, (name, i) in zip(axes, at.items(), strict=True):
    count = (paths[name][i] != 0).sum(axis=0).reshape(28, 28)
    shown = panel.imshow(np.where(count == 0, np.nan, count), cmap="viridis", vmin=1, vmax=10)
    panel.set(xticks=[], yticks=[])
    panel.set_title(f"{name}: {zeros[name][i]:.1%} zeros,\n{784 - pixels[name][i]} dead columns, {pixels[name][i]} pixels read")
    print(f"{name:12} {zeros[name][i]:.1%} zeros, {pixels[name][i]} pixels, test error {errors[name][i]:.1%}")
figure.colorbar(shown, ax=axes, label="weights of the pixel that are not 0")
plt.show()
assert pixels["l1"][at["l1"]] > 2 * pixels["group lasso"][5]
assert errors["l1"][at["l1"]] < errors["group lasso"][5]
both = pixels["l1"] < pixels["group lasso"][-1]  # where the two curves of the right panel overlap
assert np.all(np.interp(pixels["l1"], pixels["group lasso"], errors["group lasso"])[both] < errors["l1"][both])

# %% [markdown]
# With as many zeros, l1 has the smaller error: it may place its weights where it likes. But it reads more than twice the pixels. With as many *pixels*, the group lasso has the smaller error
# (right panel above). So ask for what you pay for: l1 if it is numbers, group lasso if it is pixels, neurons, filters.
#
# ## Exercises
#
# To be written in [exercises/08_groups.ipynb](exercises/08_groups.ipynb), where a check below each answer tells you what is wrong. In all of them `axis` is one number: the axis that
# numbers the groups.

# %% [markdown] tags=["ex1"]
# `axis` is the one axis that numbers the groups, and `within(w, axis)` are all the others: for a convolution `within(w, 0)` is `(1, 2, 3)`.
#
# **Exercise 1.** How long is each group? Write the lengths of the groups of `w`, of shape `(w.shape[axis],)`: for filters $(K, C, R, S)$ with `axis=0`, for the columns of a linear layer
# with `axis=1`. `w` has any number of axes. (Give `within(w, axis)` to a sum of NumPy as its `axis`.)


# %% tags=["ex1"]
def group_norms(w, axis):
    """||w_g|| of every group: w of any shape, the result (w.shape[axis],)."""
    # BEGIN SOLUTION: the root of the sum of squares over the axes within a group
    return np.sqrt(np.sum(w**2, axis=within(w, axis)))
    # END SOLUTION


# %% tags=["ex1"]
check("08.group_norms", group_norms)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Write block soft thresholding for `v` of any shape, float32 or float64, with `k` of at least 0. A group that is 0 stays 0, with no division by 0. The result has the shape
# and dtype of `v`, and `v` stays as it was. No loop, and without `block_soft` and `GroupLasso`. (A sum with `keepdims=True` has a shape that can be multiplied with `v`.)


# %% tags=["ex2"]
def shorten_groups(v, k, axis):
    """argmin over x of the sum over groups of k ||x_g|| + ||x_g - v_g||^2 / 2: v of any shape, k >= 0."""
    # BEGIN SOLUTION: the lengths, with axes kept; which groups are long enough; those shortened, and the others 0
    lengths = np.sqrt(np.sum(v**2, axis=within(v, axis), keepdims=True))
    alive = lengths > k
    return np.where(alive, v * (1 - k / np.where(alive, lengths, 1)), 0)
    # END SOLUTION


# %% tags=["ex2"]
check("08.shorten_groups", shorten_groups)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Write the prox of the sparse group lasso for the step 1, in full: of $\lambda_1 \lVert x\rVert_1 + \lambda_2 \sum_g \sqrt{n_g}\,\lVert x_g\rVert$. Here you may use `L1`, and
# `block_soft(v, k, axis)`, which wants the $k$ of a group.


# %% tags=["ex3"]
def sparse_group_prox(v, lam1, lam2, axis):
    """argmin over x of lam1 ||x||_1 + lam2 sum_g sqrt(n_g) ||x_g|| + ||x - v||^2 / 2: v of any shape."""
    # BEGIN SOLUTION: both thresholds, in the right order, and with the right price for a group
    n_g = v.size // v.shape[axis]
    return block_soft(L1(lam1).prox(v, step=1.0), lam2 * np.sqrt(n_g), axis)
    # END SOLUTION


# %% tags=["ex3"]
check("08.sparse_group_prox", sparse_group_prox)

# %% [markdown]
# ## Summary
#
# - Zeros make a network smaller when they fill whole groups: a filter (axis 0 of a convolution), or all that leaves a neuron (axis 1 of a linear layer).
# - Group lasso, $\lambda\sum_g\sqrt{n_g}\lVert w_g\rVert$, is an l1 of lengths. Its prox shortens each group by $k = s\lambda\sqrt{n_g}$ in its own direction, and drops it if it is no longer than $k$.
# - At a zero group the subgradients fill the ball of radius $\lambda\sqrt{n_g}$; away from it the slope has just this length.
# - l1 and group lasso: soft thresholding, **then** block soft thresholding. With l0 in the place of
#   l1 this is wrong: [chapter 9](09_groups_with_l0.ipynb).
