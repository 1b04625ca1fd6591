"""Convert a user's own picture of a word to the form of the shaky-curve experiment's pictures.

A tremor is recognised by its wavelength, half the height of a letter, so the letters' height matters more than the picture's.
The height of an o is measured from the strokes: a row between base line and mean line crosses more of them than a row above or
below, where only some letters reach. The band consists of the rows that cross at least half as many strokes as the busiest
ones. On generated words its height is 1.15 times an o's in the median, 0.9 to 1.43 times in 96 of 100 (ten words in all fonts),
so it is divided by 1.15. The word is then scaled to the middle of the x-heights that the network was trained on, and placed in
the middle of 48 x 128 pixels. A picture that already has this size is only inverted, and only if its paper is light.
"""

from pathlib import Path

import numpy as np

from minisgl.data.curves.rendering import MARGIN, SIZE, SMALLEST, X_HEIGHT
from minisgl.data.illumination import flatten
from minisgl.data.pictures import crop_to_ink, read_grey, scaled
from minisgl.errors import MinisglError

TARGET_X_HEIGHT = SIZE[0] * sum(X_HEIGHT) / 2  # pixels: the middle of the experiment's x-heights
STROKE_INK = 0.35  # a pixel with more ink is in a stroke
SMOOTHING = 0.03  # times the word's height: the number of rows over which crossings are averaged
BAND_HEIGHT = 1.15  # x-heights: the median height of the band of strokes
PAPER, INK = 0.06, 0.85  # the middle of the experiment's ranges


def x_height(ink: np.ndarray) -> float:
    """Return the height of the letter o in pixels, for a picture of a word (H, W), ink 1, cropped to the ink."""
    inside = np.pad(ink > STROKE_INK, ((0, 0), (1, 0)))
    crossed = (inside[:, 1:] > inside[:, :-1]).sum(axis=1)  # (H,) strokes in each row, counted at their left edges
    rows = max(round(SMOOTHING * len(ink)), 1)
    crossed = np.convolve(crossed, np.full(rows, 1 / rows), "same")
    band = crossed >= 0.5 * np.quantile(crossed, 0.95)  # a quantile, since a single row of serifs can be the maximum
    edges = np.flatnonzero(np.diff(np.concatenate([[False], band, [False]])))  # starts and ends of runs, alternating
    return float((edges[1::2] - edges[::2]).max()) / BAND_HEIGHT


def read_word(path: Path) -> np.ndarray:
    """Return the picture in the experiment's form, (1, 48, 128) float32 in [0, 1], ink 1.

    MinisglError if it cannot be read, shows nothing, or has letters that would be too small to show a tremor.
    """
    grey = read_grey(path)
    if grey.shape == SIZE:
        return (1 - grey if crop_to_ink(path, grey)[1] > 0.5 else grey)[None]
    word, _ = crop_to_ink(path, flatten(grey))
    H, W = SIZE
    largest_scale = min((H - 2 * MARGIN) / word.shape[0], (W - 2 * MARGIN) / word.shape[1])
    height = x_height(word)
    scale = min(TARGET_X_HEIGHT / height, largest_scale)
    if scale * height < SMALLEST:
        raise MinisglError(
            f"{path} fits {H} x {W} pixels only with letters {scale * height:.1f} pixels high, but at least {SMALLEST:g} are "
            "needed: crop it to one word, on one line, in even light"
        )
    small = scaled(word, scale)
    picture = np.full((1, H, W), PAPER, np.float32)
    top, left = (H - small.shape[0]) // 2, (W - small.shape[1]) // 2
    picture[0, top : top + small.shape[0], left : left + small.shape[1]] += (INK - PAPER) * small
    return picture
