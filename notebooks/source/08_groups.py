# %% [markdown]
# # 8 Groups: whole filters and whole neurons
#
# The penalties so far ask a price for every weight, and the zeros fall where they fall. A matrix with three quarters of its entries zero, here
# and there, is still a matrix of the same size: it is multiplied row by column, zeros and all.
#
# **How do we make zeros that leave together, so that what is left is a smaller network?**

# %% tags=["setup"]
import numpy as np

from minisgl.check import check
from minisgl.penalties import L1
from minisgl.penalties.groups import block_soft, within

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact
from matplotlib.colors import ListedColormap

from minisgl.data import mnist
from minisgl.models import lenet5
from minisgl.nn import Conv2d
from minisgl.notebook import show_code
from minisgl.penalties import L0, GroupL0With, GroupLasso, SparseGroupL0, SparseGroupLasso, TransformedL1
from minisgl.penalties.groups import norms
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Two matrices of a linear layer $y = Wx$, $W$ of shape $(12, 24)$: 24 inputs, 12 outputs. Both have 216 zeros (white), three quarters of all. On the left
# they are scattered, on the right they fill whole columns. Column $i$ holds all the weights that input $x_i$ is multiplied with. Is it zero, then
# nobody reads $x_i$, and column and input can go. That is the lower row.

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
    for panel, matrix, title in (
        (pair[0], W, f"216 zeros, {name}"),
        (pair[1], W[:, read], f"left to multiply: 12 x {read.sum()} = {12 * read.sum()}"),
    ):
        panel.imshow(np.where(matrix == 0, np.nan, matrix), cmap="RdBu", vmin=-1.3, vmax=1.3)
        panel.set(title=title, xlim=(-0.5, 23.5), xticks=[], yticks=[])
        panel.axvline(matrix.shape[1] - 0.5, color=GREY, linewidth=1)
plt.show()

# %% [markdown]
# ## What a group is
#
# A group is a set of weights whose zeros are worth something together. Networks are made of units, so a group is what a unit needs to be of use:
#
# | layer | weight | group | axis that numbers the groups | if it is 0 |
# |---|---|---|---|---|
# | convolution | $(K, C, R, S)$ | filter $k$: $W_{k,:,:,:}$, of shape $(C, R, S)$ | 0 | output channel $k$ is the number $b_k$ everywhere, whatever the image |
# | linear | $(D_{out}, D_{in})$ | column $i$: $W_{:,i}$, of shape $(D_{out},)$ | 1 | nobody reads neuron $i$ |
#
# A filter is what *enters* a channel, a column is what *leaves* a neuron. Why not the same for both? A channel that is constant can be put into the bias
# of the next layer, and a neuron that nobody reads need not be computed: either way the unit goes, from both of the layers that it joins
# ([chapter 12](12_smaller_network.ipynb) takes them out). With this choice each unit of LeNet-5 is counted by one group. Rows of the linear layers would make groups of the ten
# classes, input channels of the convolutions one of the image: and these we want to keep.

# %%
network = lenet5(np.random.default_rng(0))
units = {name: (layer.weight_shape, layer.unit_axis) for name, layer in network.layers.items() if layer.weight_shape}
for name, (shape, axis) in units.items():
    print(f"{name}: weight {shape}, groups along axis {axis}: {shape[axis]} of {np.prod(shape) // shape[axis]} weights")
assert sum(shape[axis] for shape, axis in units.values()) == 20 + 50 + 800 + 500

conv = Conv2d(1, 3, 5)
conv.weight, conv.bias = rng.normal(size=(3, 1, 5, 5)), rng.normal(size=3)
conv.weight[1] = 0  # filter 1 is dead
y, _ = conv.forward(rng.normal(size=(1, 28, 28, 2)))  # (3, 24, 24, 2): two images, the last axis
assert np.all(y[1] == conv.bias[1])

# %% [markdown]
# ## By hand
#
# We want a penalty that sees the whole group. Take its **length**, $\lVert x \rVert = \sqrt{x_1^2 + \dots + x_n^2}$, at a price of $k$ for every unit of it. For one
# group of two weights, $v = (3, 4)$, of length 5, and with $k = 2$:
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
    """What x costs for each group, in the last axis: k ||x|| + ||x - v||^2 / 2."""
    return k * np.sqrt((x**2).sum(axis=-1)) + ((x - v) ** 2).sum(axis=-1) / 2


some_x = np.array([[3, 4], [1, 2], [1.8, 2.4], [0, 0]])  # (4, 2)
np.testing.assert_allclose(cost(some_x, np.array([3, 4]), 2), [10, 8.472, 8, 12.5], atol=0.0005)
v = np.array([0.6, 0.8])  # (2,)
np.testing.assert_allclose(cost(np.stack([v, v / 2, 0 * v]), v, 2), [2, 1.125, 0.5])
print(
    GroupLasso(np.sqrt(2), groups=0).prox(np.array([[3, 4], [0.6, 0.8]]), step=1.0)
)  # two groups, the rows; why sqrt(2): below

# %% [markdown]
# ## The penalty: l2,1, or group lasso
#
# For weights $w$ in groups $w_1, \dots, w_G$, group $g$ of shape $(n_g,)$:
#
# $$r(w) = \lambda \sum_{g=1}^{G} \sqrt{n_g}\; \lVert w_g \rVert$$
#
# It is an l1 norm of lengths: the l2 norm within a group, the sum over the groups. Two questions.
#
# **Why the length, and not its square?** The square $\tfrac12 \lVert w_g\rVert^2$ is weight decay. Its slope goes to 0 together with the weights, and makes no zero. The length
# falls towards 0 with slope 1 from every side: it is a cone, with its tip at the zero group. And only there: at $(0, 4)$ the length is as smooth as at $(3, 4)$.
#
# **Why $\sqrt{n_g}$?** So that each weight pays alike, in a small group and in a large one. If all of the $n_g$ weights have the size $c$, then
#
# $$\lVert w_g\rVert = \sqrt{n_g\, c^2} = \sqrt{n_g}\; c, \qquad \sqrt{n_g}\;\lVert w_g\rVert = n_g\, c,$$
#
# which is $c$ per weight, what l1 asks. Or put it with noise: if $w_g$ is nothing but noise of standard deviation $\sigma$, then $\lVert w_g\rVert^2$ is $n_g \sigma^2$ on average. We shall
# see below that a group is dropped when its length is at most $k$. With $k = \lambda \sqrt{n_g}$ that is
#
# $$\lVert w_g \rVert \le \lambda \sqrt{n_g} \quad\Longleftrightarrow\quad \sqrt{\tfrac{1}{n_g} \textstyle\sum_i w_i^2} \;\le\; \lambda :$$
#
# the *root mean square* of its weights is compared with $\lambda$, and noise goes whatever the size of the group. **Check** with the group sizes of LeNet-5.

# %%
print("groups of pure noise (standard deviation 1) that are dropped with lam = 1.3")
for n in (10, 25, 500):
    noise = np.random.default_rng(1).normal(size=(2000, n))  # a group in each row
    with_root = (GroupLasso(1.3, groups=0).prox(noise, step=1.0) == 0).all(axis=1).mean()
    without = (block_soft(noise, 1.3 * np.sqrt(25), groups=0) == 0).all(axis=1).mean()
    print(f"   of {n:3} weights: {with_root:7.1%}        with the k of 25 weights for all sizes: {without:7.1%}")
    assert with_root > 0.9

# %% [markdown]
# ## The prox: block soft thresholding
#
# The cost is a sum over the groups, and so each group is a problem of its own. With the step $s$ put $k = s \lambda \sqrt{n_g}$. For one group, $v$ and $x$ of shape $(n,)$:
#
# $$f(x) = k\,\lVert x\rVert + \tfrac12 \lVert x - v\rVert^2$$
#
# **Step 1: the direction.** Hold the length $\ell = \lVert x\rVert$. The price is then $k \ell$, whatever the direction, and the distance is
#
# $$\tfrac12\lVert x - v\rVert^2 = \tfrac12 \ell^2 - x\cdot v + \tfrac12 \lVert v\rVert^2,$$
#
# least where $x \cdot v$ is largest. How large can it be? A square is never negative:
#
# $$0 \;\le\; \big\lVert\, \lVert v\rVert\, x - \ell\, v \,\big\rVert^2 \;=\; \lVert v\rVert^2 \ell^2 - 2\,\ell\,\lVert v\rVert\; x\cdot v + \ell^2 \lVert v\rVert^2
# \quad\Longrightarrow\quad x \cdot v \;\le\; \ell\, \lVert v\rVert \;=\; \lVert x\rVert\,\lVert v\rVert$$
#
# (if $\ell$ and $\lVert v\rVert$ are not 0; else both sides are 0). They are equal when the square is 0, which is when $x = \ell\, v/\lVert v\rVert$. So **the best $x$ points along $v$**.
#
# **Step 2: the length.** Along $v$ the distance is that of the lengths, $\lVert x - v\rVert = |\ell - \lVert v\rVert|$, and what is left has one unknown:
#
# $$k\,\ell + \tfrac12 (\ell - \lVert v\rVert)^2, \qquad \ell \ge 0$$
#
# This is [chapter 4](04_proximal_operator.ipynb) with the number $\lVert v\rVert \ge 0$: soft thresholding, $\ell = \max(\lVert v\rVert - k,\, 0)$. Both steps together:
#
# $$\boxed{\;\operatorname{prox}(v) = \Big(1 - \frac{k}{\lVert v\rVert}\Big)\, v \;\text{ if } \lVert v\rVert > k, \quad\text{and } 0 \text{ otherwise}\;}$$
#
# **Check** against the best of a million candidates in the plane, and a figure of the two steps for $v = (3, 4)$.

# %%
side = np.linspace(0, 5, 1001)  # 0.005 apart
candidates = np.stack(np.meshgrid(side, side), axis=-1)  # (1001, 1001, 2)
for v in np.array([[3, 4], [0.6, 0.8], [2, 0.1], [0, 3]]):
    best = candidates.reshape(-1, 2)[cost(candidates, v, 2).argmin()]  # (2,)
    formula = max(1 - 2 / np.linalg.norm(v), 0) * v
    assert np.abs(formula - best).max() < 0.006
    print(f"v = {v}: the formula gives {formula.round(3)}, and the best candidate is {best.round(3)}")

v = np.array([3.0, 4.0])
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
left.contour(side, side, cost(candidates, v, 2), levels=np.arange(8.2, 16, 1), colors=GREY, linewidths=0.6)
turn = np.linspace(0, np.pi / 2, 91)
left.plot(3 * np.cos(turn), 3 * np.sin(turn), color=W_COLOUR, label="all x of length 3")
left.plot([0, 3], [0, 4], "--", color=GREY, linewidth=0.8)
left.plot(*v, "o", color=GREY, label="v")
left.plot(1.8, 2.4, "o", color=V_COLOUR, label="the best x")
left.set(
    title="the cost in the plane: lowest along v", xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(0, 5), ylim=(0, 5)
)
left.legend(loc="lower right", fontsize=8)
length = np.linspace(0, 5.5, 111)
for size, colour in ((5.0, V_COLOUR), (1.0, GREY)):
    right.plot(length, 2 * length + (length - size) ** 2 / 2, color=colour, label=f"||v|| = {size:.0f}")
    best = max(size - 2, 0)
    right.plot(best, 2 * best + (best - size) ** 2 / 2, "o", color=colour)
right.set(title="the cost along v: chapter 4", xlabel="length of x", ylim=(0, 14))
right.legend()
plt.show()

# %% [markdown]
# ## The slope at a zero group
#
# Gradient steps need a slope. For $w_g \ne 0$ differentiate the root: $\partial \lVert w\rVert / \partial w_i = 2 w_i / (2\lVert w\rVert)$, so
#
# $$\nabla\, \lambda\sqrt{n_g}\,\lVert w_g\rVert = \lambda\sqrt{n_g}\, \frac{w_g}{\lVert w_g\rVert}, \qquad\text{of shape } (n_g,) \text{ and length } \lambda\sqrt{n_g},$$
#
# the same length however short the group is. At $w_g = 0$ there is no slope (the formula says $0/0$), but there are **subgradients**: vectors $u$ with
#
# $$r(y) \;\ge\; r(x) + u\cdot(y - x) \quad\text{for all } y,$$
#
# planes that touch $r$ at $x$ and stay below it. At $x = 0$, with $r(x) = k\lVert x\rVert$, this asks for $k \lVert y\rVert \ge u\cdot y$. If $\lVert u\rVert \le k$ it holds, for
# $u\cdot y \le \lVert u\rVert\,\lVert y\rVert$ by step 1. If $\lVert u\rVert > k$ it fails at $y = u$. So the subgradients at a zero group are the **ball** $\lVert u\rVert \le k$. This is the
# corner that answers a pull of any strength up to $k$, from any direction: where zero groups come from. minisgl takes $u = 0$, the shortest, which leaves a dead
# group alone.
#
# ## The code

# %%
show_code(norms, block_soft, GroupLasso.pull, GroupLasso.subgradient, GroupLasso.prox)

# %% [markdown]
# `groups` is the axis that numbers the groups. `norms` keeps the others with length 1, so that the lengths of the filters of a $(20, 1, 5, 5)$ have the shape $(20, 1, 1, 1)$ and
# can be multiplied with it. The two `where` are for zero groups: divide by 1 there, not by 0.

# %%
penalty, W = GroupLasso(0.1, groups=1), np.random.default_rng(2).normal(size=(500, 8))
W[:, 3] = 0
assert norms(conv.weight, groups=0).shape == (3, 1, 1, 1)
np.testing.assert_allclose(np.linalg.norm(penalty.subgradient(W), axis=0), np.where(np.arange(8) == 3, 0, 0.1 * np.sqrt(500)))
nudge = np.zeros((500, 8))
nudge[7, 2] = 1e-5
slope = (penalty.value(W + nudge) - penalty.value(W - nudge)) / 2e-5  # along one weight
np.testing.assert_allclose(slope, penalty.subgradient(W)[7, 2], rtol=1e-6)

# %% [markdown]
# ## Few groups, and few weights in them: the sparse group lasso
#
# A group that stays may still hold weights that nobody needs. Ask for both, for one group with $t = s\lambda_1$ and $k = s \lambda_2 \sqrt{n_g}$:
#
# $$f(x) = t\,\lVert x\rVert_1 + k\,\lVert x\rVert + \tfrac12 \lVert x - v\rVert^2, \qquad x, v: (n_g,)$$
#
# Its prox is **soft thresholding, and then block soft thresholding**: $z = \operatorname{soft}(v, t)$, then $x = \operatorname{block}(z, k)$. The proof needs two steps.
#
# **Step 1: what is enough.** Let $a$ be a subgradient of $\lVert\cdot\rVert_1$ at $x$, and $u$ one of $\lVert\cdot\rVert$ at $x$, with $v - x = t\,a + k\,u$. For any $y$
# we have
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
# **Step 2: we have such $a$ and $u$.** Soft thresholding takes $t \operatorname{sign}(z_i)$ from what it keeps, and all of $v_i$, of size at most $t$, from what it drops. So
# $v - z = t\,a$ with $a_i = \operatorname{sign}(z_i)$ where $z_i \ne 0$, and $|a_i| \le 1$ elsewhere. Block soft thresholding shortens $z$ by $k$ in its own direction, or drops it
# if $\lVert z\rVert \le k$. So $z - x = k\,u$ with $u = x/\lVert x\rVert$ if $x \ne 0$, and $\lVert u\rVert \le 1$ if $x = 0$: a subgradient of the length at $x$. Together $v - x = t\,a + k\,u$.
# Is $a$ a subgradient of $\lVert\cdot\rVert_1$ **at $x$**? It was made at $z$. But $x$ is $z$ times a factor that is not negative: where $x_i \ne 0$ it has the sign of
# $z_i$, and where $x_i = 0$ any $|a_i| \le 1$ will do. Yes. ∎
#
# **The other order** breaks just here. After $\operatorname{block}(v, k)$ the vector $u$ points along $v$. Soft thresholding then *turns* the group, and $u$ is not the slope of the length at the place where we end.
#
# Take $v = (4, 5)$, $t = 1$, $k = 2$. Soft: $(3, 4)$. Block: $(1.8, 2.4)$, from the table above. **Check** that nothing is cheaper, by the margin that the proof gives; and the other order.

# %%
t, k = 1.0, 2.0
v = np.array([4.0, 5.0])


def cost_of_both(x):
    return t * np.abs(x).sum(axis=-1) + cost(x, v, k)


def soft_then_block(v, t, k):
    """v (N, n): each row a group."""
    return block_soft(L1(t).prox(v, 1.0), k, groups=0)


x = soft_then_block(v[None], t, k)[0]  # (2,)
reverse = L1(t).prox(block_soft(v[None], k, groups=0), 1.0)[0]  # (2,)
print(f"soft, then block: {x.round(3)}, cost {cost_of_both(x):.4f}")
print(f"block, then soft: {reverse.round(3)}, cost {cost_of_both(reverse):.4f}")
np.testing.assert_allclose(SparseGroupLasso(1.0, np.sqrt(2), groups=0).prox(v[None], step=1.0)[0], x)
y = np.random.default_rng(3).normal(x, 2, size=(100_000, 2))
assert np.all(cost_of_both(y) >= cost_of_both(x) + ((y - x) ** 2).sum(axis=1) / 2 - 1e-9)
assert cost_of_both(reverse) > cost_of_both(x)

# %% [markdown]
# ## Where the three send a group of two weights
#
# Each arrow goes from $v$ to its prox. The shaded region goes to 0 as a whole. On the thick lines one of the two weights becomes 0.
#
# - **l1**: a square is dropped. Arrows are diagonal, all of the same length, and many end on the axes: single zeros.
# - **Group lasso**: a disc is dropped. Arrows point to the origin. None ends on an axis that did not start there: all or nothing.
# - **Sparse group lasso**: the square, and around it a rim of width $k$: a group is dropped if what soft thresholding leaves of it is at most $k$ long.


# %%
def draw_prox(axes, lam1, lam2, title):
    t, k = lam1, lam2 * np.sqrt(2)
    fine = np.linspace(-3, 3, 241)
    plane = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)  # (58081, 2)
    dead = (soft_then_block(plane, t, k) == 0).all(axis=1).reshape(241, 241)
    axes.contourf(fine, fine, dead, levels=[0.5, 2], colors=[GREY], alpha=0.25)
    some = np.linspace(-2.75, 2.75, 12)
    v = np.stack(np.meshgrid(some, some), axis=-1).reshape(-1, 2)  # (144, 2)
    x = soft_then_block(v, t, k)
    one_zero = (x == 0).any(axis=1) & (x != 0).any(axis=1)
    for chosen, colour in ((~one_zero, W_COLOUR), (one_zero, V_COLOUR)):
        start, way = v[chosen], (x - v)[chosen]
        axes.quiver(*start.T, *way.T, angles="xy", scale_units="xy", scale=1, width=0.004, color=colour)
    axes.set(title=title, xlabel="$v_1$", aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2], xlim=(-3, 3), ylim=(-3, 3))
    return one_zero.sum()


figure, axes = plt.subplots(1, 3, figsize=(14, 4.6))
singles = [
    draw_prox(axes[0], 1.0, 0.0, "l1: lam1 = 1, lam2 = 0"),
    draw_prox(axes[1], 0.0, 0.9, "group lasso: lam1 = 0, lam2 = 0.9"),
    draw_prox(axes[2], 0.6, 0.5, "sparse group lasso: lam1 = 0.6, lam2 = 0.5"),
]
axes[0].set_ylabel("$v_2$")
figure.suptitle("shaded: the group becomes 0     orange: one of the two weights does     blue: neither, or both")
plt.show()
assert singles[1] == 0 < min(singles[0], singles[2])

# %% [markdown]
# With a running kernel, mix the two yourself. (Without one, the three panels above are the cases to compare.)


# %%
def one_panel(lam1, lam2):
    _, panel = plt.subplots(figsize=(4.6, 4.6))
    draw_prox(panel, lam1, lam2, f"lam1 = {lam1:.1f}, lam2 = {lam2:.1f}")
    plt.show()


_ = interact(
    one_panel,
    lam1=FloatSlider(value=0.6, min=0, max=1.5, step=0.1),
    lam2=FloatSlider(value=0.5, min=0, max=1.5, step=0.1),
)

# %% [markdown]
# ## Three weights, two groups
#
# Groups $\{1, 2\}$ and $\{3\}$: $r(x) = \sqrt2\,\sqrt{x_1^2 + x_2^2} + |x_3|$. All $x$ with $r(x) \le 1$ fill a double cone (middle). Corners and edges are where
# a loss likes to touch such a body, and they say which zeros to expect: the two tips have $x_1 = x_2 = 0$, the rim has $x_3 = 0$. No edge has $x_1 = 0$ alone. The
# octahedron of l1 (left) has edges for every weight. The sparse group lasso (right) has both.


# %%
def l1_value(x):
    return np.abs(x).sum(axis=-1)


def group_value(x):
    return np.sqrt(2) * np.sqrt(x[..., 0] ** 2 + x[..., 1] ** 2) + np.abs(x[..., 2])


bodies = {
    "l1": l1_value,
    "groups {1, 2} and {3}": group_value,
    "half of each: sparse groups": lambda x: (l1_value(x) + group_value(x)) / 2,
}
around, up = np.meshgrid(np.linspace(0, 2 * np.pi, 81), np.linspace(-np.pi / 2, np.pi / 2, 41))
ray = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], axis=-1)  # (41, 81, 3), each of length 1
figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), subplot_kw={"projection": "3d"})
for panel, (title, value) in zip(axes, bodies.items(), strict=True):
    skin = ray / value(ray)[..., None]  # r(c x) = c r(x) for c > 0: so this has r = 1
    np.testing.assert_allclose(value(skin), 1)
    panel.plot_surface(*np.moveaxis(skin, -1, 0), color=W_COLOUR, alpha=0.55, rcount=41, ccount=81, linewidth=0)
    panel.plot(*skin[20].T, color=V_COLOUR, linewidth=2)  # x3 = 0
    panel.set(title=title, xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_3$", xticks=[-1, 1], yticks=[-1, 1], zticks=[-1, 1])
    panel.view_init(elev=18, azim=-52)
plt.show()

v = np.random.default_rng(4).normal(0, 2, size=(20_000, 3))
x_l1 = L1(1.0).prox(v, 1.0)
x_group = np.concatenate([block_soft(v[:, :2], np.sqrt(2), groups=0), block_soft(v[:, 2:], 1.0, groups=0)], axis=1)
for name, x in (("l1", x_l1), ("groups", x_group)):
    zeros = (x[:, :2] == 0).sum(axis=1)
    print(f"{name:7} of 20,000 prox: x1 and x2 both 0 in {np.sum(zeros == 2):5}, only one of them in {np.sum(zeros == 1):5}")
assert np.sum((x_group[:, :2] == 0).sum(axis=1) == 1) == 0

# %% [markdown]
# ## With l0 the composition is wrong
#
# Put l0 ([chapter 5](05_hard_thresholding.ipynb)) or transformed l1 ([chapter 6](06_transformed_l1.ipynb)) in the place of l1. Their prox and then block soft thresholding: is this the prox of the sum? The proof
# above used planes that stay below $r$, and these penalties have none at the points that matter. Let us try it, on 200 groups of two weights in the square $[0, 2]^2$, each against a grid of candidates.


# %%
def excess(r, compose):
    """How much more than the best candidate the composition costs, at worst over the rows of v (200, 2)."""
    x = compose(v, r)
    grid = np.stack(np.meshgrid(*[np.linspace(0, 2, 201)] * 2), axis=-1).reshape(-1, 2)  # (40401, 2), with exact zeros
    price = r.cost(grid).sum(axis=1)
    best = np.array([(price + cost(grid, one_v, k)).min() for one_v in v])  # (200,)
    return (r.cost(x).sum(axis=1) + cost(x, v, k) - best).max()


k = 0.5 * np.sqrt(2)
v = np.random.default_rng(5).uniform(0, 2, size=(200, 2))
worst = {}
for name, r in (("l1", L1(0.5)), ("l0", L0(0.5)), ("tl1", TransformedL1(0.5, a=1.0))):
    first = excess(r, lambda v, r: block_soft(r.prox(v, 1.0), k, groups=0))
    last = excess(r, lambda v, r: r.prox(block_soft(v, k, groups=0), 1.0))
    worst[name] = first, last
    print(f"{name:4} costs too much, at worst:  {name} first {max(first, 0):.3f}     block first {max(last, 0):.3f}")
assert worst["l1"][0] < 1e-9
assert min(worst["l1"][1], *worst["l0"], *worst["tl1"]) > 0.01

# %% [markdown]
# One case by hand: l0 with $\lambda_0 = 0.5$, $k = 0.707$ and $v = (1.2, 1.1)$. Both weights are over the hard threshold of 1, so the composition keeps both, at the cost
# 1.901. To drop both costs $(1.44 + 1.21)/2 = 1.325$. Hard thresholding decides as if a kept weight were kept whole. It does not know that the group is going to be shortened.
#
# **What is right for l0.** Suppose we keep $j$ weights of the group, at certain places; let $c$ be the length of $v$ on these places. There the best $x$ is block soft
# thresholding, of length $c - k$ if $c > k$ (otherwise it is 0). The cost: $j$ prices, the length, what the kept lose, and what the dropped cost:
#
# $$\lambda_0\, j + k\,(c - k) + \tfrac12 k^2 + \tfrac12 \big(\lVert v\rVert^2 - c^2\big) \;=\; \lambda_0\, j + k\,c - \tfrac12 k^2 - \tfrac12 c^2 + \tfrac12 \lVert v\rVert^2$$
#
# Its slope in $c$ is $k - c < 0$: the longer the better. So for each $j$ take the $j$ **largest**, and compare $j = 0, \dots, n_g$. That is $n_g + 1$ candidates, where the subsets
# are $2^{n_g}$. **Check** against all 64 subsets of groups of six weights (here the step is 1, and $\lambda_0$ and $k$ are prices).

# %%
v = np.random.default_rng(6).normal(0, 1.2, size=(500, 6))
lam0, lam2 = 0.3, 0.25
k6 = lam2 * np.sqrt(6)
subsets = np.array(np.unravel_index(np.arange(64), (2,) * 6)).T  # (64, 6)
tried = np.stack([block_soft(v * chosen, k6, groups=0) for chosen in subsets], axis=1)  # (500, 64, 6)
costs = lam0 * (tried != 0).sum(axis=2) + cost(tried, v[:, None], k6)  # (500, 64)
x = SparseGroupL0(lam0, lam2, groups=0).prox(v, step=1.0)  # (500, 6)
np.testing.assert_allclose(lam0 * (x != 0).sum(axis=1) + cost(x, v, k6), costs.min(axis=1))
print("weights kept in a group, and how often:", dict(enumerate(np.bincount((x != 0).sum(axis=1)))))

# %% [markdown]
# **A price per group.** As l0 asks a price per weight, group l0 asks $k = s\lambda\sqrt{n_g}$ for every group that is not zero, whatever is in it. *Drop* the group: it costs $\lVert v\rVert^2/2$. *Keep* it: $k$, once, and
# then whatever is best inside. Without another penalty that is $x = v$, and the group is kept if $\lVert v\rVert^2/2 > k$. With a penalty $r$ on the weights (any that
# is a sum over weights) the best inside is $x = \operatorname{prox}_r(v)$, and the group is kept if
#
# $$k + \underbrace{s\,r(x) + \tfrac12\lVert x - v\rVert^2}_{\text{the best inside}} \;<\; \tfrac12\lVert v\rVert^2$$
#
# Here the composition is exact for every $r$: the price $k$ is the same for all that can be in the group, and so it does not change what is best inside.

# %%
show_code(GroupL0With.prox)

# %% [markdown]
# `gain` is the best inside less $\lVert v\rVert^2/2$, summed as one: $\tfrac12\lVert x - v\rVert^2 - \tfrac12\lVert v\rVert^2 = x\cdot(\tfrac12 x - v)$. The figure shows what is kept of two weights, with
# $\lambda_0 = 0.5$: composed, exact, how much too expensive the composition is, and with a price per group.

# %%
fine = np.linspace(0, 2.5, 251)
plane = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)  # (63001, 2)
k = 0.5 * np.sqrt(2)
composed = block_soft(L0(0.5).prox(plane, 1.0), k, groups=0)
exact = SparseGroupL0(0.5, 0.5, groups=0).prox(plane, 1.0)
with_price = GroupL0With(L0(0.5), 0.5, groups=0).prox(plane, 1.0)
figure, axes = plt.subplots(1, 4, figsize=(14, 4))
colours = ListedColormap(["white", "#9db9dc", "#f2c48d", "#b5b5b5"])  # none, only the first, only the second, both
for panel, x, title in (
    (axes[0], composed, "hard, then block soft: wrong"),
    (axes[1], exact, "l0 and group lasso: exact"),
    (axes[3], with_price, "l0 and group l0: exact"),
):
    which = (x != 0) @ np.array([1, 2])
    panel.imshow(which.reshape(251, 251), origin="lower", extent=(0, 2.5, 0, 2.5), cmap=colours, vmin=0, vmax=3)
    labels = ((0.4, 0.4, "none"), (2.1, 0.3, "$x_1$"), (0.25, 2.1, "$x_2$"), (1.9, 1.9, "both"))
    for at_1, at_2, text in labels:
        panel.text(at_1, at_2, text, ha="center")
    panel.set(title=title, xlabel="$v_1$")


def l0_and_length(x):
    return 0.5 * (x != 0).sum(axis=1) + cost(x, plane, k)


too_much = l0_and_length(composed) - l0_and_length(exact)
image = axes[2].imshow(too_much.reshape(251, 251), origin="lower", extent=(0, 2.5, 0, 2.5), cmap="Oranges")
axes[2].set(title=f"cost of the wrong one: up to {too_much.max():.2f} more", xlabel="$v_1$")
figure.colorbar(image, ax=axes[2], shrink=0.7)
axes[0].set_ylabel("$v_2$")
plt.show()
assert too_much.min() > -1e-12

# %% [markdown]
# ## Why the group term stays in the W-step
#
# The method of the paper ([chapter 9](09_variable_splitting.ipynb)) holds two copies of the weights: $W$ takes gradient steps, $V$ is thresholded, and $\tfrac{\beta}{2}\lVert W - V\rVert^2$ holds them together. The penalty is a sum of a group
# lasso and an $r$ on single weights: which copy pays which? The paper charges $r$ to $V$, and the group lasso to $W$:
#
# $$W \leftarrow W - \eta\,\Big[\nabla L(W) + \lambda\sqrt{n_g}\,\tfrac{W_g}{\lVert W_g\rVert} + \beta\,(W - V)\Big], \qquad V \leftarrow \operatorname{prox}_{r/\beta}(W)$$
#
# - *What it gains.* The group lasso has a plain gradient wherever $W_g \ne 0$, and so it goes with **every** $r$: $V$ keeps its formula entry by entry. Both on $V$ would need the prox of the sum, which for a
#   nonconvex $r$ is not the composition, and is derived above for l0 only.
# - *What it costs.* A gradient step does not land on 0 ([chapter 4](04_proximal_operator.ipynb)). The groups of $W$ get **small**, of the order of one step, $\eta\lambda\sqrt{n_g}$. It is $V$ that makes them zero: when *all* weights of the group are
#   below the threshold of $r$.
#
# With `--v-group lasso` or `--v-group l0` minisgl puts the group term into the V-step, for the pairs whose prox is exact. Let us see all this on a small loss, $L(W) = \tfrac12\lVert W - A\rVert^2$ with $W$ of shape
# $(10, 12)$: the first 4 columns of $A$ are large, the other 8 are noise.

# %%
rng = np.random.default_rng(7)
A = np.concatenate([rng.normal(0, 1, (10, 4)), rng.normal(0, 0.2, (10, 8))], axis=1)  # (10, 12)
group, beta, lr = GroupLasso(0.2, groups=1), 1.0, 0.05
zero = GroupLasso(0.0, groups=1)
runs = {
    "no group term": (zero, L0(0.02)),
    "group lasso on W (the paper's way)": (group, L0(0.02)),
    "group lasso on V (exact prox)": (zero, SparseGroupL0(0.02, 0.2, groups=1)),
}
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), sharey=True)
dead = {}
for panel, (title, (on_w, on_v)) in zip(axes, runs.items(), strict=True):
    W, lengths_w, lengths_v = A.copy(), [], []
    V = on_v.prox(W, 1 / beta)
    for _ in range(150):
        W = W - lr * ((W - A) + on_w.subgradient(W) + beta * (W - V))
        V = on_v.prox(W, 1 / beta)
        lengths_w.append(norms(W, 1)[0, 4:])
        lengths_v.append(norms(V, 1)[0, 4:])
    dead[title] = int((W == 0).all(axis=0).sum()), int((V == 0).all(axis=0).sum())
    assert (V[:, :4] != 0).any(axis=0).all()  # the four large columns stay
    panel.plot(lengths_w, color=W_COLOUR, linewidth=1, alpha=0.8)
    panel.plot(lengths_v, color=V_COLOUR, linewidth=1.5)
    panel.set(title=f"{title}\nzero columns: W {dead[title][0]}, V {dead[title][1]} of 12", xlabel="step", ylim=(-0.03, 0.9))
axes[0].set_ylabel("length of the 8 noise columns")
figure.suptitle("blue: columns of W     orange: columns of V")
plt.show()
step = lr * 0.2 * np.sqrt(10)
print(f"one step along the slope of the group term has the length {step:.3f}")
assert all(w == 0 for w, _ in dead.values())
assert dead["no group term"][1] < dead["group lasso on W (the paper's way)"][1] == dead["group lasso on V (exact prox)"][1] == 8

# %% [markdown]
# Without a group term single weights keep noise columns of $V$ alive. With it on $W$, the noise columns of $W$ shrink until they only rattle, and their $V$ is exactly 0. With the exact prox $V$ is 0 too, and $W$ is left at rest where loss
# and coupling balance. Neither makes a zero of $W$: the network to keep is $V$, or $W$ with what is negligible (under $10^{-5}$) taken as 0.
#
# ## An experiment: which pixels does a linear classifier need?
#
# MNIST, 20,000 digits, $x$ of shape $(784,)$, and the ten classes as $y$ of shape $(10,)$, with a 1 for the right one. A single layer $Wx$, $W$ of shape $(10, 784)$: column $i$ is all that the ten outputs read of pixel $i$.
# With means taken away from $x$ and $y$,
#
# $$\min_W\;\; \frac{1}{2N} \sum_{n=1}^N \lVert W x_n - y_n\rVert^2 + \lambda \sqrt{10}\, \sum_{i=1}^{784} \lVert W_{:,i}\rVert$$
#
# The gradient of the loss is $W G - B$, with $G = \frac1N \sum_n x_n x_n^{\mathsf T}$ of shape $(784, 784)$ and $B = \frac1N \sum_n y_n x_n^{\mathsf T}$ of shape $(10, 784)$: the images are read once. We go down a path of $\lambda$ by proximal gradient steps, each
# from a point a little ahead in the direction of the last one (Nesterov's momentum: the same minimum, sooner), and do the same with l1.

# %%
train, test = mnist.load()
N = 20_000
X, X_test = train.images[:N].reshape(N, 784), test.images.reshape(-1, 784)
Y = np.eye(10, dtype=np.float32)[train.labels[:N]]  # (N, 10)
never = X.max(axis=0) == 0  # (784,): pixels without ink in all digits
x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
G = ((X - x_mean).T @ (X - x_mean) / N).astype(float)  # (784, 784)
B = ((Y - y_mean).T @ (X - x_mean) / N).astype(float)  # (10, 784)
lr = 1 / np.linalg.eigvalsh(G)[-1]


def solve(penalty, W, steps=150):
    before = W
    for i in range(steps):
        ahead = W + i / (i + 3) * (W - before)
        before, W = W, penalty.prox(ahead - lr * (ahead @ G - B), step=lr)
    return W


def path(make):
    """The solutions (12, 10, 784), each starting from the one before."""
    solutions = [np.zeros((10, 784))]
    for lam in lams:
        solutions.append(solve(make(lam), solutions[-1]))
    return np.array(solutions[1:])


def test_error(W):
    return np.mean(((X_test - x_mean) @ W.T + y_mean).argmax(axis=1) != test.labels)


lams = np.geomspace(0.028, 0.001, 12)
paths = {"group lasso": path(lambda lam: GroupLasso(lam, groups=1)), "l1": path(L1)}
pixels = {name: (W != 0).any(axis=1).sum(axis=1) for name, W in paths.items()}  # (12,): pixels that are read
zeros = {name: (W == 0).mean(axis=(1, 2)) for name, W in paths.items()}  # (12,)
errors = {name: [test_error(one) for one in W] for name, W in paths.items()}

figure, axes = plt.subplots(1, 5, figsize=(14, 3.3))
for panel, i in zip(axes, (1, 3, 5, 8, 11), strict=True):
    lengths = norms(paths["group lasso"][i], 1).reshape(28, 28)
    panel.imshow(np.where(lengths == 0, np.nan, lengths), cmap="viridis")
    panel.set(xticks=[], yticks=[])
    panel.set_title(f"lam = {lams[i]:.4f}\n{pixels['group lasso'][i]} pixels, error {errors['group lasso'][i]:.1%}")
figure.suptitle("group lasso: the length of each pixel's column (white: the pixel is not read)")
plt.show()
print(f"{never.sum()} pixels never have ink: none of them is read")
assert not (paths["group lasso"][:, :, never] != 0).any()

# %% [markdown]
# The border goes, and it goes exactly. What is left for few pixels lies where the digits differ, spread over the middle: neighbours tell nearly the same, and one of them is enough.
#
# **Check** of the solution by the subgradients. Where $W_{:,i} \ne 0$, gradient and pull must cancel: the gradient of the loss has the length $k = \lambda\sqrt{10}$. Where $W_{:,i} = 0$, it must lie in the ball: at most $k$ long.

# %%
i = 5
W, k = paths["group lasso"][i], lams[i] * np.sqrt(10)
pull = np.linalg.norm(W @ G - B, axis=0) / k  # (784,)
dead = (W == 0).all(axis=0)
print(
    f"lam = {lams[i]:.4f}: pixels that are read: {pull[~dead].min():.4f} to {pull[~dead].max():.4f} times k; the others: at most {pull[dead].max():.4f}"
)
assert np.abs(pull[~dead] - 1).max() < 0.01
assert pull[dead].max() < 1.01

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.8))
lengths = norms(paths["group lasso"], (0, 2))[:, 0]  # (12, 784)
left.semilogx(lams, lengths, color=W_COLOUR, linewidth=0.5, alpha=0.5)
left.invert_xaxis()
left.set(title="a curve for each pixel: zero, until it enters", xlabel="lam (falling)", ylabel="length of its column")
for name, colour in (("group lasso", V_COLOUR), ("l1", W_COLOUR)):
    middle.plot(zeros[name], pixels[name], "o-", color=colour, markersize=4, label=name)
    right.plot(pixels[name], errors[name], "o-", color=colour, markersize=4, label=name)
middle.set(title="pixels still read, of 784", xlabel="share of the weights that are 0")
right.set(title="test error for as many pixels", xlabel="pixels that are read", ylim=(0, 0.7))
middle.legend()
right.legend()
plt.show()
np.testing.assert_allclose(zeros["group lasso"], 1 - pixels["group lasso"] / 784)  # all zeros are in dead columns

# %% [markdown]
# Now the two with as nearly as possible the same number of zeros.

# %%
at_group = 5
at_l1 = int(np.abs(zeros["l1"] - zeros["group lasso"][at_group]).argmin())
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for panel, name, i in ((axes[0], "group lasso", at_group), (axes[1], "l1", at_l1)):
    count = (paths[name][i] != 0).sum(axis=0).reshape(28, 28)
    shown = panel.imshow(np.where(count == 0, np.nan, count), cmap="viridis", vmin=1, vmax=10)
    panel.set(xticks=[], yticks=[])
    panel.set_title(f"{name}: {zeros[name][i]:.1%} zeros,\n{784 - pixels[name][i]} dead columns, {pixels[name][i]} pixels read")
figure.colorbar(shown, ax=axes, label="weights of the pixel that are not 0")
plt.show()
for name, i in (("group lasso", at_group), ("l1", at_l1)):
    print(f"{name:12} {zeros[name][i]:.1%} zeros, {pixels[name][i]} pixels, test error {errors[name][i]:.1%}")
assert pixels["l1"][at_l1] > 2 * pixels["group lasso"][at_group]
assert errors["l1"][at_l1] < errors["group lasso"][at_group]
common = np.interp(pixels["l1"], pixels["group lasso"], errors["group lasso"])  # group lasso's error with l1's pixels
inside = (pixels["l1"] > pixels["group lasso"][0]) & (pixels["l1"] < pixels["group lasso"][-1])
assert np.all(common[inside] < np.array(errors["l1"])[inside])

# %% [markdown]
# With as many zeros l1 has the smaller error: it may place its weights where it likes. But it reads far more pixels. What does one pay for? For numbers to be stored one by one, l1 is the better deal; for pixels, neurons
# and filters, and with them the size of the matrices, the group lasso is (right panel above: for as many pixels its error is the smaller).
#
# ## Exercises
#
# To be written in [exercises/08_groups.ipynb](exercises/08_groups.ipynb), where a check below each answer tells you what is wrong. In all four `axis` is one number: the axis of the array that
# numbers the groups. `within(w, axis)`, from the set-up, gives all other axes.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** How long is each group? Write the lengths of the groups of `w`, of shape `(w.shape[axis],)`: of the filters of a convolution $(K, C, R, S)$ with `axis=0`, of the columns of a
# linear layer with `axis=1`. `w` has any number of axes. (`within(w, 0)` is `(1, 2, 3)` for a convolution; most functions of NumPy that sum take such a tuple as their `axis`.)


# %% tags=["ex1"]
def group_norms(w, axis):
    """||w_g|| of every group: w of any shape, the result (w.shape[axis],)."""
    # BEGIN SOLUTION: the root of the sum of squares over the axes within a group
    return np.sqrt(np.sum(w**2, axis=within(w, axis)))
    # END SOLUTION


# %% tags=["ex1"]
check("08.group_norms", group_norms)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Write block soft thresholding for `v` of any shape, float32 or float64, with `k` of at least 0. Groups that are 0 stay 0, with no division by 0. The result has the shape and dtype of `v`, and
# `v` stays as it was. No loop, without `block_soft` and without `GroupLasso`. (Sums with `keepdims=True` can be multiplied with `v`.)


# %% tags=["ex2"]
def shorten_groups(v, k, axis):
    """argmin over x of the sum over groups of k ||x_g|| + ||x_g - v_g||^2 / 2: v of any shape, k >= 0."""
    # BEGIN SOLUTION: the lengths, with axes kept; which groups are longer than k; these times 1 - k / length, and 0 else
    lengths = np.sqrt(np.sum(v**2, axis=within(v, axis), keepdims=True))
    alive = lengths > k
    return np.where(alive, v * (1 - k / np.where(alive, lengths, 1)), 0)
    # END SOLUTION


# %% tags=["ex2"]
check("08.shorten_groups", shorten_groups)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Write the prox of the sparse group lasso for the step 1, in full: $\lambda_1 \lVert x\rVert_1 + \lambda_2 \sum_g \sqrt{n_g}\,\lVert x_g\rVert$. Here you may use `L1`, and
# `block_soft(v, k, axis)`, which wants the $k$ of a group.


# %% tags=["ex3"]
def sparse_group_prox(v, lam1, lam2, axis):
    """argmin over x of lam1 ||x||_1 + lam2 sum_g sqrt(n_g) ||x_g|| + ||x - v||^2 / 2: v of any shape."""
    # BEGIN SOLUTION: the two thresholds in the right order, the second with the root of the size of a group
    n_g = v.size // v.shape[axis]
    return block_soft(L1(lam1).prox(v, step=1.0), lam2 * np.sqrt(n_g), axis)
    # END SOLUTION


# %% tags=["ex3"]
check("08.sparse_group_prox", sparse_group_prox)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** Every group that is not 0 pays $\lambda\sqrt{n_g}$, whatever is in it. Compare what it costs to keep a group and to drop it, and write the prox for the step 1; at a tie the group is dropped.


# %% tags=["ex4"]
def keep_groups(v, lam, axis):
    """argmin over x of lam sum_g sqrt(n_g) [x_g != 0] + ||x - v||^2 / 2: v of any shape, lam >= 0, 0 at a tie."""
    # BEGIN SOLUTION: what it costs to drop each group, what to keep it, and v where to keep is cheaper
    drop = np.sum(v**2, axis=within(v, axis), keepdims=True) / 2
    keep = lam * np.sqrt(v.size // v.shape[axis])
    return np.where(keep < drop, v, 0)
    # END SOLUTION


# %% tags=["ex4"]
check("08.keep_groups", keep_groups)

# %% [markdown]
# ## Summary
#
# - Zeros make a network smaller when they fill whole groups: a filter (axis 0 of a convolution), or all that leaves a neuron (axis 1 of a linear layer).
# - Group lasso, $\lambda\sum_g\sqrt{n_g}\lVert w_g\rVert$, is l1 of the groups' lengths. Its prox shortens each group by $k = s\lambda\sqrt{n_g}$ in its own direction, and drops it if it is no longer than that.
# - The subgradients at a zero group fill the ball of radius $\lambda\sqrt{n_g}$; away from zero the slope has just this length.
# - l1 and group lasso together: soft thresholding, **then** block soft thresholding, exactly. With l0 in place of l1 that is wrong: compare the $j$ largest. With group l0 it is right for every $r$: the best inside, or nothing.
# - The paper leaves the group term on $W$: so it goes with any $r$, but its groups only get small, and $V$'s thresholds make them zero.
