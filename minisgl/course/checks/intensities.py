"""The flops per byte of a convolution, and known mistakes in it, each by the sentence that names it."""

from collections.abc import Callable
from typing import Any

import numpy as np


def _count(images: tuple[int, ...], weight: tuple[int, ...], itemsize: int) -> dict[str, float]:
    """The flops and the bytes of a convolution, counted on arrays of these shapes."""
    dtype = {2: np.float16, 4: np.float32, 8: np.float64}[itemsize]
    x, w = np.empty(images, dtype), np.empty(weight, dtype)
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(1, 2))  # (C, P, Q, N, R, S)
    y = np.empty((len(w), *windows.shape[1:4]), dtype)  # (K, P, Q, N)
    flops = 2.0 * len(w) * windows.size  # every filter with every number of every window
    return {"flops": flops, "x": x.nbytes, "w": w.nbytes, "y": y.nbytes, "columns": windows.size * itemsize}


def _flops_per(*parts: str) -> Callable[..., float]:
    """Flops over the bytes of these arrays."""

    def result(*arguments: Any) -> float:
        n = _count(*arguments)
        return n["flops"] / sum(n[part] for part in parts)

    return result


direct_intensity = _flops_per("x", "w", "y")


def _with_pixels(images: tuple[int, ...], weight: tuple[int, ...], itemsize: int) -> float:
    n, (_, H, W, N), K = _count(images, weight, itemsize), images, weight[0]
    pixels = K * H * W * N * itemsize  # for n["y"]
    return n["flops"] * pixels / n["y"] / (n["x"] + n["w"] + pixels)


def _with_weights_for_every_image(images: tuple[int, ...], weight: tuple[int, ...], itemsize: int) -> float:
    n = _count(images, weight, itemsize)
    return n["flops"] / (n["x"] + images[3] * n["w"] + n["y"])


DIRECT_INTENSITY: dict[str, Callable[..., float]] = {
    "each product is one multiplication and one addition: two flops.": lambda x, w, size: direct_intensity(x, w, size) / 2,
    "that is flops a number: how many bytes has one?": lambda x, w, size: direct_intensity(x, w, size) * size,
    "that is with the columns of im2col: a direct convolution reads the images themselves.": _flops_per("columns", "w", "y"),
    "the weights are read too.": _flops_per("x", "y"),
    "the result is written too.": _flops_per("x", "w"),
    "the images are read too.": _flops_per("w", "y"),
    "the flops are those of one image, and the bytes those of all.": lambda x, w, size: direct_intensity(x, w, size) / x[3],
    "a result has as many places as the filter fits into the image: fewer than it has pixels.": _with_pixels,
    "that is bytes a flop: which of the two is divided by the other?": lambda x, w, size: 1 / direct_intensity(x, w, size),
    "each number has 4 bytes in yours: itemsize is not used.": lambda x, w, size: direct_intensity(x, w, 4),
    "the weights are read once for each image in yours. They are the same for all.": _with_weights_for_every_image,
    "those are the flops: how many of them are there for every byte?": lambda x, w, size: _count(x, w, size)["flops"],
}
