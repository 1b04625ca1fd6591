"""The figures of docs/shaky-curves.md that show the pictures themselves: `python docs/draw_figures.py docs/figures`.

tremor_scale.png has one word in a font a row and a tremor a column; along a row nothing changes but the hand.
curve_samples.png has the first pictures of the training set, regular ones in the left half and shaky ones in the right.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minisgl.data import curves

WORD = "tremor"
FONTS = ("cursive", "futural", "rowmant", "gothgbt", "DejaVuSans", "STIXGeneral")
TREMORS = (0.0, 0.09, 0.12, 0.15, 0.18, 0.25)
SEED = 11


def _show(axes: Axes, picture: np.ndarray) -> None:
    """Black ink on white paper, pixel by pixel."""
    axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def tremor_scale() -> Figure:
    """One word in six fonts (rows), at six RMS displacements (columns), in the experiment's own 48 x 128 pixels."""
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    grid = figure.subplots(len(FONTS), len(TREMORS))
    for row, font in zip(grid, FONTS, strict=True):
        row[0].set_ylabel(f"{font}\n{curves.KINDS[font]}", fontsize=8)
        for axes, tremor in zip(row, TREMORS, strict=True):
            _show(axes, curves.render_word(WORD, font, tremor, np.random.default_rng(SEED)))
    for axes, tremor in zip(grid[0], TREMORS, strict=True):
        axes.set_title(f"tremor {tremor:g}" if tremor else "0: regular", fontsize=10)
    return figure


def samples() -> Figure:
    """The first 30 pictures of the training set of seed 0."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    grid = figure.subplots(5, 6)
    for i in range(grid.size):
        row, column = divmod(i // 2, 3)
        _show(grid[row, column + 3 * (i % 2)], curves.draw("train", i, seed=0) / 255)
    grid[0, 1].set_title("regular", fontsize=11)
    grid[0, 4].set_title("shaky", fontsize=11)
    return figure
