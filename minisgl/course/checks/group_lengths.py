"""The lengths of groups, and groups that are shortened or dropped whole; references and known mistakes use them.

`axis` numbers the groups of an array; a group is everything at one index of that axis.
"""

import numpy as np


def inner(w: np.ndarray, axis: int) -> tuple[int, ...]:
    """All other axes: those that run within a group."""
    return tuple(other for other in range(w.ndim) if other != axis)


def sums(w: np.ndarray, axis: int, keep: bool = True) -> np.ndarray:
    """The sum of each group; keep: whether the summed axes stay, with length 1."""
    return np.sum(w, axis=inner(w, axis), keepdims=keep)


def norms(w: np.ndarray, axis: int) -> np.ndarray:
    """The l2 norm of each group, with the other axes of length 1."""
    return np.sqrt(sums(w * w, axis))


def size(w: np.ndarray, axis: int) -> int:
    """n_g, the number of entries of one group."""
    return w.size // w.shape[axis]


def scaled(v: np.ndarray, lengths: np.ndarray, left: np.ndarray) -> np.ndarray:
    """v times left/lengths, and 0 where the length is 0: groups that get the length `left`."""
    return v * np.where(lengths > 0, left / np.where(lengths > 0, lengths, 1), 0)


def with_lengths(v: np.ndarray, lengths: np.ndarray, k: float) -> np.ndarray:
    """v with each group shortened by k, if its length were that in `lengths`."""
    return scaled(v, lengths, np.maximum(lengths - k, 0))


def shorten(v: np.ndarray, k: float, axis: int) -> np.ndarray:
    """v with each group shortened by k, and 0 where the group is not longer than k."""
    return with_lengths(v, norms(v, axis), k)


def block(v: np.ndarray, lam: float, axis: int) -> np.ndarray:
    """The prox of lam times the group lasso, for the step 1: each group shortened by lam sqrt(n_g)."""
    return shorten(v, lam * size(v, axis) ** 0.5, axis)


def keep_longer(v: np.ndarray, axis: int, threshold: float) -> np.ndarray:
    """v with the groups that are longer than the threshold, and 0 elsewhere."""
    return np.where(norms(v, axis) > threshold, v, 0)
