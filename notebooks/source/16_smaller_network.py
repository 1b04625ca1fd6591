# %% [markdown]
# # 16 From zeros to a smaller, faster network
#
# *Reading: 35 minutes, and 5 for the optional parts. Exercises: an evening. Needs chapters [3](03_whole_network_gradient.ipynb) and [8](08_groups.ipynb).*
#
# A training has ended, and 96 % of the weights are zero. They lie in the same arrays as before, and a product with zero takes as long
# as any other.
#
# **The zeros are there. Is the network any smaller, and is it any faster?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import gzip
from importlib.util import find_spec
from itertools import pairwise, product
from math import comb, lgamma, log, log2
from pathlib import Path
from statistics import mean
from time import thread_time

import matplotlib.pyplot as plt
from threadpoolctl import threadpool_limits

from drawings import chapter_16 as draw
from minisgl.analysis import footprint, liveness
from minisgl.analysis.compact import compact
from minisgl.comparison import results
from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.experiments import preset
from minisgl.formats import network_file, onnx_file
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Gather, Linear, MaxPool2d, Network, ReLU
from minisgl.plots import architecture
from minisgl.plots.sweep import Point, Spread
from minisgl.solver.refit import Refit
from minisgl.training.loop import Training
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Two layers $y = Wx$ of $25 \times 25$ weights, of which 25 are not zero: 96 % zeros in both. On the left they are scattered, on the right they stand
# in 5 rows and 5 columns. A column of zeros says that nobody reads this input, a row of zeros that this output is always the same.
# Both can be cut out.

# %%
rng = np.random.default_rng(0)
scattered, grouped = np.zeros((2, 25, 25))
scattered.flat[rng.choice(625, 25, replace=False)] = 1
grouped[np.ix_(rng.choice(25, 5, replace=False), rng.choice(25, 5, replace=False))] = 1


def without_empty(W):
    """W without its rows and columns of zeros."""
    return W[np.any(W != 0, axis=1)][:, np.any(W != 0, axis=0)]


draw.patterns({"scattered": (scattered, without_empty(scattered)), "grouped": (grouped, without_empty(grouped))})

# %%
both = np.count_nonzero(scattered), np.count_nonzero(grouped)
assert both == (25, 25), f"the text says 25 weights that are not zero in both; they have {both[0]} and {both[1]}"

# %% [markdown]
# Is a product with the matrix on the left at least quicker than one without zeros? Let NumPy multiply numbers that count how often they are
# multiplied.


# %%
class Counted:
    """A number that counts its multiplications."""

    multiplications = 0

    def __init__(self, value):
        self.value = value

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(self.value * other.value)

    def __add__(self, other):
        return Counted(self.value + other.value)


def multiplications(W):
    """How many of them NumPy makes for W @ x."""
    Counted.multiplications = 0
    np.vectorize(Counted, otypes=[object])(W) @ np.vectorize(Counted, otypes=[object])(np.arange(float(W.shape[1])))
    return Counted.multiplications


matrices = {"no zeros": np.ones((25, 25)), "scattered": scattered, "grouped": grouped}
matrices |= {"scattered, cut": without_empty(scattered), "grouped, cut": without_empty(grouped)}
for name, W in matrices.items():
    made = multiplications(W)
    print(f"{name:>14}: {made:3} multiplications")
    assert made == W.size, f"the text says that zeros are multiplied too, so {W.size} for {name}, and NumPy makes {made}"

# %% [markdown]
# 625 with and without zeros. The clock, on this machine, for a matrix as large as fc1 (only to look at: a time proves nothing):

# %%
W, X = rng.normal(size=(500, 800)).astype(np.float32), rng.normal(size=(800, 100)).astype(np.float32)
sparse = W * (rng.random(W.shape) < 0.04)
with threadpool_limits(limits=1, user_api="blas"):
    for name, matrix in (("no zeros", W), ("96 % zeros", sparse), ("100 x 160, as many", W[:100, :160].copy())):
        times = []
        for _ in range(15):
            began = thread_time()
            matrix @ (X if matrix.shape[1] == 800 else X[:160])
            times.append(1000 * (thread_time() - began))
        print(f"{name:>18}: {min(times):.2f} ms of one core")

# %% [markdown]
# A dense product pays for the **shape**. (Sparse formats multiply only what is not zero, and pay for looking up where each number belongs.) So **cut out what plays no part, and leave a smaller dense network.** The logits have to stay the same.
#
# ## By hand
#
# Three inputs, three hidden units, two outputs: $h = \operatorname{relu}(W_1 x + b_1)$, $y = W_2 h + b_2$.
#
# $$W_1 = \begin{pmatrix} 2 & 0 & 1 \\ 0 & 0 & 0 \\ 1 & 3 & -1 \end{pmatrix},\;
# b_1 = \begin{pmatrix} 0.5 \\ 1.5 \\ -1 \end{pmatrix},\qquad
# W_2 = \begin{pmatrix} 1 & -2 & 0 \\ 3 & 4 & 0 \end{pmatrix},\;
# b_2 = \begin{pmatrix} 1 \\ -1 \end{pmatrix}$$
#
# - $h_3$: column 3 of $W_2$ is zero. **Nobody reads it.** It goes, and its row of $W_1$ with it.
# - $h_2$: row 2 of $W_1$ is zero. **It reads nothing**: $h_2 = \operatorname{relu}(0 + 1.5) = 1.5$ for every $x$. It goes too, but it has said something: $-2 \cdot 1.5$
#   to $y_1$ and $4 \cdot 1.5$ to $y_2$. This belongs into the bias: $b_2' = (1 - 3,\; -1 + 6) = (-2,\; 5)$.
# - $x_2$: only $h_3$ has read it. It goes after $h_3$, not before.
#
# What is left is $y = \binom{1}{3} \operatorname{relu}(2 x_1 + x_3 + 0.5) + \binom{-2}{5}$: 4 weights of 15. For $x = (1, 2, 3)$:
#
# | | $h_1$ | $h_2$ | $h_3$ | $y_1$ | $y_2$ |
# |---|---|---|---|---|---|
# | before | 5.5 | 1.5 | 3 | $5.5 - 3 + 0 + 1 = 3.5$ | $16.5 + 6 + 0 - 1 = 21.5$ |
# | after | 5.5 | | | $5.5 - 2 = 3.5$ | $16.5 + 5 = 21.5$ |


# %%
def chain(weights, biases):
    """Linear layers with ReLU between them, as a network: weights[l] (units of l + 1, units of l), biases[l] (units of l + 1,)."""
    layers = {"flatten": Flatten()}
    for i, W in enumerate(weights, 1):
        layers |= {f"fc{i}": Linear(W.shape[1], W.shape[0])} | ({f"relu{i}": ReLU()} if i < len(weights) else {})
    network = Network(layers, (1, 1, weights[0].shape[1]), np.zeros(Network.plan(layers).size))
    for i, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
        network.layers[f"fc{i}"].weight[...], network.layers[f"fc{i}"].bias[...] = W, b
    return network


W1, b1 = np.array([[2.0, 0, 1], [0, 0, 0], [1, 3, -1]]), np.array([0.5, 1.5, -1])
W2, b2 = np.array([[1.0, -2, 0], [3, 4, 0]]), np.array([1.0, -1])
tiny = chain([W1, W2], [b1, b2])
smaller = compact(tiny)  # the package's
x = np.array([1.0, 2, 3]).reshape(1, 1, 1, 3)  # one image of 1 x 1 x 3
for found, wanted, what in (
    (tiny.forward(x)[0], [[3.5, 21.5]], "y of the network"),
    (smaller.forward(x)[0], [[3.5, 21.5]], "y of the compact network"),
    (smaller.layers["fc1"].weight, [[2, 1]], "W_1"),
    (smaller.layers["fc2"].weight, [[1], [3]], "W_2"),
    (smaller.layers["fc2"].bias, [-2, 5], "b_2'"),
    (smaller.layers["gather"].index, [0, 2], "the inputs that are read, x_1 and x_3,"),
):
    np.testing.assert_array_equal(found, wanted, err_msg=f"{what} by the package and by hand differ")
hidden = np.maximum(W1 @ x.ravel() + b1, 0)
np.testing.assert_array_equal(hidden, [5.5, 1.5, 3], err_msg="h by hand")
print(f"the table is right; {tiny.weights.size} weights before, {smaller.weights.size} after")

# %% [markdown]
# ## The derivation: two reasons to go
#
# Let a linear layer read $h$, of shape $(H,)$, with the weight $W$ $(K, H)$ and the bias $b$ $(K,)$. Take unit $j$ out of the sum:
#
# $$y_k = b_k + \sum_{i=1}^{H} W_{ki} h_i = b_k + W_{kj} h_j + \sum_{i \ne j} W_{ki} h_i \qquad k = 1 \dots K$$
#
# **Unread.** If column $j$ is zero, the middle term is 0 whatever $h_j$ is. Unit $j$ can go. Nothing else changes.
#
# **Constant.** If all weights *into* unit $j$ are zero, it computes $\operatorname{relu}(0 + b_j)$, where $b_j$ is now its own bias, in the layer before:
# the same number $c_j = \operatorname{relu}(b_j)$ for every image. Then the middle term does not depend on the image, and belongs to the bias.
# For a set $C$ of such units
#
# $$\boxed{\; b_k' = b_k + \sum_{j \in C} W_{kj} \operatorname{relu}(b_j) \;} \qquad b, b' : (K,),\quad W_{:,C} : (K, |C|),\quad \operatorname{relu}(b_C) : (|C|,)$$
#
# A negative $b_j$ gives $c_j = 0$: that unit has never said anything.
#
# **The same in a convolution.** Unread is a channel $c$ with $W_{kcrs} = 0$ for all $k, r, s$. A constant channel has had all its weights zero, so before the
# ReLU it is a map with $b_c$ at every place. ReLU makes $a = \operatorname{relu}(b_c)$ of every entry, and max-pooling
# takes the largest of equal numbers: still $a$, at every place. What does the next convolution make of it, without padding?
#
# $$y_{kpq} = b_k + \sum_{c', r, s} W_{kc'rs}\, x_{c',\,p+r,\,q+s} = b_k + a \sum_{r, s} W_{kcrs} + \sum_{c' \ne c} \sum_{r, s} W_{kc'rs}\, x_{c',\,p+r,\,q+s}$$
#
# $x : (C, H, W)$, $W : (K, C, R, S)$, $y : (K, P, Q)$. The middle term does not depend on $p$ and $q$. So $b_k' = b_k + a \sum_{r,s} W_{kcrs}$: the *sum of
# the kernel* takes the place of the single weight.
#
# **Check**: a random convolution, of whose 3 input channels one is constant.

# %%
rng = np.random.default_rng(1)
maps = rng.normal(size=(3, 6, 6, 4))  # (C, H, W, N)
a = maps[1] = 0.7  # the constant channel
conv, narrow = Conv2d(3, 2, 3), Conv2d(2, 2, 3)
conv.weight, conv.bias = rng.normal(size=(2, 3, 3, 3)), rng.normal(size=2)
narrow.weight, narrow.bias = conv.weight[:, [0, 2]], conv.bias + a * conv.weight[:, 1].sum(axis=(1, 2))  # (2, 2, 3, 3), (2,)
same = narrow.forward(maps[[0, 2]])[0], conv.forward(maps)[0]  # (2, 4, 4, 4) twice
np.testing.assert_allclose(*same, atol=1e-12, err_msg="without the constant channel the maps should be the same")
assert np.all(MaxPool2d(2).forward(maps)[0][1] == a), f"max-pooling should leave the constant {a} everywhere"
print("the same maps, with one channel less")

# %% [markdown]
# ## Why not through a padded convolution
#
# Padding puts a frame of zeros around the map. The map is constant, the map with its frame is not: a window at the border covers some zeros, and adds up
# fewer of its kernel's weights. A bias adds the same everywhere, so no bias can say this. Below, a map of ones, and the kernel of nine ones.

# %%
ones = np.ones((1, 4, 4, 1))  # (C, H, W, N)
pictures = {"a constant map, with its frame": np.pad(ones[0, :, :, 0], 1)}
for padding, title in ((0, "convolved without padding: a constant"), (1, "convolved with padding: none")):
    nine = Conv2d(1, 1, 3, padding=padding)
    nine.weight, nine.bias = np.ones((1, 1, 3, 3)), np.zeros(1)
    pictures[title] = nine.forward(ones)[0][0, :, :, 0]  # (P, Q)
draw.maps(pictures)

# %%
values = set(pictures["convolved with padding: none"].ravel())
assert values == {4, 6, 9}, f"with padding the sums should be 4, 6 and 9, and they are {sorted(values)}"
kept = nine.forward(0 * ones)[0], MaxPool2d(3, stride=1, padding=1).forward(-ones)[0]
assert set(np.ravel(kept)) == {0, -1}, f"zeros should stay 0, and max-pooling keep -1; they become {set(np.ravel(kept))}"

# %% [markdown]
# So in front of a padded convolution minisgl keeps a constant channel, unless the constant is 0: zeros in a frame of zeros are constant. (Max-pooling
# is padded with $-\infty$, which wins nothing, so there a constant stays one. LeNet-5 has no padding.)
#
# ## Again, until nothing changes
#
# A unit that was read only by one that has gone is now unread; one that was fed by it alone is now constant. So look again, until nothing can go. For
# linear layers, slowly: level 0 is the input, level $L$ are the logits, and `weights[l]` leads from level $l$ to $l + 1$.


# %%
def can_go(weights, alive):
    """{(level, unit): why} of all that can go now. alive: for each level, which units are still there."""
    why = {}
    for level, (W, here, there) in enumerate(zip(weights, alive, alive[1:], strict=False)):
        edges = (W != 0) & here & there[:, None]  # (units of level + 1, units of level)
        why |= {(level, int(j)): "unread" for j in np.flatnonzero(here & ~edges.any(axis=0))}
        if level + 1 < len(weights):  # the logits stay
            why |= {(level + 1, int(k)): "constant" for k in np.flatnonzero(there & ~edges.any(axis=1))}
    return why


def take_out(unit, why, weights, biases, alive):
    level, j = unit
    if why == "constant":  # biases[level - 1] is its own, biases[level] that of its readers
        biases[level] += weights[level][:, j] * max(biases[level - 1][j], 0)
    alive[level][j] = False


def everything(weights):
    return [np.ones(n, bool) for n in (weights[0].shape[1], *map(len, weights))]


rng = np.random.default_rng(342)
sizes = (5, 6, 6, 6, 3)
weights = [rng.normal(size=(n, m)) * (rng.random((n, m)) < 0.22) for m, n in pairwise(sizes)]
biases = [rng.normal(size=n) for n in sizes[1:]]
alive, folded, states = everything(weights), [b.copy() for b in biases], []
while why := can_go(weights, alive):
    states.append(([units.copy() for units in alive], why))
    for unit, reason in why.items():
        take_out(unit, reason, weights, folded, alive)
states.append((alive, {}))
draw.rounds(weights, states)

# %% [markdown]
# **The order does not matter.** Call a *path* a chain of weights that are not zero, from an input to a logit. At the end, when nothing can go
# any more,
#
# $$\boxed{\;\text{what is left} \;=\; \text{the units on a path from the image to a logit}\;}$$
#
# - *A unit on a path never goes.* Suppose some did, and look at the first of them that went. Until then its two neighbours on the path were there, so it
#   was fed by one and read by the other, and could not go.
# - *What is left is on a path.* Nothing can go, so each unit that is left is fed by one that is left, which is fed by one that is left ... back to an
#   input; and it is read by one that is left, and so on to a logit. (A logit is kept in any case, even if no path ends in it, as in the lowest of the figure.)
#
# There is no order on the right-hand side. And the biases? A constant with an edge to a unit that is left is never unread, so in every order it goes as a
# constant. Those that fed it had to go before it, and were never unread either, since it was still there: their values are in its bias, and so on. The
# same sums, in another order.
#
# **Check**: 200 random orders, one unit at a time. All leave the same units as `compact` of the package, and the same biases and logits but for rounding.

# %%
rng = np.random.default_rng(2)
images = rng.normal(size=(50, 1, 1, 5))  # (N, C, H, W)
logits = chain(weights, biases).forward(images)[0]  # (50, 3)
orders = set()
for _ in range(200):
    still, moved, order = everything(weights), [b.copy() for b in biases], []
    while why := can_go(weights, still):
        unit = list(why)[rng.integers(len(why))]
        take_out(unit, why[unit], weights, moved, still)
        order.append(unit)
    orders.add(tuple(order))
    for mine, first in zip(still, alive, strict=True):
        np.testing.assert_array_equal(mine, first, err_msg=f"another order leaves other units: {order}")
    for mine, first, left in zip(moved, folded, alive[1:], strict=True):
        np.testing.assert_allclose(mine[left], first[left], atol=1e-12, err_msg=f"another order has other biases: {order}")

on_a_path = [np.zeros(n, bool) for n in sizes]
for path in product(*map(range, sizes)):  # a unit of each level
    if all(W[k, j] for W, j, k in zip(weights, path, path[1:], strict=False)):
        for units, j in zip(on_a_path, path, strict=True):
            units[j] = True
for mine, first in zip(on_a_path[:-1], alive, strict=False):  # the logits stay in any case
    np.testing.assert_array_equal(mine, first, err_msg="the box: the units on a path, and those that are left")

smaller = compact(chain(weights, biases))
inputs = smaller.layers["gather"].index
np.testing.assert_array_equal(inputs, np.flatnonzero(alive[0]), err_msg="compact should leave the same inputs")
for i, (W, before, after) in enumerate(zip(weights, alive, alive[1:], strict=False), 1):
    layer = smaller.layers[f"fc{i}"]
    np.testing.assert_array_equal(
        layer.weight, W[np.ix_(after, before)], err_msg=f"compact should leave the same weights in fc{i}"
    )
    np.testing.assert_allclose(
        layer.bias, folded[i - 1][after], atol=1e-12, err_msg=f"compact should find the same biases in fc{i}"
    )
np.testing.assert_allclose(smaller.forward(images)[0], logits, atol=1e-12, err_msg="the logits should stay the same")
print(f"{len(orders)} different orders, one result: {[int(units.sum()) for units in alive]} of {list(sizes)} units")

# %% [markdown]
# ## Where the maps become a vector
#
# Between conv2 and fc1, LeNet-5 flattens 50 maps of $4 \times 4$ into a vector of 800. Channel $c$, row $i$, column $j$ become position
#
# $$16 c + 4 i + j$$
#
# fc1 may read some positions of a map and not others. conv2 makes whole maps: it uses one filter at all places. So
#
# - position $16c + 4i + j$ goes from *fc1*, if fc1 does not read it (or if channel $c$ is constant: then all 16 go, into fc1's bias);
# - channel $c$ goes from *conv2*, only if all of its 16 positions have gone;
# - if some positions of a map stay and others go, a layer **Gather** picks those that stay.

# %%
c, i, j = 7, 2, 3
numbers = np.arange(800).reshape(50, 4, 4, 1)  # (C, H, W, N)
place = np.flatnonzero(Flatten().forward(numbers)[0] == numbers[c, i, j, 0])[0]
assert place == 16 * c + 4 * i + j, f"channel {c}, row {i}, column {j} should become {16 * c + 4 * i + j}, and becomes {place}"

# %% [markdown]
# ## The code
#
# It is for any network of convolutions, pooling, ReLU and linear layers, and for residual networks too: there a *step* may also be the sum of two branches,
# a scale and shift that is left of batch normalisation, or the normalisation of the images.

# %%
show_code(liveness._follow_the_image, liveness._follow_the_logits)

# %% [markdown]
# There are no rounds. Constants come only from layers before, so *one* pass forwards finds them all, with their values. Then one pass backwards finds all
# that is not read. That makes no new constants: a unit that goes as unread fed only units that had gone already.
# `seen[step.name] & reads(layer)[needed].any(axis=0)` is the box: on a path from the image, and on a path to a logit. `total` is the kernel's sum, in a
# linear layer the weight itself. Values are added up in float64, and `varies | (value != 0)` is the frame of zeros.
#
# ## An experiment: as many zeros, scattered and grouped
#
# A small LeNet-5 (8 and 16 channels, 64 hidden neurons), 4,000 training digits, 8 epochs by the splitting of [chapter 11](11_variable_splitting.ipynb), the
# last 3 of them a *refit* (below). Once with group l0 and the group lasso (chapters [8](08_groups.ipynb) and [9](09_groups_with_l0.ipynb)), which make
# whole units zero; then with l0 alone, and with exactly as many zeros: when the refit begins, the smallest weights that are too many are cut. The error
# is measured on 2,000 other training images.

# %%
digits = mnist.load()[0]
held_out = digits[55_000:57_000]


def trained(epochs, **settings):
    """V after `epochs` epochs on 4,000 digits, and its error on the held-out ones in percent."""
    config = preset(epochs=epochs, lr=5e-3, hold=0, threads=1, shards=1, **settings)
    start = lenet5(np.random.default_rng(0), units=(8, 16, 64, 10))
    training = Training(config, make_splitting(config, start), digits[:4000], held_out[:100])
    with running_shards(1, 1) as shards:
        for epoch in range(epochs):
            training.run_epoch(shards, epoch, lambda tick: None)
    network = training.solver.reported("v")
    return network, error_of(network)


def error_of(network):
    with running_shards(1, 1) as shards:
        return shards.error(network, held_out.images, held_out.labels)


grouped, grouped_error = trained(8, penalty="group-l0", threshold=(0.07,), group_lam=7e-4, refit=3)

# %%
n, zeros = grouped.weights.size, int(np.sum(grouped.weights == 0))
scattered, scattered_error = trained(8, penalty="l0", threshold=(0.04,), group_lam=0.0, refit=3, prune=zeros / n)
smaller = {"scattered": compact(scattered), "grouped": compact(grouped)}
print(f"both: {zeros:,} of {n:,} weights are zero, {zeros / n:.1%}")
for name, network in (("scattered", scattered), ("grouped", grouped)):
    before, after = (net.forward(held_out.images[:500])[0] for net in (network, smaller[name]))  # (500, 10)
    print(f"{name}: compact changes the logits, of up to {np.abs(before).max():.0f}, by {np.abs(after - before).max():.0e}")
    np.testing.assert_allclose(
        after, before, atol=1e-5 * np.abs(before).max(), err_msg=f"{name}: the logits should stay the same"
    )
scattered_zeros = int(np.sum(scattered.weights == 0))
assert scattered_zeros == zeros, f"the text says exactly as many zeros; they are {scattered_zeros} and {zeros}"

# %% [markdown]
# What `compact` makes of each. First the scattered zeros:

# %%
architecture(scattered, smaller["scattered"])

# %% [markdown]
# And the grouped ones:

# %%
architecture(grouped, smaller["grouped"])

# %%
costs = {"before": footprint.measure(scattered, network_file.as_bytes(scattered))}
costs |= {name: footprint.measure(network, network_file.as_bytes(network)) for name, network in smaller.items()}
print(f"{'':28}{'before':>14}{'scattered':>14}{'grouped':>14}")
for title, get in (
    ("units", lambda cost: "-".join(map(str, cost.units))),
    ("weights", lambda cost: f"{cost.weights:,}"),
    ("of them not zero", lambda cost: f"{cost.nonzero_weights:,}"),
    ("FLOPs", lambda cost: f"{cost.flops:,}"),
    ("bytes, dense", lambda cost: f"{cost.bytes_dense:,}"),
    ("bytes, zeros packed", lambda cost: f"{cost.bytes_packed:,}"),
    ("bytes, gzip", lambda cost: f"{cost.bytes_gzip:,}"),
):
    print(f"{title:28}" + "".join(f"{get(cost):>14}" for cost in costs.values()))
print(f"{'error, % (once each)':28}{'':14}{scattered_error:14.2f}{grouped_error:14.2f}")
index = smaller["grouped"].layers.get("gather", Gather(np.arange(0))).index
print(f"grouped: fc1 reads {len(index)} positions, of {len(set(index // 16))} maps of 16 positions each")
share = {name: cost.weights / costs["before"].weights for name, cost in costs.items()}
of_flops = costs["grouped"].flops / costs["before"].flops
assert share["scattered"] > 0.9, (
    f"scattered zeros should leave almost every unit; {share['scattered']:.0%} of the weights are left"
)
assert share["grouped"] < share["scattered"] / 2, f"grouped zeros should leave far less, and leave {share['grouped']:.0%}"
assert share["grouped"] < of_flops < 1, (
    f"the FLOPs, to {of_flops:.0%}, should fall less than the weights, to {share['grouped']:.0%}"
)

# %% [markdown]
# "Before" is the network with the scattered zeros. (Units are outputs of convolutions, and inputs of linear layers.) Scattered zeros leave almost every unit
# on some path. Grouped ones make the network smaller in every sense. On the other hand, l0 may choose every weight alone, and so has more choices for the
# same number of zeros. One run of each says nothing about who pays more in error.
#
# Why do the FLOPs fall less than the weights? Count.
#
# ## FLOPs by hand
#
# A convolution with the weight $(K, C, R, S)$ and outputs of $P \times Q$ makes $K P Q$ numbers. Each is a sum of $C R S$ products and a bias, so it does
# $P Q \cdot K C R S$ multiply-adds and $P Q \cdot K$ bias additions. A linear layer is the case $R = S = P = Q = 1$. LeNet-5, layer by layer
# (pooling and ReLU left out; and as published tables count, though Winograd's method in conv2 multiplies less often):
#
# | | weight | output | multiply-adds | bias additions |
# |---|---|---|---|---|
# | conv1 | $20 \times 1 \times 5 \times 5$ | $24 \times 24$ | $576 \cdot 500 = 288{,}000$ | $576 \cdot 20 = 11{,}520$ |
# | conv2 | $50 \times 20 \times 5 \times 5$ | $8 \times 8$ | $64 \cdot 25{,}000 = 1{,}600{,}000$ | $64 \cdot 50 = 3{,}200$ |
# | fc1 | $500 \times 800$ | | $400{,}000$ | $500$ |
# | fc2 | $10 \times 500$ | | $5{,}000$ | $10$ |
# | together | | | $2{,}293{,}000$ | $15{,}230$ |
#
# Together $2{,}308{,}230$. A weight of conv2 is used 64 times, one of conv1 576 times, one of fc1 once. So the weights fall where fc1 falls, and the
# FLOPs where the convolutions fall. With $k_1, k_2$ channels, $d_0$ positions for fc1 and $d_1$ for fc2 left (written $k_1$-$k_2$-$d_0$-$d_1$):
#
# $$576\,(25 k_1 + k_1) + 64\,(25 k_1 k_2 + k_2) + (d_0 d_1 + d_1) + (10 d_1 + 10)$$


# %%
def lenet_flops(k1, k2, d0, d1):
    """Multiply-adds and bias additions of a LeNet-5 with these units."""
    return 576 * 26 * k1 + 64 * (25 * k1 + 1) * k2 + (d0 + 1) * d1 + 10 * (d1 + 1)


full = lenet5(np.random.default_rng(0))
measured = footprint.measure(full, b"")
counted = measured.multiply_adds, measured.bias_additions
assert counted == (2_293_000, 15_230), (
    f"the table says 2,293,000 and 15,230; the package counts {counted[0]:,} and {counted[1]:,}"
)
assert lenet_flops(20, 50, 800, 500) == measured.flops == 2_308_230, f"together should be 2,308,230, not {measured.flops:,}"
for name, cost in costs.items():
    by_formula = lenet_flops(*cost.units)
    assert by_formula == cost.flops, f"{name}: the formula gives {by_formula:,}, the package {cost.flops:,}"
assert 288_000 + 11_520 + 1_600_000 + 3_200 == 1_902_720, "conv1 and conv2 should do 1,902,720 together"
for name, (products, additions) in {"conv1": (288_000, 11_520), "conv2": (1_600_000, 3_200), "fc1": (400_000, 500)}.items():
    weight = full.layers[name].weight
    each = products / weight.size, additions / len(weight)  # how often a weight, and a bias, is used
    uses = {"conv1": 576, "conv2": 64, "fc1": 1}[name]
    assert each == (uses, uses), f"the text says that a weight of {name} is used {uses} times; by the table it is {each[0]:g}"
object_array = np.vectorize(Counted, otypes=[object])
windows = np.lib.stride_tricks.sliding_window_view(object_array(np.ones((28, 28))), (5, 5)).reshape(576, 25)
Counted.multiplications = 0
windows @ object_array(np.ones((25, 20)))  # (PQ, CRS) @ (CRS, K)
assert Counted.multiplications == 288_000, f"conv1 should make 288,000 products; NumPy makes {Counted.multiplications:,}"
print("the table and the formula are right, for the full network and for the three above")

# %% [markdown]
# ## Bytes: what a zero costs
#
# Dense: 4 bytes for every weight, zero or not. Otherwise store the $k$ of $n$ weights that are not zero, at 32 bits each, and the **pattern**: where they
# are.
#
# - *A bitmap*: 1 bit for each position. Per position: 1 bit.
# - *Distances*: how far each of the $k$ is from the one before, say in 16 bits. Per position: $16 p$ bits, with the density $p = k/n$. Less than the
#   bitmap if $p < 1/16$.
#
# ### How far down can a format go? (optional)
#
# There are $\binom{n}{k}$ patterns, and fewer than $2^{B+1}$ files of at most $B$ bits
# ($1 + 2 + 4 + \dots + 2^B$). Different patterns need different files. So if $2^{B+1} \le \tfrac12 \binom nk$, fewer than half of the patterns have a file that
# short: **most patterns need more than $\log_2 \binom nk - 2$ bits**, in every format. How large is that? Write
# out $(p + (1-p))^n = 1$:
#
# $$1 = \sum_{j=0}^n t_j, \qquad t_j = \binom nj p^j (1-p)^{n-j}, \qquad \frac{t_{j+1}}{t_j} = \frac{(n - j)\, p}{(j + 1)(1 - p)}$$
#
# The ratio is at least 1 exactly when $np - jp \ge j + 1 - jp - p$, so when $j + 1 \le np + p = k + p$, so when $j + 1 \le k$ (for $0 < p < 1$). The terms rise up
# to $t_k$ and fall from there: $t_k$ is the largest of $n + 1$ terms with the sum 1, and $\tfrac{1}{n+1} \le t_k \le 1$. Now
#
# $$\log_2 t_k = \log_2 \binom nk + k \log_2 p + (n - k) \log_2 (1 - p) = \log_2 \binom nk - n H(p), \qquad H(p) = -p \log_2 p - (1-p) \log_2(1-p)$$
#
# $$\boxed{\; n H(p) - \log_2(n + 1) \;\le\; \log_2 \binom nk \;\le\; n H(p) \;}$$
#
# $H(p)$ bits for each position, the **entropy**, and a logarithm does not matter. That is the floor, for patterns without an order.


# %%
def entropy(p):
    """H(p) in bits, 0 < p < 1."""
    return -(p * np.log2(p) + (1 - p) * np.log2(1 - p))


for n, k in ((10, 3), (625, 25), (5000, 1250)):
    least, exact, most = n * entropy(k / n) - log2(n + 1), log2(comb(n, k)), n * entropy(k / n)
    files = sum(2**bits for bits in range(int(exact - 2) + 1))  # of at most log2 of all patterns - 2 bits
    assert 2 * files < comb(n, k), f"n = {n}, k = {k}: fewer than half of the patterns should have a file that short"
    assert least <= exact <= most, f"n = {n}, k = {k}: {exact:.1f} should lie between {least:.1f} and {most:.1f}"
j, p = np.arange(11), 0.3  # n = 10, k = 3
t = np.array([comb(10, i) for i in j]) * p**j * (1 - p) ** (10 - j)  # (11,)
ratios = (10 - j[:-1]) * p / ((j[:-1] + 1) * (1 - p))
np.testing.assert_allclose(t[1:] / t[:-1], ratios, err_msg="t_(j+1) / t_j, and the formula")
np.testing.assert_allclose([t.sum(), t.max()], [1, t[3]], err_msg="the terms should have the sum 1, and the largest at k")
np.testing.assert_allclose(log2(t[3]), log2(comb(10, 3)) - 10 * entropy(p), err_msg="log2 of t_k, and the formula")
n, k = 430_500, 17_220  # LeNet-5, 96 % zeros
exact = (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2)  # log2 of the binomial coefficient
print(f"LeNet-5 with 96 % zeros, in bytes: dense {4 * n:,}; the weights left {4 * k:,}; and their pattern:")
print(
    f"   bitmap {n / 8:,.0f}   16-bit distances {2 * k:,}   log2 of all patterns {exact / 8:,.0f}   n H(p) {n * entropy(k / n) / 8:,.0f}"
)
assert n * entropy(k / n) - log2(n + 1) <= exact <= n * entropy(k / n), "for LeNet-5 the box should hold too"

# %% [markdown]
# gzip knows nothing of zeros. We give it bitmaps of $500 \times 800$ positions: scattered ones, and ones where whole columns are alive.

# %%
rng = np.random.default_rng(3)
densities = np.geomspace(0.005, 0.5, 7)
packed = {"scattered": [], "whole columns": []}
for p in densities:
    alone, columns = rng.random((500, 800)) < p, np.tile(rng.random(800) < p, (500, 1))  # (500, 800)
    for name, pattern in (("scattered", alone), ("whole columns", columns)):
        packed[name].append(8 * len(gzip.compress(np.packbits(pattern).tobytes(), mtime=0)) / pattern.size)

p = np.geomspace(0.003, 0.6, 200)
draw.bits_per_position(densities, packed, p, entropy(p))

# %%
above, below = np.array(packed["scattered"]) / entropy(densities), np.array(packed["whole columns"]) / entropy(densities)
assert np.all(above > 1), f"scattered patterns should stay above the floor, and one takes {above.min():.2f} of it"
assert np.all(below < 1), f"whole columns should go below the floor, and one takes {below.max():.2f} of it"

# %% [markdown]
# Scattered patterns stay above the floor. Whole columns go below it: the bound is about *most* patterns, and these are few ($2^{800}$ of $2^{400,000}$).
#
# ## Why what is left is trained again
#
# The weights that stay have learnt beside the others: their sums were right together with those. A **refit** trains what is left once more. No penalty,
# and zeros stay zero:
#
# $$\min_W\; L(W) \quad\text{with } w_i = 0 \text{ wherever } v_i = 0 \qquad\Longrightarrow\qquad \text{a step with the gradient } g_i\,[w_i \ne 0]$$

# %%
show_code(Refit.start, Refit._prune, Refit.update)

# %% [markdown]
# The optimiser forgets what it knew of the weights that are cut: else its momentum would still move them. (`decay` is optional weight decay.) An
# experiment without any penalty: train, cut the smallest weights, and measure; then 40 steps of refit with 50 digits each, and measure again. All cuts
# begin with the same network.

# %%
dense, dense_error = trained(3, penalty="none")
cuts, zeros = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98), []
errors = {"only cut": [], "cut, and 40 steps of refit": []}
config = preset(penalty="none")
for cut in cuts:
    refit = Refit(make_splitting(config, dense.with_flat(dense.flat.copy())), prune=cut)
    refit.start()
    errors["only cut"].append(error_of(refit.network))
    order = np.random.default_rng(1).permutation(4000)[:2000].reshape(40, 50)  # (40, 50)
    with running_shards(1, 1) as shards:
        for batch in order:
            gradient = shards.gradient(refit.network, digits.images[batch], digits.labels[batch])[2]
            refit.step(gradient, lr=2e-3)
    errors["cut, and 40 steps of refit"].append(error_of(refit.network))
    zeros.append(int(np.sum(refit.network.weights == 0)))
    print(
        f"{cut:.0%} cut: {errors['only cut'][-1]:5.2f} % error, after the refit {errors['cut, and 40 steps of refit'][-1]:5.2f} %"
    )
draw.refits(cuts, errors, dense_error)

# %%
assert zeros == [round(cut * dense.weights.size) for cut in cuts], f"a refit should leave the zeros; there are {zeros}"
gains = [before - after for before, after in zip(*errors.values(), strict=True)]
assert gains[-2] > 5, (
    f"with few weights left a refit should help by more than 5 points; at {cuts[-2]:.0%} it is {gains[-2]:.1f}"
)

# %% [markdown]
# ## The full runs
#
# The full LeNet-5 on MNIST, by several methods: what `python -m minisgl.sweep` left in [docs/results.jsonl](../docs/results.jsonl)
# ([docs/results.md](../docs/results.md) says how). FLOPs and units are those of the compact network. *sparse* and *small* are the presets made for the
# fewest weights and for the fewest FLOPs; they alone see digits shifted at random by up to a pixel.

# %%
runs = results.read(Path("../docs/results.jsonl"))
print(f"{len(runs)} runs; mean over the seeds\n")
print("method       regime       seeds  test error %  weights left  times less      FLOPs  times less")
points = []
for method, regime in dict.fromkeys((run.method, run.regime) for run in runs):
    found = [run for run in runs if (run.method, run.regime) == (method, regime)]
    values = [[run.test_error for run in found], [run.weights_left for run in found], [run.flops for run in found]]
    points.append(Point(method, regime, *(Spread(mean(v), min(v), max(v)) for v in values)))
    error, left, flops = map(mean, values)
    less = 430_500 / max(left, 1), 2_308_230 / flops
    print(f"{method:12} {regime:13}{len(found):5}{error:14.2f}{left:14,.0f}{less[0]:12.1f}{flops:11,.0f}{less[1]:12.1f}")
more = sum(430_500 / max(run.weights_left, 1) > 2_308_230 / run.flops for run in runs)
print(f"\nour formula gives the FLOPs of every run; in {more} of {len(runs)} runs the weights fall by more than the FLOPs")
other = [run for run in runs if lenet_flops(*run.units) != run.flops]
assert not other, f"the formula should give the FLOPs of every run, and in {len(other)} it does not"

# %%
draw.all_methods(points)

# %% [markdown]
# Left, a point moves with every zero. Right, it moves only with whole units, and far only with whole channels: by the table above conv1 and conv2 do
# 1,902,720 of the 2,308,230. `python -m minisgl.compress RUN` does all of this for a run of yours; [docs/compress.md](../docs/compress.md) has an example.
#
# ## Away from minisgl: ONNX (optional)
#
# The compact network is dense, so everybody can run it. **ONNX** is a file format for that: a list of standard operators, with their constants. Each layer
# of LeNet-5 is one of them, in the table `OPERATORS`:

# %%
show_code(onnx_file._operators)
print(*(f"{layer.__name__:<12} {operator}" for layer, (operator, _) in onnx_file.OPERATORS.items()), sep="\n")

# %% [markdown]
# Where the packages onnx and onnxruntime are installed (`pip install -e ".[compress]"`), the next cell writes the file and has the other program run it.

# %%
if find_spec("onnx") and find_spec("onnxruntime"):
    import onnxruntime

    content = onnx_file.to_onnx(smaller["grouped"])
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"images": held_out.images[:500]})  # (500, 10)
    ours = smaller["grouped"].forward(held_out.images[:500])[0]
    print(f"{len(content):,} bytes; onnxruntime's logits differ from ours by {np.abs(theirs - ours).max():.0e} at most")
    np.testing.assert_allclose(
        theirs, ours, atol=1e-4 * np.abs(ours).max(), err_msg="the logits should be ours, but for rounding"
    )
else:
    print("onnx or onnxruntime is not installed: nothing is written")

# %% [markdown]
# ## Exercises
#
# In [exercises/16_smaller_network.ipynb](exercises/16_smaller_network.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** $h = \operatorname{relu}(W_1 x + b_1)$, $y = W_2 h + b_2$, with `W1` $(H, D)$ and `W2` $(K, H)$. Which hidden units can go at once, because they read
# nothing, or because nobody reads them? Return booleans $(H,)$. No loop.


# %% tags=["ex1"]
def dead_units(W1, W2):
    """True for every hidden unit that can go: W1 (H, D), W2 (K, H); bool (H,)."""
    # BEGIN SOLUTION: True for every unit that can go
    reads_something, is_read = W1.any(axis=1), W2.any(axis=0)
    return ~reads_something | ~is_read
    # END SOLUTION


# %% tags=["ex1"]
check("16.dead_units", dead_units)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** All weights of the units marked in `constant`, booleans $(C,)$, are zero; their biases are in `b1` $(C,)$, and a ReLU follows (and
# perhaps max-pooling). The next layer has the weight `W2` and the bias `b2` $(K,)$. It is linear, with `W2` $(K, C)$, or a convolution without padding, with `W2`
# $(K, C, R, S)$. Return its new bias $(K,)$, with which the marked units can go.


# %% tags=["ex2"]
def fold_constant(W2, b1, b2, constant):
    """The new bias (K,) of the next layer: W2 (K, C) or (K, C, R, S), b1 (C,), b2 (K,), constant (C,) of bool."""
    # BEGIN SOLUTION: the new bias of the next layer
    total = W2.reshape(*W2.shape[:2], -1).sum(axis=2)
    said = np.where(constant, np.maximum(b1, 0), 0)
    return b2 + total @ said
    # END SOLUTION


# %% tags=["ex2"]
check("16.fold_constant", fold_constant)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** How many FLOPs, multiply-adds and bias additions together, does a layer do for one image? `weight` is the shape of its weight: $(K, C, R, S)$ of a
# convolution with stride 1 and no padding, for an image of the shape `image` $= (C, H, W)$; or $(K, D)$ of a linear layer, for `image` $= (D,)$. One whole number.


# %% tags=["ex3"]
def flops(weight, image):
    """Multiply-adds plus bias additions, from the shapes (K, C, R, S) and (C, H, W), or (K, D) and (D,)."""
    # BEGIN SOLUTION: the FLOPs for one image
    outputs = weight[0]
    if len(weight) == 4:
        outputs *= (image[1] - weight[2] + 1) * (image[2] - weight[3] + 1)
    products = int(np.prod(weight[1:]))
    return outputs * (products + 1)
    # END SOLUTION


# %% tags=["ex3"]
check("16.flops", flops)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** Now all the way. `weights` is a list of matrices, that of layer $l$ of shape $(n_{l+1}, n_l)$, for linear layers with a ReLU between them. How many
# units are left at each level, from the inputs to the logits, when nothing can go any more? Return a list of whole numbers, one more than there are matrices. Inputs
# go too, if nobody reads them; logits always stay. (Think of paths.)


# %% tags=["ex4"]
def units_left(weights):
    """How many units of each level are left: a list of whole numbers. weights[l]: (units of level l + 1, units of level l)."""
    # BEGIN SOLUTION: how many units are left at each level
    reached = [np.ones(weights[0].shape[1], bool)]
    for W in weights:
        reached.append(W[:, reached[-1]].any(axis=1))
    needed = [np.ones(weights[-1].shape[0], bool)]
    for W, from_inputs in zip(weights[::-1], reached[-2::-1], strict=True):
        needed.insert(0, from_inputs & W[needed[0]].any(axis=0))
    return [int(units.sum()) for units in needed]
    # END SOLUTION


# %% tags=["ex4"]
check("16.units_left", units_left)

# %% [markdown]
# ## Summary
#
# - A dense product pays for its shape. Zeros save nothing until units are cut out.
# - A unit goes if nobody reads it, or if it is a constant: then $b' = b + W_{:,C} \operatorname{relu}(b_C)$, in an unpadded convolution with the sums of the
#   kernels. At a padded border this fails.
# - What is left are the units on paths from the image to a logit, in whatever order one cuts. The logits stay the same, up to rounding.
# - As many zeros, scattered or grouped, give networks of very different sizes. A pattern without order costs at least $H(p)$ bits per position; an
#   orderly one may cost next to nothing.
# - What is left is trained once more, and answers better.
