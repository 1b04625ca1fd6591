"""The figures of chapter 4. Every function gets numbers from the chapter, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.penalties import L1
from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def slope_and_prox(by_slope, by_prox):
    """The weight after every step: on the left by the slope, on the right by the prox, each (steps + 1,)."""
    _, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
    for panel, w, colour, name in ((axes[0], by_slope, W_COLOUR, "by the slope"), (axes[1], by_prox, V_COLOUR, "by the prox")):
        not_zero = np.flatnonzero(np.array(w) != 0)
        first = not_zero[-1] + 1 if not_zero.size else 0  # from here on all are 0
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.plot(w, ".-", color=colour)
        zeros = f"0 from step {first} on" if first < len(w) else "never 0" if not_zero.size == len(w) else "not 0 at the end"
        panel.set(title=f"{name}: {zeros}", xlabel="step")
    axes[0].set_ylabel("w")
    plt.show()


def cost_panel(panel, v, t):
    """f(x) = t |x| + (x - v)^2 / 2, and its lowest point."""
    x = np.linspace(min(-1, v - 0.2), max(2.2, v + 0.2), 401)  # (401,)
    best = L1(t).prox(np.array([v], dtype=float), 1.0)  # (1,)
    lowest = L1(t).cost(best) + (best - v) ** 2 / 2  # (1,)
    panel.plot(x, L1(t).cost(x) + (x - v) ** 2 / 2, color=GREY)
    panel.axvline(v, color=GREY, linewidth=0.8, linestyle="--")
    panel.text(v, 1.62, " v", color=GREY, va="top")
    panel.plot(best, lowest, "o", color=V_COLOUR, markersize=8)
    panel.set(xlabel="x", title=f"v = {v:.1f}:  best x = {best[0]:.1f}", xticks=[-1, 0, 1, 2])
    panel.set_ylim(0, max(1.65, 1.15 * lowest[0]))


def prox_panel(panel, marked, t):
    """The prox, with a dot for each marked v."""
    end = max(2.2, 1.1 * np.abs(marked).max())
    v = np.linspace(-end, end, 441)  # (441,)
    panel.plot(v, v, "--", color=GREY, linewidth=0.8)
    panel.plot(v, L1(t).prox(v, 1.0), color=W_COLOUR)
    panel.plot(marked, L1(t).prox(np.array(marked, dtype=float), 1.0), "o", color=V_COLOUR, markersize=8)
    panel.set(xlabel="v", title="prox(v); dashed: v", xticks=[-2, -t, t, 2], aspect="equal")
    panel.xaxis.set_major_formatter("{x:.2g}")


def costs(some_v, t):
    """The cost for each of some_v, and the prox with all of them."""
    _, axes = plt.subplots(1, len(some_v) + 1, figsize=(14, 3))
    for panel, v in zip(axes, some_v, strict=False):
        cost_panel(panel, v, t)
    axes[0].set_ylabel("cost f(x)")
    prox_panel(axes[-1], some_v, t)
    plt.show()


def cost_and_prox(v, t):
    """The cost for one v beside the prox."""
    _, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    cost_panel(left, v, t)
    prox_panel(right, [v], t)
    plt.show()


def five_weights(zeros, objective, w_true, w_found):
    """Zeros and objective over the steps, {"by the slope": ..., "by the prox": ...}; the true weights and those found, (n,)."""
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
    lowest = np.min([one[-1] for one in objective.values()])
    for name, colour in (("by the slope", W_COLOUR), ("by the prox", V_COLOUR)):
        left.plot(zeros[name], color=colour, label=name)
        middle.semilogy(np.array(objective[name]) - lowest + 1e-16, color=colour, label=name)
    left.set(title=f"weights that are exactly 0, of {w_true.size}", xlabel="step")
    left.legend()
    middle.set(title="loss + penalty, above the lowest at the end", xlabel="step", ylim=(1e-8, 100))
    middle.legend()
    right.vlines(np.arange(w_true.size), 0, w_true, color=GREY, linewidth=5, alpha=0.4, label="true")
    right.plot(np.flatnonzero(w_found), w_found[w_found != 0], "o", color=V_COLOUR, markersize=4, label="found, not zero")
    right.axhline(0, color=GREY, linewidth=0.8)
    right.set(title="the weights", xlabel="index")
    right.legend()
    plt.show()
