# %% [markdown]
# # 1 Why sparsity
#
# LeNet-5 is a small network that reads handwritten digits. It has 430,500 weights, and each of them is stored, and multiplied at least once for every
# digit it reads.
#
# **Which of them matter? And if many do not: why does training not make them zero?**

# %% tags=["setup"]
import numpy as np

from minisgl.check import check

# %%
import matplotlib.pyplot as plt
from ipywidgets import FloatLogSlider, interact

from minisgl import compact_file, footprint
from minisgl.compact import compact
from minisgl.data import mnist
from minisgl.models import lenet5
from minisgl.nn import Workspace
from minisgl.nn.loss import softmax_cross_entropy
from minisgl.notebook import show_code
from minisgl.optimizers import Adam
from minisgl.penalties import L1
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# First a trained network. 200 steps of 100 digits each are enough for a first look. It learns from the first 20,000 training images; 2,000 of the
# last ones are **held out**, and everything below is measured on these. The test images are not touched in this chapter: who looks at
# them before all is decided has no test left.

# %%
train = mnist.load()[0]
held_out = train[55_000:57_000]  # images (2000, 1, 28, 28), labels (2000,)


def learn(network, steps, update):
    """Steps on random batches of 100; update(gradient) makes each of them, with the gradient of the loss, like network.flat."""
    rng, workspace = np.random.default_rng(1), Workspace()
    for _ in range(steps):
        batch = train[rng.integers(0, 20_000, 100)]
        logits, tape = network.forward(batch.images, workspace)  # (100, 10)
        _, dlogits = softmax_cross_entropy(logits, batch.labels)  # (100, 10)
        update(network.backward(dlogits, tape)[0])


def accuracy(network):
    """Percent of the held-out digits that are read rightly."""
    batches = [held_out[i : i + 100] for i in range(0, len(held_out), 100)]
    workspace = Workspace()
    return 100 * np.mean([network.forward(b.images, workspace)[0].argmax(axis=1) == b.labels for b in batches])


def adam_step(gradient):
    adam.advance()
    adam.update(network.flat, gradient, lr=0.001)


network = lenet5(np.random.default_rng(0))
at_first = network.weights.copy()  # (430500,)
adam = Adam(network.flat)
learn(network, 200, adam_step)
w = network.weights  # (430500,)
print(f"{accuracy(network):.1f} % of the held-out digits are read rightly; {np.sum(w == 0)} of {w.size:,} weights are 0")
assert np.all(w != 0)

# %% [markdown]
# Now take weights away: set a fraction $p$ of them to zero, train nothing again, and count the digits that are still read. Three
# orders: the smallest weights first, any weights, the largest first. ("Small" means near zero, on either side.)

# %%
any_order = np.random.default_rng(2).permutation(w.size)  # (430500,)
by_size = np.argsort(np.abs(w))  # (430500,), the smallest first


def without(dropped):
    """The network with the weights of these indices set to 0."""
    v = w.copy()
    v[dropped] = 0
    return network.with_weights(v)


curves = {  # title: colour, order, fractions
    "smallest first": (V_COLOUR, by_size, [0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1]),
    "any": (GREY, any_order, [0, 0.1, 0.2, 0.4, 0.6, 0.8, 1]),
    "largest first": (W_COLOUR, by_size[::-1], [0, 0.02, 0.05, 0.1, 0.2, 1]),
}
right = {name: [accuracy(without(order[: int(p * w.size)])) for p in ps] for name, (_, order, ps) in curves.items()}

figure, (left, middle, panel) = plt.subplots(1, 3, figsize=(14, 3.8), width_ratios=[1, 1.3, 1.7])
left.imshow(held_out.images[:36].reshape(6, 6, 28, 28).swapaxes(1, 2).reshape(168, 168), cmap="gray_r")
left.set(title="what it reads", xticks=[], yticks=[])
middle.hist(w, bins=np.linspace(-0.25, 0.25, 101), color=W_COLOUR)
middle.axvspan(-np.quantile(np.abs(w), 0.6), np.quantile(np.abs(w), 0.6), color=V_COLOUR, alpha=0.25)
middle.set(title="its weights (shaded: the smallest 60 %)", xlabel="weight", ylabel="how many")
for name, (colour, _, ps) in curves.items():
    panel.plot(100 * np.array(ps), right[name], "o-", color=colour, markersize=4, label=name)
panel.set(title="what is read rightly, %", xlabel="weights set to zero, %", ylim=(0, 100))
panel.legend(title="set to zero", loc="upper right", bbox_to_anchor=(0.88, 1))
plt.show()
for name, (_, _, ps) in curves.items():
    print(f"{name + ':':15} " + "  ".join(f"{100 * p:.0f} %: {r:.1f}" for p, r in zip(ps, right[name], strict=True)))

# %% [markdown]
# Three things to see:
#
# - **No weight is zero**, but most are small.
# - **Most of the small ones do not matter** (orange): without the smallest 40 % the network reads about as well as before.
# - **It has to be the small ones** (grey, blue): without any 20 % it reads worse, and without the largest 20 % it only guesses.
#
# The orange curve falls in the end, because the weights were trained for a network in which the others are still there. A training that *knows*
# which weights will be zero does much better; that is what this course is about.

# %%
smallest, at_random, largest = (dict(zip(curves[name][2], right[name], strict=True)) for name in curves)
assert smallest[0.4] > smallest[0] - 1.5
assert at_random[0.2] < smallest[0] - 1.5
assert largest[0.2] < 25
assert smallest[0.98] < smallest[0] - 20

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
# 430,500 weights and 580 biases are 431,080 parameters. The biases are so few that nobody thins them out. The same from the network itself:

# %%
slots = network.layout.weights  # by layer
weights_of = {name: int(np.prod(slot.shape)) for name, slot in slots.items()}
used = {"conv1": 24 * 24, "conv2": 8 * 8, "fc1": 1, "fc2": 1}
work_of = {name: used[name] * weights_of[name] for name in slots}
assert list(weights_of.values()) == [500, 25_000, 400_000, 5_000]
assert list(work_of.values()) == [288_000, 1_600_000, 400_000, 5_000]
assert network.flat.size == 430_500 + 580 == 431_080
saved = compact_file.as_bytes(network)  # as a file
assert footprint.measure(network, saved).multiply_adds == sum(work_of.values()) == 2_293_000

figure, axes = plt.subplots(2, 1, figsize=(12, 2.6), sharex=True)
shades = {"conv1": W_COLOUR, "conv2": "#6d9bd1", "fc1": V_COLOUR, "fc2": "#7a4400"}
for panel, counts, title in zip(axes, (weights_of, work_of), ("weights", "multiply-adds"), strict=True):
    begin = 0.0
    for name, number in counts.items():
        share = 100 * number / sum(counts.values())
        panel.barh(0, share, left=begin, color=shades[name], label=name)
        if share > 5:
            panel.text(begin + share / 2, 0, f"{name}: {share:.1f} %", ha="center", va="center", color="white", weight="bold")
        begin += share
    panel.set(yticks=[0], yticklabels=[title], xlim=(0, 100))
    panel.tick_params(left=False)
axes[0].legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
axes[1].set_xlabel("share, %")
plt.show()

# %% [markdown]
# **fc1 holds 93 % of the weights, the convolutions do 82 % of the multiplying.** To save memory, make zeros in fc1. To save time, make them in
# conv2, where each zero spares 64 products.
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
# - *list*: for each that is not zero its value and its place, $k (b + i)$ bits. To tell $n$ places apart takes $2^i \ge n$;
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
# **Check**, against the real thing: the three lines, the `bytes_packed` that minisgl reports (a mask), and what gzip makes of the dense file, which knows nothing
# of zeros.

# %%
n, b, i = w.size, 32, 32
dense, listed, masked = (lambda k: n * b + 0 * k), (lambda k: k * (b + i)), (lambda k: n + k * b)
for one, other, at in ((listed, dense, b / (b + i)), (masked, dense, 1 - 1 / b), (listed, masked, 1 / i)):
    k = at * n  # at the break-even they are the same; with one weight less left, the first is shorter
    np.testing.assert_allclose(one(k), other(k))
    assert one(k - 1) < other(k - 1)

zeros = np.array([0, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 0.95, 0.98])
thinned = [without(by_size[: int(p * n)]) for p in zeros]
costs = [footprint.measure(v, compact_file.as_bytes(v)) for v in thinned]
for cost in costs:
    assert cost.bytes_packed == np.ceil(n / 8) + 4 * (cost.nonzero_weights + 580)  # the mask, and the biases

figure, panel = plt.subplots(figsize=(9, 3.8))
p = np.linspace(0, 1, 101)
lines = {"dense": (dense, GREY), "list: value and place": (listed, W_COLOUR), "mask, and values": (masked, V_COLOUR)}
for name, (bits, colour) in lines.items():
    panel.plot(100 * p, bits(n * (1 - p)) / 8e6, color=colour, label=name)
panel.plot(
    100 * zeros,
    [cost.bytes_gzip / 1e6 for cost in costs],
    "s",
    color="black",
    markersize=4,
    label="measured: gzip of the dense file",
)
panel.plot(
    100 * zeros, [cost.bytes_packed / 1e6 for cost in costs], "o", color=V_COLOUR, markersize=5, label="measured: bytes_packed"
)
panel.plot(
    [50, 100 / 32, 100 - 100 / 32], np.array([n * b, n * b, n * 2]) / 8e6, "o", color="black", fillstyle="none", markersize=11
)
panel.set(
    title="bytes of LeNet-5 (rings: where the one begins to pay)",
    xlabel="weights that are zero, %",
    ylabel="MB",
    ylim=(-0.1, 3.6),
)
panel.legend()
plt.show()

# %% [markdown]
# ## What a zero is worth: time
#
# To skip a product one has to know that it is zero, and asking costs as much as multiplying. A matrix product asks nothing: zeros *scattered* over a matrix
# are multiplied like all others. But when a whole **unit** is zero (a row, a column, a channel), the matrix can be made smaller, and a smaller
# matrix is faster on any machine.
#
# We take 60 % of fc1 away in two ways: the 240,000 smallest weights, or the 300 smallest of its 500 rows, which are also 240,000
# weights. Then minisgl takes out what no digit can make a difference to ([chapter 12](12_smaller_network.ipynb) says how).

# %%
places = np.arange(n)[slots["fc1"].view(np.arange(n))]  # (500, 800): where fc1's weights are in w
row_size = np.linalg.norm(w[places], axis=1)  # (500,)
scattered = without(places.ravel()[np.argsort(np.abs(w[places]), axis=None)[:240_000]])
in_rows = without(places[np.argsort(row_size)[:300]].ravel())

figure, axes = plt.subplots(1, 2, figsize=(10, 2.6))
for panel, thin, title in zip(axes, (scattered, in_rows), ("scattered", "in rows"), strict=True):
    smaller = compact(thin)
    images = held_out.images[:200]
    logits, the_same = thin.forward(images)[0], smaller.forward(images)[0]  # (200, 10)
    assert np.abs(logits - the_same).max() < 1e-4 * np.abs(logits).max()
    assert np.sum(thin.weights == 0) == 240_000
    cost = footprint.measure(smaller, compact_file.as_bytes(smaller))
    print(
        f"{title + ':':10} {accuracy(thin):.1f} % right; made smaller, without its dead units: {cost.weights:,} weights, ",
        end="",
    )
    print(f"{cost.multiply_adds:,} multiply-adds, the same logits")
    panel.imshow(w[places][:40, :120] * (thin.weights[places][:40, :120] != 0), cmap="RdBu", vmin=-0.1, vmax=0.1)
    panel.set(title=f"zeros {title} (white), a piece of fc1", xlabel="input", ylabel="output")
plt.show()

# %% [markdown]
# Scattered zeros cost less accuracy, and make no unit disappear. Zeros in rows make the matrix smaller, and cost more. To want both, single zeros and whole
# units, is to want a penalty for both: [chapter 8](08_groups.ipynb).
#
# ## Why the small ones?
#
# One number of a layer's output is $y = \sum_c w_c x_c$ (and a bias), with $w$ and $x$ of shape $(C,)$. Set the weights in a set $D$ to zero, and $y$ changes by
#
# $$\Big| \sum_{c \in D} w_c x_c \Big| \;\le\; \sum_{c \in D} |w_c|\, |x_c| \;\le\; \max_c |x_c| \cdot \sum_{c \in D} |w_c|$$
#
# If all that is known of $x$ is how large it can be, this bound is all there is, and among all sets of the same number it is least for the smallest
# weights. (It is a guess: a small weight at an input that is always large may matter more than a large one at an input that is always 0.)
#
# **Check**, on the numbers that fc1 gets and gives for 200 held-out digits, with the smallest, any and the largest fifth of its weights set to zero.

# %%
x = np.moveaxis(held_out.images[:200], 0, -1)  # (1, 28, 28, 200): in minisgl's layers the image comes last
for name, layer in network.layers.items():
    if name == "fc1":
        break
    x, _ = layer.forward(x)
fc1 = w[places]  # (500, 800); x is (800, 200)
sizes = np.sort(np.abs(fc1), axis=None)
rank = np.argsort(np.argsort(np.abs(fc1), axis=None)).reshape(fc1.shape)  # 0 for the smallest, 399,999 for the largest
shuffled = np.random.default_rng(3).permutation(fc1.size).reshape(fc1.shape)
print(f"fc1's outputs are {np.abs(fc1 @ x).mean():.2f} in size on average. They change, without a fifth of the weights,")
for name, dropped in (("the smallest", rank < 80_000), ("any", shuffled < 80_000), ("the largest", rank >= 320_000)):
    change = np.abs((fc1 * dropped) @ x)  # (500, 200)
    bound = np.abs(fc1 * dropped).sum(axis=1)[:, None] * np.abs(x).max(axis=0)  # (500, 1) * (200,) -> (500, 200)
    assert np.all(change <= bound * (1 + 1e-5))
    print(f"{name + ':':14} by {change.mean():.3f} on average; the bound is {bound.mean():.2f} on average")

# %% [markdown]
# ## Why training makes no zeros
#
# Ask for small weights, then: add a *penalty* to the loss. Two are old: $\lambda |w|$ (l1), and $\tfrac{\mu}{2} w^2$ (ridge, or weight decay). One weight,
# and a loss that wants $w = a$:
#
# $$F(w) = \tfrac12 (w - a)^2 + \tfrac{\mu}{2} w^2 \qquad\text{or}\qquad F(w) = \tfrac12 (w - a)^2 + \lambda |w|$$
#
# *Ridge.* The slope is $w - a + \mu w$. It is zero at $w = a/(1 + \mu)$: **shrunk, and zero only if $a = 0$**, that is, if the loss itself wanted zero.
#
# *l1.* The slope is $w - a + \lambda$ for $w > 0$ and $w - a - \lambda$ for $w < 0$. Let $|a| \le \lambda$. To the right of 0 the slope is more than $\lambda - a \ge 0$,
# so $F$ rises to the right; to the left it is less than $-\lambda - a \le 0$, so $F$ rises to the left as well. **The lowest point is at 0, for all $a$ from
# $-\lambda$ to $\lambda$.** Zero is the answer for a whole range of losses: that is what the corner of $|w|$ does.
#
# So l1 is the right penalty. Does a gradient method find its zeros? A step of length $\eta$ (the learning rate), with $g = L'(w)$ the gradient of the loss, is
#
# $$w^+ = w - \eta\, \big( g + \lambda \operatorname{sign}(w) \big), \qquad \operatorname{sign}(0) = 0$$
#
# ($\operatorname{sign}(w)$ is the slope of $|w|$, but at 0 there is none; any number from $-1$ to 1 may stand for it, and is called a *subgradient*.)
#
# **Without a loss** ($g = 0$) every step has the length $d = \eta \lambda$. Divide the start $w_0 > 0$ by $d$, with a remainder: $w_0 = m\,d + \rho$, with $m$ a whole number
# and $0 \le \rho < d$. While $w$ is positive it falls by $d$, so after $m$ steps $w_m = \rho$. If $\rho > 0$, then
#
# $$w_m = \rho > 0, \qquad w_{m+1} = \rho - d < 0, \qquad w_{m+2} = (\rho - d) + d = \rho, \qquad \dots$$
#
# **A sawtooth between $\rho$ and $\rho - d$, for ever.** Its two values are $d = \eta\lambda$ apart, and on average $|w|$ is $\frac12 (\rho + d - \rho) = d/2$. Only if $\rho = 0$, if $w_0$ is by accident a
# multiple of $d$, does it land. (From $w_0 < 0$ it is the mirror image.)
#
# **With a loss**, whose gradient may be another one in every step, as with mini-batches, but is always of size $|g| \le G$ for some $G < \lambda$. Let $B = \eta (\lambda + G)$. From $w > 0$
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
# A band of half-width $\eta (\lambda + G) < 2 \eta \lambda$, and inside it no rest. A smaller learning rate makes the band narrower, and no weight zero.
#
# **Ridge** alone makes a step of $w^+ = w - \eta \mu w = (1 - \eta\mu)\, w$, so $w_k = (1 - \eta\mu)^k\, w_0$: **the same fraction in every step, and never zero** for $0 < \eta\mu < 1$. It loses
# half in $\ln 2 / (-\ln (1 - \eta\mu))$ steps, and half of the rest in as many again.
#
# **What does land?** Take the step of the loss alone, and then bring $w$ nearer to zero by $\eta\lambda$, *but not past it*:
#
# $$w^+ = \operatorname{sign}(v) \max(|v| - \eta\lambda,\, 0), \qquad v = w - \eta\, g$$
#
# From $w = 0$ this gives $|v| = \eta |g| \le \eta G < \eta\lambda$, so $w^+ = 0$: **it lands, and stays.** This is a *prox*, and [chapter 4](04_proximal_operator.ipynb) derives it.


# %%
def slope_step(w, g, lr, lam):
    return w - lr * (g + lam * np.sign(w))


def prox_step(w, g, lr, lam):
    v = w - lr * g
    return np.sign(v) * np.maximum(np.abs(v) - lr * lam, 0)


def ridge_step(w, g, lr, mu):
    return w - lr * (g + mu * w)


def walk(step, w, slope, lr, lam, steps):
    """The weights from w on, (steps + 1, ...); slope(w) is the gradient of the loss."""
    path = [w]
    for _ in range(steps):
        path.append(step(path[-1], slope(path[-1]), lr, lam))
    return np.array(path)


# %% [markdown]
# **Check.** A thousand starts at once, without a loss; then with gradients that change at random; then ridge.

# %%
rng = np.random.default_rng(4)
starts, lr, lam, G = rng.uniform(0, 2, 1000), 0.1, 1.0, 0.5  # (1000,)
d, B = lr * lam, lr * (lam + G)
rho = starts % d  # (1000,)
path = walk(slope_step, starts, np.zeros_like, lr, lam, 200)  # (201, 1000)
np.testing.assert_allclose(np.sort(path[-2:], axis=0), [rho - d, rho], atol=1e-9)
np.testing.assert_allclose(np.abs(path[-100:]).mean(axis=0), d / 2)
print(f"no loss: after 200 steps all go to and fro between rho and rho - {d:.1f}; zeros on the way: {np.sum(path == 0)}")


def any_gradient(w):
    return rng.uniform(-G, G, w.shape)


path = walk(slope_step, starts, any_gradient, lr, lam, 200)
inside = np.abs(path) < B  # (201, 1000)
assert np.all(inside[1:] >= inside[:-1])  # once inside, always
assert inside[-1].all()
assert np.abs(np.diff(path, axis=0)).min() >= lr * (lam - G)  # no rest
landed = walk(prox_step, starts, any_gradient, lr, lam, 200)
print(
    f"random gradients, by the slope: all in the band of {B:.2f}, zeros on the way: {np.sum(path == 0)}; by the prox: {np.sum(landed[-1] == 0)}"
)
assert np.all((landed[1:] == 0) >= (landed[:-1] == 0))  # once zero, always
np.testing.assert_allclose(walk(ridge_step, starts, np.zeros_like, lr, lam, 200)[-1], starts * (1 - lr * lam) ** 200)

# %% [markdown]
# The same as a picture, for a loss that wants $a = 0.3$, with $\eta = 0.1$, and $\lambda = 1$ (for ridge too, as $\mu$). Here $g = w - a$ is known, so the band can be
# told more sharply. A step from $w > 0$ leads to $(1 - \eta) w - \eta (\lambda - a) > -\eta (\lambda - a)$, one from $w < 0$ to less than $\eta (\lambda + a)$: the band reaches from
# $-0.07$ to $0.13$.


# %%
def three_paths(lr, lam, steps=60):
    a, w0 = 0.3, 1.0
    low, high = -lr * (lam - a), lr * (lam + a)  # the band, for lam > a
    figure, (whole, near, scale) = plt.subplots(1, 3, figsize=(14, 3.4))
    whole.axhspan(low, high, color=W_COLOUR, alpha=0.15)
    near.axhspan(low, high, color=W_COLOUR, alpha=0.15)
    paths = []
    for name, step, colour in (
        ("l1, by the slope", slope_step, W_COLOUR),
        ("ridge", ridge_step, GREY),
        ("l1, by the prox", prox_step, V_COLOUR),
    ):
        path = walk(step, w0, lambda w: w - a, lr, lam, steps)
        for panel, values in ((whole, path), (near, path), (scale, np.where(path == 0, np.nan, np.abs(path)))):
            panel.plot(values, ".-", color=colour, label=name, linewidth=0.8)
        paths.append(path)
    whole.set(title="three ways towards zero", ylabel="w")
    whole.legend()
    near.set(title="magnified (shaded: the band)", ylim=(1.5 * low - 0.03, 1.5 * high + 0.03))
    scale.set(title="sizes |w|: the prox leaves this scale, it is 0", yscale="log")
    for panel in (whole, near, scale):
        panel.set_xlabel("step")
    plt.show()
    return paths


by_slope, by_ridge, by_prox = three_paths(lr=0.1, lam=1.0)
assert np.all(by_slope != 0)
assert np.all((-0.07 <= by_slope[-40:]) & (by_slope[-40:] <= 0.13))
np.testing.assert_allclose(by_ridge[-1], 0.3 / (1 + 1), atol=1e-5)
print(f"by the prox: 0 from step {np.argmax(by_prox == 0)} on; ridge ends at {by_ridge[-1]:.3f} = a/(1 + mu)")

# %% [markdown]
# With a running kernel: does any $\eta$ bring the blue path to zero? How does the band change with $\eta$, and with $\lambda$?

# %%
_ = interact(
    lambda lr, lam: three_paths(lr, lam) and None,
    lr=FloatLogSlider(value=0.1, base=10, min=-2, max=-0.3, step=0.1),
    lam=FloatLogSlider(value=1.0, base=10, min=-0.4, max=0.4, step=0.1),
)

# %% [markdown]
# ## An experiment: three ways to train a network
#
# A smaller LeNet (6, 12 and 60 units instead of 20, 50 and 500), so that it is quick. Plain gradient steps, $\eta = 0.1$, 400 of them, the same batches and
# the same start each time. $\lambda = 0.004$ for both l1 runs; ridge has $\mu = 0.08$.

# %%
lr, lam, mu = 0.1, 0.004, 0.08
ends, zeros = {}, {}
for name, step, weight in (
    ("l1, by the slope", slope_step, lam),
    ("ridge", ridge_step, mu),
    ("l1, by the prox", prox_step, lam),
):
    small = lenet5(np.random.default_rng(0), units=(6, 12, 60, 10))
    count = small.weights.size
    zeros[name] = []

    def update(gradient, small=small, count=count, name=name, step=step, weight=weight):
        small.weights[...] = step(small.weights, gradient[:count], lr, weight)
        small.flat[count:] -= lr * gradient[count:]  # the biases have no penalty
        zeros[name].append(100 * np.mean(small.weights == 0))

    learn(small, 400, update)
    ends[name] = small.weights.copy()  # (14070,)
    near = np.mean((np.abs(ends[name]) < 2 * lr * lam) & (ends[name] != 0))
    print(
        f"{name + ':':17} {accuracy(small):.1f} % right, {zeros[name][-1]:.1f} % zeros, {near:6.1%} not zero and less than 2 lr lam"
    )

figure, axes = plt.subplots(1, 4, figsize=(14, 3.2), width_ratios=[1, 1, 1, 1.2])
colours = dict(zip(ends, (W_COLOUR, GREY, V_COLOUR), strict=True))
for panel, (name, end) in zip(axes, ends.items(), strict=False):
    panel.hist(np.log10(np.abs(end[end != 0])), bins=np.arange(-7, 0.6, 0.25), color=colours[name])
    panel.axvline(np.log10(2 * lr * lam), color="black", linestyle="--", linewidth=0.8)
    panel.set(title=f"{name}: {np.sum(end == 0):,} zeros", xlabel="log10 |w| of the others", ylim=(0, 2600))
for name in ends:
    axes[3].plot(zeros[name], color=colours[name], label=name)
axes[3].set(title="weights that are exactly 0, %", xlabel="step")
axes[3].legend()
plt.show()
assert max(zeros["l1, by the slope"] + zeros["ridge"]) == 0
assert zeros["l1, by the prox"][-1] > 25

# %% [markdown]
# By the slope, the weights that l1 wants at zero crowd below the dashed line at $2 \eta \lambda$, and none is zero. Ridge shrinks all of them alike. The prox makes real zeros. (Not
# all that it could: a mini-batch's gradient is now and then larger than $\lambda$, and throws a weight out again. The splitting of
# [chapter 9](09_variable_splitting.ipynb) has an answer.)
#
# Could one not train by the slope, and call zero what is small? One can, and has to say how small. The answer then depends on that number, and the network
# that is counted is not the network that was trained.
#
# ## A map of the course
#
# All thirteen chapters are about one sum. $L$ is the loss; $W$ are the weights that learn, $V$ a second copy of the same shapes that is sparse; $\beta$ holds the
# two together:
#
# $$F(W, V) = \underbrace{L(W)}_{\text{2, 3}} + \underbrace{\lambda\, R(W)}_{\text{8: groups}} + \underbrace{\lambda\, r(V)}_{\text{4 to 7: single weights}} +
# \underbrace{\tfrac{\beta}{2} \lVert W - V \rVert^2}_{\text{9: the splitting}}$$
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
# | [9](09_variable_splitting.ipynb) | How do a gradient method and a prox work together, and why does the sum fall? |
# | [10](10_lenet5_on_mnist.ipynb) | What comes out for LeNet-5 and MNIST? |
# | [11](11_shaky_curves.ipynb) | And for words drawn by a shaky hand? |
# | [12](12_smaller_network.ipynb) | How do zeros become a smaller network with the same answers? |
# | [13](13_on_a_gpu.ipynb) | How does the same source run on a graphics card? |
#
# ## Exercises
#
# To be written in [exercises/01_why_sparsity.ipynb](exercises/01_why_sparsity.ipynb), where a check below each answer tells you what is
# wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** How many multiply-adds does a convolution make for one image? `C` channels of `H` x `W` go in, `K` channels come out, the window is `R` x `S`,
# there is no padding, and the window moves by one place at a time. Biases do not count.


# %% tags=["ex1"]
def conv_multiply_adds(C, H, W, K, R, S):
    """Multiply-adds of a convolution: (C, H, W) -> K channels, window R x S, no padding, stride 1. One number."""
    # BEGIN SOLUTION: how many numbers come out, and how many products each of them is a sum of
    P, Q = H - R + 1, W - S + 1
    return K * P * Q * C * R * S
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
    # BEGIN SOLUTION: copy; put the indices in the order of the sizes, stably; and zero the first of them
    pruned = w.flatten()
    order = np.argsort(np.abs(pruned), kind="stable")
    pruned[order[: int(fraction * w.size)]] = 0
    return pruned.reshape(w.shape)
    # END SOLUTION


# %% tags=["ex2"]
check("01.magnitude_prune", magnitude_prune)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Where does the sawtooth end? Weights `w0` of any shape, positive, negative or 0, follow the slope of $\lambda |w|$, without a loss:
# $w^+ = w - \eta\lambda \operatorname{sign}(w)$ with $\operatorname{sign}(0) = 0$. Give the two values between which each goes to and fro in the end: an array of shape `(2, *w0.shape)`, the lower
# values first. For a weight that lands on 0 both are 0. Do not walk: no loop.


# %% tags=["ex3"]
def sawtooth(w0, lr, lam):
    """The lower and the upper value between which each of w0 ends: (2, *w0.shape); w0 of any shape, lr > 0, lam > 0."""
    # BEGIN SOLUTION: a step changes w by d or by -d; which number from 0 to d is a whole number of such steps away from w0?
    d = lr * lam
    upper = w0 % d
    return np.stack([np.where(upper == 0, 0, upper - d), upper])
    # END SOLUTION


# %% tags=["ex3"]
check("01.sawtooth", sawtooth)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** `n` weights of `value_bits` each. How many of them have to be zero, at least, for the list (value and place of each weight that is not zero, a place
# takes `index_bits`) to need *fewer* bits than the dense array? A whole number, for all `n` of at least 1. Do not search.


# %% tags=["ex4"]
def zeros_that_pay(n, value_bits, index_bits):
    """The least number of zeros among n weights with which a list of values and places is shorter than the dense array."""
    # BEGIN SOLUTION: the most that may be left, (b + i) k < n b, in whole numbers; the others are zero
    left = (n * value_bits - 1) // (value_bits + index_bits)
    return n - left
    # END SOLUTION


# %% tags=["ex4"]
check("01.zeros_that_pay", zeros_that_pay)

# %% [markdown]
# ## Summary
#
# - LeNet-5 has 430,500 weights and 580 biases. After training none is zero, most are small, and many of the small ones can go.
# - fc1 holds 93 % of the weights; the convolutions do 82 % of the multiply-adds, because each of their weights is used at every place.
# - A zero saves memory in a list ($k/n < b/(b+i)$) or under a mask ($k/n < 1 - 1/b$). It saves time if whole units are zero.
# - Ridge shrinks by the same fraction in every step, and its lowest point is not at 0. The lowest point of l1 is at 0 for a range of losses. But a step along
#   its slope jumps over it, for ever, in a band of half-width less than $2\eta\lambda$.
# - A prox lands there, and stays.
