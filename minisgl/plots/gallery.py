"""The figures of docs/penalties.md, drawn from the penalty classes: `python docs/draw_figures.py docs/figures`.

penalties.png shows every separable penalty and, below it, its prox. lam is chosen so that every prox has the threshold 1 at
step 1: they differ only above it. penalty_groups.png shows the prox of the penalties that are not separable, on two weights
that grow together. penalty_contours.png shows the contour lines of six penalties of two weights.
"""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minisgl.penalties import (
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    GroupL0,
    GroupL0With,
    GroupLasso,
    L1MinusL2,
    LogSum,
    Lp,
    Penalty,
    SparseGroupL0,
    SparseGroupLasso,
    TransformedL1,
)
from minisgl.plots.style import GREY, V_COLOUR, W_COLOUR

Scalar = L1 | L0 | TransformedL1 | SCAD | MCP | Lp | CappedL1 | LogSum

SEPARABLE: dict[str, Scalar] = {
    "L1": L1(1),
    "L0": L0(1),
    "TransformedL1, a = 1": TransformedL1(1, a=1),
    "Lp, p = 1/2": Lp(1, p=0.5),
    "SCAD, a = 3.7": SCAD(1, a=3.7),
    "MCP, gamma = 3": MCP(1, gamma=3),
    "CappedL1, theta = 1": CappedL1(1, theta=1),
    "LogSum, eps = 0.5": LogSum(1, eps=0.5),
}
TWO_WEIGHTS: dict[str, Penalty | GroupLasso] = {
    "L1": L1(1),
    "TransformedL1, a = 1": TransformedL1(1, a=1),
    "Lp, p = 1/2": Lp(1, p=0.5),
    "GroupLasso": GroupLasso(1, groups=()),  # both weights are one group
    "SparseGroupLasso": SparseGroupLasso(1, 1, groups=()),
    "L1MinusL2": L1MinusL2(1),
}
NOT_SEPARABLE: dict[str, Penalty | GroupLasso] = {
    "GroupLasso, lam = 0.5": GroupLasso(0.5, groups=()),
    "SparseGroupLasso, 0.4 and 0.3": SparseGroupLasso(0.4, 0.3, groups=()),
    "L1MinusL2, lam = 0.8": L1MinusL2(0.8),
    "GroupL0, lam = 0.6": GroupL0(0.6, groups=()),
    "SparseGroupL0, 0.4 and 0.3": SparseGroupL0(0.4, 0.3, groups=()),
    "GroupL0With(L1), 0.4 and 0.4": GroupL0With(L1(0.4), 0.4, groups=()),
}
END = 3.0  # every axis of the gallery runs from -END to END
TICK_SIZE = 8.5  # points


def with_threshold_one(penalty: Scalar) -> Scalar:
    """Return the penalty with lam such that its prox has the threshold 1 at step 1."""
    return replace(penalty, lam=penalty.step_for(1.0) * penalty.lam)


def _draw_cost(axes: Axes, penalty: Scalar) -> None:
    w = np.linspace(-END, END, 2401)  # includes 0
    cost = penalty.cost(w)
    if isinstance(penalty, L0):
        axes.plot([0], [0], "o", color=V_COLOUR, markersize=4)
        axes.plot([0], [penalty.lam], "o", color=V_COLOUR, markersize=4, markerfacecolor="white", zorder=3)
        cost[w == 0] = np.nan
    axes.plot(w, cost, color=V_COLOUR, linewidth=2)
    axes.set_ylim(-0.15, END)
    axes.set_yticks([0, 1, 2, 3])
    axes.set_xticks([-3, 0, 3])
    axes.set_xlabel("w", labelpad=0)


def _draw_prox(axes: Axes, penalty: Scalar) -> None:
    v = np.linspace(-END, END, 6001)
    x = penalty.prox(v, 1.0)
    axes.plot([-END, END], [-END, END], "--", color=GREY, linewidth=0.8, alpha=0.7)
    jumps = np.flatnonzero(np.diff(x) > 0.05)  # far above the steepest slope times the grid's 0.001
    for i in jumps:
        axes.plot([v[i], v[i + 1]], [x[i], x[i + 1]], ":", color=W_COLOUR, linewidth=1.2)
    axes.plot(np.insert(v, jumps + 1, np.nan), np.insert(x, jumps + 1, np.nan), color=W_COLOUR, linewidth=2)
    axes.set_ylim(-END, END)
    axes.set_yticks([-3, 0, 3])
    t = penalty.threshold(1.0)
    axes.set_xticks([-3, -t, t, 3])
    axes.xaxis.set_major_formatter("{x:g}")
    for tick in axes.xaxis.get_major_ticks()[1:3]:
        tick.label1.set(color=W_COLOUR, fontweight="bold")
        tick.tick1line.set(markeredgecolor=W_COLOUR, markeredgewidth=2.5)
    axes.set_xlabel("v", labelpad=0)


def gallery() -> Figure:
    """Draw eight separable penalties: lam * r(w), and below it prox(v)."""
    figure = Figure(figsize=(10, 11), layout="constrained")
    figure.suptitle(
        "Separable penalties (orange) and their proximal operators at step 1 (blue).  All thresholds are set to 1.\n"
        "dashed: v itself, nothing shrunk      dotted: the prox jumps      bold ticks: up to here prox(v) = 0",
        fontsize=11,
    )
    grid = figure.subplots(4, 4)
    for i, (name, shape) in enumerate(SEPARABLE.items()):
        penalty, row, column = with_threshold_one(shape), 2 * (i // 4), i % 4
        cost, prox = grid[row][column], grid[row + 1][column]
        cost.set_title(f"{name}\nlam = {penalty.lam:.4g}", fontsize=10.5)
        _draw_cost(cost, penalty)
        _draw_prox(prox, penalty)
        for axes, label in ((cost, "lam r(w)"), (prox, "prox(v)")):
            axes.set_xlim(-END, END)
            axes.set_box_aspect(1)
            axes.tick_params(labelsize=TICK_SIZE)
            axes.spines[["top", "right"]].set_visible(False)
            if column == 0:
                axes.set_ylabel(label)
    figure.align_ylabels()
    return figure


def not_separable() -> Figure:
    """Draw the penalties that are not separable: prox of v = (s, s/2) over s, with both weights in one group."""
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    figure.suptitle(
        "Penalties of two weights together, step 1: prox of v = (s, s/2).  Blue: the larger weight.  Orange: the smaller.\n"
        "dashed: v itself, nothing shrunk      dotted: the prox jumps",
        fontsize=11,
    )
    s = np.linspace(0, END, 3001)
    for axes, (name, penalty) in zip(figure.subplots(2, 3).ravel(), NOT_SEPARABLE.items(), strict=True):
        x = np.array([penalty.prox(np.array([size, size / 2]), 1.0) for size in s])  # (3001, 2)
        for i, colour in ((0, W_COLOUR), (1, V_COLOUR)):
            axes.plot(s, s / (1 + i), "--", color=GREY, linewidth=0.8, alpha=0.7)
            jumps = np.flatnonzero(np.abs(np.diff(x[:, i])) > 0.02)
            for j in jumps:
                axes.plot([s[j], s[j + 1]], [x[j, i], x[j + 1, i]], ":", color=colour, linewidth=1.2)
            axes.plot(np.insert(s, jumps + 1, np.nan), np.insert(x[:, i], jumps + 1, np.nan), color=colour, linewidth=2)
        axes.set_title(name, fontsize=10.5)
        axes.set_xlim(0, END)
        axes.set_ylim(-0.05, END)
        axes.set_xticks([0, 1, 2, 3])
        axes.set_yticks([0, 1, 2, 3])
        axes.set_box_aspect(1)
        axes.tick_params(labelsize=TICK_SIZE)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("s", labelpad=0)
    return figure


def contours() -> Figure:
    """Draw six penalties of two weights: contour lines, and shaded the region where the value is at most that at (1/4, 1/4)."""
    figure = Figure(figsize=(9, 6.6), layout="constrained")
    figure.suptitle(
        "Lines of equal penalty, two weights.  Shaded: where the penalty is at most that of the dot at (¼, ¼).\n"
        "The further the shaded area reaches along the axes, the lower the penalty of a vector with a zero.",
        fontsize=11,
    )
    ticks = np.linspace(0, 1, 161)
    both = np.concatenate([-ticks[:0:-1], ticks])
    for axes, (name, penalty) in zip(figure.subplots(2, 3).ravel(), TWO_WEIGHTS.items(), strict=True):
        corner = np.array([[penalty.value(np.array([x, y])) for x in ticks] for y in ticks])  # x, y >= 0
        values = np.pad(corner, ((len(ticks) - 1, 0),) * 2, mode="reflect") / penalty.value(np.array([0.25, 0.25]))
        axes.contourf(both, both, values, levels=[-1, 1], colors=[W_COLOUR], alpha=0.25)
        axes.contour(both, both, values, levels=[0.5, 1.5, 2, 2.5, 3], colors=GREY, linewidths=0.6, alpha=0.8)
        axes.contour(both, both, values, levels=[1], colors=W_COLOUR, linewidths=2)
        axes.plot([0.25], [0.25], "o", color=V_COLOUR, markersize=6)
        axes.set_title(name, fontsize=10.5)
        axes.set_aspect("equal")
        axes.set_xticks([-1, 0, 1])
        axes.set_yticks([-1, 0, 1])
        axes.tick_params(labelsize=TICK_SIZE)
        axes.set_xlabel("w₁", labelpad=0)
        axes.set_ylabel("w₂", labelpad=0)
    return figure
