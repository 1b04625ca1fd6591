"""The figures of chapter 15. Every function gets numbers that the chapter has computed or read, and shows one figure."""

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from minisgl.plots import GREY, V_COLOUR, W_COLOUR
from minisgl.plots.occlusion import SIDES

NOBODY, ONE, BOTH = "#dddddd", "#f3bf80", "#8a4a00"


def _show(panel, picture, title=""):
    panel.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
    panel.set(xticks=[], yticks=[])
    panel.set_title(title, fontsize=10)


def pictures(rows, size):
    """Pictures (H, W), one row for each name: {name: {title: picture}}; repeated titles are left out."""
    _, axes = plt.subplots(len(rows), len(next(iter(rows.values()))), figsize=size, squeeze=False)
    above = ()
    for panels, (name, row) in zip(axes, rows.items(), strict=True):
        panels[0].set_ylabel(name)
        for panel, (title, picture) in zip(panels, row.items(), strict=True):
            _show(panel, picture, "" if title in above else title)
        above = tuple(row)
    plt.show()


def receptive_fields(picture, places, waves):
    """A word (H, W), what one unit of each layer sees, {name: (left, bottom, R)}, and waves, [(left, text, length)]."""
    H, W = picture.shape
    _, panel = plt.subplots(figsize=(10, 5))
    _show(panel, np.vstack([picture, np.zeros((22, W))]))
    for name, (left, low, R) in places.items():
        panel.add_patch(plt.Rectangle((left - 0.5, low - R + 0.5), R, R, fill=False, color=V_COLOUR, linewidth=2.5))
        panel.plot([left - 0.5] * 2, [low + 0.5, H + 1], ":", color=V_COLOUR)
        panel.text(left - 0.5, H + 2, f"{name}: {R} pixels", color=V_COLOUR, va="top")
    along = np.arange(0, 50, 0.1)
    for left, text, length in waves:
        panel.plot(left + along, H + 12 - 2 * np.cos(2 * np.pi * along / length), color=W_COLOUR)
        panel.text(left, H + 16, text, color=W_COLOUR, va="top")
    plt.show()


def training(errors, readers):
    """Errors of W and V by epoch, {name: errors}; how many outputs read each input, (64, 56); their sums by place."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.2), width_ratios=[1, 1.5, 1.3])
    for (name, one), colour in zip(errors.items(), (W_COLOUR, V_COLOUR), strict=True):
        left.plot(range(1, len(one) + 1), one, "o-", color=colour, label=name)
    left.set(title="error on 100 validation pictures, %", xlabel="epoch", ylim=(0, None))
    left.legend()
    middle.imshow(readers, cmap=ListedColormap([NOBODY, ONE, BOTH]), vmin=0, vmax=2, aspect="auto")
    middle.set(title="fc: who reads what? (grey: nobody)", xlabel="place (4 rows of 14)", ylabel="channel")
    middle.set_xticks(range(0, 56, 14))
    drawn = right.imshow(readers.sum(axis=0).reshape(4, 14), cmap="Oranges", vmin=0, aspect="auto")
    right.set(title="weights left at each of the 4 x 14 places", xticks=[], yticks=[])
    figure.colorbar(drawn, ax=right)
    plt.show()


def occlusion(maps):
    """A picture (H, W) and its map (H, W) of log-odds below it: {title: (picture, map)}."""
    figure, axes = plt.subplots(2, len(maps), figsize=(13, 4.8), squeeze=False)
    for (top, bottom), (title, (picture, spots)) in zip(axes.T, maps.items(), strict=True):
        _show(top, picture, title)
        drawn = bottom.imshow(spots, cmap=SIDES, vmin=-np.abs(spots).max(), vmax=np.abs(spots).max())
        bottom.contour(picture, levels=[0.4], colors=GREY, linewidths=0.6)
        bottom.set(xticks=[], yticks=[])
        figure.colorbar(drawn, ax=bottom, label="fall of z")
    plt.show()


def price_of_zeros(points):
    """Errors over zeros, for each penalty the points of its thresholds and seeds: {name: (thresholds, seeds, 2)}."""
    _, panel = plt.subplots(figsize=(9, 4.4))
    for (name, own), colour in zip(points.items(), cycle((V_COLOUR, W_COLOUR, "#2a8a4a", "#8a3fa0")), strict=False):
        mean = own.mean(axis=1)  # (thresholds, 2)
        bars = np.stack([mean - own.min(axis=1), own.max(axis=1) - mean])  # (2, thresholds, 2)
        panel.errorbar(
            *mean.T, xerr=bars[:, :, 0], yerr=bars[:, :, 1], fmt="o-", color=colour, capsize=2, elinewidth=1, label=name
        )
    panel.set(title="the price of zeros", xlabel="weights of fc that are zero, %", ylabel="test error of V, %", yscale="log")
    panel.set_yticks([2, 3, 5, 10, 20, 50], labels=["2", "3", "5", "10", "20", "50"])
    panel.minorticks_off()
    panel.legend()
    plt.show()


def spectra(powers, hertz):
    """The power over the frequencies (n,), for each band: {name: (power (n,), band)}; with the triangle it is drawn from."""
    _, axes = plt.subplots(1, len(powers), figsize=(12, 3), squeeze=False)
    for panel, (name, (power, band)), colour in zip(axes[0], powers.items(), cycle((W_COLOUR, V_COLOUR)), strict=False):
        middle, half = sum(band) / 2, (band[1] - band[0]) / 2
        panel.plot(hertz, power, ".-", color=colour, label="100 hands")
        panel.plot(hertz, np.maximum(1 - np.abs(hertz - middle) / half, 0) / half, "--", color=GREY, label="triangle")
        panel.set(title=f"{name}: its power, over the frequency", xlabel="Hz", xlim=(middle - 2 * half, middle + 2 * half))
        panel.legend()
    plt.show()


def hands(found):
    """RMS and peak frequency of regular and shaky hands, (2, hands, 2)."""
    _, panel = plt.subplots(figsize=(8, 3))
    for one, colour, name in zip(found, (W_COLOUR, V_COLOUR), ("regular", "shaky"), strict=True):
        panel.plot(*one.T, ".", color=colour, label=name)
    panel.axvline(0, color=GREY, linestyle=":")
    panel.set(title="RMS and peak of each hand", xlabel="RMS, x-heights", ylabel="peak, Hz", ylim=(0, 6.5))
    panel.legend(loc="center left", bbox_to_anchor=(0.05, 0.5))
    plt.show()
