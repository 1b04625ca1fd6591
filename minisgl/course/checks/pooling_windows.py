"""The windows of max-pooling 2 x 2 with stride 2, and which pixel of each is the largest.

The known mistakes of max_pool_backward use these functions.
"""

import numpy as np


def windows(x: np.ndarray) -> np.ndarray:
    """x (C, 2P, 2Q, N) as (4, C, P, Q, N): the four pixels of every window, in row-major order."""
    return np.stack([x[:, r::2, s::2] for r in range(2) for s in range(2)])


def laid_out(pixels: np.ndarray) -> np.ndarray:
    """The inverse of windows: pixels (4, C, P, Q, N) as (C, 2P, 2Q, N)."""
    _, C, P, Q, N = pixels.shape
    return pixels.reshape(2, 2, C, P, Q, N).transpose(2, 3, 0, 4, 1, 5).reshape(C, 2 * P, 2 * Q, N)


def to_pixel(best: np.ndarray, value: np.ndarray) -> np.ndarray:
    """value (C, P, Q, N) at the pixel `best` of each window, 0 elsewhere: (C, 2P, 2Q, N)."""
    return laid_out(np.where(np.arange(4).reshape(4, 1, 1, 1, 1) == best, value, 0))


def winner(x: np.ndarray, order: list[int]) -> np.ndarray:
    """The pixel of each window that is largest (C, P, Q, N); among equals, the one that comes first in `order`."""
    found: np.ndarray = np.array(order)[windows(x)[order].argmax(axis=0)]
    return found


def tied(x: np.ndarray) -> np.ndarray:
    """Which pixels are as large as the largest of their window, bool (4, C, P, Q, N)."""
    pixels = windows(x)
    largest: np.ndarray = pixels == pixels.max(axis=0)
    return largest


def of_the_whole_map(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The mistake in which one pixel of each map, its first maximum, gets dy: (C, 2P, 2Q, N)."""
    everywhere = laid_out(np.repeat(dy[None], 4, axis=0))  # (C, 2P, 2Q, N)
    dx = np.zeros_like(x)
    for c, n in np.ndindex(x.shape[0], x.shape[3]):
        place = np.unravel_index(x[c, :, :, n].argmax(), x.shape[1:3])
        dx[c, :, :, n][place] = everywhere[c, :, :, n][place]
    return dx
