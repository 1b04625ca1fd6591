"""The figures of docs/shaky-curves.md that show the pictures of words: `python docs/draw_figures.py docs/figures`.

tremor_scale.png shows one word, with a row for each font and a column for each tremor; along a row only the tremor changes.
curve_samples.png shows the first pictures of the training set, regular ones on the left and shaky ones on the right.
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
    """Draw a picture as black ink on white, one square per pixel."""
    axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])


def tremor_scale() -> Figure:
    """Draw one word in six fonts (rows) at six RMS displacements (columns), at the experiment's size of 48 x 128 pixels."""
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
    """Draw the first 30 pictures of the training set with seed 0."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    grid = figure.subplots(5, 6)
    for i in range(grid.size):
        row, column = divmod(i // 2, 3)
        _show(grid[row, column + 3 * (i % 2)], curves.draw("train", i, seed=0) / 255)
    grid[0, 1].set_title("regular", fontsize=11)
    grid[0, 4].set_title("shaky", fontsize=11)
    return figure
