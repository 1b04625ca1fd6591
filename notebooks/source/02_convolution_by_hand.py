# %% [markdown]
# # 2 Convolution by hand
#
# *Reading: 45 minutes. Exercises: an evening. Needs no other chapter.*
#
# A digit is 784 numbers. A convolution looks at 25 of them at a time, a window of $5 \times 5$ pixels, multiplies each with a weight of its
# own, and adds up. Then the same 25 weights look at the next window, and so on over the whole image.
#
# **What do 25 weights see in a digit, and how do they learn what to look for?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
from time import perf_counter

import matplotlib.pyplot as plt
from ipywidgets import IntSlider, interact
from matplotlib.patches import Rectangle

from minisgl.data import mnist
from minisgl.nn import Conv2d, Workspace, reference, winograd
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.im2col import col2im, every_window, im2col, windows
from minisgl.course.show_code import show_code
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Four filters, made by hand, and what each gives on the first digit of the test set: its **feature map**. Blue is positive, red negative, white 0. The
# weights of each filter add up to 0, so a window of one colour gives 0.


# %%
def layer_of(weight, bias=0.0):
    """minisgl's convolution with this weight (K, C, R, S) and this bias, (K,) or one number."""
    K, C, *kernel = weight.shape
    layer = Conv2d(C, K, tuple(kernel))
    layer.weight, layer.bias = weight, np.zeros(K) + bias
    return layer


def show(axes, array, largest, title=""):
    """A map or a filter (H, W), blue up to `largest`, red down to its negative."""
    axes.imshow(array, cmap="RdBu", vmin=-largest, vmax=largest)
    axes.set(title=title, xticks=[], yticks=[])


edge = np.array([-1, -1, 0, 1, 1]) / 10
stroke = (5 * np.eye(5) - 1) / 20  # 0.2 on the diagonal, -0.05 elsewhere
filters = {
    "ink on the right": np.tile(edge, (5, 1)),
    "ink below": np.tile(edge, (5, 1)).T,
    "a stroke  /": stroke[:, ::-1],
    "a stroke  \\": stroke,
}
weight = np.array(list(filters.values()))[:, None]  # (K, C, R, S) = (4, 1, 5, 5)
digits = mnist.load_test().images.astype(np.float64)  # (10000, 1, 28, 28), ink 1
seven = digits[0][..., None]  # (C, H, W, N) = (1, 28, 28, 1)
maps, _ = layer_of(weight).forward(seven)  # (K, P, Q, N) = (4, 24, 24, 1)
assert maps.shape == (4, 24, 24, 1)
np.testing.assert_allclose(weight.sum(axis=(1, 2, 3)), 0, atol=1e-12)

figure, axes = plt.subplot_mosaic("AABCDE;AAFGHI", figsize=(13, 4.5))
axes["A"].imshow(seven[0, :, :, 0], cmap="gray_r")
axes["A"].set(title="28 x 28 pixels", xticks=[], yticks=[])
for k, name in enumerate(filters):
    show(axes["BCDE"[k]], weight[k, 0], 0.2, name)
    show(axes["FGHI"[k]], maps[k, :, :, 0], 1, "its map, 24 x 24")
plt.show()
largest = dict(zip(filters, maps.max(axis=(1, 2, 3)), strict=True))
print({name: round(float(value), 2) for name, value in largest.items()})
assert largest["a stroke  /"] > 2 * largest["a stroke  \\"]
below = np.unravel_index(maps[1].argmax(), maps[1].shape)
assert below[0] < 8  # the strongest "ink below" is at the bar of the 7, in the upper third
stem = maps[0, 12:, :, 0]  # (12, 24)
assert np.all(stem.argmax(axis=1) < stem.argmin(axis=1))  # blue on the left of the stem, red on its right

# %% [markdown]
# *Ink on the right* is blue along the left edge of the stem, and red along its right edge. *Ink below* answers most to the bar. The stem leans
# like /, so the third filter answers to it, more than twice as strongly as the fourth does to anything.
#
# One point of a map, in slow motion: lay the filter on a window, multiply, add.


# %%
def draw_window(p, q):
    """How the map of the filter "ink on the right" comes by its entry (p, q)."""
    w, window = weight[0, 0], seven[0, p : p + 5, q : q + 5, 0]  # each (5, 5)
    assert np.isclose((w * window).sum(), maps[0, p, q, 0])
    _, axes = plt.subplots(1, 5, figsize=(13, 2.7))
    axes[0].imshow(seven[0, :, :, 0], cmap="gray_r")
    axes[0].add_patch(Rectangle((q - 0.5, p - 0.5), 5, 5, fill=False, edgecolor=V_COLOUR, linewidth=2))
    axes[1].imshow(window, cmap="gray_r", vmin=0, vmax=1)
    for panel, title in ((axes[0], "image"), (axes[1], f"window ({p}, {q})")):
        panel.set(title=title, xticks=[], yticks=[])
    show(axes[2], w, 0.2, "times the filter")
    show(axes[3], w * window, 0.2, "is 25 products")
    show(axes[4], maps[0, :, :, 0], 1, f"their sum: {(w * window).sum():.2f}")
    axes[4].plot(q, p, "o", markersize=7, markerfacecolor="none", markeredgecolor=V_COLOUR, markeredgewidth=2)
    plt.show()


draw_window(14, 13)

# %% [markdown]
# With a running kernel, move the window. (Without one, the row above shows the same.)

# %%
_ = interact(draw_window, p=IntSlider(value=14, min=0, max=23), q=IntSlider(value=13, min=0, max=23))

# %% [markdown]
# ## By hand
#
# An image of $4 \times 4$ and a kernel of $2 \times 2$:
#
# $$x = \begin{pmatrix} 1 & 2 & 0 & 1 \\ 0 & 1 & 3 & 1 \\ 2 & 0 & 1 & 0 \\ 1 & 1 & 0 & 2 \end{pmatrix}
# \qquad w = \begin{pmatrix} 1 & 2 \\ 0 & -1 \end{pmatrix}$$
#
# The kernel fits in three places across and three down. All nine outputs, each from the four pixels under the kernel:
#
# | | $q = 0$ | $q = 1$ | $q = 2$ |
# |---|---|---|---|
# | $p = 0$ | $1{\cdot}1 + 2{\cdot}2 + 0{\cdot}0 - 1{\cdot}1 = \mathbf{4}$ | $1{\cdot}2 + 2{\cdot}0 + 0{\cdot}1 - 1{\cdot}3 = \mathbf{-1}$ | $1{\cdot}0 + 2{\cdot}1 + 0{\cdot}3 - 1{\cdot}1 = \mathbf{1}$ |
# | $p = 1$ | $1{\cdot}0 + 2{\cdot}1 + 0{\cdot}2 - 1{\cdot}0 = \mathbf{2}$ | $1{\cdot}1 + 2{\cdot}3 + 0{\cdot}0 - 1{\cdot}1 = \mathbf{6}$ | $1{\cdot}3 + 2{\cdot}1 + 0{\cdot}1 - 1{\cdot}0 = \mathbf{5}$ |
# | $p = 2$ | $1{\cdot}2 + 2{\cdot}0 + 0{\cdot}1 - 1{\cdot}1 = \mathbf{1}$ | $1{\cdot}0 + 2{\cdot}1 + 0{\cdot}1 - 1{\cdot}0 = \mathbf{2}$ | $1{\cdot}1 + 2{\cdot}0 + 0{\cdot}0 - 1{\cdot}2 = \mathbf{-1}$ |

# %%
x4 = np.array([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]])[None, :, :, None]  # (1, 4, 4, 1)
w2 = np.array([[1.0, 2], [0, -1]])[None, None]  # (1, 1, 2, 2)
y3, _ = layer_of(w2).forward(x4)  # (1, 3, 3, 1)
np.testing.assert_array_equal(y3[0, :, :, 0], [[4, -1, 1], [2, 6, 5], [1, 2, -1]])
print("all nine are right")

# %% [markdown]
# ## Forward, with all indices
#
# A layer has $C$ channels in (1 for a grey image, 20 for the maps of LeNet-5's first layer) and $K$ out, and sees $N$ images at once:
#
# | | shape | |
# |---|---|---|
# | $x$ | $(C, H, W, N)$ | the images, or the maps of the layer before |
# | $w$ | $(K, C, R, S)$ | one kernel for each pair of an output and an input channel |
# | $b$ | $(K)$ | one bias for each output channel |
# | $y$ | $(K, P, Q, N)$ | the maps |
#
# $$\boxed{\; y_{k,p,q,n} \;=\; b_k + \sum_{c=0}^{C-1} \sum_{r=0}^{R-1} \sum_{s=0}^{S-1} w_{k,c,r,s}\; x_{c,\,p+r,\,q+s,\,n} \;}$$
#
# *How many outputs?* The window of row $p$ covers the rows $p, \ldots, p + R - 1$. The last one must lie in the image: $p + R - 1 \le H - 1$. So $p$ goes
# from 0 to $H - R$, which are
#
# $$P = H - R + 1, \qquad Q = W - S + 1$$
#
# values: $28 - 5 + 1 = 24$. With a **stride** $t$ the windows start at $0, t, 2t, \ldots$: put $t p + r$ for $p + r$. From $t p \le H - R$ follows
# $P = \lfloor (H - R)/t \rfloor + 1$. With **padding**, $H$ is the height of the image with its margin of zeros. LeNet-5 has neither.
#
# *Is this a convolution?* In mathematics a convolution has a minus, $\sum_r w_r\, x_{p-r}$, and what stands in the box is called **cross-correlation**.
# Networks say convolution all the same. The difference is a turn of the kernel: put $r' = R - 1 - r$, and
#
# $$\sum_{r=0}^{R-1} w_{R-1-r}\; x_{p+r} \;=\; \sum_{r'=0}^{R-1} w_{r'}\; x_{(p+R-1)-r'}$$
#
# A kernel turned about, correlated, is the kernel convolved (and read off $R - 1$ places later). For weights that are learned it does not matter: the
# network learns the turned kernel. The true convolution will come back on its own, in the gradient.
#
# The box as loops, one number at a time. Slow, and easy to believe; in what follows it is our judge:

# %%
show_code(reference.conv2d)

# %%
np.testing.assert_array_equal(reference.conv2d(x4, w2, np.zeros(1)), y3)
row, kernel = x4[0, 0, :, 0], np.array([1.0, 2, -1])  # (4,), (3,)
correlated = reference.conv2d(row[None, None, :, None], kernel[None, None, None], np.zeros(1)).ravel()  # (2,)
np.testing.assert_array_equal(correlated, np.convolve(row, kernel[::-1], mode="valid"))  # NumPy's is the true convolution
for H, R, t in ((28, 5, 1), (12, 5, 1), (7, 3, 2), (8, 3, 2)):
    P = reference.conv2d(np.zeros((1, H, 1, 1)), np.zeros((1, 1, R, 1)), np.zeros(1), stride=t).shape[1]
    assert (H - R) // t + 1 == P
    print(f"H = {H}, R = {R}, stride {t}: P = {P}")

# %% [markdown]
# ## Backward: who took part?
#
# Behind the layer stands a loss $L$, one number. From the layers above, the layer gets
#
# $$dy_{k,p,q,n} = \frac{\partial L}{\partial y_{k,p,q,n}} \qquad \text{of } y\text{'s shape } (K, P, Q, N)$$
#
# and owes three answers, $db$, $dw$ and $dx$, of the shapes of $b$, $w$ and $x$. Each is the chain rule: a number $\theta$ changes $L$ through every output that it took part in,
#
# $$\frac{\partial L}{\partial \theta} \;=\; \sum_{k,p,q,n} dy_{k,p,q,n}\; \frac{\partial y_{k,p,q,n}}{\partial \theta}$$
#
# **By hand**, in the example above. Its pixel $x_{1,1}$ lies under the kernel in four places:
#
# $$\begin{aligned} y_{0,0} &= \ldots + w_{1,1}\, x_{1,1} & y_{0,1} &= \ldots + w_{1,0}\, x_{1,1} \\ y_{1,0} &= \ldots + w_{0,1}\, x_{1,1} & y_{1,1} &= \ldots + w_{0,0}\, x_{1,1} \end{aligned}$$
#
# The *first* output has it under the *last* weight: seen from the pixel, the kernel is turned by 180 degrees. Now let
#
# $$dy = \begin{pmatrix} 1 & 0 & 2 \\ 0 & -1 & 1 \\ 1 & 0 & 0 \end{pmatrix}$$
#
# - $dx_{1,1} = dy_{0,0}\, w_{1,1} + dy_{0,1}\, w_{1,0} + dy_{1,0}\, w_{0,1} + dy_{1,1}\, w_{0,0} = 1 \cdot (-1) + 0 \cdot 0 + 0 \cdot 2 + (-1) \cdot 1 = -2$
# - $w_{0,0}$ met the first pixel of all nine windows: $dw_{0,0} = 1 \cdot 1 + 0 \cdot 2 + 2 \cdot 0 + 0 \cdot 0 + (-1) \cdot 1 + 1 \cdot 3 + 1 \cdot 2 + 0 \cdot 0 + 0 \cdot 1 = 5$
# - $b$ is in all nine outputs, with the factor 1: $db = 1 + 0 + 2 + 0 - 1 + 1 + 1 + 0 + 0 = 4$

# %%
dy3 = np.array([[1.0, 0, 2], [0, -1, 1], [1, 0, 0]])[None, :, :, None]  # (1, 3, 3, 1)
layer = layer_of(w2)
dx4, grads = layer.backward(dy3, layer.forward(x4)[1])  # dx4 (1, 4, 4, 1)
assert (dx4[0, 1, 1, 0], grads["weight"][0, 0, 0, 0], grads["bias"][0]) == (-2, 5, 4)

# %% [markdown]
# Now for any shapes. To check each formula we take a loss whose slope is plain,
#
# $$L = \tfrac13 \sum_{k,p,q,n} y_{k,p,q,n}^3, \qquad dy_{k,p,q,n} = y_{k,p,q,n}^2,$$
#
# and measure all gradients by **central differences**, believing nothing: $\partial L/\partial\theta \approx \big(L(\theta + h) - L(\theta - h)\big)/2h$, in
# float64, with $h = 10^{-6}$. No array has two axes of one size, so that no axis can be mistaken for another.

# %%
rng = np.random.default_rng(0)
C, H, W, N, K, R, S = 2, 7, 4, 3, 5, 4, 3
P, Q = H - R + 1, W - S + 1  # 4, 2
x, w, b = rng.normal(size=(C, H, W, N)), rng.normal(size=(K, C, R, S)), rng.normal(size=K)


def loss(x, w, b):
    return (layer_of(w, b).forward(x)[0] ** 3).sum() / 3


measured = {
    "db": numeric_gradient(lambda b: loss(x, w, b), b),  # (K,)
    "dw": numeric_gradient(lambda w: loss(x, w, b), w),  # (K, C, R, S)
    "dx": numeric_gradient(lambda x: loss(x, w, b), x),  # (C, H, W, N)
}
dy = reference.conv2d(x, w, b) ** 2  # (K, P, Q, N)


def compare(name, derived):
    error = relative_error(measured[name], derived)
    assert error < 1e-7
    print(f"{name} {derived.shape}: derived and measured differ by {error:.0e}, relative to their sizes")


# %% [markdown]
# **The bias.** $b_k$ stands in $y_{k',p,q,n}$ exactly if $k' = k$, with the factor 1:
#
# $$\frac{\partial y_{k',p,q,n}}{\partial b_k} = [k' = k] \qquad\Longrightarrow\qquad \boxed{\; db_k = \sum_{p,q,n} dy_{k,p,q,n} \;} \qquad (K)$$

# %%
compare("db", np.array([dy[k].sum() for k in range(K)]))

# %% [markdown]
# **The kernel.** In the sum for $y_{k',p,q,n}$ the weight $w_{k,c,r,s}$ stands once if $k' = k$, beside $x_{c,p+r,q+s,n}$, and else not at all:
#
# $$\frac{\partial y_{k',p,q,n}}{\partial w_{k,c,r,s}} = [k' = k]\; x_{c,p+r,q+s,n} \qquad\Longrightarrow\qquad
# \boxed{\; dw_{k,c,r,s} = \sum_{p,q,n} dy_{k,p,q,n}\; x_{c,\,p+r,\,q+s,\,n} \;} \qquad (K, C, R, S)$$
#
# Look at the indices: $p + r$ and $q + s$ again. It is the forward formula, with $dy$ in the place of the kernel: **a correlation of the input with
# the output's gradient**. A "kernel" of $P = H - R + 1$ rows has $H - P + 1 = R$ outputs, as it should. The sum runs over the images $n$, so these take the
# place of the input channels, and the channels $c$ take the place of the images. So the forward loops will do, with turned axes:

# %%
images = x.transpose(3, 1, 2, 0)  # (N, H, W, C): N channels, C images
kernels = dy.transpose(0, 3, 1, 2)  # (K, N, P, Q): N channels
dw = reference.conv2d(images, kernels, np.zeros(K))  # (K, R, S, C)
compare("dw", dw.transpose(0, 3, 1, 2))  # (K, C, R, S)

# %% [markdown]
# **The input.** The pixel $x_{c,i,j,n}$ stands in $y_{k,p,q,n'}$ if $n' = n$ and some $r, s$ have $p + r = i$ and $q + s = j$; then beside $w_{k,c,r,s}$:
#
# $$\frac{\partial y_{k,p,q,n'}}{\partial x_{c,i,j,n}} = [n' = n] \sum_{r,s} [p + r = i]\,[q + s = j]\; w_{k,c,r,s}$$
#
# Sum this over $k, p, q, n'$ with $dy$. The brackets leave one $p$, namely $i - r$, and one $q$, namely $j - s$:
#
# $$\boxed{\; dx_{c,i,j,n} = \sum_{k,r,s} w_{k,c,r,s}\; dy_{k,\,i-r,\,j-s,\,n} \;} \qquad (C, H, W, N)$$
#
# where $dy$ counts as 0 outside: at $i = 0$ only the window 0 has the pixel. Here is the **minus of the true convolution**. As above we make a correlation of
# it by turning the kernel. Put $r = R - 1 - r'$, $s = S - 1 - s'$, and surround $dy$ with $R - 1$ rows and $S - 1$ columns of zeros on each side, so that row $p$ becomes
# row $p + R - 1$, and $i - r$ becomes $i - r + R - 1 = i + r'$:
#
# $$dx_{c,i,j,n} = \sum_{k,r',s'} w_{k,c,\,R-1-r',\,S-1-s'}\;\, \overline{dy}_{k,\,i+r',\,j+s',\,n} \qquad \overline{dy} : (K,\; P + 2(R-1),\; Q + 2(S-1),\; N)$$
#
# It has $P + 2(R-1) - R + 1 = P + R - 1 = H$ rows. **The input's gradient is a full correlation with the kernel turned by 180 degrees, and its two channel
# axes exchanged**: the forward loops, a third time.

# %%
wide = np.pad(dy, ((0, 0), (R - 1, R - 1), (S - 1, S - 1), (0, 0)))  # (K, P+2(R-1), Q+2(S-1), N)
turned = w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]  # (C, K, R, S)
compare("dx", reference.conv2d(wide, turned, np.zeros(C)))

# %% [markdown]
# ## How good is a measured gradient?
#
# The step $h$ must not be large and must not be small. Write down Taylor's sum at $\theta + h$ and at $\theta - h$ (our $L$ is cubic in every number, so it ends
# here) and subtract:
#
# $$L(\theta \pm h) = L \pm h L' + \tfrac{h^2}{2} L'' \pm \tfrac{h^3}{6} L''' \qquad\Longrightarrow\qquad \frac{L(\theta+h) - L(\theta-h)}{2h} = L' + \tfrac{h^2}{6} L'''$$
#
# The one-sided difference keeps $\tfrac{h}{2} L''$ besides: it is worse. On the other side, a computer knows $L$ to a part $\varepsilon = 2.2 \cdot 10^{-16}$ at best, and
# the division by $h$ makes an error of the size $\varepsilon |L|/h$ of it. Both together, $\tfrac{h^2}{6}|L'''| + \varepsilon|L|/h$, are least where the slope over $h$ is zero:
#
# $$\tfrac{h}{3} |L'''| = \frac{\varepsilon |L|}{h^2} \quad\Longleftrightarrow\quad h = \Big( \frac{3\, \varepsilon\, |L|}{|L'''|} \Big)^{1/3}$$

# %%
steps = np.logspace(-12, 0, 25)
units = np.eye(w.size).reshape(-1, *w.shape)  # (120, K, C, R, S): each moves one weight
base, dw = loss(x, w, b), dw.transpose(0, 3, 1, 2)  # a number, and (K, C, R, S)
errors = {"one-sided": [], "central": [], "central, against dw turned by 180 degrees": []}
for h in steps:
    ahead, behind = np.array([[loss(x, w + h * e, b), loss(x, w - h * e, b)] for e in units]).T  # each (120,)
    errors["one-sided"].append(relative_error((ahead - base) / h, dw))
    errors["central"].append(relative_error((ahead - behind) / (2 * h), dw))
    errors["central, against dw turned by 180 degrees"].append(relative_error((ahead - behind) / (2 * h), dw[..., ::-1, ::-1]))

third = 2 * every_window(x**3, (R, S), 1, (P, Q)).sum(axis=(3, 4, 5))  # the third slopes: sums of 2 x^3, (C, R, S) for every k
size, third_size = np.sqrt(np.mean(dw**2)), np.sqrt(np.mean(third**2))
best_h = np.cbrt(3 * 2.2e-16 * abs(base) / third_size)
foretold = (steps**2 / 6 * third_size + 2.2e-16 * abs(base) / steps) / (2 * size)
figure, axes = plt.subplots(figsize=(9, 3.6))
for (name, error), colour in zip(errors.items(), (GREY, W_COLOUR, V_COLOUR), strict=True):
    axes.loglog(steps, error, "o-", color=colour, markersize=4, label=name)
axes.loglog(steps, foretold, "--", color=W_COLOUR, linewidth=1, label=f"foretold, least at h = {best_h:.0e}")
axes.set(title="a right gradient makes a V, a wrong one a plateau", xlabel="step h", ylabel="relative error", ylim=(1e-12, 30))
axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
one_sided, central, wrong = (np.array(error) for error in errors.values())
for h in (1e-12, 1e-8, 1e-6, 1e-5, 1e-2, 1):
    at = np.abs(steps / h - 1).argmin()
    print(f"h = {h:.0e}: one-sided {one_sided[at]:.0e}, central {central[at]:.0e}, against the wrong gradient {wrong[at]:.1f}")
assert np.isclose(central[20] / central[16], 1e4, rtol=0.01)  # h 100 times larger: 10,000 times the error
assert 0.1 < steps[central.argmin()] / best_h < 10
assert central.min() < min(1e-9, 0.01 * one_sided.min())
assert wrong.min() > 0.1

# %% [markdown]
# So in float64, with $h$ near $10^{-5}$, a right gradient agrees to nine digits or more, and about a wrong one there is nothing to discuss, whatever $h$ is.
#
# ## One matrix product instead of seven loops
#
# The three sums over $c, r, s$ are one sum over $C R S$ numbers, and the outputs $p, q, n$ are $P Q N$ times the same task. Write the numbers of each window
# as a column:
#
# $$X_{(c,r,s),\,(p,q,n)} = x_{c,\,p+r,\,q+s,\,n} \qquad X : (C R S,\; P Q N)$$
#
# $$\underset{(K,\; P Q N)}{y} \;=\; \underset{(K,\; C R S)}{w} \;\; \underset{(C R S,\; P Q N)}{X} \;+\; \underset{(K,\; 1)}{b}$$
#
# This is the forward box to the letter. The copying is called **im2col**. Below, an image of $4 \times 4$ in which each pixel has a number of its own, and its columns
# for a kernel of $2 \times 2$. Pixel 5 is in four windows, so it stands there four times.

# %%
pixels = np.arange(16.0).reshape(1, 4, 4, 1)  # (C, H, W, N)
X = im2col(pixels, (2, 2), 1, out=np.empty((1, 2, 2, 3, 3, 1))).reshape(4, 9)  # (CRS, PQN)
assert np.sum(X == 5) == 4

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), width_ratios=[4, 9])
for panel, array in ((left, pixels[0, :, :, 0]), (right, X)):
    panel.imshow(array, cmap="Blues", vmin=-4, vmax=40)
    for (i, j), number in np.ndenumerate(array):
        if number == 5:
            panel.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, color=V_COLOUR))
        panel.text(j, i, f"{number:.0f}", ha="center", va="center")
left.set(title="the image, (4, 4)", xticks=range(4), yticks=range(4), xlabel="column", ylabel="row")
right.set(title="its columns, (CRS, PQN) = (4, 9)", xlabel="window p, q", ylabel="place r, s in it")
right.set(xticks=range(9), xticklabels=[f"{p}, {q}" for p, q in np.ndindex(3, 3)])
right.set(yticks=range(4), yticklabels=[f"{r}, {s}" for r, s in np.ndindex(2, 2)])
plt.show()

# %% [markdown]
# **Backward, from the matrix product.** With $j$ for a row of $X$ and $m$ for a column, $y_{km} = b_k + \sum_j w_{kj} X_{jm}$. Who took part? $w_{kj}$ in $y_{km}$ for every $m$, with the factor
# $X_{jm}$. And $X_{jm}$ in $y_{km}$ for every $k$, with the factor $w_{kj}$:
#
# $$dw_{kj} = \sum_m dy_{km} X_{jm} \quad\Longrightarrow\quad \underset{(K,\; C R S)}{dw} = \underset{(K,\; P Q N)}{dy}\;\; \underset{(P Q N,\; C R S)}{X^{\mathsf T}}$$
#
# $$dX_{jm} = \sum_k w_{kj}\, dy_{km} \quad\Longrightarrow\quad \underset{(C R S,\; P Q N)}{dX} = \underset{(C R S,\; K)}{w^{\mathsf T}}\;\; \underset{(K,\; P Q N)}{dy}$$
#
# **col2im.** Pixel $(i, j)$ was copied to every $(r, s), (p, q)$ with $p + r = i$ and $q + s = j$. All copies changed the loss, so their gradients add up:
#
# $$dx_{c,i,j,n} = \sum_{r,s} dX_{(c,r,s),\,(i-r,\,j-s,\,n)} \qquad (C, H, W, N)$$
#
# where windows that do not exist count as 0. In the picture: $dx$ of pixel 5 is the sum over the four orange fields of $dX$. Put in $dX = w^{\mathsf T} dy$, and it is the box of $dx$ again, with no kernel to turn.
# **Check** of all three, on the arrays from above:

# %%
columns = im2col(x, (R, S), 1, out=np.empty((C, R, S, P, Q, N)))
X, dy2 = columns.reshape(C * R * S, P * Q * N), dy.reshape(K, P * Q * N)  # views: nothing moves
y = w.reshape(K, -1) @ X + b[:, None]  # (K, PQN)
np.testing.assert_allclose(y.reshape(K, P, Q, N), reference.conv2d(x, w, b))
compare("dw", (dy2 @ X.T).reshape(K, C, R, S))
dcolumns = w.reshape(K, -1).T @ dy2  # (CRS, PQN)
compare("dx", col2im(dcolumns.reshape(columns.shape), 1, out=np.empty_like(x)))

# %% [markdown]
# ## The code
#
# minisgl's layer is these three products. First what copies and what adds back, then the layer.

# %%
show_code(windows, every_window, im2col, col2im, Conv2d.forward, Conv2d.backward)

# %% [markdown]
# - `every_window` is $X$ without a copy: one step in $p$ and one step in $r$ both go to the next row, so both axes get the stride of a row. A pixel of two windows is then one
#   number with two indices. The matrix product wants two numbers, so `im2col` copies.
# - `col2im` takes one place $(r, s)$ at a time. Its windows then do not share a pixel, and `+=` sees each pixel once.
# - `cache` carries $X$ from forward to backward. `ws` hands out memory, `out=` says where a result goes. The `einsum` adds up rows, for $db$.
# - **The image index is last**, $(C, H, W, N)$. For one $(c, r, s, p)$ the numbers to copy are $x_{c,\,p+r,\,s \ldots s+Q-1,\,:}$, and these $Q N$ lie side by side in memory. With the image index first, runs of
#   $Q$ do. And $y$ comes out of the product as $(K, P, Q, N)$, which is what the next layer wants: no transpose.
#
# What the runs are worth, at the size of LeNet-5's second convolution and with 64 images:

# %%
last = rng.normal(size=(20, 12, 12, 64)).astype(np.float32)  # (C, H, W, N)
first = np.ascontiguousarray(np.moveaxis(last, -1, 0))  # (N, C, H, W)
view = np.lib.stride_tricks.sliding_window_view(first, (5, 5), axis=(2, 3)).transpose(1, 4, 5, 0, 2, 3)  # (C, R, S, N, P, Q)
out_last, out_first = np.empty((20, 5, 5, 8, 8, 64), np.float32), np.empty((20, 5, 5, 64, 8, 8), np.float32)


def fastest(task, rounds=10):
    """Milliseconds, the least of some rounds."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        task()
        times.append(1000 * (perf_counter() - start))
    return min(times)


time_last, time_first = fastest(lambda: im2col(last, (5, 5), 1, out_last)), fastest(lambda: np.copyto(out_first, view))
np.testing.assert_array_equal(out_last, np.moveaxis(out_first, 3, -1))
print(f"copying all windows: {time_last:.2f} ms with the image index last, {time_first:.2f} ms with it first")

# %% [markdown]
# ## Fewer multiplications
#
# Neighbouring windows share most of their pixels. In one dimension, with a kernel of 3, two outputs take six multiplications, from four inputs:
#
# $$y_0 = w_0 x_0 + w_1 x_1 + w_2 x_2, \qquad y_1 = w_0 x_1 + w_1 x_2 + w_2 x_3$$
#
# **Winograd's idea** is to put powers in the place of indices, because powers add up. Choose $n = 4$ different numbers $p_j$, and look for numbers $B_{jt}$ with
#
# $$\sum_j p_j^{\,s}\, B_{jt} = [s = t] \qquad s, t = 0, \ldots, n - 1$$
#
# They exist: $B$ is the inverse of the matrix of the powers $p_j^{\,s}$. This has one, since a combination of its rows is a polynomial of degree below $n$, taken at $n$ points, and only the zero polynomial is 0 at all of them.
# Now in $y_i = \sum_{r,t} [i + r = t]\, w_r\, x_t$ the bracket, with $s = i + r \le 1 + 2 = n - 1$, falls apart, since $p^{i+r} = p^i\, p^r$:
#
# $$y_i \;=\; \sum_{r,t} w_r\, x_t \sum_j p_j^{\,i}\, p_j^{\,r}\, B_{jt} \;=\; \sum_j p_j^{\,i}\; \underbrace{\Big( \sum_r p_j^{\,r} w_r \Big)}_{\text{the kernel alone}} \;\;
# \underbrace{\Big( \sum_t B_{jt}\, x_t \Big)}_{a_j, \text{ the image alone}}$$
#
# One multiplication for each $j$: **4 instead of 6** (the sums with fixed numbers do not count). In the same way $m$ outputs of a kernel of $R$ take $n = m + R - 1$, because $s = i + r$ goes up to $m + R - 2$.
#
# **By hand.** Take $p = 0, 1, -1$ and "infinity", whose powers $p^s$ are 0 but for the highest, $s = 3$, where it is 1; $p^{i+r} = p^i p^r$ then stays true with the
# highest $i = 1$ and the highest $r = 2$. Multiply the condition for $B$ by $x_t$ and sum over $t$: $\sum_j p_j^{\,s} a_j = x_s$, or
#
# $$a_0 + a_1 + a_2 = x_0, \qquad a_1 - a_2 = x_1, \qquad a_1 + a_2 = x_2, \qquad a_1 - a_2 + a_3 = x_3$$
#
# so $a_1 = \tfrac12 (x_1 + x_2)$, $a_2 = \tfrac12 (x_2 - x_1)$, $a_0 = x_0 - x_2$, $a_3 = x_3 - x_1$. Each meets what its $p$ makes of the kernel, $w_0 + p\, w_1 + p^2 w_2$, for infinity $w_2$ (the halves go to the kernel):
#
# $$m_0 = w_0\,(x_0 - x_2), \quad m_1 = \tfrac{w_0 + w_1 + w_2}{2}\,(x_1 + x_2), \quad m_2 = \tfrac{w_0 - w_1 + w_2}{2}\,(x_2 - x_1), \quad m_3 = w_2\,(x_3 - x_1)$$
#
# $$y_0 = m_0 + m_1 + m_2, \qquad y_1 = m_1 - m_2 + m_3$$
#
# **Check**, and here it is a proof. Both sides are linear in $w$ and linear in $x$, so it is enough that they agree where a single $w_r$ and a single $x_t$ are 1: twelve pairs, without any rounding.


# %%
def two_outputs_of_three(w, x):
    m0, m3 = w[0] * (x[0] - x[2]), w[2] * (x[3] - x[1])
    m1, m2 = (w[0] + w[1] + w[2]) / 2 * (x[1] + x[2]), (w[0] - w[1] + w[2]) / 2 * (x[2] - x[1])
    return m0 + m1 + m2, m1 - m2 + m3


for one_w in np.eye(3):
    for one_x in np.eye(4):
        np.testing.assert_array_equal(two_outputs_of_three(one_w, one_x), np.correlate(one_x, one_w, mode="valid"))

A, G, B = winograd.matrices(5)  # minisgl's, for 4 outputs and a kernel of 5: (4, 8), (8, 5), (8, 8)
one_w, one_x = rng.normal(size=5), rng.normal(size=8)
np.testing.assert_allclose(A @ ((G @ one_w) * (B @ one_x)), np.correlate(one_x, one_w, mode="valid"))
print(f"4 outputs of a kernel of 5: {len(B)} multiplications instead of {4 * 5}")
print(f"4 x 4 outputs of a kernel of 5 x 5: {len(B) ** 2} instead of {4 * 4 * 5 * 5}")

# %% [markdown]
# In two dimensions the trick is used down and across. [minisgl/nn/winograd.py](../minisgl/nn/winograd.py) does so, for LeNet-5's second convolution: 64 multiplications for $4 \times 4$ outputs of a $5 \times 5$ kernel, instead of
# 400. The sums in the brackets are not free. But those of the image are made once for all $K$ output channels, and those of the kernel once for all images. The price is some rounding.
#
# ## An experiment: what it costs
#
# LeNet-5's two convolutions, forward. The multiplications for one image are counted: $K C R S\, P Q$ for the loops, and the same for im2col. For Winograd we count the products of kernel with image,
# $64\, K C$ for each tile of $4 \times 4$ outputs, and not the fixed sums. The time is measured: loops with one image, the others with 64 at once, and divided by 64.

# %%
counts, times = [], []
for C2, K2, H2 in ((1, 20, 28), (20, 50, 12)):
    P2, w5 = H2 - 4, rng.normal(0, 0.1, size=(K2, C2, 5, 5)).astype(np.float32)
    images = rng.random((C2, H2, H2, 64), np.float32)  # (C, H, W, N)
    counts.append([K2 * C2 * 25 * P2**2, K2 * C2 * 25 * P2**2, K2 * C2 * 64 * (P2 // 4) ** 2])
    start = perf_counter()
    slow = reference.conv2d(images[..., :1], w5, np.zeros(K2, np.float32))  # (K, P, Q, 1)
    times.append([1000 * (perf_counter() - start)])
    for layer in (Conv2d(C2, K2, 5, algorithm="im2col"), Conv2d(C2, K2, 5, algorithm="winograd")):
        layer.weight, layer.bias, ws = w5, np.zeros(K2, np.float32), Workspace()
        times[-1].append(fastest(lambda layer=layer, ws=ws, images=images: layer.forward(images, ws)) / 64)
        assert relative_error(layer.forward(images)[0][..., :1], slow) < 1e-5

figure, axes = plt.subplots(1, 2, figsize=(11, 3))
for panel, numbers, title in ((axes[0], counts, "multiplications, one image"), (axes[1], times, "milliseconds, one image")):
    for i, (name, colour) in enumerate((("loops", GREY), ("im2col", W_COLOUR), ("Winograd", V_COLOUR))):
        bars = panel.bar(np.arange(2) + 0.27 * (i - 1), [row[i] for row in numbers], 0.25, color=colour, label=name)
        panel.bar_label(bars, [f"{row[i]:,.0f}" if row[i] > 10 else f"{row[i]:.2g}" for row in numbers], fontsize=8)
    panel.set(title=title, yscale="log", xticks=[0, 1], xticklabels=["conv1: 1 -> 20 channels", "conv2: 20 -> 50 channels"])
    panel.margins(y=0.15)
axes[1].legend()
plt.show()
assert counts[1] == [1_600_000, 1_600_000, 256_000]

# %% [markdown]
# Loops and im2col do the same multiplications; what differs is how many of them a computer does at a time. Winograd's method does fewer, and needs many channels to share its sums. conv1 has a single input channel: minisgl
# uses the method in conv2 only. (The times are of the machine that ran this notebook.)
#
# ## An experiment: a filter is learned
#
# Can the gradient find a filter? Somebody shows us 32 digits and the maps that "ink on the right" makes of them, but not the filter. We start from random weights, without a bias, and with
#
# $$L = \frac{1}{2M} \sum_{p,q,n} (y_{p,q,n} - \text{map}_{p,q,n})^2, \qquad dy = \frac{1}{M} (y - \text{map}), \qquad M = P Q N,$$
#
# step along $-dw$. What will happen can be computed. With the columns $X : (25, M)$ and the filter that we look for, $w^*$, both as rows $(1, 25)$, we have $y - \text{map} = (w - w^*) X$, hence
#
# $$dw = dy\, X^{\mathsf T} = (w - w^*)\, A, \quad A = \tfrac1M X X^{\mathsf T} : (25, 25), \qquad\text{and a step } w \leftarrow w - \eta\, dw \text{ makes of } w - w^* \text{ just } (w - w^*)(I - \eta A)$$
#
# Along an eigenvector of $A$ with the eigenvalue $\mu$, the error is multiplied by $1 - \eta \mu$ at every step. We take $\eta = 1/\mu_{\max}$. Then the pattern with the largest eigenvalue is right after one step, and the others
# follow in their order.

# %%
images = np.ascontiguousarray(np.moveaxis(digits[:32], 0, -1))  # (1, 28, 28, 32)
target = layer_of(weight[:1]).forward(images)[0]  # (1, 24, 24, 32)
X = im2col(images, (5, 5), 1, np.empty((1, 5, 5, 24, 24, 32))).reshape(25, -1)  # (25, M)
mu, patterns = np.linalg.eigh(X @ X.T / X.shape[1])  # (25,), rising, and (25, 25), a column for each

learner, ws = layer_of(np.random.default_rng(0).normal(0, 0.05, size=(1, 1, 5, 5))), Workspace()
losses, seen = [], {}
for step in range(1001):
    y, cache = learner.forward(images, ws)
    difference = y - target  # (1, 24, 24, 32)
    losses.append(np.mean(difference**2) / 2)
    if step in (0, 10, 100, 1000):
        seen[step] = learner.weight[0, 0].copy()
    _, grads = learner.backward(difference / difference.size, cache, input_gradient=False)
    learner.weight -= grads["weight"] / mu[-1]

figure, axes = plt.subplots(1, 8, figsize=(14, 2.3), width_ratios=[1.6] + 7 * [1])
axes[0].loglog(np.arange(1, 1002), losses, color=W_COLOUR)
axes[0].set(title="loss", xlabel="step")
for panel, (step, filter_) in zip(axes[1:], seen.items(), strict=False):
    show(panel, filter_, 0.2, f"after {step} steps" if step else "at random")
show(axes[5], weight[0, 0], 0.2, "the filter")
first, last = (patterns[:, i] * np.sign(patterns[12, i]) for i in (-1, 0))  # each (25,), blue in the middle
show(axes[6], first.reshape(5, 5), 0.35, "learned first")
show(axes[7], last.reshape(5, 5), 0.35, "learned last")
plt.show()
print("largest error of a weight:", {step: round(float(np.abs(w - weight[0, 0]).max()), 3) for step, w in seen.items()})
print(
    f"eigenvalues from {mu[0]:.4f} to {mu[-1]:.2f}: the slowest error has shrunk to {(1 - mu[0] / mu[-1]) ** 1000:.2f} of its size"
)
start, end = (seen[step].ravel() - weight[0, 0].ravel() for step in (0, 1000))  # each (25,)
np.testing.assert_allclose(end @ patterns, (1 - mu / mu[-1]) ** 1000 * (start @ patterns), atol=1e-10)
assert np.all(np.diff(losses) < 0)  # the loss falls at every step
assert seen[10][:, :2].mean() < -0.05 < 0.05 < seen[10][:, 3:].mean()
assert np.all(first > 0) and np.all(last * (-1) ** np.arange(25) > 0)  # noqa: PT018

# %% [markdown]
# After 10 steps the filter knows left from right. The last to be learned is a chessboard: neighbouring pixels of a digit hold nearly the same ink, so a chessboard gives nearly 0 everywhere, and the loss hardly notices it. In a network nobody shows
# the maps: $dy$ comes down from the layers above ([chapter 3](03_whole_network_gradient.ipynb)). And some filters turn out not to be worth their weights ([chapter 8](08_groups.ipynb)).
#
# ## Exercises
#
# To be written in [exercises/02_convolution_by_hand.ipynb](exercises/02_convolution_by_hand.ipynb), where a check below each answer tells you what is wrong.
# Loops are welcome; the check's arrays are small.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write the convolution of one image, stride 1, without padding: `x` of shape (C, H, W), `weight` (K, C, R, S), `bias` (K,), all float64 or all float32. The result has the
# shape (K, P, Q) and the dtype of `x`; you find P and Q. Without minisgl.


# %% tags=["ex1"]
def conv2d(x, weight, bias):
    """y (K, P, Q) of x (C, H, W): y[k, p, q] = bias[k] + sum over c, r, s of weight[k, c, r, s] x[c, p + r, q + s]."""
    # BEGIN SOLUTION: start from the bias; for each place (r, s) of the kernel, add its weights times the part of x under it
    K, _, R, S = weight.shape
    P, Q = x.shape[1] - R + 1, x.shape[2] - S + 1
    y = np.zeros((K, P, Q), x.dtype) + bias[:, None, None]
    for r, s in np.ndindex(R, S):
        y += np.tensordot(weight[:, :, r, s], x[:, r : r + P, s : s + Q], axes=1)  # (K, P, Q) = (K, C) @ (C, P, Q)
    return y
    # END SOLUTION


# %% tags=["ex1"]
check("02.conv2d", conv2d)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** The gradient with respect to the kernel, for N images at once, stride 1: from `dy` (K, P, Q, N) and `x` (C, H, W, N) to an array (K, C, R, S), of the dtype of `x`.
# How large the kernel was, follows from the two shapes.


# %% tags=["ex2"]
def kernel_gradient(dy, x):
    """dweight (K, C, R, S), if the loss changes by the sum of dy * (change of y): dy (K, P, Q, N), x (C, H, W, N)."""
    # BEGIN SOLUTION: find R and S; for each place (r, s), sum dy times the part of x that the place has met, over p, q and n
    (K, P, Q, _), (C, H, W, _) = dy.shape, x.shape
    dweight = np.zeros((K, C, H - P + 1, W - Q + 1), x.dtype)
    for r, s in np.ndindex(*dweight.shape[2:]):
        dweight[:, :, r, s] = np.einsum("kpqn,cpqn->kc", dy, x[:, r : r + P, s : s + Q])
    return dweight
    # END SOLUTION


# %% tags=["ex2"]
check("02.kernel_gradient", kernel_gradient)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** The gradient with respect to the input, for one image, and with a stride $t \ge 1$: now output $(p, q)$ comes from the window that starts at $(t p, t q)$. From `dy` (K, P, Q) and `weight` (K, C, R, S), of one dtype, to
# an array of this dtype and of the shape of the image, (C, t (P - 1) + R, t (Q - 1) + S). Start again from the question who took part.


# %% tags=["ex3"]
def input_gradient(dy, weight, stride):
    """dx (C, stride (P - 1) + R, stride (Q - 1) + S): dy (K, P, Q), weight (K, C, R, S)."""
    # BEGIN SOLUTION: for each place (r, s) of the kernel, add dy, through the weights there, to the pixels which the place has met
    (_, P, Q), (_, C, R, S) = dy.shape, weight.shape
    dx = np.zeros((C, stride * (P - 1) + R, stride * (Q - 1) + S), dy.dtype)
    for r, s in np.ndindex(R, S):
        met = dx[:, r : r + stride * P : stride, s : s + stride * Q : stride]  # a view (C, P, Q)
        met += np.tensordot(weight[:, :, r, s].T, dy, axes=1)  # (C, P, Q) = (C, K) @ (K, P, Q)
    return dx
    # END SOLUTION


# %% tags=["ex3"]
check("02.input_gradient", input_gradient)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** Two outputs of a kernel of two, from three inputs: $y_0 = w_0 x_0 + w_1 x_1$ and $y_1 = w_0 x_1 + w_1 x_2$. Write it with **three multiplications**. The check counts them: a product of two numbers
# counts if both come from `x` and `w`, also when `@` or a sum of `w * x` does it; additions do not count. Either derive it with the three numbers 0, 1 and infinity, or look at what the two outputs have in
# common.


# %% tags=["ex4"]
def two_outputs(x, w):
    """np.array([y_0, y_1]), for x (3,) and w (2,)."""
    # BEGIN SOLUTION: one product that both outputs use, and one more for each of them
    both = (w[0] + w[1]) * x[1]
    return np.array([w[0] * (x[0] - x[1]) + both, both + w[1] * (x[2] - x[1])])
    # END SOLUTION


# %% tags=["ex4"]
check("02.two_outputs", two_outputs)

# %% [markdown]
# ## Summary
#
# - A convolution layer lays the same kernel on every window: $y_{k,p,q,n} = b_k + \sum_{c,r,s} w_{k,c,r,s}\, x_{c,p+r,q+s,n}$, with $P = H - R + 1$. It is a cross-correlation: the kernel is not turned.
# - Backward asks who took part, and with which factor. $db$ is the sum of $dy$; $dw$ a correlation of $x$ with $dy$; $dx$ a true convolution of $dy$ with $w$, the kernel turned.
# - im2col makes all of it three matrix products: $y = wX + b$, $dw = dy\,X^{\mathsf T}$, $dX = w^{\mathsf T} dy$. What was copied several times, col2im adds up.
# - Central differences with $h \approx 10^{-5}$ tell a right gradient from a wrong one.
# - Winograd's method does with 4 multiplications what takes 6, and with 64 what takes 400.
