# %% [markdown]
# # 5 The l0 penalty, and hard thresholding
#
# *Reading: 25 minutes. Exercises: an evening. Needs chapter [4](04_proximal_operator.ipynb).*
#
# The l1 norm asks a price for every *unit* of weight. So it also takes from the large weights, which nobody wanted to lose
# ([chapter 4](04_proximal_operator.ipynb)). Let us ask a price for every *head* instead: each weight that is not zero costs $\lambda$, large
# or small.
#
# **Which weights are worth their price?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads
from minisgl.penalties import L0

limit_blas_threads()

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from minisgl.course.show_code import show_code
from minisgl.penalties import L1
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Six weights (grey), and what two penalties leave of them. Both have the threshold 1, so both drop the same three. They differ in what
# they do to the others.

# %%
v = np.array([2.2, -1.4, 0.8, 1.2, -0.5, 0.3])  # (6,)
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for panel, penalty, colour, title in (
    (axes[0], L1(1.0), W_COLOUR, "l1: what is kept loses 1"),
    (axes[1], L0(0.5), V_COLOUR, "l0: what is kept, is kept whole"),
):
    panel.bar(np.arange(6), v, color=GREY, alpha=0.35, width=0.8)
    panel.bar(np.arange(6), penalty.prox(v, step=1.0), color=colour, width=0.4)
    panel.axhspan(-1, 1, color=GREY, alpha=0.12, zorder=0)
    panel.axhline(0, color=GREY, linewidth=0.8)
    panel.set(title=title, xlabel="weight", xticks=range(6))
figure.suptitle("grey: before     coloured: after     shaded: up to the threshold")
plt.show()

# %% [markdown]
# ## By hand
#
# The penalty counts: $r(x) = \lVert x \rVert_0$ is the number of entries of $x$ that are not 0. For a single number that is 1 or 0; we
# write $[x \ne 0]$. Its prox looks for the least of
#
# $$f(x) = \lambda\,[x \ne 0] + \tfrac12 (x - v)^2$$
#
# Take $\lambda = 0.5$.
#
# | $v = 0.9$ | price $0.5\,[x \ne 0]$ | distance $(x - 0.9)^2/2$ | together |
# |---|---|---|---|
# | $x = 0.9$ (keep) | 0.5 | 0 | 0.5 |
# | $x = 0.5$ | 0.5 | 0.08 | 0.58 |
# | $x = 0$ (drop) | 0 | 0.405 | **0.405** |
#
# | $v = 1.2$ | price $0.5\,[x \ne 0]$ | distance $(x - 1.2)^2/2$ | together |
# |---|---|---|---|
# | $x = 1.2$ (keep) | 0.5 | 0 | **0.5** |
# | $x = 0.5$ | 0.5 | 0.245 | 0.745 |
# | $x = 0$ (drop) | 0 | 0.72 | 0.72 |
#
# To shrink a weight without dropping it ($x = 0.5$) is never a good idea: it costs the full price, and moves away besides.


# %%
def cost(x, v, lam):
    """What x costs, entry by entry: lam [x != 0] + (x - v)^2 / 2."""
    return lam * (x != 0) + (x - v) ** 2 / 2


np.testing.assert_allclose(cost(np.array([0.9, 0.5, 0]), 0.9, 0.5), [0.5, 0.58, 0.405])
np.testing.assert_allclose(cost(np.array([1.2, 0.5, 0]), 1.2, 0.5), [0.5, 0.745, 0.72])
print("both tables are right")

# %% [markdown]
# ## The derivation
#
# For $v$ of shape $(n,)$ the cost is again a sum with one entry of $x$ in each term,
#
# $$\lambda \lVert x \rVert_0 + \tfrac12 \lVert x - v \rVert^2 \;=\; \sum_{i=1}^n \Big[ \lambda\,[x_i \ne 0] + \tfrac12 (x_i - v_i)^2 \Big],$$
#
# so every entry is a problem of its own. A slope is of no use here: the price is flat wherever it has a slope, and jumps where it
# matters. But there are only two kinds of $x$.
#
# *Drop it: $x = 0$.* The cost is
#
# $$f(0) = \tfrac12 (0 - v)^2 = \tfrac12 v^2$$
#
# *Keep it: $x \ne 0$.* The cost is $\lambda + \tfrac12 (x - v)^2$. The first term is the same for all of these $x$, the second is never negative,
# and zero at $x = v$. So the best of them is $x = v$, with the cost
#
# $$f(v) = \lambda$$
#
# (If $v = 0$ there is nothing to keep: $f(0) = 0$.)
#
# *Compare.* To keep is cheaper exactly when
#
# $$\lambda < \tfrac12 v^2 \quad\Longleftrightarrow\quad v^2 > 2 \lambda \quad\Longleftrightarrow\quad |v| > \sqrt{2 \lambda}$$
#
# At $|v| = \sqrt{2\lambda}$ both cost the same; we agree on 0. This is **hard thresholding**:
#
# $$\boxed{\;\operatorname{prox}(v) = \begin{cases} v & \text{if } |v| > \sqrt{2\lambda} \\ 0 & \text{otherwise} \end{cases}\;}$$
#
# **Check.** The formula on 301 values of $v$, against the best of 6,001 candidates. $v$ itself is among them to a thousandth, and 0 exactly.

# %%
v = np.linspace(-3, 3, 301)  # (301,)
x = np.arange(-3000, 3001) / 1000  # (6001,), with an exact 0
for lam in (0.1, 0.5, 1.3):
    t = np.sqrt(2 * lam)
    clear = np.abs(np.abs(v) - t) > 0.002  # not a tie: there rounding would decide
    best = x[cost(x, v[:, None], lam).argmin(axis=1)]  # (301, 6001) -> (301,)
    formula = np.where(np.abs(v) > t, v, 0)  # (301,)
    assert np.abs(formula - best)[clear].max() < 0.001
    print(f"lam = {lam}: threshold {t:.3f}; the formula and the best candidate agree on {clear.sum()} values of v")

# %% [markdown]
# ## The jump, and the cost it makes least
#
# Four values of $v$, with $\lambda = 0.5$, so that the threshold is $\sqrt{2 \cdot 0.5} = 1$. The cost is a parabola raised by the price
# (open circle: the parabola is not reached at $x = 0$), and one single point below it, at $x = 0$, where nothing is paid. As $v$
# grows, this point rises. The bottom of the parabola stays where it is, at the height $\lambda$. At $v = 1$ they are level. A little later the best $x$
# is no longer 0 but, in one jump, $v$.


# %%
def draw_cost(axes, v, lam):
    x = np.linspace(-0.6, 2.2, 401)  # (401,)
    axes.plot(x, lam + (x - v) ** 2 / 2, color=GREY)
    axes.plot(0, lam + v**2 / 2, "o", color=GREY, markerfacecolor="white", markersize=6)
    axes.plot([0, v], [v**2 / 2, lam], "o", color=GREY, markersize=5)
    axes.axhline(lam, color=GREY, linewidth=0.8, linestyle=":")
    best = L0(lam).prox(np.array([v]), 1.0)[0]
    axes.plot(best, cost(best, v, lam), "o", color=V_COLOUR, markersize=9)
    tie = ", or v" if v == np.sqrt(2 * lam) else ""
    axes.set(
        xlabel="x",
        title=f"v = {v:.1f}:  best x = {best:.1f}{tie}",
        ylim=(0, max(2.2, 1.03 * (lam + v**2 / 2))),
        xticks=[0, 1, 2],
    )


def draw_prox(axes, marked, lam):
    t = np.sqrt(2 * lam)
    axes.plot([-2.2, 2.2], [-2.2, 2.2], "--", color=GREY, linewidth=0.8)
    for start, end, height in ((-2.2, -t, 1), (-t, t, 0), (t, 2.2, 1)):
        axes.plot([start, end], [start * height, end * height], color=W_COLOUR, linewidth=2)
    axes.plot([t, -t], [t, -t], "o", color=W_COLOUR, markerfacecolor="white", markersize=6)
    axes.plot([t, -t], [0, 0], "o", color=W_COLOUR, markersize=6)
    axes.plot(marked, L0(lam).prox(np.array(marked), 1.0), "o", color=V_COLOUR, markersize=8)
    axes.set(xlabel="v", title="prox(v); dashed: v", xticks=[-2, -t, 0, t, 2], aspect="equal")
    axes.xaxis.set_major_formatter("{x:.2g}")


figure, axes = plt.subplots(1, 5, figsize=(14, 3))
some_v = [0.6, 1.0, 1.2, 1.8]
for panel, one_v in zip(axes, some_v, strict=False):
    draw_cost(panel, one_v, 0.5)
axes[0].set_ylabel("cost f(x)")
draw_prox(axes[4], some_v, 0.5)
plt.show()

# %% [markdown]
# With a running kernel, move $v$ through the threshold, or $\lambda$ under $v$. (Without a kernel the panels above show the same.)


# %%
def two_panels(v, lam):
    _, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    draw_cost(left, v, lam)
    draw_prox(right, [v], lam)
    plt.show()


_ = interact(
    two_panels,
    v=FloatSlider(value=1.2, min=-0.5, max=2.1, step=0.05),
    lam=FloatSlider(value=0.5, min=0.05, max=1.5, step=0.05),
)

# %% [markdown]
# ## Why it is not $\lambda$
#
# The threshold of l1 is $\lambda$. That of l0 is $\sqrt{2\lambda}$, and to take $\lambda$ here too is a common mistake. The units already
# forbid it. In $\lambda\,[x \ne 0] + \tfrac12 (x - v)^2$ the bracket is a bare number, so $\lambda$ has the unit of $v^2$; a threshold is compared with
# $v$ and has the unit of $v$. Only a square root can lead from one to the other. (For l1 the penalty is $\lambda |x|$: there $\lambda$ has the unit of $v$
# itself.)
#
# How wrong is it? For weights of a usual size, well below 1, by a large factor:

# %%
for lam in (0.0002, 0.005, 0.02, 0.5, 2.0):
    print(f"lam = {lam:<6g}   threshold sqrt(2 lam) = {L0(lam).threshold(step=1.0):.3g}")
w = np.random.default_rng(0).normal(0, 0.05, 100_000)  # (100000,), as the weights of a linear layer
lam = 0.005
right, wrong = np.where(np.abs(w) > np.sqrt(2 * lam), w, 0), np.where(np.abs(w) > lam, w, 0)
for name, x in (("sqrt(2 lam)", right), ("lam", wrong)):
    print(f"threshold {name:>11}: {np.mean(x == 0):6.1%} zeros, at the cost {cost(x, w, lam).sum():.0f}")
assert cost(right, w, lam).sum() < cost(wrong, w, lam).sum()

# %% [markdown]
# ## The step, and its inverse
#
# With a step $s$ the penalty counts $s$ times: put $s\lambda$ for $\lambda$, and the threshold is
#
# $$t = \sqrt{2 s \lambda}$$
#
# In the splitting of [chapter 11](11_variable_splitting.ipynb) the step is $1/\beta$. The paper chooses $\beta = 25 \lambda$ at the start, hence $t = \sqrt{2/25} = 0.283$, whatever
# $\lambda$ is. One can also go the other way: choose a threshold $\tau$, let it grow during the training, and ask each time for the step that gives it.
# Square both sides and divide by $2\lambda$:
#
# $$\tau = \sqrt{2 s \lambda} \quad\Longleftrightarrow\quad \tau^2 = 2 s \lambda \quad\Longleftrightarrow\quad s = \frac{\tau^2}{2 \lambda}$$

# %%
lam = 1e-6
np.testing.assert_allclose(L0(lam).threshold(step=1 / (25 * lam)), np.sqrt(2 / 25))
for tau in (0.01, 0.1, 0.3):
    np.testing.assert_allclose(L0(lam).threshold(step=tau**2 / (2 * lam)), tau)
    np.testing.assert_allclose(L0(lam).step_for(tau), tau**2 / (2 * lam))

# %% [markdown]
# ## The code
#
# What minisgl runs in every training step, printed from the package itself.

# %%
show_code(L0.threshold, L0.step_for, L0.prox)

# %% [markdown]
# `xp.abs(block) > t` is true or false, and as a number 1 or 0. Times `block` it is the box: $v$ where it is kept, 0 where not. One detail:
# $-0.3 \cdot 0$ is $-0$ for a computer. It equals 0, but is written as other bytes in a file; adding 0 makes it a plain 0.

# %%
v = np.random.default_rng(0).normal(size=100_000)  # (100000,)
x = L0(0.5).prox(v, step=1.0)
np.testing.assert_array_equal(x, np.where(np.abs(v) > 1, v, 0))
assert not np.signbit(x[x == 0]).any()  # no -0

# %% [markdown]
# ## An experiment: find the signal in the noise
#
# A signal of 500 numbers, of which 40 are not zero and of size 1 to 3. We see it with noise of standard deviation 0.3 on all of them.
# Thresholding the noisy signal is meant to take away the noise and leave the signal. We try every threshold from 0 to 3, soft and hard,
# and measure the mean squared error against the truth.

# %%
rng = np.random.default_rng(3)
truth = np.zeros(500)
truth[rng.choice(500, 40, replace=False)] = rng.uniform(1, 3, 40) * rng.choice([-1, 1], 40)
noisy = truth + 0.3 * rng.normal(size=500)  # (500,)

thresholds = np.linspace(0.01, 3, 300)  # (300,)
penalties = {"soft": L1(1.0), "hard": L0(1.0)}
colours = {"soft": W_COLOUR, "hard": V_COLOUR}
kept = {name: np.array([p.prox(noisy, p.step_for(t)) for t in thresholds]) for name, p in penalties.items()}  # (300, 500)
errors = {name: ((x - truth) ** 2).mean(axis=1) for name, x in kept.items()}  # (300,)
assert np.array_equal(kept["soft"] == 0, kept["hard"] == 0)  # the same zeros, at every threshold

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.8))
left.axhline(np.mean((noisy - truth) ** 2), color=GREY, linestyle="--", label="the noisy signal itself")
for name, error in errors.items():
    left.plot(thresholds, error, color=colours[name], label=name)
    left.plot(thresholds[error.argmin()], error.min(), "o", color=colours[name])
    print(f"{name}: the best threshold is {thresholds[error.argmin()]:.2f}, with an error of {error.min():.4f}")
left.set(title="error, over the threshold (dots: the best)", xlabel="threshold", ylabel="mean squared error", ylim=(0, 0.2))
left.legend()
for name, x in kept.items():
    best = x[errors[name].argmin()]
    lost = (np.abs(truth) - np.abs(best))[(best != 0) & (truth != 0)].mean()
    print(f"{name}: what it keeps of the signal is {abs(lost):.2f} too {'small' if lost > 0 else 'large'} on average")
right.plot([-3.2, 3.2], [-3.2, 3.2], "--", color=GREY, linewidth=0.8, label="what is right")
for name, x in kept.items():
    best = x[errors[name].argmin()]
    shown = (best != 0) & (truth != 0)
    right.plot(truth[shown], best[shown], ".", color=colours[name], markersize=8, label=name)
right.set(title="what is kept, at the best threshold", xlabel="truth", ylabel="after thresholding")
right.legend()
plt.show()

# %% [markdown]
# At the same threshold both make the same zeros. But the soft threshold pays for every step upwards with its bias: its best threshold is a
# compromise, low enough to let noise through, and still what it keeps is too small on average (blue, right). The hard threshold can
# go as high as the noise asks, and takes nothing from what it keeps: how far that is from the truth is noise.
#
# ## The price of the jump
#
# Nothing is free. The l0 penalty is not convex, and its prox is not continuous:
#
# - *Two neighbours may end far apart.* With the threshold 1, $v = 0.999$ goes to 0 and $v = 1.001$ to 1.001. Under soft thresholding two numbers never move
#   apart: each of the three pieces of its curve has slope 0 or 1, and the pieces join.
# - *There are two valleys.* For $v \ne 0$, $x = 0$ is lower than all that is near it (a small step away costs $\lambda$ at once), and so is $x = v$. For one weight
#   we compared both. With many weights in one loss there are $2^n$ choices of what to keep, and a step-by-step method
#   finds one that no small step improves, not always the best.
#
# **Check** of both: no pair of numbers moves apart under soft thresholding, one does under hard thresholding; and no $x$ near 0 or
# near $v$ is better than 0 or $v$.

# %%
rng = np.random.default_rng(5)
u, v = rng.normal(0, 2, size=(2, 100_000))  # each (100000,)
assert np.all(np.abs(L1(1.0).prox(u, 1.0) - L1(1.0).prox(v, 1.0)) <= np.abs(u - v) + 1e-12)
print(L0(0.5).prox(np.array([0.999, 1.001]), step=1.0))
near = np.linspace(-0.1, 0.1, 201)  # (201,)
for one_v in (0.6, 1.8):
    assert cost(near, one_v, 0.5).min() == cost(0.0, one_v, 0.5)  # the valley at 0
    assert cost(one_v + near, one_v, 0.5).min() == cost(one_v, one_v, 0.5)  # the valley at v

# %% [markdown]
# The same linear model as in chapter 4, harder: 60 outputs, 100 weights, 12 of them not zero. We run proximal gradient steps from 30
# random starts, with l1 and with l0, and then with l0 once more, from the places where l1 had ended. (The two problems have
# different penalties, so compare l0 with l0 only.)

# %%
rng = np.random.default_rng(4)
A = rng.normal(size=(60, 100)) / np.sqrt(60)
w_true = np.zeros((100, 1))
w_true[rng.choice(100, 12, replace=False), 0] = rng.uniform(1, 2, 12) * rng.choice([-1, 1], 12)
b = A @ w_true + 0.05 * rng.normal(size=(60, 1))
lr = 1 / np.linalg.norm(A, 2) ** 2
starts = rng.normal(0, 0.5, size=(100, 30))  # a column for each start


def objective(w, penalty):
    """Loss and penalty of every column of w (100, N): (N,)."""
    return ((A @ w - b) ** 2).sum(axis=0) / 2 + penalty.cost(w).sum(axis=0)


def descend(w, penalty, steps=3000):
    """Proximal gradient steps from every column of w at once: (100, N) -> (100, N)."""
    for _ in range(steps):
        w = penalty.prox(w - lr * A.T @ (A @ w - b), step=lr)
    return w


l1, l0 = L1(0.05), L0(0.05)
after_l1 = descend(starts, l1)  # (100, 30)
from_random, from_l1 = descend(starts, l0), descend(after_l1, l0)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2))
left.plot(np.sort(objective(after_l1, l1)), "o", color=W_COLOUR, markersize=4)
left.set(title="l1, lam = 0.05", ylabel="loss + penalty")
right.plot(np.sort(objective(from_random, l0)), "o", color=V_COLOUR, markersize=4, label="from random weights")
right.plot(np.sort(objective(from_l1, l0)), "o", color=W_COLOUR, markersize=4, label="from where l1 ended")
right.set(title="l0, lam = 0.05")
right.axhline(objective(w_true, l0), color=GREY, linestyle="--", linewidth=1, label="the true weights")
right.legend(loc="upper left")
for panel in (left, right):
    panel.set(xlabel="run (sorted)", ylim=(0, 3.5))
plt.show()
found = [np.array_equal(w != 0, w_true[:, 0] != 0) for w in from_l1.T]
print(f"l0 from where l1 ended: {sum(found)} of 30 runs find exactly the 12 weights that are not zero")
assert np.ptp(objective(after_l1, l1)) < 0.01 < np.ptp(objective(from_random, l0))

# %% [markdown]
# With l1 all starts end at the same value: there is one valley. With l0 and a random start the end depends on the start, and none is
# good. But from a start that l1 has prepared, l0 finds the right 12 weights, and then sets them free of l1's bias. minisgl's
# preset `quick` prepares its weights in another way: the threshold of l0 climbs from zero while the network learns
# ([chapter 13](13_lenet5_on_mnist.ipynb)).
#
# ## Exercises
#
# To be written in [exercises/05_hard_thresholding.ipynb](exercises/05_hard_thresholding.ipynb), where a check below each answer tells you what is
# wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write hard thresholding for an array `v` of any shape, float32 or float64, with the price `lam` of at least 0, and 0 at
# a tie. The result has the shape and dtype of `v`, and `v` stays as it was. No loop, and without `L0`.


# %% tags=["ex1"]
def hard_threshold(v, lam):
    """argmin over x of lam [x != 0] + (x - v)^2 / 2, entry by entry."""
    # BEGIN SOLUTION: keep every entry that costs more to drop than to keep
    threshold = np.sqrt(2 * lam)
    return np.where(np.abs(v) > threshold, v, 0)
    # END SOLUTION


# %% tags=["ex1"]
check("05.hard_threshold", hard_threshold)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** How much does the best $x$ cost? Write the least value of $\lambda \lVert x \rVert_0 + \tfrac12 \lVert x - v \rVert^2$ over all $x$, one number for
# the whole array, without computing $x$. Every entry of `v` takes the cheaper of its two choices.


# %% tags=["ex2"]
def least_cost(v, lam):
    """The least value of lam ||x||_0 + ||x - v||^2 / 2: v of any shape, lam >= 0; one number."""
    # BEGIN SOLUTION: for each entry the smaller of two costs, and the sum of these
    return np.minimum(v**2 / 2, lam).sum()
    # END SOLUTION


# %% tags=["ex2"]
check("05.least_cost", least_cost)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** You want to keep exactly the `k` largest weights (in size) of `v`, by the prox of step 1. Which `lam` does it? Many do; return
# one. No two weights have the same size, and none is 0; `k` is from 0 to `v.size`.


# %% tags=["ex3"]
def lam_to_keep(v, k):
    """A lam for which L0(lam).prox(v, step=1) has exactly k entries that are not zero: v of any shape."""
    # BEGIN SOLUTION: sort the sizes, find the largest that is to go, and turn t = sqrt(2 lam) round
    sizes = np.sort(np.abs(v), axis=None)[::-1]
    largest_dropped = sizes[k] if k < v.size else 0.0
    return largest_dropped**2 / 2
    # END SOLUTION


# %% tags=["ex3"]
check("05.lam_to_keep", lam_to_keep)

# %% [markdown]
# ## Summary
#
# - The l0 penalty counts the weights that are not zero. Each costs $\lambda$; to drop $v$ costs $v^2/2$; the cheaper of the two wins.
# - Hard thresholding keeps $v$ if $|v| > \sqrt{2 s \lambda}$ and drops it otherwise. The threshold has a square root, because $\lambda$ has the unit of $v^2$.
# - What is kept is kept whole: no bias. In exchange the prox jumps, the penalty is not convex, and where you end depends on where you start.
# - $s = \tau^2 / (2\lambda)$ is the step with the threshold $\tau$. With it a training can let the threshold climb from zero.
