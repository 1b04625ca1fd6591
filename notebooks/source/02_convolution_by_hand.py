# %% [markdown]
# # 2 Convolution by hand
#
# *Reading: 35 minutes, and 5 for the optional parts. Exercises: an evening. Needs no other chapter.*
#
# A digit is 784 numbers. A convolution takes 25 of them, a window of $5 \times 5$ pixels, multiplies each by a weight of its
# own, and adds up. It does so for every window of the image, with the same weights.
#
# **What do 25 weights see in a digit, and how do they learn what to look for?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
from time import perf_counter
from timeit import repeat

import matplotlib.pyplot as plt
from drawings import chapter_02 as draw
from ipywidgets import IntSlider, interact

from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.nn import Conv2d, Workspace, reference, winograd
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.im2col import col2im, every_window, im2col, windows

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# Four filters, made by hand, and what each gives on the first digit of the test set: its **feature map**. Blue is positive, red negative, white 0. The
# weights of each filter add up to 0, so a window of one colour gives 0.

# %%
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
maps = reference.conv2d(seven, weight, np.zeros(len(filters)))  # (K, P, Q, N) = (4, 24, 24, 1); explained below
draw.filters_and_maps(seven[0, :, :, 0], filters, maps[..., 0])

# %%
largest = dict(zip(filters, maps.max(axis=(1, 2, 3)), strict=True))
print({name: round(float(value), 2) for name, value in largest.items()})
assert np.abs(weight.sum(axis=(1, 2, 3))).max() < 1e-12, "the text says that the weights of each filter add up to 0"
times = largest["a stroke  /"] / largest["a stroke  \\"]
assert times > 2, f"the text says that the third map's largest number is more than twice the fourth's; it is {times:.2f} times"
row = maps[1].max(axis=(1, 2)).argmax()
assert row < 8, f'the text says that "ink below" is strongest at the bar of the 7; here it is in row {row}'
stem = maps[0, 12:, :, 0]  # (12, 24)
assert np.all(stem.argmax(axis=1) < stem.argmin(axis=1)), "the text says blue left of the stem, and red right of it"

# %% [markdown]
# *Ink on the right* is blue along the left edge of the stem, and red along its right edge. *Ink below* is strongest at the bar. The stem leans
# like /, so the largest number of the third map is more than twice that of the fourth.
#
# One number of a map: lay the filter on a window, multiply, add.


# %%
def draw_window(p, q):
    draw.one_window(seven[0, :, :, 0], weight[0, 0], maps[0, :, :, 0], p, q)


draw_window(14, 13)

# %% [markdown]
# With a running kernel, move the window:

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
# All nine outputs, each from the four pixels under the kernel:
#
# | | $q = 0$ | $q = 1$ | $q = 2$ |
# |---|---|---|---|
# | $p = 0$ | $1{\cdot}1 + 2{\cdot}2 + 0{\cdot}0 - 1{\cdot}1 = \mathbf{4}$ | $1{\cdot}2 + 2{\cdot}0 + 0{\cdot}1 - 1{\cdot}3 = \mathbf{-1}$ | $1{\cdot}0 + 2{\cdot}1 + 0{\cdot}3 - 1{\cdot}1 = \mathbf{1}$ |
# | $p = 1$ | $1{\cdot}0 + 2{\cdot}1 + 0{\cdot}2 - 1{\cdot}0 = \mathbf{2}$ | $1{\cdot}1 + 2{\cdot}3 + 0{\cdot}0 - 1{\cdot}1 = \mathbf{6}$ | $1{\cdot}3 + 2{\cdot}1 + 0{\cdot}1 - 1{\cdot}0 = \mathbf{5}$ |
# | $p = 2$ | $1{\cdot}2 + 2{\cdot}0 + 0{\cdot}1 - 1{\cdot}1 = \mathbf{1}$ | $1{\cdot}0 + 2{\cdot}1 + 0{\cdot}1 - 1{\cdot}0 = \mathbf{2}$ | $1{\cdot}1 + 2{\cdot}0 + 0{\cdot}0 - 1{\cdot}2 = \mathbf{-1}$ |


# %%
def layer_of(weight, bias=0.0):
    """minisgl's convolution with this weight (K, C, R, S) and this bias, (K,) or one number."""
    K, C, *kernel = weight.shape
    layer = Conv2d(C, K, tuple(kernel))
    layer.weight, layer.bias = weight, np.zeros(K) + bias
    return layer


x4 = np.array([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 0, 1, 0], [1, 1, 0, 2]])[None, :, :, None]  # (1, 4, 4, 1)
w2 = np.array([[1.0, 2], [0, -1]])[None, None]  # (1, 1, 2, 2)
y3, _ = layer_of(w2).forward(x4)  # (1, 3, 3, 1)
np.testing.assert_array_equal(y3[0, :, :, 0], [[4, -1, 1], [2, 6, 5], [1, 2, -1]], err_msg="not the numbers of the table")
print("all nine are right")

# %% [markdown]
# ## Forward, with all indices
#
# A layer has $C$ channels in (1 for a grey image) and $K$ out, and gets $N$ images at once:
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
# from 0 to $H - R$, and
#
# $$P = H - R + 1, \qquad Q = W - S + 1$$
#
# With a **stride** $t$ the windows start at $0, t, 2t, \ldots$: put $t p + r$ for $p + r$. From $t p \le H - R$ follows
# $P = \lfloor (H - R)/t \rfloor + 1$. With **padding**, $H$ is the height of the image with its margin of zeros. LeNet-5 has neither.
#
# *Is this a convolution?* In mathematics a convolution has a minus, $\sum_r w_r\, x_{p-r}$, and the sum in the box is a **cross-correlation**.
# For networks it is called a convolution all the same. The difference is a turned kernel: put $r' = R - 1 - r$, and
#
# $$\sum_{r=0}^{R-1} w_{R-1-r}\; x_{p+r} \;=\; \sum_{r'=0}^{R-1} w_{r'}\; x_{(p+R-1)-r'}$$
#
# The correlation with a turned kernel is the convolution with the kernel, $R - 1$ places later. For learned weights it does not matter: the
# network learns the turned kernel. The true convolution will appear in the gradient.
#
# The box as loops; we compare everything else with them:

# %%
show_code(reference.conv2d)

# %%
same, close = np.testing.assert_array_equal, np.testing.assert_allclose
same(reference.conv2d(x4, w2, np.zeros(1)), y3, err_msg="the loops and the layer differ")
row, kernel = x4[0, 0, :, 0], np.array([1.0, 2, -1])  # (4,), (3,)
correlated = reference.conv2d(row[None, None, :, None], kernel[None, None, None], np.zeros(1)).ravel()  # (2,)
convolved = np.convolve(row, kernel[::-1], mode="valid")  # NumPy's is the true convolution
same(correlated, convolved, err_msg="correlation is not convolution with the turned kernel")
for H, R, t, margin in ((28, 5, 1, 0), (12, 5, 1, 0), (7, 3, 2, 0), (8, 3, 2, 0), (9, 3, 2, 1)):  # H with the margin of zeros
    image = np.zeros((1, H - 2 * margin, 1, 1))
    P = reference.conv2d(image, np.zeros((1, 1, R, 1)), np.zeros(1), stride=t, padding=margin).shape[1]
    print(f"H = {H}, R = {R}, stride {t}: P = {P}")
    assert (H - R) // t + 1 == P, f"by the formula P is {(H - R) // t + 1}, and by the loops {P}"

# %% [markdown]
# ## Backward: who took part?
#
# Let $L$ be the loss, one number. From the layers after it, the layer gets
#
# $$dy_{k,p,q,n} = \frac{\partial L}{\partial y_{k,p,q,n}} \qquad \text{of } y\text{'s shape } (K, P, Q, N)$$
#
# and returns $db$, $dw$ and $dx$, of the shapes of $b$, $w$ and $x$. Each is the chain rule: a number $\theta$ changes $L$ through every output that it took part in,
#
# $$\frac{\partial L}{\partial \theta} \;=\; \sum_{k,p,q,n} dy_{k,p,q,n}\; \frac{\partial y_{k,p,q,n}}{\partial \theta}$$
#
# **By hand**, in the example above. Its pixel $x_{1,1}$ lies under the kernel in four places:
#
# $$\begin{aligned} y_{0,0} &= \ldots + w_{1,1}\, x_{1,1} & y_{0,1} &= \ldots + w_{1,0}\, x_{1,1} \\ y_{1,0} &= \ldots + w_{0,1}\, x_{1,1} & y_{1,1} &= \ldots + w_{0,0}\, x_{1,1} \end{aligned}$$
#
# The *first* output multiplies it by the *last* weight: seen from the pixel, the kernel is turned by 180 degrees. Now let
#
# $$dy = \begin{pmatrix} 1 & 0 & 2 \\ 0 & -1 & 1 \\ 1 & 0 & 0 \end{pmatrix}$$
#
# - $dx_{1,1} = dy_{0,0}\, w_{1,1} + dy_{0,1}\, w_{1,0} + dy_{1,0}\, w_{0,1} + dy_{1,1}\, w_{0,0} = 1{\cdot}(-1) + 0{\cdot}0 + 0{\cdot}2 + (-1){\cdot}1 = -2$
# - $w_{0,0}$ multiplied the first pixel of all nine windows: $dw_{0,0} = 1{\cdot}1 + 0{\cdot}2 + 2{\cdot}0 + 0{\cdot}0 + (-1){\cdot}1 + 1{\cdot}3 + 1{\cdot}2 + 0{\cdot}0 + 0{\cdot}1 = 5$
# - $b$ is in all nine outputs, with the factor 1: $db = 1 + 0 + 2 + 0 - 1 + 1 + 1 + 0 + 0 = 4$

# %%
dy3 = np.array([[1.0, 0, 2], [0, -1, 1], [1, 0, 0]])[None, :, :, None]  # (1, 3, 3, 1)
layer = layer_of(w2)
dx4, grads = layer.backward(dy3, layer.forward(x4)[1])  # dx4 (1, 4, 4, 1)
by_package = [dx4[0, 1, 1, 0], grads["weight"][0, 0, 0, 0], grads["bias"][0]]
same(by_package, [-2, 5, 4], err_msg="dx, dw, db differ from those by hand")
print("all three are right")

# %% [markdown]
# Now for any shapes. To check each formula we take a loss with a simple slope,
#
# $$L = \tfrac13 \sum_{k,p,q,n} y_{k,p,q,n}^3, \qquad dy_{k,p,q,n} = y_{k,p,q,n}^2,$$
#
# and measure all gradients by **central differences**, $\partial L/\partial\theta \approx \big(L(\theta + h) - L(\theta - h)\big)/2h$, in
# float64, with $h = 10^{-6}$. No array has two axes of one size, so that exchanged axes are noticed.

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
    print(f"{name} {derived.shape}: derived and measured differ by {error:.0e}, relative to their sizes")
    assert error < 1e-7, f"the formula for {name} does not agree with differences: the relative error is {error:.0e}"


# %% [markdown]
# **The bias.** $b_k$ appears in $y_{k',p,q,n}$ exactly if $k' = k$, with the factor 1:
#
# $$\frac{\partial y_{k',p,q,n}}{\partial b_k} = [k' = k] \qquad\Longrightarrow\qquad \boxed{\; db_k = \sum_{p,q,n} dy_{k,p,q,n} \;} \qquad (K)$$

# %%
compare("db", np.array([dy[k].sum() for k in range(K)]))

# %% [markdown]
# **The kernel.** In the sum for $y_{k',p,q,n}$ the weight $w_{k,c,r,s}$ appears once if $k' = k$, with the factor $x_{c,p+r,q+s,n}$, otherwise not:
#
# $$\frac{\partial y_{k',p,q,n}}{\partial w_{k,c,r,s}} = [k' = k]\; x_{c,p+r,q+s,n} \qquad\Longrightarrow\qquad
# \boxed{\; dw_{k,c,r,s} = \sum_{p,q,n} dy_{k,p,q,n}\; x_{c,\,p+r,\,q+s,\,n} \;} \qquad (K, C, R, S)$$
#
# With $p + r$ and $q + s$ again, it is the forward formula, with $dy$ in the place of the kernel: **a correlation of the input with
# the output's gradient**. A "kernel" of $P = H - R + 1$ rows has $H - P + 1 = R$ outputs, as it should. The sum runs over the images, so these take the
# place of the input channels, and the channels that of the images. The forward loops compute it:

# %%
images = x.transpose(3, 1, 2, 0)  # (N, H, W, C): N channels, C images
kernels = dy.transpose(0, 3, 1, 2)  # (K, N, P, Q): N channels
dw = reference.conv2d(images, kernels, np.zeros(K))  # (K, R, S, C)
compare("dw", dw.transpose(0, 3, 1, 2))  # (K, C, R, S)

# %% [markdown]
# **The input.** The pixel $x_{c,i,j,n}$ appears in $y_{k,p,q,n'}$ if $n' = n$ and some $r, s$ have $p + r = i$ and $q + s = j$; its factor is $w_{k,c,r,s}$:
#
# $$\frac{\partial y_{k,p,q,n'}}{\partial x_{c,i,j,n}} = [n' = n] \sum_{r,s} [p + r = i]\,[q + s = j]\; w_{k,c,r,s}$$
#
# Multiply by $dy$ and sum over $k, p, q, n'$. The brackets leave only $p = i - r$ and $q = j - s$:
#
# $$\boxed{\; dx_{c,i,j,n} = \sum_{k,r,s} w_{k,c,r,s}\; dy_{k,\,i-r,\,j-s,\,n} \;} \qquad (C, H, W, N)$$
#
# where $dy$ counts as 0 outside. Here is the **minus of the true convolution**. As above, a turned kernel makes it a
# correlation. Put $r = R - 1 - r'$, $s = S - 1 - s'$, and surround $dy$ with $R - 1$ rows and $S - 1$ columns of zeros on each side, so that row $p$ becomes
# row $p + R - 1$, and $i - r$ becomes $i - r + R - 1 = i + r'$:
#
# $$dx_{c,i,j,n} = \sum_{k,r',s'} w_{k,c,\,R-1-r',\,S-1-s'}\;\, \overline{dy}_{k,\,i+r',\,j+s',\,n} \qquad \overline{dy} : (K,\; P + 2(R-1),\; Q + 2(S-1),\; N)$$
#
# It has $P + 2(R-1) - R + 1 = P + R - 1 = H$ rows. **The input's gradient is a full correlation with the kernel turned by 180 degrees, and its two channel
# axes exchanged**:

# %%
wide = np.pad(dy, ((0, 0), (R - 1, R - 1), (S - 1, S - 1), (0, 0)))  # (K, P+2(R-1), Q+2(S-1), N)
turned = w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]  # (C, K, R, S)
compare("dx", reference.conv2d(wide, turned, np.zeros(C)))

# %% [markdown]
# ## How good is a measured gradient?
#
# The step $h$ must be neither large nor small. By Taylor's formula, for a smooth $L$ of one number $\theta$ (for ours it ends here, because $L$ is cubic in every number),
#
# $$L(\theta \pm h) = L \pm h L' + \tfrac{h^2}{2} L'' \pm \tfrac{h^3}{6} L''' + \ldots \qquad\Longrightarrow\qquad \frac{L(\theta+h) - L(\theta-h)}{2h} = L' + \tfrac{h^2}{6} L''' + \ldots$$
#
# The even terms cancel. A one-sided difference, $(L(\theta+h) - L)/h$, keeps $\tfrac{h}{2} L''$: it is worse. But a computer knows $L$ at best to a part $\varepsilon = 2.2 \cdot 10^{-16}$, and
# the division by $h$ makes this an error of about $\varepsilon |L|/h$. The two errors together, $\tfrac{h^2}{6}|L'''| + \varepsilon|L|/h$, are least where their slope over $h$ is zero:
#
# $$\tfrac{h}{3} |L'''| = \frac{\varepsilon |L|}{h^2} \quad\Longleftrightarrow\quad h = \Big( \frac{3\, \varepsilon\, |L|}{|L'''|} \Big)^{1/3}$$
#
# This is about $10^{-5}$ if $|L|$ and $|L'''|$ are about equal.

# %%
steps = np.logspace(-12, 0, 25)
units = np.eye(w.size).reshape(-1, *w.shape)  # (120, K, C, R, S): each moves one weight
base, dw = loss(x, w, b), dw.transpose(0, 3, 1, 2)  # a number, and (K, C, R, S)
one_sided, central, wrong = [], [], []
for h in steps:
    ahead, behind = np.array([[loss(x, w + h * e, b), loss(x, w - h * e, b)] for e in units]).T  # each (120,)
    one_sided.append(relative_error((ahead - base) / h, dw))
    central.append(relative_error((ahead - behind) / (2 * h), dw))
    wrong.append(relative_error((ahead - behind) / (2 * h), dw[..., ::-1, ::-1]))

third = 2 * every_window(x**3, (R, S), 1, (P, Q)).sum(axis=(3, 4, 5))  # the third slopes: sums of 2 x^3, (C, R, S) for every k
size, third_size = np.sqrt(np.mean(dw**2)), np.sqrt(np.mean(third**2))
best_h = np.cbrt(3 * 2.2e-16 * abs(base) / third_size)
predicted = (steps**2 / 6 * third_size + 2.2e-16 * abs(base) / steps) / (2 * size)
errors = {"one-sided": one_sided, "central": central, "central, against dw turned by 180 degrees": wrong}
draw.errors_over_h(steps, errors, predicted, best_h)

# %%
places = {h: np.abs(np.log(steps / h)).argmin() for h in (1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-2, 1)}
for h, i in places.items():
    print(f"h = {h:.0e}: one-sided {one_sided[i]:.0e}, central {central[i]:.0e}, against the wrong gradient {wrong[i]:.1f}")
times = central[places[1e-2]] / central[places[1e-4]]
assert np.isclose(times, 1e4, rtol=0.01), f"from 1e-4 to 1e-2 h^2 grows 10,000 times, but the error {times:.0f} times"
y, x2 = reference.conv2d(x, w, b), every_window(x**2, (R, S), 1, (P, Q))  # (K, P, Q, N), (C, R, S, P, Q, N)
second = 2 * np.einsum("kpqn,crspqn->kcrs", y, x2)  # the second slopes
cubic = (ahead - behind).reshape(w.shape) / 2 - dw  # (K, C, R, S); ahead and behind are those of the last h, 1
close(cubic, third / 6 + 0 * dw, atol=1e-9, err_msg="a central difference should be L' + h^2/6 L'''")
one = (ahead - base).reshape(w.shape) - dw  # (K, C, R, S)
close(one, second / 2 + third / 6, atol=1e-9, err_msg="a one-sided difference should be L' + h/2 L'' + h^2/6 L'''")
many_h = best_h * np.logspace(-1, 1, 2001)
lowest = many_h[(many_h**2 / 6 * third_size + 2.2e-16 * abs(base) / many_h).argmin()]
assert abs(lowest / best_h - 1) < 0.01, f"the two errors together are least at h = {lowest:.2e}, not at {best_h:.2e}"
same(np.cbrt(3 * 2.2e-16).round(5), 1e-5, err_msg="the text says that the best h is about 1e-5 for equal |L| and |L'''|")
found_h = steps[np.argmin(central)]
assert 0.1 < found_h / best_h < 10, f"the formula gives h = {best_h:.0e}, and the least error is at {found_h:.0e}"
assert min(central) < 1e-9, f"the text says that they agree to nine digits; the least error is {min(central):.0e}"
assert min(central) < 0.01 * min(one_sided), "the text says that one-sided differences are worse"
assert min(wrong) > 0.1, f"the text says that no h makes the wrong gradient look right; one gives {min(wrong):.0e}"

# %% [markdown]
# In float64, with $h$ near $10^{-5}$, a right gradient agrees to nine digits or more, and a wrong one to none, whatever $h$ is.
#
# ## One matrix product instead of seven loops
#
# The three sums over $c, r, s$ are one sum over $C R S$ numbers. Write the numbers of each of the $P Q N$ windows as a column:
#
# $$X_{(c,r,s),\,(p,q,n)} = x_{c,\,p+r,\,q+s,\,n} \qquad X : (C R S,\; P Q N)$$
#
# $$\underset{(K,\; P Q N)}{y} \;=\; \underset{(K,\; C R S)}{w} \;\; \underset{(C R S,\; P Q N)}{X} \;+\; \underset{(K,\; 1)}{b}$$
#
# This is the forward box. The copying is called **im2col**. Below, an image of $4 \times 4$ with numbered pixels, and its columns
# for a kernel of $2 \times 2$. Pixel 5, framed in orange, is in four windows, so it appears four times.

# %%
pixels = np.arange(16.0).reshape(1, 4, 4, 1)  # (C, H, W, N)
X = im2col(pixels, (2, 2), 1, out=np.empty((1, 2, 2, 3, 3, 1))).reshape(4, 9)  # (CRS, PQN)
draw.columns(pixels[0, :, :, 0], X, kernel=(2, 2), marked=5)

# %% [markdown]
# **Backward, from the matrix product.** With $j$ for a row of $X$ and $m$ for a column, $y_{km} = b_k + \sum_j w_{kj} X_{jm}$. Here $w_{kj}$ takes part in $y_{km}$ for every $m$, with the factor
# $X_{jm}$, and $X_{jm}$ for every $k$, with the factor $w_{kj}$:
#
# $$dw_{kj} = \sum_m dy_{km} X_{jm} \quad\Longrightarrow\quad \underset{(K,\; C R S)}{dw} = \underset{(K,\; P Q N)}{dy}\;\; \underset{(P Q N,\; C R S)}{X^{\mathsf T}}$$
#
# $$dX_{jm} = \sum_k w_{kj}\, dy_{km} \quad\Longrightarrow\quad \underset{(C R S,\; P Q N)}{dX} = \underset{(C R S,\; K)}{w^{\mathsf T}}\;\; \underset{(K,\; P Q N)}{dy}$$
#
# **col2im.** Pixel $(i, j)$ was copied to every $(r, s), (p, q)$ with $p + r = i$ and $q + s = j$. All copies changed the loss, so their gradients add up:
#
# $$dx_{c,i,j,n} = \sum_{r,s} dX_{(c,r,s),\,(i-r,\,j-s,\,n)} \qquad (C, H, W, N)$$
#
# where windows that do not exist count as 0. In the picture: $dx$ of pixel 5 is the sum over the four orange places of $dX$. With $dX = w^{\mathsf T} dy$ it is the box of $dx$ again.
# **Check** of all three:

# %%
same(np.sum(X == 5), 4, err_msg="the text says that pixel 5 appears four times")
columns = im2col(x, (R, S), 1, out=np.empty((C, R, S, P, Q, N)))
X, dy2 = columns.reshape(C * R * S, P * Q * N), dy.reshape(K, P * Q * N)  # views: nothing moves
y = w.reshape(K, -1) @ X + b[:, None]  # (K, PQN)
close(y.reshape(K, P, Q, N), reference.conv2d(x, w, b), err_msg="the matrix product and the loops differ")
compare("dw", (dy2 @ X.T).reshape(K, C, R, S))
dcolumns = w.reshape(K, -1).T @ dy2  # (CRS, PQN)
compare("dx", col2im(dcolumns.reshape(columns.shape), 1, out=np.empty_like(x)))

# %% [markdown]
# ## The code
#
# minisgl's layer is these three products.

# %%
show_code(windows, every_window, im2col, col2im, Conv2d.forward, Conv2d.backward)

# %% [markdown]
# - `every_window` is $X$ without a copy: one step in $p$ and one step in $r$ both go to the next row, so both axes get the stride of a row. A matrix product needs
#   an array without such overlaps, so `im2col` copies.
# - `col2im` takes one place $(r, s)$ at a time. The windows then do not share a pixel there, and `+=` sees each pixel once.
# - `cache` carries $X$ from forward to backward. `ws` provides memory. The `einsum` adds up rows, for $db$.
# - **The image index is last**, $(C, H, W, N)$. For one $(c, r, s, p)$ the numbers to copy are $x_{c,\,p+r,\,s \ldots s+Q-1,\,:}$, and these $Q N$ lie side by side in memory; with the image index first, only
#   $Q$ do. And $y$ is $(K, P, Q, N)$, as the next layer needs it.
#
# How much faster that is, at the size of LeNet-5's second convolution with 64 images:

# %%
last = rng.normal(size=(20, 12, 12, 64)).astype(np.float32)  # (C, H, W, N)
first = np.ascontiguousarray(np.moveaxis(last, -1, 0))  # (N, C, H, W)
view = np.lib.stride_tricks.sliding_window_view(first, (5, 5), axis=(2, 3)).transpose(1, 4, 5, 0, 2, 3)  # (C, R, S, N, P, Q)
out_last, out_first = np.empty((20, 5, 5, 8, 8, 64), np.float32), np.empty((20, 5, 5, 64, 8, 8), np.float32)


def fastest(task):
    """Milliseconds, the least of ten rounds."""
    return 1000 * min(repeat(task, number=1, repeat=10))


time_last, time_first = fastest(lambda: im2col(last, (5, 5), 1, out_last)), fastest(lambda: np.copyto(out_first, view))
same(out_last, np.moveaxis(out_first, 3, -1), err_msg="the two orders give different windows")
print(f"copying all windows: {time_last:.2f} ms with the image index last, {time_first:.2f} ms with it first")

# %% [markdown]
# ## Fewer multiplications (optional)
#
# In one dimension, with a kernel of 3, two outputs take six multiplications, from four inputs:
#
# $$y_0 = w_0 x_0 + w_1 x_1 + w_2 x_2, \qquad y_1 = w_0 x_1 + w_1 x_2 + w_2 x_3$$
#
# **Winograd's idea** is to put powers in the place of indices, because $p^{i+r} = p^i\, p^r$. Choose $n = 4$ different numbers $p_j$, and look for numbers $B_{jt}$ with
#
# $$\sum_j p_j^{\,s}\, B_{jt} = [s = t] \qquad s, t = 0, \ldots, n - 1$$
#
# $B$ is the inverse of the matrix of the powers $p_j^{\,s}$. It exists: a combination of that matrix's rows is a polynomial of degree below $n$ at $n$ points, and only the zero polynomial is 0 at all of them.
# Now the bracket in $y_i = \sum_{r,t} [i + r = t]\, w_r\, x_t$, with $s = i + r \le 1 + 2 = n - 1$, becomes a sum of products:
#
# $$y_i \;=\; \sum_{r,t} w_r\, x_t \sum_j p_j^{\,i}\, p_j^{\,r}\, B_{jt} \;=\; \sum_j p_j^{\,i}\; \underbrace{\Big( \sum_r p_j^{\,r} w_r \Big)}_{\text{the kernel alone}} \;\;
# \underbrace{\Big( \sum_t B_{jt}\, x_t \Big)}_{a_j, \text{ the image alone}}$$
#
# One multiplication for each $j$: **4 instead of 6**, if the sums with fixed numbers do not count. In the same way $m$ outputs of a kernel of $R$ take $n = m + R - 1$, because $s = i + r$ goes up to $m + R - 2$.
#
# **By hand.** Take $p = 0, 1, -1$ and "infinity", whose powers $p^s$ are 0 but for the highest, $s = 3$, where it is 1; $p^{i+r} = p^i p^r$ then stays true with the
# highest $i = 1$ and the highest $r = 2$. Multiply the condition for $B$ by $x_t$ and sum over $t$: $\sum_j p_j^{\,s} a_j = x_s$, or
#
# $$a_0 + a_1 + a_2 = x_0, \qquad a_1 - a_2 = x_1, \qquad a_1 + a_2 = x_2, \qquad a_1 - a_2 + a_3 = x_3$$
#
# so $a_1 = \tfrac12 (x_1 + x_2)$, $a_2 = \tfrac12 (x_2 - x_1)$, $a_0 = x_0 - x_2$, $a_3 = x_3 - x_1$. Each is multiplied by $w_0 + p\, w_1 + p^2 w_2$, for infinity by $w_2$ (the halves go to the kernel):
#
# $$m_0 = w_0\,(x_0 - x_2), \quad m_1 = \tfrac{w_0 + w_1 + w_2}{2}\,(x_1 + x_2), \quad m_2 = \tfrac{w_0 - w_1 + w_2}{2}\,(x_2 - x_1), \quad m_3 = w_2\,(x_3 - x_1)$$
#
# $$y_0 = m_0 + m_1 + m_2, \qquad y_1 = m_1 - m_2 + m_3$$
#
# **Check**, here a proof: both sides are linear in $w$ and in $x$, so it is enough that they agree where a single $w_r$ and a single $x_t$ are 1, in twelve cases.


# %%
def two_outputs_of_three(w, x):
    m0, m3 = w[0] * (x[0] - x[2]), w[2] * (x[3] - x[1])
    m1, m2 = (w[0] + w[1] + w[2]) / 2 * (x[1] + x[2]), (w[0] - w[1] + w[2]) / 2 * (x[2] - x[1])
    return m0 + m1 + m2, m1 - m2 + m3


for one_w in np.eye(3):
    for one_x in np.eye(4):
        right = np.correlate(one_x, one_w, mode="valid")  # (2,)
        same(two_outputs_of_three(one_w, one_x), right, err_msg=f"wrong for w = {one_w}, x = {one_x}")

one_w, one_x = np.array([2.0, -1, 3]), np.array([1.0, 4, -2, 0.5])
right = np.correlate(one_x, one_w, mode="valid")  # (2,)
powers = np.vander([0.0, 1, -1, 2], increasing=True).T  # (4, 4), p_j^s
two = (powers[:2] * (one_w @ powers[:3])) @ (np.linalg.inv(powers) @ one_x)  # (2,)
close(two, right, err_msg="the sum of four products does not give the two outputs")
with_infinity = np.array([[1, 1, 1, 0], [0, 1, -1, 0], [0, 1, 1, 0], [0, 1, -1, 1]])
a_by_hand = [one_x[0] - one_x[2], (one_x[1] + one_x[2]) / 2, (one_x[2] - one_x[1]) / 2, one_x[3] - one_x[1]]
close(with_infinity @ a_by_hand, one_x, err_msg="the numbers a do not solve the four equations")

A, G, B = winograd.matrices(5)  # minisgl's, for 4 outputs and a kernel of 5: (4, 8), (8, 5), (8, 8)
one_w, one_x = rng.normal(size=5), rng.normal(size=8)
right = np.correlate(one_x, one_w, mode="valid")  # (4,)
close(A @ ((G @ one_w) * (B @ one_x)), right, err_msg="the package's matrices do not give the four outputs")
print(f"4 outputs of a kernel of 5: {len(B)} multiplications instead of {4 * 5}")
print(f"4 x 4 outputs of a kernel of 5 x 5: {len(B) ** 2} instead of {4 * 4 * 5 * 5}")

# %% [markdown]
# In two dimensions the method is applied to rows and to columns. [minisgl/nn/winograd.py](../minisgl/nn/winograd.py) does so for LeNet-5's second convolution, with 64 multiplications instead of 400.
# The sums in the brackets are not free. But those of the image are computed once for all $K$ output channels, and those of the kernel once for all images. The rounding errors are larger.
#
# ## An experiment: what it costs
#
# LeNet-5's two convolutions, forward. We count the multiplications for one image: $K C R S\, P Q$ for loops and im2col; for Winograd's method, of the section above, $64\, K C$ for each $4 \times 4$ outputs,
# without the fixed sums. We measure the time: loops with one image, the others with 64, divided by 64.

# %%
names, counts, times, largest_error = [], [], [], 0.0
for C2, K2, H2 in ((1, 20, 28), (20, 50, 12)):
    names.append(f"conv{len(names) + 1}: {C2} -> {K2} channels")
    P2, w5 = H2 - 4, rng.normal(0, 0.1, size=(K2, C2, 5, 5)).astype(np.float32)
    images = rng.random((C2, H2, H2, 64), np.float32)  # (C, H, W, N)
    counts.append([K2 * C2 * 25 * P2**2, K2 * C2 * 25 * P2**2, K2 * C2 * 64 * (P2 // 4) ** 2])
    start = perf_counter()
    slow = reference.conv2d(images[..., :1], w5, np.zeros(K2, np.float32))  # (K, P, Q, 1)
    times.append([1000 * (perf_counter() - start)])
    for layer in (Conv2d(C2, K2, 5, algorithm="im2col"), Conv2d(C2, K2, 5, algorithm="winograd")):
        layer.weight, layer.bias, ws = w5, np.zeros(K2, np.float32), Workspace()
        times[-1].append(fastest(lambda layer=layer, ws=ws, images=images: layer.forward(images, ws)) / 64)
        largest_error = max(largest_error, relative_error(layer.forward(images)[0][..., :1], slow))

draw.costs(counts, times, names)

# %%
print(f"the three ways differ by {largest_error:.0e} at most, relative to their sizes, in float32")
assert largest_error < 1e-5, f"the three ways should give the same up to rounding, but differ by {largest_error:.0e}"
assert counts[1] == [1_600_000, 1_600_000, 256_000], f"by hand conv2 has 50 x 20 x 25 x 64, and 256,000; here {counts[1]}"

# %% [markdown]
# Loops and im2col do the same multiplications; what differs is how many of them a computer does at a time. Winograd's method does fewer, but its sums pay only with many channels: minisgl
# uses it in conv2 only. (The times are of the machine that ran this notebook.)
#
# ## An experiment: a filter is learned
#
# Can the gradient find "ink on the right" from 32 digits and their maps? We start from random weights, without a bias, and with
#
# $$L = \frac{1}{2M} \sum_{p,q,n} (y_{p,q,n} - \text{map}_{p,q,n})^2, \qquad dy = \frac{1}{M} (y - \text{map}), \qquad M = P Q N,$$
#
# step along $-dw$. What will happen? With the columns $X : (25, M)$, and $w$ and the wanted filter $w^*$ as rows $(1, 25)$, we have $y - \text{map} = (w - w^*) X$, hence
#
# $$dw = dy\, X^{\mathsf T} = (w - w^*)\, A, \quad A = \tfrac1M X X^{\mathsf T} : (25, 25), \qquad\text{and a step } w \leftarrow w - \eta\, dw \text{ makes of } w - w^* \text{ just } (w - w^*)(I - \eta A)$$
#
# Along an eigenvector of $A$ with the eigenvalue $\mu$, the error is multiplied by $1 - \eta \mu$ at every step. With $\eta = 1/\mu_{\max}$ the pattern with the largest eigenvalue is right after one step, and the others
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

first, last = (patterns[:, i] * np.sign(patterns[12, i]) for i in (-1, 0))  # each (25,), blue in the middle
draw.learned_filter(losses, seen, weight[0, 0], first.reshape(5, 5), last.reshape(5, 5))

# %%
print("largest error of a weight:", {step: round(float(np.abs(w - weight[0, 0]).max()), 3) for step, w in seen.items()})
random, early, *_, end = (w.ravel() for w in seen.values())  # each (25,)
shrunk = (1 - mu / mu[-1]) ** max(seen)  # (25,)
print(f"eigenvalues from {mu[0]:.4f} to {mu[-1]:.2f}: the slowest error has shrunk to {shrunk[0]:.2f} of its size")
before, after = ((w - weight[0, 0].ravel()) @ patterns for w in (random, end))  # each (25,)
close(after, shrunk * before, atol=1e-10, err_msg="the errors do not shrink as the eigenvalues say")
close(losses[0], mu @ before**2 / 2, err_msg="the loss should be (w - w*) A (w - w*)^T / 2, whose slope is dw")
assert np.all(np.diff(losses) < 0), f"the loss should fall at every step; it rises at {np.sum(np.diff(losses) > 0)}"
left, right = early.reshape(5, 5)[:, :2].mean(), early.reshape(5, 5)[:, 3:].mean()
assert left < -0.05 < 0.05 < right, f"the left should be negative, and the right positive: {left:.2f}, {right:.2f}"
chessboard = last * (-1) ** np.arange(25)
assert first.min() > 0 < chessboard.min(), "the text says: first a pattern of one sign, last a chessboard"

# %% [markdown]
# After 10 steps the filter is negative on the left and positive on the right. The last pattern to be learned is a chessboard: neighbouring pixels of a digit have nearly the same ink, so a chessboard hardly changes the loss. In a network the
# maps are not given: $dy$ comes from the next layers ([chapter 3](03_whole_network_gradient.ipynb)).
#
# ## Exercises
#
# In [exercises/02_convolution_by_hand.ipynb](exercises/02_convolution_by_hand.ipynb), with a check below each answer. Loops are welcome; the check's arrays are small.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** Write the convolution of one image, stride 1, without padding: `x` of shape (C, H, W), `weight` (K, C, R, S), `bias` (K,), all float64 or all float32. The result has the
# shape (K, P, Q) and the dtype of `x`; you find P and Q. Without minisgl.


# %% tags=["ex1"]
def conv2d(x, weight, bias):
    """y (K, P, Q) of x (C, H, W): y[k, p, q] = bias[k] + sum over c, r, s of weight[k, c, r, s] x[c, p + r, q + s]."""
    # BEGIN SOLUTION: y, of the dtype of x; first find P and Q
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
    # BEGIN SOLUTION: dweight, of the dtype of x; first find R and S
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
# an array of this dtype and of the shape of the image, (C, t (P - 1) + R, t (Q - 1) + S).


# %% tags=["ex3"]
def input_gradient(dy, weight, stride):
    """dx (C, stride (P - 1) + R, stride (Q - 1) + S): dy (K, P, Q), weight (K, C, R, S)."""
    # BEGIN SOLUTION: dx, of the dtype of dy
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
# counts if both come from `x` and `w`, also when `@` or a sum of `w * x` does it; additions do not count. The section on fewer multiplications helps.


# %% tags=["ex4"]
def two_outputs(x, w):
    """np.array([y_0, y_1]), for x (3,) and w (2,)."""
    # BEGIN SOLUTION: y_0 and y_1, from three products
    both = (w[0] + w[1]) * x[1]
    return np.array([w[0] * (x[0] - x[1]) + both, both + w[1] * (x[2] - x[1])])
    # END SOLUTION


# %% tags=["ex4"]
check("02.two_outputs", two_outputs)

# %% [markdown]
# ## Summary
#
# - A convolution layer multiplies every window by the same kernel: $y_{k,p,q,n} = b_k + \sum_{c,r,s} w_{k,c,r,s}\, x_{c,p+r,q+s,n}$. It is a cross-correlation: the kernel is not turned.
# - Backward: $db$ is the sum of $dy$; $dw$ a correlation of $x$ with $dy$; $dx$ a true convolution of $dy$ with $w$, the kernel turned.
# - With im2col these are three matrix products: $y = wX + b$, $dw = dy\,X^{\mathsf T}$, $dX = w^{\mathsf T} dy$. col2im adds up what was copied several times.
# - Central differences with $h \approx 10^{-5}$ tell a right gradient from a wrong one.
# - Winograd's method needs 4 multiplications instead of 6, and 64 instead of 400.
