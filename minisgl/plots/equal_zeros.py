"""The figure of a sweep whose networks all have as many zeros: the test error of each method, the best on top.

A dot is a run, and the line is the mean over a method's seeds, with its value next to it.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

from matplotlib.figure import Figure

from minisgl.plots.sweep import COLOURS


def errors(by_method: Mapping[str, Sequence[float]], zeros: str) -> Figure:
    """Draw the test errors, in percent, of each method's runs. zeros: what all runs have in common, as the title.

    A name may have more than the method: "l0 trial-1" has l0's colour.
    """
    ordered = sorted(by_method, key=lambda method: mean(by_method[method]))
    figure = Figure(figsize=(7.5, 0.42 * len(ordered) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    for row, method in enumerate(ordered):
        found, colour, middle = by_method[method], COLOURS[method.split()[0]], mean(by_method[method])
        axes.plot([middle, middle], [row - 0.3, row + 0.3], color=colour, lw=2)
        axes.plot(found, [row] * len(found), "o", color=colour, alpha=0.6, markeredgewidth=0)
        axes.text(1.01, row, f"{middle:.2f}", va="center", transform=axes.get_yaxis_transform())
    axes.set_yticks(range(len(ordered)), ordered)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.set_title(zeros, loc="left", fontsize="medium")
    axes.set_xlabel("test error, % (dots: runs; lines and numbers: their mean)")
    axes.margins(x=0.08)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    return figure
