"""The figures of chapter 12. Every function gets numbers that the chapter has computed, and shows one figure."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def lengths(plain, under_adam):
    """The length of the column over the steps: with plain steps, and under Adam for each sigma."""
    _, panel = plt.subplots(figsize=(10, 3.8))
    panel.plot(plain, color=GREY, linewidth=4, alpha=0.6, label="plain steps, any noise left out")
    for (sigma, curve), style in zip(under_adam.items(), cycle(("-", "--", "-.", ":")), strict=False):
        panel.plot(curve, style, color=W_COLOUR, linewidth=1.8, label=f"Adam, sigma = {sigma:g}")
    panel.set(title="length of a column of 500 weights, lam = 1e-5", xlabel="step", ylim=(-0.05, 1.7))
    panel.legend(fontsize=8, loc="center right")
    plt.show()


def hovering(hover, v):
    """Histograms of log10 |w| for each learning rate, and a note on V."""
    _, axes = plt.subplots(1, len(hover), figsize=(11, 3), sharex=True, sharey=True, squeeze=False)
    bins = np.linspace(-8, -1, 57)  # (57,)
    for panel, (lr, w) in zip(axes[0], hover.items(), strict=True):
        panel.hist(np.log10(np.abs(w)), bins=bins, color=W_COLOUR)
        panel.axvline(np.log10(lr), color=V_COLOUR, linestyle="--", label="learning rate")
        panel.axvline(-5, color=GREY, linestyle=":", label="1e-5, counted as zero")
        panel.set(title=f"W with learning rate {lr:g}: {np.sum(w == 0)} of {w.size} are 0", xlabel="log10 |w|")
    axes[0, 0].legend(fontsize=8, loc="upper left")
    axes[0, 0].set_ylabel(f"weights; V has {np.sum(v == 0)} of {v.size} zeros")
    plt.show()


def descents(above):
    """How far F is above its lowest value, over the iterations, for each method."""
    _, panel = plt.subplots(figsize=(9, 3.6))
    for (name, gap), (style, colour) in zip(
        above.items(), cycle((("-", V_COLOUR), ("--", W_COLOUR), (":", GREY))), strict=False
    ):
        panel.semilogy(np.maximum(gap, 1e-13), style, color=colour, linewidth=2, label=name)
    panel.set(title="F above its lowest value", xlabel="iteration", ylim=(1e-13, None))
    panel.legend()
    plt.show()
