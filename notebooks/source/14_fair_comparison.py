# %% [markdown]
# # 14 A fair comparison
#
# *Reading: 35 minutes. Exercises: an evening. Needs chapters [5](05_hard_thresholding.ipynb) and [13](13_lenet5_on_mnist.ipynb).*
#
# [docs/results.md](../docs/results.md) says that l0 is better than magnitude pruning: with as many zeros, 0.76 % test errors instead of 1.62 %. The
# numbers are right. But pruning was done
# *at once*, and l0's threshold climbed for half of the run. Was that a comparison of l0 with pruning, or of slow with sudden?
#
# **What must be equal before a difference means anything, and how large must it be?**

# %% tags=["setup"]
from math import comb

import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import json
from collections import defaultdict
from itertools import product
from math import log
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt

from drawings import chapter_14 as draw
from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.nn.initializers import he_normal
from minisgl.nn.loss import softmax_cross_entropy
from minisgl.nn.optimizers import Adam
from minisgl.solver.agp import AGP

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# LeNet-5 on MNIST, ten epochs, three seeds, about 98.4 % zeros. A dot is one run (two of l0's lie on each other), the bar is the mean. The numbers
# are read from [results.jsonl](../docs/results.jsonl).

# %%
runs = [json.loads(line) for line in Path("../docs/results.jsonl").read_text().splitlines()]
of = defaultdict(list)  # runs by method and regime, in the order of their seeds
for run in runs:
    of[run["method"], run["regime"]].append(run)
l0, one_shot = of["l0", "continuation"], of["magnitude", "continuation"]
draw.by_seed(
    {name: [run["heldout_error"] for run in three] for name, three in {"l0": l0, "pruned at once": one_shot}.items()},
    "three seeds each, as many zeros",
    "held-out error, %",
)

# %%
for a, b in zip(l0, one_shot, strict=True):
    assert a["seed"] == b["seed"], f"the runs should pair by seed; these have the seeds {a['seed']} and {b['seed']}"
    left = a["weights_left"], b["weights_left"]
    assert left[0] == left[1], f"a pair should have as many zeros; with seed {a['seed']} l0 and pruning leave {left} weights"
worst, best = max(run["heldout_error"] for run in l0), min(run["heldout_error"] for run in one_shot)
assert worst < best, f"the picture shows l0's worst before pruning's best; here they have {worst:.2f} and {best:.2f} % errors"
means = [np.mean([run["heldout_error"] for run in three]) for three in (l0, one_shot)]
print(f"mean held-out error: l0 {means[0]:.2f} %, pruned at once {means[1]:.2f} %")
on_test = [round(np.mean([run["test_error"] for run in three]), 2) for three in (l0, one_shot)]
assert on_test == [0.76, 1.62], f"the text says 0.76 and 1.62 % test errors; the file has {on_test}"
by_text = np.round([*means, np.mean([run["zeros"] for run in l0])], 2)
assert by_text.tolist() == [0.79, 1.46, 98.39], f"the text says 0.79 and 1.46 % at 98.4 % zeros; the file has {by_text}"

# %% [markdown]
# **An honest answer first.** When the opponent is given the same slow ramp, the gap closes. In a trial of ours *gradual* magnitude pruning, the next
# section, had the same ten epochs, ramp, optimiser, refit and zeros: 0.62, 0.76 and 0.92 % held-out errors, 0.77 % in the mean, where l0 has 0.79 %
# and pruning at once 1.46 %. It ties. **A climbing threshold, not l0, explains the gap.** (That trial is older than the package's `--method agp`, and
# its runs are not in results.jsonl. On this page it is a report, not a measurement that you can repeat.)
#
# ## Rivals by hand: pruning, at once and little by little
#
# **At once** (one-shot): train; set the smallest $|w|$ to 0 until the share of zeros is $s$; train the others on (*refit*).
#
# **Little by little** (AGP: Zhu and Gupta 2017): after every step remove the smallest $|w|$ until the share is $s(t)$, where $t$ is the fraction of
# the run. What is removed stays 0. From $t_0$ to $t_1$
#
# $$s(t) = s_f \left( 1 - \Big( 1 - \frac{t - t_0}{t_1 - t_0} \Big)^3 \right)$$
#
# and $s = 0$ before, $s_f$ after. Where does it come from? Let $q = (t - t_0)/(t_1 - t_0)$ be the time that has passed. What is *still to be removed*
# is $s_f - s = s_f (1 - q)^3$. Its rate is $s' = 3 s_f (1 - q)^2$: three times that of a straight ramp at first, when there are many weights that
# hardly matter, and 0 in the end, when each one hurts.
#
# **By hand**: $s_f = 0.96$, $t_0 = 0.1$, $t_1 = 0.7$. At $t = 0.4$ half of the time has passed, and $s = 0.96\,(1 - \frac18) = 0.84$: seven eighths
# are gone.


# %%
def still_to_come(q):
    """The part of the zeros that is still to come when the fraction q of the ramp has passed."""
    return (1 - np.clip(q, 0, 1)) ** 3


t = np.linspace(0, 1, 201)
curve = 0.96 * (1 - still_to_come((t - 0.1) / 0.6))
draw.shares(t, {"AGP": curve, "a straight ramp": 0.96 * np.clip((t - 0.1) / 0.6, 0, 1), "at once": 0.96 * (t >= 0.7)})

# %%
assert abs(curve[80] - 0.84) < 1e-12, f"by hand the share at t = 0.4 is 0.84; here it is {curve[80]:.4f}"
settings = SimpleNamespace(sparsity=0.96, ramp=(0.1, 0.7))
by_package = [AGP.share(settings, one) for one in t]
np.testing.assert_allclose(by_package, curve, atol=1e-12, err_msg="the share by the package and by the formula")
rate = np.gradient(curve, t) * 0.6  # per unit of q
by_text = 3 * 0.96 * (1 - (t[30:130] - 0.1) / 0.6) ** 2
np.testing.assert_allclose(rate[30:130], by_text, atol=1e-3, err_msg="the text says that the rate is 3 s_f (1 - q)^2")
outside = curve[t < 0.1].max(), curve[t > 0.7].min()
np.testing.assert_allclose(outside, [0, 0.96], atol=1e-12, err_msg="the share before and after the ramp should be 0 and s_f")
show_code(AGP.share, AGP.finish)

# %% [markdown]
# ## Rivals by hand: gates
#
# Louizos, Welling and Kingma (2018) give each weight (or unit) a random **gate** $z \in [0, 1]$ and train $w z$. A gate should be exactly 0 with some
# probability, and its distribution should have a parameter $a$ that has a gradient. Draw $u$ uniformly from $(0, 1)$, and
#
# $$s = \sigma\!\left( \frac{\log u - \log(1 - u) + a}{b} \right) \qquad z = \min\big(1, \max(0,\; s\, (\zeta - \gamma) + \gamma)\big) \qquad b = \tfrac23,\; \gamma = -0.1,\; \zeta = 1.1$$
#
# $\sigma(x) = 1/(1 + e^{-x})$. $s$ lies in $(0, 1)$, is stretched to $(-0.1, 1.1)$, and cut off: the cut-off parts are exactly 0 and exactly 1.
#
# *The price* is the expected number of open gates, $P(z > 0)$. $z > 0$ means $s > \frac{-\gamma}{\zeta - \gamma}$. Apply $\sigma^{-1}(p) = \log
# \frac{p}{1 - p}$ on both sides; on the right it gives $\log \frac{-\gamma}{\zeta}$, so $\log \frac{u}{1 - u} > b \log \frac{-\gamma}{\zeta} - a$.
# And $P(\log \frac{u}{1-u} > x) = P(u > \sigma(x)) = 1 - \sigma(x) = \sigma(-x)$:
#
# $$\boxed{\; P(z > 0) = \sigma\!\left( a - b \log \tfrac{-\gamma}{\zeta} \right) \;}$$
#
# *The gradient* goes along the path from $a$ to $z$, with $u$ held fixed. $\sigma' = \sigma (1 - \sigma)$, so $\dfrac{\partial z}{\partial a} =
# (\zeta - \gamma)\, \dfrac{s (1 - s)}{b}$ where $0 < z < 1$, and 0 elsewhere.
#
# *In evaluation* $u$ drops out: $z = \min(1, \max(0, \sigma(a) (\zeta - \gamma) + \gamma))$, which is 0 for $\sigma(a) \le \frac{1}{12}$.

# %%
B, LOW, HIGH = 2 / 3, -0.1, 1.1


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gate(a, u):
    """z and dz/da, each of the shape of u."""
    s = sigmoid((np.log(u) - np.log1p(-u) + a) / B)
    z = np.clip(s * (HIGH - LOW) + LOW, 0, 1)
    return z, np.where((z > 0) & (z < 1), (HIGH - LOW) * s * (1 - s) / B, 0)


def price(a):
    """P(z > 0)."""
    return sigmoid(a - B * log(-LOW / HIGH))


u = np.random.default_rng(0).uniform(size=200_000)
samples = {a: gate(a, u)[0] for a in (-2.0, 0.0, 2.0)}
draw.gates(samples)

# %%
for a, z in samples.items():
    seen = np.mean(z > 0)
    print(f"a = {a:4g}: open in {seen:.3f} of the samples, by the box {price(a):.3f}")
    assert abs(seen - price(a)) < 0.005, f"a = {a:g}: the box says that {price(a):.3f} of the gates are open; {seen:.3f} are"
    some = u[:1000]
    numeric = (gate(a + 1e-6, some)[0] - gate(a - 1e-6, some)[0]) / 2e-6
    np.testing.assert_allclose(gate(a, some)[1], numeric, atol=1e-5, err_msg=f"dz/da for a = {a:g}, derived and by differences")
for x in (-3.0, 0.5, 2.0):
    tail_share = np.mean(np.log(u) - np.log1p(-u) > x)
    assert abs(tail_share - sigmoid(-x)) < 0.005, f"P(log(u/(1-u)) > {x:g}) should be {sigmoid(-x):.3f}, not {tail_share:.3f}"
level = -LOW / (HIGH - LOW)  # z > 0 from here on
np.testing.assert_allclose([level, log(level / (1 - level))], [1 / 12, log(-LOW / HIGH)], err_msg="where z begins to be > 0")
edge = np.log(1 / 12) - np.log(11 / 12)  # where sigmoid(a) = 1/12
closing = sigmoid(edge) * (HIGH - LOW) + LOW
assert abs(closing) < 1e-12, f"the text says that at sigmoid(a) = 1/12 the gate just closes in evaluation; it is {closing:.4f}"

# %% [markdown]
# A problem small enough to see what gates do: 200 measurements of a sum of 20 inputs of which only five matter. Loss: the mean square error, plus
# $\lambda$ times the sum of the prices.

# %%
rng = np.random.default_rng(0)
truth = np.where(np.arange(20) < 5, [2, -1.5, 1, -1, 0.7] * 4, 0.0)  # (20,)
X = rng.normal(size=(200, 20))
target = X @ truth + rng.normal(0, 0.3, 200)
both = np.concatenate([np.zeros(20), np.ones(20)])  # (40,): w and a, which one optimiser trains
optimizer, LAM = Adam(both), 0.03
for _ in range(1500):
    w, a = both[:20], both[20:]
    z, dz = gate(a, rng.uniform(1e-6, 1 - 1e-6, 20))
    dwz = 2 * X.T @ (X @ (w * z) - target) / 200  # (20,)
    cost_slope = LAM * price(a) * (1 - price(a))
    optimizer.advance()
    optimizer.update(both, np.concatenate([dwz * z, dwz * w * dz + cost_slope]), lr=0.02)
at_the_end = both[:20] * np.clip(sigmoid(both[20:]) * (HIGH - LOW) + LOW, 0, 1)
print(np.round(at_the_end, 2))

# %%
opened, matter = (np.flatnonzero(one).tolist() for one in (at_the_end, truth))
assert opened == matter, f"the text says that it works: the inputs {matter} matter, and the gates of {opened} are open"

# %% [markdown]
# It works. But notice what a comparison would need. With gates you choose $\lambda$ and *find out* how many zeros there are; with pruning you choose
# the zeros. To compare at equal zeros, somebody has to search for $\lambda$, and **that search is training time which pruning did not get**. And
# there are two trained numbers for each weight instead of one.
#
# ## A comparison on equal terms
#
# Three methods on a network that trains in a moment: $14 \times 14$ pixels, 40 units, ten classes, 8,240 weights, and 95 % of them are to become
# zero. Same data, batches, start, optimiser, number of steps, and the same refit of the last quarter for all:
#
# - **at once**: prune when the refit begins.
# - **AGP**: the cubic ramp over the first half of the run, weights stay removed.
# - **l0**: variable splitting ([chapter 11](11_variable_splitting.ipynb)) with the *same ramp*: $V$ keeps the largest $|W|$, so many that its share
#   of zeros is $s(t)$, $W$ is pulled to $V$ by $\beta (W - V)$, and $V$'s weights are kept for the refit. $\beta$ is 1 and rises to 10 after the
#   ramp.

# %%
train_set, test_set = mnist.load()


def small(images):
    """Means of 2 x 2 pixels as columns, (196, N)."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).T


inputs, labels = small(train_set.images[:8000]), train_set.labels[:8000]
held_out, held_out_labels = small(train_set.images[-2000:]), train_set.labels[-2000:]
tests, test_labels = small(test_set.images), test_set.labels
FIRST, ZEROS, STEPS = 40 * 196, 0.95, 400


def logits(flat, x):
    return flat[FIRST:].reshape(10, 40) @ np.maximum(flat[:FIRST].reshape(40, 196) @ x, 0)  # (10, N)


def slopes(flat, x, y):
    """The gradient of the mean cross-entropy, like flat (8240,)."""
    W1, W2 = flat[:FIRST].reshape(40, 196), flat[FIRST:].reshape(10, 40)
    h = np.maximum(W1 @ x, 0)  # (40, N)
    dz = softmax_cross_entropy((W2 @ h).T, y)[1].T  # (10, N)
    return np.concatenate([((W2.T @ dz * (h > 0)) @ x.T).ravel(), (dz @ h.T).ravel()])


def largest(flat, zeros):
    """Whether a weight is among those that stay if this share of them goes, (8240,) booleans."""
    drop = round(zeros * flat.size)
    mask = np.ones(flat.size, bool)
    mask[np.argpartition(np.abs(flat), drop - 1)[:drop] if drop else []] = False
    return mask


def train(method, lr, seed):
    """The weights (8240,) after the run."""
    rng = np.random.default_rng(seed)
    flat = np.concatenate([he_normal((40, 196), rng).ravel(), he_normal((10, 40), rng).ravel()])
    optimizer, mask = Adam(flat), np.ones(flat.size, bool)
    for step in range(STEPS):
        t = step / STEPS
        if method != "at once" or t >= 0.75:
            share = ZEROS if t >= 0.75 else ZEROS * (1 - still_to_come(t / 0.5))
            if t == 0.75 or (method != "l0" and t < 0.75):
                mask = largest(flat * mask, share)
        if method != "l0" or t >= 0.75:
            flat *= mask
        batch = rng.integers(0, 8000, 100)
        gradient = slopes(flat, inputs[:, batch], labels[batch]) * mask
        if method == "l0" and t < 0.75:
            gradient += 10 ** max((t - 0.5) / 0.25, 0) * (flat - flat * largest(flat, share))
        optimizer.advance()
        optimizer.update(flat, gradient, lr * (1 + np.cos(np.pi * t)) / 2)
    return flat * mask


def wrong(flat, x, y):
    return logits(flat, x).argmax(axis=0) != y  # (N,) booleans


METHODS, RATES, SEEDS = ("at once", "AGP", "l0"), (0.003, 0.01, 0.03), range(1, 7)
chosen = {}
for method in METHODS:  # the same budget for each: three learning rates, on seed 0
    trials = {lr: 100 * wrong(train(method, lr, seed=0), held_out, held_out_labels).mean() for lr in RATES}
    chosen[method] = min(trials, key=trials.get)
    print(
        f"{method:8} held-out errors by learning rate: " + ", ".join(f"{lr:g}: {error:.1f} %" for lr, error in trials.items())
    )
networks = {method: [train(method, chosen[method], seed) for seed in SEEDS] for method in METHODS}
misses = {
    method: np.array([wrong(flat, tests, test_labels) for flat in six]) for method, six in networks.items()
}  # each (6, 10000)
errors = {method: 100 * one.mean(axis=1) for method, one in misses.items()}  # each (6,)
draw.by_seed(errors, f"{100 * ZEROS:g} % zeros, {len(SEEDS)} new seeds", "test error, %")

# %%
for method, six in networks.items():
    left, wanted = {int(np.sum(flat != 0)) for flat in six}, 8240 - round(ZEROS * 8240)
    assert left == {wanted}, f"each network should have {wanted} weights left; those of {method} have {sorted(left)}"
    print(f"{method:8} mean {errors[method].mean():.2f} %, from {errors[method].min():.2f} to {errors[method].max():.2f}")
for slow in ("AGP", "l0"):
    lost = np.sum(errors["at once"] > errors[slow])
    assert lost == len(SEEDS), f"pruning at once should lose to {slow} with each of {len(SEEDS)} seeds; it loses with {lost}"
ahead = np.mean(errors["l0"] - errors["AGP"])
assert 0.5 < ahead < 1.5, f"the text says that AGP is ahead of l0 by a point; it is by {ahead:.2f}"
for method, six in networks.items():
    easier = 100 * np.mean([wrong(flat, held_out, held_out_labels) for flat in six])
    hard = errors[method].mean()
    assert easier < hard, (
        f"{method}: held-out images should be easier; errors are {easier:.2f} % there, {hard:.2f} % on test images"
    )

# %% [markdown]
# Both slow methods beat the sudden one by far. Between the two, AGP is ahead by a point; whether that means anything we shall see. (The held-out
# images, the last of the training set, are easier than the test images, for all methods alike.)
#
# Four things were to be equal, and each is easily forgotten:
#
# - **The tuning budget.** Each method had three learning rates, on a seed that was not used again. One thing was not equal: for l0 we had tried six
#   settings of $\beta$ on that seed before, with three learning rates each, as those of chapter 13 were far too soft for so few steps. (A few more
#   were tried with 97 % zeros and with a longer ramp.) So l0 had more than six times the budget of the others, and is not ahead. *Why it matters*: of
#   $k$ settings that are all equally good, the best result looks better the larger $k$ is. Let chance add a number that is uniform in $(0, 1)$. Then
#   $P(\min > x) = (1 - x)^k$, and $\mathbb E \min = \int_0^1 (1 - x)^k\, dx = \frac{1}{k + 1}$. Ten trials against one is a lead of $\frac12 -
#   \frac{1}{11} = 0.41$ of the range, for nothing.
# - **The data that choose are not the data that judge.** Held-out images chose the learning rate; seeds 1 to 6 and the test images came afterwards.
# - **The cost.** As many steps, and as many zeros in the end.
# - **The pairs.** Seed 3 gives all methods the same start and the same batches, so that differences can be taken seed by seed.

# %%
luck = np.random.default_rng(0).uniform(size=(20_000, 10))
trials = np.arange(1, 11)
simulated = np.array([luck[:, :k].min(axis=1).mean() for k in trials])
draw.best_of(trials, simulated, 1 / (trials + 1))

# %%
np.testing.assert_allclose(simulated, 1 / (trials + 1), atol=0.01, err_msg="the mean of the best of k, seen and 1/(k + 1)")
above = [np.mean(luck[:, :k].min(axis=1) > 0.2) for k in trials]
np.testing.assert_allclose(above, (1 - 0.2) ** trials, atol=0.01, err_msg="P(min > 0.2), seen and (1 - x)^k")
lead = simulated[0] - simulated[9]
assert abs(lead - 0.41) < 0.01, f"the text says that ten trials against one lead by 0.41; here by {lead:.3f}"

# %% [markdown]
# ## Is it chance? The sign test over seeds
#
# Suppose that two methods are equally good. Then with each seed either may win, like a coin. With $n$ seeds without a tie, and the luckier one
# winning $k$ of them, how often would a fair coin be that one-sided, either way?
#
# $$p = \min\Big(1,\; 2 \sum_{i = k}^{n} \binom{n}{i}\, 2^{-n} \Big)$$
#
# **By hand**: 3 of 3: $p = 2 \cdot \frac18 = 0.25$. **With three seeds no comparison can have a $p$ below 0.25**, whatever the numbers are. 5 of 5:
# $\frac{1}{16} = 0.0625$. Six seeds are the fewest that can get below 0.05: $\frac{1}{32} = 0.031$. **Check** against all $2^n$ ways in which $n$
# coins can fall.


# %%
def tail(k, n):
    """Probability that n fair coins are at least as one-sided as k of n, either way, by trying all ways in which they fall."""
    heads = np.array([sum(way) for way in product((0, 1), repeat=n)])  # (2^n,)
    return np.mean(np.maximum(heads, n - heads) >= k)


for n in range(1, 9):
    for k in range(-(-n // 2), n + 1):
        by_formula = min(1, 2 * sum(comb(n, i) for i in range(k, n + 1)) / 2**n)
        np.testing.assert_allclose(by_formula, tail(k, n), err_msg=f"p for {k} of {n}, by the formula and by counting")
print({f"{n} of {n}": float(tail(n, n)) for n in (3, 5, 6)})
assert tail(3, 3) == 0.25, f"by hand three of three have p = 0.25; counted it is {tail(3, 3):.3f}"
fewest = tail(5, 5), tail(6, 6)
assert fewest[0] > 0.05 > fewest[1], (
    f"six seeds, not five, should get below 0.05; five have {fewest[0]:.3f}, six {fewest[1]:.3f}"
)
np.testing.assert_allclose(
    [*fewest, 3 * tail(7, 7)], [1 / 16, 1 / 32, 0.047], rtol=5e-3, err_msg="p for 5 of 5, 6, and 3 p for 7"
)
pairs = [("at once", "AGP"), ("at once", "l0"), ("AGP", "l0")]
p_seeds = {}
for a, b in pairs:
    difference = errors[a] - errors[b]  # (6,)
    n, wins = np.sum(difference != 0), np.sum(difference > 0)
    p_seeds[a, b] = tail(max(wins, n - wins), n)
    print(f"{a} against {b}: {b} wins {wins} of {n}, p = {p_seeds[a, b]:.3f}, mean difference {difference.mean():.2f} points")

# %% [markdown]
# So what of the picture at the top? Three of three, $p = 0.25$. The seeds alone do not show that l0 beats pruning at once; and of the four penalties
# in docs/results.md no test over three seeds can tell one from another.
#
# ## The images: flip the signs
#
# Two networks see the same 10,000 images. Let $d_i$ be 1 if only the first is wrong about image $i$, $-1$ if only the second is, else 0. If the two
# *networks* were equally good, each $d_i$ could as well have the other sign. So draw random signs, many times, and count how often $\lvert \sum \pm
# d_i \rvert$ is at least what was seen. With $B$ draws, and the real one counted among them, $p = (1 + \text{count})/(1 + B)$. For $d_i$ of $-1, 0,
# 1$ the draws are coins again: the exact answer is the sign test over the images about which only one is wrong (McNemar's test).

# %%
d = misses["AGP"][0].astype(int) - misses["l0"][0]  # (10000,)
rng = np.random.default_rng(0)
counted = d[d != 0]
sums = np.abs(d.sum()), np.array([np.sum(counted * rng.choice([-1, 1], counted.size)) for _ in range(4000)])
draw.null_distribution(sums[1], sums[0])


# %%
def exact_p(k, n):
    """The sign test's p for k of n."""
    return min(1.0, 2 * sum(comb(n, i) for i in range(k, n + 1)) / 2**n)


p_images = (1 + np.sum(np.abs(sums[1]) >= sums[0])) / (1 + 4000)
wins = int(np.sum(counted > 0))
exact = exact_p(max(wins, counted.size - wins), counted.size)
print(
    f"AGP against l0, seed 1: only AGP wrong on {wins} images, only l0 on {counted.size - wins}: p = {p_images:.1g}, exactly {exact:.1g}"
)
assert p_images < 0.01, f"the text says that over the images the difference is clear; here p = {p_images:.3f}"
p_of_seeds = p_seeds["AGP", "l0"]
assert round(p_of_seeds, 2) == 0.22, (
    f"the text says that the seeds do not tell AGP from l0, p = 0.22; here p = {p_of_seeds:.3f}"
)
assert abs(p_images - exact) < 0.03, f"random signs and the exact test should agree; they say {p_images:.3f} and {exact:.3f}"
of_seed_0 = [round(100 * run["test_error"]) for run in (one_shot[0], l0[0])]  # of 10,000 images
assert of_seed_0 == [162, 72], f"the text says 162 and 72 errors for LeNet-5 with seed 0; the file has {of_seed_0}"
worst = exact_p(max(of_seed_0), sum(of_seed_0))
print(f"l0 against pruning at once, LeNet-5, seed 0: p at most {worst:.0e}")
by_shared = [exact_p((n + 90) // 2, n) for n in range(90, 235, 2)]  # the difference is 90, only one is wrong about n
assert by_shared == sorted(by_shared), "the more images only one of them gets wrong, the larger p should be"
assert worst == by_shared[-1], f"at worst no error is shared: n = 234, p = {by_shared[-1]:.1e}, and not {worst:.1e}"
assert worst < 1e-6, f"even if no image is wrong for both, chance should be out of the question; here p = {worst:.1e}"

# %% [markdown]
# For seed 1 the test over images is clear: AGP's network is the better one. Yet with six seeds l0 wins one of six, $p = 0.22$: the seeds do not tell
# AGP from l0, on this network as in the trial with LeNet-5. (Nor do they show that the two are equal: a test that finds nothing proves nothing.)
#
# The last line needs no images. LeNet-5 with seed 0 has 162 errors when pruned at once, and 72 with l0; the difference is 90, and the more images
# only one of them gets wrong, the larger is $p$. At worst no error is shared, and even then chance is out of the question. **But the two tests answer
# two questions.** The images say that *these two networks* differ, and would on other images too. Only seeds say that *the methods* differ: another
# start could give other networks. A tiny $p$ over images with one seed each is no claim about methods.
#
# ## Many comparisons: Holm
#
# Make 8 comparisons of methods that are equal in truth, at $p < 0.05$ each. The chance of at least one false alarm is $1 - 0.95^8 = 34\,\%$ if the
# comparisons are independent. Holm (1979): sort $p_{(1)} \le \ldots \le p_{(m)}$. The smallest is multiplied by $m$, the next by $m - 1$, and so on;
# none may fall below the one before it, and none above 1:
#
# $$\tilde p_{(i)} = \min\Big(1,\; \max_{j \le i}\; (m - j + 1)\, p_{(j)} \Big)$$
#
# Then the chance of any false alarm at $\tilde p \le 0.05$ is at most 5 %, whether the comparisons are independent or not. *Why*: let $m_0$ of the
# $m$ hypotheses be true, and look at the first true one in the sorted list. Before it there are at most $m - m_0$ others, so it is multiplied by at
# least $m_0$. A false alarm needs $m_0\, p \le 0.05$ for the smallest of $m_0$ true ones' $p$, and by the sum over all of them this has a probability
# of at most $m_0 \cdot 0.05/m_0$.
#
# **By hand**: $p = (0.03, 0.01, 0.04)$. Sorted 0.01, 0.03, 0.04; times 3, 2, 1: 0.03, 0.06, 0.04; the last may not fall below 0.06: $\tilde p =
# (0.06, 0.03, 0.06)$. Of three results below 0.05 one is left.


# %%
def stays(p, m0):
    """The smallest p among m0 true hypotheses, times m0: what a false alarm needs to be small."""
    return m0 * p.min(axis=1)


rng = np.random.default_rng(0)
uniform = rng.uniform(size=(100_000, 8))  # p of 8 comparisons of equal methods
plain, corrected = np.mean(uniform.min(axis=1) < 0.05), np.mean(stays(uniform, 8) < 0.05)
print(f"any false alarm: {plain:.3f} without a correction, by the formula {1 - 0.95**8:.3f}; {corrected:.3f} with Holm's")
assert abs(plain - (1 - 0.95**8)) < 0.005, f"without a correction the formula says {1 - 0.95**8:.1%}; here it is {plain:.1%}"
assert corrected < 0.05, f"Holm should keep the chance of any false alarm below 5 %; here it is {corrected:.2%}"
in_step = (uniform[:, :1] + np.arange(8) / 8) % 1  # (100000, 8): p that depend on each other, each uniform
at_worst = np.mean(stays(in_step, 8) <= 0.05)
assert abs(at_worst - 0.05) < 0.003, f"with the worst dependence the chance should be m0 0.05/m0 = 5 %; it is {at_worst:.2%}"
few = rng.uniform(size=(50, 4)) / 3
for p, by_hand in ((np.array([0.03, 0.01, 0.04]), [0.03, 0.06, 0.06]), *((one, None) for one in few)):
    low_first, m = sorted(p), len(p)
    formula = [min(1, max((m - j) * low_first[j] for j in range(i + 1))) for i in range(m)]  # j counts from 0
    # without the formula: a hypothesis falls if Bonferroni's test rejects every set of hypotheses that it is in
    sets = [[j for j in range(m) if way[j]] for way in product((0, 1), repeat=m)]
    by_sets = [max(min(1, len(some) * low_first[some[0]]) for some in sets if i in some) for i in range(m)]
    np.testing.assert_allclose(formula, by_sets, err_msg=f"Holm's formula, and the test of all sets, for {low_first}")
    np.testing.assert_allclose(formula, by_hand or formula, err_msg="the corrected p by hand, in their order")
smallest = min(p_seeds.values())
print(f"our comparison: the smallest of three p over six seeds is {smallest:.3f}, and times three {3 * smallest:.3f}")
assert 3 * smallest > 0.05, f"the text says that six seeds are too few for three comparisons; here p = {3 * smallest:.3f}"

# %% [markdown]
# So even our comparison, in which pruning at once lost all twelve times, is not significant at 5 % over its six seeds once the three comparisons are
# counted. Seven seeds would do: $3 \cdot 2/2^7 = 0.047$. (Seeds are cheap here. With days of training for each they are not, and then a paper should
# say less.) Decide on the number of seeds *before* you look.
#
# ## What a Pareto front hides
#
# A front shows all networks to which no other is better in both numbers. It looks like a verdict. Left, the methods of results.jsonl by the means of
# three seeds (13 with their regimes; pruning at once, with 1.62 %, is above the picture). Right: draw *one* seed of each, as papers with one run do,
# and see how often each is on the front.


# %%
def front(points):
    """Names on the front of {name: (weights left, error)}: nobody else is at least as good in both and better in one."""
    return {name for name, p in points.items() if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points.values())}


triples = {" ".join(key): [(run["weights_left"], run["test_error"]) for run in three] for key, three in of.items()}
mean_points = {name: tuple(np.mean(three, axis=0)) for name, three in triples.items()}
rng, often = np.random.default_rng(0), dict.fromkeys(triples, 0.0)
for _ in range(2000):
    drawn = {name: three[rng.integers(3)] for name, three in triples.items()}
    for name in front(drawn):
        often[name] += 1 / 2000
draw.front(mean_points, front(mean_points), often)

# %%
on_front = front(mean_points)
assert len(triples) == 13, f"the text says 13 methods with their regimes; the file has {len(triples)}"
print("on the front by means:", ", ".join(sorted(on_front)))
unsure = {name: round(share, 2) for name, share in often.items() if 0.05 < share < 0.95}
print("on it or not, by the luck of the seed:", unsure)
lucky = often["l0 continuation"]
assert "l0 continuation" not in on_front, f"by the means l0 should not be on the front; on it are {', '.join(sorted(on_front))}"
assert 0.2 < lucky < 0.8, f"with one seed each it should be luck whether l0 is on the front; it is in {lucky:.0%} of the draws"
assert len(unsure) >= 3, f"one seed should leave the place of several methods to chance; here only of {list(unsure)}"

# %% [markdown]
# Five things that a front does not show:
#
# - **Chance.** A point that is lucky is on the front, one that is unlucky is not; so a front is always a bit too good. Whoever tries more runs has a
#   better front.
# - **Tuning.** The presets `sparse` and `small` had dozens of trials (they are listed in docs/results.md), the other methods had few.
# - **Cost.** `sparse` has 100 epochs and shifted images, the others ten epochs.
# - **A third number.** Weights left and KFLOPs rank the methods differently: l0 has half as many weights as l1, and more operations.
# - **Who is missing.** AGP is not in the figure at all.

# %%
flops = {name: np.mean([run["flops"] for run in of[name, "continuation"]]) for name in ("l0", "l1")}
weights = {name: np.mean([run["weights_left"] for run in of[name, "continuation"]]) for name in ("l0", "l1")}
half = weights["l0"] / weights["l1"]
assert 0.4 < half < 0.6, f"the text says that l0 has half as many weights as l1; it has {half:.2f} times as many"
assert flops["l0"] > flops["l1"], f"the text says that l0 needs more operations than l1; they need {flops}"
epochs = {"sparse": of["sparse", "preset"][0]["config"]["epochs"], "the others": l0[0]["config"]["epochs"]}
assert list(epochs.values()) == [100, 10], f"the text says 100 epochs for sparse, and ten for the others; the file has {epochs}"

# %% [markdown]
# ## A recipe
#
# 1. Say what is equal: data, network, epochs, zeros, refit, **trials**. Give the strongest opponent the same ramp.
# 2. Tune on held-out images and on seeds that are not used again, with as many trials for each method.
# 3. Fix the number of seeds first: at least six, more if there are several comparisons. Same seeds for all.
# 4. Report every seed. Sign test over seeds for methods; images for two networks; Holm over all comparisons that were made.
# 5. If it ties, say that it ties.
#
# ## Exercises
#
# To be written in [exercises/14_fair_comparison.ipynb](exercises/14_fair_comparison.ipynb), where a check below each answer tells you what is wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** AGP's share of zeros $s(t)$ for all fractions `t` of the run, an array of any shape with numbers from 0 to 1: 0 before `t0`, `final`
# after `t1`. No loop.


# %% tags=["ex1"]
def agp_share(t, final, t0, t1):
    """The share of zeros at the fractions t of the run, of the shape of t."""
    # BEGIN SOLUTION: mind the times before and after the ramp
    passed = np.clip((t - t0) / (t1 - t0), 0, 1)
    remaining = (1 - passed) ** 3
    return final * (1 - remaining)
    # END SOLUTION


# %% tags=["ex1"]
check("14.agp_share", agp_share)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** The two-sided $p$ of the sign test. `a` and `b` are the errors of two methods, $(n,)$ each, paired by seed. Seeds with a tie do not
# count; if none is left, $p = 1$. (`math.comb` is the binomial coefficient.)


# %% tags=["ex2"]
def sign_test(a, b):
    """The two-sided p-value, a number: how often are fair coins at least as one-sided, either way?"""
    # BEGIN SOLUTION: count; which results would have surprised you at least as much?
    first, second = int(np.sum(a < b)), int(np.sum(a > b))
    rounds = first + second
    above = sum(comb(rounds, i) for i in range(max(first, second), rounds + 1))
    return min(1.0, 2 * above / 2**rounds)
    # END SOLUTION


# %% tags=["ex2"]
check("14.sign_test", sign_test)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Holm's correction: from the $p$-values of $m$ comparisons, an array $(m,)$ in any order, the corrected ones in the *same* order.


# %% tags=["ex3"]
def holm(p):
    """The corrected p-values (m,), in the order of p."""
    # BEGIN SOLUTION: do what was done by hand, and mind the order
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(raised, 1)
    return corrected
    # END SOLUTION


# %% tags=["ex3"]
check("14.holm", holm)

# %% [markdown]
# ## Summary
#
# - AGP removes $s_f (1 - (1 - q)^3)$: fast first, slowly in the end. With the same ramp it ties with l0: a climbing threshold explains the gap to
#   pruning at once.
# - Gates make zeros with a probability that has a gradient; their share of zeros is found, not chosen.
# - The best of $k$ trials is better by luck alone: equal budgets. Choose with one set of images, judge with another.
# - Three seeds can never give $p < 0.25$. Seeds speak about methods, images about two networks. Holm for many comparisons.
# - A front shows neither chance nor trials nor cost, nor who is missing.
