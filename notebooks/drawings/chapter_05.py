"""The figures of chapter 5. Every function gets numbers or penalties from the chapter, and shows one figure."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.penalties import L0
from minisgl.plots import GREY, V_COLOUR, W_COLOUR

COLOURS = {"l1": W_COLOUR, "l0": V_COLOUR, "soft": W_COLOUR, "hard": V_COLOUR}


def what_is_kept(v, kept):
    """Some weights (n,), and what is left of them, {name: (threshold, x)}."""
    figure, axes = plt.subplots(1, len(kept), figsize=(9, 3), sharey=True)
    for panel, (name, (threshold, x)) in zip(axes, kept.items(), strict=True):
        lost = np.max(np.abs(v - x)[x != 0], initial=0)
        says = f"loses {lost:.2g}" if lost > 0 else "is kept whole"
        panel.bar(np.arange(v.size), v, color=GREY, alpha=0.35, width=0.8)
        panel.bar(np.arange(v.size), x, color=COLOURS[name], width=0.4)
        panel.axhspan(-threshold, threshold, color=GREY, alpha=0.12, zorder=0)
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.set(title=f"{name}: what is kept {says}", xlabel="weight", xticks=range(v.size))
    figure.suptitle("grey: before     coloured: after     shaded: up to the threshold")
    plt.show()


def open_dot(panel, x, y, colour):
    """A circle that hides what is behind it."""
    panel.plot(x, y, "o", color=colour, markerfacecolor=panel.get_facecolor(), markersize=6)


def cost_panel(panel, v, lam):
    """f(x) = lam [x != 0] + (x - v)^2 / 2, the costs of x = 0 and x = v, and the best x."""
    x = np.linspace(min(-0.6, v - 0.2), max(2.2, v + 0.2), 401)  # (401,)
    panel.plot(x, lam + (x - v) ** 2 / 2, color=GREY)
    open_dot(panel, 0, lam + v**2 / 2, GREY)
    panel.plot([0, v], [v**2 / 2, lam], "o", color=GREY, markersize=5)
    panel.axhline(lam, color=GREY, linewidth=0.8, linestyle=":")
    best = L0(lam).prox(np.array([v], dtype=float), 1.0)[0]
    panel.plot(best, lam if best else v**2 / 2, "o", color=V_COLOUR, markersize=9)
    tie = ", or v" if v == np.sqrt(2 * lam) else ""
    panel.set(xlabel="x", title=f"v = {v:.1f}:  best x = {best:.1f}{tie}", xticks=[0, 1, 2])
    panel.set_ylim(0, max(2.2, 1.03 * (lam + v**2 / 2)))


def prox_panel(panel, marked, lam):
    """The prox, with a dot for each marked v."""
    t = np.sqrt(2 * lam)
    end = max(2.2, 1.1 * np.abs(marked).max(), 1.1 * t)
    panel.plot([-end, end], [-end, end], "--", color=GREY, linewidth=0.8)
    for start, stop, height in ((-end, -t, 1), (-t, t, 0), (t, end, 1)):
        panel.plot([start, stop], [start * height, stop * height], color=W_COLOUR, linewidth=2)
    open_dot(panel, [t, -t], [t, -t], W_COLOUR)
    panel.plot([t, -t], [0, 0], "o", color=W_COLOUR, markersize=6)
    panel.plot(marked, L0(lam).prox(np.array(marked, dtype=float), 1.0), "o", color=V_COLOUR, markersize=8)
    panel.set(xlabel="v", title="prox(v); dashed: v", xticks=[-2, -t, 0, t, 2], aspect="equal")
    panel.xaxis.set_major_formatter("{x:.2g}")


def costs(some_v, lam):
    """The cost for each of some_v, and the prox with all of them."""
    _, axes = plt.subplots(1, len(some_v) + 1, figsize=(14, 3))
    for panel, v in zip(axes, some_v, strict=False):
        cost_panel(panel, v, lam)
    axes[0].set_ylabel("cost f(x)")
    prox_panel(axes[-1], some_v, lam)
    plt.show()


def cost_and_prox(v, lam):
    """The cost for one v beside the prox."""
    _, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    cost_panel(left, v, lam)
    prox_panel(right, [v], lam)
    plt.show()


def signal_in_noise(truth, noisy, thresholds, errors, best):
    """The error over the threshold, {name: errors}, and what is kept at the best one, {name: x}; truth and noisy (n,)."""
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 3.8))
    own = np.mean((noisy - truth) ** 2)
    left.axhline(own, color=GREY, linestyle="--", label="the noisy signal itself")
    for name, error in errors.items():
        left.plot(thresholds, error, color=COLOURS[name], label=name)
        left.plot(thresholds[error.argmin()], error.min(), "o", color=COLOURS[name])
    left.set(title="error, over the threshold (dots: the best)", xlabel="threshold", ylabel="mean squared error")
    left.set_ylim(0, max(0.2, 1.1 * own))
    left.legend()
    end = 1.05 * np.abs(truth).max()
    right.plot([-end, end], [-end, end], "--", color=GREY, linewidth=0.8, label="what is right")
    for name, x in best.items():
        shown = (x != 0) & (truth != 0)
        right.plot(truth[shown], x[shown], ".", color=COLOURS[name], markersize=8, label=name)
    right.set(title="what is kept, at the best threshold", xlabel="truth", ylabel="after thresholding")
    right.legend()
    plt.show()


def ends(with_l1, with_l0, true, lam):
    """Loss and penalty at the end of each run: with l1 (runs,); with l0, {start: (runs,)}, and that of the true weights."""
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2))
    left.plot(np.sort(with_l1), "o", color=W_COLOUR, markersize=4)
    left.set(title=f"l1, lam = {lam:g}", ylabel="loss + penalty")
    for (name, some), colour in zip(with_l0.items(), (V_COLOUR, W_COLOUR), strict=True):
        right.plot(np.sort(some), "o", color=colour, markersize=4, label=name)
    right.set(title=f"l0, lam = {lam:g}")
    right.axhline(true, color=GREY, linestyle="--", linewidth=1, label="the true weights")
    right.legend(loc="upper left")
    every = np.concatenate([with_l1, *with_l0.values()])
    for panel in (left, right):
        panel.set(xlabel="run (sorted)", ylim=(0, max(3.5, 1.1 * np.max(every[np.isfinite(every)], initial=0))))
    plt.show()
