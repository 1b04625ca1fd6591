"""The figures of chapter 1, from numbers that the chapter has computed, and the functions that train and test its networks."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.nn import Workspace
from minisgl.nn.loss import softmax_cross_entropy
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

METHODS = {"ridge": GREY, "l1, by the slope": W_COLOUR, "l1, by the prox": V_COLOUR}


def learn(network, train, steps, update):
    """Take steps on random batches of 100: update(gradient) gets the gradient of the loss, of the shape of network.flat."""
    rng, workspace = np.random.default_rng(1), Workspace()
    for _ in range(steps):
        batch = train[rng.integers(0, len(train), 100)]
        logits, tape = network.forward(batch.images, workspace=workspace)  # (100, 10)
        _, dlogits = softmax_cross_entropy(logits, batch.labels)  # (100, 10)
        update(network.backward(dlogits, tape)[0])


def accuracy(network, digits):
    """Percent of the digits that are read correctly."""
    batches = [digits[i : i + 100] for i in range(0, len(digits), 100)]
    workspace = Workspace()
    return 100 * np.mean([network.forward(b.images, workspace=workspace)[0].argmax(axis=1) == b.labels for b in batches])


def boxes(network, image):
    """LeNet-5 as boxes, as high as its maps; the more channels, the wider. Orange: with weights. image (1, 28, 28)."""
    weights = {name: int(np.prod(slot.shape)) for name, slot in network.layout.weights.items()}
    _, axes = plt.subplots(figsize=(14, 3.4))
    axes.imshow(image[0], cmap="gray_r", extent=(0, 28, -14, 14))
    axes.text(14, 17, "a digit\n1 x 28 x 28", ha="center", va="bottom", fontsize=9)
    x, left = image[..., None], 34.0  # x (C, H, W, 1), then (D, 1)
    for name, layer in network.layers.items():
        x, _ = layer.forward(x)
        if name.startswith(("relu", "flatten")):  # they change no number of maps and no size
            continue
        channels, height = (x.shape[0], x.shape[1]) if x.ndim == 4 else (x.shape[0] / 20, 20)
        width = 4 + channels / 4
        colour = V_COLOUR if name in weights else GREY
        axes.add_patch(plt.Rectangle((left, -height / 2), width, height, facecolor=colour, edgecolor=GREY, alpha=0.6))
        size = " x ".join(str(n) for n in x.shape[:-1])
        axes.text(left + width / 2, 17, f"{name}\n{size}", ha="center", va="bottom", fontsize=9)
        if name in weights:
            axes.text(left + width / 2, -17, f"{weights[name]:,}\nweights", ha="center", va="top", fontsize=9, color=W_COLOUR)
        left += width + 8
    axes.set(xlim=(-2, left), ylim=(-26, 28), aspect="equal")
    axes.axis("off")
    plt.show()


def pruned(digits, w, edge, read):
    """36 digits (36, 1, 28, 28); the weights, shaded up to edge; {order: {percent set to zero: percent correct}}."""
    styles = {"smallest first": (V_COLOUR, (42, 88)), "at random": (GREY, (43, 66)), "largest first": (W_COLOUR, (22, 16))}
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.8), width_ratios=[1, 1.3, 1.7])
    left.imshow(digits.reshape(6, 6, 28, 28).swapaxes(1, 2).reshape(168, 168), cmap="gray_r")
    left.set(title="what it reads", xticks=[], yticks=[])
    middle.hist(w, bins=np.linspace(-0.25, 0.25, 101), color=W_COLOUR)
    middle.axvspan(-edge, edge, color=V_COLOUR, alpha=0.25)
    middle.set(title="its weights (shaded: the smallest 60 %)", xlabel="weight", ylabel="how many")
    for order, results in read.items():
        colour, place = styles[order]
        right.plot(list(results), list(results.values()), "o-", color=colour, markersize=4)
        right.text(*place, order, color=colour)
    right.set(title="what is read correctly, %", xlabel="weights set to zero, %", ylim=(0, 102))
    plt.show()


def shares(weights, work):
    """Each layer's share of the weights and of the multiply-adds, {layer: number}."""
    colours = {"conv1": W_COLOUR, "conv2": "#6d9bd1", "fc1": V_COLOUR, "fc2": "#a0622d"}
    _, axes = plt.subplots(figsize=(12, 2.8))
    for row, counts in enumerate((work, weights)):
        begin = 0.0
        for name, number in counts.items():
            share = 100 * number / sum(counts.values())
            axes.barh(row, share, height=0.45, left=begin, color=colours[name], label=None if row else name)
            if share > 5:
                axes.text(max(begin + share / 2, 5), row + 0.28, f"{name}: {share:.1f} %", ha="center", va="bottom")
            begin += share
    axes.set(yticks=[0, 1], yticklabels=["multiply-adds", "weights"], xlim=(0, 100), ylim=(-0.4, 1.65), xlabel="share, %")
    axes.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
    plt.show()


def storage(zeros, sizes, gzip, rings):
    """MB over the percentage of zeros, {format: (M,)}; gzip (percent, MB); rings, where two formats cost the same."""
    _, axes = plt.subplots(figsize=(9, 4))
    for (name, size), colour in zip(sizes.items(), (GREY, W_COLOUR, V_COLOUR), strict=True):
        axes.semilogy(zeros, size, color=colour, label=name)
    colour = plt.rcParams["text.color"]
    axes.plot(*gzip, "s", color=colour, markersize=4, label="gzip of the dense file")
    axes.plot(*zip(*rings, strict=True), "o", color=colour, fillstyle="none", markersize=12)
    axes.set(title="LeNet-5's weights (rings: where two cost the same)", xlabel="weights that are zero, %", ylabel="MB")
    axes.set(yticks=[0.02, 0.1, 0.5, 2], yticklabels=["0.02", "0.1", "0.5", "2"])
    axes.legend(loc="lower left")
    plt.show()


def zeros_of_fc1(pieces):
    """A piece of fc1's weights (rows, inputs) for each way of making zeros, {way: piece}."""
    _, axes = plt.subplots(1, len(pieces), figsize=(12, 2.6))
    for panel, (way, piece) in zip(axes, pieces.items(), strict=True):
        panel.imshow(piece, cmap="RdBu", vmin=-0.1, vmax=0.1, interpolation="nearest")
        panel.set(title=f"zeros {way} (white): a piece of fc1", xlabel="input", ylabel="row")
    plt.show()


def three_ways(alone, with_loss, sawtooth, band):
    """The weight at every step, {method: (steps + 1,)}, without and with a loss; sawtooth and band are (low, high)."""
    d = sawtooth[1] - sawtooth[0]
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
    for name, colour in METHODS.items():
        sizes = np.where(alone[name] == 0, np.nan, np.abs(alone[name]))
        for panel, values in ((left, alone[name]), (middle, sizes), (right, with_loss[name])):
            panel.plot(values, ".-", color=colour, label=name, linewidth=0.8)
    for panel, (low, high) in ((left, sawtooth), (right, band)):
        panel.axhspan(low, high, color=W_COLOUR, alpha=0.15)
        panel.set(ylim=(low - 2 * d, high + 4 * d))
    left.set(title=r"no loss (shaded: from $\rho - d$ to $\rho$)", ylabel="w", xlabel="step")
    middle.set(title="no loss, |w|: the prox leaves the scale, it is 0", yscale="log", xlabel="step")
    right.set(title="with a loss (shaded: the band)", xlabel="step")
    left.legend(loc="upper right")
    plt.show()


def three_trainings(ends, zeros, edge):
    """The sizes of the trained weights, {method: (n,)}, the zeros after every step, {method: percent}, and a line at edge."""
    _, axes = plt.subplots(1, 4, figsize=(14, 3.2), width_ratios=[1, 1, 1, 1.2])
    for panel, (name, end) in zip(axes, ends.items(), strict=False):
        colour = METHODS[name]
        panel.hist(np.log10(np.abs(end[end != 0])), bins=np.arange(-6, 0.6, 0.25), color=colour)
        panel.axvline(np.log10(edge), color=plt.rcParams["text.color"], linestyle="--", linewidth=0.8)
        panel.set(title=f"{name}: {np.sum(end == 0):,} zeros", xlabel="size of the others", ylim=(0, 3000))
        panel.set(xticks=[-6, -4, -2, 0], xticklabels=["$10^{-6}$", "$10^{-4}$", "$10^{-2}$", "1"])
        axes[3].plot(zeros[name], color=colour, linewidth=4 if name == "ridge" else 1.5, label=name)
    axes[0].set_ylabel("weights")
    axes[3].set(title="weights that are exactly 0, %", xlabel="step")
    axes[3].legend()
    plt.show()
