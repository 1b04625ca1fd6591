"""A user's own picture of a word, brought into the form of the shaky-curve experiment's.

What tells a tremor is its wavelength, half the height of a letter, so the letters' height matters more than the picture's. The
height of an o is read off the strokes: between base line and mean line a row crosses more of them than above and below, where
only some letters reach. The rows that cross at least half as many as the busiest are that band. In drawn words it comes out
1.15 times too high in the median, 0.9 to 1.43 times in 96 of 100 (ten words in all fonts), and is corrected for the median.
The word is then scaled to the middle of the x-heights that the network was trained on, and placed in the middle of 48 x 128
pixels. A picture of that very size is taken as it is, ink made bright.
"""

from pathlib import Path

import numpy as np

from minisgl.data.curves.rendering import MARGIN, SIZE, SMALLEST, X_HEIGHT
from minisgl.data.pictures import ink_alone, read_grey, scaled
from minisgl.errors import MinisglError

WANTED = SIZE[0] * sum(X_HEIGHT) / 2  # pixels: the middle of the experiment's x-heights
STROKE = 0.35  # ink above which a pixel is in a stroke
SMOOTHED = 0.03  # of the word's height: rows whose crossings are averaged
TOO_HIGH = 1.15  # how much too high the band of strokes is, in the median
PAPER, INK = 0.06, 0.85  # the middle of the experiment's papers and inks


def x_height(ink: np.ndarray) -> float:
    """The height of the letter o, in pixels, in a picture of a word (H, W), ink 1, cropped to the ink."""
    inside = np.pad(ink > STROKE, ((0, 0), (1, 0)))
    crossed = (inside[:, 1:] > inside[:, :-1]).sum(axis=1)  # (H,) strokes that begin, from the left
    near = max(round(SMOOTHED * len(ink)), 1)
    crossed = np.convolve(crossed, np.full(near, 1 / near), "same")
    band = crossed >= 0.5 * np.quantile(crossed, 0.95)  # a serif's single row does not count
    edges = np.flatnonzero(np.diff(np.concatenate([[False], band, [False]])))  # where runs begin and end, in turn
    return float((edges[1::2] - edges[::2]).max()) / TOO_HIGH


def read_word(path: Path) -> np.ndarray:
    """The picture as one of the experiment's, (1, 48, 128) float32 in [0, 1], ink 1.

    MinisglError if it cannot be read, if there is nothing in it, or if its letters would be too small to tell a tremor.
    """
    grey = read_grey(path)
    word, paper = ink_alone(path, grey)
    if grey.shape == SIZE:
        return (1 - grey if paper > 0.5 else grey)[None]
    H, W = SIZE
    fits = min((H - 2 * MARGIN) / word.shape[0], (W - 2 * MARGIN) / word.shape[1])
    height = x_height(word)
    scale = min(WANTED / height, fits)
    if scale * height < SMALLEST:
        raise MinisglError(
            f"{path} fits {H} x {W} pixels only with letters {scale * height:.1f} pixels high, and at least {SMALLEST:g} are "
            "needed: cut it down to one word, on one line"
        )
    small = scaled(word, scale)
    picture = np.full((1, H, W), PAPER, np.float32)
    top, left = (H - small.shape[0]) // 2, (W - small.shape[1]) // 2
    picture[0, top : top + small.shape[0], left : left + small.shape[1]] += (INK - PAPER) * small
    return picture
