"""A photographed page without its shadow: the paper becomes equally bright everywhere.

A camera records paper and ink times the light that falls on them, grey = light * reflectance. The light changes slowly over the
page, and strokes are thin, so the light on the paper is what is left after closing: a running maximum, which replaces every
stroke by the paper beside it, and then a running minimum, which undoes the widening of bright areas.

    light = smoothed closing(grey)        flat = grey / light, 1 on paper

A picture whose border is even has no shadow, and stays as it is. Light ink on dark paper is inverted first.

Source: Gonzalez, Woods, "Digital Image Processing" (closing, and the top-hat transformation for uneven light).
"""

import numpy as np
from PIL import Image
from scipy import ndimage

EVEN = 0.15  # if the border's grey values, smoothed, differ by less, the light is even
SIDE = 256  # pixels: the light is estimated on a picture of this size, where noise averages out
STROKE = 0.15  # of the shorter side: wider than any stroke
DARKEST = 0.05  # of the brightest light: less than this is not divided by


def flatten(grey: np.ndarray) -> np.ndarray:
    """Return grey values (H, W) in [0, 1] with an even light; the picture itself if its border is even."""
    scale = min(1, SIDE / max(grey.shape))
    size = max(round(grey.shape[0] * scale), 1), max(round(grey.shape[1] * scale), 1)
    small = _resized(grey, size)
    if min(size) < 8 or _unevenness(small) < EVEN:
        return grey
    dark_paper = bool(np.median(small) < (np.quantile(small, 0.02) + np.quantile(small, 0.98)) / 2)
    picture, small = (1 - grey, 1 - small) if dark_paper else (grey, small)
    width = max(round(STROKE * min(size)), 3)
    closed = ndimage.grey_closing(ndimage.gaussian_filter(small, 1, mode="nearest"), size=width, mode="nearest")
    light = _resized(ndimage.gaussian_filter(closed, width / 4, mode="nearest"), (grey.shape[0], grey.shape[1]))
    flat = np.clip(picture / np.maximum(light, DARKEST * light.max()), 0, 1).astype(grey.dtype)
    flat = ndimage.median_filter(flat, 3, mode="nearest")  # the division made noise in the shadow stronger
    return 1 - flat if dark_paper else flat


def _unevenness(small: np.ndarray) -> float:
    border = np.concatenate([small[0], small[:, -1], small[-1, ::-1], small[::-1, 0]])  # once around
    around = ndimage.median_filter(border, size=max(len(border) // 16, 3), mode="wrap")  # strokes that cross it do not count
    return float(around.max() - around.min())


def _resized(grey: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    picture = Image.fromarray(np.asarray(grey, np.float32))
    return np.asarray(
        picture.resize((size[1], size[0]), Image.Resampling.BOX if size[0] < grey.shape[0] else Image.Resampling.BICUBIC)
    )
