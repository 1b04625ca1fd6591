"""Wrong answers to the tasks of chapter 09: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import hard
from minisgl.penalties import SparseGroupL0
from minisgl.penalties.groups import block_soft, norms, root_size


def root(v, axis):
    return float(root_size(v, axis))


def kept(v, axis, threshold):
    return np.where(norms(v, axis) > threshold, v, 0)


def l1(v, axis):
    return np.abs(v).sum(axis=tuple(other for other in range(v.ndim) if other != axis), keepdims=True)


def right(v, lam0, k):
    return SparseGroupL0(lam0, k / np.sqrt(v.size), groups=0).prox(v[None], 1.0)[0]


def shortened(v, k):
    return block_soft(v[None], k, groups=0)[0]


def whole_or_none(v, price, k):
    return shortened(v, k) if max(np.linalg.norm(v) - k, 0) ** 2 / 2 > price else 0 * v


def in_place(v, lam0, k):
    v[:] = right(v, lam0, k)
    return v


PLANTED = {
    "09.keep_groups": [
        (lambda v, lam, axis: np.where(norms(v, axis) >= np.sqrt(2 * lam * root(v, axis)), v, 0), "at a tie"),
        (lambda v, lam, axis: kept(v, axis, np.sqrt(2 * lam)), "where is sqrt(n_g)"),
        (lambda v, lam, axis: kept(v, axis, np.sqrt(lam * root(v, axis))), "the factor 1/2 is missing"),
        (lambda v, lam, axis: kept(v, axis, lam * root(v, axis)), "length with the price"),
        (lambda v, lam, axis: block_soft(v, lam * root(v, axis), axis), "you shorten what you keep"),
        (lambda v, lam, axis: np.where(np.abs(v) > np.sqrt(2 * lam * root(v, axis)), v, 0), "keep or drop all"),
        (lambda v, lam, axis: kept(v, axis, np.sqrt(2 * lam) * root(v, axis)), "costs lam n_g"),
        (lambda v, lam, axis: v - kept(v, axis, np.sqrt(2 * lam * root(v, axis))), "keep the short groups"),
        (
            lambda v, lam, axis: np.where((v * v).sum(axis, keepdims=True) > 2 * lam * np.sqrt(v.shape[axis]), v, 0),
            "your sums run along",
        ),
        (lambda v, lam, axis: kept(v, axis, np.sqrt(2 * lam * np.sqrt(v.shape[axis]))), "not how many groups"),
        (lambda v, lam, axis: v * (np.linalg.norm(v) > np.sqrt(2 * lam * root(v, axis))), "as one group"),
        (lambda v, lam, axis: v * (l1(v, axis) > np.sqrt(2 * lam * root(v, axis))), "add the sizes"),
        (lambda v, lam, axis: kept(v, axis, np.sqrt(lam * root(v, axis) / 2)), "too low by a factor"),
    ],
    "09.best_of_group": [
        (lambda v, lam0, k: shortened(hard(v, np.sqrt(2 * lam0)), k), "that is the composition"),
        (lambda v, lam0, k: shortened(v, k), "lam0 does nothing"),
        (whole_or_none, "pays lam0 once"),
        (lambda v, lam0, k: np.where(right(v, lam0, k) == 0, 0, v), "not shortened"),
        (lambda v, lam0, k: np.where(right(v, lam0, k) == 0, 0, shortened(v, k)), "the length of all of v"),
        (lambda v, lam0, k: whole_or_none(v, lam0 * v.size, k), "all weights or none"),
        (lambda v, lam0, k: right(v, lam0, k) + 1e-9, "almost zero"),
        (lambda v, lam0, k: right(v, lam0, k).astype(float), "dtype of the argument"),
        (in_place, "writes into its argument"),
        (lambda v, lam0, k: hard(shortened(v, k), np.sqrt(2 * lam0)), "you shorten first"),
        (lambda v, lam0, k: np.where(v * v > 2 * lam0, v, 0), "k does nothing"),
        (lambda v, lam0, k: SparseGroupL0(lam0, k, groups=0).prox(v[None], 1.0)[0], "root of the group's size"),
    ],
}
