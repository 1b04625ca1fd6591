"""The figure of two networks with the same layers: how many units each layer has, on the same scale.

Maps are drawn as stacks with one sheet per channel, vectors as bars whose length is their size. Behind the smaller network is
the outline of the larger one. A network with residual blocks has too many layers for that: see units.py.
"""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minisgl.nn import AvgPool2d, Conv2d, Flatten, Gather, GlobalAvgPool2d, Linear, MaxPool2d, Network, steps
from minisgl.plots.style import GREY, V_COLOUR, W_COLOUR
from minisgl.plots.units import units

MAP, BAR, WIDTH = 1.1, 2.6, 0.2  # the longest side of a map, the longest bar, and the width of a bar
SHEET = 0.02  # how far each sheet of a stack is shifted, to the right and upwards
GAP = 1.75  # from one stage to the next
ROW = 3.9  # from the middle of one network to the middle of the other


@dataclass(frozen=True)
class Stage:
    """What one layer passes to the next: `units` maps of size (H, W), or `units` numbers if size is None; and its origin."""

    units: int
    size: tuple[int, ...] | None
    made_by: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return the number of units, and the size of maps."""
        if self.size is None:
            return f"{self.units:,}"
        return f"{self.units:,} map{'s' * (self.units > 1)}\n{' x '.join(map(str, self.size))}"


def stages(network: Network) -> list[Stage]:
    """Return the image, each convolution's maps, the flattened maps, each hidden layer, and the logits."""
    shape = network.input_shape
    found = [Stage(shape[0], shape[1:])]
    words: list[str] = []
    for step in steps(network):
        name, layer = step.name, step.layer
        if isinstance(layer, Linear) and found[-1].size is not None:
            found.append(Stage(shape[0], None, tuple(words)))
            words = []
        shape = step.shape
        match layer:
            case AvgPool2d() | MaxPool2d():
                words.append(f"pool {layer.kernel} x {layer.kernel}")
            case GlobalAvgPool2d():
                words.append("mean of each map")
            case Flatten() | Gather():
                words.append(type(layer).__name__.lower())
            case Conv2d() | Linear():
                kernel = f" {layer.kernel[0]} x {layer.kernel[1]}" if isinstance(layer, Conv2d) else ""
                words += [f"{name}{kernel}", f"{layer.weight.size:,} weights"]
                found.append(Stage(shape[0], shape[1:] or None, tuple(words)))
                words = []
    return found


def architecture(before: Network, after: Network) -> Figure:
    """Draw `before` above `after`. `after` has at most as many units in each layer; of a chain, it has all layers."""
    if any(step.is_sum for step in steps(before)):
        return units(before, after)
    rows = [stages(before), stages(after)]
    maps = [stage.size for stage in rows[0] if stage.size]
    longest_map = max(max(size) for size in maps)
    longest_bar = max((stage.units for stage in rows[0] if stage.size is None), default=1)

    def extent(stage: Stage) -> tuple[float, float, float]:
        """Return the width and height of a sheet or a bar, and how far a stack extends to the right and upwards."""
        if stage.size is None:
            return WIDTH, max(BAR * stage.units / longest_bar, 0.04), 0.0
        return MAP * stage.size[1] / longest_map, MAP * stage.size[0] / longest_map, SHEET * (stage.units - 1)

    widths = [extent(stage)[0] + extent(stage)[2] for stage in rows[0]]
    lefts = [sum(widths[:i]) + GAP * i for i in range(len(widths))]
    figure = Figure(figsize=(10, 6), layout="constrained")
    axes = figure.add_subplot()
    for row, network, title, colour in ((0, before, "before", W_COLOUR), (1, after, "after", V_COLOUR)):
        middle = -ROW * row
        axes.text(-0.1, middle + 1.55, f"{title}: {network.weights.size:,} weights", fontsize=12, weight="bold", color=colour)
        for i, (stage, whole) in enumerate(zip(rows[row], rows[0], strict=True)):
            bottom = middle - (extent(whole)[1] + extent(whole)[2]) / 2
            _stack(axes, (lefts[i], bottom), extent(whole), whole.units if whole.size else 1, None)
            _stack(axes, (lefts[i], bottom), extent(stage), stage.units if stage.size else 1, colour)
            below = bottom - 0.12
            axes.text(lefts[i] + widths[i] / 2, below, stage.label, ha="center", va="top", fontsize=9)
            if i:
                start, end = lefts[i - 1] + widths[i - 1] + 0.12, lefts[i] - 0.12
                axes.annotate("", (end, middle), (start, middle), arrowprops={"arrowstyle": "->", "color": GREY})
                words = "\n".join(stage.made_by)
                axes.text((start + end) / 2, middle + 0.1, words, ha="center", va="bottom", fontsize=7.5, color=GREY)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-0.15, lefts[-1] + widths[-1] + 0.3)
    axes.set_ylim(-ROW - 1.75, 2)
    return figure


def _stack(axes: Axes, at: tuple[float, float], extent: tuple[float, float, float], sheets: int, colour: str | None) -> None:
    """Draw sheets from back to front; `at` is the lower left corner of the front one. Without a colour draw only outlines."""
    (left, bottom), (width, height, shift) = at, extent
    for sheet in reversed(range(sheets)):
        moved = shift * sheet / max(sheets - 1, 1)
        face, edge = (colour, "white") if colour else ("#f4f4f4", "#dddddd")
        axes.add_patch(Rectangle((left + moved, bottom + moved), width, height, facecolor=face, edgecolor=edge, linewidth=0.4))
