# %% [markdown]
# # 3 Pooling, ReLU, fully connected, softmax: the whole network's gradient
#
# *Reading: 50 minutes. Exercises: an evening. Needs chapter [2](02_convolution_by_hand.ipynb).*
#
# LeNet-5 looks at a digit, and its last layer gives ten numbers. From these and the true label we compute one number, the loss: how
# surprised the network is by the truth. To learn is to make this number smaller, by moving 431,080 parameters a little.
#
# **How does one number tell each of 431,080 parameters which way to go?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads
from minisgl.nn import softmax_cross_entropy

limit_blas_threads()

# %%
from copy import copy
from functools import partial
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from ipywidgets import FloatSlider, interact

from minisgl.data import mnist
from minisgl.models import lenet5
from minisgl.nn import Flatten, Linear, MaxPool2d, Network, ReLU, Sequential, Workspace, softmax
from minisgl.nn.gradcheck import directional_derivative, numeric_gradient, relative_error, require_smooth
from minisgl.nn.initializers import he_normal
from minisgl.course.show_code import show_code
from minisgl.nn.optimizers import SGD, Adam
from minisgl.nn.pooling import give_to_largest, largest
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True
train, test = mnist.load()

# %% [markdown]
# ## A picture
#
# A digit on its way through a LeNet-5 that has learned nothing yet. Read the **upper row from left to right**: each layer makes new
# numbers from those before, until there is one. Read the **lower row from right to left**: for every number of the upper row it says
# how fast the loss would rise if this number grew. Orange is positive, blue negative, white 0. Of several maps one is shown, and the 500
# numbers of fc1 as 20 rows of 25. In the last two columns, the ten bars are the logits and their slopes, the true digit orange.

# %%
network = lenet5(np.random.default_rng(1))
image, label = train.images[:1], train.labels[:1]  # (1, 1, 28, 28), (1,)
forward, caches = {"image": np.moveaxis(image, 0, -1)}, {}  # (1, 28, 28, 1): the image index goes last
for name, layer in network.layers.items():
    forward[name], caches[name] = layer.forward(list(forward.values())[-1])
loss, dlogits = softmax_cross_entropy(forward["fc2"].T, label)
back = {"fc2": dlogits.T}  # (10, 1)
names = list(forward)
for before, name in reversed(list(pairwise(names))):
    back[before], _ = network.layers[name].backward(back[name], caches[name])
assert all(back[name].shape == forward[name].shape for name in names)

columns = ("image", "conv1", "relu1", "conv2", "relu2", "relu3")
titles = ("image", "conv1", "pool, ReLU", "conv2", "pool, ReLU", "fc1, ReLU")
signed = LinearSegmentedColormap.from_list("signed", [W_COLOUR, "white", V_COLOUR])
figure, axes = plt.subplots(2, 8, figsize=(14, 4.2), width_ratios=[1] * 7 + [0.5])
for is_back, (row, numbers) in enumerate(zip(axes, (forward, back), strict=True)):
    for panel, name, title in zip(row, columns, titles, strict=False):
        values = numbers[name][..., 0]  # of the one image
        loudest = np.abs(back[name]).reshape(len(values), -1).sum(axis=1).argmax()
        picture = values.reshape(20, 25) if values.ndim == 1 else values[loudest]
        size = np.abs(picture).max()
        panel.imshow(picture, cmap=signed, vmin=-size, vmax=size, aspect="auto")
        panel.set(xticks=[], yticks=[], box_aspect=1, title="" if is_back else f"{title}\n{values.shape}".replace(",)", ")"))
    row[6].bar(range(10), numbers["fc2"][:, 0], color=[V_COLOUR if digit == label[0] else GREY for digit in range(10)])
    row[6].axhline(0, color=GREY, linewidth=0.8)
    row[6].set(xticks=range(0, 10, 3), yticks=[], box_aspect=1, title="" if is_back else "fc2: logits\n(10)")
    row[7].text(0.5, 0.5, "1" if is_back else f"{loss:.2f}", ha="center", va="center", transform=row[7].transAxes, fontsize=15)
    row[7].set(title="" if is_back else "loss\n()")
    row[7].axis("off")
    for panel in row[:7]:
        ends = [(1.2, 0.5), (1.03, 0.5)]  # of an arrow
        arrow = {"arrowstyle": "->", "color": GREY}
        panel.annotate("", ends[is_back], ends[1 - is_back], xycoords="axes fraction", arrowprops=arrow, annotation_clip=False)
axes[0, 0].set_ylabel("the numbers")
axes[1, 0].set_ylabel("slopes of the loss")
plt.show()
reached = np.count_nonzero(back["conv1"]) / back["conv1"].size
print(f"{network.flat.size:,} parameters; the digit is a {label[0]}; {reached:.0%} of conv1's outputs get a gradient")
assert reached <= 1 / 4

# %% [markdown]
# Why do most outputs of conv1 hear nothing at all? How do the ten lower bars come about? And where are the parameters? First a network
# that fits on a sheet of paper.
#
# ## By hand
#
# One picture of $2 \times 6$ pixels, max-pooling over $2 \times 2$ windows, ReLU, one linear layer, two classes. The true class is
# the first.
#
# $$x = \left[\begin{array}{rr|rr|rr} 1 & 2 & 1 & -1 & -1 & -3 \\ 0 & -1 & 0 & -2 & -2 & -4 \end{array}\right] \qquad
# W = \begin{bmatrix} 1 & -1 & 2 \\ 0 & 1 & -1 \end{bmatrix} \qquad b = \begin{bmatrix} 0 \\ \ln 3 \end{bmatrix}$$
#
# | forward | | shape |
# |---|---|---|
# | pool: the largest of each window | $m = (2,\ 1,\ -1)$ | (3,) |
# | ReLU: negative becomes 0 | $h = (2,\ 1,\ 0)$ | (3,) |
# | linear: $z = W h + b$ | $z = (1 \cdot 2 - 1 \cdot 1 + 2 \cdot 0 + 0,\;\; 0 \cdot 2 + 1 \cdot 1 - 1 \cdot 0 + \ln 3) = (1,\; 1 + \ln 3)$ | (2,) |
# | softmax: $e^{z} = (e,\ 3e)$, divided by its sum $4e$ | $p = (\tfrac14,\ \tfrac34)$ | (2,) |
# | loss: $-\ln$ of the true class's $p$ | $L = -\ln \tfrac14 = 1.386$ | () |
#
# Now back. Write $dz$ for the slopes $\partial L / \partial z$, which have the shape of $z$, and so for every other array.
#
# | backward | | shape |
# |---|---|---|
# | $dz = p - (1, 0)$; it is derived below | $dz = (-\tfrac34,\ \tfrac34)$ | (2,) |
# | $b_i$ is added to $z_i$ | $db = (-\tfrac34,\ \tfrac34)$ | (2,) |
# | $W_{ij}$ reaches $z_i$ with the factor $h_j$: $dW_{ij} = dz_i\, h_j$ | $dW = \begin{bmatrix} -1.5 & -0.75 & 0 \\ 1.5 & 0.75 & 0 \end{bmatrix}$ | (2, 3) |
# | $h_j$ reaches $z_1$ and $z_2$ with the factors $W_{1j}$, $W_{2j}$; for $h_2$: $-1 \cdot (-\tfrac34) + 1 \cdot \tfrac34$ | $dh = (-0.75,\ 1.5,\ -2.25)$ | (3,) |
# | ReLU: slope 1 where $m > 0$, else 0 | $dm = (-0.75,\ 1.5,\ 0)$ | (3,) |
# | pool: only the winner of a window reaches $m$ | $dx = \begin{bmatrix} 0 & -0.75 & 1.5 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 & 0 \end{bmatrix}$ | (2, 6) |
#
# The same from the package, and, believing neither, from differences: move one number by a millionth up and down, and see what the
# loss does.

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
np.testing.assert_allclose([float(loss), *logits[0]], [np.log(4), 1, 1 + np.log(3)])
np.testing.assert_allclose(gradient, [-1.5, -0.75, 0, 1.5, 0.75, 0, -0.75, 0.75])
np.testing.assert_allclose(dx.reshape(2, 6), [[0, -0.75, 1.5, 0, 0, 0], [0] * 6])
print(f"differences of W and b: error {relative_error(numeric_gradient(lambda f: tiny_loss(f, x), flat), gradient):.0e}")
print(f"differences of x:       error {relative_error(numeric_gradient(lambda at: tiny_loss(flat, at), x), dx):.0e}")
print(f"a step of 0.1 against the gradient: the loss falls from {loss:.3f} to {tiny_loss(flat - 0.1 * gradient, x):.3f}")

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
# The brackets are the algorithm. From the right, every step is a matrix times a *vector*, and leaves the vector $dx$ of one more
# layer. From the left, it would be matrix times matrix. Parameters are inputs of their layer too: with
# $K_{ij} = \partial y_i / \partial w_j$ it is $dw = K^{\mathsf T} dy$.
#
# **Check** on the tiny network, with Jacobians measured column by column; and how large they would be in LeNet-5.


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
np.testing.assert_allclose(product.T @ dlogits[0], dx.ravel(), atol=1e-8)

sizes = {name: (forward[name].size, forward[before].size) for before, name in pairwise(names)}  # (m, n)
print("LeNet-5, for one image:", "; ".join(f"{name} {m:,} x {n:,}" for name, (m, n) in sizes.items()))
print(f"together {sum(m * n for m, n in sizes.values()):,} numbers")

# %% [markdown]
# No layer ever builds its Jacobian. Each only has to know how to **multiply by its transpose**. This is `backward`: $dy$ goes in,
# and $dx$ and $dw$ come out. We now derive it layer by layer. (The convolution had [chapter 2](02_convolution_by_hand.ipynb).)
#
# ## A ruler for slopes
#
# We shall check every layer against **central differences**. How good are they? By Taylor's formula, for a smooth $g$ of one number,
#
# $$g(x \pm h) = g(x) \pm h\, g'(x) + \tfrac{h^2}{2} g''(x) \pm \tfrac{h^3}{6} g'''(x) + \ldots \qquad\Longrightarrow\qquad
# \frac{g(x + h) - g(x - h)}{2h} = g'(x) + \tfrac{h^2}{6} g'''(x) + \ldots$$
#
# The even terms cancel. The smaller $h$, the better, until rounding spoils it: $g$ is known to about $\epsilon |g|$ only, with
# $\epsilon$ about $10^{-16}$ in float64, so the quotient to about $\epsilon |g| / h$. With $G = |g'''|$, the two errors $\tfrac{h^2}{6} G + \epsilon |g| / h$ together
# have the slope $\tfrac{h}{3} G - \epsilon |g| / h^2$, and are least at $h = (3 \epsilon |g| / G)^{1/3}$: about $10^{-5}$ where $|g|$ and $G$ are about 1.
#
# For a layer with many results we measure the slope
# of $\sum_i u_i\, y_i$, with random $u$: its gradient is $J^{\mathsf T} u$, which is what `backward(u)` claims to give.


# %%
def errors(layer, x):
    """How far backward's gradients are from central differences, every entry moved: relative errors by name."""
    y, cache = layer.forward(x)
    u = np.random.default_rng(1).normal(size=y.shape)
    dx, grads = layer.backward(u, cache)

    def g(name, value):
        trial = copy(layer)
        if name != "x":
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
# The shapes leave no choice where the transpose goes. One product forward, two of the same size back: backward is about twice as
# much work as forward.

# %%
rng = np.random.default_rng(0)
linear = Linear(7, 4)
linear.weight, linear.bias = rng.normal(size=(4, 7)), rng.normal(size=4)
measured = errors(linear, rng.normal(size=(7, 3)))
print({name: f"{error:.0e}" for name, error in measured.items()})
assert max(measured.values()) < 1e-7

# %%
show_code(Linear.forward, Linear.backward)

# %% [markdown]
# `einsum("dn->d", dy)` is the sum over $n$. The workspace only lends memory, the same at every step; the cache holds $x$, which $dW$ needs.
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
# slope 1 for the winner, 0 for the others. So $dy$ goes to the winner's place. At a tie there is no slope: raising either of the
# two raises $y$, lowering one does not. We agree that **the first winner in row-major order gets all**. (All that tie, or half
# each? If all, more would come back than went in.)
#
# **They commute.** LeNet-5 is usually written convolution, ReLU, pool. minisgl pools first:
#
# - *Value.* If one entry is at least as large as another, it still is after $\max(\cdot, 0)$. So the winner stays a winner, and the
#   result is $\max(\max_i x_i,\, 0)$ in either order.
# - *Gradient, if $\max_i x_i > 0$.* ReLU leaves the positive entries as they are, and puts all others below them, at 0. So the first winner
#   is the same before and after. It gets $dy$, and ReLU's slope is 1.
# - *Gradient, if $\max_i x_i \le 0$.* Pool first: ReLU's slope at $\max_i x_i \le 0$ is 0. ReLU first: all four are 0, so they tie;
#   the first of them gets $dy$ and then, because its $x \le 0$, ReLU's slope 0. Nothing comes back in either order.
#
# Four windows: a winner, a tie, all negative, and a maximum of exactly 0. Orange: not zero.

# %%
maps = np.array([[5.0, 1, 2, 2], [0, -1, 1, -3], [-2, -1, 0, -4], [-3, -5, -1, -2]]).reshape(1, 4, 4, 1)  # (C, H, W, N)
dy = np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1)


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


figure, axes = plt.subplots(2, 6, figsize=(13, 4.6))
for row, layers, titles in (
    (axes[0], [MaxPool2d(2), ReLU()], ["x", "pool", "ReLU", "dy", "back through ReLU", "back through pool: dx"]),
    (axes[1], [ReLU(), MaxPool2d(2)], ["x", "ReLU", "pool", "dy", "back through pool", "back through ReLU: dx"]),
):
    for panel, title, array in zip(row, titles, through(layers, maps, dy), strict=True):
        side = array.shape[1]
        for (r, s), value in np.ndenumerate(array[0, :, :, 0]):
            style = {"color": V_COLOUR, "weight": "bold"} if value else {"color": GREY}
            panel.text(s + 0.5, r + 0.5, f"{value:g}", ha="center", va="center", **style)
        panel.set(xlim=(0, side), ylim=(side, 0), aspect="equal", title=title, xticks=[], yticks=[])
        for middle in (panel.axhline, panel.axvline):
            middle(side / 2, color=GREY, linewidth=1)
axes[0, 0].set_ylabel("pool, then ReLU")
axes[1, 0].set_ylabel("ReLU, then pool")
plt.show()

# %% [markdown]
# **Check**: maps of small integers, full of ties, give the same to the last bit in either order; on random maps without ties both
# layers agree with differences. At a tie the difference is half of $dy$, the mean of slope 1 on one side and slope 0 on the other. It is
# a kink, and no ruler for slopes measures there.

# %%
rng = np.random.default_rng(0)
many, slopes = rng.integers(-2, 3, (20, 24, 24, 4)).astype(float), rng.normal(size=(20, 12, 12, 4))
pool_first = through([MaxPool2d(2), ReLU()], many, slopes)
relu_first = through([ReLU(), MaxPool2d(2)], many, slopes)
np.testing.assert_array_equal(pool_first[2], relu_first[2])  # the values
np.testing.assert_array_equal(pool_first[-1], relu_first[-1])  # the gradients
print(f"entries for ReLU to look at: {relu_first[1].size:,}, or, after pooling, {pool_first[1].size:,}")
for layer in (MaxPool2d(2), ReLU(), Flatten()):
    measured = errors(layer, rng.normal(size=(2, 4, 6, 3)))
    print(f"{type(layer).__name__:>9}: {measured['dx']:.0e}")
    assert measured["dx"] < 1e-7
tie = np.array([3.0, 3, 0, 0]).reshape(1, 2, 2, 1)
print("a tie:", numeric_gradient(lambda x: MaxPool2d(2).forward(x)[0].sum(), tie).ravel())

# %%
show_code(ReLU.backward, largest, give_to_largest)

# %% [markdown]
# ReLU looks at $y$ where the formula has $x$: $y > 0$ exactly where $x > 0$, and $x$ need not be kept. Pooling keeps a running maximum over the four pixels of all windows at once, each pixel a view of the
# maps, and notes who **overtakes** it. Equal is not
# overtaking, so the first of equals stays. Backward goes through the four in reverse. Whoever overtook last is the maximum: it
# takes all that is `left`, and the earlier ones get 0. For the window $(1, 3, 2, 3)$: the second overtakes the first, nobody else
# overtakes; back, the fourth and third get 0, the second gets $dy$, the first what is left: 0.
#
# ## Softmax and cross-entropy
#
# The last layer gives for every image $n$ a row of $D$ **logits**: $z : (N, D)$, with true labels $t_n$. **Softmax** turns a row
# into probabilities, positive and with the sum 1. The **cross-entropy** is the surprise at the truth, and the loss its mean over
# the images:
#
# $$p_{nk} = \frac{e^{z_{nk}}}{\sum_j e^{z_{nj}}} \qquad \ell_n = -\ln p_{n t_n} = \ln \sum_j e^{z_{nj}} - z_{n t_n} \qquad L = \frac1N \sum_n \ell_n$$
#
# *The slope.* For one image; the $n$ is left out. The logarithm of a sum has the slope
#
# $$\frac{\partial}{\partial z_k} \ln \sum_j e^{z_j} = \frac{1}{\sum_j e^{z_j}} \cdot e^{z_k} = p_k \qquad\qquad \frac{\partial z_t}{\partial z_k} = [k = t]$$
#
# The difference of the two, and $\tfrac1N$ from the mean, with $Y : (N, D)$, $Y_{nk} = [k = t_n]$:
#
# $$\boxed{\; dz = \tfrac1N \,(p - Y) \qquad (N, D) \;}$$
#
# Each wrong logit is pushed down by its probability; the true one is pushed up by what it lacks to 1. A row's pushes add up to
# $1 - 1 = 0$. This $\tfrac1N$ is the only one: the sums over $n$ in $dW$ and $db$ become means by it.
#
# *Overflow.* float32 ends at $3.4 \cdot 10^{38} = e^{88.7}$; a logit of 89 makes $\infty / \infty$. Let $M = \max_j z_j$, take
# $e^M$ out of the sum, and it cancels from the fraction:
#
# $$\ln \sum_j e^{z_j} = \ln \Big( e^M \sum_j e^{z_j - M} \Big) = M + \ln \sum_j e^{z_j - M} \qquad\qquad p_k = \frac{e^{z_k - M}}{\sum_j e^{z_j - M}}$$
#
# Now all exponents are at most 0, and one is 0. The sum lies between 1 and $D$: no overflow, and no logarithm of 0.

# %%
rng = np.random.default_rng(0)
z, labels = rng.normal(size=(5, 4)), np.array([2, 0, 0, 3, 1])  # (N, D), (N,)
loss, dz = softmax_cross_entropy(z, labels)
error = relative_error(numeric_gradient(lambda at: float(softmax_cross_entropy(at, labels)[0]), z), dz)
print(f"dz against differences: {error:.0e};   largest sum of a row: {np.abs(dz.sum(axis=1)).max():.0e}")
assert error < 1e-7
np.testing.assert_allclose(softmax(z + 1000), softmax(z))  # the same number added to a row changes nothing


def draw_pushes(axes, true_logit):
    z = np.array([[true_logit, 1.0, 0.0, -1.0]])  # (1, 4)
    loss, dz = softmax_cross_entropy(z, np.array([0]))
    axes.bar(np.arange(4) - 0.2, softmax(z)[0], width=0.4, color=W_COLOUR, label="p")
    axes.bar(np.arange(4) + 0.2, dz[0], width=0.4, color=V_COLOUR, label="dz = p - Y")
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks(range(4), ["true", "1", "2", "3"])
    axes.set(title=f"true logit {true_logit:g}: loss {loss:.2f}", ylim=(-1.05, 1.05))


def draw_loss(axes, marked):
    true_logits = np.linspace(-4, 6, 201)
    others = np.log(np.exp([1.0, 0.0, -1.0]).sum())
    axes.plot(true_logits, np.logaddexp(true_logits, others) - true_logits, color=GREY)
    for one in marked:
        loss, dz = softmax_cross_entropy(np.array([[one, 1.0, 0.0, -1.0]]), np.array([0]))
        ends = np.array([one - 1, one + 1])
        axes.plot(ends, loss + dz[0, 0] * (ends - one), color=V_COLOUR, linewidth=2)
        axes.plot(one, loss, "o", color=V_COLOUR)
    axes.set(title="loss; its slope is dz[true]", xlabel="true logit")


figure, axes = plt.subplots(1, 4, figsize=(14, 3))
for panel, true_logit in zip(axes, (-2.0, 1.0, 4.0), strict=False):
    draw_pushes(panel, true_logit)
axes[0].legend(loc="lower right")
draw_loss(axes[3], (-2.0, 1.0, 4.0))
plt.show()

# %% [markdown]
# The more wrong the network is, the harder the push, but never harder than 1: far left the loss is nearly a straight line. With a
# running kernel, move the true logit:


# %%
def two_panels(true_logit):
    _, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    draw_pushes(left, true_logit)
    draw_loss(right, [true_logit])
    plt.show()


_ = interact(two_panels, true_logit=FloatSlider(value=1.0, min=-4.0, max=6.0, step=0.25))

# %% [markdown]
# Three ways to compute the loss of the logits $(z, 0)$ in float32, when the second class is true. It should be $\ln(e^z + 1)$, nearly $z$.
# The maximum alone is not enough: who takes the logarithm of $p$ meets a $p$ that has become 0.

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
print(f"{'z':>30}" + "".join(f"{z:9g}" for z in some_z))
for name, values in {"p of the first, exp(z) / sum": by_definition[:, 0], **losses}.items():
    print(f"{name:>30}" + "".join(f"{value:9.2f}" for value in values))
np.testing.assert_allclose(losses["log-sum-exp (the package)"], np.logaddexp(some_z.astype(float), 0), rtol=1e-6)

# %%
show_code(softmax_cross_entropy)

# %% [markdown]
# Here `z` is already $z - M$, the true logit too: then $M$ cancels from $\ln \sum_j e^{z_j} - z_t$, and nobody has to add it again. `onehot` is
# $Y$, and `scale` $\tfrac1N$. `smoothing` is 0 unless one asks for it; with it, each class gets a share of the target, and $Y$ becomes `q`.
#
# ## The tape
#
# What a layer needs on the way back (its input, its winners) it leaves in a **cache**. The network lays the caches on a **tape**,
# and backward reads the tape from its end. Nothing else is remembered, and no layer knows its neighbours: this is all of the chain
# rule.

# %%
show_code(Sequential.forward, Sequential.backward)

# %% [markdown]
# Every gradient is written into *its place* of one vector with the shape of `flat`: all weights, then all biases. The first layer does
# not compute $dx$: nobody is before it.
#
# **The whole of LeNet-5 against differences.** To move each parameter by itself takes two forward passes for each of 431,080. Instead we
# move all at once, along random directions $u$ of length 1, and compare the difference with $\langle \text{gradient}, u \rangle$. An error
# in one entry enters with another factor each time, so it cannot hide, unless it is small. The pictures are noise, in float64, because on the flat background of a
# digit neighbouring outputs are equal and pooling ties; `require_smooth` refuses points near a kink.

# %%
network = lenet5(np.random.default_rng(0), np.float64)
images, labels = np.random.default_rng(0).normal(size=(2, 1, 28, 28)), np.array([3, 8])
require_smooth(network, images, margin=1e-5)
workspace = Workspace()  # memory that is used again and again


def loss_at(flat):
    return float(softmax_cross_entropy(network.with_flat(flat).forward(images, workspace=workspace)[0], labels)[0])


def kinks_at(flat):
    """Which ReLUs are open, and who overtakes in the pooling: where two points differ, a kink lies between them."""
    _, tape = network.with_flat(flat).forward(images)
    caches = dict(zip(network.layers, tape, strict=True))
    open_or_not = [caches[name][0] > 0 for name in ("relu1", "relu2", "relu3")]
    return np.concatenate([part.ravel() for part in (*open_or_not, caches["pool1"][0], caches["pool2"][0])])


logits, tape = network.forward(images)
gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)
without = gradient.copy()
network.layout["conv1.bias"].view(without)[...] = 0  # a mistake in 20 of 431,080 entries

steps, rng = 10.0 ** np.arange(-12, 0.1), np.random.default_rng(1)
figure, axes = plt.subplots(figsize=(12, 3.4))
for i in range(3):
    u = rng.normal(size=network.flat.size)
    u /= np.linalg.norm(u)
    numeric = np.array([directional_derivative(loss_at, network.flat, u, h) for h in steps])
    found = np.array([relative_error(one, gradient @ u) for one in numeric])
    planted = [relative_error(one, without @ u) for one in numeric]
    axes.loglog(steps, found, "o-", color=W_COLOUR, markersize=4, label=None if i else "the gradient, along three directions")
    axes.loglog(steps, planted, "-", color=V_COLOUR, linewidth=1, label=None if i else "conv1's bias forgotten")
    kinks = [int(np.sum(kinks_at(network.flat + h * u) != kinks_at(network.flat - h * u))) for h in (1e-5, 1e-2, 1)]
    print(f"error at h = 1e-5: {found[7]:.0e};   kinks between the two ends for h = 1e-5, 1e-2, 1: {kinks}")
    assert kinks[0] == 0 < kinks[1]
    assert found[7] < 1e-7 < min(planted)
rounding = steps[:8]
axes.loglog(rounding, 1e-16 / rounding, "--", color=GREY, label="rounding: 1/h")
axes.set(title="backward against differences: LeNet-5, all parameters", xlabel="h", ylabel="relative error", ylim=(1e-12, 10))
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# With small $h$ there is rounding, as foretold. With large $h$ a step crosses kinks, of ReLU and of pooling, where Taylor's formula
# does not hold. In between, gradient and differences agree to eight digits, and a mistake in 20 of 431,080 entries stands out.
#
# ## What a gradient check cannot see
#
# The check asks one question: is `backward` the derivative of `forward`, at this point, in float64? So there is much that it does not see.
#
# - **A mistake in both.** If `forward` computes the wrong loss, and `backward` its derivative, they agree. Only numbers from elsewhere help: computed by
#   hand, or by another program.
# - **A mistake that this input does not reach.** With one image a forgotten $\tfrac1N$ is a factor of 1. Square pictures hide exchanged axes, and a
#   weight behind a shut ReLU has the slope 0, right or wrong. So check with two images or more, odd sizes, and several points.
# - **The slope at a kink.** At 0 the difference of ReLU is $\frac{\max(h, 0) - \max(-h, 0)}{2h} = \tfrac12$ for every $h$, whatever `backward` has chosen
#   there.
# - **A small mistake.** Along a random direction $u$ of length 1 in $n$ dimensions, an error $\delta$ in one entry changes $\langle \text{gradient}, u \rangle$
#   by $\delta u_i$, and $u_i$ is about $1/\sqrt n$: here 0.0015. The differences themselves are good to about eight digits. What changes less than that
#   is not seen; if all entries are moved one by one, it is.
# - **What happens in float32**, in which the network learns: $e^{100}$ is a number in float64, and infinity in float32.
# - **All that comes after the gradient**: the sign of the step, the learning rate, the optimiser's memory.

# %%
z, t = np.random.default_rng(5).normal(size=(3, 4)), np.array([0, 3, 1])  # (N, classes), (N,)
u = np.random.default_rng(6).normal(size=z.shape)


def mean_loss(z):
    return float(softmax_cross_entropy(z, t[: len(z)])[0])


def sum_loss(z):  # not what we want
    return len(z) * mean_loss(z)


def sum_gradient(z):  # its derivative: the factor 1/N is missing
    return len(z) * softmax_cross_entropy(z, t[: len(z)])[1]


def error(f, gradient, z):
    return relative_error(directional_derivative(f, z, u[: len(z)]), np.sum(gradient(z) * u[: len(z)]))


for name, found in {
    "both are those of the sum": error(sum_loss, sum_gradient, z),
    "1/N forgotten in backward, 1 image": error(mean_loss, sum_gradient, z[:1]),
    "1/N forgotten in backward, 3 images": error(mean_loss, sum_gradient, z),
}.items():
    print(f"{name:>36}: error {found:.0e}")
    assert (found < 1e-7) == ("3 images" not in name)

assert all((max(h, 0) - max(-h, 0)) / (2 * h) == 0.5 for h in (1e-1, 1e-5, 1e-9))
u = np.random.default_rng(1).normal(size=network.flat.size)
u /= np.linalg.norm(u)
slightly_wrong = gradient.copy()
slightly_wrong[1000] += 1e-8 * np.abs(gradient).max()
changed = relative_error(slightly_wrong @ u, gradient @ u)
print(f"{'one entry of 431,080 slightly wrong':>36}: changes the product by {changed:.0e}")
assert 0.5 < np.sqrt(network.flat.size) * np.sqrt(np.mean(u**2)) < 2
assert changed < 1e-8
with np.errstate(over="ignore"):
    assert np.isinf(np.exp(np.float32(100)))
assert np.isfinite(np.exp(np.float64(100)))

# %% [markdown]
# ## How large at the start?
#
# Weights start at random, with mean 0 and variance $s^2$. How large should $s$ be? Follow the mean square of the signal through one
# layer, $y_o = \sum_i W_{oi} h_i$ with $F$ inputs (*fan-in*; for a convolution $F = C R S$). The weights are independent of each
# other and of $h$. So in the square of the sum only equal indices survive the mean ($\mathbb E[h^2]$ is that over all $h_i$):
#
# $$\mathbb E[y_o^2] = \sum_{i, j} \mathbb E[W_{oi} W_{oj}]\, \mathbb E[h_i h_j] = \sum_i s^2\, \mathbb E[h_i^2] = F s^2 \cdot \mathbb E[h^2]$$
#
# Draw the weights symmetrically: $-W$ is as likely as $W$, and so $-y$ as $y$. ReLU drops one of the two, with half of the mean square:
# $\mathbb E[\max(y, 0)^2] = \tfrac12 F s^2 \cdot \mathbb E[h^2]$. It stays what it was if
#
# $$\boxed{\; s^2 = \tfrac{2}{F} \;} \qquad \text{(He's initialisation)}$$
#
# With weights $c$ times as large, every layer multiplies the root mean square by $c$, and $k$ layers by $c^k$. The gradient of one layer's
# weight is made of the signal from the layers before and of $dy$ from the layers behind, so it has the factors of all layers but its
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


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
for c, colour in ((0.8, W_COLOUR), (1.0, V_COLOUR), (1.25, GREY)):
    sizes = rms_through(c)
    left.semilogy(sizes, color=colour, label=f"{c:g} x He")
    growth = (sizes[-1] / sizes[0]) ** (1 / 30)
    print(f"{c:4g} x He: a layer multiplies the signal by {growth:.2f}")
    assert abs(growth / c - 1) < 0.02
first_lengths = {}
for c, colour, style in ((0.1, W_COLOUR, "s-"), (1.0, V_COLOUR, "o-"), (10.0, GREY, "^--")):
    network = lenet5(np.random.default_rng(0))
    network.weights[...] *= c
    losses, lengths, _ = learn(network, SGD(network.flat, momentum=0.9), lr=0.01)
    first_lengths[c] = np.array(list(lengths.values()))
    middle.semilogy(list(lengths), first_lengths[c], style, color=colour, label=f"{c:g} x He")
    right.semilogy(losses, style[1:], color=colour, label=f"{c:g} x He")
    print(f"{c:4g} x He: mean loss of the last 10 steps {np.mean(losses[-10:]):.2f}")
    assert (np.mean(losses[-10:]) < 1) == (c == 1)
for c in (0.1, 10.0):
    times = first_lengths[c] / first_lengths[1.0]  # (4,)
    print(f"{c:4g} x He: the first gradient, by layer, times", ", ".join(f"{one:.2g}" for one in times))
    assert np.all((times > c**3 / 2) & (times < 5 * c**3))
after, _ = network.layers["pool1"].forward(network.layers["conv1"].forward(np.moveaxis(test.images[:100], 0, -1))[0])
print(f"  10 x He, after its steps: of {after.size:,} numbers that reach the first ReLU, {np.sum(after > 0)} are positive")
assert not np.any(after > 0)
left.set(title="size of the signal in 30 layers", xlabel="layer")
middle.set(title="LeNet-5: length of the first gradient")
right.axhline(np.log(10), color=GREY, linestyle=":", linewidth=1)
right.set(title="LeNet-5: loss (dotted: ln 10, guessing)", xlabel="step of SGD")
left.legend()
right.legend()  # of the middle too
plt.show()

# %% [markdown]
# The gradients are about $10^{-3}$ and $10^3$ times as long. (Not exactly: $dz$ changes too, and the biases are as they were.) Too small,
# and in 60 steps the gradient moves next to nothing. Too large, and the first steps throw the weights so far that every ReLU after conv1 is shut:
# nothing goes through, no gradient comes back, and it stays so. With He's scale the network learns.
#
# ## From gradient to step
#
# **SGD** goes against the gradient, and with momentum $\mu$ remembers its way: $u \leftarrow \mu u + g$,
# $w \leftarrow w - \eta\, u$. **Adam** keeps a running mean of $g$ and one of $g^2$, entry by entry, from $m_0 = s_0 = 0$:
#
# $$m_t = b_1 m_{t-1} + (1 - b_1)\, g_t \qquad s_t = b_2 s_{t-1} + (1 - b_2)\, g_t^2$$
#
# Written out, $m_t = (1 - b_1) \sum_{i=1}^t b_1^{t-i} g_i$. Were these weights those of a mean, they would add up to 1; but the
# geometric sum gives $(1 - b_1)(1 + b_1 + \ldots + b_1^{t-1}) = 1 - b_1^t$. The zero at the start makes $m_t$ too small by this
# factor. Divide it out, and likewise for $s_t$:
#
# $$\hat m_t = \frac{m_t}{1 - b_1^t} \qquad \hat s_t = \frac{s_t}{1 - b_2^t} \qquad w \leftarrow w - \eta\, \frac{\hat m_t}{\sqrt{\hat s_t} + \epsilon}$$
#
# At the first step $\hat m = g$ and $\hat s = g^2$: every weight moves by $\eta \operatorname{sign}(g)$, however large or small its
# gradient is, as long as $|g|$ is far above $\epsilon = 10^{-8}$. The package multiplies the fraction above and below by $\sqrt{1 - b_2^t}$, so that the corrections become
# one factor and $m_t$, $s_t$ stay as they are:
#
# $$\eta\, \frac{m_t / (1 - b_1^t)}{\sqrt{s_t} / \sqrt{1 - b_2^t} + \epsilon} \;=\; \eta\, \frac{\sqrt{1 - b_2^t}}{1 - b_1^t} \cdot \frac{m_t}{\sqrt{s_t} + \epsilon \sqrt{1 - b_2^t}}$$

# %%
rng = np.random.default_rng(0)
w, m, s = np.zeros(5), np.zeros(5), np.zeros(5)  # each (5,)
adam, by_package = Adam(w), w.copy()
for t in range(1, 21):
    g = rng.normal(size=5) * 10.0 ** np.arange(-3, 2)  # gradients of very different size
    m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
    w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
    adam.advance()
    adam.update(by_package, g.copy(), lr=0.01)
    if t == 1:
        np.testing.assert_allclose(w, -0.01 * np.sign(g), rtol=1e-4)
np.testing.assert_allclose(by_package, w)
show_code(Adam.update)

# %% [markdown]
# ## An experiment: learn to read
#
# All together: LeNet-5, Adam, and 6,000 real digits, each seen once, in 120 batches. After every tenth step we count the errors
# among 500 held-out digits, from the end of the training set.

# %%
network = lenet5(np.random.default_rng(0))
held_out = train[-500:]
losses, _, wrong = learn(network, Adam(network.flat), lr=1e-3, steps=120, held_out=held_out)
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.2))
left.plot(np.arange(1, 121), losses, color=W_COLOUR, linewidth=1)
left.axhline(np.log(10), color=GREY, linestyle=":", linewidth=1)
left.set(title="loss of the batch (dotted: ln 10, guessing)", xlabel="step")
right.plot(np.arange(10, 121, 10), 100 * np.array(wrong), "o-", color=V_COLOUR)
right.set(title="held-out error, percent", xlabel="step", ylim=(0, None))
plt.show()
print(f"held-out error after 10 steps: {wrong[0]:.1%}, after 120: {wrong[-1]:.1%};  by guessing it would be about 90%")
assert wrong[-1] < 0.1

# %% [markdown]
# Each step asked one number, the loss of 50 digits, and told 431,080 parameters their way. How many of them were needed? This is
# where the [next chapter](04_proximal_operator.ipynb) begins.
#
# ## Exercises
#
# To be written in [exercises/03_whole_network_gradient.ipynb](exercises/03_whole_network_gradient.ipynb), where a check below each
# answer tells you what is wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** The linear layer $y = W x + b$, backward. From `dy` $(D_{out}, N)$, `x` $(D_{in}, N)$ and `weight` $(D_{out}, D_{in})$ return
# three arrays: `dx`, `dweight` and `dbias`, with the shapes of $x$, $W$ and $b$, and the dtype of the arguments, which stay as they
# were. No loop, and without `minisgl.nn`.


# %% tags=["ex1"]
def linear_backward(dy, x, weight):
    """dx (D_in, N), dweight (D_out, D_in), dbias (D_out,) of y = weight @ x + bias."""
    # BEGIN SOLUTION: who reaches y, and with what factor? let the shapes guide you, and return all three
    dx = weight.T @ dy
    dweight = dy @ x.T
    return dx, dweight, dy.sum(axis=1)
    # END SOLUTION


# %% tags=["ex1"]
check("03.linear_backward", linear_backward)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** Max-pooling, $2 \times 2$ with stride 2, backward. `dy` is $(C, P, Q, N)$, `x` $(C, 2P, 2Q, N)$; return `dx` of
# `x`'s shape and dtype. At a tie the first winner in row-major order gets all. Without `minisgl.nn`. Hint: `x[:, r::2, s::2]` is pixel $(r, s)$ of all windows at
# once, of shape $(C, P, Q, N)$.


# %% tags=["ex2"]
def max_pool_backward(dy, x):
    """dx (C, 2P, 2Q, N) of y = the largest of every 2 x 2 window of x."""
    # BEGIN SOLUTION: go through the four pixels in row-major order; who equals the maximum, and has nobody claimed it yet?
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
    # BEGIN SOLUTION: probabilities that cannot overflow; then what the derivation does with them
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
    # BEGIN SOLUTION: forward, keeping what you need; then back, one layer at a time
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
# - Backward is the chain rule from right to left: $dx = J^{\mathsf T} dy$, layer by layer, a vector at every place, and no Jacobian
#   ever built.
# - Linear: $dW = dy\, x^{\mathsf T}$, $db = \sum_n dy$, $dx = W^{\mathsf T} dy$. ReLU: $dy$ where $x > 0$. Max-pooling: $dy$ to the
#   first winner. The last two commute, so pool first.
# - Softmax with cross-entropy: $dz = (p - Y)/N$. Subtract the largest logit, and take the logarithm of the sum, not of $p$.
# - Central differences tell right from wrong, in float64, away from kinks. Variance $2/\text{fan-in}$ keeps signals and gradients alive.
