# %% [markdown]
# # 17 Residual networks and batch norm
#
# *Reading: 35 minutes. Exercises: an evening. Needs chapters [2](02_convolution_by_hand.ipynb) and [3](03_whole_network_gradient.ipynb).*
#
# LeNet-5 has four layers with weights. Networks for photographs have nine, sixteen, or a hundred, and two parts make that possible: **batch
# normalisation** between the layers, and **shortcuts** around them. Both are a few lines, and both change what a zero weight means.
#
# **How does a gradient get through nine layers, and what is left of a channel that has no weights?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import json
from itertools import product
from pathlib import Path

import matplotlib.pyplot as plt

from drawings import chapter_17 as draw
from minisgl.analysis.folding import fold
from minisgl.course.show_code import show_code
from minisgl.models import resnet9
from minisgl.nn import BatchNorm2d, Conv2d, Flatten, Linear, Network, ReLU, Residual
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.initializers import he_normal
from minisgl.nn.parameters import MOMENTUM
from minisgl.training import history
from minisgl.training.measured import silence_dead_channels

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# CIFAR-10 has 50,000 photographs of ten kinds of things, $32 \times 32$ pixels in colour. A residual network with 1.6 million weights learned them
# twice, in 13 epochs: once as it is, and once with l0 on its last three convolutions. We read the committed
# [histories](../docs/cifar.md#results-so-far).

# %%
dense, sparse = (history.read(Path(f"../docs/cifar/{name}.history.jsonl")) for name in ("dense", "quick"))
draw.learning_curves(dense, sparse)

# %%
assert len(dense) == len(sparse) == 13, f"the text says 13 epochs twice; the files have {len(dense)} and {len(sparse)}"
zeros = [record["v"]["weight_sparsity"] for record in sparse]
w, v = (np.array([record[which]["error"] for record in sparse]) for which in ("w", "v"))
assert zeros[6] > 80 > zeros[3], f"V should have 80 % zeros after epoch 7, not 4; it has {zeros[6]:.0f} and {zeros[3]:.0f} %"
ahead = np.argmin(np.append(v < w, False))  # epochs until V first has no fewer errors than W
assert ahead >= 11, f"V should have fewer errors than W in the first 11 epochs; it has in the first {ahead}"
assert w[1] > w[0], f"the blue line should jump: W's errors in the first two epochs are {w[0]:.1f} and {w[1]:.1f} %"
print(f"epoch 6: W has {w[5]:.1f} % errors, and V, with {zeros[5]:.0f} % zeros, {v[5]:.1f} %")

# %% [markdown]
# The blue line jumps, and so does the dense network's. V does not, although most of its weights are zero. It has other weights than $W$, and one more
# thing is different: its statistics are measured anew. That is the first half of this chapter.
#
# ## Batch norm by hand
#
# Take one channel of one layer, and its $m = H W N$ numbers in the batch, $x_1, \ldots, x_m$. Bring them to mean 0 and variance 1, and then let the
# network choose its own scale $\gamma$ and shift $b$:
#
# $$\mu = \tfrac1m \sum_i x_i \qquad s^2 = \tfrac1m \sum_i (x_i - \mu)^2 \qquad z_i = \frac{x_i - \mu}{\sqrt{s^2 + \epsilon}} \qquad y_i = \gamma z_i + b$$
#
# $\epsilon = 10^{-5}$ only prevents a division by 0. **By hand**: $x = (1, 3)$. Then $\mu = 2$, $s^2 = \tfrac12(1 + 1) = 1$, $z = (-1, 1)$ to five
# digits; with $\gamma = 2$ and $b = 5$ we have $y = (3, 7)$.


# %%
def batch_norm(x, gamma, b, eps=1e-5):
    """y and z (C, m) of x (C, m), and the deviations (C, 1)."""
    mu = x.mean(axis=1, keepdims=True)  # (C, 1)
    deviation = np.sqrt(((x - mu) ** 2).mean(axis=1, keepdims=True) + eps)  # (C, 1)
    z = (x - mu) / deviation
    return gamma[:, None] * z + b[:, None], z, deviation


y, z, _ = batch_norm(np.array([[1.0, 3.0]]), np.array([2.0]), np.array([5.0]))
np.testing.assert_allclose(z, [[-1, 1]], rtol=1e-5, err_msg="by hand z is (-1, 1)")
np.testing.assert_allclose(y, [[3, 7]], rtol=1e-5, err_msg="by hand y is (3, 7)")

# %% [markdown]
# ## Backward: three terms
#
# The gradient $dy_i$ of the loss with respect to $y_i$ arrives, and $dx_j$ is wanted. $x_j$ reaches the loss on **three** ways: through its own
# $z_j$, through $\mu$, and through $s^2$; and the last two change every $z_i$. Write $r = \sqrt{s^2 + \epsilon}$, and $g_i = \gamma\, dy_i$ for the
# gradient with respect to $z_i$.
#
# *The mean.* $\dfrac{\partial \mu}{\partial x_j} = \dfrac1m$.
#
# *The variance.* $\dfrac{\partial s^2}{\partial x_j} = \dfrac2m \sum_i (x_i - \mu) \left(\delta_{ij} - \dfrac1m\right) = \dfrac2m (x_j - \mu)$, as
# the deviations from the mean add up to 0.
#
# *The deviation.* $\dfrac{\partial r}{\partial x_j} = \dfrac{1}{2r} \cdot \dfrac2m (x_j - \mu) = \dfrac{x_j - \mu}{m\, r} = \dfrac{z_j}{m}$.
#
# *The quotient* $z_i = (x_i - \mu)/r$:
#
# $$\frac{\partial z_i}{\partial x_j} = \frac{\delta_{ij} - 1/m}{r} - \frac{x_i - \mu}{r^2} \cdot \frac{z_j}{m} = \frac1r \left( \delta_{ij} - \frac1m - \frac{z_i z_j}{m} \right)$$
#
# *Backward* is the sum over all $i$ of $g_i$ times this:
#
# $$\boxed{\; dx_j = \frac1r \Big( g_j \;-\; \operatorname{mean}(g) \;-\; z_j \operatorname{mean}(g z) \Big) \;} \qquad d\gamma = \sum_i dy_i\, z_i \qquad db = \sum_i dy_i$$
#
# No approximation was made: $\epsilon$ is in $r$ and nowhere else. **Check**: the matrix of the $\partial z_i/\partial x_j$, and all three gradients,
# against differences in float64.

# %%
rng = np.random.default_rng(0)
x, dy = rng.normal(2, 3, (2, 6)), rng.normal(size=(2, 6))  # (C, m)
gamma, b = np.array([1.5, -0.5]), np.array([0.2, 0.1])  # (C,)
_, z, r = batch_norm(x, gamma, b)
jacobian = (np.eye(6) - 1 / 6 - np.outer(z[0], z[0]) / 6) / r[0]  # (m, m), of the first channel
for i in range(6):
    row = numeric_gradient(lambda x, i=i: batch_norm(x, gamma, b)[1][0, i], x)[0]  # (m,)
    np.testing.assert_allclose(row, jacobian[i], atol=1e-8, err_msg=f"dz_{i}/dx_j, by differences and as derived")

for name, function, by_text in (
    ("mean", lambda x: x[0].mean(), np.full(6, 1 / 6)),
    ("variance", lambda x: x[0].var(), 2 / 6 * (x[0] - x[0].mean())),
    ("deviation", lambda x: batch_norm(x, gamma, b)[2][0, 0], z[0] / 6),
):
    slope = numeric_gradient(function, x)[0]  # (m,)
    np.testing.assert_allclose(slope, by_text, atol=1e-8, err_msg=f"the slope of the {name}, by differences and as derived")

g = gamma[:, None] * dy  # (C, m)
dx = (g - g.mean(axis=1, keepdims=True) - z * (g * z).mean(axis=1, keepdims=True)) / r
found = {
    "dx": relative_error(numeric_gradient(lambda x: np.sum(dy * batch_norm(x, gamma, b)[0]), x), dx),
    "dgamma": relative_error(numeric_gradient(lambda a: np.sum(dy * batch_norm(x, a, b)[0]), gamma), (dy * z).sum(axis=1)),
    "db": relative_error(numeric_gradient(lambda a: np.sum(dy * batch_norm(x, gamma, a)[0]), b), dy.sum(axis=1)),
}
print({name: f"{error:.0e}" for name, error in found.items()})
assert max(found.values()) < 1e-7, f"the box should agree with the differences; its relative error is {max(found.values()):.1e}"

# %% [markdown]
# What do the two means take away? Draw $g$ over $z$, with its line of least squares. $z$ has mean 0 and mean square 1 (but for $\epsilon$), so this
# line is $\operatorname{mean}(g) + z \operatorname{mean}(g z)$. **What is passed on is what is left of $g$ after its best line**, over $r$.

# %%
rng = np.random.default_rng(1)
many = rng.normal(1, 2, (1, 60))  # (1, m)
_, z, r = batch_norm(many, np.ones(1), np.zeros(1))
g = 0.5 + 0.8 * z + rng.normal(0, 0.5, z.shape)  # (1, m): a gradient that would like to shift and scale the channel
line = g.mean() + z * (g * z).mean()
draw.what_is_left(z[0], g[0], line[0], (g - line)[0])

# %%
slope, height = np.polyfit(z[0], g[0], 1)
np.testing.assert_allclose(line[0], slope * z[0] + height, rtol=1e-4, err_msg="the line of the two means, and the best line")
dx = (g - line) / r
shifts, scales = abs(dx.sum()), abs((dx * many).sum()) / (np.linalg.norm(dx) * np.linalg.norm(many))
assert shifts < 1e-10, f"nothing should be passed on that shifts the channel; the sum of dx is {shifts:.1e}"
assert scales < 1e-4, f"nothing should be passed on that scales the channel; dx and x have the cosine {scales:.1e}"

# %% [markdown]
# That must be so: if all of a channel's $x$ are shifted, or multiplied by $c > 0$, then $y$ stays what it was, and a direction that changes nothing
# has slope 0.
#
# **What this means for sparsity.** The $x$ of a channel are made by the filter $w$ of the convolution before, $x = w * h$. Multiply $w$ by $c$, and
# $x$ is multiplied by $c$: the network's output does not change, and $\langle w, \nabla_w L \rangle = 0$. A penalty, however, falls with $c$. So
# before a batch norm, the *length* of a filter is no evidence of what it is worth, and weight decay or group lasso shrink it at no cost in loss. A
# threshold compares weights of different filters, and only their ratio within a filter matters to the output. **Check** on a small network, with an
# $\epsilon$ that is out of the way.

# %%
layers = {"conv": Conv2d(2, 3, 3, bias=False), "bn": BatchNorm2d(3, eps=1e-12), "flatten": Flatten(), "fc": Linear(27, 4)}
network = Network.initialized(layers, (2, 5, 5), np.random.default_rng(0), np.float64)
images = np.random.default_rng(1).normal(size=(4, 2, 5, 5))  # (N, C, H, W)
out, tape = network.forward(images, training=True)
cotangent = np.random.default_rng(2).normal(size=out.shape)
gradient = network.backward(cotangent, tape)[0]
weight = network.layers["conv"].weight  # (K, C, R, S)
slopes = network.layout["conv.weight"].view(gradient)
along = np.abs((weight * slopes).sum(axis=(1, 2, 3))) / np.linalg.norm(slopes.reshape(3, -1), axis=1)
weight[1] *= 0.01
again = network.forward(images, training=True)[0]
np.testing.assert_allclose(again, out, atol=1e-6, err_msg="the outputs with a shorter filter, and before")
print("slope along each filter, relative to the gradient:", along)
assert along.max() < 1e-6, f"the gradient should be orthogonal to each filter; along one its share is {along.max():.1e}"

# %% [markdown]
# ## The package's code
#
# `backward` computes `dx` in place, block by block. With $c = x - \mu = r z$ and `dgamma` $= \sum dy\, z$, its lines are $\frac{\gamma}{r} \left(
# dy - \frac1m \sum dy - c\, \frac{d\gamma}{m r} \right)$: the box, with $\gamma$ taken out of $g$.

# %%
show_code(BatchNorm2d.backward)

# %%
layer = BatchNorm2d(2)
layer.weight, layer.bias, layer.running_mean, layer.running_var = gamma, b, np.zeros(2), np.ones(2)
maps, dmaps = x.reshape(2, 1, 3, 2), dy.reshape(2, 1, 3, 2)  # (C, H, W, N)
y, cache = layer.forward(maps, training=True)
dx, grads = layer.backward(dmaps, cache)
_, z, r = batch_norm(x, gamma, b)
g = gamma[:, None] * dy
by_hand = (g - g.mean(axis=1, keepdims=True) - z * (g * z).mean(axis=1, keepdims=True)) / r
np.testing.assert_allclose(dx.reshape(2, 6), by_hand, err_msg="dx by the package and by the box")
np.testing.assert_allclose(grads["weight"], (dy * z).sum(axis=1), err_msg="dgamma by the package, and the sum of dy z")

# %% [markdown]
# ## In evaluation: running statistics
#
# One photograph has no batch. In evaluation $\mu$ and $s^2$ are therefore **running means**, of which every training step moves a tenth of the way to
# the batch's: $a \leftarrow 0.9\, a + 0.1\, \mu$. After $k$ steps the start has the weight $0.9^k$, and the batch of $i$ steps ago $0.1 \cdot 0.9^i$.
# For the variance the batch's $s^2 \frac{m}{m - 1}$ is used, since $s^2$ itself is too small on average: $\mathbb E\, s^2 = \frac{m - 1}{m} \sigma^2$
# for independent numbers of variance $\sigma^2$.

# %%
assert MOMENTUM == 0.1, f"the text says that a step moves a tenth of the way; the package's steps move {MOMENTUM}"
statistics = np.random.default_rng(0).normal(size=40)  # of 40 steps
running = 5.0
for one in statistics:
    running = (1 - MOMENTUM) * running + MOMENTUM * one
by_text = 0.9**40 * 5.0 + np.sum(0.1 * 0.9 ** np.arange(40) * statistics[::-1])
np.testing.assert_allclose(running, by_text, err_msg="the running mean, and the sum with weights 0.1 * 0.9^i")
samples = np.random.default_rng(1).normal(0, 3, (100_000, 4))  # m = 4, variance 9
biased = samples.var(axis=1).mean()
print(f"mean of s2: {biased:.2f}, times m/(m - 1): {biased * 4 / 3:.2f}; the variance is 9")
assert abs(biased - 9 * 3 / 4) < 0.1, f"on average s2 should be 3/4 of the variance, 6.75; it is {biased:.2f}"

# %% [markdown]
# The running means are those of the last ten steps or so. While the learning rate is high, the weights of these steps differ, and the running means
# fit none of them exactly: compare the blue line of the picture. V has other weights than $W$ altogether, so minisgl estimates its statistics anew,
# by a pass over 5,000 training images, before it is measured or saved. (The picture alone does not prove that this is the reason for the jumps: V
# differs in its weights, too.)
#
# ## Statistics by shard
#
# Batch norm is the one layer in which an image's output depends on the *other* images of the batch. Compute the batch in two shards, on two cores or
# two GPUs, and each shard has its own $\mu_k$ and $s_k^2$, of half the images. Two shards are then not one: for the same numbers, with shards of
# equal size,
#
# $$\mu = \tfrac12 (\mu_1 + \mu_2) \qquad s^2 = \underbrace{\tfrac12 (s_1^2 + s_2^2)}_{\text{within the shards}} + \underbrace{\tfrac14 (\mu_1 - \mu_2)^2}_{\text{between them}}$$
#
# The mean of the batch is the mean of the two, the variance is not. (The between part: $\mu_k - \mu = \pm\frac12 (\mu_1 - \mu_2)$, squared.) The difference is noise
# of size $1/\sqrt{m}$, and smaller for larger batches.


# %%
def in_shards(x, shards):
    """Batch norm of x (C, H, W, N), each shard of the images by its own statistics."""
    C = len(x)
    parts = [
        batch_norm(part.reshape(C, -1), np.ones(C), np.zeros(C))[0].reshape(part.shape) for part in np.split(x, shards, axis=3)
    ]
    return np.concatenate(parts, axis=3)


rng = np.random.default_rng(0)
numbers, gaps = [4, 16, 64, 256], []
for N in numbers:
    # (C, H, W, N): pixels of one image are alike, as in photographs
    x = rng.normal(size=(8, 1, 1, N)) + 0.5 * rng.normal(size=(8, 4, 4, N))
    one, two = in_shards(x, 1), in_shards(x, 2)
    gaps.append(np.linalg.norm(one - two) / np.linalg.norm(one))
draw.two_shards(numbers, gaps)

# %%
halves = np.split(x, 2, axis=3)
mu, within = ([getattr(part, name)(axis=(1, 2, 3)) for part in halves] for name in ("mean", "var"))  # each two of (C,)
np.testing.assert_allclose(x.mean(axis=(1, 2, 3)), (mu[0] + mu[1]) / 2, err_msg="the batch's mean, and the mean of the two")
by_text = (within[0] + within[1]) / 2 + (mu[0] - mu[1]) ** 2 / 4
np.testing.assert_allclose(x.var(axis=(1, 2, 3)), by_text, err_msg="the batch's variance, and within plus between")
fall, by_root = gaps[-1] / gaps[0], np.sqrt(numbers[0] / numbers[-1])
assert gaps[0] > 0.05, f"with two images a shard the outputs should differ visibly; they differ by {gaps[0]:.1%}"
assert 0.3 < fall / by_root < 3, f"the difference should fall about as the root says, to {by_root:.3f}; it falls to {fall:.3f}"

# %% [markdown]
# So the number of shards is a setting like the batch size (`--shards`, two by default). The number of threads is not: the same shards give the same
# bytes on one core or many.
#
# ## Folding
#
# With running statistics, batch norm is a scale and a shift of each channel, $y = s u + t$, with $s = \gamma/\sqrt{\sigma^2 + \epsilon}$ and $t = b -
# s \mu$. If $u = w * h + c$ comes from a convolution, the convolution can do it itself:
#
# $$s\, (w * h + c) + t = (s w) * h + (s c + t) \qquad\Longrightarrow\qquad w' = s\, w, \quad c' = s\, c + t$$
#
# with one $s$ for each *output* channel. Zeros stay zeros, and one layer is gone. **By hand**: $w = 2$, $c = 1$, $\gamma = 3$, $b = 4$, $\mu = 5$,
# $\sigma^2 + \epsilon = 4$. Then $s = 1.5$, $t = 4 - 7.5 = -3.5$, $w' = 3$, $c' = 1.5 - 3.5 = -2$. For $h = 10$: $u = 21$, $y = 3 \cdot
# \frac{16}{2} + 4 = 28$, and $3 \cdot 10 - 2 = 28$.

# %%
s = 3 / np.sqrt(4)
t = 4 - s * 5
assert (s * 2, s * 1 + t) == (3, -2), (
    f"by hand the folded weight is 3 and the bias -2; here they are {s * 2:g} and {s * 1 + t:g}"
)
ways = 3 * (2 * 10 + 1 - 5) / 2 + 4, 3 * 10 - 2
assert ways == (28, 28), f"by hand both ways give 28; here they give {ways[0]:g} and {ways[1]:g}"

network = resnet9(np.random.default_rng(0))
rng = np.random.default_rng(1)
for _, layer in network.walk():
    if isinstance(layer, BatchNorm2d):  # as if it had been trained
        layer.weight[...], layer.bias[...] = rng.uniform(0.5, 2, layer.channels), rng.normal(0, 0.3, layer.channels)
        layer.running_mean[...], layer.running_var[...] = rng.normal(size=layer.channels), rng.uniform(0.5, 2, layer.channels)
photographs = rng.random((4, 3, 32, 32), np.float32)
folded = fold(network)
before, after = network.forward(photographs)[0].copy(), folded.forward(photographs)[0]
kept = [sum(isinstance(layer, BatchNorm2d) for _, layer in one.walk()) for one in (network, folded)]
print(f"{kept[0]} batch norms before folding, {kept[1]} after; largest change of a logit: {np.abs(before - after).max():.0e}")
assert kept == [8, 0], f"every batch norm of this network should fold into a convolution; of {kept[0]} there are {kept[1]} left"
np.testing.assert_allclose(
    before, after, rtol=1e-3, atol=1e-4 * np.abs(before).max(), err_msg="the logits before and after folding"
)

# %% [markdown]
# **Why not into the convolution after it?** Inside the map that works: $w * (s h + t)$ is $(w s) * h$ plus a constant. But the convolution pads with
# 0 *after* batch norm. At the border a window reads zeros where the constant would need $t$, so it adds less there, and no bias can express that.
# **Nor through a ReLU**: with $u = -1$, $s = 2$, $t = 3$ the order "batch norm, ReLU" gives $\max(2 u + 3, 0) = 1$, and "ReLU, batch norm" $2
# \max(u, 0) + 3 = 3$; a batch norm that follows a ReLU stays where it is. In a wide residual network the first batch norm of each block follows a
# sum, and stays as a scale and a shift, too. Below, the border.

# %%
rng = np.random.default_rng(0)
h, weight = rng.normal(size=(2, 8, 8, 1)), rng.normal(size=(3, 2, 3, 3))  # (C, H, W, N), (K, C, R, S)
s, t = np.array([2.0, 0.5]), np.array([1.0, -0.5])  # (C,)
conv = Conv2d(2, 3, 3, padding=1)
conv.weight, conv.bias = weight, np.zeros(3)
right = conv.forward(s[:, None, None, None] * h + t[:, None, None, None])[0]  # (K, H, W, N)
conv.weight, conv.bias = weight * s[:, None, None], (weight.sum(axis=(2, 3)) * t).sum(axis=1)
difference = (conv.forward(h)[0] - right)[0, :, :, 0]  # (H, W)
draw.border(difference)

# %%
inside, anywhere = np.abs(difference[1:-1, 1:-1]).max(), np.abs(difference).max()
assert inside < 1e-10, f"inside the map folding forwards should be right; it is wrong by up to {inside:.2g}"
assert anywhere > 0.1, f"at the border folding forwards should be wrong; it is wrong by at most {anywhere:.2g}"
orders = max(2 * -1 + 3, 0), 2 * max(-1, 0) + 3
assert orders == (1, 3), f"by hand the two orders give 1 and 3; here they give {orders}"

# %% [markdown]
# ## A dead channel keeps its shift
#
# Let all weights of one filter be zero. Its channel is $u = 0$ everywhere, so $\mu = 0$, $z = 0$, and $y = b$: after the ReLU, the constant $\max(b,
# 0)$ for every image. The filter is gone, but its shift remains, and the layers behind read it. It cannot simply be left out: at a padded border the
# constant is not a constant (see above). minisgl *defines* a channel without weights as 0, shift included, before V's statistics are measured:


# %%
def channel_of(network, images):
    """The second channel's map after the ReLU, (H, W, N)."""
    h = np.moveaxis(images, 0, -1)  # (C, H, W, N)
    for name in ("conv", "bn", "relu"):
        h, _ = network.layers[name].forward(h)
    return h[1]


y = batch_norm(np.zeros((1, 6)), np.array([2.0]), np.array([0.25]))[0]
assert np.all(y == 0.25), f"of u = 0 batch norm should make its shift, 0.25; it makes {np.unique(y)}"
rng = np.random.default_rng(0)
layers = {
    "conv": Conv2d(2, 3, 3, padding=1, bias=False),
    "bn": BatchNorm2d(3),
    "relu": ReLU(),
    "flatten": Flatten(),
    "fc": Linear(48, 4),
}
network = Network.initialized(layers, (2, 4, 4), rng)
images = rng.normal(size=(3, 2, 4, 4)).astype(np.float32)
network.layers["conv"].weight[1] = 0
network.layers["bn"].bias[1] = 0.25
print("with its shift: ", np.unique(channel_of(network, images)))
shifted = np.abs(channel_of(network, images) - 0.25).max()
assert shifted == 0, f"a channel without weights should be its shift 0.25; it differs by up to {shifted:.2g}"
silence_dead_channels(network)
print("by definition:  ", np.unique(channel_of(network, images)))
silent = np.abs(channel_of(network, images)).max()
assert silent == 0, f"minisgl counts the shift of a dead channel as 0; here it is {silent:.2g}"
show_code(silence_dead_channels)

# %% [markdown]
# ## The residual block
#
# A block of layers, the *body* $F$, and its input is added to its output:
#
# $$y = h + F(h) \qquad\qquad dh = dy + F'(h)^{\mathsf T} dy$$
#
# $h$ reaches $y$ on two ways, so **the gradients of the two ways add**. Where the body changes the shape (more channels, a stride), $h$ cannot be
# added to $F(h)$. Then the shortcut is a map $S$ too, a $1 \times 1$ convolution: $y = S h + F(h)$ and $dh = S^{\mathsf T} dy + F'(h)^{\mathsf T}
# dy$.
#
# **By hand**: $F(h) = w_2 \max(w_1 h, 0)$ with $w_1 = 2$, $w_2 = -0.5$, $h = 3$: $y = 3 - 0.5 \cdot 6 = 0$, and for $dy = 1$ $dh = 1 + 2 \cdot
# (-0.5) = 0$. The body can undo its input. For $h = -3$ the ReLU is shut: $y = -3$ and $dh = 1$; only the shortcut is left, and the gradient still
# gets through.


# %%
def block(h, w1=2.0, w2=-0.5):
    return h + w2 * np.maximum(w1 * h, 0)


for h, y, dh in ((3.0, 0.0, 0.0), (-3.0, -3.0, 1.0)):
    assert block(h) == y, f"by hand y is {y:g} for h = {h:g}; here it is {block(h):g}"
    np.testing.assert_allclose(
        (block(h + 1e-6) - block(h - 1e-6)) / 2e-6, dh, atol=1e-9, err_msg=f"dh for h = {h:g}, by differences and by hand"
    )

residual = Residual({"fc1": Linear(3, 4), "relu": ReLU(), "fc2": Linear(4, 2)}, Linear(3, 2))  # the shape changes: S is (2, 3)
network = Network.initialized({"block": residual}, (3,), np.random.default_rng(0), np.float64)
part = network.layers["block"].children
h, dy = np.random.default_rng(1).normal(size=(3, 5)), np.random.default_rng(2).normal(size=(2, 5))  # (D, N)
y, cache = network.layers["block"].forward(h)
dh, _ = network.layers["block"].backward(dy, cache)
is_open = part["fc1"].forward(h)[0] > 0  # (4, N)
by_hand = part["shortcut"].weight.T @ dy + part["fc1"].weight.T @ (is_open * (part["fc2"].weight.T @ dy))
np.testing.assert_allclose(dh, by_hand, err_msg="dh by the package and by the formula")
numeric = numeric_gradient(lambda h: np.sum(dy * network.layers["block"].forward(h)[0]), h)
apart = relative_error(numeric, dh)
assert apart < 1e-7, f"the gradients of the two ways should add up to the block's; the relative error is {apart:.1e}"
show_code(Residual.backward)

# %% [markdown]
# Why does that help a deep network? Backward through $K$ plain layers multiplies $K$ matrices $J_k^{\mathsf T}$. Through $K$ blocks it multiplies $K$
# matrices $I + J_k^{\mathsf T}$. Expand the product for two:
#
# $$(I + J_1^{\mathsf T})(I + J_2^{\mathsf T}) = I + J_1^{\mathsf T} + J_2^{\mathsf T} + J_1^{\mathsf T} J_2^{\mathsf T}$$
#
# For $K$ blocks these are $2^K$ terms, one for each choice of blocks that the gradient goes *through*; it takes the shortcut around the others. One
# term is $I$: the gradient of the last layer reaches the first as it is, **however small the bodies' weights are**, and even if a threshold has set
# all of them to zero. **Check** the expansion, then the lengths in 20 layers of 200 units.

# %%
rng = np.random.default_rng(0)
J = rng.normal(size=(3, 4, 4))  # three blocks
total = (np.eye(4) + J[0]) @ (np.eye(4) + J[1]) @ (np.eye(4) + J[2])
paths = [
    np.linalg.multi_dot([np.eye(4), np.eye(4)] + [J[k] for k in range(3) if through[k]])
    for through in product((0, 1), repeat=3)
]
np.testing.assert_allclose(total, sum(paths), err_msg="the product, and the sum over all ways")
assert len(paths) == 2**3, f"three blocks should have eight ways; here are {len(paths)}"


# %%
def lengths(kind, factor, layers=20, units=200):
    """Length of the gradient at each layer's input, (layers + 1,), the last = 1; weights are `factor` times He's."""
    rng = np.random.default_rng(0)
    h, weights, masks = rng.normal(size=units), [], []
    for _ in range(layers):
        weights.append(factor * he_normal((units, units), rng))
        u = weights[-1] @ h
        masks.append(u > 0)
        h = np.maximum(u, 0) + (h if kind == "residual" else 0)
    dh, found = rng.normal(size=units), []
    for weight, mask in zip(weights[::-1], masks[::-1], strict=True):
        found.append(np.linalg.norm(dh))
        dh = weight.T @ (mask * dh) + (dh if kind == "residual" else 0)
    return np.array([*found, np.linalg.norm(dh)])[::-1] / found[0]


FACTORS = 0.5, 1.0
curves = {(kind, factor): lengths(kind, factor) for kind in ("plain", "residual") for factor in FACTORS}
draw.gradients_by_depth(curves)

# %%
first = {key: length[0] for key, length in curves.items()}
print({f"{kind} {factor:g}": f"{length:.0e}" for (kind, factor), length in first.items()})
nothing_in_the_bodies = lengths("residual", 0.0)
assert np.all(nothing_in_the_bodies == 1), (
    f"without weights the gradient should stay as it is; it becomes {nothing_in_the_bodies}"
)
vanished, kept, grown = first["plain", FACTORS[0]], first["residual", FACTORS[0]], first["residual", FACTORS[1]]
assert vanished < 1e-4, f"with half of He's weights the plain gradient should vanish; {vanished:.1e} of it is left"
assert kept > 1, f"with shortcuts the gradient should not become shorter; {kept:.2f} of it is left"
a_block = grown ** (1 / 20)
assert 1.3 < a_block < 1.5, f"with He's weights and shortcuts it should grow by about 1.4 a block; it grows by {a_block:.2f}"

# %% [markdown]
# There is a price. With He's weights the body's output has the mean square of its input, so the first block doubles it. Later
# blocks do more: what comes out of a ReLU is not negative, so the sum gets a positive mean, to which every block adds. Soon
# each makes the mean square about three times as large. The gradient grows, too, in the figure by a factor of about 1.4 a
# block. That is why batch norm and shortcuts come together: in the body, batch norm brings every block's input back to
# variance 1, so each block adds about as much to the sum's root mean square, and the growth is by addition, not by
# multiplication. **Check** 20 blocks:


# %%
def mean_squares(normalised, blocks=20, units=200, N=100):
    """Mean square of the sum after each block, (blocks,), of blocks with He's weights."""
    rng, found = np.random.default_rng(0), []
    h = rng.normal(size=(units, N))
    for _ in range(blocks):
        read = batch_norm(h, np.ones(units), np.zeros(units))[0] if normalised else h
        h = h + np.maximum(he_normal((units, units), rng) @ read, 0)
        found.append(np.mean(h**2))
    return np.array(found)


multiplied, added = mean_squares(False), mean_squares(True)
print(f"after 20 blocks: {multiplied[-1]:.0e} without batch norm, {added[-1]:.0f} with it")
ratios, steps = multiplied[1:] / multiplied[:-1], np.diff(np.sqrt(added))  # each (blocks - 1,)
soon = ratios[len(ratios) // 4 :].mean()
assert abs(multiplied[0] - 2) < 0.1, (
    f"the first block should double the mean square, which is 1; it makes it {multiplied[0]:.2f}"
)
assert 2.5 < soon < 3.5, f"soon each block should make the mean square about three times as large; it makes it {soon:.2f} times"
assert steps.max() < 1.5 * steps.min(), (
    f"with batch norm each should add about as much; they add {steps.min():.2f} to {steps.max():.2f}"
)

# %% [markdown]
# ## CIFAR-10 at work
#
# The network of the picture, [resnet9](../minisgl/models.py) with width 2: eight convolutions, each followed by batch norm, two residual blocks. l0
# acts on the last three.

# %%
report, dense_report = (json.loads(Path(f"../docs/cifar/{name}.report.json").read_text()) for name in ("quick", "dense"))
by_layer = report["v"]["layers"]
sizes = {name: layer["weights"] for name, layer in by_layer.items()}
left = {name: layer["weights"] - layer["zero_weights"] for name, layer in by_layer.items()}
draw.layers(list(sizes), list(sizes.values()), list(left.values()), report["penalised"])

# %%
print(
    f"test error: V {report['v']['test_error']} %, W {report['w']['test_error']} %, dense network {dense_report['w']['test_error']} %"
)
penalised = report["penalised"]
share = 1 - sum(left[name] for name in penalised) / sum(sizes[name] for name in penalised)
print(f"{sum(sizes.values()):,} weights, {sum(left.values()):,} left; zeros of the penalised ones {share:.2%}")
described = round(sum(sizes.values()) / 1e6, 1), len(penalised)
assert described == (1.6, 3), f"the text says 1.6 million weights and l0 on three layers; here are {described}"
assert abs(share - 0.9) < 1e-4, f"the text says that nine of ten penalised weights are zero; {share:.2%} are"
cost = report["v"]["test_error"] - dense_report["w"]["test_error"]
assert round(cost, 1) == 2.1, f"the text says 2.1 points more errors than the dense network; here they are {cost:.2f}"
died = sum(layer["dead_units"] for layer in by_layer.values())
assert died == 0, f"the text says that no channel died; {died} did"
flops = report["v"]["flops"], dense_report["w"]["flops"]
assert flops[0] == flops[1], f"the text says as many operations as before; they are {flops[0]:,} and {flops[1]:,}"

# %% [markdown]
# Nine of ten penalised weights are zero, for 2.1 points more errors than the dense network has. But **no channel died**: with batch norm a filter
# with few weights left is brought back to variance 1, and its output is as large as any other's. The compact network has as many operations as
# before; what became smaller is the file. To drop channels, a price on whole filters is needed ([chapter 8](08_groups.ipynb)), and its weight must be
# found. Four trials at width 1, a quarter of the weights, on 5,000 held-out images, with the same 90 % zeros at the end:

# %%
prices, errors, dropped, zeros = ["1e-6", "1e-5", "3e-5", "1e-4"], [], [], []
for price in prices:
    records = history.read(Path(f"../docs/cifar/trial-group-lasso-{price}.history.jsonl"))
    errors.append((records[-2]["v"]["error"], records[-1]["v"]["error"]))
    dropped.append(records[-2]["v"]["unit_sparsity"])
    zeros.append(records[-1]["v"]["weight_sparsity"])
draw.trials([float(price) for price in prices], errors)

# %%
print("units dropped before pruning, %:", dict(zip(prices, [round(share, 1) for share in dropped], strict=True)))
narrow = resnet9(np.random.default_rng(0), width=1)
share = np.array(zeros) * narrow.weights.size / sum(np.prod(narrow.layout.weights[name].shape) for name in penalised)
np.testing.assert_allclose(share, 90, atol=0.1, err_msg="the zeros of the penalised weights at width 1, in percent")
by_width = narrow.weights.size / sum(sizes.values())
assert abs(by_width - 0.25) < 0.005, f"at width 1 there should be a quarter of the weights; there are {by_width:.1%}"
at_the_end = [after for _, after in errors]
assert dropped == sorted(dropped), f"a higher price should drop more units; they drop, in percent, {np.round(dropped, 1)}"
assert 20 < dropped[-1] < 30, f"the text says that the highest price drops a quarter of the units; it drops {dropped[-1]:.1f} %"
behind = at_the_end[-1] - min(at_the_end)
assert behind < 0.65, f"the text says that it ends within six tenths of a point of the best; it ends {behind:.2f} behind"

# %% [markdown]
# The highest price drops a quarter of the units before anything is pruned, and at the end it is within six tenths of a point of the best. With one
# seed, differences of a few tenths are no more than another seed could make. How to compare so that a difference means something is the subject of
# [chapter 14](14_fair_comparison.ipynb).
#
# ## Exercises
#
# To be written in [exercises/17_residual_networks.ipynb](exercises/17_residual_networks.ipynb), where a check below each answer tells you what is
# wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Batch norm, backward. `dy` and `x` are $(C, m)$, `weight` is $\gamma$ $(C,)$, `eps` a number. Return three arrays: `dx` $(C, m)$,
# `dweight` $(C,)$ and `dbias` $(C,)$, of the dtype of the arguments. No loop, and without `minisgl.nn`.


# %% tags=["ex1"]
def batch_norm_backward(dy, x, weight, eps):
    """dx (C, m), dweight (C,) and dbias (C,) of y = weight z + bias, z = (x - mean)/sqrt(variance + eps) by channel."""
    # BEGIN SOLUTION: on which ways does one x reach the loss?
    centred = x - x.mean(axis=1, keepdims=True)
    r = np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps).astype(x.dtype)
    unit = centred / r
    back = weight[:, None] * dy
    lost = back.mean(axis=1, keepdims=True) + unit * (back * unit).mean(axis=1, keepdims=True)
    return (back - lost) / r, (dy * unit).sum(axis=1), dy.sum(axis=1)
    # END SOLUTION


# %% tags=["ex1"]
check("17.batch_norm_backward", batch_norm_backward)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** A residual block whose shape changes: $y = S h + W_2 \max(W_1 h, 0)$. Return `dh` $(D_{in}, N)$ from `dy` $(D_{out}, N)$, `h`
# $(D_{in}, N)$, `W1` $(D, D_{in})$, `W2` $(D_{out}, D)$ and `S` $(D_{out}, D_{in})$.


# %% tags=["ex2"]
def residual_backward(dy, h, W1, W2, S):
    """dh (D_in, N) of y = S h + W2 max(W1 h, 0)."""
    # BEGIN SOLUTION: on which ways does h reach y?
    opened = W1 @ h > 0
    through_the_body = W1.T @ (opened * (W2.T @ dy))
    return S.T @ dy + through_the_body
    # END SOLUTION


# %% tags=["ex2"]
check("17.residual_backward", residual_backward)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Fold a batch norm into the convolution before it. The convolution has `weight` $(K, C, R, S)$ and no bias, as in minisgl's residual
# networks; the batch norm has `gamma`, `shift` and the running `mean` and `variance`, each $(K,)$, and $\epsilon = 10^{-5}$. Return the new weight
# $(K, C, R, S)$ and the bias $(K,)$ that the convolution gets.


# %% tags=["ex3"]
def fold_batch_norm(weight, gamma, shift, mean, variance):
    """The new weight (K, C, R, S) and a bias (K,): one convolution that does the work of both layers."""
    # BEGIN SOLUTION: what does batch norm do to a channel in evaluation?
    factor = gamma / np.sqrt(variance + 1e-5)
    return weight * factor[:, None, None, None], shift - factor * mean
    # END SOLUTION


# %% tags=["ex3"]
check("17.fold_batch_norm", fold_batch_norm)

# %% [markdown]
# ## Summary
#
# - Batch norm backward: $dx = (g - \operatorname{mean} g - z \operatorname{mean}(g z))/r$, what is left of $g$ after its best line over $z$. A filter
#   before it can be scaled at no cost in loss.
# - In evaluation it is a scale and a shift, with running statistics. They belong to the weights that they were measured with, and to the shards: V
#   has its own.
# - It folds into the convolution *before* it: $w' = s w$, $c' = s c + t$. Not through a ReLU, and not into a padded convolution after it.
# - A channel without weights still has the output $\max(b, 0)$; minisgl counts its shift as 0.
# - In a residual block the gradients of body and shortcut add. One of the $2^K$ ways through $K$ blocks is the identity.
# - On CIFAR-10, 90 % zeros in the last three convolutions cost 2.1 points, and saved no operation.
