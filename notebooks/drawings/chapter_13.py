"""The figures of chapter 13. Every function gets numbers that the chapter has computed or read, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib import style
from matplotlib.colors import AsinhNorm, ListedColormap

from minisgl.plots import GREY, V_COLOUR, W_COLOUR
from minisgl.plots.sweep import pareto

LINES = ("-", "--", "-.", ":")


def ten_penalties(found, pulling):
    """Held-out error over the weights left, {name: (zeros %, error %)}; in W's colour the names in `pulling`."""
    _, axes = plt.subplots(figsize=(9, 3.8))
    for name, (zeros, error) in found.items():
        axes.plot(100 - zeros, error, "o", color=W_COLOUR if name in pulling else V_COLOUR, markersize=7)
        side, align = (-1, "right") if name in {"l1", "l1-l2", "tl1", "mcp", "group-l0"} else (1, "left")
        axes.annotate(name, (100 - zeros, error), (7 * side, 0), textcoords="offset points", ha=align, va="center")
    axes.set(
        title="ten penalties, one network", xscale="log", xlabel="weights that are not zero, %", ylabel="held-out error, %"
    )
    axes.set(xticks=[1, 2, 5, 10, 20, 50, 100], xlim=(0.7, 110))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    plt.show()


def gaps(w, tau, panels):
    """w - v over w (n,) for each penalty, {title: {name: gap (n,)}}: the first panel in W's colour, the second in V's."""
    _, axes = plt.subplots(1, 2, figsize=(12, 3.4), sharey=True)
    for panel, (title, curves), colour in zip(axes, panels.items(), (W_COLOUR, V_COLOUR), strict=True):
        for k, (name, gap) in enumerate(curves.items()):
            jumps = np.diff(gap, append=gap[-1]) < -0.1 * tau  # v jumps up: no line there
            look = {"linewidth": 6, "alpha": 0.3} if name == "capped l1" else {"linewidth": 1.8, "linestyle": LINES[k % 4]}
            panel.plot(w, np.where(jumps, np.nan, gap), color=colour, label=name, **look)  # another curve lies on capped l1's
        panel.axvspan(0, tau, color=GREY, alpha=0.12)
        panel.axhline(tau, color=GREY, linewidth=0.8)
        panel.set(title=title, xlabel="w", ylim=(-0.05 * tau, 1.5 * tau))
        panel.legend(loc="upper right", ncols=2)
    axes[0].set_ylabel("w - v")
    axes[0].text(w[-1], 1.03 * tau, "tau", color=GREY, ha="right")
    plt.show()


def three_trials(trials):
    """V's held-out error over the epochs and its length over the steps, {name: (errors, steps, lengths)}."""
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2))
    for (name, (errors, steps, lengths)), colour, line in zip(
        trials.items(), (V_COLOUR, W_COLOUR, W_COLOUR), ("-", "--", "-"), strict=True
    ):
        left.plot(range(1, len(errors) + 1), errors, f"o{line}", color=colour, label=name)
        right.plot(steps, lengths, line, color=colour, label=name)
    left.set(title="held-out error of V, %", xlabel="epoch", xticks=range(1, len(errors) + 1), ylim=(0, 100))
    left.legend()
    right.set(title="||V||", xlabel="step", ylim=(0, None))
    plt.show()


def two_regimes(steps, gaps, zeros, errors):
    """Continuation (solid) and the paper's regime (dotted): gaps {regime: (n,)}, zeros and errors {(regime, which): (...)}."""
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
    lines, colours = {"continuation": "-", "paper": ":"}, {"W": W_COLOUR, "V": V_COLOUR}
    for regime, gap in gaps.items():
        middle.plot(steps, gap, lines[regime], color=GREY, linewidth=2, label=regime)
    for (regime, which), share in zeros.items():
        look = {"color": colours[which], "label": f"{which}, {regime}"}
        left.plot(steps, share, lines[regime], linewidth=2, **look)
        error = errors[regime, which]
        right.plot(range(1, len(error) + 1), error, f"o{lines[regime]}", **look)
    left.set(title="zeros, %", xlabel="step", ylim=(-3, 103))
    middle.set(title="||W - V|| / ||W||", xlabel="step", ylim=(0, 1.05))
    middle.legend()
    right.set(title="held-out error, % (logarithmic)", xlabel="epoch", yscale="log", yticks=[5, 10, 20, 50, 90])
    right.set_xticks(range(1, len(error) + 1))
    right.yaxis.set_major_formatter("{x:g}")
    right.yaxis.set_minor_formatter("")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def traced(paths, tau, ramp, zeros):
    """Single weights W (steps, weights) with the threshold (steps,), and zeros of V by layer, {layer: (steps, shares)}."""
    steps = range(len(paths))
    _, (left, right) = plt.subplots(1, 2, figsize=(13, 3.6))
    left.fill_between(steps, -tau, tau, color=GREY, alpha=0.2)
    for path in paths.T:
        left.plot(path, color=V_COLOUR if abs(path[-1]) > tau[-1] else GREY, linewidth=1)
    left.axvline(ramp * len(paths), color=GREY, linewidth=0.8, linestyle="--")
    left.set(title="weights W: kept (orange) and dropped; dashed: beta begins to rise", xlabel="step")
    for (name, (at, share)), line in zip(zeros.items(), LINES, strict=True):
        right.plot(at, share, line, color=V_COLOUR, label=name)
    right.set(title="zeros of V by layer, %", xlabel="step", ylim=(0, 100))
    right.legend()
    plt.show()


def zero_pattern(matrices):
    """Which weights are not zero, {title: the first rows and columns of a layer}."""
    _, axes = plt.subplots(1, len(matrices), figsize=(13, 4))
    for panel, (title, matrix) in zip(axes, matrices.items(), strict=True):
        there = np.where(matrix != 0, 1.0, np.nan)
        panel.imshow(there, cmap=ListedColormap([V_COLOUR]), interpolation="nearest", aspect="auto")
        panel.set(title=title, xlabel=f"input (the first {matrix.shape[1]}; 16 a channel)")
    axes[0].set_ylabel(f"output (the first {matrix.shape[0]})")
    plt.show()


def filters(weights):
    """The filters of conv1, {name: (K, 1, R, S)}: a line each. Exact zeros are left empty."""
    K = len(next(iter(weights.values())))
    _, axes = plt.subplots(len(weights), K, figsize=(14, 1.2 * len(weights)))
    for line, (name, conv1) in zip(axes, weights.items(), strict=True):
        for panel, picture in zip(line, conv1, strict=True):
            panel.imshow(np.where(picture[0] == 0, np.nan, picture[0]), cmap="RdBu", norm=AsinhNorm(0.04, -0.8, 0.8))
            panel.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    plt.show()


def all_methods(points):
    """The package's figure of a sweep, from its points. Its colours need a light background."""
    with style.context("default"):
        display(pareto(points))
