"""The figures of chapter 17. Every function gets numbers that the chapter has computed or read, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def learning_curves(dense, sparse):
    """Errors of the dense network, and of W and V, after each epoch; zeros of V. Each argument is a history's records."""
    epochs = [record["epoch"] for record in dense]
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 3.4), width_ratios=(2, 1))
    left.plot(epochs, [record["w"]["error"] for record in dense], "s:", color=GREY, label="dense network")
    left.plot(epochs, [record["w"]["error"] for record in sparse], "^--", color=W_COLOUR, label="W, running statistics")
    left.plot(epochs, [record["v"]["error"] for record in sparse], "o-", color=V_COLOUR, label="V, statistics measured anew")
    left.set(title="errors on 5,000 training images, %", xlabel="epoch", ylim=(0, 55), xticks=epochs)
    left.legend()
    right.plot(epochs, [record["v"]["weight_sparsity"] for record in sparse], "o-", color=V_COLOUR, label="V")
    right.plot(epochs, [record["w"]["weight_sparsity"] for record in sparse], "^--", color=W_COLOUR, label="W")
    right.set(title="zeros of all weights, %", xlabel="epoch", ylim=(0, 100), xticks=epochs[::2])
    right.legend()
    plt.show()


def what_is_left(z, g, line, dx):
    """The gradient g over z with its fitted line, and what batch norm passes on, each (m,)."""
    order = np.argsort(z)
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), sharey=True)
    left.plot(z, g, "o", color=W_COLOUR, markersize=4, label="g")
    left.plot(z[order], line[order], "-", color=V_COLOUR, label="best line")
    left.set(title="the gradient that arrives, over z", xlabel="z")
    left.legend()
    right.plot(z, dx, "o", color=W_COLOUR, markersize=4)
    right.axhline(0, color=V_COLOUR)
    right.set(title="what is passed on (times the deviation)", xlabel="z")
    plt.show()


def two_shards(numbers, gaps):
    """How much the outputs of two shards differ from those of one, over the numbers of images."""
    _, axes = plt.subplots(figsize=(7, 3.2))
    axes.loglog(numbers, gaps, "o-", color=W_COLOUR, label="two shards against one")
    axes.loglog(numbers, gaps[0] * np.sqrt(numbers[0] / np.array(numbers)), "--", color=GREY, label="1 / sqrt(images)")
    axes.set(title="relative difference of batch norm's outputs", xlabel="images in the batch")
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.minorticks_off()
    axes.set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    axes.legend()
    plt.show()


def border(difference):
    """Where a map (H, W) differs from the one that folding into the next convolution would give."""
    figure, axes = plt.subplots(figsize=(4, 3.2))
    image = axes.imshow(np.abs(difference), cmap="Blues", vmin=0)
    axes.set(title="|folded - right|, one channel", xticks=[], yticks=[])
    figure.colorbar(image)
    plt.show()


def gradients_by_depth(lengths):
    """The gradient's length at every layer's input, relative to the last, {(kind, factor): (layers + 1,)}."""
    styles = {"plain": (GREY, "--"), "residual": (W_COLOUR, "-")}
    factors = sorted({factor for _, factor in lengths})
    _, axes = plt.subplots(figsize=(8, 3.4))
    for (kind, factor), length in lengths.items():
        colour, line = styles[kind]
        axes.semilogy(
            length, line + "vos^"[factors.index(factor)], color=colour, markersize=4, label=f"{kind}, {factor:g} x He"
        )
    axes.set(
        title="length of the gradient, the last layer's = 1",
        xlabel="number of the layer's input",
        ylim=(1e-7, 1e5),
        xticks=range(0, 21, 5),
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def layers(names, sizes, left, penalised):
    """How many weights each layer has, and how many are not zero in V."""
    places = np.arange(len(names))
    _, axes = plt.subplots(figsize=(11, 3.4))
    axes.bar(places - 0.2, sizes, 0.4, color=GREY, label="weights")
    axes.bar(places + 0.2, left, 0.4, color=V_COLOUR, label="not zero in V")
    axes.set(title="resnet9, width 2: where the zeros are", yscale="log", ylim=(500, 2e6))
    axes.set_xticks(places, [f"{name}\n(penalised)" if name in penalised else name for name in names], fontsize=9)
    axes.legend()
    plt.show()


def trials(prices, errors):
    """Held-out errors of V before pruning and refit, and at the end, over the weight of group lasso."""
    _, axes = plt.subplots(figsize=(7, 3.2))
    axes.semilogx(prices, [before for before, _ in errors], "^--", color=W_COLOUR, label="before pruning and refit")
    axes.semilogx(prices, [after for _, after in errors], "o-", color=V_COLOUR, label="at the end, 90 % zeros")
    axes.set(title="four trials, width 1, one seed: held-out error, %", xlabel="weight of group lasso", ylim=(12, 17))
    axes.legend()
    plt.show()
