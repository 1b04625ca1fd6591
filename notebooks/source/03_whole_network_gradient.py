# %% [markdown]
# # 3 Pooling, ReLU, fully connected, softmax: the whole network's gradient
#
# *Reading: 40 minutes. Exercises: an evening. Needs chapter [2](02_convolution_by_hand.ipynb).*
#
# LeNet-5 computes ten numbers from the image of a digit. From these and the true label we compute one number, the loss:
# it is large if the true label gets a small probability. To learn is to make the loss smaller, by small changes of 431,080 parameters.
#
# **How does one number tell each of them which way to go?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads
from minisgl.nn import softmax_cross_entropy

limit_blas_threads()

# %%
from copy import copy
from functools import partial

import matplotlib.pyplot as plt
from drawings import chapter_03 as draw
from ipywidgets import FloatSlider, interact

from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.models import lenet5
from minisgl.nn import Flatten, Linear, MaxPool2d, Network, ReLU, Sequential, Workspace, softmax
from minisgl.nn.gradcheck import directional_derivative, numeric_gradient, relative_error, require_smooth
from minisgl.nn.initializers import he_normal
from minisgl.nn.optimizers import SGD, Adam
from minisgl.nn.pooling import give_to_largest, largest

plt.rcParams["figure.constrained_layout.use"] = True
train, test = mnist.load()

# %% [markdown]
# ## A picture
#
# A digit in an untrained LeNet-5. The **upper row, from left to right**: each layer computes new
# numbers from those before. The **lower row, from right to left**: how fast the loss rises
# if a number of the upper row grows. Orange is positive, blue negative, white 0. One map of each layer is shown; fc1 is
# 20 rows of 25. The bars are the logits and their slopes, the true digit orange.

# %%
network = lenet5(np.random.default_rng(1))
image, label = train.images[:1], train.labels[:1]  # (1, 1, 28, 28), (1,)
forward, back = draw.there_and_back(network, image, label)  # all numbers and all slopes, by layer

# %%
reached = np.count_nonzero(back["conv1"]) / back["conv1"].size
print(f"{network.flat.size:,} parameters; the digit is a {label[0]}; {reached:.0%} of conv1's outputs get a gradient")
assert reached <= 1 / 4, f"the text says that most outputs of conv1 get no gradient; here {reached:.0%} get one"

# %% [markdown]
# Why do most outputs of conv1 get no gradient? Where do the ten lower bars come from? First a network that fits on paper.
#
# ## By hand
#
# One picture of $2 \times 6$ pixels, max-pooling over $2 \times 2$ windows, ReLU, one linear layer, two classes, the first of them true.
#
# $$x = \left[\begin{array}{rr|rr|rr} 1 & 2 & 1 & -1 & -1 & -3 \\ 0 & -1 & 0 & -2 & -2 & -4 \end{array}\right] \qquad
# W = \begin{bmatrix} 1 & -1 & 2 \\ 0 & 1 & -1 \end{bmatrix} \qquad b = \begin{bmatrix} 0 \\ \ln 3 \end{bmatrix}$$
#
# | forward | | shape |
# |---|---|---|
# | pool: the largest of each window | $m = (2,\ 1,\ -1)$ | (3,) |
# | ReLU: negative becomes 0 | $h = (2,\ 1,\ 0)$ | (3,) |
# | linear: $z = W h + b$ | $z = (2 - 1 + 0 + 0,\;\; 0 + 1 - 0 + \ln 3) = (1,\; 1 + \ln 3)$ | (2,) |
# | softmax: $e^{z} = (e,\ 3e)$, divided by its sum $4e$ | $p = (\tfrac14,\ \tfrac34)$ | (2,) |
# | loss: $-\ln$ of the true class's $p$ | $L = -\ln \tfrac14 = 1.386$ | () |
#
# Now back. Write $dz$ for the slopes $\partial L / \partial z$, which have the shape of $z$, and likewise for every other array.
#
# | backward | | shape |
# |---|---|---|
# | $dz = p - (1, 0)$; derived below | $dz = (-\tfrac34,\ \tfrac34)$ | (2,) |
# | $b_i$ is added to $z_i$ | $db = (-\tfrac34,\ \tfrac34)$ | (2,) |
# | $W_{ij}$ reaches $z_i$ with the factor $h_j$: $dW_{ij} = dz_i\, h_j$ | $dW = \begin{bmatrix} -1.5 & -0.75 & 0 \\ 1.5 & 0.75 & 0 \end{bmatrix}$ | (2, 3) |
# | $h_j$ reaches $z_1$ and $z_2$ with the factors $W_{1j}$, $W_{2j}$; for $h_2$: $-1 \cdot (-\tfrac34) + 1 \cdot \tfrac34$ | $dh = (-0.75,\ 1.5,\ -2.25)$ | (3,) |
# | ReLU: slope 1 where $m > 0$, else 0 | $dm = (-0.75,\ 1.5,\ 0)$ | (3,) |
# | pool: only the largest of a window reaches $m$ | $dx = \begin{bmatrix} 0 & -0.75 & 1.5 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 & 0 \end{bmatrix}$ | (2, 6) |
#
# The package gives the same, and so do differences of the loss when a number is moved by a millionth up and down.

# %%
layers = {"pool": MaxPool2d(2), "relu": ReLU(), "flatten": Flatten(), "fc": Linear(3, 2)}
flat = np.array([1, -1, 2, 0, 1, -1, 0, np.log(3)])  # (8,): all of W, then all of b
tiny = Network(layers, (1, 2, 6), flat)
x = np.array([[1.0, 2, 1, -1, -1, -3], [0, -1, 0, -2, -2, -4]]).reshape(1, 1, 2, 6)  # (N, C, H, W)
first = np.array([0])


def tiny_loss(flat, x):
    return float(softmax_cross_entropy(tiny.with_flat(flat).forward(x)[0], first)[0])


logits, tape = tiny.forward(x)
loss, dlogits = softmax_cross_entropy(logits, first)
gradient, dx = tiny.backward(dlogits, tape, input_gradient=True)
print(f"differences of W and b: error {relative_error(numeric_gradient(lambda f: tiny_loss(f, x), flat), gradient):.0e}")
print(f"differences of x:       error {relative_error(numeric_gradient(lambda at: tiny_loss(flat, at), x), dx):.0e}")
print(f"a step of 0.1 against the gradient: the loss falls from {loss:.3f} to {tiny_loss(flat - 0.1 * gradient, x):.3f}")
same = partial(np.testing.assert_allclose, err_msg="the package's numbers are not those of the tables above")
same([float(loss), *logits[0]], [np.log(4), 1, 1 + np.log(3)])
same(gradient, [-1.5, -0.75, 0, 1.5, 0.75, 0, -0.75, 0.75])
same(dx.reshape(2, 6), [[0, -0.75, 1.5, 0, 0, 0], [0] * 6])

# %% [markdown]
# ## The chain rule, right to left
#
# A layer is a function $y = f(x)$ of $n$ numbers with $m$ results. Its **Jacobian** $J$, of shape $(m, n)$, holds all slopes:
# $J_{ij} = \partial y_i / \partial x_j$. Suppose we know $dy$, of shape $(m,)$: how fast the loss rises with each $y_i$. Move $x_j$
# by a tiny $\varepsilon$. Each $y_i$ moves by $J_{ij}\, \varepsilon$, and through it the loss by $dy_i\, J_{ij}\, \varepsilon$. All
# together, per $\varepsilon$:
#
# $$dx_j = \sum_{i=1}^m dy_i\, J_{ij} \qquad\Longleftrightarrow\qquad \underset{(n,)}{dx} = \underset{(n,\, m)}{J^{\mathsf T}}\; \underset{(m,)}{dy}$$
#
# With layers $1, \ldots, k$ in a row, and $dz$ the slopes at the end,
#
# $$dx = J_1^{\mathsf T} \Big( J_2^{\mathsf T} \big( \cdots ( J_k^{\mathsf T}\, dz ) \big) \Big)$$
#
# The brackets are the algorithm. From the right, every step is a matrix times a *vector*; from the left, it would be a matrix times a
# matrix. Parameters are inputs of their layer too: with $K_{ij} = \partial y_i / \partial w_j$ it is $dw = K^{\mathsf T} dy$.
#
# **Check** on the tiny network, with Jacobians measured column by column; then their sizes in LeNet-5.


# %%
def jacobian(layer, x, h=1e-6):
    """All slopes (m, n) of a layer at x, by central differences."""
    moves = h * np.eye(x.size).reshape(-1, *x.shape)  # (n, ...)
    return np.stack([(layer.forward(x + e)[0] - layer.forward(x - e)[0]).ravel() / (2 * h) for e in moves], axis=1)


at, product = np.moveaxis(x, 0, -1), np.eye(12)  # (1, 2, 6, 1); the Jacobian of no layer at all
for name, layer in tiny.layers.items():
    J = jacobian(layer, at)
    product = J @ product
    at, _ = layer.forward(at)
    print(f"{name:>8}: {J.shape}")
K = np.stack(
    [(tiny.with_flat(flat + e).forward(x)[0] - tiny.with_flat(flat - e).forward(x)[0])[0] / 2e-6 for e in 1e-6 * np.eye(8)],
    axis=1,
)  # (2, 8)
same(K.T @ dlogits[0], gradient, atol=1e-8, err_msg="K transposed, times dz, is not the gradient of W and b")
same(product.T @ dlogits[0], dx.ravel(), atol=1e-8, err_msg="the product of the transposed Jacobians is not dx")

m = [numbers.size for numbers in forward.values()]  # of the image, then of every layer
print(f"LeNet-5: that of pool1 is {m[2]:,} x {m[1]:,}, and all have {np.dot(m[1:], m[:-1]):,} numbers, for one image")

# %% [markdown]
# No layer builds its Jacobian. Each only has to **multiply by its transpose**. This is `backward`: $dy$ goes in,
# and $dx$ and $dw$ come out. We derive it layer by layer; chapter 2 did so for the convolution.
#
# We check every layer against central differences, in float64. Chapter 2 derives
# [their error and the best step](02_convolution_by_hand.ipynb#How-good-is-a-measured-gradient?), near $h = 10^{-5}$. For a layer with many results we measure the slope
# of $\sum_i u_i\, y_i$, with random $u$: its gradient is $J^{\mathsf T} u$, and `backward(u)` should return it.


# %%
def errors(layer, x):
    """Relative errors of backward's gradients by name, against central differences for which every entry is moved."""
    y, cache = layer.forward(x)
    u = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = layer.backward(u, cache)

    def g(name, value):
        trial = copy(layer)
        setattr(trial, name, value)
        return np.sum(u * trial.forward(value if name == "x" else x)[0])

    at = {"x": x} | {name: getattr(layer, name) for name in grads}
    claimed = {"x": dx, **grads}
    return {f"d{name}": relative_error(numeric_gradient(partial(g, name), at[name]), claimed[name]) for name in at}


# %% [markdown]
# ## The linear layer
#
# $N$ images at once, the image index last: $x : (D_{in}, N)$, $W : (D_{out}, D_{in})$, $b : (D_{out},)$, $y$ and $dy : (D_{out}, N)$.
#
# $$y_{on} = \sum_i W_{oi}\, x_{in} + b_o$$
#
# Ask of each entry: which $y$ does it reach, and with what factor?
#
# $$\begin{aligned}
# W_{oi} \text{ reaches } y_{on} \text{ for every } n, \text{ by } x_{in}: && dW_{oi} &= \sum_n dy_{on}\, x_{in} & dW &= dy\; x^{\mathsf T} & (D_{out}, N)\,(N, D_{in}) \\
# b_o \text{ reaches } y_{on} \text{ for every } n, \text{ by } 1: && db_o &= \sum_n dy_{on} & db &= dy\; \mathbf 1 & (D_{out}, N)\,(N,) \\
# x_{in} \text{ reaches } y_{on} \text{ for every } o, \text{ by } W_{oi}: && dx_{in} &= \sum_o W_{oi}\, dy_{on} & dx &= W^{\mathsf T} dy & (D_{in}, D_{out})\,(D_{out}, N)
# \end{aligned}$$
#
# One product forward, two of the same size back: about twice the work.

# %%
rng = np.random.default_rng(0)
linear = Linear(7, 4)
linear.weight, linear.bias = rng.normal(size=(4, 7)), rng.normal(size=4)
measured = errors(linear, rng.normal(size=(7, 3)))
print({name: f"{error:.0e}" for name, error in measured.items()})
assert max(measured.values()) < 1e-7, f"a gradient of the linear layer differs from differences by {max(measured.values()):.0e}"
show_code(Linear.forward, Linear.backward)

# %% [markdown]
# `einsum("dn->d", dy)` is the sum over $n$. The workspace is memory that is used again at the next step; the cache holds $x$ for $dW$.
#
# ## ReLU, max-pooling, and why their order does not matter
#
# **ReLU**, $y = \max(x, 0)$ for each entry. Where $x > 0$ the slope is 1, where $x < 0$ it is 0. At $x = 0$ it is 0 on the left and
# 1 on the right, so there is no slope; we *agree* on 0:
#
# $$dx = dy \cdot [x > 0]$$
#
# **Max-pooling**, windows of $2 \times 2$, one beside the other: $x : (C, 2P, 2Q, N)$, $y : (C, P, Q, N)$.
#
# $$y_{cpqn} = \max_{r, s \in \{0, 1\}} x_{c,\, 2p + r,\, 2q + s,\, n}$$
#
# If one entry is larger than the other three, a small move of it moves $y$ by as much, and small moves of the others do nothing:
# slope 1 for the largest, 0 for the others. So $dy$ goes to the largest. At a tie there is no slope: raising one of the
# two raises $y$, lowering it does not. We agree that **the first of the largest in row-major order gets all**. (If each got all, $dx$ would be too large.)
#
# **They commute.** LeNet-5 is usually written convolution, ReLU, pool. minisgl pools first:
#
# - *Value.* $\max(\cdot, 0)$ keeps the order of the entries. So the largest stays a largest, and the
#   result is $\max(\max_i x_i,\, 0)$ either way.
# - *Gradient, if $\max_i x_i > 0$.* ReLU leaves the positive entries as they are, and makes all others 0. So the first
#   of the largest is the same before and after. It gets $dy$, and ReLU's slope is 1.
# - *Gradient, if $\max_i x_i \le 0$.* Pool first: ReLU's slope there is 0. ReLU first: all four are 0, so they tie;
#   the first gets $dy$ and then, because its $x \le 0$, ReLU's slope 0. Nothing comes back either way.
#
# Four windows: one largest entry, a tie, all negative, and a maximum of exactly 0. Orange: not zero.


# %%
def through(layers, x, dy):
    """Every array on the way forward and back: x, ..., y, dy, ..., dx."""
    on_the_way, caches = [x], []
    for layer in layers:
        y, cache = layer.forward(on_the_way[-1])
        on_the_way.append(y)
        caches.append(cache)
    on_the_way.append(dy)
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        on_the_way.append(layer.backward(on_the_way[-1], cache)[0])
    return on_the_way


maps = np.array([[5.0, 1, 2, 2], [0, -1, 1, -3], [-2, -1, 0, -4], [-3, -5, -1, -2]]).reshape(1, 4, 4, 1)  # (C, H, W, N)
dy = np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)
draw.both_orders(through([MaxPool2d(2), ReLU()], maps, dy), through([ReLU(), MaxPool2d(2)], maps, dy))

# %% [markdown]
# **Check**: maps of small integers, full of ties, give the same in either order, to the last bit; without ties both
# layers agree with differences. At a tie the difference is the mean of the slopes on both sides, 1 and 0.

# %%
rng = np.random.default_rng(0)
many, slopes = rng.integers(-2, 3, (20, 24, 24, 4)).astype(float), rng.normal(size=(20, 12, 12, 4))
pool_first, relu_first = (through(order, many, slopes) for order in ([MaxPool2d(2), ReLU()], [ReLU(), MaxPool2d(2)]))
print(f"entries that ReLU gets: {relu_first[0].size:,}, or, after pooling, {pool_first[1].size:,}")
tie = np.array([3.0, 3, 0, 0]).reshape(1, 2, 2, 1)
at_tie = numeric_gradient(lambda x: MaxPool2d(2).forward(x)[0].sum(), tie).ravel()
print("differences at a tie:", at_tie)
same(at_tie, [0.5, 0.5, 0, 0], atol=1e-8, err_msg="the text says that a difference at a tie is the mean of 1 and 0")
first_of_equals = through([MaxPool2d(2)], np.array([1.0, 3, 2, 3]).reshape(1, 2, 2, 1), np.ones((1, 1, 1, 1)))[-1].ravel()
same(first_of_equals, [0, 1, 0, 0], err_msg="the text says that in (1, 3, 2, 3) the second gets all of dy")
np.testing.assert_array_equal(pool_first[2], relu_first[2], err_msg="the values depend on the order")
np.testing.assert_array_equal(pool_first[-1], relu_first[-1], err_msg="the gradients depend on the order")
for layer in (MaxPool2d(2), ReLU(), Flatten()):
    measured = errors(layer, rng.normal(size=(2, 4, 6, 3)))["dx"]
    print(f"{type(layer).__name__:>9}: {measured:.0e}")
    assert measured < 1e-7, f"{type(layer).__name__}.backward differs from differences by {measured:.0e}"

# %%
show_code(ReLU.backward, largest, give_to_largest)

# %% [markdown]
# ReLU uses $y$ where the formula has $x$: $y > 0$ exactly where $x > 0$. Pooling keeps a running maximum over the four pixels of all
# windows at once, and records which pixel **exceeds** it. An equal one does not, so the first of equals stays.
# Backward goes through the four in reverse. The last that exceeded those before is the maximum: it
# takes all that is `left`. In the window $(1, 3, 2, 3)$ only the second exceeds what was before; back, the fourth and third get 0,
# the second $dy$, and the first what is left: 0.
#
# ## Softmax and cross-entropy
#
# The last layer gives every image $n$ a row of $D$ **logits**: $z : (N, D)$, with true labels $t_n$. **Softmax** turns a row
# into probabilities, positive and with the sum 1. The **cross-entropy** is $-\ln$ of the true one, and the loss its mean:
#
# $$p_{nk} = \frac{e^{z_{nk}}}{\sum_j e^{z_{nj}}} \qquad \ell_n = -\ln p_{n t_n} = \ln \sum_j e^{z_{nj}} - z_{n t_n} \qquad L = \frac1N \sum_n \ell_n$$
#
# *The slope*, for one image:
#
# $$\frac{\partial}{\partial z_k} \ln \sum_j e^{z_j} = \frac{1}{\sum_j e^{z_j}} \cdot e^{z_k} = p_k \qquad\qquad \frac{\partial z_t}{\partial z_k} = [k = t]$$
#
# The difference of the two, and $\tfrac1N$ from the mean, with $Y : (N, D)$, $Y_{nk} = [k = t_n]$:
#
# $$\boxed{\; dz = \tfrac1N \,(p - Y) \qquad (N, D) \;}$$
#
# A step against $dz$ lowers each wrong logit in proportion to its probability, and raises the true one by the sum of these.
# This $\tfrac1N$ is the only one: it makes means of the sums over $n$ in $dW$ and $db$.
#
# *Overflow.* float32 ends at $3.4 \cdot 10^{38} = e^{88.7}$; a logit of 89 makes $\infty / \infty$. Let $M = \max_j z_j$, take
# $e^M$ out of the sum, and it cancels from the fraction:
#
# $$\ln \sum_j e^{z_j} = \ln \Big( e^M \sum_j e^{z_j - M} \Big) = M + \ln \sum_j e^{z_j - M} \qquad\qquad p_k = \frac{e^{z_k - M}}{\sum_j e^{z_j - M}}$$
#
# All exponents are now at most 0, and one is 0. The sum lies between 1 and $D$: no overflow, no logarithm of 0.


# %%
def logits_of(true_logits):
    """For the logits (true, 1, 0, -1), the first class true: p (M, 4), losses (M,), dz (M, 4), of M true logits."""
    z = np.array([[one, 1.0, 0.0, -1.0] for one in true_logits])  # (M, 4)
    losses, dz = zip(*(softmax_cross_entropy(row[None], np.array([0])) for row in z), strict=True)
    return softmax(z), np.array(losses), np.concatenate(dz)


wide = np.linspace(-4, 6, 201)
curve = (wide, logits_of(wide)[1])


def show_logits(true_logits):
    draw.slopes_of_logits(true_logits, *logits_of(true_logits), curve)


show_logits([-2.0, 1.0, 4.0])

# %% [markdown]
# The more wrong the network is, the steeper the loss, but never steeper than 1. With a running kernel, move the true logit:

# %%
_ = interact(lambda true_logit: show_logits([true_logit]), true_logit=FloatSlider(value=1.0, min=-4.0, max=6.0, step=0.25))

# %%
rng = np.random.default_rng(0)
z, labels = rng.normal(size=(5, 4)), np.array([2, 0, 0, 3, 1])  # (N, D), (N,)
loss, dz = softmax_cross_entropy(z, labels)
p, Y = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), np.eye(4)[labels]  # (N, D) each
same(loss, -np.log(p[Y == 1]).mean(), err_msg="the loss is not the mean of -ln p of the true class")
steepest = np.abs(logits_of(wide)[2]).max()
assert steepest <= 1, f"the text says that no slope of one image's loss is steeper than 1; one is {steepest:.3f}"
same(dz, (p - Y) / 5, err_msg="dz is not (p - Y)/N")
same(np.log(np.exp(z).sum(axis=1)) - z[Y == 1], -np.log(p[Y == 1]), err_msg="ln of the sum, less z_t, is not -ln p_t")
error = relative_error(numeric_gradient(lambda at: float(softmax_cross_entropy(at, labels)[0]), z), dz)
print(f"dz against differences: {error:.0e};   largest sum of a row: {np.abs(dz.sum(axis=1)).max():.0e}")
assert error < 1e-7, f"dz differs from differences by {error:.0e}"
same(softmax(z + 1000), softmax(z), err_msg="adding one number to all logits of a row should not change p")

# %% [markdown]
# Three ways to compute the loss of the logits $(z, 0)$ in float32, the second class true. It should be $\ln(e^z + 1)$, nearly $z$.
# Subtracting the maximum is not enough: the logarithm fails where $p$ has become 0.

# %%
some_z = np.array([1, 88, 89, 103, 104, 1000], np.float32)
rows = np.stack([some_z, np.zeros_like(some_z)], axis=1)  # (6, 2)
with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
    by_definition = np.exp(rows) / np.exp(rows).sum(axis=1, keepdims=True)  # (6, 2)
    losses = {
        "-log of exp(z) / sum": -np.log(by_definition[:, 1]),
        "-log of p, maximum subtracted": -np.log(softmax(rows)[:, 1]),
        "log-sum-exp (the package)": np.array([softmax_cross_entropy(row[None], np.array([1]))[0] for row in rows]),
    }
for name, values in {"z": some_z, **losses}.items():
    print(f"{name:>30}" + "".join(f"{value:9.2f}" for value in values))
same(np.log(np.finfo(np.float32).max), 88.7, atol=0.05, err_msg="the text says that float32 ends at e^88.7")
assert np.isnan(by_definition[2, 0]), f"the text says that a logit of 89 makes infinity/infinity, not {by_definition[2, 0]}"
same(values, np.logaddexp(some_z.astype(float), 0), rtol=1e-6, err_msg="the package's loss is not ln(e^z + 1)")

# %%
show_code(softmax_cross_entropy)

# %% [markdown]
# Here `z` is already $z - M$, the true logit too: then $M$ cancels from $\ln \sum_j e^{z_j} - z_t$. `onehot` is
# $Y$, and `scale` $\tfrac1N$. `smoothing` is 0 by default; with it, each class gets a share of the target, and $Y$ becomes `q`.
#
# ## The tape
#
# What a layer needs on the way back it returns as a **cache**. The network puts the caches on a **tape**,
# and backward reads the tape from its end.

# %%
show_code(Sequential.forward, Sequential.backward)

# %% [markdown]
# Every gradient is written into *its place* of one vector: all weights, then all biases.
#
# **The whole of LeNet-5 against differences.** One by one, 431,080 parameters take too long. We
# move all at once, along random directions $u$ of length 1, and compare the difference with $\langle \text{gradient}, u \rangle$.
# An error in one entry enters with a random factor, so it shows. The pictures are noise, because on the
# flat background of a digit neighbouring outputs are equal and pooling ties; `require_smooth` refuses points near a kink.

# %%
network = lenet5(np.random.default_rng(0), np.float64)
images, labels = np.random.default_rng(0).normal(size=(2, 1, 28, 28)), np.array([3, 8])
require_smooth(network, images, margin=1e-5)


def loss_at(flat):
    return float(softmax_cross_entropy(network.with_flat(flat).forward(images)[0], labels)[0])


def kinks_at(flat):
    """Which ReLUs are open, and which pixels are largest: where two points differ, a kink lies between them."""
    _, tape = network.with_flat(flat).forward(images)
    caches = dict(zip(network.layers, tape, strict=True))
    open_or_not = [caches[name][0] > 0 for name in ("relu1", "relu2", "relu3")]
    return np.concatenate([part.ravel() for part in (*open_or_not, caches["pool1"][0], caches["pool2"][0])])


logits, tape = network.forward(images)
gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)
without = gradient.copy()
network.layout["conv1.bias"].view(without)[...] = 0  # a mistake in 20 of 431,080 entries

steps, rng = 10.0 ** np.arange(-12, 0.1), np.random.default_rng(1)
right, wrong, kinks = [], [], []  # for three directions
for _ in range(3):
    u = rng.normal(size=network.flat.size)
    u /= np.linalg.norm(u)
    numeric = np.array([directional_derivative(loss_at, network.flat, u, h) for h in steps])
    right.append([relative_error(one, gradient @ u) for one in numeric])
    wrong.append([relative_error(one, without @ u) for one in numeric])
    kinks.append([int(np.sum(kinks_at(network.flat + h * u) != kinks_at(network.flat - h * u))) for h in (1e-5, 1e-2, 1)])
draw.gradient_check(steps, right, wrong)

# %%
errors_at, kinks = np.array(right)[:, np.abs(steps / 1e-5 - 1).argmin()], np.array(kinks)  # (3,), (3, 3)
print(f"errors at h = 1e-5: {', '.join(f'{error:.0e}' for error in errors_at)}")
print("kinks between the two ends, a row for each direction, for h = 1e-5, 1e-2, 1:", *kinks, sep="\n")
assert max(errors_at) < 1e-7, f"the text says that they agree to eight digits; the largest error is {max(errors_at):.0e}"
assert np.min(wrong) > 1e-7, f"the text says that the mistake stands out for every h; its least error is {np.min(wrong):.0e}"
assert kinks[:, 0].max() == 0 < kinks[:, 1].min(), f"the text says that only large steps cross kinks; they cross\n{kinks}"

# %% [markdown]
# Small $h$ suffer from rounding; large ones cross kinks, of ReLU and of pooling, where Taylor's formula
# does not hold. In between, gradient and differences agree to eight digits, and a mistake in 20 of 431,080 entries stands out.
#
# ## What a gradient check cannot see
#
# The check asks one question: is `backward` the derivative of `forward`, at this point, in float64? It does not see
#
# - **a mistake in both**: `forward` computes the wrong loss, and `backward` its derivative. Only numbers computed by hand or by another program help.
# - **a mistake that this input does not reach**: with one image a forgotten $\tfrac1N$ is a factor of 1, square pictures hide exchanged axes, and a
#   weight before a closed ReLU has the slope 0. So use several images, odd sizes, and several points.
# - **the slope at a kink**: at 0 the difference of ReLU is $\frac{\max(h, 0) - \max(-h, 0)}{2h} = \tfrac12$, whatever `backward` returns there.
# - **a small mistake**: along a random direction $u$ of length 1 in $n$ dimensions, an error $\delta$ in one entry changes $\langle \text{gradient}, u \rangle$
#   by $\delta u_i$, and $u_i$ is about $1/\sqrt n$: here 0.0015. The differences are good to about eight digits, so a smaller change
#   is not seen, unless entries are moved one by one.
# - **what float32 does**, in which the network learns: there $e^{100}$ is infinite.
# - **what comes after the gradient**: the sign of the step, the learning rate, the optimiser's state.

# %%
z, t = np.random.default_rng(5).normal(size=(3, 4)), np.array([0, 3, 1])  # (N, classes), (N,)
direction = np.random.default_rng(6).normal(size=z.shape)


def check_of(n, of_loss, of_gradient):
    """The error of a gradient check on the first n images, if loss and gradient are multiplied by these factors."""
    claimed = of_gradient * softmax_cross_entropy(z[:n], t[:n])[1]
    slope = directional_derivative(lambda z: of_loss * softmax_cross_entropy(z, t[:n])[0], z[:n], direction[:n])
    return relative_error(slope, np.sum(claimed * direction[:n]))


in_both, one_image, three_images = check_of(3, 3, 3), check_of(1, 1, 1), check_of(3, 1, 3)
print(f"both are those of the sum: {in_both:.0e}; 1/N forgotten, 1 image: {one_image:.0e}, 3 images: {three_images:.0e}")
slightly_wrong = gradient.copy()
slightly_wrong[1000] += 1e-8 * np.abs(gradient).max()
changed = relative_error(slightly_wrong @ u, gradient @ u)
print(f"one entry of 431,080 slightly wrong changes the product by {changed:.0e}, relative to its size")
change, delta, size = slightly_wrong @ u - gradient @ u, 1e-8 * np.abs(gradient).max(), np.sqrt(np.mean(u**2))
same(change, delta * u[1000], atol=1e-14, err_msg="an error delta in entry i does not change the product by delta u_i")
same(size, 0.0015, atol=5e-5, err_msg="the text says that u_i is about 0.0015")
kink = numeric_gradient(lambda x: np.maximum(x, 0).sum(), np.zeros(1))
same(kink, 0.5, err_msg="the text says that a difference of ReLU at 0 is 1/2")
unseen = max(in_both, one_image, changed)
assert unseen < 1e-7 < three_images, f"the text says that only 3 images show the mistake: {unseen:.0e}, {three_images:.0e}"


# %% [markdown]
# ## How large at the start?
#
# Weights start at random, with mean 0 and variance $s^2$. Follow the mean square of the signal through one layer,
# $y_o = \sum_i W_{oi} h_i$ with $F$ inputs (*fan-in*; for a convolution $F = C R S$). The weights are independent of each
# other and of $h$. So in the mean of the square only equal indices remain ($\mathbb E[h^2]$ is that over all $h_i$):
#
# $$\mathbb E[y_o^2] = \sum_{i, j} \mathbb E[W_{oi} W_{oj}]\, \mathbb E[h_i h_j] = \sum_i s^2\, \mathbb E[h_i^2] = F s^2 \cdot \mathbb E[h^2]$$
#
# Draw the weights symmetrically: then $-y$ is as likely as $y$, and ReLU removes half of the mean square:
# $\mathbb E[\max(y, 0)^2] = \tfrac12 F s^2 \cdot \mathbb E[h^2]$. It stays what it was if
#
# $$\boxed{\; s^2 = \tfrac{2}{F} \;} \qquad \text{(He's initialisation)}$$
#
# With weights $c$ times as large, every layer multiplies the root mean square by $c$, and $k$ layers by $c^k$. The gradient of a layer's
# weight is made of the signal from the layers before and $dy$ from those behind, so it has the factors of all layers but its
# own: about $c^{k-1}$, in LeNet-5 $c^3$. **Check** on 30 layers of 400 units (left), then with LeNet-5: the first gradient (middle), and 60
# steps of learning (right).


# %%
def rms_through(c, layers=30, units=400):
    rng = np.random.default_rng(0)
    h = np.maximum(rng.normal(size=(units, 100)), 0)  # (units, N)
    sizes = [np.sqrt(np.mean(h**2))]
    for _ in range(layers):
        h = np.maximum(c * he_normal((units, units), rng) @ h, 0)
        sizes.append(np.sqrt(np.mean(h**2)))
    return np.array(sizes)


def learn(network, optimizer, lr, steps=60, held_out=None):
    """Steps over batches of 50 digits: losses, the first gradient's length by layer, held-out errors at every tenth step."""
    workspace, losses, lengths, wrong = Workspace(), [], {}, []
    for i in range(steps):
        batch = train[50 * i : 50 * i + 50]
        logits, tape = network.forward(batch.images, workspace=workspace)
        loss, dlogits = softmax_cross_entropy(logits, batch.labels)
        gradient, _ = network.backward(dlogits, tape)
        losses.append(float(loss))
        lengths = lengths or {name: np.linalg.norm(slot.view(gradient)) for name, slot in network.layout.weights.items()}
        optimizer.advance()
        optimizer.update(network.flat, gradient, lr)
        if held_out and i % 10 == 9:
            logits, _ = network.forward(held_out.images, workspace=workspace)
            wrong.append(float(np.mean(logits.argmax(axis=1) != held_out.labels)))
    return losses, lengths, wrong


sizes = {c: rms_through(c) for c in (0.8, 1.0, 1.25)}
networks, losses, lengths = {}, {}, {}
for c in (0.1, 1.0, 10.0):
    networks[c] = network = lenet5(np.random.default_rng(0))
    network.weights[...] *= c
    losses[c], lengths[c], _ = learn(network, SGD(network.flat, momentum=0.9), lr=0.01)
draw.scales(sizes, lengths, losses)

# %%
rng = np.random.default_rng(0)
h, W = np.abs(rng.normal(size=50)), 0.3 * rng.normal(size=(200_000, 50))  # F = 50, s = 0.3
y = W @ h  # (200000,)
said, open_part = 50 * 0.3**2 * np.mean(h**2), np.mean(np.maximum(y, 0) ** 2)
same([np.mean(y**2), open_part], [said, said / 2], rtol=0.02, err_msg="not F s^2 times the mean of h^2, and half of it")
same(np.var(he_normal((400, 20, 5, 5), rng)), 2 / (20 * 5 * 5), rtol=0.02, err_msg="He's variance is not 2/(C R S)")
for c, size in sizes.items():
    growth = (size[-1] / size[0]) ** (1 / 30)
    print(f"{c:4g} x He: a layer multiplies the signal by {growth:.2f}")
    assert abs(growth / c - 1) < 0.02, f"the text says that each layer multiplies the signal by {c}; here by {growth:.2f}"
for c in losses:
    times = np.array(list(lengths[c].values())) / list(lengths[1.0].values())  # (4,)
    end = np.mean(losses[c][-10:])
    print(f"{c:4g} x He: last losses {end:.2f}; first gradient, by layer, times", ", ".join(f"{one:.2g}" for one in times))
    assert np.all((times > c**3 / 2) & (times < 5 * c**3)), f"the text says about {c**3:g} times, not {times}"
    assert (end < 1) == (c == 1), f"the text says that only He's scale learns; at {c:g} x He the last losses are {end:.2f}"
c, network = max(networks.items(), key=lambda item: item[0])
after, _ = network.layers["pool1"].forward(network.layers["conv1"].forward(np.moveaxis(test.images[:100], 0, -1))[0])
print(f"{c:4g} x He, after its steps: of {after.size:,} numbers that reach the first ReLU, {np.sum(after > 0)} are positive")
assert not np.any(after > 0), f"the text says that all of these ReLUs are closed; {np.sum(after > 0)} are open"

# %% [markdown]
# The gradients are about $10^{-3}$ and $10^3$ times as long (not exactly: $dz$ changes too, and the biases do not). If the weights are too
# small, they hardly change in 60 steps. If they are too large, the first steps close every ReLU after conv1, and no gradient comes
# back any more. With He's scale the network learns.
#
# ## From gradient to step
#
# **SGD** goes against the gradient $g$, with momentum $\mu$ also along its earlier steps: $u \leftarrow \mu u + g$,
# $w \leftarrow w - \eta\, u$. **Adam** keeps a running mean of $g$ and one of $g^2$, entry by entry, from $m_0 = s_0 = 0$:
#
# $$m_t = b_1 m_{t-1} + (1 - b_1)\, g_t \qquad s_t = b_2 s_{t-1} + (1 - b_2)\, g_t^2$$
#
# Written out, $m_t = (1 - b_1) \sum_{i=1}^t b_1^{t-i} g_i$. The weights of a mean add up to 1; these add up to
# $(1 - b_1)(1 + b_1 + \ldots + b_1^{t-1}) = 1 - b_1^t$, by the geometric sum. So $m_t$ is too small by this
# factor. Divide by it, and likewise for $s_t$:
#
# $$\hat m_t = \frac{m_t}{1 - b_1^t} \qquad \hat s_t = \frac{s_t}{1 - b_2^t} \qquad w \leftarrow w - \eta\, \frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon}$$
#
# At the first step $\hat m = g$ and $\hat s = g^2$: every weight moves by $\eta \operatorname{sign}(g)$, if $|g|$ is far above $\epsilon = 10^{-8}$. The package multiplies numerator and denominator by $\sqrt{1 - b_2^t}$, so that the
# corrections become one factor:
#
# $$\eta\, \frac{m_t / (1 - b_1^t)}{\sqrt{s_t} / \sqrt{1 - b_2^t} + \epsilon} \;=\; \eta\, \frac{\sqrt{1 - b_2^t}}{1 - b_1^t} \cdot \frac{m_t}{\sqrt{s_t} + \epsilon \sqrt{1 - b_2^t}}$$

# %%
rng = np.random.default_rng(0)
w, m, s = np.zeros(5), np.zeros(5), np.zeros(5)  # each (5,)
adam, by_package, seen = Adam(w), w.copy(), []
sgd, w_sgd, moved, velocity = SGD(w, momentum=0.9), w.copy(), w.copy(), w.copy()  # each (5,)
for t in range(1, 21):
    g = rng.normal(size=5) * 10.0 ** np.arange(-3, 2)  # gradients of very different size
    m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
    w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
    adam.advance()
    adam.update(by_package, g.copy(), lr=0.01)
    velocity = 0.9 * velocity + g
    moved = moved - 0.01 * velocity
    sgd.advance()
    sgd.update(w_sgd, g.copy(), lr=0.01)
    seen.append(g)
    parts = 0.1 * 0.9 ** np.arange(t)[::-1]  # (t,), of g_1, ..., g_t
    same(parts @ seen, m, err_msg="the sum, written out, is not m")
    same(parts.sum(), 1 - 0.9**t, err_msg="the parts of the gradients in m do not add up to 1 - b1^t")
    if t == 1:
        same(w, -0.01 * np.sign(g), rtol=1e-4, err_msg="the first step is not the learning rate times the sign of g")
same(by_package, w, err_msg="the package's Adam differs from the formula")
same(w_sgd, moved, err_msg="the package's SGD differs from the formula")
show_code(Adam.update)

# %% [markdown]
# ## An experiment: learn to read
#
# LeNet-5, Adam, and 6,000 digits, each seen once, in 120 batches. After every tenth step we count the errors
# among 500 held-out digits.

# %%
network = lenet5(np.random.default_rng(0))
losses, _, wrong = learn(network, Adam(network.flat), lr=1e-3, steps=120, held_out=train[-500:])
draw.learning(losses, wrong)

# %%
print(f"held-out error after 10 steps: {wrong[0]:.1%}, after {10 * len(wrong)}: {wrong[-1]:.1%}; by guessing: about 90%")
assert wrong[-1] < 0.1, f"6,000 digits should be enough for fewer than 10 % errors; there are {wrong[-1]:.1%}"

# %% [markdown]
# Each step turned one number into a direction for each of 431,080 parameters. How many of them are needed? See the
# [next chapter](04_proximal_operator.ipynb).
#
# ## Exercises
#
# In [exercises/03_whole_network_gradient.ipynb](exercises/03_whole_network_gradient.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** The linear layer $y = W x + b$, backward. From `dy` $(D_{out}, N)$, `x` $(D_{in}, N)$ and `weight` $(D_{out}, D_{in})$ return
# three arrays: `dx`, `dweight` and `dbias`, with the shapes of $x$, $W$ and $b$, and the dtype of the arguments, which stay as they
# were. No loop, and without `minisgl.nn`.


# %% tags=["ex1"]
def linear_backward(dy, x, weight):
    """dx (D_in, N), dweight (D_out, D_in), dbias (D_out,) of y = weight @ x + bias."""
    # BEGIN SOLUTION: dx, dweight and dbias, in this order
    dx = weight.T @ dy
    dweight = dy @ x.T
    return dx, dweight, dy.sum(axis=1)
    # END SOLUTION


# %% tags=["ex1"]
check("03.linear_backward", linear_backward)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Max-pooling, $2 \times 2$ with stride 2, backward. `dy` is $(C, P, Q, N)$, `x` $(C, 2P, 2Q, N)$; return `dx` of
# `x`'s shape and dtype. At a tie the first of the largest in row-major order gets all. Without `minisgl.nn`. `x[:, r::2, s::2]`, of shape
# $(C, P, Q, N)$, is pixel $(r, s)$ of all windows.


# %% tags=["ex2"]
def max_pool_backward(dy, x):
    """dx (C, 2P, 2Q, N) of y = the largest of every 2 x 2 window of x."""
    # BEGIN SOLUTION: dx, with dy at the first of the largest of each window
    y = np.maximum(np.maximum(x[:, ::2, ::2], x[:, ::2, 1::2]), np.maximum(x[:, 1::2, ::2], x[:, 1::2, 1::2]))
    dx, claimed = np.zeros_like(x), np.zeros(y.shape, bool)
    for r, s in ((0, 0), (0, 1), (1, 0), (1, 1)):
        wins = (x[:, r::2, s::2] == y) & ~claimed
        dx[:, r::2, s::2] = dy * wins
        claimed |= wins
    return dx
    # END SOLUTION


# %% tags=["ex2"]
check("03.max_pool_backward", max_pool_backward)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** The slopes of the mean cross-entropy with respect to the logits: `logits` is $(N, D)$, `labels` $(N,)$, and the
# result $(N, D)$. Logits may be as large as 1000. Without `minisgl.nn`.


# %% tags=["ex3"]
def loss_gradient(logits, labels):
    """dz (N, D) of the mean over n of -log softmax(z[n])[labels[n]]."""
    # BEGIN SOLUTION: dz, finite for logits of 1000 too
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)
    # END SOLUTION


# %% tags=["ex3"]
check("03.loss_gradient", loss_gradient)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** A whole network without biases: linear, ReLU, linear, cross-entropy. Return the slopes of its loss with respect to
# the *first* weight `W1`. Shapes: `x` $(D_0, N)$, `labels` $(N,)$, `W1` $(D_1, D_0)$, `W2` $(D_2, D_1)$. The package's
# `softmax_cross_entropy` gives the loss and $dz$ from $z$ and `labels`, with the images *first* in $z$ and $dz$: $(N, D_2)$.


# %% tags=["ex4"]
def first_weight_gradient(x, labels, W1, W2):
    """dW1 (D_1, D_0) of the mean cross-entropy of W2 max(W1 x, 0)."""
    # BEGIN SOLUTION: dW1, of the shape of W1
    y = W1 @ x
    z = W2 @ np.maximum(y, 0)
    _, dz = softmax_cross_entropy(z.T, labels)
    dh = W2.T @ dz.T
    return (dh * (y > 0)) @ x.T
    # END SOLUTION


# %% tags=["ex4"]
check("03.first_weight_gradient", first_weight_gradient)

# %% [markdown]
# ## Summary
#
# - Backward is the chain rule from right to left: $dx = J^{\mathsf T} dy$, layer by layer, without building a Jacobian.
# - Linear: $dW = dy\, x^{\mathsf T}$, $db = \sum_n dy$, $dx = W^{\mathsf T} dy$. ReLU: $dy$ where $x > 0$. Max-pooling: $dy$ to the
#   first of the largest. The last two commute.
# - Softmax with cross-entropy: $dz = (p - Y)/N$. Subtract the largest logit; take the logarithm of the sum, not of $p$.
# - Central differences check a gradient, in float64, away from kinks. The variance $2/\text{fan-in}$ keeps the size of signals and
#   gradients from layer to layer.
