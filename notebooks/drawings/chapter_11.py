"""The figures of chapter 11. Every function gets numbers that the chapter has computed, and shows one figure."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def two_balls(at_rest, b):
    """w and v at rest as balls with a spring between them, and the forces on them to scale: {beta: (w, v)}."""
    _, axes = plt.subplots(len(at_rest), 1, figsize=(11, 2.2 * len(at_rest)), sharex=True)
    for panel, (beta, (w, v)) in zip(np.atleast_1d(axes), at_rest.items(), strict=True):
        turns = v + (w - v) * np.concatenate([[0, 0.06], np.linspace(0.06, 0.94, 25), [0.94, 1]])  # (29,)
        zigzag = np.concatenate([[0, 0], 0.12 * np.array([0, *([1, -1] * 12)][:24]), [0, 0, 0]])  # (29,)
        panel.plot(turns, zigzag, color=GREY, linewidth=0.8 + 0.5 * beta, zorder=1)
        pull = beta * (w - v)
        for x, force, height, colour, name in (
            (w, b - w, 0.36, W_COLOUR, "loss, b - w"),
            (w, -pull, -0.36, GREY, "spring"),
            (v, pull, -0.62, GREY, "spring"),
            (v, -pull, 0.36, V_COLOUR, "penalty"),
        ):
            if abs(force) > 1e-3:
                panel.annotate(
                    "", (x + force, height), (x, height), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.8}
                )
                panel.text(x + force / 2, height + 0.06, name, color=colour, ha="center", va="bottom", fontsize=8)
                panel.plot([x, x], [0, height], ":", color=colour, linewidth=0.8, zorder=0)
        panel.plot(w, 0, "o", color=W_COLOUR, markersize=19)
        panel.plot(v, 0, "o", color=V_COLOUR, markersize=15)
        for x, name, colour in ((w, f"w = {w:.2f}", W_COLOUR), (v, f"v = {v:g}", V_COLOUR)):
            panel.text(x, -0.98, name, color=colour, ha="center", va="bottom")
        panel.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        panel.axvline(b, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
        panel.text(b + 0.03, -0.98, "b", color=GREY, va="bottom")
        panel.set(
            title=f"stiffness beta = {beta:g}: the spring pulls with beta (w - v) = {pull:.2f}", ylim=(-1, 0.75), yticks=[]
        )
    panel.set(xlabel="place on the line; an arrow is as long as its force is strong", xlim=(-1.6, max(2.0, b + 0.4)))
    plt.show()


def two_paths(paths, t):
    """w and v over the iterations for each b, {b: (2, iterations + 1)}, and the threshold t."""
    _, axes = plt.subplots(1, len(paths), figsize=(10, 3.2), sharey=True, squeeze=False)
    for panel, (b, (w, v)) in zip(axes[0], paths.items(), strict=True):
        last = len(w) - 1
        panel.axhspan(-t, t, color=GREY, alpha=0.12, zorder=0)
        panel.axhline(b, color=GREY, linewidth=0.8, linestyle="--")
        panel.text(last, b + 0.06, "b", color=GREY, ha="right")
        panel.text(last, t + 0.04, "threshold", color=GREY, ha="right")
        panel.plot(w, "o-", color=W_COLOUR, markersize=7, label="w")
        panel.plot(v, "o-", color=V_COLOUR, markersize=3.5, label="v")
        panel.set(title=f"b = {b:g}: {'they meet' if abs(w[-1] - v[-1]) < 1e-9 else 'a gap remains'}", xlabel="iteration")
    axes[0, 0].set_ylim(-0.25, max(3.4, 1.15 * max(paths)))
    axes[0, 0].legend(loc="center right")
    plt.show()


def envelopes(w, e, with_loss, lam):
    """What W sees of the price over w, {beta: e}, and with a loss added, {beta: sums}; each array of w's shape."""
    shades = dict(zip(e, np.linspace(0.3, 1, len(e)), strict=True))
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2))
    left.plot(w, lam * (w != 0), color=GREY, linestyle=":", linewidth=1, label="the price itself")
    for beta, one in e.items():
        left.plot(w, one, color=V_COLOUR, alpha=shades[beta], label=f"beta = {beta:g}")
    left.set(title="what W sees of the price, e(w)", xlabel="w", xlim=(-2.2, 2.2), ylim=(-0.03, 1.5 * lam))
    left.legend(loc="upper center", ncols=3, fontsize=8)
    for beta, one in with_loss.items():
        right.plot(w, one, color=V_COLOUR, alpha=shades[beta], label=f"beta = {beta:g}")
    right.set(title="with a loss added", xlabel="w", xlim=(-1, 3), ylim=(0.4, 2))
    right.legend(loc="upper right")
    plt.show()


def starts(panels):
    """Starts (w, v) that end at v = 0, and some paths, for each (beta, lam, t, grid (n,), dropped (n, n), paths, ends)."""
    figure, axes = plt.subplots(1, len(panels), figsize=(1 + 4.4 * len(panels), 4.4), squeeze=False)
    for panel, (beta, lam, t, grid, dropped, paths, ends) in zip(axes[0], panels, strict=True):
        panel.contourf(grid, grid, dropped, levels=[0.5, 1.5], colors=[GREY], alpha=0.25)
        panel.plot(grid, grid, "--", color=GREY, linewidth=0.8)
        panel.axhline(0, color=GREY, linewidth=0.8)
        for path in paths:  # (steps, 2)
            panel.plot(*path.T, color=W_COLOUR, linewidth=1)
            panel.plot(*path[0], "o", color=W_COLOUR, markersize=5)
        panel.plot(*np.array(ends).T, "o", color=V_COLOUR, markersize=9)
        panel.set(title=f"beta = {beta:g}, lam = {lam:g}: t = {t:.2f}", xlabel="w", ylabel="v", aspect="equal")
    if len(panels) > 1:
        text = (
            "blue: four starts and their paths",
            "orange: where they end",
            "shaded: starts that end at v = 0",
            "dashed: v = w",
        )
        figure.suptitle("     ".join(text))
    plt.show()


def descent(both, drop, promised, least, bound):
    """F before each half of an iteration (2 K,); the W-step's drop and its bound, min ||G||^2 and its bound, (K,)."""
    K = np.arange(1, len(drop) + 1)
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 3.4))
    left.plot(np.arange(20) / 2, both[:20], color=GREY, linewidth=1)
    left.plot(np.arange(10), both[0:20:2], "o", color=V_COLOUR, markersize=6, label="after a V-step")
    left.plot(np.arange(10) + 0.5, both[1:20:2], "o", color=W_COLOUR, markersize=6, label="after a W-step")
    left.set(title="F in the first ten iterations", xlabel="iteration")
    left.legend()
    middle.semilogy(K, drop, color=W_COLOUR, label="what the W-step lowers F by")
    middle.semilogy(K, promised, color=GREY, linestyle="--", label="what the theorem promises")
    middle.set(title="the drop and the promise", xlabel="iteration")
    middle.legend()
    right.loglog(K, least, color=W_COLOUR, label="smallest $||G||^2$ so far")
    right.loglog(K, bound, color=GREY, linestyle="--", label="the bound")
    right.set(title="the gradient of F goes to zero", xlabel="iteration")
    right.legend()
    plt.show()


def rises(trials):
    """F over the iterations of each trial, with a dot where it is higher than before: {name: (F (K,), rises)}."""
    _, axes = plt.subplots(1, len(trials), figsize=(14, 3.2), squeeze=False)
    for panel, (name, (F, where)) in zip(axes[0], trials.items(), strict=True):
        panel.plot(F, color=W_COLOUR, linewidth=1.2)
        panel.plot(where, F[where], ".", color=V_COLOUR, markersize=5)
        panel.set(title=f"{name}:\n{len(where)} rises", xlabel="iteration", ylim=(0.9, 1.25))
    axes[0, 0].set_ylabel("F")
    plt.show()


def w_meets_v(ends):
    """A point (W_i, V_i) for each weight, and the gap over the iterations, for {beta: (W (n,), V (n,), t, gaps (K,))}."""
    _, axes = plt.subplots(1, 1 + len(ends), figsize=(3.5 * (1 + len(ends)), 3.4))
    side = max(np.abs(W).max() for W, *_ in ends.values()) * 1.05
    for panel, (beta, (W, V, t, gaps)), shade in zip(axes, ends.items(), np.linspace(0.35, 1, len(ends)), strict=False):
        panel.axvspan(-t, t, color=GREY, alpha=0.15)
        panel.plot([-side, side], [-side, side], "--", color=GREY, linewidth=0.8)
        panel.plot(W, V, ".", color=V_COLOUR, markersize=3)
        panel.set(title=f"beta = {beta:g}: {np.mean(V == 0):.0%} zeros", xlabel="W", ylabel="V")
        panel.set(xlim=(-side, side), ylim=(-side, side))
        axes[-1].plot(gaps, color=W_COLOUR, alpha=shade, label=f"beta = {beta:g}")
    axes[-1].set(title="the gap ||W - V||", xlabel="iteration", ylim=(0, None))
    axes[-1].legend()
    plt.show()


def schedules(curves):
    """Learning rate, beta and threshold over the fraction of the run: {name: three lists}."""
    _, axes = plt.subplots(1, 3, figsize=(13, 3))
    for (name, three), colour in zip(curves.items(), cycle((GREY, V_COLOUR, W_COLOUR)), strict=False):
        for panel, numbers in zip(axes, three, strict=True):
            panel.plot(np.linspace(0, 1, len(numbers), endpoint=False), numbers, color=colour, label=name)
    for panel, title in zip(axes, ("learning rate", "beta", "threshold"), strict=True):
        panel.set(title=title, xlabel="fraction of the run", yscale="linear" if title == "threshold" else "log")
    axes[0].set_ylim(1e-8, 1e-2)
    axes[2].legend()
    plt.show()


def regimes(curves):
    """The gap and the zeros over the iterations of each regime, {name: (gaps (K,), zeros (K,))}."""
    _, axes = plt.subplots(1, 2, figsize=(10, 3.2))
    for (name, two), colour in zip(curves.items(), cycle((GREY, V_COLOUR, W_COLOUR)), strict=False):
        for panel, numbers in zip(axes, two, strict=True):
            panel.plot(numbers, color=colour, label=name)
    axes[0].set(title="the gap ||W - V||", xlabel="iteration")
    axes[1].set(title="zeros of V, %", xlabel="iteration")
    axes[0].legend()
    plt.show()
