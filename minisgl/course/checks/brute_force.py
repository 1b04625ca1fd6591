"""The proximal operator by brute force: the best of all x on a grid, then on finer grids around it.

prox(v) = argmin over x of   cost(x) + ||x - v||^2 / 2
"""

from collections.abc import Callable

import numpy as np

POINTS = 2001  # candidates for every entry, in each of the rounds
ROUNDS = 4


def best_x(cost: Callable[[np.ndarray], np.ndarray], v: np.ndarray) -> np.ndarray:
    """argmin over x of cost(x) + (x - v)^2/2, entry by entry: v of any shape, the result of v's shape and dtype.

    cost takes and returns an array, entry by entry. The candidates are 0, v, and a grid between them and one unit beyond; then
    finer grids around the best. The result is good to about 1e-7 where the best x is 0, v, or in a valley wider than a few
    thousandths. At a tie it is 0.
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


def best_pair(cost: Callable[[np.ndarray, np.ndarray], np.ndarray], v: np.ndarray) -> np.ndarray:
    """argmin over x of cost(x_1, x_2) + ||x - v||^2/2 for two entries that depend on each other: v (2,)."""
    low, high = np.minimum(v, 0) - 1, np.maximum(v, 0) + 1
    for _ in range(9):  # 0 and v_i are always among the points
        x1, x2 = (np.concatenate([[0, v[i]], np.linspace(low[i], high[i], 51)]) for i in (0, 1))  # (53,)
        x = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2)  # (53 * 53, 2)
        best = x[np.argmin(cost(x[:, 0], x[:, 1]) + ((x - v) ** 2).sum(axis=1) / 2)]
        around = (high - low) / 12
        low, high = best - around, best + around
    return best
