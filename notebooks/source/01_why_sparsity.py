# %% [markdown]
# # 1 Why sparsity
#
# *Reading: 35 minutes. Exercises: an evening. Needs no other chapter.*
#
# LeNet-5 is a small network that reads handwritten digits. It has 430,500 weights. Each of them is stored, and used in at least one multiplication for every digit.
#
# **Which of them matter? And if many do not: why does training not make them zero?**

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()  # NumPy's matrix products use only cores that are free

# %%
import matplotlib.pyplot as plt
from drawings import chapter_01 as draw
from drawings.chapter_01 import accuracy, learn
from ipywidgets import FloatLogSlider, interact

from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.formats import network_file
from minisgl.models import lenet5
from minisgl.nn.optimizers import Adam

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# The network, from the image on the left to the ten numbers on the right, one for each digit. Orange boxes are computed with weights, grey ones are
# the largest of four neighbours.

# %%
train = mnist.load()[0]
network = lenet5(np.random.default_rng(0))
draw.boxes(network, train.images[0])

# %% [markdown]
# Nearly all weights are in one layer, fc1. Does it need them?
#
# ## Taking weights away
#
# First the network is trained: 200 steps of 100 digits each are enough for a first look. It learns from the first 20,000 training images; 2,000 others
# are **held out**, and everything below is measured on these. The test images are not used in this chapter: whoever looks at
# them before all is decided has no test left.
#
# `learn` computes the gradient of the loss on random batches of digits and calls `adam_step` with it; how it does so is the subject of chapters
# [2](02_convolution_by_hand.ipynb) and [3](03_whole_network_gradient.ipynb). `accuracy` is the percentage of digits that are read correctly.

# %%
held_out = train[55_000:57_000]  # images (2000, 1, 28, 28), labels (2000,)
adam = Adam(network.flat)


def adam_step(gradient):
    adam.advance()
    adam.update(network.flat, gradient, lr=0.001)


learn(network, train[:20_000], 200, adam_step)
w = network.weights  # (430500,)
print(
    f"{accuracy(network, held_out):.1f} % of the held-out digits are read correctly; {np.sum(w == 0)} of {w.size:,} weights are 0"
)

# %% [markdown]
# Now take weights away: set a fraction of them to zero, without training again, and count the digits that are still read correctly. Three
# orders: the smallest weights first, at random, the largest first. ("Small" means near zero, positive or negative.)

# %%
by_size = np.argsort(np.abs(w))  # (430500,), indices, the smallest weight first
any_order = np.random.default_rng(2).permutation(w.size)  # (430500,)


def without(dropped):
    """The network with the weights of these indices set to 0."""
    v = w.copy()
    v[dropped] = 0
    return network.with_weights(v)


orders = {  # name: indices, percent set to zero
    "smallest first": (by_size, [0, 20, 40, 60, 70, 80, 90, 95, 98, 100]),
    "at random": (any_order, [0, 10, 20, 40, 60, 80, 100]),
    "largest first": (by_size[::-1], [0, 2, 5, 10, 20, 100]),
}
read = {}
for name, (order, percents) in orders.items():
    read[name] = {p: accuracy(without(order[: w.size * p // 100]), held_out) for p in percents}
    print(f"{name + ':':15} " + "  ".join(f"{p} %: {right:.1f}" for p, right in read[name].items()))
edge = abs(w[by_size[int(0.6 * w.size)]])
print(f"60 % of the weights are smaller than {edge:.3f}, the largest is {np.abs(w).max():.2f}")
draw.pruned(held_out.images[:36], w, edge, read)

# %%
full = read["at random"][0]
lost = {(name, p): full - right for name, results in read.items() for p, right in results.items()}  # percent of the digits
assert np.all(w != 0), f"the text says that no weight is zero; {np.sum(w == 0)} are"
small, some, nearly_all = lost["smallest first", 40], lost["at random", 20], lost["smallest first", 98]
assert small < 1, f"the text says that the smallest 40 % do not matter; without them {small:.1f} % of the digits are lost"
assert some > 3, f"the text says that a random 20 % matter; without them {some:.1f} % of the digits are lost"
assert read["largest first"][5] < 20, f"the text says that it only guesses; it reads {read['largest first'][5]:.1f} %"
assert nearly_all > 20, f"the text says that the orange curve falls in the end; at 98 % only by {nearly_all:.1f} %"

# %% [markdown]
# Three things to see:
#
# - **No weight is zero**, but most are small.
# - **Most of the small ones do not matter** (orange): without the smallest 40 % the network reads as well as with them.
# - **It has to be the small ones** (grey, blue): without 20 % picked at random it reads worse, and without the largest 5 % it only guesses.
#
# The orange curve falls in the end, because the weights were trained for a network in which the others are still there. A training that knows
# which weights will be zero can do better ([chapter 13](13_lenet5_on_mnist.ipynb)); that is what this course is about.

# %% [markdown]
# ## By hand: where the weights are, and where the work is
#
# An image of 28 x 28 goes through two convolutions (5 x 5, no padding), each followed by a pooling that halves the sides, and through two
# linear layers. A 5 x 5 window fits into 28 x 28 at $28 - 5 + 1 = 24$ places along each side:
#
# $$(1, 28, 28) \xrightarrow{\text{conv1}} (20, 24, 24) \xrightarrow{\text{pool}} (20, 12, 12) \xrightarrow{\text{conv2}} (50, 8, 8)
# \xrightarrow{\text{pool}} (50, 4, 4) \xrightarrow{\text{flatten}} 800 \xrightarrow{\text{fc1}} 500 \xrightarrow{\text{fc2}} 10$$
#
# *Weights.* A convolution from $C$ to $K$ channels with an $R \times S$ window has one number for each output channel, input channel and place in the
# window: $K C R S$. A linear layer has one for each pair of output and input. Each output channel or output also has a bias.
#
# *Multiply-adds.* One number of a convolution's output is a sum of $C R S$ products. It makes $K P Q$ numbers, $P \times Q$ for each channel:
#
# $$\underbrace{K P Q}_{\text{numbers}} \cdot \underbrace{C R S}_{\text{products in each}} \;=\; P Q \cdot \underbrace{K C R S}_{\text{weights}}$$
#
# So every weight of a convolution is used $P Q$ times, and every weight of a linear layer once.
#
# | | weights | biases | each is used | multiply-adds |
# |---|---|---|---|---|
# | conv1 | $20 \cdot 1 \cdot 5 \cdot 5 = 500$ | 20 | $24 \cdot 24 = 576$ times | 288,000 |
# | conv2 | $50 \cdot 20 \cdot 5 \cdot 5 = 25{,}000$ | 50 | $8 \cdot 8 = 64$ times | **1,600,000** |
# | fc1 | $500 \cdot 800 = \mathbf{400{,}000}$ | 500 | once | 400,000 |
# | fc2 | $10 \cdot 500 = 5{,}000$ | 10 | once | 5,000 |
# | together | 430,500 | 580 | | 2,293,000 |
#
# With the biases these are 431,080 parameters. The biases are so few that nobody removes them. The same, from the network:

# %%
slots = network.layout.weights  # by layer
weights_of = {name: int(np.prod(slot.shape)) for name, slot in slots.items()}
used = {"conv1": 24 * 24, "conv2": 8 * 8, "fc1": 1, "fc2": 1}
work_of = {name: used[name] * weights_of[name] for name in slots}
draw.shares(weights_of, work_of)

# %%
by_package = footprint.measure(network, network_file.as_bytes(network)).multiply_adds
assert list(weights_of.values()) == [500, 25_000, 400_000, 5_000], f"the table and the network differ: {weights_of}"
assert list(work_of.values()) == [288_000, 1_600_000, 400_000, 5_000], f"the table and the network differ: {work_of}"
assert network.flat.size == 430_500 + 580, f"the network has {network.flat.size:,} parameters"
assert by_package == sum(work_of.values()) == 2_293_000, f"the package counts {by_package:,} multiply-adds"
share, work = weights_of["fc1"] / w.size, (work_of["conv1"] + work_of["conv2"]) / by_package
assert round(share, 2) == 0.93, f"the text says that fc1 holds 93 % of the weights; here {share:.1%}"
assert round(work, 2) == 0.82, f"the text says that the convolutions do 82 % of the multiplying; here {work:.1%}"

# %% [markdown]
# **fc1 holds 93 % of the weights, the convolutions do 82 % of the multiplying.** To save memory, make zeros in fc1. To save time, make them in
# conv2, where each is worth 64 products.
#
# The package counts the same way. For a linear layer `shape[1:]` is empty, and the product of no numbers is 1: used once.

# %%
show_code(footprint.measure)

# %% [markdown]
# ## What a zero is worth: memory
#
# $n$ weights of $b$ bits each, of which $k$ are not zero. Three ways to store them:
#
# - *dense*: all, $n b$ bits;
# - *list*: for each that is not zero its value and its place, $k (b + i)$ bits. $i$ bits are enough for $n$ places if $2^i \ge n$ (19 bits here; 32 are usual);
# - *mask*: for each one bit that says whether it is zero, and the values of the others, $n + k b$ bits.
#
# When does each begin to pay? Compare two at a time, and solve for the fraction $k/n$ that is left:
#
# $$\text{list} < \text{dense} \iff k (b + i) < n b \iff \frac{k}{n} < \frac{b}{b + i}$$
# $$\text{mask} < \text{dense} \iff n + k b < n b \iff k b < n (b - 1) \iff \frac{k}{n} < 1 - \frac1b$$
# $$\text{list} < \text{mask} \iff k b + k i < n + k b \iff k i < n \iff \frac{k}{n} < \frac1i$$
#
# With $b = i = 32$: the list pays as soon as more than **half** of the weights are zero, the mask when more than one in 32 is (3.1 %), and beyond
# $1 - 1/32 = 96.9$ % the list is the shorter one again. The mask's single bits remain even if all weights are zero: it never saves more than 32 times.
#
# **Check** of all three. The figure also shows the dense file, compressed by gzip. It knows nothing of weights and finds the zeros by itself: up to 90 % of zeros
# it is within 12 % of the mask, and with 98 % it is shorter than mask and list.

# %%
n, b, i = w.size, 32, 32
bits = {"dense": lambda k: n * b + 0 * k, "list": lambda k: k * (b + i), "mask": lambda k: n + k * b}
pairs = {("list", "dense"): b / (b + i), ("mask", "dense"): 1 - 1 / b, ("list", "mask"): 1 / i}  # where k/n makes them equal

zeros = np.array([0, 20, 40, 60, 80, 90, 95, 98])  # percent
costs = [footprint.measure(thin, network_file.as_bytes(thin)) for thin in (without(by_size[: n * p // 100]) for p in zeros)]
gzip = np.array([cost.bytes_gzip for cost in costs])
left = np.linspace(1, 0.005, 200)  # k/n
rings = [(100 - 100 * at, bits[one](at * n) / 8e6) for (one, _), at in pairs.items()]
sizes = {name: of(left * n) / 8e6 for name, of in bits.items()}
draw.storage(100 - 100 * left, sizes, (zeros, gzip / 1e6), rings)

# %%
for (one, other), at in pairs.items():
    at_even, one_less = [bits[name](at * n) for name in (one, other)], [bits[name](at * n - 1) for name in (one, other)]
    np.testing.assert_allclose(*at_even, err_msg=f"{one} and {other} should cost the same with {at:.3f} n weights left")
    assert one_less[0] < one_less[1], f"with one weight less the {one} should be shorter than the {other}: {one_less}"
most = bits["dense"](n) / bits["mask"](0)
assert most == 32, f"the text says that the mask never saves more than 32 times; here {most:g}"
assert 2**18 < n <= 2**19, f"the text says that 19 bits are enough for the places; {n:,} need {np.log2(n):.2f}"
mask = np.array([bits["mask"](cost.nonzero_weights) / 8 for cost in costs])  # bytes
packed = [np.ceil(n / 8) + 4 * (cost.nonzero_weights + 580) for cost in costs]  # minisgl's mask, with the biases
assert [cost.bytes_packed for cost in costs] == packed, "the package's size is not that of the mask and the biases"
off = np.abs(gzip / mask - 1)[zeros <= 90].max()
assert off < 0.12, f"the text says that gzip is within 12 % of the mask up to 90 % zeros; here {off:.0%}"
shortest = min(bits["list"](0.02 * n), bits["mask"](0.02 * n)) / 8
assert gzip[-1] < shortest, f"the text says that gzip is shortest at 98 % zeros; it has {gzip[-1]:,} bytes, not {shortest:,.0f}"

# %% [markdown]
# ## What a zero is worth: time
#
# A matrix product does not skip zeros: if they are *scattered*, they are multiplied like all other numbers. But when a whole **unit** is
# zero (a row, a column, a channel), the matrix can be made smaller, and then there is less to compute.
#
# We set 60 % of fc1 to zero in two ways: the 240,000 smallest weights, or the 300 smallest of its 500 rows, which are also 240,000
# weights. Then minisgl removes what has no influence on the outputs ([chapter 16](16_smaller_network.ipynb) says how).

# %%
places = slots["fc1"].view(np.arange(n))  # (500, 800): where fc1's weights are in w
fc1 = w[places]  # (500, 800)
smallest_first = np.argsort(np.abs(fc1), axis=None)  # (400000,)
scattered = without(places.ravel()[smallest_first[:240_000]])
in_rows = without(places[np.argsort(np.linalg.norm(fc1, axis=1))[:300]].ravel())

ways = {"scattered": scattered, "in rows": in_rows}
draw.zeros_of_fc1({way: thin.weights[places][:30, :120] for way, thin in ways.items()})

# %%
for way, thin in ways.items():
    smaller = compact(thin)
    cost = footprint.measure(smaller, network_file.as_bytes(smaller))
    what = f"{cost.weights:,} weights, {cost.multiply_adds:,} multiply-adds"
    print(f"{way + ':':10} {accuracy(thin, held_out):.1f} % correct; what remains: {what}")
    logits, the_same = (net.forward(held_out.images[:200])[0] for net in (thin, smaller))  # (200, 10)
    off = np.abs(logits - the_same).max() / np.abs(logits).max()
    assert off < 1e-4, f"the smaller network should give the same logits; they differ by {off:.0e} of the largest"
    assert np.sum(thin.weights == 0) == 240_000, f"the text says 240,000 zeros {way}; there are {np.sum(thin.weights == 0):,}"
    assert (cost.weights < n) == (way == "in rows"), f"only zeros in rows should make the network smaller; {way} has {what}"

# %% [markdown]
# Scattered zeros cost less accuracy here, but no unit can be removed. Zeros in rows make the matrix smaller, and cost more. A penalty for both is in
# [chapter 8](08_groups.ipynb).
#
# ## Why the small ones? (optional)
#
# One number of a layer's output is $y = \sum_c w_c x_c$ (and a bias), with $w$ and $x$ of shape $(C,)$. Set the weights in a set $D$ to zero, and $y$ changes by
#
# $$\Big| \sum_{c \in D} w_c x_c \Big| \;\le\; \sum_{c \in D} |w_c|\, |x_c| \;\le\; \max_c |x_c| \cdot \sum_{c \in D} |w_c|$$
#
# If we only know how large $x$ can be, we cannot say more, and among all sets with the same number of weights the bound is least for the smallest
# ones. (It is a rule of thumb: a small weight at an input that is always large may matter more than a large one at an input that is always 0.)
#
# **Check**, on the inputs and outputs of fc1 for 200 held-out digits, without a fifth of its weights.

# %%
x = np.moveaxis(held_out.images[:200], 0, -1)  # (1, 28, 28, 200): inside minisgl the image comes last
for layer in list(network.layers.values())[: list(network.layers).index("fc1")]:
    x, _ = layer.forward(x)
print(f"fc1's outputs, without biases, are {np.abs(fc1 @ x).mean():.2f} in size. They change on average,")  # x is (800, 200)
some, bounds = np.random.default_rng(3).permutation(400_000), []
for name, order in (
    ("the smallest fifth", smallest_first),
    ("a random fifth", some),
    ("the largest fifth", smallest_first[::-1]),
):
    dropped = np.zeros_like(fc1)  # (500, 800)
    dropped.flat[order[:80_000]] = fc1.flat[order[:80_000]]
    change = np.abs(dropped @ x)  # (500, 200)
    between = np.abs(dropped) @ np.abs(x)  # (500, 200)
    bound = np.abs(dropped).sum(axis=1, keepdims=True) * np.abs(x).max(axis=0)  # (500, 1) * (200,) -> (500, 200)
    bounds.append(bound.mean())
    print(f"without {name}, by {change.mean():.3f}; the bound is {bound.mean():.1f}")
    for less, more in ((change, between), (between, bound)):
        above = np.max(less - (1 + 1e-5) * more)  # float32 rounds
        assert above <= 0, f"from left to right the three should rise; one falls by {above:.1e}"
assert bounds == sorted(bounds), f"the bound should be least for the smallest weights, and largest for the largest: {bounds}"

# %% [markdown]
# ## Why training makes no zeros
#
# To get small weights, add a *penalty* to the loss. Two common ones are $\lambda |w|$ (l1) and $\tfrac{\mu}{2} w^2$ (ridge, or weight decay). One weight,
# and a loss with its minimum at $w = a$:
#
# $$F(w) = \tfrac12 (w - a)^2 + \tfrac{\mu}{2} w^2 \qquad\text{or}\qquad F(w) = \tfrac12 (w - a)^2 + \lambda |w|$$
#
# *Ridge.* The slope is $w - a + \mu w$. It is zero at $w = a/(1 + \mu)$: **shrunk, and zero only if $a = 0$**, that is, if the loss alone has its minimum at zero.
#
# *l1.* The slope is $w - a + \lambda$ for $w > 0$ and $w - a - \lambda$ for $w < 0$. Let $|a| \le \lambda$. To the right of 0 the slope is more than $\lambda - a \ge 0$,
# so $F$ rises to the right; to the left it is less than $-\lambda - a \le 0$, so $F$ rises to the left as well. **The lowest point is at 0, for all $a$ from
# $-\lambda$ to $\lambda$.** Zero is the answer for a whole range of losses, because $|w|$ has a corner there.
#
# So l1 is the right penalty. Does a gradient method find its zeros? A step of length $\eta$ (the learning rate), with $g = L'(w)$ the gradient of the loss, is
#
# $$w^+ = w - \eta\, \big( g + \lambda \operatorname{sign}(w) \big), \qquad \operatorname{sign}(0) = 0$$
#
# (At 0 there is no slope of $|w|$; any number from $-1$ to $1$ may stand for it, and is called a *subgradient*.)
#
# **Without a loss** ($g = 0$) every step has the length $d = \eta \lambda$. Divide the start $w_0 > 0$ by $d$, with a remainder: $w_0 = m\,d + \rho$, with $m$ a whole number
# and $0 \le \rho < d$. While $w$ is positive it falls by $d$, so after $m$ steps $w_m = \rho$. If $\rho > 0$, then
#
# $$w_m = \rho > 0, \qquad w_{m+1} = \rho - d < 0, \qquad w_{m+2} = (\rho - d) + d = \rho, \qquad \dots$$
#
# **A sawtooth between $\rho$ and $\rho - d$, for ever.** Its two values are $d = \eta\lambda$ apart, and on average $|w|$ is $\frac12 (\rho + d - \rho) = d/2$. Only if $\rho = 0$, that is, if $w_0$ happens to be a
# multiple of $d$, does it land. (From $w_0 < 0$ it is the mirror image.)
#
# **With a loss.** Its gradient may change in every step, as with mini-batches, but $|g| \le G$ for some $G < \lambda$. Let $B = \eta (\lambda + G)$. From $w > 0$
# the step goes down, by
#
# $$w - w^+ = \eta\,(g + \lambda), \qquad\text{so}\qquad 0 < \eta\,(\lambda - G) \;\le\; w - w^+ \;\le\; \eta\,(\lambda + G) = B$$
#
# and from $w < 0$ it goes up, by as much. Three things follow.
#
# 1. *It comes near.* If $w \ge B$ the step does not lead past zero, and $w$ falls by $\eta (\lambda - G)$ at least. So after finitely many steps $|w| < B$.
# 2. *It stays near.* If $0 < w < B$, then $w^+ < w < B$ and $w^+ \ge w - B > -B$. Once $|w| < B$, always $|w| < B$. (From $w = 0$ it moves by $\eta |g| < B$.)
# 3. *It never comes to rest.* Every step from $w \ne 0$ is at least $\eta (\lambda - G)$ long. To land on 0, $w$ must be equal to one number, $\eta (g + \lambda \operatorname{sign}(w))$, to the
#    last digit; and having landed there by accident, the next $g \ne 0$ moves it away again.
#
# The weight stays in a band of half-width $\eta (\lambda + G) < 2 \eta \lambda$, and never rests there. A smaller learning rate makes the band narrower, but no weight zero.
#
# **Ridge** alone makes a step of $w^+ = w - \eta \mu w = (1 - \eta\mu)\, w$, so $w_k = (1 - \eta\mu)^k\, w_0$: **the same fraction in every step, and never zero** for $0 < \eta\mu < 1$. It loses
# half in $\ln 2 / (-\ln (1 - \eta\mu))$ steps, and half of the rest in as many again.
#
# **What does land?** Take the step of the loss alone, and then bring $w$ nearer to zero by $\eta\lambda$, *but not past it*:
#
# $$w^+ = \operatorname{sign}(v) \max(|v| - \eta\lambda,\, 0), \qquad v = w - \eta\, g$$
#
# It comes near at least as fast: let $w > 0$. Then $v \ge w - \eta G > -\eta\lambda$, so $w^+$ is 0 or $v - \eta\lambda$, and the latter is at most $w - \eta(\lambda - G)$. After finitely many steps it is 0. And from
# $w = 0$, $|v| = \eta |g| \le \eta G < \eta\lambda$, so $w^+ = 0$: **it lands, and stays.** This is a *prox*, and [chapter 4](04_proximal_operator.ipynb) derives it.


# %%
def slope_step(w, g, lr, lam):
    return w - lr * (g + lam * np.sign(w))


def prox_step(w, g, lr, lam):
    v = w - lr * g
    return np.sign(v) * np.maximum(np.abs(v) - lr * lam, 0)


def ridge_step(w, g, lr, mu):
    return w - lr * (g + mu * w)


WAYS = {"ridge": ridge_step, "l1, by the slope": slope_step, "l1, by the prox": prox_step}


def walk(rule, w, slope, steps):
    """The weights from w on, (steps + 1, ...), by rule = (step, lr, lam); slope(w) is the gradient of the loss."""
    step, lr, lam = rule
    path = [w]
    for _ in range(steps):
        path.append(step(path[-1], slope(path[-1]), lr, lam))
    return np.array(path)


# %% [markdown]
# The three, with $\eta = 0.1$ and $\lambda = 1$ (ridge: $\mu = 1$). Left and middle, without a loss: the sawtooth, and on a logarithmic scale the
# straight line of ridge. On the right the minimum of the loss is at $a = 0.3$. Its $g = w - a$ is known, and gives a narrower
# band: a step from $w > 0$ leads to $(1 - \eta) w - \eta (\lambda - a) > -\eta (\lambda - a)$, one from $w < 0$ to less than $\eta (\lambda + a)$. That is
# from $-0.07$ to $0.13$.


# %%
def three_ways(lr, lam, w0=0.96, a=0.3):
    alone = {name: walk((step, lr, lam), w0, lambda w: 0 * w, 50) for name, step in WAYS.items()}  # each (51,)
    with_loss = {name: walk((step, lr, lam), w0, lambda w: w - a, 50) for name, step in WAYS.items()}
    rho, d = w0 % (lr * lam), lr * lam
    draw.three_ways(alone, with_loss, (rho - d, rho), (-lr * (lam - a), lr * (lam + a)))
    return with_loss


paths = three_ways(lr=0.1, lam=1.0)

# %%
end = paths["l1, by the slope"][-30:]
assert np.all((end > -0.07) & (end < 0.13)), f"the text says from -0.07 to 0.13; here from {end.min():.3f} to {end.max():.3f}"
assert np.all(end != 0), "the text says that by the slope no weight is zero"
ridge = paths["ridge"][-1]
assert abs(ridge - 0.3 / (1 + 1)) < 1e-4, f"by the formula a/(1 + mu) ridge ends at 0.15; here at {ridge:.4f}"
first = np.argmax(paths["l1, by the prox"] == 0)
assert np.all(paths["l1, by the prox"][first:] == 0), "the text says that the prox lands on zero and stays there"
print(f"with the loss: by the prox 0 from step {first} on; ridge ends at {ridge:.3f}; the slope nowhere")

# %% [markdown]
# With a running kernel: does any $\eta$ bring the blue path to rest? How do the shaded bands change with $\eta$, and with $\lambda$?

# %%
_ = interact(
    lambda lr, lam: three_ways(lr, lam) and None,
    lr=FloatLogSlider(value=0.1, min=-1.2, max=-0.6, step=0.1),
    lam=FloatLogSlider(value=1.0, min=-0.2, max=0.2, step=0.1),
)

# %% [markdown]
# **Check.** The lowest points, by trying; then a thousand starts at once: without a loss, with gradients that change at random, and ridge.

# %%
x = np.linspace(-2, 2, 4001)  # (4001,)
for a, price in ((-1.5, 0.5), (-0.7, 0.8), (0.0, 0.3), (0.3, 0.2), (0.3, 0.4), (1.0, 0.9), (1.0, 3.0)):  # mu = lam = price
    by_ridge, by_l1 = (x[((x - a) ** 2 / 2 + price * r).argmin()] for r in (x**2 / 2, np.abs(x)))
    assert abs(by_ridge - a / (1 + price)) < 0.001, f"a = {a}: the lowest point of ridge is {by_ridge}, not a/(1 + {price})"
    assert (abs(by_l1) < 1e-9) == (abs(a) <= price), f"a = {a}, lam = {price}: the lowest point of l1 is {by_l1}"

rng = np.random.default_rng(4)
starts, lr, lam, G = rng.uniform(0, 2, 1000), 0.1, 1.0, 0.5  # (1000,)
d, B = lr * lam, lr * (lam + G)
rho = starts % d  # (1000,)
path = walk((slope_step, lr, lam), starts, np.zeros_like, 200)  # (201, 1000)
close = np.testing.assert_allclose
m = (starts // d).astype(int)  # (1000,), steps down to rho
close(path[m, np.arange(1000)], rho, atol=1e-9, err_msg="after m steps w is not rho")
close(np.sort(path[-2:], axis=0), [rho - d, rho], atol=1e-9, err_msg="the sawtooth is not between rho - d and rho")
close(np.abs(path[-100:]).mean(axis=0), d / 2, err_msg="the mean of |w| on the sawtooth is not d/2")
assert np.all(path != 0), "a random start should never land on zero"
multiple = walk((slope_step, 0.125, 1.0), np.array([0.75, -0.75]), np.zeros_like, 9)  # (10, 2); binary fractions are exact
close(np.abs(multiple[[5, 6, 9], :]).T, [[0.125, 0, 0]] * 2, err_msg="six times d should land on zero in six steps, and stay")


def any_gradient(w):
    return rng.uniform(-G, G, w.shape)


path = walk((slope_step, lr, lam), starts, any_gradient, 200)
inside = np.abs(path) < B  # (201, 1000)
assert np.all(inside[1:] >= inside[:-1]), "the text says: once in the band, always"
assert inside[-1].all(), f"the text says that all end in the band; {np.sum(~inside[-1])} do not"
moved = (path[:-1] - path[1:]) * np.sign(path[:-1])  # (200, 1000), towards zero
least, most = moved.min(), moved.max()
assert lr * (lam - G) <= least < most <= B, f"every step should be {lr * (lam - G)} to {B} long; they are {least} to {most}"
assert np.all(path != 0), "by the slope no weight should land on zero"
path = walk((prox_step, lr, lam), starts, any_gradient, 200)  # (201, 1000)
landed, fallen = path == 0, path[:-1] - path[1:]
assert np.all(landed[1:] | (fallen >= lr * (lam - G))), f"a step that does not land should be {lr * (lam - G)} long, or longer"
assert landed[-1].all(), f"the text says that by the prox all end at zero; {np.sum(~landed[-1])} do not"
assert np.all(landed[1:] >= landed[:-1]), "the text says: once zero, always"
print(f"random gradients: by the slope all 1000 end in the band, none at zero; by the prox {landed[-1].sum()} end at zero")
ridge = walk((ridge_step, lr, lam), starts, np.zeros_like, 200)
close(ridge[-1], starts * (1 - lr * lam) ** 200, err_msg="ridge should shrink by the same fraction in every step")
half = np.log(2) / -np.log(1 - lr * lam)  # 6.6 steps
logs = np.interp([half, 2 * half], np.arange(201), np.log(ridge[:, 0] / starts[0]))  # ln of ridge is a straight line
close(logs, [-np.log(2), -2 * np.log(2)], err_msg="ridge should lose half, and half of the rest in as many steps again")

# %% [markdown]
# ## An experiment: three ways to train a network
#
# A smaller LeNet (6, 12 and 60 units instead of 20, 50 and 500), so that it is quick. 300 plain gradient steps, $\eta = 0.1$, with the same batches and
# the same start. $\lambda = 0.005$ for both l1 runs; ridge has $\mu = 0.1$.

# %%
lr, lam, mu = 0.1, 0.005, 0.1
ends, zeros = {}, {}
for name, step in WAYS.items():
    small = lenet5(np.random.default_rng(0), units=(6, 12, 60, 10))
    zeros[name] = []

    def update(gradient, small=small, name=name, step=step):
        small.flat[small.weights.size :] -= lr * gradient[small.weights.size :]  # the biases have no penalty
        small.weights[...] = step(small.weights, gradient[: small.weights.size], lr, mu if name == "ridge" else lam)
        zeros[name].append(100 * np.mean(small.weights == 0))

    learn(small, train[:20_000], 300, update)
    ends[name] = end = small.weights  # (14070,)
    near = f"{np.mean((np.abs(end) < 2 * lr * lam) & (end != 0)):6.1%} not zero and below 2 lr lam"
    print(f"{name + ':':17} {accuracy(small, held_out):.1f} % correct, {zeros[name][-1]:.1f} % zeros, {near}")
draw.three_trainings(ends, zeros, 2 * lr * lam)

# %%
slope, prox = zeros["l1, by the slope"], zeros["l1, by the prox"]
most = max(slope + zeros["ridge"])
assert slope[-1] == zeros["ridge"][-1] == 0, f"the text says no zeros; here {slope[-1]:.3f} and {zeros['ridge'][-1]:.3f} %"
assert most <= 100 / end.size, f"by accident one weight may be zero for a step, but not {most:.3f} %"
beyond = np.mean(np.abs(ends["ridge"]) > 2 * lr * lam)
assert beyond > 0.5, f"the text says that ridge leaves most weights to the right of the line; here {beyond:.0%}"
assert prox[-1] > 25, f"the text says that the prox makes real zeros; here {prox[-1]:.1f} %"
assert np.diff(prox).min() < 0, "the text says that a mini-batch's gradient makes some zeros nonzero again; here never"

# %% [markdown]
# By the slope, the weights for which l1 has its minimum at zero end to the left of the dashed line at $2 \eta \lambda$, and none is zero. Ridge makes many small weights,
# most of them to the right of the line. The prox makes real zeros; but now and then a mini-batch's gradient is larger than $\lambda$, and a zero weight becomes nonzero again. (In the splitting of
# [chapter 11](11_variable_splitting.ipynb) the threshold is not $\eta\lambda$, and can be larger.)
#
# Could one train by the slope, and set small weights to zero afterwards? The result would depend on the choice of "small", and the network
# that is used is not the one that was trained.
#
# ## A map of the course
#
# All eighteen chapters are about one sum. $L$ is the loss; $W$ are the weights that learn, $V$ a sparse copy of the same shapes; the term with $\beta$ keeps the
# two close:
#
# $$F(W, V) = \underbrace{L(W)}_{\text{2, 3}} + \underbrace{\lambda\, R(W)}_{\text{8, 9: groups}} + \underbrace{\lambda\, r(V)}_{\text{4 to 7, 10: single weights}} +
# \underbrace{\tfrac{\beta}{2} \lVert W - V \rVert^2}_{\text{11, 12: the splitting}}$$
#
# | chapter | the question that it answers |
# |---|---|
# | [2](02_convolution_by_hand.ipynb) | What does a convolution do, and what is its gradient? |
# | [3](03_whole_network_gradient.ipynb) | How do the layers' gradients become the network's, and how can one be sure of it? |
# | [4](04_proximal_operator.ipynb) | Which step lands on zero and stays there? The prox, and soft thresholding. |
# | [5](05_hard_thresholding.ipynb) | Which weights are worth their price, if large ones are to stay as they are? |
# | [6](06_transformed_l1.ipynb) | What lies between l1 and l0? A prox with a cubic in it. |
# | [7](07_l1_minus_l2.ipynb) | What if the weights of a layer are judged together? |
# | [8](08_groups.ipynb) | How do whole filters and neurons become zero? |
# | [9](09_groups_with_l0.ipynb) | And if single weights have an l0 price too, or a whole group has one? |
# | [10](10_weakly_convex.ipynb) | Up to which step is a prox continuous? |
# | [11](11_variable_splitting.ipynb) | How do a gradient method and a prox work together, and why does the sum fall? |
# | [12](12_lam_under_adam.ipynb) | What does $\lambda$ mean if Adam takes the steps? |
# | [13](13_lenet5_on_mnist.ipynb) | What comes out for LeNet-5 and MNIST? |
# | [14](14_fair_comparison.ipynb) | When does a difference between two methods mean anything? |
# | [15](15_shaky_curves.ipynb) | And for words drawn by a shaky hand? |
# | [16](16_smaller_network.ipynb) | How do zeros become a smaller network with the same answers? |
# | [17](17_residual_networks.ipynb) | What do batch norm and shortcuts change? |
# | [18](18_on_a_gpu.ipynb) | How does the same source run on a graphics card? |
#
# ## Exercises
#
# In [exercises/01_why_sparsity.ipynb](exercises/01_why_sparsity.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** How many multiply-adds does a convolution make for one image? `image` is the image's shape `(C, H, W)`, and `weight` the shape
# `(K, C, R, S)`: `C` channels go in, `K` come out, the window is `R` x `S`. There is no padding, and the window moves by one place at a time. Biases do not count.


# %% tags=["ex1"]
def conv_multiply_adds(image, weight):
    """Multiply-adds of a convolution, no padding, stride 1, from the shapes (C, H, W) and (K, C, R, S); one number."""
    # BEGIN SOLUTION: the number of multiply-adds for one image
    (_, H, W), (K, C, R, S) = image, weight
    return K * (H - R + 1) * (W - S + 1) * C * R * S
    # END SOLUTION


# %% tags=["ex1"]
check("01.conv_multiply_adds", conv_multiply_adds)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** *Magnitude pruning*: set the smallest (in size) of the weights `w` to zero, as many as `fraction * w.size`, rounded down. Of equal sizes,
# those that stand first in `w` go first. `w` has any shape, float32 or float64; the result has the same shape and dtype, and `w` stays as it was. `fraction` is from
# 0 to 1.


# %% tags=["ex2"]
def magnitude_prune(w, fraction):
    """A copy of w in which the smallest fraction of the entries is 0: of any shape, 0 <= fraction <= 1."""
    # BEGIN SOLUTION: the pruned copy; of equal sizes, those that stand first go first
    pruned = w.flatten()
    order = np.argsort(np.abs(pruned), kind="stable")
    pruned[order[: int(fraction * w.size)]] = 0
    return pruned.reshape(w.shape)
    # END SOLUTION


# %% tags=["ex2"]
check("01.magnitude_prune", magnitude_prune)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Where does the sawtooth end? Weights `w0` of any shape, positive, negative or 0, follow the slope of $\lambda |w|$, without a loss:
# $w^+ = w - \eta\lambda \operatorname{sign}(w)$ with $\operatorname{sign}(0) = 0$. Give the two values between which each goes to and fro in the end: an array of shape `(2, *w0.shape)` and the dtype of `w0`, the lower
# values first. For a weight that lands on 0 both are 0. Do not walk: no loop.


# %% tags=["ex3"]
def sawtooth(w0, lr, lam):
    """The lower and the upper value between which each of w0 ends: (2, *w0.shape); w0 of any shape, lr > 0, lam > 0."""
    # BEGIN SOLUTION: the lower values, then the upper values; 0 and 0 where w lands on 0
    d = lr * lam
    upper = w0 % d
    return np.stack([np.where(upper == 0, 0, upper - d), upper])
    # END SOLUTION


# %% tags=["ex3"]
check("01.sawtooth", sawtooth)

# %% [markdown]
# ## Summary
#
# - LeNet-5 has 430,500 weights and 580 biases. After training none is zero, most are small, and many of the small ones can go.
# - fc1 holds 93 % of the weights; the convolutions do 82 % of the multiply-adds, because each of their weights is used at every place.
# - A zero saves memory in a list ($k/n < b/(b+i)$) or under a mask ($k/n < 1 - 1/b$). It saves time if whole units are zero.
# - Ridge shrinks by the same fraction in every step, and its lowest point is not at 0. The lowest point of l1 is at 0 for a range of losses. But a step along
#   its slope jumps over it, for ever, in a band of half-width less than $2\eta\lambda$.
# - A prox lands there, and stays.
