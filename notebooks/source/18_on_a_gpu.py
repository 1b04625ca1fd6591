# %% [markdown]
# # 18 The same code on a GPU
#
# *Reading: 35 minutes. Exercises: an evening. Needs chapters [2](02_convolution_by_hand.ipynb) and
# [4](04_proximal_operator.ipynb).*
#
# A graphics card has memory and arithmetic of its own, and more of both than a processor core. minisgl runs on one from the
# same source lines as on a processor: `python -m minisgl.train --backend cupy`.
#
# **What does a GPU do differently, and why can the same line run on both?**

# %% tags=["setup"]
import numpy as np

from minisgl.backend import get_array_module
from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
from inspect import ismodule
from pathlib import Path

import matplotlib.pyplot as plt
from ipywidgets import FloatLogSlider, interact
from threadpoolctl import threadpool_limits

from drawings import chapter_18 as draw
from drawings.chapter_18 import best_time
from minisgl.backend import array_module, block_size, device_name, to_device, to_host
from minisgl.course.show_code import show_code
from minisgl.data import mnist
from minisgl.errors import MinisglError
from minisgl.experiments import PRESETS
from minisgl.models import lenet5
from minisgl.nn import Workspace
from minisgl.penalties import L0, TransformedL1
from minisgl.solver.schedules import StepSettings
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# This chapter measures on whatever is there: with CuPy and an NVIDIA GPU on the GPU, else on one core of the processor.

# %%
try:
    xp = array_module("cupy")
except MinisglError as error:
    xp = np
    print(f"No GPU: {error}.\nEverything in this notebook was computed and measured with NumPy, on one processor core.")
place = device_name(xp) or "one processor core"
print(f"measured here: {place}")

# %% [markdown]
# ## A picture
#
# One operation, `xp.abs(x, out=y)` in float32, over the number of entries. The dots are measured here; `best_time` repeats an
# operation and takes the quickest. The dashed line is **no measurement**: it is an imagined device that waits 10 µs before it
# begins, and then moves 1,000 GB a second. We chose these two round numbers to draw with.

# %%
LATENCY, BANDWIDTH, PEAK = 10e-6, 1000e9, 20_000e9  # of the imagined device: s, bytes/s, flops/s
sizes = 4 ** np.arange(13)  # (13,), up to 16.8 million
seconds = []
for n in sizes:
    x, y = xp.ones(n, dtype=xp.float32), xp.ones(n, dtype=xp.float32)  # (n,)
    seconds.append(best_time(lambda x=x, y=y: xp.abs(x, out=y), xp, calls=max(1, min(200, 400_000 // n))))
draw.times(sizes, seconds, place, LATENCY, BANDWIDTH)
print(f"here: {1e6 * seconds[0]:.2f} µs for 1 entry, and {8 * sizes[-1] / seconds[-1] / 1e9:.1f} GB/s for {sizes[-1]:,}")

# %%
longer = seconds[-1] / seconds[0]
assert longer > 10, (
    f"the text says flat, then straight; here the largest array takes only {longer:.1f} times as long as one entry"
)

# %% [markdown]
# Small arrays go to whoever begins sooner, large ones to whoever moves more. (Where the dots of a processor bend once more,
# far right, the array has outgrown the cache.) Where do the two lines cross for another device? The sliders are its latency
# in µs and its bandwidth in GB/s.

# %%
_ = interact(
    lambda latency, bandwidth: draw.times(sizes, seconds, place, latency * 1e-6, bandwidth * 1e9),
    latency=FloatLogSlider(value=10, min=-1, max=3, step=0.1),
    bandwidth=FloatLogSlider(value=1000, min=0, max=4, step=0.1),
)

# %% [markdown]
# ## By hand
#
# The model has two parameters, the **latency** $\ell$ in seconds and the **bandwidth** $B$ in bytes a second:
#
# $$\text{time} = \ell + \frac{\text{bytes}}{B}$$
#
# `abs` of $n$ float32 numbers reads $4n$ bytes and writes $4n$. Take the imagined $\ell = 10$ µs and $B = 10^{12}$ bytes/s
# inside the device, and $\ell = 10$ µs, $B = 10^{10}$ bytes/s for the way between host and device (imagined, too).
#
# | | bytes | wait | move | together, µs |
# |---|---|---|---|---|
# | `abs` of 1 number | 8 | 10 | 0.000008 | 10.000008 |
# | `abs` of LeNet-5's 431,080 parameters | 3,448,640 | 10 | 3.45 | 13.45 |
# | `abs` of 100 million numbers | 800,000,000 | 10 | 800 | 810 |
# | fetch one loss | 4 | 10 | 0.0004 | 10.0004 |
# | fetch the parameters | 1,724,320 | 10 | 172.4 | 182.4 |
# | send 60,000 images of 784 pixels, once | 188,160,000 | 10 | 18,816 | 18,826 |
#
# Waiting and moving cost the same where $\ell = \text{bytes}/B$, at $\ell B$ bytes: here $10^7$. Far below that, ten numbers
# cost what ten thousand cost, almost.


# %%
def model(moved, latency=LATENCY, bandwidth=BANDWIDTH):
    """Seconds for one operation that moves so many bytes."""
    return latency + moved / bandwidth


parameters = lenet5(np.random.default_rng(0)).flat.size
inside_bytes, bus_bytes = np.array([8, 8 * parameters, 8e8]), np.array([4, 4 * parameters, 4 * 784 * 60_000])
by_hand = {
    "inside": (model(inside_bytes), [10.000008, 13.45, 810]),
    "the way": (model(bus_bytes, bandwidth=1e10), [10.0004, 182.4, 18_826]),
}
for name, (found, table) in by_hand.items():
    np.testing.assert_allclose(1e6 * found, table, rtol=1e-3, err_msg=f"microseconds by the model and in the table, {name}")
both = model(LATENCY * BANDWIDTH)
np.testing.assert_allclose(both, 2 * LATENCY, err_msg="at l B bytes waiting and moving should cost the same")
print("the table is right")

# %% [markdown]
# ## Few and large
#
# Cut an operation on $b$ bytes into $k$ pieces. Every piece waits, and together they move the same bytes:
#
# $$k \Big( \ell + \frac{b/k}{B} \Big) = k\,\ell + \frac{b}{B}$$
#
# So on a device one piece is best. A processor core has a small $\ell$ (its flat part above), and a cache that is faster than
# its memory: there pieces that fit into the cache are better. minisgl asks one function how large a piece is to be:

# %%
show_code(block_size)
pieces, by_text = 7 * model(8 * parameters / 7), 7 * LATENCY + 8 * parameters / BANDWIDTH
np.testing.assert_allclose(pieces, by_text, err_msg="seven pieces by the model, and k l + b/B")

# %% [markdown]
# ## The queue, and what a question costs
#
# `y = xp.abs(x)` on a GPU does not compute. It writes an order into a queue and returns; the device takes orders from there.
# So while the device works, the host is already writing the next orders, and nobody waits for the other. Until the host asks
# for a *number*: `float(loss)` has to wait until all that was ordered is done. Then the device has nothing to do until the
# next order arrives.
#
# Let an order take $h$ on the host, $d$ on the device, and a question $q$ on the way. After $n$ orders with no question the
# slower of the two has worked without a pause, and the other has begun before it or ended after it by one order:
#
# $$n \max(h, d) + \min(h, d) \qquad\text{and with a question after each:}\qquad n\,(h + d + q)$$
#
# So with a queue that never runs dry an operation costs at least its $h$, and that is most of the $\ell$ above. With
# questions all that is waited adds up. The figure plays it through, order by order, with $h = 5$, $d = 8$, $q = 10$ µs
# (imagined).


# %%
def play(n, h, d, q, asks):
    """When the host writes, and the device works on, each of n orders: two lists of (start, length); and the end."""
    host, device, now, free = [], [], 0.0, 0.0
    for i in range(n):
        host.append((now, h))
        now += h
        start = max(now, free)  # ordered, and the one before it done
        device.append((start, d))
        free = start + d
        if asks(i):
            now = free + q
    return host, device, max(now, free)


draw.queues(
    {
        "no question": play(12, 5, 8, 10, lambda i: False),
        "a float() after every third": play(12, 5, 8, 10, lambda i: i % 3 == 2),
    }
)

# %%
for h, d in ((5, 8), (8, 5), (5, 5)):
    for asks, by_text in ((False, 12 * max(h, d) + min(h, d)), (True, 12 * (h + d + 10))):
        end = play(12, h, d, 10, lambda i, asks=asks: asks)[2]
        assert end == by_text, f"h = {h}, d = {d}, questions {asks}: the formula says {by_text} µs, the game {end} µs"

# %% [markdown]
# Questions often do not look like questions. In a training step there must be none of these:
#
# | in a step, never | because | but |
# |---|---|---|
# | `float(x)`, `x.item()`, `print(x)` | the number has to be fetched | leave it there; look at every tenth step |
# | `if x > 0:`, `max(x, 0)` | a truth value is a number | `xp.where`, `xp.maximum` |
# | `for number in x:` | one operation and one question for each | one operation on all of `x` |
# | `x[mask]` | how many it picks decides the shape | `xp.where(mask, x, 0)` |
# | `np.zeros(n)`, `np.arange(n)` | an array of the host: it would have to move | `xp.zeros(n)`, `xp.arange(n)` |
#
# ## Why the same line runs on both
#
# CuPy's arrays and functions are called and behave as NumPy's. So a function that takes its module *from its argument*, and
# not from an import, runs wherever the argument lies:

# %%
show_code(get_array_module, to_device, to_host, L0.prox)

# %% [markdown]
# `xp = get_array_module(v)`, and then `xp.abs` where one would write `np.abs`: that is the whole pattern. Two details:
#
# - The standard for array libraries in Python has a method for the question "whose are you?": `__array_namespace__`. NumPy's
#   arrays have it; CuPy's, as of CuPy 14, do not. A test for this method alone would turn down every GPU array, so
#   `get_array_module` also looks at the name of the type's package.
# - Would `np.abs` not do? For many functions, yes: an array may answer NumPy's call itself (through `__array_ufunc__` and
#   `__array_function__`), and CuPy's arrays do. But `np.zeros(3)` has no array to ask, and makes one on the host.
#
# The last argument of `in_blocks`, `kernel=`, is for GPUs only; we come back to it.

# %%
v = xp.asarray(np.random.default_rng(0).normal(size=8), dtype=xp.float32)  # (8,)
assert get_array_module(v) is xp, f"v should belong to {xp.__name__}"
x = L0(0.5).prox(v, step=1.0)
print(type(x), to_host(x))

# %% [markdown]
# ## A GPU to test with, where there is none
#
# Whether a line asks a hidden question can be tested without a GPU. We build an array whose numbers lie *elsewhere*: in a
# NumPy array that nobody may touch but the functions of its own module. Whatever would fetch a number raises an error. On the
# way we count: each operation that computes is a **launch**, and reads its arguments and writes its result, so many
# **bytes**.

# %%
# views, or nothing:
NO_LAUNCH = ["reshape", "transpose", "swapaxes", "view", "as_strided", "__getitem__", "empty", "empty_like"]
log = []  # (name, bytes) of every launch


def inside(value):
    """The numbers of what lies elsewhere; other values as they are; no array of the host."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"an array {value.shape} of the host among arrays that lie elsewhere")
    if isinstance(value, tuple | list):
        return type(value)(inside(part) for part in value)
    return value._numbers if isinstance(value, Elsewhere) else value


def outside(value):
    """What NumPy made, elsewhere: even single numbers stay there."""
    return Elsewhere(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def elsewhere(function):
    """A function of NumPy's that takes and gives arrays that lie elsewhere."""

    def run(*args, **options):
        if function.__name__ == "__getitem__" and getattr(args[-1], "dtype", None) == np.dtype(bool):
            raise TypeError("a mask that lies elsewhere: how many entries it picks would have to be fetched")
        result = function(*inside(args), **{name: inside(value) for name, value in options.items()})
        if function.__name__ not in NO_LAUNCH:
            touched = [*inside(args), getattr(function, "__self__", None), result]
            log.append((function.__name__, sum(a.nbytes for a in touched if isinstance(a, np.ndarray))))
        return outside(result)

    return run


class Module:
    """NumPy's functions, elsewhere."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        found = getattr(self._module, name)
        if ismodule(found):
            return Module(found)
        return found if isinstance(found, type) or not callable(found) else elsewhere(found)

    def asarray(self, x):  # the way from the host, in to_device
        log.append(("moved from the host", x.nbytes))
        return Elsewhere(x.copy())


class Elsewhere:
    """An array whose numbers lie elsewhere."""

    __array_ufunc__ = None  # np.abs(x) is an error, and in x * 2 NumPy steps aside

    def __init__(self, numbers):
        self._numbers = numbers

    def __array_namespace__(self):
        return Module(np)

    def __len__(self):
        return len(self._numbers)

    def __getattr__(self, name):  # x.shape, x.sum()
        if name.startswith("__array"):  # other doors of NumPy's
            raise AttributeError(name)
        if name in ("item", "tolist", "tobytes", "data"):
            raise TypeError(f"{name} of numbers that lie elsewhere: they would have to be fetched")
        found = getattr(self._numbers, name)
        return elsewhere(found) if callable(found) else outside(found)


def refused(name):
    def refuse(self, *_):
        raise TypeError(f"{name} of numbers that lie elsewhere: they would have to be fetched")

    return refuse


for name in ("float", "int", "index", "bool", "iter", "array"):
    setattr(Elsewhere, f"__{name}__", refused(f"__{name}__"))
arithmetic = [side + name for side in ("", "r", "i") for name in ("add", "sub", "mul", "truediv")]
for name in (*arithmetic, "matmul", "neg", "abs", "lt", "le", "gt", "ge", "eq", "ne", "getitem", "setitem"):
    setattr(Elsewhere, f"__{name}__", elsewhere(getattr(np.ndarray, f"__{name}__")))

# %% [markdown]
# The package's proxes run through, with NumPy's bits. Hard thresholding as a formula reads $v$ and writes $x$: 8 bytes a
# number, in one operation. As array code it takes six (a boolean has 1 byte):
#
# | | `abs` | `> t` | `astype` | `*` | `+ 0` | into `out` | together |
# |---|---|---|---|---|---|---|---|
# | bytes a number | 4 + 4 | 4 + 1 | 1 + 4 | 4 + 4 + 4 | 4 + 4 | 4 + 4 | 46 |

# %%
v = np.random.default_rng(0).normal(size=100_000).astype(np.float32)  # (100000,)
counted = {}
for penalty in (L0(0.5), TransformedL1(0.3)):
    log.clear()
    x, name = penalty.prox(Elsewhere(v), step=1.0), type(penalty).__name__
    counted[name] = [moved / v.size for _, moved in log]
    print(f"{name}: {len(log)} launches, {sum(counted[name]):g} bytes a number")
    assert inside(x).tobytes() == penalty.prox(v, step=1.0).tobytes(), f"{name}: the stand-in should have NumPy's bits"
in_table = [4 + 4, 4 + 1, 1 + 4, 4 + 4 + 4, 4 + 4, 4 + 4]
assert counted["L0"] == in_table, f"the table says {in_table} bytes a number for l0; counted were {counted['L0']}"

# %% [markdown]
# A *fused* operation, one that does all six in one go, saves five of six waits and 38 of 46 bytes. That is what `kernel=` is
# for: the formula once more, as a string that CuPy compiles ([kernels.py](../minisgl/kernels.py)). The stand-in compiles
# nothing, so here the array code ran. A processor does without: the blocks of `in_blocks` keep the 46 bytes in the cache,
# where they are cheap.
#
# Now five lines that run on NumPy and would not do on a device. Each is stopped where it asks.

# %%
WRONG = {
    "np.where": lambda v: np.where(abs(v) > 1, v, 0),
    "np.zeros": lambda v: v * (abs(v) > 1) + np.zeros(1, dtype=v.dtype),
    "if": lambda v: v if abs(v) > 1 else 0 * v,
    "for": lambda v: [number if abs(number) > 1 else 0 for number in v],
    "a mask": lambda v: v[abs(v) > 1],
}
two = np.array([2.0], dtype=np.float32)  # (1,)
stopped = {}
for name, wrong in WRONG.items():
    assert np.asarray(wrong(two)) == 2, f"{name} should run on NumPy, and keep the 2; it returns {wrong(two)}"
    try:
        wrong(Elsewhere(two))
    except TypeError as error:
        stopped[name] = error
        print(f"{name:<9} {error}")
assert list(stopped) == list(WRONG), f"the text says that each is stopped; stopped were {', '.join(stopped)}"

# %% [markdown]
# (The project's own stand-in, [device_double.py](../tests/support/device_double.py), also knows which functions and arguments
# CuPy has.)
#
# And a whole training step of LeNet-5 with l0, forward, backward, W-step, V-step: does it ever ask? Two steps on the stand-in
# and on NumPy, the second one counted.

# %%
digits = mnist.load()[0][:100]
config = PRESETS["quick"]


def two_steps(put):
    """W, V and the loss after two steps of LeNet-5 on 20 digits, with all arrays put by `put`; what the second launched."""
    network = lenet5(np.random.default_rng(0))
    splitting = make_splitting(config, network.with_flat(put(network.flat)))
    settings = StepSettings(config.lr, config.regime.beta, dict.fromkeys(network.layout.weights, 0.05))
    images, labels = put(digits.images[:20]), put(digits.labels[:20])  # (20, 1, 28, 28), (20,)
    with running_shards(shards=1, threads=1) as shards:
        for _ in range(2):
            log.clear()
            loss, _ = shards.step(splitting, settings, images, labels)
    return (splitting.network.flat, splitting.v, loss), list(log)


(there, launches), (here, _) = two_steps(Module(np).asarray), two_steps(np.copy)
print(f"one step: {len(launches)} launches and no question")
for name, a, b in zip(("W", "V", "the loss"), there, here, strict=True):
    assert inside(a).tobytes() == b.tobytes(), f"{name} should have NumPy's bits"
table = Path("../docs/gpu.md").read_text(encoding="utf-8")
assert "| **252, 96** | **54, 0** |" in table, "the text says that docs/gpu.md counts 252 launches, and 54 with kernels"
moved = sum(name == "moved from the host" for name, _ in launches)
assert moved == 0, f"nothing should move within a step; {moved} arrays did"

# %% [markdown]
# How long is such a step on a GPU? Never shorter than $n h$, what the host needs to write its $n$ orders. Kernels make $n$
# smaller: [docs/gpu.md](../docs/gpu.md) counts 54 launches a step with them, and 252 without. With a GPU, and a
# PyTorch built for CUDA, `python -m benchmarks.gpu` measures the step on yours.
#
# ## The roofline
#
# An operation of $F$ flops (additions, multiplications, and what costs like them) that moves $b$ bytes needs at least $b/B$
# seconds, and at least $F/P$, where $P$ is the **peak**, the most flops a second. At best it does both at once:
#
# $$\text{time} \ge \max\Big(\frac{F}{P}, \frac{b}{B}\Big) \qquad\Longleftrightarrow\qquad \frac{F}{\text{time}} \le \min\big(P,\; I B\big),
# \qquad I = \frac{F}{b}$$
#
# (invert, and multiply by $F$). $I$ is the **arithmetic intensity**, in flops a byte. Below the ridge $I = P/B$ the memory
# decides, above it the arithmetic.
#
# *A prox.* Hard thresholding compares a size, multiplies and adds: with `abs` 4 flops a number, for 8 bytes. $I = 0.5$, for
# every $n$.
#
# *A matrix product.* $(m, k) \cdot (k, n) \to (m, n)$. Each of the $mn$ results is a sum of $k$ products: $k$ multiplications
# and $k - 1$ additions, together about $2k$. Each number is moved once at least, and has 4 bytes:
#
# $$I = \frac{2\,mkn}{4\,(mk + kn + mn)} = \frac{1}{2\,\big(\tfrac1n + \tfrac1m + \tfrac1k\big)}$$
#
# (divide by $mkn$). For $m = k = n$ that is $n/6$: the larger, the better. And since every term in the bracket makes it
# larger, $I < \tfrac12 \min(m, k, n)$: the *smallest* side decides. That is why a batch goes through a layer together, and
# not image by image.
#
# *A convolution* is the product $(K, CRS) \cdot (CRS, PQN)$ of [chapter 2](02_convolution_by_hand.ipynb). For LeNet-5:


# %%
def intensity(m, k, n):
    """Flops a byte of (m, k) @ (k, n) in float32."""
    return 2 * m * k * n / (4 * (m * k + k * n + m * n))


PRODUCTS = {  # (m, k, n), of a batch of 100
    "16 x 16": (16, 16, 16),
    "512 x 512": (512, 512, 512),
    "conv1": (20, 25, 24 * 24 * 100),
    "conv2": (50, 500, 8 * 8 * 100),
    "fc1": (500, 800, 100),
}
for name, (m, k, n) in PRODUCTS.items():
    found, by_text = intensity(m, k, n), 1 / (2 * (1 / m + 1 / k + 1 / n))
    print(f"{name:<12} {found:6.1f} flops a byte")
    np.testing.assert_allclose(found, by_text, err_msg=f"the two forms of I, for {name}")
    flops, time = 2 * m * k * n, max(2 * m * k * n / PEAK, 4 * (m * k + k * n + m * n) / BANDWIDTH)
    np.testing.assert_allclose(flops / time, min(PEAK, found * BANDWIDTH), err_msg=f"flops a second at best, for {name}")
    assert found < min(m, k, n) / 2, f"{name}: I = {found:.1f} should be below half of the smallest side, {min(m, k, n) / 2:g}"
print(f"fc1, 1 image {intensity(500, 800, 1):6.1f} flops a byte: its 1.6 MB of weights are read for a single image")
np.testing.assert_allclose(intensity(512, 512, 512), 512 / 6, err_msg="for square matrices I should be n/6")

# %% [markdown]
# Now measured. The slope is the most that a copy or `abs` of 64 MB moves, the top what the quickest of the products computes,
# and the dots are the operations. A processor has a second slope (dotted), of a copy of 128 KB that stays in its cache.
# Right, the same operations under the roof of the imagined device, whose peak we set to 20,000 GFLOP/s: no dots, nothing is
# measured there.

# %%
rng = np.random.default_rng(0)
big, other = xp.ones(1 << 24, dtype=xp.float32), xp.ones(1 << 24, dtype=xp.float32)  # (16777216,): 64 MB each
small, another = big[: 1 << 15].copy(), other[: 1 << 15].copy()  # (32768,): 128 KB each
dots = {}  # (flops a byte, flops a second)
with threadpool_limits(limits=1, user_api="blas"):
    copying = best_time(lambda: xp.copyto(other, big), xp, patience=0.3)
    sizing = best_time(lambda: xp.abs(big, out=other), xp, patience=0.3)
    slope = 2 * big.nbytes / min(copying, sizing)
    cache = 2 * small.nbytes / best_time(lambda: xp.copyto(another, small), xp, calls=100) if xp is np else None
    dots["abs"] = 1 / 8, big.size / sizing
    dots["l0 prox"] = 4 / 8, 4 * big.size / best_time(lambda: L0(0.5).prox(big, 1.0, out=other), xp, patience=0.3)
    for name, (m, k, n) in PRODUCTS.items():
        a, b = (to_device(rng.random(shape, dtype=np.float32), xp) for shape in ((m, k), (k, n)))
        product = xp.empty((m, n), dtype=xp.float32)
        calls = max(1, 10**6 // (m * k * n))
        time = best_time(lambda a=a, b=b, product=product: xp.matmul(a, b, out=product), xp, calls=calls)
        dots[name] = intensity(m, k, n), 2 * m * k * n / time
peak = max(speed for _, speed in dots.values())
expected = {name: (at, None) for name, (at, _) in dots.items()}
draw.roofs(
    {
        f"measured: {place}" + " (dotted: from its cache)" * bool(cache): (peak, slope, cache, dots),
        "imagined device: what the roof allows": (PEAK, BANDWIDTH, None, expected),
    }
)
print(f"here: {slope / 1e9:.1f} GB/s, {peak / 1e9:.0f} GFLOP/s, ridge at {peak / slope:.1f} flops a byte", end="")
print(f"; in the cache {cache / 1e9:.0f} GB/s" if cache else "")
for name, (at, speed) in dots.items():
    print(f"{name:<10} {speed / 1e9:7.2f} GFLOP/s, {speed / min(peak, slope * at):4.0%} of what the memory's roof allows")

# %% [markdown]
# `abs` and the prox stand left of the ridge: nobody can speed them up with more arithmetic, only by moving fewer bytes. (The
# prox is below its roof here: its passes through the cache take time, too.) The large products compute many times faster.
# What stands above the slope, if anything does, has found its numbers in the cache. The product of $16 \times 16$ is below
# it: it is so short that the latency is most of its time. Hence two habits of the package: a convolution is one large
# product, and an update is a pass over one long vector.

# %%
ridge = peak / slope
for name in ("abs", "l0 prox"):
    assert dots[name][0] < ridge, f"{name}, {dots[name][0]:g} flops a byte, should stand left of the ridge at {ridge:.2f}"
quicker, short = peak / dots["l0 prox"][1], dots["16 x 16"][1] / peak
assert quicker > 5, f"the large products should compute many times faster than the prox; here {quicker:.1f} times"
assert short < 1 / 3, f"the product of 16 x 16 should mostly wait; here it reaches {short:.0%} of the peak"

# %% [markdown]
# With a running kernel set the device's peak (GFLOP/s) and bandwidth (GB/s) to those of a data sheet, and see which operation
# changes sides.

# %%
_ = interact(
    lambda peak, bandwidth: draw.roofs({"the roof of your device": (peak * 1e9, bandwidth * 1e9, None, expected)}),
    peak=FloatLogSlider(value=20_000, min=1, max=6, step=0.1),
    bandwidth=FloatLogSlider(value=1000, min=0, max=4, step=0.1),
)

# %% [markdown]
# ## Memory that is used again (optional)
#
# New memory costs time, too: a processor has to be given its pages one by one. So a layer asks a `Workspace` for its arrays,
# in the module of an array that it is given, and gets the same ones at every step (a part of them for a smaller batch).

# %%
show_code(Workspace.array)

# %%
workspace, x = Workspace(), xp.ones((100, 3000), dtype=xp.float32)  # (100, 3000)
first = workspace.array("a layer", "its result", x.shape, x)
again = workspace.array("a layer", "its result", x.shape, x)  # the next step
workspace.array("a layer", "its result", (37, 3000), x)[...] = 7  # the last batch, smaller
fresh = best_time(lambda: xp.abs(big), xp, patience=0.3)
print(f"abs of 64 MB: {1e3 * fresh:.1f} ms into new memory, {1e3 * sizing:.1f} ms into old ({place})")
assert get_array_module(first) is xp, f"the array should belong to {xp.__name__}, as x does"
assert again is first, f"the next step should get the same array; it gets another one of shape {again.shape}"
assert to_host(first[:37].min()) == 7, (
    f"a smaller batch should get a part of the same array, full of 7; there is a {to_host(first[:37].min()):g}"
)

# %% [markdown]
# ## Why the last bits differ
#
# A float32 has 24 binary digits. A sum of two is rounded to the nearest float32: with $u = 2^{-24}$,
#
# $$\operatorname{fl}(a + b) = (a + b)(1 + \delta), \qquad |\delta| \le u$$
#
# By hand: from $2^{24} = 16{,}777{,}216$ on, float32 has only even numbers. $2^{24} + 1$ lies half-way between two of them,
# and is rounded to the one whose last binary digit is 0: $2^{24}$. So
#
# $$\big( 2^{24} + 1 \big) + 1 \to 2^{24} \qquad\text{but}\qquad 2^{24} + \big( 1 + 1 \big) = 2^{24} + 2$$
#
# The same three numbers, in another order. A GPU adds in another order than a processor: thousands of partial sums at once,
# and then those. How far apart can two orders be? Follow one number $x_i$ on its way into the sum. Each addition that it goes
# through multiplies it by some $1 + \delta$. After $k_i \le k$ additions
#
# $$\hat s = \sum_i x_i \prod_{j=1}^{k_i} (1 + \delta_{ij}), \qquad
# \Big| \prod_{j=1}^{k_i} (1 + \delta_{ij}) - 1 \Big| \le (1 + u)^k - 1,$$
#
# because the product is at most $(1 + u)^k$, and at least $(1 - u)^k \ge 1 - ku \ge 2 - (1 + u)^k$. Take the sum $s = \sum
# x_i$ away, and the sizes:
#
# $$|\hat s - s| \le \big( (1 + u)^k - 1 \big) \sum_i |x_i| \approx k\,u \sum_i |x_i|$$
#
# What counts is the **longest way**. *One after the other*: $x_1$ goes through all additions, $k = n - 1$. *In pairs*, and
# then pairs of pairs, as a tree: with $n = 2^k$ there are $k$ levels, $k = \log_2 n$.


# %%
def in_pairs(x):
    """The sum of 2^k numbers, level by level."""
    for _ in range(int(np.log2(x.size))):
        x = x.reshape(-1, 2)  # (size/2, 2)
        x = x[:, 0] + x[:, 1]  # (size/2,)
    return x.item()


lengths, u = 2 ** np.arange(2, 22), 2.0**-24  # (20,)
x = np.random.default_rng(0).random(lengths[-1], dtype=np.float32)  # (2097152,), between 0 and 1
ways = {
    "one after the other": lambda x: np.cumsum(x)[-1],  # the last of the running sums
    "in pairs": in_pairs,
    f"x.sum(), {place}": lambda x: to_host(to_device(x, xp).sum()),
}
exact = np.array([x[:n].sum(dtype=np.float64) for n in lengths])  # float64 has 29 digits more
errors = {name: np.array([abs(way(x[:n]) - s) / s for n, s in zip(lengths, exact, strict=True)]) for name, way in ways.items()}
bounds = {"one after the other": (1 + u) ** (lengths - 1.0) - 1, "in pairs": (1 + u) ** np.log2(lengths) - 1}
draw.sums(lengths, errors, bounds)
print(*(f"{name}: {error[-1]:.1e}" for name, error in errors.items()), f"({lengths[-1]:,} numbers)", sep="\n")

# %%
big_one, one = np.float32(2**24), np.float32(1)
assert (big_one + one) + one == big_one, f"(2^24 + 1) + 1 should be 2^24 in float32; it is {(big_one + one) + one:.0f}"
assert big_one + (one + one) == big_one + 2, f"2^24 + (1 + 1) should be 2^24 + 2; it is {big_one + (one + one):.0f}"
a, b = np.random.default_rng(1).random((2, 100_000), dtype=np.float32)  # (100000,) each
exactly = a.astype(np.float64) + b
delta = np.abs((a + b) / exactly - 1).max() / u
assert 0.9 < delta <= 1, f"|delta| should be at most u, and close to it here; it is {delta:.3f} u"
signs = np.random.default_rng(2).choice([-1, 1], (1000, 20))
signs[0], signs[1] = 1, -1
away = np.abs(np.prod(1 + 0.01 * signs, axis=1) - 1).max()  # u = 0.01, k = 20
assert abs(away - (1.01**20 - 1)) < 1e-12, f"a product should be {1.01**20 - 1:.4f} from 1 at most; it is {away:.4f}"
np.testing.assert_allclose((1 + u) ** 1000.0 - 1, 1000 * u, rtol=1e-4, err_msg="(1 + u)^k - 1 should be about k u")
for name, bound in bounds.items():
    worst = (errors[name] / bound).max()
    assert worst <= 1, f"{name}: the error should stay below the bound; it is {worst:.2f} times the bound"
in_a_row, as_tree = errors["one after the other"][-1], errors["in pairs"][-1]
assert as_tree < in_a_row, (
    f"pairs should be more exact than one after the other; the errors are {as_tree:.1e} and {in_a_row:.1e}"
)

# %% [markdown]
# ## The same bits again
#
# An order that is *fixed* gives the same bits each time; another order gives others. In minisgl the order depends on the
# settings alone. A batch is cut into `shards`, each adds up its own gradient, and these are added in their order. Who runs
# them, one thread or two, changes nothing. (A GPU takes a batch whole: one shard.)

# %%
network, gradients = lenet5(np.random.default_rng(0)), {}
for shards, threads in ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2)):
    with running_shards(shards, threads) as run:
        gradients[shards, threads] = run.gradient(network, digits.images, digits.labels)[2].copy()  # (431080,)
largest = abs(gradients[1, 1]).max()
for (shards, threads), g in gradients.items():
    differ, apart = np.mean(g != gradients[1, 1]), abs(g - gradients[1, 1]).max() / largest
    print(
        f"{shards} shards, {threads} threads: {differ:4.0%} of the numbers differ from 1 shard's, by up to {apart:.0e} of the largest"
    )
    assert g.tobytes() == gradients[shards, 1].tobytes(), f"with {shards} shards, {threads} threads should change no bit"
    assert apart < 1e-5, f"{shards} shards should change the last bits only; a number differs by {apart:.0e} of the largest"

# %% [markdown]
# Starting weights and the order of the images come from a *seed*, and are drawn on the host: `default_rng((seed, epoch))`. So
# a run on a GPU starts with the same bits and sees the same batches; from there on its sums are rounded in another order.
#
# ## Exercises
#
# To be written in [exercises/18_on_a_gpu.ipynb](exercises/18_on_a_gpu.ipynb), where a check below each answer tells you what
# is wrong.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** *Firm thresholding* lies between soft and hard: with $t > 0$ and $g > 1$,
#
# $$x = \begin{cases} 0 & |v| \le t \\ \operatorname{sign}(v)\, \frac{g}{g - 1} (|v| - t) & t < |v| \le g t \\ v & |v| > g t \end{cases}$$
#
# Write it, entry by entry, for an array of *any* module, with no hidden question to a device. The check gives you arrays of
# NumPy and arrays whose numbers lie elsewhere. The result has the kind, shape and dtype of `v`, and `v` stays as it was.


# %% tags=["ex1"]
def firm_threshold(v, t, g):
    """0 up to t, v beyond g t, and a straight line between; v an array of any module and shape, t > 0 and g > 1 numbers."""
    # BEGIN SOLUTION: whose functions do you call, and how do you choose among three pieces without asking?
    module = get_array_module(v)
    size = module.abs(v)
    line = module.sign(v) * (size - t) * (g / (g - 1))
    return module.where(size > g * t, v, module.where(size > t, line, 0))
    # END SOLUTION


# %% tags=["ex1"]
check("18.firm_threshold", firm_threshold)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** im2col copies each pixel into up to $RS$ columns before the product. A *direct* convolution never writes the
# columns: it reads the images $(C, H, W, N)$ and the weights $(K, C, R, S)$ once, and writes the result $(K, P, Q, N)$ once.
# Stride 1, no padding, no bias. How many flops a byte is that, if a number has `itemsize` bytes? (Count a multiplication and
# an addition for every product.)


# %% tags=["ex2"]
def direct_intensity(images, weight, itemsize):
    """Flops a byte of a direct convolution; images and weight are shapes, (C, H, W, N) and (K, C, R, S): one number."""
    C, H, W, N = images
    K, _, R, S = weight
    # BEGIN SOLUTION: how many flops, and how many bytes?
    P, Q = H - R + 1, W - S + 1
    flops = 2 * K * C * R * S * P * Q * N
    numbers = C * H * W * N + K * C * R * S + K * P * Q * N
    return flops / (itemsize * numbers)
    # END SOLUTION


# %% tags=["ex2"]
check("18.direct_intensity", direct_intensity)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** Predict the time of a step. It is a list of operations, one after the other: operation $i$ has `flops[i]`
# flops, moves `moved[i]` bytes, and waits for the latency first. Then it computes and moves at once, and is done when the
# slower of the two is.


# %% tags=["ex3"]
def step_time(flops, moved, latency, bandwidth, peak):
    """Seconds for all operations: flops and moved are (k,); latency in s, bandwidth in bytes/s, peak in flops/s."""
    # BEGIN SOLUTION: how long does one operation take?
    return len(flops) * latency + np.maximum(flops / peak, moved / bandwidth).sum()
    # END SOLUTION


# %% tags=["ex3"]
check("18.step_time", step_time)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** Add up the $n \ge 1$ numbers of `x` as a tree, for *every* $n$, also odd ones: no number may go through more
# than $\lceil \log_2 n \rceil$ additions. A loop over the levels, none over the numbers; the result has `x`'s dtype. Without
# `sum`, which has an order of its own.


# %% tags=["ex4"]
def pairwise_sum(x):
    """The sum of x (n,), n >= 1, over at most ceil(log2 n) additions in a row."""
    # BEGIN SOLUTION: what is one level, and what becomes of a number without a partner?
    while len(x) >= 2:
        half = len(x) // 2
        x = np.concatenate([x[:half] + x[half : 2 * half], x[2 * half :]])
    return x[0]
    # END SOLUTION


# %% tags=["ex4"]
check("18.pairwise_sum", pairwise_sum)

# %% [markdown]
# ## Summary
#
# - An operation takes $\ell + \text{bytes}/B$ at least. A device waits longer and moves faster: give it few, large
#   operations.
# - Inside a step no question: no `float`, no `if`, no loop over numbers. The queue must not run dry.
# - `xp = get_array_module(x)`: the module comes from the data, so one source runs on both, and a stand-in tests it without a
#   GPU.
# - $I = F/b$ flops a byte decides what binds: a prox (0.5) the memory, a large product ($n/6$) the arithmetic.
# - Another order of a sum gives other last bits. The error is at most about $k\,u \sum |x_i|$, if the longest way has $k$
#   additions. A fixed order gives the same bits.
