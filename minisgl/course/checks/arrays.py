"""The arrays that every prox of the course is tried on."""

from collections.abc import Iterator

import numpy as np


def arrays() -> Iterator[np.ndarray]:
    """Yield arrays, small ones first: single numbers, vectors, more axes, empty ones, a view, and one in float32.

    All numbers are eighths, so that sums, squares and ties at such thresholds are exact, in float32 too.
    """
    for x in (0.25, -0.25, 1.5, -1.5, 0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0):
        yield np.array([x])
    rng = np.random.default_rng(0)
    for shape in ((6,), (3, 4), (2, 3, 2), (0,), (0, 3)):
        yield rng.integers(-24, 25, shape) / 8
    yield (rng.integers(-24, 25, (4, 3)) / 8).T
    yield (rng.integers(-24, 25, (2, 5)) / 8).astype(np.float32)


def group_arrays() -> Iterator[tuple[np.ndarray, int]]:
    """Arrays and the axis that numbers their groups, small ones first; all numbers are eighths."""
    yield np.array([[3.0, 4.0]]), 0
    yield np.array([[3.0], [4.0]]), 1
    yield np.array([[3.0, -4.0], [0.0, 0.0]]), 0
    yield np.array([[1.0, -1.0, 1.0, 1.0], [3.0, 0.0, 0.5, 0.0]]), 0
    yield np.array([[2.0, 0.0, -0.5], [-1.5, 0.0, 0.25]]), 1
    rng = np.random.default_rng(0)
    for shape, axis in (((3, 4), 0), ((3, 4), 1), ((3, 2, 2, 2), 0), ((2, 3, 2), 1), ((5,), 0)):
        yield rng.integers(-24, 25, shape) / 8, axis
    yield (rng.integers(-24, 25, (4, 3)) / 8).T, 1
    yield (rng.integers(-24, 25, (3, 5)) / 8).astype(np.float32), 0
