# %% [markdown]
# # 15 Shaky curves
#
# *Reading: 40 minutes. Exercises: an evening. Needs chapters [5](05_hard_thresholding.ipynb) and [11](11_variable_splitting.ipynb).*
#
# Some illnesses make the hand tremble. A word written with such a hand looks different, and we see it at once. Yet no pixel of the picture tells: the word
# may be any word, in any font, large or small, thick or thin.
#
# **What is it that differs, and how can a network see it with a fraction of its weights?**
#
# The task is from Xue and Xin ([arXiv 1902.07419](https://arxiv.org/abs/1902.07419)), who solve it with the relaxed variable splitting of [chapter
# 11](11_variable_splitting.ipynb). Their pictures are not public. What follows is a *reconstruction*: the task and the kind of network are theirs; words,
# fonts, the model of the hand and all sizes are ours, and every picture is drawn here from a seed.

# %% tags=["setup"]
import numpy as np

from minisgl.course import check, limit_blas_threads

limit_blas_threads()

# %%
import json
import re
from itertools import pairwise, product
from pathlib import Path

import matplotlib.pyplot as plt
from ipywidgets import FloatSlider, interact

from drawings import chapter_15 as draw
from minisgl.analysis.occlusion import log_odds, occlusion_map
from minisgl.course.show_code import show_code
from minisgl.data import curves
from minisgl.data.curves import displacement
from minisgl.data.curves.fonts import set_word
from minisgl.data.curves.rendering import rasterise
from minisgl.data.labelled import LabelledImages
from minisgl.experiments import preset
from minisgl.models import curve_net
from minisgl.training.loop import Training
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## A picture
#
# One word in four fonts, a row each. Along a row only the hand changes: all else that is random comes from the same seed. Lengths are in **x-heights**,
# the height of the letter o; a tremor of 0.1 means that the pen is 0.1 x-heights off its path, as a root mean square (RMS).


# %%
def by_hand(font, tremor):
    """The word harbour, written by one hand: (48, 128)."""
    return curves.render_word("harbour", font, tremor, np.random.default_rng(3))


fonts, tremors = ("cursive", "futural", "rowmant", "DejaVuSans"), (0, 0.09, 0.12, 0.15, 0.18)
rows = {font: {f"tremor {off:g}" if off else "regular": by_hand(font, off) for off in tremors} for font in fonts}
draw.pictures(rows, (14, 4.8))

# %% [markdown]
# ## By hand: how long is a wave?
#
# A hand trembles in time, 4 to 6 times a second; 5 Hz is the middle. On paper we see no time, only what the pen leaves. So let the pen travel at a speed
# of 2.5 x-heights a second. In one second it makes 5 waves on 2.5 x-heights of path, so one wave is $2.5 / 5 = 0.5$ x-heights long. If an
# x-height is 14 pixels, that is $0.5 \cdot 14 = 7$ pixels. In general, with frequency $\nu$ (1/s), speed $s$ (x-heights/s) and $X$ pixels to an
# x-height,
#
# $$\text{wavelength} \;=\; \frac{s}{\nu}\;\text{x-heights} \;=\; \frac{s}{\nu}\, X\;\text{pixels}$$
#
# | | 6 Hz | 5 Hz | 4 Hz | 0.5 Hz |
# |---|---|---|---|---|
# | in x-heights | 0.417 | 0.5 | 0.625 | 5 |
# | pixels, at 14 to an x-height | 5.8 | 7 | 8.75 | 70 |
#
# A straight line of 10 x-heights has room for 20 waves of 5 Hz.

# %%
speed, pixels = displacement.PEN_SPEED, 14
q = np.arange(0, 10, 0.02)  # (500,) path travelled, in x-heights
wave = 0.13 * np.sqrt(2) * np.sin(2 * np.pi * q * 5 / speed)  # (500,) across the path; its RMS is 0.13
straight = np.stack([q, np.zeros_like(q)], axis=1)  # (500, 2)
lines = {"one wave of 5 Hz": [straight + wave[:, None] * (0, 1)]}
for title, band, seed in (
    ("a tremor: 24 waves of 4 to 6 Hz", displacement.TREMOR, 1),
    ("a drift: 24 waves of 0.2 to 0.8 Hz", displacement.DRIFT, 4),
):
    lines[title] = displacement.write([straight], "single-stroke", band, 0.13, np.random.default_rng(seed))
drawn = {
    title: rasterise([line * pixels + (8, 12) for line in own], "single-stroke", 1.7, (24, 156)) for title, own in lines.items()
}
draw.pictures({"": drawn}, (14, 1.5))

# %%
table = np.array([speed / nu for nu in (6, 5, 4, 0.5)])
np.testing.assert_allclose(table, [0.417, 0.5, 0.625, 5], rtol=1e-3, err_msg="the table's first row, in x-heights")
np.testing.assert_allclose(table * pixels, [5.8, 7, 8.75, 70], rtol=6e-3, err_msg="the table's second row, in pixels")
crests = np.sum((wave[1:-1] > wave[:-2]) & (wave[1:-1] >= wave[2:]))
print(f"{crests} crests on {len(q) * 0.02:g} x-heights; RMS {np.sqrt(np.mean(wave**2)):.3f}")
assert crests == 20, f"the text says 20 waves, and these are {crests}"

# %% [markdown]
# In all three the pen is 0.13 x-heights off its place, by RMS; in the last two also along the line, not only across it. A regular hand is not a ruler: it
# **drifts**, as far as the other trembles, but in waves of 3 to 12 x-heights. So it is only the wavelength that differs. How the hands are made, and why
# so, comes [at the end](#How-a-hand-is-made); first the network.
#
# ## The network
#
# Three convolutions, each followed by max-pooling and ReLU, and one linear layer `fc`:

# %%
network = curve_net(np.random.default_rng(0))
shape, work = network.input_shape, {}
print(f"{'':6} {'output':>14} {'weights':>8} {'multiplications':>16}")
for name, layer in network.layers.items():
    shape = layer.output_shape(shape)
    if layer.parameters:
        places = int(np.prod(shape[1:]))  # 1 for fc
        work[name] = layer.weight.size, layer.weight.size * places
        print(f"{name:6} {shape!s:>14} {work[name][0]:8,} {work[name][1]:16,}")
weights, products = np.sum(list(work.values()), axis=0)
print(f"fc has {work['fc'][0] / weights:.0%} of the weights, and does {work['fc'][1] / products:.2%} of the multiplications")
assert work["fc"][0] == 2 * 64 * 4 * 14, f"the text says that fc has 7,168 weights, and it has {work['fc'][0]}"
assert work["fc"][0] > weights / 2, f"the text says that fc has over half of the weights: {work['fc'][0]} of {weights}"

# %% [markdown]
# A convolution uses each of its weights at every place. `fc` has a weight of its own for every class, channel and place,
# $2 \cdot 64 \cdot 4 \cdot 14 = 7{,}168$. So it is the large layer, and the one to make sparse: the word may stand anywhere in the frame, and the same
# question is asked at 56 places. Zeros here save memory, and hardly any multiplications: those are in the convolutions.
#
# ## How much of the curve does one unit see?
#
# The **receptive field** $R_l$ of a unit of layer $l$ is the number of pixels in a row that it depends on. Let layer $l$ have windows of $k_l$ and a
# stride $s_l$.
#
# *How far apart are neighbours?* Neighbours of layer $l$ look at windows that start $s_l$ units of layer $l - 1$ apart. If those lie $J_{l-1}$ pixels
# apart,
#
# $$J_l = s_l\, J_{l-1}, \qquad J_0 = 1$$
#
# *What does one see?* A window of $k_l$ units of layer $l - 1$: the first sees $R_{l-1}$ pixels, and each of the other $k_l - 1$ begins, and ends,
# $J_{l-1}$ pixels further. So
#
# $$\boxed{\;R_l = R_{l-1} + (k_l - 1)\, J_{l-1}, \qquad R_0 = 1\;}$$
#
# | | $k, s$ | $R = R + (k - 1) J$ | $J = s J$ |
# |---|---|---|---|
# | conv1 | 5, 1 | $1 + 4 \cdot 1 = 5$ | 1 |
# | pool1 | 2, 2 | $5 + 1 \cdot 1 = 6$ | 2 |
# | conv2 | 3, 1 | $6 + 2 \cdot 2 = 10$ | 2 |
# | pool2 | 2, 2 | $10 + 1 \cdot 2 = 12$ | 4 |
# | conv3 | 3, 1 | $12 + 2 \cdot 4 = 20$ | 4 |
# | pool3 | 2, 2 | $20 + 1 \cdot 4 = 24$ | 8 |
#
# A shaky word, and what one unit of each layer sees of it. Below, the shortest and the longest waves of the experiment: 6 Hz at 11.5 pixels to an
# x-height, and 4 Hz at 17.

# %%
table = {"conv1": (5, 1, 5, 1), "pool1": (2, 2, 6, 2), "relu1": (1, 1, 6, 2), "conv2": (3, 1, 10, 2)}  # k, s, R, J
table |= {"pool2": (2, 2, 12, 4), "relu2": (1, 1, 12, 4), "conv3": (3, 1, 20, 4), "pool3": (2, 2, 24, 8)}
fields = {name: row[2] for name, row in table.items()}
corners = {"conv1": (22, 36), "conv2": (40, 34), "conv3": (60, 40), "pool3": (92, 40)}
shortest, longest = speed / 6 * 11.5, speed / 4 * 17  # in pixels
draw.receptive_fields(
    by_hand("cursive", 0.12),
    {name: (*corner, fields[name]) for name, corner in corners.items()},
    [(8, f"6 Hz: waves of {shortest:.1f} pixels", shortest), (70, f"4 Hz: waves of {longest:.1f} pixels", longest)],
)
for name in ("conv1", "conv2", "conv3"):
    print(f"a unit of {name} sees {fields[name] / longest:.1f} to {fields[name] / shortest:.1f} waves")

# %% [markdown]
# A unit of conv1 sees a bow that could belong to any letter. A unit of conv3 sees two to four waves, one after the other, and few letters are like that:
# this is what three layers are for. (Some are, in gothic fonts, and of what the full runs get wrong a good part is regular writing in these.) `fc` has
# only to gather what is found.
#
# **Check** without the formula: in a network whose weights are all 1 nothing cancels. Light one pixel at a time, row by row, and count how many of
# these rows reach a given unit.

# %%
for (_, (*_, R, J)), (name, (k, s, *row)) in pairwise({"image": (0, 0, 1, 1), **table}.items()):
    by_formula = [R + (k - 1) * J, s * J]
    assert row == by_formula, f"the table has R and J = {row} for {name}, and the formula {by_formula}"
bright = curve_net(np.random.default_rng(0))
bright.flat[...] = 1
bright.flat[bright.layout.n_weights :] = 0  # biases
x = np.zeros((1, 48, 128, 48), np.float32)  # (C, H, W, N): picture i has its light in row i
x[0, np.arange(48), 64, np.arange(48)] = 1
for name, R in fields.items():
    x, _ = bright.layers[name].forward(x)  # (K, P, Q, 48)
    reached = (x[0, x.shape[1] // 2] > 0).any(axis=0)  # (48,): does the light in row i reach a unit of the middle row?
    assert reached.sum() == R, f"by the table a unit of {name} sees {R} rows, and {reached.sum()} reach it"
    apart = np.diff((x[0] > 0).any(axis=1).argmax(axis=1))  # (P - 1,): from the first row that a unit sees to its neighbour's
    assert {*apart} == {table[name][3]}, f"by the table units of {name} are {table[name][3]} rows apart"
print("counted, and equal to the table")

# %% [markdown]
# ## The splitting, on one layer
#
# From [chapter 11](11_variable_splitting.ipynb): $W$ learns, $V$ is sparse, a spring holds them together. Here the penalty is on `fc` alone, with no group
# lasso,
#
# $$F_\beta(W, V) = L(W) + \lambda \lVert V_{\text{fc}} \rVert_0 + \tfrac{\beta}{2} \lVert W_{\text{fc}} - V_{\text{fc}} \rVert^2$$
#
# *W-step:* a step of the optimiser along $\nabla L(W) + \beta\,(W_{\text{fc}} - V_{\text{fc}})$, the last term in `fc` only. *V-step:* $V_{\text{fc}}$ is
# $W_{\text{fc}}$ where $|W_{\text{fc}}|$ is above the threshold, and 0 elsewhere ([chapter 5](05_hard_thresholding.ipynb)); in all other layers $V$ is
# $W$. The network that is kept is $V$. That is the *relaxed variable splitting* of the paper. In minisgl's preset `quick` the threshold climbs from 0 for
# 40 % of the run, and then $\beta$ rises.
#
# ## A small training
#
# The full run sees 24,000 pictures eleven times. Ours sees 800 of them six times, 55 times fewer in all, in batches of 10. The threshold is lower too
# (0.02, not 0.18): weights have less time to grow. It watches itself on validation pictures. As in the experiment
# the sets share neither words nor fonts, and every other picture is shaky. There are few fonts, so letters of the training pictures, of both classes, vary
# in width, slant and weight, and are slightly bent.


# %%
def draw_pictures(split, count):
    """The first pictures of a split: images (count, 1, 48, 128) and labels (count,), 0 regular and 1 shaky."""
    images = np.stack([curves.draw(split, i, seed=0) for i in range(count)])[:, None]
    return LabelledImages(images / np.float32(255), np.arange(count) % 2)


train, validation = draw_pictures("train", 800), draw_pictures("validation", 400)

# %%
config = preset("quick", "shaky-curves", threshold=0.02, epochs=6, lr=3e-3, batch_size=10, threads=1, shards=1)
r = config.penalty
print(f"r = {r.penalty} on {r.sparse_layers}, group lasso {r.group_weight}, batches of {config.data.batch_size}")
splitting = make_splitting(config, network)
training = Training(config, splitting, train, validation[:100])  # 100 to watch
with running_shards(1, 1) as shards:
    history = [training.run_epoch(shards, epoch, lambda tick: None) for epoch in range(config.epochs)]
V, W = splitting.reported("v"), splitting.network

fc = V.layers["fc"].weight  # (2, 3584)
readers = np.sum(fc.reshape(2, 64, 56) != 0, axis=0)  # (64, 56): how many of the two outputs read an input, 0, 1 or 2
errors = {name: [record[name.lower()]["error"] for record in history] for name in ("W", "V")}
draw.training(errors, readers)

# %%
w_fc, tau = W.layers["fc"].weight, history[-1]["thresholds"]["fc"]  # (2, 3584), a number
for name in ("conv1", "conv2", "conv3"):
    same = V.layers[name].weight, W.layers[name].weight
    np.testing.assert_array_equal(*same, err_msg=f"the text says that V is W in {name}")
np.testing.assert_array_equal(fc, np.where(np.abs(w_fc) > tau, w_fc, 0), err_msg="V should be W where |W| is above tau, else 0")
pull, gap = np.zeros_like(W.flat), w_fc - fc  # what beta = 2 adds to the gradient, to all and to fc
splitting.add_gradient(pull, beta=2.0)
for name, slot in W.layout.weights.items():
    wanted = 2 * gap if name == "fc" else 0 * slot.view(pull)
    np.testing.assert_allclose(
        slot.view(pull), wanted, atol=1e-7, err_msg=f"the W-step should add beta (W - V) in fc; in {name}"
    )
by_formula = r.lam * np.sum(fc != 0) + 2 / 2 * np.sum(gap**2)
np.testing.assert_allclose(splitting.regularizer(2.0), by_formula, rtol=1e-4, err_msg="F without L, by the package and by hand")
fewer = 24_000 * preset("quick", "shaky-curves").epochs / (800 * config.epochs)
assert fewer == 55, f"the text says 55 times fewer pictures; it is {fewer:.1f} times"
right = 100 * np.mean((log_odds(V, validation.images) > 0) == validation.labels)
print(f"V, {config.epochs} epochs: {right:.1f} % of 400 validation pictures right, {np.mean(fc == 0):.1%} of fc's weights zero")
of_channel = np.sort(readers.sum(axis=1))  # (64,): weights left for each channel, the fewest first
print(f"{np.sum(fc != 0)} of 7,168 weights are left, and read {np.sum(readers > 0)} of 3,584 inputs")
print(
    f"8 of 64 channels have {of_channel[-8:].sum() / max(of_channel.sum(), 1):.0%} of them, and {np.sum(of_channel == 0)} have none"
)
ends = errors["W"][-1], errors["V"][-1]
assert abs(ends[0] - ends[1]) < 6, (
    f"the text says that W and V end together; their errors are {ends[0]:.1f} and {ends[1]:.1f} %"
)

# %% [markdown]
# On the left $W$ and $V$ end together: what the threshold takes from $V$, the network can do without. In the middle, each of the 3,584 inputs of `fc` is a
# small box: grey is read by neither output, light by one, dark by both. A dark line is a channel that counts wherever it answers. A channel that is grey
# from end to end is computed for nobody: its filter in conv3 can be cut out ([chapter 16](16_smaller_network.ipynb)). After so few steps there is none;
# in the full run with seed 0 there are 7 ([docs/shaky-curves.md](../docs/shaky-curves.md)).
#
# ## What did it look at?
#
# Let $z$ be the log-odds for "shaky": output 1 minus output 0. Paint a patch of 12 x 12 pixels over with the colour of the paper, and see how far $z$
# falls. The patch slides over the picture in steps of 4 pixels, and each pixel gets the mean of what its patches found. Orange speaks for a shaky hand,
# blue for a regular one. There is some of both in either word: the network adds up what speaks for and against.

# %%
choices = [curves.choose("validation", i, seed=0)[:2] for i in range(100)]  # word and font
latin = [i for i, (_, font) in enumerate(choices) if font == "cmss10"]
maps, ranges = {}, {}
for label, name in enumerate(("regular", "shaky")):
    image = validation.images[next(i for i in latin if i % 2 == label)]  # (1, 48, 128)
    z, spots = log_odds(V, image[None])[0], occlusion_map(V, image)  # a number, (48, 128)
    maps[f"{name}; the network says: shaky with P = {1 / (1 + np.exp(-z)):.3f}"] = image[0], spots
    ranges[name] = spots.min(), spots.max()
    print(f"{name}: z = {z:.1f}; a spot is worth {spots.min():.1f} to {spots.max():.1f}")
draw.occlusion(maps)

# %%
for name, (low, high) in ranges.items():
    assert low < 0 < high, f"the text says that each word has both colours; the {name} one has {low:.1f} to {high:.1f}"
y = V.logits(validation.images[:50])  # (50, 2)
P = np.exp(y[:, 1]) / np.exp(y).sum(axis=1)  # the softmax's
for one in (y[:, 1] - y[:, 0], log_odds(V, validation.images[:50])):
    np.testing.assert_allclose(1 / (1 + np.exp(-one)), P, rtol=1e-4, err_msg="P(shaky) of z, and the softmax")
covers = np.repeat(image[None], 9, axis=0)  # (9, 1, 48, 128): the last picture, and all patches on the pixel (20, 60)
for one, (top, left) in zip(covers, product((12, 16, 20), (52, 56, 60)), strict=True):
    one[:, top : top + 12, left : left + 12] = np.median(image)
np.testing.assert_allclose(np.mean(z - log_odds(V, covers)), spots[20, 60], atol=1e-4, err_msg="the mean of nine patches")

# %% [markdown]
# ## The full runs
#
# These are the project's own, of 24,000 pictures and 11 epochs, with 3,000 test pictures whose words and fonts no network had seen. (We had: the pictures
# were made with an eye on what a network reaches on them.) Each row is one run of
#
# ```sh
# python -m minisgl.train --experiment shaky-curves --penalty l0 --seed 0     # or tl1; "dense" is --penalty none
# ```
#
# They are read from [docs/shaky-curves.md](../docs/shaky-curves.md). Xue and Xin write in their abstract: over 99 % accuracy with
# over 86 % of the layer's weights zero.

# %%
document = Path("../docs/shaky-curves.md").read_text(encoding="utf-8")
rows_of_runs = re.findall(r"^\| (l0|tl1|dense) \| (\d) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", document, re.MULTILINE)
print("penalty  seed  zeros of fc %  validation %   test %")
for penalty, seed, *percents in rows_of_runs:
    print(f"{penalty:8} {seed:>4} " + "".join(f"{percent:>13}" for percent in percents))
assert len(rows_of_runs) == 7, f"the document should have seven runs, and has {len(rows_of_runs)}"
for name in ("l0", "tl1"):
    own = np.array([row[2:] for row in rows_of_runs if row[0] == name], float)  # (3 seeds, 3)
    zeros, tested = own[:, 0], own[:, 2].mean()
    print(f"{name}: {tested:.2f} % right at {zeros.mean():.1f} % zeros, mean of {len(own)} seeds")
    assert zeros.min() > 86, f"the paper has over 86 % zeros, and a run of {name} has {zeros.min():.1f} %"
    assert tested > 99, f"the paper has over 99 %, and {name} has {tested:.2f} %"
    behind = float(rows_of_runs[-1][-1]) - tested
    assert behind < 0.6, f"the text says less than 0.6 points behind the dense network; {name} is {behind:.2f} behind"

# %% [markdown]
# Nine weights in ten can go (one run: 89.6 %), and on the test set the sparse networks are on average less than 0.6 percentage points behind the dense one.
#
# How far can one go, and with which penalty? `python -m benchmarks.curve_sparsity` made 48 brief runs, 4 epochs of 8,000 pictures (whose letters did not
# vary so much yet), with four penalties, four thresholds and three seeds. A point is the mean over the seeds, and bars go from the least to the most.

# %%
runs = [json.loads(line) for line in Path("../benchmarks/curve_sparsity.jsonl").read_text().splitlines()]
points = {}  # name: (4 thresholds, 3 seeds, 2), zeros and errors
for name in ("l0", "tl1", "l1", "l1-l2"):
    taus = sorted({run["threshold"] for run in runs if run["penalty"] == name})
    same = [[run for run in runs if (run["penalty"], run["threshold"]) == (name, tau)] for tau in taus]
    points[name] = np.array([[(run["fc_zeros"], 100 - run["test"]) for run in three] for three in same])
    print(f"{name:6}" + "".join(f"   {wrong:4.1f} % errors at {zero:.0f} % zeros" for zero, wrong in points[name].mean(axis=1)))
draw.price_of_zeros(points)

# %%
assert len(runs) == 48, f"the text says 48 runs; there are {len(runs)}"
low = np.array([own.mean(axis=1)[:2, 1] for own in points.values()])  # (4, 2), with the two lower thresholds
assert 2.45 < low.min() <= low.max() < 4.15, f"the text says 2.5 to 4.1 % errors; they are {low.min():.2f} to {low.max():.2f} %"
crushed = [points[name].mean(axis=1)[-1, 1] for name in ("l1", "l1-l2")]
assert min(crushed) > 40, (
    f"at 98 % zeros l1 and l1-l2 should be hardly better than guessing; they have {np.round(crushed, 1)} % errors"
)
assert "0.16 and 0.24 gave 41.5 and 35.7 % errors at 98.9" in document, "the document should have 41.5 % errors at 98.9 % zeros"

# %% [markdown]
# Up to 85 % zeros the choice of the penalty matters little: errors of 2.5 to 4.1 %. Beyond, it does. l1 and l1-l2 shrink what they keep, and the more the
# higher the threshold is. At 98 % they have shrunk the network until it is hardly better than guessing. l0 takes nothing from what it keeps ([chapter
# 5](05_hard_thresholding.ipynb)), and transformed l1 little from what is large ([chapter 6](06_transformed_l1.ipynb)). l0 has its end too: with a
# threshold of 0.16, not in the figure, it had 41.5 % errors at 98.9 % zeros ([docs/shaky-curves.md](../docs/shaky-curves.md), seed 0).
#
# ## How a hand is made
#
# At the path length $q$ the pen is displaced by $K = 24$ waves with frequencies $f_k$ (waves per x-height), amplitudes $a_k$ and phases $\phi_k$, all
# random:
#
# $$d(q) = \sum_{k=1}^K a_k \cos\theta_k, \qquad \theta_k = 2\pi f_k q + \phi_k, \qquad d, a_k:\ (2,) \qquad f_k = \nu_k / s$$
#
# How large must the amplitudes be, for a displacement of a given RMS? The square of the distance is a double sum,
#
# $$|d(q)|^2 = \sum_{j=1}^K \sum_{k=1}^K (a_j \cdot a_k)\, \cos\theta_j \cos\theta_k , \qquad
# \cos\theta_j \cos\theta_k = \tfrac12 \cos(\theta_j - \theta_k) + \tfrac12 \cos(\theta_j + \theta_k)$$
#
# Take the mean over a path of length $L$. Each cosine on the right has the form $\cos(2\pi g q + \psi)$, with $g = f_j - f_k$ or $f_j + f_k$. If
# $g \ne 0$ its mean is
#
# $$\frac1L \int_0^L \cos(2\pi g q + \psi)\, dq = \frac{\sin(2\pi g L + \psi) - \sin\psi}{2\pi g L}, \qquad\text{in size at most}\quad \frac{1}{\pi |g| L} \;\to\; 0 \quad (L \to \infty)$$
#
# *$j \ne k$:* two random frequencies never have the same size, so $g \ne 0$ both times, and nothing is left. *$j = k$:* the difference is $\cos 0 = 1$
# everywhere, the sum ($g = 2 f_k$) leaves nothing. What remains is **one half for each wave**:
#
# $$\boxed{\;\text{mean of } |d|^2 = \tfrac12 \sum_k |a_k|^2, \qquad \text{RMS} = \sqrt{\tfrac12 \textstyle\sum_k |a_k|^2}\;}$$
#
# So $d \cdot \text{tremor} / \sqrt{\tfrac12 \sum |a_k|^2}$ has the RMS we want, on a long path. The next cell draws waves as the package does, and
# compares.


# %%
def draw_waves(band, rng):
    """Frequencies (1, 24) in waves per x-height, amplitudes (24, 2) and phases (24,), drawn in the package's order."""
    hertz = rng.triangular(band[0], sum(band) / 2, band[1], displacement.WAVES)
    f = hertz / displacement.PEN_SPEED * np.sign(rng.normal(size=(1, displacement.WAVES)))  # a wave backwards is a wave
    return f, rng.normal(size=(displacement.WAVES, 2)), rng.uniform(0, 2 * np.pi, displacement.WAVES)


def rms(d):
    return np.sqrt((d**2).sum(axis=1).mean())


bands = {"drift": displacement.DRIFT, "tremor": displacement.TREMOR}
for name, band in bands.items():
    for L in (20, 1000):
        q, ratios = np.linspace(0, L, 20 * L)[:, None], []  # (points, 1)
        for seed in range(20):
            f, a, phi = draw_waves(band, np.random.default_rng(seed))
            d = np.cos(2 * np.pi * q @ f + phi) @ a  # (points, 1) @ (1, 24) -> (points, 24) @ (24, 2) -> (points, 2)
            d -= d.mean(axis=0)
            ratios.append(rms(d) / np.sqrt((a**2).sum() / 2))
            if L == 20:  # the package's waves are these, divided by their own RMS
                own = displacement.waves(q, band, np.random.default_rng(seed))
                np.testing.assert_allclose(own, d / rms(d), atol=1e-9, err_msg=f"{name}, seed {seed}: not the package's waves")
        print(f"{name}, path of {L} x-heights: RMS, measured over formula, is {min(ratios):.2f} to {max(ratios):.2f}")
    off = max(np.abs(np.array(ratios) - 1))
    assert off < 0.12, f"on a long path the formula should hold; for a {name} it is {off:.0%} off"

a, b = np.random.default_rng(0).uniform(0, 9, (2, 100))
np.testing.assert_allclose(np.cos(a) * np.cos(b), np.cos(a - b) / 2 + np.cos(a + b) / 2, err_msg="the product of two cosines")
for g, L in product((0.7, -0.3), (3, 300)):
    seen = np.cos(2 * np.pi * g * L * (np.arange(100_000) + 0.5) / 100_000 + 0.4).mean()  # psi = 0.4
    by_text = (np.sin(2 * np.pi * g * L + 0.4) - np.sin(0.4)) / (2 * np.pi * g * L)
    np.testing.assert_allclose(seen, by_text, atol=1e-6, err_msg=f"the mean of a cosine, g = {g}, L = {L}")
    assert abs(seen) <= 1 / (np.pi * abs(g) * L), f"the mean of a cosine, {seen:.4f}, should be at most 1/(pi |g| L)"

# %% [markdown]
# A word is no long path: waves of nearly the same frequency have $g$ near 0, and stay in step, or out of step, all along it. So the package measures the
# RMS of the very word, and divides by it. (Before, it takes away the mean, which only moves the word.)

# %%
show_code(displacement.travelled, displacement.waves, displacement.write)

# %% [markdown]
# `q @ f` is $f_k q$ for all waves and points, `@ a` sums over the waves. In fonts of single strokes `q` is the path travelled. In fonts with two edges to
# a stroke it is the place in the plane, $q$ of shape (2,) and $f_k$ a vector in any direction, so that both edges tremble together.
#
# ## Which wave is in it?
#
# Take $d$ at $n$ points, a step $h$ apart, on a path of $L = nh$, and compare it with waves that fit $m$ times on the path:
#
# $$D_m = \sum_{j=0}^{n-1} d_j\, e^{-2\pi i\, m j / n}, \qquad m = 0, \dots, \tfrac n2 \qquad D:\ (\tfrac n2 + 1, 2)$$
#
# Let $d$ be one wave that fits $p$ times, $0 < p < n/2$: $\cos(2\pi p j/n + \phi) = \tfrac12 e^{i\phi} e^{2\pi i\, p j/n} + \tfrac12 e^{-i\phi} e^{-2\pi i\, p j/n}$. Either half
# becomes, but for the factor $e^{\pm i\phi}$ of size 1, a geometric sum:
#
# $$\tfrac12 \sum_{j=0}^{n-1} z^j = \begin{cases} n/2 & \text{if } z = 1 \\ \dfrac{z^n - 1}{2 (z - 1)} = 0 & \text{otherwise, since } z^n = e^{2\pi i \cdot \text{whole number}} = 1 \end{cases}
# \qquad z = e^{2\pi i (\pm p - m)/n}$$
#
# With the plus, $z = 1$ for $m = p$; with the minus it would be for $m = n - p$, beyond $n/2$. So **all of the wave is found at $m = p$**, and in
# $|D_m|^2$, its *power*, the phase is gone. $m$ waves on $L$ x-heights are $m/L$ per x-height, or $s\,m/L$ per second. (A wave that does not fit a whole
# number of times is found at the nearest $m$, and a little of it further off.)
#
# **Check** with $p = 12$, and then with the package's hands, on paths of 60 x-heights: the mean of $|D_m|^2$ over 100 hands. Frequencies are drawn from a
# triangular distribution, and amplitudes do not depend on them, so this is what we should see.

# %%
n, h = 1500, 0.04
D = np.fft.rfft(np.cos(2 * np.pi * 12 * np.arange(n) / n + 0.7))  # (751,)
wanted = n / 2 * (np.arange(n // 2 + 1) == 12)  # (751,)

path = h * np.arange(n)[:, None]  # (1500, 1)
hertz, powers = np.fft.rfftfreq(n, h) * speed, {}  # (751,) = speed m/L
for name, band in bands.items():
    hands = [displacement.waves(path, band, np.random.default_rng(seed)) for seed in range(100)]  # each (1500, 2)
    power = sum((np.abs(np.fft.rfft(d, axis=0)) ** 2).sum(axis=1) for d in hands)  # (751,)
    powers[name] = power / power.sum() / hertz[1], band  # a density
draw.spectra(powers, hertz)

# %%
np.testing.assert_allclose(np.abs(D), wanted, atol=1e-8, err_msg="all of the wave should be at m = 12")
waves = np.cos(2 * np.pi * 12.3 * np.arange(n) / n), np.cos(2 * np.pi * 5 / speed * path[:, 0])  # 12.3 times; 5 Hz
where = [np.abs(np.fft.rfft(one)).argmax() for one in waves]
assert where[0] == 12, f"a wave that fits 12.3 times should be found at m = 12, not {where[0]}"
assert abs(hertz[where[1]] - 5) < 1e-9, f"a wave of 5 Hz should be found at s m/L = 5, not {hertz[where[1]]:.2f}"
for name, (power, (low, high)) in powers.items():
    share, peak = power[(hertz > low) & (hertz < high)].sum() / power.sum(), hertz[power.argmax()]
    print(f"{name}: {share:.0%} of the power lies between {low} and {high} Hz, the peak at {peak:.2f} Hz")
    assert share > 0.9, f"{name}: nearly all power should lie between {low} and {high} Hz, not {share:.0%}"
    assert abs(peak - (low + high) / 2) < (high - low) / 4, (
        f"{name}: the peak should be near the middle, and is at {peak:.2f} Hz"
    )

# %% [markdown]
# ## Why the regular hand has to drift
#
# Measure 150 hands of each kind, on 20 x-heights: how far is the pen off, and where is its peak? In the experiment tremor and drift have the same
# range of RMS, 0.09 to 0.18. Were the regular hand quite still (the dotted line), the first number alone would tell. A network could then learn *whether*
# a line is off its design, by waves of any length, and we would take it for a detector of tremors.

# %%
rng = np.random.default_rng(7)
L, h = 20, 0.04
q = np.arange(0, L, h)[:, None]  # (500, 1)
found = np.zeros((2, 150, 2))  # class, hand, RMS and peak
for own, band in zip(found, bands.values(), strict=True):
    for hand in own:
        d = rng.uniform(*curves.RMS) * displacement.waves(q, band, rng)  # (500, 2)
        power = (np.abs(np.fft.rfft(d, axis=0)) ** 2).sum(axis=1)  # (251,)
        hand[:] = rms(d), power.argmax() / L * speed
draw.hands(found)

# %%
for what, name in enumerate(("RMS", "peak")):
    numbers = found[:, :, what]  # (2, 150)
    share = np.array([np.mean((numbers > cut) == [[0], [1]]) for cut in numbers.ravel()])  # (300,)
    print(f"the best cut of the {name} is right for {100 * max(share.max(), 1 - share.min()):.0f} % of these 300 hands")
peaks = found[0, :, 1].max(), found[1, :, 1].min()
assert peaks[0] < 2 < peaks[1], (
    f"the peak should tell all; regular hands have up to {peaks[0]:.1f} Hz, shaky from {peaks[1]:.1f} Hz"
)

# %% [markdown]
# One number tells nothing, the other everything. Words, written by hands of other frequencies than those of the experiment: at the same RMS, it is the
# wavelength that makes a hand look shaky.


# %%
def written(word, font, nu, off):
    """The word (56, 150), at 14 pixels to an x-height, by a hand that is `off` by RMS, in waves of 0.8 nu to 1.2 nu Hz."""
    lines, kind = set_word(word, font)
    lines = displacement.write(lines, kind, (0.8 * nu, 1.2 * nu), off, np.random.default_rng(0))
    return rasterise([line * pixels + (12, 14) for line in lines], kind, 0.5 if kind == "outline" else 1.7, (56, 150))


titles = {nu: f"{nu} Hz: waves of {pixels * speed / nu:.0f} pixels" for nu in (0.5, 1.5, 3, 5)}
rows = {f"RMS {off}": {title: written("hand", "cursive", nu, off) for nu, title in titles.items()} for off in (0.09, 0.18)}
draw.pictures(rows, (14, 3.4))


# %%
def one_hand(font, frequency, rms):
    title = f"waves of {pixels * speed / frequency:.1f} pixels"
    draw.pictures({"": {title: written("hand", font, frequency, rms)}}, (7, 2.4))


_ = interact(
    one_hand,
    font=sorted(curves.KINDS),
    frequency=FloatSlider(value=5, min=0.5, max=10, step=0.5),
    rms=FloatSlider(value=0.12, min=0, max=0.3, step=0.01),
)

# %% [markdown]
# ## What the ink knows
#
# Is there a cue that needs no look at the curve? Yes: who trembles travels further. Per x-height of the path the pen moves by $t + d'(q)$,
# with $t$ the direction of the stroke, $|t| = 1$. The slope of each wave is $-2\pi f_k\, a_k \sin\theta_k$: again a wave, $2\pi f_k$ times as large. With
# all $f_k$ near one $f$, the boxed formula gives $\text{mean } |d'|^2 = (2\pi f)^2\,\text{RMS}^2$. On a straight line $t$ is constant and $d'$ has the
# mean 0, so
#
# $$\text{mean } |t + d'|^2 = 1 + \underbrace{2\, t \cdot \text{mean}(d')}_{0} + \text{mean } |d'|^2 = 1 + (2\pi f\,\text{RMS})^2$$
#
# A mean is at most the root of the mean of squares, so the path becomes *at most* $\sqrt{1 + (2\pi f\,\text{RMS})^2}$ times as long: at an RMS of 0.13
# that is 1.92 for a tremor ($f = 2$), and 1.01 for a drift ($f = 0.2$).

# %%
for (name, band), by_text in zip(bands.items(), (1.01, 1.92), strict=True):
    longer, squares = [], []
    for seed in range(50):
        pen = np.c_[q, 0 * q] + 0.13 * displacement.waves(q, band, np.random.default_rng(seed))  # (500, 2)
        longer.append(np.hypot(*np.diff(pen, axis=0).T).sum() / q[-1, 0])
        squares.append(((np.diff(pen, axis=0) / h) ** 2).sum(axis=1).mean())  # mean |t + d'|^2
    bound = np.sqrt(1 + (2 * np.pi * sum(band) / 2 / speed * 0.13) ** 2)
    print(f"{name}: the pen's path is {np.mean(longer):.3f} times as long as the line, at most {bound:.3f}")
    assert abs(bound - by_text) < 0.006, f"{name}: the text says at most {by_text} times; it is {bound:.3f}"
    np.testing.assert_allclose(
        np.mean(squares), bound**2, rtol=0.05, err_msg=f"{name}: mean |t + d'|^2, seen and by the formula"
    )
    assert np.mean(longer) < bound, f"{name}: the path is {np.mean(longer):.3f} times as long, above the bound {bound:.3f}"

# %% [markdown]
# More path is more ink. How much does this give away? A logistic regression, $P(\text{shaky}) = \sigma(c \cdot w)$, sees five numbers of each picture:
# ink, dark area, width, height and total gradient, as logarithms (so that a ratio is a difference). It never sees the curve.


# %%
def cues(images):
    """Five logarithms and a 1 for each picture: (N, 1, H, W) -> (N, 6)."""
    above = images[:, 0] - np.median(images[:, 0], axis=(1, 2), keepdims=True)  # (N, H, W)
    dark = above > 0.3
    slopes = np.hypot(*np.gradient(images[:, 0], axis=(1, 2)))  # (N, H, W)
    sizes = [np.ptp(np.nonzero(one), axis=1) for one in dark]  # N times height and width of what is dark
    five = np.c_[above.clip(0).sum(axis=(1, 2)), dark.sum(axis=(1, 2)), sizes, slopes.sum(axis=(1, 2))]  # (N, 5)
    return np.c_[np.log(five), np.ones(len(images))]


c, w = cues(train.images), np.zeros(6)
for _ in range(20):  # Newton's method on the logistic loss
    p = 1 / (1 + np.exp(-c @ w))  # (800,)
    w -= np.linalg.solve((c * (p * (1 - p))[:, None]).T @ c + 1e-6 * np.eye(6), c.T @ (p - train.labels))
by_ink = [100 * np.mean((cues(part.images) @ w > 0) == part.labels) for part in (train, validation)]
print(f"five numbers are right for {by_ink[0]:.1f} % of the training and {by_ink[1]:.1f} % of the validation pictures")
print(f"the small network was right for {right:.1f} % of the validation pictures")
slope = np.abs(c.T @ (p - train.labels)).max()
assert slope < 1e-3, f"the slope is {slope:.1e}, not 0: there would be better coefficients"
assert 55 < by_ink[1] < 80, f"the text says better than guessing, and not good: {by_ink[1]:.1f} %"
assert right > by_ink[1] + 10, f"V should be right more often than the ink: {right:.1f} and {by_ink[1]:.1f} %"

# %% [markdown]
# Better than guessing, and not good. What the ink cannot know is how much ink there should be: pens are thin and thick, words short and long, and where a
# trembling line crosses itself the ink is not there twice. With 27 such numbers and all 24,000 training pictures,
# [docs/shaky-curves.md](../docs/shaky-curves.md) has 68.0 % on the test set, where the full runs have 99 %.

# %%
ink = re.search(r"^\| [\d.]+ % \| [\d.]+ % \| ([\d.]+) % \|", document, re.MULTILINE)  # training, validation, test
full = [float(row[-1]) for row in rows_of_runs]
print(f"test pictures: 27 numbers of the ink are right for {ink[1]} %, the full runs for {min(full)} to {max(full)} %")
assert float(ink[1]) == 68.0, f"the text says 68.0 %, and the document {ink[1]} %"
assert min(full) > float(ink[1]) + 25, f"the full runs should be far better than the ink; the least has {min(full)} %"

# %% [markdown]
# ## Exercises
#
# In [exercises/15_shaky_curves.ipynb](exercises/15_shaky_curves.ipynb), with a check below each answer.

# %% [markdown] tags=["ex1"]
# **Exercise 1.** A hand trembles at `frequency` Hz, and its pen travels `speed` x-heights a second. In the picture an x-height is `x_height` pixels. How long is one wave, in pixels?


# %% tags=["ex1"]
def wavelength_in_pixels(frequency, speed, x_height):
    """How long one wave is, in pixels: three numbers > 0; one number."""
    # BEGIN SOLUTION: the length of one wave
    in_x_heights = speed / frequency
    return in_x_heights * x_height
    # END SOLUTION


# %% tags=["ex1"]
check("15.wavelength_in_pixels", wavelength_in_pixels)

# %% [markdown] tags=["ex2"]
# **Exercise 2.** A displacement is a sum of K waves, $d(q) = \sum_k a_k \cos(2\pi f_k q + \phi_k)$, with different $f_k > 0$. The row `a[k]` is $a_k$. Multiply all amplitudes with one and the same number, so that on a long path the root mean square of $|d|$ is `rms`. Leave `a` as it is.


# %% tags=["ex2"]
def scale_to_rms(a, rms):
    """The amplitudes (K, D) of K waves whose sum has this RMS, in proportion to a (K, D)."""
    # BEGIN SOLUTION: the scaled amplitudes
    half_of_squares = np.sum(a**2) / 2
    return a * (rms / np.sqrt(half_of_squares))
    # END SOLUTION


# %% tags=["ex2"]
check("15.scale_to_rms", scale_to_rms)

# %% [markdown] tags=["ex3"]
# **Exercise 3.** How many pixels in a row does one unit of the last layer see? `layers` is a list of pairs (kernel, stride), the layer next to the picture first. For the picture itself, an empty list, it is 1.


# %% tags=["ex3"]
def receptive_field(layers):
    """The receptive field of a unit of the last layer: a whole number."""
    # BEGIN SOLUTION: how many pixels one unit sees
    sees, spacing = 1, 1
    for kernel, stride in layers:
        sees += (kernel - 1) * spacing
        spacing *= stride
    return sees
    # END SOLUTION


# %% tags=["ex3"]
check("15.receptive_field", receptive_field)

# %% [markdown] tags=["ex4"]
# **Exercise 4.** A displacement `d` (n, 2) was measured along a path, at points `step` x-heights apart; the pen travels `speed` x-heights a second. At which frequency, in Hz, is most of its power, $|D_m|^2$ of both coordinates
# together? The frequency 0, which is only the mean, does not count. (`np.fft.rfft(d, axis=0)` gives all $D_m$, and `np.fft.rfftfreq(n, step)` the frequencies $m/L$.)


# %% tags=["ex4"]
def peak_frequency(d, step, speed):
    """The frequency > 0, in Hz, at which d (n, 2) has most power."""
    # BEGIN SOLUTION: the frequency in Hz
    strength = np.sum(np.abs(np.fft.rfft(d, axis=0)) ** 2, axis=1)
    best = np.argmax(strength[1:]) + 1
    return np.fft.rfftfreq(len(d), step)[best] * speed
    # END SOLUTION


# %% tags=["ex4"]
check("15.peak_frequency", peak_frequency)

# %% [markdown]
# ## Summary
#
# - A tremor and a drift differ in one thing, the wavelength: $s/\nu$ x-heights. At 5 Hz that is 0.5 x-heights, in the pictures 5.8 to 8.5 pixels; a
#   drift's waves are ten times as long.
# - The receptive field, $R_l = R_{l-1} + (k_l - 1) J_{l-1}$, says how much of the curve a unit sees: two waves need three layers.
# - `fc` has over half of the weights, and needs about a tenth of its own. l0 and transformed l1 find which; l1 and l1-l2 shrink what they keep, and fail
#   where few are left.
# - A sum of waves has the mean square $\tfrac12 \sum |a_k|^2$, on a path long enough. The Fourier transform tells which waves are in it.
# - A cue that is easier than the task is learnt instead of the task. So the regular hand strays as far as the shaky one; that a trembling pen leaves more
#   ink remains, and is measured.
