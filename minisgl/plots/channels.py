"""Figures of a network for colour images: its first filters in colour, and the channels and kernels that it has left."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from minisgl.nn import Network
from minisgl.plots.style import V_COLOUR
from minisgl.plots.tiles import tiles

COLUMNS = 16  # filters in a row
DEAD, FEW = "#dddddd", "#fdecd3"


def colour_filters(weight: np.ndarray, name: str = "conv1") -> Figure:
    """Draw the filters of a first convolution (K, 3, R, S), each as one picture. Grey is 0, brighter is positive."""
    K = len(weight)
    rows, limit = -(-K // COLUMNS), float(np.abs(weight).max()) or 1.0
    figure = Figure(figsize=(9, 0.62 * rows + 0.5), layout="constrained")
    zeros = np.count_nonzero(weight == 0)
    title = f"{name}: {K} filters in red, green and blue (grey: 0), {zeros} of {weight.size} weights zero"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    tiles(figure.add_subplot(), list(0.5 + weight.transpose(0, 2, 3, 1) / (2 * limit)), COLUMNS)  # (R, S, 3) from 0 to 1
    return figure


def kernels_left(weight: np.ndarray, name: str) -> Figure:
    """Draw how many weights each kernel of a convolution (K, C, R, S) has left: white none, black all R S of them."""
    K, C, R, S = weight.shape
    left = (weight != 0).sum(axis=(2, 3))  # (K, C)
    figure = Figure(figsize=(7.2, 1.4 + 5.6 * min(K / C, 1.2)), layout="constrained")
    axes = figure.add_subplot()
    norm = PowerNorm(0.5, vmin=0, vmax=R * S)  # a single weight is well visible
    drawn = axes.imshow(left, cmap="gray_r", norm=norm, interpolation="nearest", aspect="auto")
    figure.colorbar(drawn, ax=axes, pad=0.01, aspect=30, label=f"weights left of {R} x {S}")
    weights = f"{left.sum():,} of {weight.size:,} weights left, {100 * (weight == 0).mean():.1f} % zero"
    kernels = f"{np.count_nonzero(left == 0):,} of {K * C:,} kernels empty"
    axes.set_title(f"{name}: {weights}, {kernels}", loc="left", fontsize=10)
    axes.set_xlabel("input channel")
    axes.set_ylabel("output channel")
    return figure


def channels_left(network: Network) -> Figure:
    """Draw the output channels of each convolution in a row: light grey without weights, else the darker, the more are left."""
    layout, flat = network.layout, network.flat
    maps = {name: slot.view(flat) for name, slot in layout.weights.items() if len(slot.shape) == 4}  # (K, C, R, S) each
    left = {name: (weight != 0).mean(axis=(1, 2, 3)) for name, weight in maps.items()}  # (K,), the share that is not zero
    picture = np.full((len(left), max(map(len, left.values()))), np.nan)  # a row for each convolution, filled from the left
    for cells, shares in zip(picture, left.values(), strict=True):
        cells[: len(shares)] = shares
    figure = Figure(figsize=(9, 0.24 * len(left) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    extent = (0, picture.shape[1], len(left) - 0.5, -0.5)
    colours = LinearSegmentedColormap.from_list("channels", [FEW, V_COLOUR]).with_extremes(under=DEAD)
    norm = PowerNorm(0.5, vmin=1e-9, vmax=1)  # only a share of 0 is below it
    drawn = axes.imshow(picture, cmap=colours, norm=norm, interpolation="nearest", aspect="auto", extent=extent)
    bar = figure.colorbar(drawn, ax=axes, pad=0.01, aspect=30, label="share of weights left")
    bar.set_ticks([0.01, 0.1, 0.3, 0.6, 1], labels=["1 %", "10 %", "30 %", "60 %", "100 %"])
    for row in range(1, len(left)):
        axes.axhline(row - 0.5, color="white", lw=4)
    labels = [f"{name}   {np.count_nonzero(shares)} of {shares.size}" for name, shares in left.items()]
    axes.set_yticks(range(len(left)), labels, fontsize=8)
    axes.set_xlabel("output channel")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    counts = (picture > 0).sum(), np.isfinite(picture).sum()
    axes.set_title("channels with weights left (orange): {:,} of {:,}".format(*counts), loc="left", fontsize=11)
    return figure
