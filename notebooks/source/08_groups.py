# %% [markdown]
# # 8 Groups: whole filters and whole neurons
#
# *Reading: 25 minutes, and 5 for the optional parts. Exercises: an evening. Needs chapter [4](04_proximal_operator.ipynb).*
#
# The penalties so far ask a price for every weight, and the zeros fall anywhere. A matrix with zeros here and there is still
# a matrix of the same size: it is multiplied row by column, zeros and all.
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

from drawings import chapter_08 as draw
from minisgl.data import mnist
from minisgl.models import lenet5
from minisgl.course.show_code import show_code
from minisgl.penalties import GroupLasso, SparseGroupLasso
from minisgl.penalties.groups import norms

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Two matrices of a linear layer $y = Wx$, $W$ of shape $(12, 24)$. Both have 216 zeros (empty), three quarters of all:
# scattered on the left, in whole columns on the right. Column $i$ holds the weights that $x_i$ is multiplied with. If it
# is zero, nobody reads $x_i$, and both can go. The lower row shows what is left.

# %%
rng = np.random.default_rng(0)
full = rng.uniform(0.4, 1, (12, 24)) * rng.choice([-1, 1], (12, 24))
scattered, grouped = full.copy(), full.copy()  # both (12, 24)
scattered.flat[rng.permutation(288)[:216]] = 0
grouped[:, rng.permutation(24)[:18]] = 0
draw.smaller_products({"scattered": scattered, "in columns": grouped})

# %%
x = rng.normal(size=24)
for W in (scattered, grouped):
    assert np.sum(W == 0) == 216 == 0.75 * W.size, f"three quarters, 216, should be zeros; here {np.sum(W == 0)} are"
    read = (W != 0).any(axis=0)  # (24,): is the column alive?
    np.testing.assert_allclose(W[:, read] @ x[read], W @ x, err_msg="the text says that zero columns may go: the product stays")

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
# A filter is what *enters* a channel, a column what *leaves* a neuron. Either way the unit can go: what a constant channel
# adds to the next layer is put into its bias, and what nobody reads is not computed ([chapter 16](16_smaller_network.ipynb)).
# Why not the same way for both? Rows of the last layer would be the ten classes, and input channels of the first the image:
# these we want to keep.

# %%
network = lenet5(np.random.default_rng(0))
units = {name: (slot.shape, slot.unit_axis) for name, slot in network.layout.weights.items()}
for name, (shape, axis) in units.items():
    print(f"{name:5} {shape!s:14} groups along axis {axis}: {shape[axis]:3}, each of {np.prod(shape) // shape[axis]} weights")

conv1 = network.layers["conv1"]
conv1.weight[7] = 0  # one dead filter
y, _ = conv1.forward(rng.random((1, 28, 28, 2), np.float32))  # (20, 24, 24, 2): two images, in the last axis
assert np.all(y[7] == conv1.bias[7]), f"a channel without weights should be its bias {conv1.bias[7]}; it has {np.unique(y[7])}"

# %% [markdown]
# ## By hand
#
# We want a penalty that sees the group as a whole. Take its **length**, $\lVert x \rVert = \sqrt{x_1^2 + \dots + x_n^2}$, at
# a price of $k$ for every unit of it. For a group of two weights, $v = (3, 4)$, of length 5, and $k = 2$:
#
# | $x$ | price $2\,\lVert x\rVert$ | distance $\lVert x - v\rVert^2/2$ | together |
# |---|---|---|---|
# | $(3, 4)$ (stay) | 10 | 0 | 10 |
# | $(1, 2)$ (each weight soft, by 2) | 4.472 | 4 | 8.472 |
# | $(1.8, 2.4)$ (same direction, length 3) | 6 | 2 | **8** |
# | $(0, 0)$ | 0 | 12.5 | 12.5 |
#
# And for $v = (0.6, 0.8)$, of length 1: to stay costs 2, half of it $1 + 0.125 = 1.125$, and $(0, 0)$ costs 0.5. The group
# goes.


# %%
def cost(x, v, k):
    """What x costs, for each group in the last axis: k ||x|| + ||x - v||^2 / 2."""
    return k * np.sqrt((x**2).sum(axis=-1)) + ((x - v) ** 2).sum(axis=-1) / 2


some_x = np.array([[3, 4], [1, 2], [1.8, 2.4], [0, 0]])  # (4, 2)
v = np.array([3, 4])  # (2,)
price, by_hand = 2 * np.linalg.norm(some_x, axis=1), [[10, 4.472, 6, 0], [0, 4, 2, 12.5], [10, 8.472, 8, 12.5]]
columns = [price, ((some_x - v) ** 2).sum(axis=1) / 2, cost(some_x, v, 2)]  # (4,) each
np.testing.assert_allclose(columns, by_hand, atol=0.0005, err_msg="these should be the table's columns")
v = np.array([0.6, 0.8])  # (2,)
np.testing.assert_allclose(cost(np.stack([v, v / 2, 0 * v]), v, 2), [2, 1.125, 0.5], err_msg="the short group's three costs")
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
# **Why the length, and not its square?** $\tfrac12 \lVert w_g\rVert^2$ is weight decay: its slope fades as the weights do,
# and makes no zero. The length is a cone: it falls towards 0 with slope 1 from every side. And it has no other corner: at
# $(0, 4)$ it is as smooth as at $(3, 4)$.
#
# **Why $\sqrt{n_g}$?** So that each weight pays alike, in small and large groups. If all $n_g$ weights have the size $c$,
#
# $$\lVert w_g\rVert = \sqrt{n_g\, c^2} = \sqrt{n_g}\; c, \qquad \sqrt{n_g}\;\lVert w_g\rVert = n_g\, c :$$
#
# $c$ per weight, as with l1. Noise says the same. We shall see that a group is dropped when its length is at most the price
# $k$. With $k = \lambda\sqrt{n_g}$ this compares the *root mean square* of its weights with $\lambda$,
#
# $$\lVert w_g \rVert \le \lambda \sqrt{n_g} \quad\Longleftrightarrow\quad \sqrt{\tfrac{1}{n_g} \textstyle\sum_i w_i^2} \;\le\; \lambda,$$
#
# and the mean square of noise is on average the same in groups of every size. **Check** with three group sizes of LeNet-5.

# %%
print("groups of pure noise (standard deviation 1) that are dropped with lam = 1.3")
dropped = []
for n in (10, 25, 500):
    noise = np.random.default_rng(1).normal(size=(2000, n))  # a group in each row
    dropped.append((GroupLasso(1.3, groups=0).prox(noise, step=1.0) == 0).all(axis=1).mean())
    without = (block_soft(noise, 1.3 * np.sqrt(25), groups=0) == 0).all(axis=1).mean()
    print(f"   of {n:3} weights: {dropped[-1]:6.1%}       with the k of 25 weights for all sizes: {without:6.1%}")

# %%
assert min(dropped) > 0.9, f"with the root, more than 90 % should go in groups of every size; of one only {min(dropped):.0%} do"
noise = np.random.default_rng(1).normal(size=(2000, 10))
gone = (GroupLasso(1.3, groups=0).prox(noise, step=1.0) == 0).all(axis=1)  # (2000,)
by_mean = np.sqrt(np.mean(noise**2, axis=1)) <= 1.3  # (2000,)
np.testing.assert_array_equal(gone, by_mean, err_msg="a group should go if the root mean square is at most lam")
alike = GroupLasso(1.3, groups=0).value(np.full((1, 500), -0.2))  # 500 weights of the size 0.2
np.testing.assert_allclose(alike, 1.3 * 500 * 0.2, err_msg="each should pay lam c")

# %% [markdown]
# ## The prox: block soft thresholding
#
# The cost is a sum over groups, so each is a problem of its own. With the step $s$ put $k = s \lambda \sqrt{n_g}$. For one
# group, $v$ and $x$ of shape $(n,)$:
#
# $$f(x) = k\,\lVert x\rVert + \tfrac12 \lVert x - v\rVert^2$$
#
# **Step 1: the direction.** Hold the length $\ell = \lVert x\rVert$. Then the price is $k \ell$ in every direction, and the
# distance is
#
# $$\tfrac12\lVert x - v\rVert^2 = \tfrac12 \ell^2 - x\cdot v + \tfrac12 \lVert v\rVert^2,$$
#
# least where $x \cdot v$ is largest. How large can that be? A square is never negative:
#
# $$0 \;\le\; \big\lVert\, \lVert v\rVert\, x - \ell\, v \,\big\rVert^2 \;=\; \lVert v\rVert^2 \ell^2 - 2\,\ell\,\lVert v\rVert\; x\cdot v + \ell^2 \lVert v\rVert^2
# \quad\Longrightarrow\quad x \cdot v \;\le\; \lVert x\rVert\,\lVert v\rVert$$
#
# (divide by $2\ell\lVert v\rVert$; if that is 0, both sides are 0). They are equal when the square is 0: when $x = \ell\,
# v/\lVert v\rVert$. So **the best $x$ points along $v$**. (If $v = 0$, then $x = 0$ is best.)
#
# **Step 2: the length.** Along $v$ the distance is that of the lengths, and what is left has one unknown:
#
# $$k\,\ell + \tfrac12 (\ell - \lVert v\rVert)^2, \qquad \ell \ge 0$$
#
# This is [chapter 4](04_proximal_operator.ipynb) with the number $\lVert v\rVert \ge 0$, so $\ell = \max(\lVert v\rVert -
# k,\, 0)$. Both steps together:
#
# $$\boxed{\;\operatorname{prox}(v) = \begin{cases} \Big(1 - \dfrac{k}{\lVert v\rVert}\Big)\, v & \text{if } \lVert v\rVert > k \\ 0 & \text{otherwise} \end{cases}\;}$$
#
# **Check** against a million candidates in the plane, and a figure of the two steps for $v = (3, 4)$.

# %%
draw.direction_and_length(cost, np.array([3.0, 4.0]), k=2, short=1)

# %%
side = np.linspace(0, 5, 1001)  # 0.005 apart
candidates = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (1002001, 2)
for v in np.array([[3, 4], [0.6, 0.8], [2, 0.5], [0, 3]]):
    best = candidates[cost(candidates, v, 2).argmin()]  # (2,)
    formula = max(1 - 2 / np.linalg.norm(v), 0) * v
    assert np.abs(formula - best).max() < 0.005, f"the box gives {formula} for {v}, but the candidate {best} costs less"
x, v = np.random.default_rng(9).normal(size=(2, 5))  # each (5,)
of_x, of_v = np.linalg.norm(x), np.linalg.norm(v)
squares = [np.sum((x - v) ** 2), np.sum((of_v * x - of_x * v) ** 2), np.sum((of_x * v / of_v - v) ** 2)]
multiplied_out = [of_x**2 - 2 * x @ v + of_v**2, 2 * of_x * of_v * (of_x * of_v - x @ v), (of_x - of_v) ** 2]
np.testing.assert_allclose(squares, multiplied_out, err_msg="the two squares of step 1, and the distance along v")

# %% [markdown]
# ## The slope, and the ball at a zero group
#
# For $w_g \ne 0$ differentiate the root, $\partial \lVert w_g\rVert / \partial w_i = 2 w_i / (2\lVert w_g\rVert)$:
#
# $$\nabla\, \lambda\sqrt{n_g}\,\lVert w_g\rVert = \lambda\sqrt{n_g}\, \frac{w_g}{\lVert w_g\rVert}, \qquad\text{of shape } (n_g,) \text{ and length } \lambda\sqrt{n_g},$$
#
# the same length however short the group is. At $w_g = 0$ the formula says $0/0$: there is no slope. But there are
# **subgradients**, vectors $u$ with
#
# $$r(y) \;\ge\; r(x) + u\cdot(y - x) \quad\text{for all } y :$$
#
# planes that touch $r$ at $x$ and stay below it. For $r(x) = k\lVert x\rVert$ at $x = 0$ this asks for $k \lVert y\rVert \ge
# u\cdot y$. If $\lVert u\rVert \le k$ it holds, because $u\cdot y \le \lVert u\rVert\,\lVert y\rVert$ by step 1. If $\lVert
# u\rVert > k$ it fails at $y = u$. So the subgradients at a zero group fill the **ball** $\lVert u\rVert \le k$: this corner
# can answer a pull of any strength up to $k$, from any direction. minisgl takes $u = 0$, the shortest, which leaves a dead
# group alone.
#
# ## The code

# %%
show_code(norms, block_soft, GroupLasso.scale, GroupLasso.subgradient, GroupLasso.prox)

# %% [markdown]
# `groups` is the axis that numbers the groups. `norms` keeps the others with length 1: the lengths of the filters of a $(20,
# 1, 5, 5)$ have the shape $(20, 1, 1, 1)$, and can be multiplied with it. Each `where(lengths > 0, ...)` is for zero groups:
# there it divides by 1, and not by 0.

# %%
penalty, W = GroupLasso(0.1, groups=1), np.random.default_rng(2).normal(size=(500, 8))
W[:, 3] = 0
shape = norms(conv1.weight, groups=0).shape
assert shape == (20, 1, 1, 1), f"the text says that the lengths of conv1's filters have the shape (20, 1, 1, 1), not {shape}"
value = 0.1 * np.sqrt(500) * np.linalg.norm(W, axis=0).sum()
np.testing.assert_allclose(penalty.value(W), value, err_msg="r should be lam sqrt(n) times the sum of the lengths")
lengths = np.linalg.norm(penalty.subgradient(W), axis=0)  # (8,)
by_text = np.where(np.arange(8) == 3, 0, 0.1 * np.sqrt(500))
np.testing.assert_allclose(lengths, by_text, err_msg="the slope should be lam sqrt(n) long, and 0 for the dead group")
nudge = np.zeros((500, 8))
nudge[7, 2] = 1e-5
slope = (penalty.value(W + nudge) - penalty.value(W - nudge)) / 2e-5
np.testing.assert_allclose(slope, penalty.subgradient(W)[7, 2], rtol=1e-6, err_msg="the slope is the change of the value")
for at in (np.array([[0.0], [4]]), np.array([[3.0], [4]])):  # as smooth on an axis as elsewhere: no jump of the slope
    slopes = [GroupLasso(1.0, groups=1).subgradient(at + np.array([[h], [0]])) for h in (-1e-6, 1e-6)]  # (2, 1) each
    np.testing.assert_allclose(*slopes, atol=1e-5, err_msg="away from 0 the slope should not jump")
u, y = np.array([1.2, -1.6]), np.random.default_rng(6).normal(size=(1000, 2))  # u: (2,), 2 long
for k, holds in ((2.0, True), (1.99, False)):
    room = np.min(k * np.linalg.norm([*y, u], axis=1) - [*y, u] @ u)
    assert (room > -1e-9) == holds, f"u, 2 long, should be in the ball of 2, but not of 1.99; at {k} the plane has {room:.3f}"

# %% [markdown]
# ## Few groups, and few weights in them: the sparse group lasso
#
# A group that stays may still hold weights that nobody needs. Ask for both. For one group, with $t = s\lambda_1$ and $k = s
# \lambda_2 \sqrt{n_g}$:
#
# $$f(x) = t\,\lVert x\rVert_1 + k\,\lVert x\rVert + \tfrac12 \lVert x - v\rVert^2, \qquad x, v: (n_g,)$$
#
# Its prox is **soft thresholding, then block soft thresholding**: $z = \operatorname{soft}(v, t)$, $\;x =
# \operatorname{block}(z, k)$. The order matters. Take $v = (4, 5)$, $t = 1$, $k = 2$. Soft: $(3, 4)$. Block: $(1.8, 2.4)$,
# from the table above. The next cell compares this with the other order.


# %%
def soft_then_block(v, t, k):
    """v (N, n): each row a group."""
    return block_soft(L1(t).prox(v, 1.0), k, groups=0)


def cost_of_both(x, v, t, k):
    """What x costs, for each group in the last axis: t ||x||_1 + k ||x|| + ||x - v||^2 / 2."""
    return t * np.abs(x).sum(axis=-1) + cost(x, v, k)


v, t, k = np.array([4.0, 5.0]), 1.0, 2.0
x = soft_then_block(v[None], t, k)[0]  # (2,)
other = L1(t).prox(block_soft(v[None], k, groups=0), 1.0)[0]  # (2,)
costs = cost_of_both(x, v, t, k), cost_of_both(other, v, t, k)
print(f"soft, then block: {x.round(3)}, cost {costs[0]:.4f}")
print(f"block, then soft: {other.round(3)}, cost {costs[1]:.4f}")
show_code(SparseGroupLasso.prox)  # what minisgl does: the same two, in the same order

# %%
assert costs[1] > costs[0], f"the other order should cost more: it costs {costs[1]:.4f}, and the right one {costs[0]:.4f}"
by_package = SparseGroupLasso(t, k / np.sqrt(2), groups=0).prox(v[None], step=1.0)[0]  # (2,)
np.testing.assert_allclose([by_package, x], [[1.8, 2.4]] * 2, err_msg="by hand and by the package it is (1.8, 2.4)")

# %% [markdown]
# ## Why soft, then block (optional)
#
# **Step 1: what is enough.** Let $a$ be a subgradient of $\lVert\cdot\rVert_1$ at $x$, and $u$ one of $\lVert\cdot\rVert$ at
# $x$, such that $v - x = t\,a + k\,u$. For any $y$ we have
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
# - *Soft* takes $t \operatorname{sign}(z_i)$ from what it keeps, and all of $v_i$, at most $t$, from what it drops. So $v -
#   z = t\,a$ with $a_i = \operatorname{sign}(z_i)$ where $z_i \ne 0$, and $|a_i| \le 1$ elsewhere.
# - *Block* shortens $z$ by $k$ in its own direction, or drops it if $\lVert z\rVert \le k$. So $z - x = k\,u$ with $u =
#   x/\lVert x\rVert$ if $x \ne 0$, and $\lVert u\rVert \le 1$ if $x = 0$: a subgradient of the length at $x$, because $\lVert
#   y\rVert \ge u\cdot y$ by step 1 of block soft thresholding, and $\lVert x\rVert = u\cdot x$.
# - Together $v - x = t\,a + k\,u$. But $a$ was made at $z$: is it a subgradient of $\lVert\cdot\rVert_1$ **at $x$**? Yes:
#   $|y_i| \ge a_i y_i$ because $|a_i| \le 1$, and $|x_i| = a_i x_i$ because $x$ is $z$ times a factor that is not negative:
#   where $x_i \ne 0$ it has the sign of $z_i$, which is $a_i$. ∎
#
# **The other order** breaks just here: after $\operatorname{block}(v, k)$ the vector $u$ points along $v$; soft thresholding
# then *turns* the group, and $u$ is not the slope of the length where we end. **Check** that every other $y$ costs more, by
# the margin in the proof.

# %%
y = np.random.default_rng(3).normal(x, 2, size=(100_000, 2))
z = L1(t).prox(v, 1.0)  # (2,)
np.testing.assert_allclose(v - x, t * np.sign(z) + k * x / np.linalg.norm(x), err_msg="v - x should be t a + k u")
margin = cost_of_both(y, v, t, k) - cost_of_both(x, v, t, k) - ((y - x) ** 2).sum(axis=1) / 2  # (100000,)
assert margin.min() > -1e-9, f"every y should cost more by the proof's margin; one is {-margin.min():.2g} short of it"

# %% [markdown]
# ## Where the three send a group of two weights
#
# Each arrow goes from $v$ to its prox. What lies in the shaded region goes to 0 as a whole. Orange arrows end on an axis: one
# of the two weights is 0.
#
# - **l1**: a square is dropped. Many arrows end on the axes: single zeros.
# - **Group lasso**: a disc is dropped. Arrows point to the origin, and none ends on an axis: all or nothing.
# - **Sparse group lasso**: a square of side $2t$ with a rim of width $k$ is dropped, for a group goes if what soft
#   thresholding leaves of it is at most $k$ long.


# %%
def sends(lam1, lam2):
    """The prox of a group of two weights for the step 1, a function of (N, 2)."""
    return lambda v: soft_then_block(v, lam1, lam2 * np.sqrt(2))


three = {"l1": (1.0, 0.0), "group lasso": (0.0, 0.9), "sparse group lasso": (0.6, 0.5)}
draw.arrows({f"{name}: lam1 = {lam1:g}, lam2 = {lam2:g}": sends(lam1, lam2) for name, (lam1, lam2) in three.items()})

# %%
v = np.random.default_rng(5).normal(0, 2, size=(20_000, 2))
single = {name: np.sum((sends(*lams)(v) == 0).sum(axis=1) == 1) for name, lams in three.items()}
print(f"of {len(v):,} prox, this many have one zero:", {name: int(number) for name, number in single.items()})
lam1, lam2 = three["sparse group lasso"]
gone = (sends(lam1, lam2)(v) == 0).all(axis=1)  # (20000,)
to_square = np.linalg.norm(v - np.clip(v, -lam1, lam1), axis=1)  # (20000,): the distance from the square
np.testing.assert_array_equal(gone, to_square <= lam2 * np.sqrt(2), err_msg="a square with a rim of k should be dropped")
assert single["group lasso"] == 0, f"group lasso should make no single zero; here it makes {single['group lasso']}"
assert min(single["l1"], single["sparse group lasso"]) > 0, f"the other two should make single zeros; here they make {single}"

# %% [markdown]
# With a running kernel, mix the two yourself.

# %%
_ = interact(
    lambda lam1, lam2: draw.arrows({f"lam1 = {lam1:.1f}, lam2 = {lam2:.1f}": sends(lam1, lam2)}),
    lam1=FloatSlider(value=0.6, min=0, max=1.2, step=0.1),
    lam2=FloatSlider(value=0.5, min=0, max=1.2, step=0.1),
)

# %% [markdown]
# ## Three weights, two groups (optional)
#
# Groups $\{1, 2\}$ and $\{3\}$: $r(x) = \sqrt2\,\sqrt{x_1^2 + x_2^2} + |x_3|$. All $x$ with $r(x) \le 1$ fill a double cone
# (middle). Sharp edges (orange) and tips are where a loss likes to touch such a body, and say which zeros to expect. Those of
# the cone: the two tips have $x_1 = x_2 = 0$, the rim has $x_3 = 0$. No edge has $x_1 = 0$ alone. l1 (left) has an edge for
# every weight, and the sparse group lasso (right) the edges of the one on the body of the other.


# %%
def l1_value(x):
    return np.abs(x).sum(axis=-1)


def group_value(x):
    return np.sqrt(2) * np.sqrt(x[..., 0] ** 2 + x[..., 1] ** 2) + np.abs(x[..., 2])


draw.bodies(
    {
        "l1": (l1_value, (0, 1, 2)),
        "groups {1, 2} and {3}": (group_value, (2,)),
        "half of each: sparse groups": (lambda x: (l1_value(x) + group_value(x)) / 2, (0, 1, 2)),
    }
)

# %%
v = np.random.default_rng(4).normal(0, 2, size=(20_000, 3))
x_l1 = L1(1.0).prox(v, 1.0)
x_group = np.concatenate([block_soft(v[:, :2], np.sqrt(2), groups=0), block_soft(v[:, 2:], 1.0, groups=0)], axis=1)
for name, x in (("l1", x_l1), ("groups", x_group)):
    zeros = (x[:, :2] == 0).sum(axis=1)
    print(f"{name:7} of 20,000 prox: x1 and x2 both 0 in {np.sum(zeros == 2):5}, one of them alone in {np.sum(zeros == 1):5}")
assert np.sum(zeros == 1) == 0, f"no prox with groups should have one zero in a group; here {np.sum(zeros == 1)} have"

# %% [markdown]
# ## An experiment: which pixels does a linear classifier need?
#
# 20,000 digits of MNIST, $x$ of shape $(784,)$, and the right class as $y$ of shape $(10,)$, with one 1. A single layer, $W$
# of shape $(10, 784)$: column $i$ is all that the ten outputs read of pixel $i$. With the means taken away,
# we look for
#
# $$\min_W\;\; \frac{1}{2N} \sum_{n=1}^N \lVert W x_n - y_n\rVert^2 + \lambda \sqrt{10}\, \sum_{i=1}^{784} \lVert W_{:,i}\rVert$$
#
# The gradient of the loss is $W G - B$ with $G = \frac1N \sum_n x_n x_n^{\mathsf T}$, $(784, 784)$, and $B = \frac1N \sum_n
# y_n x_n^{\mathsf T}$, $(10, 784)$. We go down a path of $\lambda$ by proximal gradient steps, each from a point a little
# ahead in the direction of the last step (Nesterov's momentum). Then the same with l1.
# Pixels that are not read are empty.

# %%
train, test = mnist.load()
N = 20_000
X, X_test = train.images[:N].reshape(N, 784), test.images.reshape(-1, 784)
Y = np.eye(10, dtype=np.float32)[train.labels[:N]]  # (N, 10)
x_mean, y_mean = X.mean(axis=0), Y.mean(axis=0)
G = (X - x_mean).T @ (X - x_mean) / N  # (784, 784), float32
B = (Y - y_mean).T @ (X - x_mean) / N  # (10, 784)
lr = 1 / float(np.linalg.eigvalsh(G)[-1])
lams = np.geomspace(0.028, 0.001, 12)


def path(make, steps=200):
    """The solutions (lams, 10, 784), each starting from the one before."""
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
pixels = {name: (W != 0).any(axis=1).sum(axis=1) for name, W in paths.items()}  # (lams,): pixels that are read
zeros = {name: (W == 0).mean(axis=(1, 2)) for name, W in paths.items()}  # (lams,)
errors = {name: np.array([error(one) for one in W]) for name, W in paths.items()}  # (lams,)
lengths = norms(paths["group lasso"], (0, 2))[:, 0]  # (lams, 784)

shown = np.linspace(1, len(lams) - 1, 5).astype(int)  # (5,)
titles = [f"lam = {lams[i]:.4f}\n{pixels['group lasso'][i]} pixels, error {errors['group lasso'][i]:.1%}" for i in shown]
draw.pixels("group lasso: length of each pixel's column", lengths[shown], titles)

# %%
never = X.max(axis=0) == 0  # (784,): pixels without ink in all digits
border = np.pad(np.zeros((26, 26), bool), 1, constant_values=True).ravel()  # (784,)
read = (lengths > 0).any(axis=0)  # (784,): by any lam
print(f"{never.sum()} pixels never have ink. No lam reads one of them, or one at the edge of the picture")
assert not read[never].any(), f"no lam should read a pixel that never has ink; {read[never].sum()} such pixels are read"
assert not read[border].any(), f"no lam should read a pixel at the edge; {read[border].sum()} such pixels are read"


W, E = np.random.default_rng(7).normal(0, 0.1, (2, 10, 784)).astype(np.float32)  # each (10, 784)
up, down = (np.sum(((X - x_mean) @ M.T - (Y - y_mean)) ** 2, dtype=np.float64) / (2 * N) for M in (W + E, W - E))
change = (up - down) / 2  # of a parabola: the slope
np.testing.assert_allclose(change, np.sum((W @ G - B) * E), rtol=1e-3, err_msg="the gradient of the loss should be W G - B")

# %%
some = np.random.default_rng(8).permutation(np.flatnonzero(read))[:60]  # pixels that some lam reads
draw.along_the_path(lams, lengths[:, some], zeros, pixels, errors)

# %%
entering = np.diff(pixels["group lasso"])  # (lams - 1,)
assert entering.min() > 0, f"more pixels should enter with every smaller lam; once the number changes by {entering.min()}"
in_columns = 1 - pixels["group lasso"] / 784
np.testing.assert_allclose(zeros["group lasso"], in_columns, err_msg="all zeros of group lasso should be in dead columns")

# %% [markdown]
# **Check** of a solution by its subgradients. Where $W_{:,i} \ne 0$, the gradient of the loss and the slope of the penalty
# cancel: its length is $k = \lambda\sqrt{10}$. Where $W_{:,i} = 0$, it must lie in the ball.

# %%
at = len(lams) // 2 - 1
W, alive = paths["group lasso"][at], lengths[at] > 0  # (10, 784), (784,)
pull = np.linalg.norm(W @ G - B, axis=0) / (lams[at] * np.sqrt(10))  # (784,), in units of k
least, most, others = pull[alive].min(), pull[alive].max(), pull[~alive].max()
print(f"pixels that are read: {least:.3f} k to {most:.3f} k; the others: at most {others:.3f} k")
assert max(1 - least, most - 1) < 0.01, f"where a column lives the gradient should be k long, not {least:.3f} to {most:.3f} k"
assert others < 1.01, f"where a column is dead the gradient should be at most k long, not {others:.3f} k"

# %% [markdown]
# Now one solution of each: of l1 the last on its path that has at least as many zeros.

# %%
of = {"group lasso": at, "l1": max(np.flatnonzero(zeros["l1"] >= zeros["group lasso"][at]), default=0)}
chosen = {}
for name, i in of.items():
    share, number = zeros[name][i], pixels[name][i]
    chosen[f"{name}: {share:.1%} zeros,\n{784 - number} dead columns, {number} pixels read"] = paths[name][i]
    print(f"{name:12} {share:.1%} zeros, {number} pixels, test error {errors[name][i]:.1%}")
draw.weights_of_a_pixel(chosen)

# %% [markdown]
# With as many zeros, l1 has the smaller error: it may place its weights where it likes. But it reads more than twice the
# pixels. With as many *pixels*, the group lasso has the smaller error (right panel of the paths). So use l1 if you pay for
# numbers, group lasso if for pixels, neurons, filters.

# %%
read, wrong = ([what[name][i] for name, i in of.items()] for what in (pixels, errors))  # of group lasso, of l1
assert read[1] > 2 * read[0], f"the text says that l1 reads more than twice the pixels; here it reads {read[1]}, not {read[0]}"
assert wrong[1] < wrong[0], f"the text says that l1 has the smaller error; here {wrong[1]:.1%}, and group lasso {wrong[0]:.1%}"
both = pixels["l1"] < pixels["group lasso"][-1]  # where the two curves of the right panel overlap
by_group = np.interp(pixels["l1"], pixels["group lasso"], errors["group lasso"])  # group lasso's error with l1's pixels
ahead = (errors["l1"] - by_group)[both].min()
assert ahead > 0, f"with as many pixels group lasso should have the smaller error; somewhere it is {-ahead:.1%} worse"

# %% [markdown]
# ## Exercises
#
# To be written in [exercises/08_groups.ipynb](exercises/08_groups.ipynb), where a check below each answer tells you what is
# wrong. In all of them `axis` is one number: the axis that numbers the groups.

# %% [markdown] tags=["ex1"]
# `axis` is the one axis that numbers the groups, and `within(w, axis)` are all the others: for a convolution `within(w, 0)`
# is `(1, 2, 3)`.
#
# **Exercise 1.** How long is each group? Return the lengths of the groups of `w`, of shape `(w.shape[axis],)`: for filters
# $(K, C, R, S)$ with `axis=0`, for the columns of a linear layer with `axis=1`. `w` has any number of axes.


# %% tags=["ex1"]
def group_norms(w, axis):
    """||w_g|| of every group: w of any shape, the result (w.shape[axis],)."""
    # BEGIN SOLUTION: a number for each group
    return np.sqrt(np.sum(w**2, axis=within(w, axis)))
    # END SOLUTION


# %% tags=["ex1"]
check("08.group_norms", group_norms)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Write block soft thresholding for `v` of any shape, float32 or float64, with `k` of at least 0. A group that
# is 0 stays 0, with no division by 0. The result has the shape and dtype of `v`, and `v` stays as it was. No loop, and
# without `block_soft` and `GroupLasso`.


# %% tags=["ex2"]
def shorten_groups(v, k, axis):
    """argmin over x of the sum over groups of k ||x_g|| + ||x_g - v_g||^2 / 2: v of any shape, k >= 0."""
    # BEGIN SOLUTION: the boxed formula, for all groups at once
    lengths = np.sqrt(np.sum(v**2, axis=within(v, axis), keepdims=True))
    alive = lengths > k
    return np.where(alive, v * (1 - k / np.where(alive, lengths, 1)), 0)
    # END SOLUTION


# %% tags=["ex2"]
check("08.shorten_groups", shorten_groups)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Write the prox of the sparse group lasso for the step 1, in full: of $\lambda_1 \lVert x\rVert_1 + \lambda_2
# \sum_g \sqrt{n_g}\,\lVert x_g\rVert$. Here you may use `L1`, and `block_soft(v, k, axis)`, which wants the $k$ of a group.


# %% tags=["ex3"]
def sparse_group_prox(v, lam1, lam2, axis):
    """argmin over x of lam1 ||x||_1 + lam2 sum_g sqrt(n_g) ||x_g|| + ||x - v||^2 / 2: v of any shape."""
    # BEGIN SOLUTION: x, of the shape of v
    n_g = v.size // v.shape[axis]
    return block_soft(L1(lam1).prox(v, step=1.0), lam2 * np.sqrt(n_g), axis)
    # END SOLUTION


# %% tags=["ex3"]
check("08.sparse_group_prox", sparse_group_prox)

# %% [markdown]
# ## Summary
#
# - Zeros make a network smaller when they fill whole groups: a filter (axis 0 of a convolution), or all that leaves a neuron
#   (axis 1 of a linear layer).
# - Group lasso, $\lambda\sum_g\sqrt{n_g}\lVert w_g\rVert$, is an l1 of lengths. Its prox shortens each group by $k =
#   s\lambda\sqrt{n_g}$ in its own direction, and drops it if it is no longer than $k$.
# - At a zero group the subgradients fill the ball of radius $\lambda\sqrt{n_g}$; away from it the slope has just this length.
# - l1 and group lasso: soft thresholding, **then** block soft thresholding. With l0 in the place of l1 this is wrong:
#   [chapter 9](09_groups_with_l0.ipynb).
