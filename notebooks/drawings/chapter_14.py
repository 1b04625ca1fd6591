"""The figures of chapter 14. Every function gets numbers that the chapter has computed or read, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def by_seed(errors, title, xlabel):
    """One row for each method: its errors by seed, {name: errors}, and their mean."""
    _, axes = plt.subplots(figsize=(9, 0.8 + 0.5 * len(errors)))
    for row, (name, one) in enumerate(reversed(errors.items())):
        colour = V_COLOUR if name.startswith("l0") else W_COLOUR
        axes.plot(one, [row] * len(one), "o", color=colour, markersize=7, alpha=0.7)
        axes.plot(np.mean(one), row, "|", color=GREY, markersize=22, markeredgewidth=2)
    axes.set_yticks(range(len(errors)), list(reversed(errors)))
    axes.set(title=title, xlabel=xlabel, ylim=(-0.6, len(errors) - 0.4))
    axes.grid(axis="x", alpha=0.3)
    plt.show()


def shares(t, curves):
    """The share of zeros over the fraction of the run, {name: shares}."""
    styles = (V_COLOUR, "-"), (GREY, "--"), (W_COLOUR, "-.")
    _, axes = plt.subplots(figsize=(7, 3))
    for (name, share), (colour, line) in zip(curves.items(), styles, strict=True):
        axes.plot(t, share, line, color=colour, label=name)
    axes.set(title="share of zeros during the run", xlabel="fraction of the run", ylim=(-0.03, 1.03))
    axes.legend()
    plt.show()


def gates(samples):
    """Histograms of gates, {a: samples of z}."""
    _, axes = plt.subplots(1, len(samples), figsize=(11, 2.8), sharey=True, squeeze=False)
    for panel, (a, z) in zip(axes[0], samples.items(), strict=True):
        panel.hist(z, bins=np.linspace(0, 1, 41), weights=np.full(z.size, 1 / z.size), color=W_COLOUR)
        panel.set(title=f"a = {a:g}", xlabel="z")
    axes[0, 0].set_ylabel("share of the samples")
    plt.show()


def best_of(trials, simulated, exact):
    """The mean of the best of k trials, simulated and by the formula, each (k,)."""
    _, axes = plt.subplots(figsize=(7, 3))
    axes.plot(trials, simulated, "o", color=W_COLOUR, label="simulated")
    axes.plot(trials, exact, "-", color=V_COLOUR, label="1/(k + 1)")
    axes.set(title="k settings that are all equally good: the best result", xlabel="k", ylim=(0, 0.6), xticks=trials)
    axes.legend()
    plt.show()


def null_distribution(simulated, seen):
    """Sums under random signs, and the sum that was seen."""
    _, axes = plt.subplots(figsize=(7, 3))
    edges = np.arange(simulated.min() - 1, simulated.max() + 3, 2)
    axes.hist(simulated, bins=edges, color=GREY, label="with random signs")
    for side in (-seen, seen):
        axes.axvline(side, color=V_COLOUR, linewidth=2, label="seen" if side == seen else None)
    axes.set(title="errors of one network less errors of the other", yticks=[])
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def front(points, on_front, shares_on_front):
    """(weights left, error) by method as means, those on the front in V's colour; beside it how often each is on it."""
    _, (left, right) = plt.subplots(1, 2, figsize=(13, 3.8))
    offsets = {
        "l0 continuation": (-8, 8),
        "sparse preset": (4, -14),
        "small preset": (6, 6),
        "tl1 continuation": (-4, -14),
        "l1 continuation": (8, -3),
    }
    for name, (weights, error) in points.items():
        left.semilogx(weights, error, "o" if name in on_front else "s", color=V_COLOUR if name in on_front else GREY)
        if name in on_front or name in offsets:
            right_aligned = offsets.get(name, (7, 3))[0] < 0
            left.annotate(
                name,
                (weights, error),
                offsets.get(name, (7, 3)),
                textcoords="offset points",
                fontsize=8,
                ha="right" if right_aligned else "left",
            )
    left.set(title="means of three seeds (circles: the front)", xlabel="weights left", ylabel="test error, %")
    left.set(xlim=(1e3, 3e6), ylim=(0.6, 0.85))
    names = list(reversed(shares_on_front))
    right.barh(names, [shares_on_front[name] for name in names], color=[V_COLOUR if n in on_front else GREY for n in names])
    right.set(title="share of the draws with one seed each in which it is on the front", xlim=(0, 1))
    right.tick_params(axis="y", labelsize=8)
    plt.show()
