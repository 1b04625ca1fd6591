# %% [markdown]
# # 9 Groups with l0: where the composition is wrong
#
# *Reading: 15 minutes. Exercises: half an evening. Needs chapters [5](05_hard_thresholding.ipynb) and [8](08_groups.ipynb).*
#
# [Chapter 8](08_groups.ipynb) ended well: with l1 and group lasso together, threshold the weights, shorten the group, and that is the prox of the
# sum. l0 takes nothing from the weights that it keeps ([chapter 5](05_hard_thresholding.ipynb)), so one would like l0 inside the groups.
#
# **May we threshold hard, and then shorten the group? And what if a whole group has a price?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads
from minisgl.penalties.groups import within

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from matplotlib.colors import ListedColormap

from minisgl.course.show_code import show_code
from minisgl.penalties import L0, L1, GroupL0With, GroupLasso, SparseGroupL0, TransformedL1
from minisgl.penalties.groups import block_soft, norms
from minisgl.plots import V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# A group of two weights, $v = s \cdot (1.2, 1.1)$, from $s = 0$ on. Every weight that is not zero costs $\lambda_0 = 0.5$, every unit of the group's
# length costs $k = 0.5\sqrt2 = 0.707$. The orange line is what the composition pays: hard thresholding at 1, then block soft thresholding by $k$. The
# blue line is the least that one can pay.


# %%
def cost(x, v, k):
    """What the length of x and the distance cost, for each group in the last axis: k ||x|| + ||x - v||^2 / 2."""
    return k * np.sqrt((x**2).sum(axis=-1)) + ((x - v) ** 2).sum(axis=-1) / 2


k = 0.5 * np.sqrt(2)
s = np.linspace(0, 1.8, 361)
v = s[:, None] * np.array([1.2, 1.1])  # (361, 2)
composed = block_soft(L0(0.5).prox(v, 1.0), k, groups=0)
exact = SparseGroupL0(0.5, 0.5, groups=0).prox(v, 1.0)  # derived below
paid, least = (0.5 * (x != 0).sum(axis=1) + cost(x, v, k) for x in (composed, exact))  # each (361,)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
for name, x, total, colour in (("hard, then block soft", composed, paid, V_COLOUR), ("the best", exact, least, W_COLOUR)):
    left.plot(s, total, color=colour, label=name)
    right.plot(s, np.linalg.norm(x, axis=1), color=colour, label=name)
left.set(title="the cost of the result", xlabel="s")
right.set(title="the length of the result", xlabel="s")
left.legend()
plt.show()

# %%
assert np.all(paid >= least - 1e-12)
print(f"the composition pays up to {np.max(paid - least):.2f} more than the best x")
assert np.max(paid - least) > 0.5

# %% [markdown]
# ## With l0 the composition is wrong
#
# Chapter 8 proved the composition for l1 with planes that touch the penalty and stay below it. Where $x \ne 0$, l0 has none: a line that touches the
# price at $x > 0$ and is not above the 0 at $x = 0$ rises, and is above the price beyond $x$. So the proof is of no use here. Is the result wrong too? We
# put l0, and transformed l1 ([chapter 6](06_transformed_l1.ipynb)), in the place of l1: 200 groups of two weights from the square $[0, 2]^2$, each against a grid
# of candidates.

# %%
grid = np.stack(np.meshgrid(*[np.linspace(0, 2, 201)] * 2), axis=-1).reshape(-1, 2)  # (40401, 2), with exact zeros
v = np.random.default_rng(5).uniform(0, 2, size=(200, 2))
too_much = {}
for r in (L1(0.5), L0(0.5), TransformedL1(0.5, a=1.0)):
    x = block_soft(r.prox(v, 1.0), k, groups=0)  # (200, 2)
    price = r.cost(grid).sum(axis=1)  # (40401,)
    least = np.array([(price + cost(grid, one, k)).min() for one in v])  # (200,)
    too_much[type(r)] = np.max(r.cost(x).sum(axis=1) + cost(x, v, k) - least)
    print(f"{type(r).__name__:14} the composition costs up to {max(too_much[type(r)], 0):.2f} more than the best candidate")
assert too_much[L1] < 1e-9
assert min(too_much[L0], too_much[TransformedL1]) > 0.1

# %% [markdown]
# One case by hand: l0 with the price $\lambda_0 = 0.5$ per weight, $k = 0.707$ and $v = (1.2, 1.1)$, of length 1.628. Both weights are over the hard threshold of 1, so the composition keeps
# both, at length $1.628 - 0.707 = 0.921$: cost $2 \cdot 0.5 + 0.707 \cdot 0.921 + 0.707^2/2 = 1.901$. To drop both costs $1.628^2/2 = 1.325$. Hard thresholding decides as if a kept
# weight were kept whole, and does not know that the group is going to be shortened.
#
# **What is right for l0.** Suppose $j$ weights of the group are kept, and let $c$ be the length of $v$ on their places. There the best $x$ is block soft thresholding, of length
# $c - k$ if $c > k$ (otherwise it is 0, and free). The cost is $j$ prices, the length, what the kept lose, and what the dropped cost:
#
# $$\lambda_0\, j + k\,(c - k) + \tfrac12 k^2 + \tfrac12 \big(\lVert v\rVert^2 - c^2\big) \;=\; \lambda_0\, j + k\,c - \tfrac12 k^2 - \tfrac12 c^2 + \tfrac12 \lVert v\rVert^2$$
#
# Its slope in $c$ is $k - c < 0$: the longer the better. So for each $j$ take the $j$ **largest**, and compare $j = 0, \dots, n_g$. That is $n_g + 1$ candidates, where the
# subsets are $2^{n_g}$. **Check** against all 64 subsets, for groups of six weights.

# %%
v = np.array([1.2, 1.1])
x = block_soft(v[None], 0.5 * np.sqrt(2), groups=0)[0]
np.testing.assert_allclose([2 * 0.5 + cost(x, v, 0.5 * np.sqrt(2)), v @ v / 2], [1.901, 1.325], atol=0.0005)

v = np.random.default_rng(6).normal(0, 1.2, size=(500, 6))
lam0, lam2 = 0.3, 0.25
subsets = np.array(np.unravel_index(np.arange(64), (2,) * 6)).T  # (64, 6)
tried = np.stack([block_soft(v * chosen, lam2 * np.sqrt(6), groups=0) for chosen in subsets], axis=1)  # (500, 64, 6)
costs = lam0 * (tried != 0).sum(axis=2) + cost(tried, v[:, None], lam2 * np.sqrt(6))  # (500, 64)
x = SparseGroupL0(lam0, lam2, groups=0).prox(v, step=1.0)  # (500, 6)
kept = (x != 0).sum(axis=1)  # (500,)
np.testing.assert_allclose(lam0 * kept + cost(x, v, lam2 * np.sqrt(6)), costs.min(axis=1))
print("of 500 groups, so many keep 0, 1, ..., 6 of their weights:", np.bincount(kept))

# %% [markdown]
# **A price per group.** As l0 asks a price per weight, *group l0* asks $k = s\lambda\sqrt{n_g}$ of every group that is not zero, whatever is in it. Drop the group: that costs
# $\lVert v\rVert^2/2$. Keep it: that costs $k$, once, and what is best inside. Without another penalty this is $x = v$, and the group is kept if $\lVert v\rVert^2/2 > k$. With any $r$ that is a
# sum over weights it is $x = \operatorname{prox}_r(v)$, and the group is kept if
#
# $$k + \underbrace{s\,r(x) + \tfrac12\lVert x - v\rVert^2}_{\text{the best inside}} \;<\; \tfrac12\lVert v\rVert^2$$
#
# This is exact for every $r$, because the price is the same for all that can be in the group and does not change what is best inside.

# %%
show_code(GroupL0With.prox)

# %% [markdown]
# `gain` is the best inside less $\lVert v\rVert^2/2$, summed as one: $\tfrac12\lVert x - v\rVert^2 - \tfrac12\lVert v\rVert^2 = x\cdot(\tfrac12 x - v)$. The figure shows which of two weights are kept, with
# $\lambda_0 = 0.5$ and $k = 0.707$.

# %%
fine = np.linspace(0, 2.5, 251)
plane = np.stack(np.meshgrid(fine, fine), axis=-1).reshape(-1, 2)  # (63001, 2)
composed = block_soft(L0(0.5).prox(plane, 1.0), k, groups=0)
exact = SparseGroupL0(0.5, 0.5, groups=0).prox(plane, 1.0)
with_price = GroupL0With(L0(0.5), 0.5, groups=0).prox(plane, 1.0)
excess = 0.5 * (composed != 0).sum(axis=1) + cost(composed, plane, k)
excess -= 0.5 * (exact != 0).sum(axis=1) + cost(exact, plane, k)
assert excess.min() > -1e-12

figure, axes = plt.subplots(1, 4, figsize=(14, 3.6))
colours = ListedColormap(["white", "#9db9dc", "#f2c48d", "#b5b5b5"])  # none, only the first, only the second, both
for panel, x, title in (
    (axes[0], composed, "hard, then block soft: wrong"),
    (axes[1], exact, "l0 and group lasso: exact"),
    (axes[3], with_price, "l0 and group l0: exact"),
):
    which = (x != 0) @ np.array([1, 2])
    panel.imshow(which.reshape(251, 251), origin="lower", extent=(0, 2.5, 0, 2.5), cmap=colours, vmin=0, vmax=3)
    for at_1, at_2, text in ((0.4, 0.4, "none"), (2.1, 0.3, "$x_1$"), (0.25, 2.1, "$x_2$"), (1.9, 1.9, "both")):
        panel.text(at_1, at_2, text, ha="center")
    panel.set(title=title, xlabel="$v_1$")
image = axes[2].imshow(excess.reshape(251, 251), origin="lower", extent=(0, 2.5, 0, 2.5), cmap="Oranges")
axes[2].set(title=f"the wrong one: up to {excess.max():.2f} dearer", xlabel="$v_1$")
figure.colorbar(image, ax=axes[2], shrink=0.7)
axes[0].set_ylabel("$v_2$")
plt.show()

# %% [markdown]
# ## Why the group term stays in the W-step
#
# The paper's method ([chapter 11](11_variable_splitting.ipynb)) holds two copies of the weights: $W$ takes gradient steps, $V$ is thresholded, and $\tfrac{\beta}{2}\lVert W - V\rVert^2$ holds
# them together. The penalty is group lasso plus an $r$ on single weights. Which copy pays which? The paper charges the group lasso to $W$, and $r$ to $V$:
#
# $$W_g \leftarrow W_g - \eta\,\Big[\nabla_g L(W) + \lambda\sqrt{n_g}\,\tfrac{W_g}{\lVert W_g\rVert} + \beta\,(W_g - V_g)\Big], \qquad V \leftarrow \operatorname{prox}_{r/\beta}(W)$$
#
# *What speaks for it.* The group lasso has a plain gradient wherever $W_g \ne 0$, so it goes with **every** $r$, and $V$ keeps its formula entry by entry. Both on $V$ would need the prox of
# the sum. For a nonconvex $r$ this is in general not the composition, and each $r$ would need a derivation like that of l0 above.
#
# *What it costs.* A gradient step does not land on 0 ([chapter 4](04_proximal_operator.ipynb)). The groups of $W$ get **small**, and are then thrown to and fro by steps of length
# $\eta\lambda\sqrt{n_g}$. It is $V$ that makes the zeros, and it drops a group when *all* weights of it are below the threshold of $r$.
#
# minisgl's `--v-group` puts the group term into the V-step where an exact prox is known: `lasso` with l1 and l0, `l0` with every separable $r$. Let us compare on a small loss, $L(W) = \tfrac12\lVert W - A\rVert^2$, $W$ of
# shape $(10, 12)$: the first 4 columns of $A$ are large, the other 8 are noise.

# %%
rng = np.random.default_rng(7)
A = np.concatenate([rng.normal(0, 1, (10, 4)), rng.normal(0, 0.2, (10, 8))], axis=1)  # (10, 12)
beta, lr = 1.0, 0.05
nothing, group, single = GroupLasso(0.0, groups=1), GroupLasso(0.2, groups=1), L0(0.02)
runs = (
    ("no group term", nothing, single),
    ("group lasso on W (the paper's way)", group, single),
    ("group lasso on V (exact prox)", nothing, SparseGroupL0(0.02, 0.2, groups=1)),
)
figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), sharey=True)
dead_in_v = []
for panel, (title, on_w, on_v) in zip(axes, runs, strict=True):
    W, lengths_w, lengths_v = A.copy(), [], []
    V = on_v.prox(W, 1 / beta)
    for _ in range(150):
        W = W - lr * ((W - A) + on_w.subgradient(W) + beta * (W - V))
        V = on_v.prox(W, 1 / beta)
        lengths_w.append(norms(W, 1)[0, 4:])
        lengths_v.append(norms(V, 1)[0, 4:])
    dead_in_v.append(int((V == 0).all(axis=0).sum()))
    assert (V[:, :4] != 0).any(axis=0).all()  # the four large columns stay
    assert np.all(W != 0)
    if on_w is group:
        assert np.max(lengths_w[-50:]) < 2 * lr * 0.2 * np.sqrt(10)  # two steps of the group term
    panel.plot(lengths_w, color=W_COLOUR, linewidth=1, alpha=0.8)
    panel.plot(lengths_v, color=V_COLOUR, linewidth=1.5)
    panel.set(title=f"{title}\nzero columns: W 0, V {dead_in_v[-1]}", xlabel="step", ylim=(-0.03, 0.8))
axes[0].set_ylabel("length of the 8 noise columns")
figure.suptitle("blue: columns of W     orange: columns of V")
plt.show()
assert dead_in_v[0] < dead_in_v[1] == dead_in_v[2] == 8

# %% [markdown]
# Without a group term, single weights keep noise columns of $V$ alive. With it on $W$, the noise columns of $W$ shrink to the length of a step or two, most of them rattle, and in $V$ they are
# exactly 0. With the exact prox $V$ drops them too, and $W$ is left where loss and coupling balance. In none of the three $W$ has a zero: the network to keep is $V$, or $W$ with what is
# negligible (in minisgl below $10^{-5}$) set to 0.
#
# ## Exercises
#
# To be written in [exercises/09_groups_with_l0.ipynb](exercises/09_groups_with_l0.ipynb), where a check below each answer tells you what is wrong.

# %% [markdown] tags=["ex1"]
# `axis` is the one axis that numbers the groups, and `within(v, axis)` are all the others.
#
# **Exercise 1.** Every group that is not 0 pays $\lambda\sqrt{n_g}$, whatever is in it. Compare what it costs to keep a group and to drop it, and write the prox for the step 1. At a tie the
# group is dropped.


# %% tags=["ex1"]
def keep_groups(v, lam, axis):
    """argmin over x of lam sum_g sqrt(n_g) [x_g != 0] + ||x - v||^2 / 2: v of any shape, lam >= 0, 0 at a tie."""
    # BEGIN SOLUTION: what it costs to drop each group, what to keep it, and v where that is cheaper
    drop = np.sum(v**2, axis=within(v, axis), keepdims=True) / 2
    keep = lam * np.sqrt(v.size // v.shape[axis])
    return np.where(keep < drop, v, 0)
    # END SOLUTION


# %% tags=["ex1"]
check("09.keep_groups", keep_groups)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** The prox of $\lambda_0 \lVert x\rVert_0 + k \lVert x\rVert$ for one group, `v` of shape $(n,)$ with $n \ge 1$: for each $j$ the $j$ largest
# weights are the best to keep. Which $j$ is the cheapest? If nothing is cheaper than 0, the result is 0. It has the dtype of `v`, and `v` stays as it was.
# Do it without `SparseGroupL0`.


# %% tags=["ex2"]
def best_of_group(v, lam0, k):
    """argmin over x of lam0 ||x||_0 + k ||x|| + ||x - v||^2 / 2: v (n,), lam0 >= 0, k >= 0."""
    # BEGIN SOLUTION: what every j gains over dropping all, and the places of the best j, shortened
    places = np.argsort(-np.abs(v))
    c = np.sqrt(np.cumsum(v[places] ** 2))  # (n,): the length of the j largest
    gain = np.maximum(c - k, 0) ** 2 / 2 - lam0 * np.arange(1, v.size + 1)
    best = gain.argmax()
    x = np.zeros_like(v)
    if gain[best] > 0:
        x[places[: best + 1]] = v[places[: best + 1]] * (1 - k / c[best])
    return x
    # END SOLUTION


# %% tags=["ex2"]
check("09.best_of_group", best_of_group)

# %% [markdown]
# ## Summary
#
# - With l0 or transformed l1 inside the groups, thresholding and then shortening is not the prox of the sum: the first step does not know that the second
#   will shorten what it keeps.
# - l0 and group lasso: for every $j$ the $j$ largest weights are the best to keep, so $n_g + 1$ candidates are enough.
# - Group l0, a price per group that is not zero: the best inside, or nothing. It is exact with every penalty that is a sum over weights.
# - The paper keeps the group term on $W$: there it goes with every $r$, but makes groups only small, and the thresholds on $V$ make them zero.
