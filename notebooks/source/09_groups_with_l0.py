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
from drawings import chapter_09 as draw

from minisgl.course.show_code import show_code
from minisgl.penalties import L0, L1, GroupL0With, GroupLasso, SparseGroupL0, TransformedL1
from minisgl.penalties.groups import block_soft, norms

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


per_weight, per_length = 0.5, 0.5
k = per_length * np.sqrt(2)
s = np.linspace(0, 1.8, 361)
v = s[:, None] * np.array([1.2, 1.1])  # (361, 2)
composed = block_soft(L0(per_weight).prox(v, 1.0), k, groups=0)
exact = SparseGroupL0(per_weight, per_length, groups=0).prox(v, 1.0)  # derived below
paid, least = (per_weight * (x != 0).sum(axis=1) + cost(x, v, k) for x in (composed, exact))  # each (361,)
lengths = [np.linalg.norm(x, axis=1) for x in (composed, exact)]  # each (361,)
draw.costs_and_lengths(s, (paid, lengths[0]), (least, lengths[1]))

# %%
more = paid - least  # (361,)
print(f"the composition pays up to {more.max():.2f} more than the best x")
assert more.min() >= -1e-12, f"the blue line is the least cost, but the composition pays {-more.min():.2f} less"
assert more.max() > 0.5, f"the figure should show a clear difference; the composition pays at most {more.max():.2f} more"

# %% [markdown]
# ## With l0 the composition is wrong
#
# Chapter 8 proved the composition for l1 with planes that touch the penalty and stay below it. Where $x \ne 0$, l0 has none: a line that touches the
# price at $x > 0$ and is not above the 0 at $x = 0$ rises, and is above the price beyond $x$. So the proof fails. Is the result wrong too? We
# put l0, and transformed l1 ([chapter 6](06_transformed_l1.ipynb)), in the place of l1: 200 groups of two weights, each against a grid of candidates.

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
assert too_much[L1] < 1e-9, f"with l1 the composition is the prox, but it costs {too_much[L1]:.2f} more"
least_wrong = min(too_much[L0], too_much[TransformedL1])
assert least_wrong > 0.1, f"with l0 and transformed l1 the composition should be wrong; one costs only {least_wrong:.2f} more"

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
by_package = [np.linalg.norm(v), np.linalg.norm(x), 2 * 0.5 + cost(x, v, 0.5 * np.sqrt(2)), v @ v / 2]
np.testing.assert_allclose(by_package, [1.628, 0.921, 1.901, 1.325], atol=0.0005, err_msg="lengths and costs by hand are wrong")

v = np.random.default_rng(6).normal(0, 1.2, size=(500, 6))
lam0, lam2 = 0.3, 0.25
subsets = np.array(np.unravel_index(np.arange(64), (2,) * 6)).T  # (64, 6)
tried = np.stack([block_soft(v * chosen, lam2 * np.sqrt(6), groups=0) for chosen in subsets], axis=1)  # (500, 64, 6)
costs = lam0 * (tried != 0).sum(axis=2) + cost(tried, v[:, None], lam2 * np.sqrt(6))  # (500, 64)
x = SparseGroupL0(lam0, lam2, groups=0).prox(v, step=1.0)  # (500, 6)
kept = (x != 0).sum(axis=1)  # (500,)
print("of 500 groups, so many keep 0, 1, ..., 6 of their weights:", np.bincount(kept))
paid = lam0 * kept + cost(x, v, lam2 * np.sqrt(6))  # (500,)
np.testing.assert_allclose(paid, costs.min(axis=1), err_msg="a subset of the weights costs less than the j largest")
k6, c = lam2 * np.sqrt(6), np.linalg.norm(v[:, None] * subsets, axis=2)  # (500, 64): the length of v on each subset
fixed = lam0 * subsets.sum(axis=1) - k6**2 / 2 + (v**2).sum(axis=1, keepdims=True) / 2  # (500, 64)
formula, up, down = (fixed + k6 * at - at**2 / 2 for at in (c, c + 1, c - 1))  # (500, 64) each
np.testing.assert_allclose(formula[c > k6], costs[c > k6], err_msg="a subset's cost is not the formula's")
np.testing.assert_allclose((up - down) / 2, k6 - c, atol=1e-9, err_msg="the slope in c is not k - c")

# %% [markdown]
# **A price per group.** As l0 asks a price per weight, *group l0* asks $k = s\lambda\sqrt{n_g}$ of every group that is not zero, whatever is in it. Drop the group: that costs
# $\lVert v\rVert^2/2$. Keep it: that costs $k$, once, and what is best inside. Without another penalty this is $x = v$, and the group is kept if $\lVert v\rVert^2/2 > k$. With any $r$ that is a
# sum over weights it is $x = \operatorname{prox}_r(v)$, and the group is kept if
#
# $$k + \underbrace{s\,r(x) + \tfrac12\lVert x - v\rVert^2}_{\text{the best inside}} \;<\; \tfrac12\lVert v\rVert^2$$
#
# This is exact for every $r$: the price is the same for all that can be in the group. **Check** against the candidates of above, with $s = 1.3$.

# %%
show_code(GroupL0With.prox)

# %%
v, s_r = np.random.default_rng(8).uniform(0, 2, size=(200, 2)), 1.3  # (200, 2), and the step
for r in (L1(0.0), L1(0.5), L0(0.5), TransformedL1(0.5, a=1.0)):  # the first: without another penalty
    price = s_r * (r.cost(grid).sum(axis=1) + k * grid.any(axis=1))  # (40401,)
    least = np.array([(price + cost(grid, one, 0)).min() for one in v])  # (200,)
    x = r.prox(v, s_r)  # (200, 2)
    inside, drop = s_r * r.cost(x).sum(axis=1) + cost(x, v, 0), (v**2).sum(axis=1) / 2  # each (200,)
    gain = s_r * r.cost(x).sum(axis=1) + (x * (x / 2 - v)).sum(axis=1)  # (200,)
    np.testing.assert_allclose(gain, inside - drop, atol=1e-12, err_msg=f"{r}: gain is not the best inside less the drop")
    keep = s_r * k + inside < drop  # (200,)
    by_package = GroupL0With(r, per_length, groups=0).prox(v, s_r)  # (200, 2)
    np.testing.assert_array_equal(by_package, x * keep[:, None], err_msg=f"{r}: the package does not choose as the formula")
    best = np.minimum(s_r * k + inside, drop)  # (200,)
    np.testing.assert_allclose(best, least, atol=1e-4, err_msg=f"{r}: the formula costs more than the best candidate")

# %% [markdown]
# `gain` is the best inside less $\lVert v\rVert^2/2$: $\tfrac12\lVert x - v\rVert^2 - \tfrac12\lVert v\rVert^2 = x\cdot(\tfrac12 x - v)$. The figure shows which of two weights are kept, with
# $\lambda_0 = 0.5$ and $k = 0.707$.

# %%
fine = np.linspace(0, 2.5, 251)
plane = np.stack(np.meshgrid(fine, fine), axis=-1)  # (251, 251, 2)
v = plane.reshape(-1, 2)  # (63001, 2)
composed = block_soft(L0(per_weight).prox(v, 1.0), k, groups=0)
exact = SparseGroupL0(per_weight, per_length, groups=0).prox(v, 1.0)
with_price = GroupL0With(L0(per_weight), per_length, groups=0).prox(v, 1.0)
paid, least = (per_weight * (x != 0).sum(axis=1) + cost(x, v, k) for x in (composed, exact))  # each (63001,)
excess = (paid - least).reshape(251, 251)
draw.which_are_kept(2.5, *(x.reshape(plane.shape) for x in (composed, exact, with_price)), excess)

# %%
assert excess.min() > -1e-12, f"the exact result has the least cost, but the composition pays {-excess.min():.2f} less"

# %% [markdown]
# ## Why the group term stays in the W-step
#
# The paper's method ([chapter 11](11_variable_splitting.ipynb)) holds two copies of the weights: $W$ takes gradient steps, $V$ is thresholded, and $\tfrac{\beta}{2}\lVert W - V\rVert^2$ holds
# them together. The penalty is group lasso plus an $r$ on single weights. The paper charges the group lasso to $W$, and $r$ to $V$:
#
# $$W_g \leftarrow W_g - \eta\,\Big[\nabla_g L(W) + \lambda\sqrt{n_g}\,\tfrac{W_g}{\lVert W_g\rVert} + \beta\,(W_g - V_g)\Big], \qquad V \leftarrow \operatorname{prox}_{r/\beta}(W)$$
#
# *What speaks for it.* The group lasso has a plain gradient wherever $W_g \ne 0$, so it goes with **every** $r$, and $V$ keeps its formula entry by entry. Both on $V$ would need the prox of
# the sum, for each nonconvex $r$ a derivation like that of l0 above.
#
# *What it costs.* A gradient step does not land on 0 ([chapter 4](04_proximal_operator.ipynb)). The groups of $W$ get **small**, and are then thrown to and fro by steps of length
# $\eta\lambda\sqrt{n_g}$. It is $V$ that makes the zeros, and it drops a group when *all* weights of it are below the threshold of $r$.
#
# minisgl's `--v-group` puts the group term into the V-step where an exact prox is known: `lasso` with l1 and l0, `l0` with every separable $r$. Compare on a small loss, $L(W) = \tfrac12\lVert W - A\rVert^2$, $W$ of
# shape $(10, 12)$: the first 4 columns of $A$ are large, the other 8 are noise.

# %%
rng = np.random.default_rng(7)
A = np.concatenate([rng.normal(0, 1, (10, 4)), rng.normal(0, 0.2, (10, 8))], axis=1)  # (10, 12)
beta, lr, lam0, lam = 1.0, 0.05, 0.02, 0.2
nothing, group, single = GroupLasso(0.0, groups=1), GroupLasso(lam, groups=1), L0(lam0)
runs = (
    ("no group term", nothing, single),
    ("group lasso on W (the paper's way)", group, single),
    ("group lasso on V (exact prox)", nothing, SparseGroupL0(lam0, lam, groups=1)),
)
lengths, last = {}, {}  # of the 8 noise columns, and the last W and V
for title, on_w, on_v in runs:
    W, of_w, of_v = A.copy(), [], []
    V = on_v.prox(W, 1 / beta)
    for _ in range(150):
        W = W - lr * ((W - A) + on_w.subgradient(W) + beta * (W - V))
        V = on_v.prox(W, 1 / beta)
        of_w.append(norms(W, 1)[0, 4:])
        of_v.append(norms(V, 1)[0, 4:])
    lengths[title], last[title] = (np.array(of_w), np.array(of_v)), (W, V)
draw.noise_columns(lengths)

# %%
zero_columns = [int((V == 0).all(axis=0).sum()) for _, V in last.values()]
assert zero_columns[0] < zero_columns[1] == zero_columns[2] == 8, f"the text says fewer than 8, 8 and 8: {zero_columns}"
kept = [int((V[:, :4] != 0).any(axis=0).sum()) for _, V in last.values()]
assert kept == [4, 4, 4], f"the four large columns should stay in V; of them stay {kept}"
zeros = [int(np.sum(W == 0)) for W, _ in last.values()]
assert zeros == [0, 0, 0], f"the text says that W has no zero; there are {zeros}"
W = last["group lasso on V (exact prox)"][0][:, 4:]  # (10, 8)
np.testing.assert_allclose(W, A[:, 4:] / (1 + beta), atol=1e-3, err_msg="W should be where loss and coupling balance")
of_w, _ = lengths["group lasso on W (the paper's way)"]  # (150, 8)
two_steps = 2 * lr * lam * np.sqrt(10)  # of the group term
assert of_w[-50:].max() < two_steps, f"the longest column, {of_w[-50:].max():.3f}, is not below two steps, {two_steps:.3f}"

# %% [markdown]
# Without a group term, single weights keep noise columns of $V$ alive. With it on $W$, the noise columns of $W$ shrink to the length of a step or two, most of them rattle, and in $V$ they are
# exactly 0. With the exact prox $V$ drops them too, and $W$ is left where loss and coupling balance. In none of the three $W$ has a zero: keep $V$, or $W$ with what is
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
    # BEGIN SOLUTION: x, of the shape of v; at a tie the group is 0
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
    # BEGIN SOLUTION: the x of least cost, of the shape and dtype of v
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
# - With l0 or transformed l1 inside the groups, thresholding and then shortening is not the prox of the sum.
# - l0 and group lasso: for every $j$ the $j$ largest weights are the best to keep, so $n_g + 1$ candidates are enough.
# - Group l0, a price per group that is not zero: the best inside, or nothing. It is exact with every penalty that is a sum over weights.
# - The paper keeps the group term on $W$: there it goes with every $r$, but makes groups only small, and the thresholds on $V$ make them zero.
