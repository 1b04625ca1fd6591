"""Figures of occlusion maps: a picture, and which parts of it are evidence for the answer and which against it."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from minisgl.plots.style import V_COLOUR, W_COLOUR

SIDES = LinearSegmentedColormap.from_list("regular to shaky", [W_COLOUR, "white", V_COLOUR])


def occlusion_figure(image: np.ndarray, importance: np.ndarray, title: str) -> Figure:
    """Draw an image (H, W), ink 1, and below it its map (H, W) of log-odds: orange is evidence for shaky, blue for regular."""
    figure = Figure(figsize=(7, 5.4), layout="constrained")
    top, bottom = figure.subplots(2, 1)
    top.imshow(image, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    top.set_title(title, loc="left", fontsize="medium")
    largest = max(float(np.abs(importance).max()), 1e-6)
    drawn = bottom.imshow(importance, cmap=SIDES, vmin=-largest, vmax=largest, interpolation="bilinear")
    ink = np.zeros((*image.shape, 4))
    ink[..., 3] = 0.75 * np.clip(image, 0, 1)  # black where there is ink, transparent elsewhere
    bottom.imshow(ink, interpolation="nearest")
    for axes in (top, bottom):
        axes.set_xticks([])
        axes.set_yticks([])
    bar = figure.colorbar(drawn, ax=bottom, orientation="horizontal", shrink=0.7, aspect=40, pad=0.03)
    bar.set_label("evidence for regular (blue) and for shaky handwriting (orange): change of log-odds")
    return figure


def looked_at_figure(image: np.ndarray, importance: np.ndarray, title: str, answer: str) -> Figure:
    """Draw an image (1 or 3, H, W) in [0, 1], and beside it its map (H, W): orange is evidence for the answer, blue against."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(image.transpose(1, 2, 0), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    left.set_title(title, loc="left", fontsize="medium")
    largest = max(float(np.abs(importance).max()), 1e-6)
    drawn = right.imshow(importance, cmap=SIDES, vmin=-largest, vmax=largest, interpolation="bilinear")
    for axes in (left, right):
        axes.set_xticks([])
        axes.set_yticks([])
    bar = figure.colorbar(drawn, ax=right, orientation="horizontal", shrink=0.9, aspect=30, pad=0.03)
    bar.set_label(f"evidence for {answer} (orange) and against it (blue):\nchange of log-odds")
    return figure
