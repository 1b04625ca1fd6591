"""The figure of two residual networks: how many units each layer has, before and after.

A pair of bars for each layer with weights. Units are the outputs of a convolution and the inputs of a linear layer, as in the
table of compress. A layer that was removed has no second bar.
"""

from matplotlib.figure import Figure

from minisgl.nn import Network
from minisgl.plots.style import GREY, V_COLOUR, W_COLOUR

HEIGHT, LINE = 0.38, 0.26  # of a bar, in lines; of a line, in inches
LABEL = 7.5  # points


def units_of(network: Network) -> dict[str, int]:
    """Return the number of units of each layer with weights, by its full name."""
    return {name: slot.shape[slot.unit_axis] for name, slot in network.layout.weights.items()}


def units(before: Network, after: Network) -> Figure:
    """Draw the units of `before` and of `after`, whose layers are some of those of `before`."""
    rows = [("before", before, W_COLOUR), ("after", after, V_COLOUR)]
    names, largest = list(units_of(before)), max(units_of(before).values())
    figure = Figure(figsize=(8, 1.2 + LINE * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for row, (title, network, colour) in enumerate(rows):
        found = units_of(network)
        places = [i + HEIGHT * (row - 0.5) for i in range(len(names))]
        lengths = [found.get(name, 0) for name in names]
        axes.barh(places, lengths, HEIGHT, color=colour, label=f"{title}: {network.weights.size:,} weights")
        for place, length, name in zip(places, lengths, names, strict=True):
            words = f"{length:,}" if name in found else "gone"
            axes.text(
                length + 0.01 * largest, place, words, va="center", fontsize=LABEL, color=colour if name in found else GREY
            )
    axes.set_yticks(range(len(names)), names, fontsize=LABEL)
    axes.set_ylim(len(names) - 0.4, -0.6)  # the first layer at the top
    axes.set_xlim(0, 1.1 * largest)
    axes.set_xlabel("units: outputs of a convolution, inputs of a linear layer")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
