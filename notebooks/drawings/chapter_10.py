"""The figures of chapter 10. Every function gets numbers or penalties from the chapter, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def all_proxes(penalties, steps):
    """The prox of every penalty, by name: a row for each of the steps."""
    v = np.linspace(0, 4, 4001)  # (4001,)
    _, axes = plt.subplots(len(steps), len(penalties), figsize=(14, 5.8), sharex=True, sharey=True)
    for row, step in zip(axes, steps, strict=True):
        for panel, (name, penalty) in zip(row, penalties.items(), strict=True):
            x = penalty.prox(v, step)  # (4001,)
            jumps = np.diff(x, prepend=0) > 0.05
            panel.plot(v, v, "--", color=GREY, linewidth=0.8)
            panel.plot(v, np.where(jumps, np.nan, x), color=V_COLOUR if jumps.any() else W_COLOUR, linewidth=2)
            for k in np.flatnonzero(jumps):
                panel.plot([v[k], v[k]], x[k - 1 : k + 1], ":", color=V_COLOUR)
            panel.set(title=f"{name}\nstep {step:g}: {'jumps' if jumps.any() else 'continuous'}", aspect="equal")
        row[0].set_ylabel("prox(v); dashed: v")
    for panel in axes[-1]:
        panel.set_xlabel("v")
    plt.show()


def rolling_line(penalty, steps):
    """g(x) = step r(x) + x^2/2 with lines that touch it from below, for each of the steps."""
    x = np.linspace(0, 4, 801)  # (801,)
    _, axes = plt.subplots(1, len(steps), figsize=(13, 3.6))
    for panel, step in zip(axes, steps, strict=True):
        g = step * penalty.cost(x) + x**2 / 2  # (801,)
        threshold = penalty.threshold(step)
        for v in (threshold, threshold + 0.35, threshold + 0.7):
            touch = penalty.prox(np.array([v, v + 1e-9]), step)  # (2,): differ where a line touches twice
            panel.plot(x, (g - v * x).min() + v * x, color=GREY, linewidth=0.8)
            panel.plot(touch, step * penalty.cost(touch) + touch**2 / 2, "o", color=V_COLOUR, markersize=6)
        panel.plot(x, g, color=W_COLOUR, linewidth=2)
        product = step / penalty.gamma
        kind = "curved" if product < 1 else "straight up to 2" if product == 1 else "with a hollow"
        panel.set(title=f"g for step {step:g}, s rho = {product:g}: {kind}", xlabel="x", xlim=(-0.1, 4))
        panel.set_ylim(-0.6, g[-1])
    axes[0].set_ylabel("g(x); grey: lines of slope v")
    plt.show()


def stretches(products, stretch):
    """How far the result moves, in multiples of how far v moved, over s rho, with the theorem's bound."""
    _, panel = plt.subplots(figsize=(9, 3.8))
    below = np.linspace(0.02, 0.99, 300)  # (300,)
    panel.semilogy(below, 1 / (1 - below), color=GREY, linewidth=5, alpha=0.4, label="the bound 1/(1 - s rho)")
    marks = dict(zip(stretch, (("o", W_COLOUR), ("x", V_COLOUR), ("^", W_COLOUR), ("v", V_COLOUR)), strict=True))
    for name, moved in stretch.items():
        marker, colour = marks[name]
        panel.semilogy(products, moved, marker, color=colour, markerfacecolor="none", markersize=7, label=name)
    panel.axvline(1, color=GREY, linewidth=0.8, linestyle="--")
    panel.set(title="largest movement of the result for a movement of v by 0.001", xlabel="s rho", ylabel="multiple")
    panel.legend(fontsize=8, loc="upper left")
    plt.show()
