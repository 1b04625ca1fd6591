"""The figures of chapter 9. Every function gets numbers that the chapter has computed, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgba

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def costs_and_lengths(s, composed, exact):
    """Cost and length of the composition and of the exact result, a pair of (M,) each, over s (M,)."""
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4))
    for name, (total, length), colour in (("hard, then block soft", composed, V_COLOUR), ("the best", exact, W_COLOUR)):
        left.plot(s, total, color=colour, label=name)
        right.plot(s, length, color=colour, label=name)
    left.set(title="the cost of the result", xlabel="s")
    right.set(title="the length of the result", xlabel="s")
    left.legend()
    plt.show()


def which_are_kept(largest, composed, exact, with_price, excess):
    """Which of two weights are kept over the square from 0 to largest: three times (M, M, 2), and an excess cost (M, M)."""
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6))
    place = {"origin": "lower", "extent": (0, largest, 0, largest)}
    colours = ["none", to_rgba(W_COLOUR, 0.4), to_rgba(V_COLOUR, 0.4), to_rgba(GREY, 0.4)]  # none, first, second, both
    for panel, x, title in (
        (axes[0], composed, "hard, then block soft: wrong"),
        (axes[1], exact, "l0 and group lasso: exact"),
        (axes[3], with_price, "l0 and group l0: exact"),
    ):
        panel.imshow((x != 0) @ np.array([1, 2]), cmap=ListedColormap(colours), vmin=0, vmax=3, **place)
        for at_1, at_2, text in ((0.16, 0.16, "none"), (0.84, 0.12, "$x_1$"), (0.1, 0.84, "$x_2$"), (0.76, 0.76, "both")):
            panel.text(at_1, at_2, text, ha="center", transform=panel.transAxes)
        panel.set(title=title, xlabel="$v_1$")
    image = axes[2].imshow(excess, cmap="Oranges", **place)
    axes[2].set(title=f"the wrong one costs up to {excess.max():.2f} more", xlabel="$v_1$")
    figure.colorbar(image, ax=axes[2], shrink=0.7)
    axes[0].set_ylabel("$v_2$")
    plt.show()


def noise_columns(runs):
    """Lengths of the noise columns at every step, {title: (W's, V's)}, each (steps, 8)."""
    figure, axes = plt.subplots(1, len(runs), figsize=(14, 3.6), sharey=True)
    for panel, (title, (of_w, of_v)) in zip(axes, runs.items(), strict=True):
        panel.plot(of_w, color=W_COLOUR, linewidth=1, alpha=0.8)
        panel.plot(of_v, color=V_COLOUR, linewidth=1.5)
        zeros = ", ".join(f"{name} {np.sum(of[-1] == 0)}" for name, of in (("W", of_w), ("V", of_v)))
        panel.set(title=f"{title}\nzero columns: {zeros}", xlabel="step", ylim=(-0.03, 0.8))
    axes[0].set_ylabel("length of the 8 noise columns")
    figure.suptitle("blue: columns of W     orange: columns of V")
    plt.show()
