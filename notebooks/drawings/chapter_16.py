"""The figures of chapter 16. Every function gets numbers that the chapter has computed, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib import style
from matplotlib.colors import ListedColormap

from minisgl.plots import GREY, V_COLOUR, W_COLOUR
from minisgl.plots.sweep import pareto

ZERO = "#eeeeee"
REASONS = {"constant": V_COLOUR, "unread": "#b0303c"}


def patterns(pairs):
    """Where a matrix is not zero, and where what is left of it is not: {name: (W, left)}, W of a square shape."""
    _, axes = plt.subplots(1, 2 * len(pairs), figsize=(13, 3.5))
    for (name, pair), first in zip(pairs.items(), range(0, len(axes), 2), strict=True):
        side = max(pair[0].shape)
        titles = f"{name}: {pair[0].size} numbers", f"without empty rows and columns: {pair[1].size}"
        for panel, W, title, colour in zip(axes[first:], pair, titles, (W_COLOUR, V_COLOUR), strict=False):
            panel.pcolormesh(W != 0, cmap=ListedColormap([ZERO, colour]), edgecolors="#cccccc", vmin=0, vmax=1)
            panel.set(title=title, xticks=[], yticks=[], xlim=(0, side), ylim=(side, 0), aspect="equal")
            panel.axis("off")
    plt.show()


def maps(pictures):
    """Maps (P, Q) with their numbers, in scale with each other: {title: map}."""
    _, axes = plt.subplots(1, len(pictures), figsize=(10, 3.2), squeeze=False)
    for panel, (title, picture) in zip(axes[0], pictures.items(), strict=True):
        panel.imshow(picture, cmap="Blues", vmin=-1, vmax=30)
        for (p, q), value in np.ndenumerate(picture):
            panel.text(q, p, f"{value:.0f}", ha="center", va="center", color=W_COLOUR, weight="bold")
        size = len(picture) / 2
        panel.set(title=title, xticks=[], yticks=[], xlim=(size - 3.5, size + 2.5), ylim=(size + 2.5, size - 3.5))
        panel.set_frame_on(False)
    plt.show()


def rounds(weights, states):
    """A chain's units and edges, round by round; what goes next in colour, what has gone not at all.

    weights[l]: (units of l + 1, units of l); states: for each round which units are alive, and {(level, unit): why it goes}.
    """
    figure, axes = plt.subplots(1, len(states), figsize=(14, 3.2), squeeze=False)
    for number, (panel, (alive, why)) in enumerate(zip(axes[0], states, strict=True), 1):
        place = [[(level, (j + 1) / (len(units) + 1)) for j in range(len(units))] for level, units in enumerate(alive)]
        for level, (W, here, there) in enumerate(zip(weights, alive, alive[1:], strict=False)):
            for k, j in np.argwhere((W != 0) & here & there[:, None]):
                goes = why.get((level, int(j))) or why.get((level + 1, int(k)))
                (x0, y0), (x1, y1) = place[level][j], place[level + 1][k]
                panel.plot([x0, x1], [y0, y1], color=REASONS.get(goes, GREY), linewidth=1.2, zorder=1)
        for level, units in enumerate(alive):
            for j in np.flatnonzero(units):
                panel.plot(*place[level][j], "o", color=REASONS.get(why.get((level, int(j))), W_COLOUR), markersize=9)
        panel.set(title=f"round {number}" if why else "what is left", xlim=(-0.3, len(weights) + 0.3), ylim=(0, 1))
        panel.axis("off")
    figure.suptitle("image: left     logits: right     orange: goes, as a constant     red: goes, as nobody reads it")
    plt.show()


def bits_per_position(densities, packed, p, entropy):
    """What a pattern costs over its density: gzip's, {name: bits (densities,)}, and H(p), for p and entropy of one shape."""
    _, axes = plt.subplots(figsize=(10, 3.8))
    axes.axhline(1, color=GREY, linestyle="--", label="bitmap: 1")
    axes.plot(p, 16 * p, color=GREY, label="distances of 16 bits: 16 p")
    axes.fill_between(p, entropy, 1e-3, color=GREY, alpha=0.15, linewidth=0)
    axes.plot(p, entropy, "-.", color=GREY, linewidth=2, label="H(p): the floor for scattered patterns")
    for (name, bits), colour in zip(packed.items(), (W_COLOUR, V_COLOUR), strict=True):
        axes.plot(densities, bits, "o", color=colour, label=f"gzip of a bitmap, {name}")
    axes.set(xscale="log", yscale="log", xlim=(0.004, 0.6), ylim=(0.003, 3), title="the pattern alone")
    axes.set(xlabel="density p: the fraction that is not zero", ylabel="bits per position")
    axes.set(xticks=[0.01, 0.1, 0.5], xticklabels=["1 %", "10 %", "50 %"])
    axes.set(yticks=[0.01, 0.1, 1], yticklabels=["0.01", "0.1", "1"])
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def refits(cuts, errors, nothing_cut):
    """Errors over the fraction cut, {name: errors}, and the error with nothing cut."""
    _, axes = plt.subplots(figsize=(8, 3.4))
    axes.axhline(nothing_cut, color=GREY, linestyle="--", label="nothing cut")
    for (name, error), colour in zip(errors.items(), (W_COLOUR, V_COLOUR), strict=True):
        axes.plot(range(len(cuts)), error, "o-", color=colour, label=name)
    axes.set(xticks=range(len(cuts)), xticklabels=[f"{cut:.0%}" for cut in cuts], xlabel="weights cut, the smallest first")
    axes.set(yscale="log", yticks=[5, 10, 20, 50], yticklabels=["5", "10", "20", "50"], ylabel="held-out error, %")
    axes.set_title("as many weights, with and without a refit")
    axes.minorticks_off()
    axes.legend()
    plt.show()


def all_methods(points):
    """The package's figure of a sweep, from its points. Its colours need a light background."""
    with style.context("default"):
        display(pareto(points))
