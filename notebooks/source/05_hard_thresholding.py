# %% [markdown]
# # 5 The l0 penalty, and hard thresholding
#
# *Reading: 20 minutes. Exercises: an evening. Needs chapter [4](04_proximal_operator.ipynb).*
#
# The l1 norm asks a price for every *unit* of weight. So it also takes from the large weights, which nobody wanted to lose
# ([chapter 4](04_proximal_operator.ipynb)). Let each weight that is not zero cost $\lambda$ instead, large or small.
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

from drawings import chapter_05 as draw
from minisgl.course.show_code import show_code
from minisgl.penalties import L1

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Six weights (grey), and what two penalties leave of them. Both have the threshold 1, so both drop the same three. They differ in what
# they do to the others.

# %%
v = np.array([2.2, -1.4, 0.8, 1.2, -0.5, 0.3])  # (6,)
soft, hard = L1(1.0), L0(0.5)
by_l1, by_l0 = soft.prox(v, step=1.0), hard.prox(v, step=1.0)  # (6,) each
draw.what_is_kept(v, {"l1": (soft.threshold(1.0), by_l1), "l0": (hard.threshold(1.0), by_l0)})

# %%
kept = by_l0 != 0
assert np.array_equal(by_l1 != 0, kept), f"the text says that both drop the same; here l1 keeps {v[by_l1 != 0]}, l0 {v[kept]}"
assert np.sum(~kept) == 3, f"the text says that three are dropped; here {np.sum(~kept)} are"
np.testing.assert_array_equal(by_l0[kept], v[kept], err_msg="what l0 keeps should be whole")
np.testing.assert_allclose(np.abs(v - by_l1)[kept], 1, err_msg="what l1 keeps should lose 1")

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


small, large = cost(np.array([0.9, 0.5, 0]), 0.9, 0.5), cost(np.array([1.2, 0.5, 0]), 1.2, 0.5)
print(f"v = 0.9: {small}\nv = 1.2: {large}")
np.testing.assert_allclose(small, [0.5, 0.58, 0.405], err_msg="the last column of the table for v = 0.9")
np.testing.assert_allclose(large, [0.5, 0.745, 0.72], err_msg="the last column of the table for v = 1.2")

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
    off = np.abs(formula - best)[clear].max()
    assert off < 0.001, f"lam = {lam}: the formula should be within 0.001 of the best candidate; here they are {off:.3g} apart"
    print(f"lam = {lam}: threshold {t:.3f}; the formula and the best candidate agree on {clear.sum()} values of v")
    np.testing.assert_allclose(cost(np.array([0, t]), t, lam), lam, err_msg="at the threshold both should cost lam")

# %% [markdown]
# ## The jump, and the cost it makes least
#
# Four values of $v$, with $\lambda = 0.5$, so that the threshold is $\sqrt{2 \cdot 0.5} = 1$. The cost is a parabola raised by the price
# (open circle: the parabola is not reached at $x = 0$), and one single point below it, at $x = 0$, where nothing is paid. As $v$
# grows, this point rises. The bottom of the parabola stays where it is, at the height $\lambda$. At $v = 1$ they are level. A little later the best $x$
# is no longer 0 but, in one jump, $v$.

# %%
draw.costs([0.6, 1.0, 1.2, 1.8], lam=0.5)

# %% [markdown]
# With a running kernel, move $v$ through the threshold, or $\lambda$ under $v$.

# %%
_ = interact(
    draw.cost_and_prox,
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
costs = [cost(x, w, lam).sum() for x in (right, wrong)]
for name, x, total in zip(("sqrt(2 lam)", "lam"), (right, wrong), costs, strict=True):
    print(f"threshold {name:>11}: {np.mean(x == 0):6.1%} zeros, at the cost {total:.0f}")
assert costs[0] <= costs[1], f"no threshold should cost less than sqrt(2 lam): it costs {costs[0]:.2f}, and lam {costs[1]:.2f}"

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
for lam in (0.5, 1e-3, 1e-6):
    start = L0(lam).threshold(step=1 / (25 * lam))
    np.testing.assert_allclose(start, 0.283, atol=5e-4, err_msg="the text says that the threshold is 0.283, whatever lam is")
v, x = np.linspace(-3, 3, 301), np.arange(-3000, 3001) / 1000  # (301,), (6001,)
best = x[cost(x, v[:, None], 0.3 * 1.3).argmin(axis=1)]  # (301,), with s = 0.3 and lam = 1.3
np.testing.assert_allclose(L0(1.3).prox(v, step=0.3), best, atol=1e-3, err_msg="the prox with a step is not the best candidate")
for tau in (0.01, 0.1, 0.3):
    s, said = tau**2 / (2 * lam), f"the step for the threshold {tau} should be tau^2/(2 lam)"
    np.testing.assert_allclose([L0(lam).threshold(step=s), L0(lam).step_for(tau)], [tau, s], err_msg=said)

# %% [markdown]
# ## The code
#
# What minisgl runs in every training step.

# %%
show_code(L0.threshold, L0.step_for, L0.prox)

# %% [markdown]
# `xp.abs(block) > t` is true or false, and as a number 1 or 0. Times `block` it is the box: $v$ where it is kept, 0 where not. One detail:
# $-0.3 \cdot 0$ is $-0$ for a computer. It equals 0, but is written as other bytes in a file; adding 0 makes it a plain 0.

# %%
v = np.random.default_rng(0).normal(size=100_000)  # (100000,)
x = L0(0.5).prox(v, step=1.0)
np.testing.assert_array_equal(x, np.where(np.abs(v) > 1, v, 0), err_msg="lam = 0.5: the prox should be the box, threshold 1")
assert not np.signbit(x[x == 0]).any(), f"every zero should be a plain 0; here {np.signbit(x[x == 0]).sum()} are -0"

# %% [markdown]
# ## An experiment: find the signal in the noise
#
# A signal of 500 numbers, of which 40 are not zero and of size 1 to 3. We see it with noise of standard deviation 0.3 on all of them.
# We try every threshold from 0 to 3, soft and hard,
# and measure the mean squared error against the truth.

# %%
rng = np.random.default_rng(3)
truth = np.zeros(500)
truth[rng.choice(500, 40, replace=False)] = rng.uniform(1, 3, 40) * rng.choice([-1, 1], 40)
noisy = truth + 0.3 * rng.normal(size=500)  # (500,)

thresholds = np.linspace(0.01, 3, 300)  # (300,)
penalties = {"soft": L1(1.0), "hard": L0(1.0)}
kept = {name: np.array([p.prox(noisy, p.step_for(t)) for t in thresholds]) for name, p in penalties.items()}  # (300, 500)
errors = {name: ((x - truth) ** 2).mean(axis=1) for name, x in kept.items()}  # (300,)
best = {name: x[errors[name].argmin()] for name, x in kept.items()}  # (500,)
draw.signal_in_noise(truth, noisy, thresholds, errors, best)

# %%
best_t = {name: round(float(thresholds[error.argmin()]), 2) for name, error in errors.items()}
lost = {name: np.mean((np.abs(truth) - np.abs(x))[(x != 0) & (truth != 0)]) for name, x in best.items()}
for name, one in lost.items():
    print(f"{name}: the best threshold is {best_t[name]}, with an error of {errors[name].min():.4f}")
    print(f"{name}: what it keeps of the signal is {abs(one):.2f} too {'small' if one > 0 else 'large'} on average")

# %% [markdown]
# At the same threshold both make the same zeros. But the soft threshold pays for every step upwards with its bias: its best threshold is a
# compromise, low enough to let noise through, and still what it keeps is too small on average (blue, right). The hard threshold can
# go as high as the noise asks, and takes nothing from what it keeps: how far that is from the truth is noise.

# %%
differ = np.sum((kept["soft"] == 0) != (kept["hard"] == 0))
assert differ == 0, f"the text says that both make the same zeros; here {differ} are not the same"
assert best_t["soft"] < best_t["hard"], f"the text says that soft's best threshold is lower; here they are {best_t}"
assert lost["soft"] > 0.1, f"the text says that soft keeps too little; here {lost['soft']:.2f} is missing on average"
bound = 4 * np.std(noisy - truth) / np.sqrt(np.sum(truth != 0))  # four times what noise makes of the mean of 40
assert abs(lost["hard"]) < bound, f"what hard is off should be noise, below {bound:.2f}; here it is {lost['hard']:.2f}"

# %% [markdown]
# ## The price of the jump
#
# The l0 penalty is not convex, and its prox is not continuous:
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
further = np.max(np.abs(L1(1.0).prox(u, 1.0) - L1(1.0).prox(v, 1.0)) - np.abs(u - v))
assert further < 1e-12, f"the text says that soft thresholding moves no two numbers apart; here by {further:.3g}"
print(L0(0.5).prox(np.array([0.999, 1.001]), step=1.0))
near = np.arange(-100, 101) / 1000  # (201,), with an exact 0
for one_v in (0.6, 1.8):
    for bottom in (0.0, one_v):
        here, lowest = cost(bottom, one_v, 0.5), cost(bottom + near, one_v, 0.5).min()
        assert lowest == here, (
            f"v = {one_v}: no x within 0.1 of {bottom} should cost less; that costs {here:.3f}, and one x {lowest:.3f}"
        )

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


lam = 0.05
l1, l0 = L1(lam), L0(lam)
after_l1 = descend(starts, l1)  # (100, 30)
from_random, from_l1 = descend(starts, l0), descend(after_l1, l0)
with_l0 = {"from random weights": objective(from_random, l0), "from where l1 ended": objective(from_l1, l0)}  # (30,) each
draw.ends(objective(after_l1, l1), with_l0, objective(w_true, l0), lam)
found = [np.array_equal(w != 0, w_true[:, 0] != 0) for w in from_l1.T]
print(f"l0 from where l1 ended: {sum(found)} of {len(found)} runs find exactly the 12 weights that are not zero")

# %% [markdown]
# With l1 all starts end at the same value: there is one valley. With l0 and a random start the end depends on the start, and none of
# the 30 is good. But from a start that l1 has prepared, l0 finds the right 12 weights, and then sets them free of l1's bias. minisgl's
# preset `quick` prepares its weights in another way: the threshold of l0 climbs from zero while the network learns
# ([chapter 13](13_lenet5_on_mnist.ipynb)).

# %%
random, prepared = with_l0.values()  # (30,) each
l1_apart, l0_apart = np.ptp(objective(after_l1, l1)), np.ptp(random)
assert l1_apart < 0.01, f"the text says that with l1 all starts end at the same value; here they are {l1_apart:.3g} apart"
assert l0_apart > 0.01, f"the text says that with l0 the end depends on the start; here all are within {l0_apart:.3g}"
assert prepared.max() < random.min(), (
    f"the text says that no random start ends as low as l1's ends do; here the best ends at {random.min():.3f}, and from l1's "
    f"ends the worst at {prepared.max():.3f}"
)
S = w_true[:, 0] != 0
least_squares = np.linalg.lstsq(A[:, S], b)[0]  # (12, 1)
np.testing.assert_allclose(from_l1[S], least_squares + 0 * from_l1[S], atol=1e-6, err_msg="the text says: free of l1's bias")
assert all(found), f"the text says that l0 finds the 12 weights from where l1 ended; here in {sum(found)} of {len(found)} runs"

# %% [markdown]
# ## Exercises
#
# In [exercises/05_hard_thresholding.ipynb](exercises/05_hard_thresholding.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write hard thresholding for an array `v` of any shape, float32 or float64, with the price `lam` of at least 0, and 0 at
# a tie. The result has the shape and dtype of `v`, and `v` stays as it was. No loop, and without `L0`.


# %% tags=["ex1"]
def hard_threshold(v, lam):
    """argmin over x of lam [x != 0] + (x - v)^2 / 2, entry by entry."""
    # BEGIN SOLUTION: every entry's best x, without a loop
    threshold = np.sqrt(2 * lam)
    return np.where(np.abs(v) > threshold, v, 0)
    # END SOLUTION


# %% tags=["ex1"]
check("05.hard_threshold", hard_threshold)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** How much does the best $x$ cost? Write the least value of $\lambda \lVert x \rVert_0 + \tfrac12 \lVert x - v \rVert^2$ over all $x$, one number for
# the whole array, without computing $x$.


# %% tags=["ex2"]
def least_cost(v, lam):
    """The least value of lam ||x||_0 + ||x - v||^2 / 2: v of any shape, lam >= 0; one number."""
    # BEGIN SOLUTION: one number for the whole array
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
    # BEGIN SOLUTION: one of the many lam, also for k = 0 and k = v.size
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
