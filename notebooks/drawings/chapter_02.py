"""The figures of chapter 2. Every function gets numbers that the chapter has computed, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def _show(panel, array, largest, title=""):
    """A map or a filter (H, W), blue up to `largest`, red down to its negative."""
    panel.imshow(array, cmap="RdBu", vmin=-largest, vmax=largest)
    panel.set(title=title, xticks=[], yticks=[])


def filters_and_maps(image, filters, maps):
    """An image (H, W), filters {name: (R, S)}, and the map (P, Q) of each."""
    K = len(filters)
    figure = plt.figure(figsize=(13, 4.5))
    grid = figure.add_gridspec(2, K + 2)
    panel = figure.add_subplot(grid[:, :2])
    panel.imshow(image, cmap="gray_r")
    panel.set(title=f"{image.shape[0]} x {image.shape[1]} pixels", xticks=[], yticks=[])
    for k, (name, one) in enumerate(filters.items()):
        _show(figure.add_subplot(grid[0, k + 2]), one, 0.2, name)
        _show(figure.add_subplot(grid[1, k + 2]), maps[k], 1, "its map, {} x {}".format(*maps[k].shape))
    plt.show()


def one_window(image, weight, map_, p, q):
    """How a map (P, Q) gets its entry (p, q) from an image (H, W) and a filter (R, S)."""
    R, S = weight.shape
    window = image[p : p + R, q : q + S]  # (R, S)
    _, axes = plt.subplots(1, 5, figsize=(13, 2.7))
    axes[0].imshow(image, cmap="gray_r")
    axes[0].add_patch(Rectangle((q - 0.5, p - 0.5), S, R, fill=False, edgecolor=V_COLOUR, linewidth=2))
    axes[1].imshow(window, cmap="gray_r", vmin=0, vmax=1)
    for panel, title in ((axes[0], "image"), (axes[1], f"window ({p}, {q})")):
        panel.set(title=title, xticks=[], yticks=[])
    _show(axes[2], weight, 0.2, "times the filter")
    _show(axes[3], weight * window, 0.2, f"is {R * S} products")
    _show(axes[4], map_, 1, f"their sum: {map_[p, q]:.2f}")
    axes[4].plot(q, p, "o", markersize=7, markerfacecolor="none", markeredgecolor=V_COLOUR, markeredgewidth=2)
    plt.show()


def errors_over_h(steps, errors, predicted, best_h):
    """Relative errors of differences over the step h, {name: (H,)}, and the prediction (H,), which is least at best_h."""
    _, axes = plt.subplots(figsize=(9, 3.6))
    for (name, error), colour in zip(errors.items(), (GREY, W_COLOUR, V_COLOUR), strict=True):
        axes.loglog(steps, error, "o-", color=colour, markersize=4, label=name)
    axes.loglog(steps, predicted, "--", color=W_COLOUR, linewidth=1, label=f"predicted, least at h = {best_h:.0e}")
    axes.set(title="a right gradient makes a V, a wrong one a plateau", xlabel="step h", ylabel="relative error")
    axes.set(ylim=(1e-12, 30))
    axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def columns(image, X, kernel, marked):
    """An image (H, W) and its columns X (RS, PQ) as numbers; the number `marked` has an orange frame."""
    (R, S), (H, W) = kernel, image.shape
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), width_ratios=[W, X.shape[1]])
    for panel, array in ((left, image), (right, X)):
        panel.imshow(array, cmap="Blues", vmin=-4, vmax=40, alpha=0.4)
        for (i, j), number in np.ndenumerate(array):
            if number == marked:
                panel.add_patch(Rectangle((j - 0.45, i - 0.45), 0.9, 0.9, fill=False, edgecolor=V_COLOUR, linewidth=3))
            panel.text(j, i, f"{number:.0f}", ha="center", va="center")
    left.set(title=f"the image, {H, W}", xticks=range(W), yticks=range(H), xlabel="column", ylabel="row")
    right.set(title=f"its columns, (CRS, PQN) = {X.shape}", xlabel="window p, q", ylabel="place r, s in it")
    windows = [f"{p}, {q}" for p, q in np.ndindex(H - R + 1, W - S + 1)]
    right.set(xticks=range(len(windows)), xticklabels=windows)
    right.set(yticks=range(R * S), yticklabels=[f"{r}, {s}" for r, s in np.ndindex(R, S)])
    plt.show()


def costs(counts, times, names):
    """Multiplications and milliseconds for one image: for each convolution a list, by loops, im2col, Winograd."""
    _, axes = plt.subplots(1, 2, figsize=(11, 3))
    for panel, numbers, title in ((axes[0], counts, "multiplications, one image"), (axes[1], times, "milliseconds, one image")):
        for i, (method, colour) in enumerate((("loops", GREY), ("im2col", W_COLOUR), ("Winograd", V_COLOUR))):
            heights = [row[i] for row in numbers]
            bars = panel.bar(np.arange(len(names)) + 0.27 * (i - 1), heights, 0.25, color=colour, label=method)
            panel.bar_label(bars, [f"{one:,.0f}" if one > 10 else f"{one:.2g}" for one in heights], fontsize=8)
        panel.set(title=title, yscale="log", xticks=range(len(names)), xticklabels=names)
        panel.margins(y=0.15)
    axes[1].legend()
    plt.show()


def learned_filter(losses, seen, wanted, first, last):
    """The loss of every step, filters {step: (5, 5)}, the one that is wanted, and the patterns learned first and last."""
    _, axes = plt.subplots(1, len(seen) + 4, figsize=(14, 2.3), width_ratios=[1.6] + (len(seen) + 3) * [1])
    axes[0].loglog(np.arange(1, len(losses) + 1), losses, color=W_COLOUR)
    axes[0].set(title="loss", xlabel="step")
    for panel, (step, one) in zip(axes[1:], seen.items(), strict=False):
        _show(panel, one, 0.2, f"after {step} steps" if step else "at random")
    _show(axes[-3], wanted, 0.2, "the filter")
    _show(axes[-2], first, 0.35, "learned first")
    _show(axes[-1], last, 0.35, "learned last")
    plt.show()
