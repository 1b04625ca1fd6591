"""The figure of `python -m minisgl.sweep`: error against nonzero weights, and error against FLOPs, with published results.

A method's point is the mean over its seeds, with bars from the minimum to the maximum. It is filled for continuation and hollow
for the paper's regime; stars are the presets, the only ones trained on shifted images. Results published for the same network
on MNIST are grey crosses, in each panel for which the quantity was published.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, LogLocator

from minisgl.plots.style import GREY

LENET5_WEIGHTS = 430_500
COLOURS = {
    "l0": "#e07b00",
    "tl1": "#1f5fa8",
    "l1-l2": "#8a3fa0",
    "l1": "#2a8a4a",
    "group-lasso": "#b0303c",
    "magnitude": "#222222",
    "sparse": "#e07b00",  # the same as l0
    "small": "#2ab0b0",
    "agp": "#6b4a2b",
    "random": "#9a9a9a",
    "set": "#7a9a2a",
    "rigl": "#d05a9a",
    "admm": "#4a4ad0",
    "cges": "#a0a020",
    "hard-concrete": "#207a7a",
    "hard-concrete-units": "#60c0c0",
    "sparse-vd": "#c08060",
    "dense-small": "#555599",
}
REGIME = "#aaaaaa"  # colour of the legend's entries for regimes, which apply to all methods


class Spread(NamedTuple):
    """Mean, minimum and maximum over the seeds."""

    mean: float
    least: float
    most: float


class Point(NamedTuple):
    """A method in a regime: test error in percent, weights that are not zero, FLOPs of the compact network."""

    method: str
    regime: str
    error: Spread
    weights: Spread
    flops: Spread


class Published(NamedTuple):
    """A published network: test error in percent, how many times fewer weights it has, and FLOPs (None if not published).

    `short` is written above its cross, or on one `side` of it.
    """

    short: str
    name: str
    error: float
    fewer: float | None
    flops: float | None
    side: Literal["above", "left", "right"] = "above"


# The first three are tabulated by Molchanov, Ashukha, Vetrov (2017), whose abstract has the "up to 280 times"; the others by
# Tang, Adhikari, Lin (arXiv 1811.03060), table 1.
PUBLISHED = (
    Published("DC", "deep compression", 0.8, 12, None),
    Published("DNS", "dynamic network surgery", 0.91, 108, None),
    Published("Sparse VD", "sparse variational dropout", 0.75, 280, None, side="right"),
    Published("GD", "generalised dropout", 1.1, None, 254e3),
    Published("SBP", "structured Bayesian pruning", 0.9, None, 217e3),
    Published("BC-GNJ", "Bayesian compression, group normal-Jeffreys", 1.0, None, 290e3),
    Published("BC-GHS", "Bayesian compression, group horseshoe", 1.0, None, 158e3),
    Published("L0-HC", "hard-concrete l0", 0.9, None, 1.3e6, side="left"),
    Published("L0-HC-sep", "the same with a lambda for each layer", 1.0, None, 403e3),
)
# Where a name is written, for each side of its cross.
LABEL_POSITIONS: dict[str, dict[str, Any]] = {
    "above": {"xytext": (0, 5), "ha": "center", "va": "bottom"},
    "left": {"xytext": (-6, 0), "ha": "right", "va": "center"},
    "right": {"xytext": (9, 0), "ha": "left", "va": "center"},  # avoids a star
}


def pareto(points: Sequence[Point], weights: int | None = LENET5_WEIGHTS, with_published: bool = True) -> Figure:
    """Draw both panels side by side; networks towards the lower left are better and smaller.

    weights: all weights of the network that was trained; None if unknown. The published results are those of LeNet-5 on MNIST.
    """
    published = PUBLISHED if with_published else ()
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, [(p, p.weights) for p in points], [(p, LENET5_WEIGHTS / p.fewer) for p in published if p.fewer])
    left.set_xlabel("weights that are not zero" + ("" if weights is None else f", of {weights:,}"))
    left.set_ylabel("test error, %")
    left.text(0.015, 0.015, "lower left: better and smaller", transform=left.transAxes, fontsize=8, color=GREY)
    _panel(right, [(p, p.flops) for p in points], [(p, p.flops) for p in published if p.flops])
    right.set_xlabel("FLOPs of the compact network (multiply-adds + bias additions)")
    methods = [method for method in COLOURS if any(p.method == method for p in points)]
    keys = [Line2D([], [], color=COLOURS[method], linestyle="", label=method, **_mark(method)) for method in methods]
    keys.append(Line2D([], [], color=REGIME, marker="o", linestyle="", label="filled: continuation"))
    keys.append(Line2D([], [], color=REGIME, marker="o", linestyle="", markerfacecolor="white", label="hollow: paper"))
    if any(point.regime == "preset" for point in points):
        keys.append(Line2D([], [], color=REGIME, marker="*", markersize=13, linestyle="", label="preset, on shifted images"))
    if published:
        keys.append(Line2D([], [], color=GREY, marker="x", linestyle="", label="published"))
        names = "; ".join(f"{p.short} {p.name}" for p in published)
        figure.supxlabel(f"Published: {names}", fontsize=8, color=GREY, wrap=True)
    figure.legend(
        handles=keys, loc="outside upper center", ncols=-(-len(keys) // 2), frameon=False, columnspacing=1.2, handletextpad=0.2
    )
    return figure


def _mark(method: str) -> dict[str, Any]:
    """Return a star for a preset, a dot for a method."""
    return {"marker": "*", "markersize": 13} if method in ("sparse", "small") else {"marker": "o", "markersize": 6}


def _panel(axes: Axes, points: Sequence[tuple[Point, Spread]], published: Sequence[tuple[Published, float]]) -> None:
    """Draw one panel: the points over the published networks, each with its x."""
    for other, where in published:
        axes.plot(where, other.error, "x", color=GREY, zorder=4)
        place = LABEL_POSITIONS[other.side]
        text: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "color": GREY, "zorder": 4, **place}
        name = axes.annotate(other.short, (where, other.error), **text)
        name.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    for point, quantity in points:
        x = Spread(*(max(value, 1) for value in quantity))  # a log axis cannot show 0
        bars = [[[spread.mean - spread.least], [spread.most - spread.mean]] for spread in (x, point.error)]
        face = "white" if point.regime == "paper" else COLOURS[point.method]
        style: dict[str, Any] = {
            "color": COLOURS[point.method],
            "markerfacecolor": face,
            "elinewidth": 1,
            "capsize": 2,
            "linestyle": "",
            "zorder": 3,
        }
        axes.errorbar(x.mean, point.error.mean, xerr=bars[0], yerr=bars[1], **style, **_mark(point.method))
    axes.set_xscale("log")
    axes.margins(x=0.08, y=0.08)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.xaxis.set_minor_formatter("")
    axes.grid(which="major", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
