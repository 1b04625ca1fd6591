"""The proximal operator from its definition, and the arrays that it is tried on: what the checks of every prox share."""

from collections.abc import Callable, Iterator

import numpy as np

POINTS = 2001  # candidates for every entry, in each of the rounds
ROUNDS = 4


def best_x(cost: Callable[[np.ndarray], np.ndarray], v: np.ndarray) -> np.ndarray:
    """argmin over x of cost(x) + (x - v)^2/2, entry by entry, by trying: v of any shape, the result too, in v's dtype.

    cost takes and gives an array, entry by entry. Tried are 0, v, and a grid between them and one unit beyond; then finer
    grids around the best. Good to about 1e-7 where the best x is 0, v, or in a valley wider than a few thousandths. At a tie
    0 is taken.
    """
    y = v.reshape(-1, 1).astype(np.float64)  # (n, 1)
    low, high = np.minimum(y, 0) - 1, np.maximum(y, 0) + 1
    for _ in range(ROUNDS):
        grid = low + (high - low) * np.linspace(0, 1, POINTS)  # (n, POINTS)
        x = np.concatenate([np.zeros_like(y), y, grid], axis=1)
        best = np.take_along_axis(x, np.argmin(cost(x) + (x - y) ** 2 / 2, axis=1, keepdims=True), axis=1)  # (n, 1)
        spacing = (high - low) / (POINTS - 1)
        low, high = best - spacing, best + spacing
    return best.reshape(v.shape).astype(v.dtype)


def arrays() -> Iterator[np.ndarray]:
    """Arrays to try a prox on, small ones first: single numbers, vectors, more axes, none at all, a view, and in float32.

    All numbers are eighths, so that sums and squares of them are exact, in float32 too, and so are ties at such thresholds.
    """
    for x in (0.25, -0.25, 1.5, -1.5, 0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0):
        yield np.array([x])
    rng = np.random.default_rng(0)
    for shape in ((6,), (3, 4), (2, 3, 2), (0,), (0, 3)):
        yield rng.integers(-24, 25, shape) / 8
    yield (rng.integers(-24, 25, (4, 3)) / 8).T
    yield (rng.integers(-24, 25, (2, 5)) / 8).astype(np.float32)


def soft(v: np.ndarray, t: float) -> np.ndarray:
    """Soft thresholding, v of any shape: part of many a mistake."""
    return v - np.clip(v, -t, t)
