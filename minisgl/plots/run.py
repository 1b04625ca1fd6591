"""The figures of a run, drawn from the files that the run saved."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from minisgl.nn import BatchNorm2d, Network
from minisgl.plots.channels import channels_left, colour_filters, kernels_left
from minisgl.plots.style import GREY, V_COLOUR, W_COLOUR
from minisgl.plots.tiles import tiles

COLOURS = 3  # channels of a colour image


def _axes(figure: Figure, xlabel: str, ylabel: str) -> Axes:
    axes = figure.add_subplot()
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def loss_and_error(history: list[dict[str, Any]]) -> Figure:
    """Draw the loss over epochs, and beside it the errors of W and V over epochs."""
    epochs = [record["epoch"] for record in history]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, title in ((left, "training loss"), (right, f"{history[0]['measured_on']} error, %")):
        axes.set_title(title, loc="left")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_yscale("log")
        axes.spines[["top", "right"]].set_visible(False)
    # a log axis cannot show 0
    left.plot(epochs, [max(record["loss"], 1e-9) for record in history], "o-", color=GREY)
    for which, colour in (("w", W_COLOUR), ("v", V_COLOUR)):
        # an error below one image in 10,000 is drawn as one in 10,000
        errors = [max(record[which]["error"], 0.01) for record in history]
        right.plot(epochs, errors, "o-", color=colour, label=which.upper())
    right.legend(frameon=False)
    for axis in (left.yaxis, right.yaxis):
        low, high = axis.get_view_interval()  # within a factor of 10 there may be two numbers of 1, 2, 5, 10, 20, 50, ...
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 10 * low else MaxNLocator(5))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    return figure


def sparsity_over_epochs(history: list[dict[str, Any]]) -> Figure:
    """Draw the percentage of zero weights in W and V over epochs."""
    epochs = [record["epoch"] for record in history]
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    axes = _axes(figure, "epoch", "weights that are exactly zero, %")
    axes.set_ylim(0, 100)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for which, colour in (("w", W_COLOUR), ("v", V_COLOUR)):
        zeros = [record[which]["weight_sparsity"] for record in history]
        axes.plot(epochs, zeros, "o-", color=colour, label=which.upper())
    axes.legend(frameon=False, loc="lower right")
    return figure


def filters(weight: np.ndarray, name: str = "conv1") -> Figure:
    """Draw the filters of a first convolution (K, C, R, S), one picture for each channel of each filter.

    Positive weights are blue, negative ones red, and only exact zeros white: small weights are still visible.
    """
    K, C = weight.shape[:2]
    rows = -(-K * C // 10)
    limit = float(np.abs(weight).max()) or 1.0
    figure = Figure(figsize=(9, 0.95 * rows + 0.5), layout="constrained")
    zeros = np.count_nonzero(weight == 0)
    channels = f" of {C} channels" if C > 1 else ""
    title = f"{name}: {K} filters{channels}, {zeros} of {weight.size} weights zero (white)"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    axes = figure.add_subplot()
    norm = AsinhNorm(linear_width=0.05 * limit, vmin=-limit, vmax=limit)
    pictures = list(np.where(weight == 0, np.nan, weight).reshape(K * C, *weight.shape[2:]))  # (R, S) each
    drawn = tiles(axes, pictures, 10, cmap="RdBu", norm=norm)
    bar = figure.colorbar(drawn[0], ax=axes, shrink=0.9, label="weight")
    bar.set_ticks([-limit, -limit / 10, 0, limit / 10, limit])
    bar.ax.yaxis.set_major_formatter("{x:.2g}")
    return figure


def zero_pattern(weight: np.ndarray, name: str, columns_each: int | None = None) -> Figure:
    """Draw which weights (D_out, D_in) of a linear layer are not zero (black), and below it how many each input has.

    columns_each: inputs per channel of the convolution before it; ticks mark every ten channels.
    """
    D_in = weight.shape[1]
    left = weight != 0
    few = len(weight) <= 10  # output neurons
    figure = Figure(figsize=(9, 3.4 if few else 6.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1) if few else (4, 1))
    top.imshow(left, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    top.set_ylabel("output neuron")
    if few:
        top.set_yticks(range(len(weight)))
        bottom.set_yticks(range(len(weight) + 1))
    percent = 100 * (1 - left.mean())
    dead = int((~left.any(axis=0)).sum())
    top.set_title(
        f"{name}: {left.sum():,} of {weight.size:,} weights left (black), {percent:.1f} % zero, {dead} of {D_in} inputs dead",
        loc="left",
        fontsize=11,
    )
    bottom.stairs(left.sum(axis=0), np.arange(D_in + 1) - 0.5, fill=True, fc=GREY, ec=GREY, lw=0.5)  # one shape for all
    bottom.set_ylabel("weights left")
    bottom.set_xlabel("input neuron")
    bottom.spines[["top", "right"]].set_visible(False)
    if columns_each:
        bottom.set_xticks(np.arange(0, D_in + 1, 10 * columns_each))
        bottom.set_xlabel(f"input neuron ({columns_each} per channel of the convolution before)")
    bottom.set_xlim(-0.5, D_in - 0.5)
    return figure


def run_figures(history: list[dict[str, Any]], network: Network) -> dict[str, Callable[[], Figure]]:
    """Return a function for each figure of a run, by file name, which draws it from the run's history and its saved network.

    The filters of the first convolution are drawn, in colour if it reads three channels, and the zeros of the first linear
    layer, if there is one. For a network with batch normalisation, the channels that are left are drawn too, and the zeros of
    the layer with the largest share of them: a convolution, or that linear layer.
    """
    weights = {name: slot.view(network.flat) for name, slot in network.layout.weights.items()}
    convolutions = {name: weight for name, weight in weights.items() if weight.ndim == 4}
    linear = {name: weight for name, weight in weights.items() if weight.ndim == 2}
    figures: dict[str, Callable[[], Figure]] = {
        "loss_and_error.png": partial(loss_and_error, history),
        "sparsity.png": partial(sparsity_over_epochs, history),
    }
    for name, weight in list(convolutions.items())[:1]:
        in_colour = weight.shape[1] == COLOURS
        figures[f"{name}_filters.png"] = partial(colour_filters if in_colour else filters, weight, name)
    drawn = list(linear.items())[:1]
    if any(isinstance(layer, BatchNorm2d) for _, layer in network.walk()):
        figures["channels.png"] = partial(channels_left, network)
        drawn = [max(drawn + list(convolutions.items()), key=lambda item: float((item[1] == 0).mean()))]
    for name, weight in drawn:
        if weight.ndim == 4:
            figures[f"{name}_zeros.png"] = partial(kernels_left, weight, name)
            continue
        channels = len(list(convolutions.values())[-1]) if convolutions else 0
        fits = channels and weight.shape[1] % channels == 0
        figures[f"{name}_zeros.png"] = partial(zero_pattern, weight, name, weight.shape[1] // channels if fits else None)
    return figures
