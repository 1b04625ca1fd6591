"""Wrong answers to the tasks of chapter 08: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import soft
from minisgl.penalties.groups import block_soft, norms, root_size, within


def in_place(v, k, axis):
    v *= np.maximum(1 - k / norms(v, axis), 0)
    return v


def no_stop(v, k, axis):
    return v * (1 - k / np.where(norms(v, axis) > 0, norms(v, axis), 1))


def root(v, axis):
    return float(root_size(v, axis))


def only_nonzero(v, lam1, lam2, axis):
    z = soft(v, lam1)
    price = lam2 * np.count_nonzero(z, axis=within(v, axis), keepdims=True) ** 0.5
    return z * np.maximum(1 - price / np.maximum(norms(z, axis), 1e-300), 0)


def kept(v, axis, threshold):
    return np.where(norms(v, axis) > threshold, v, 0)


PLANTED = {
    "08.group_norms": [
        (lambda w, axis: np.linalg.norm(w, axis=axis), "which group; the sum runs"),
        (norms, "keepdims is not wanted"),
        (lambda w, axis: (w**2).sum(axis=within(w, axis)), "these are the squares"),
        (lambda w, axis: np.abs(w).sum(axis=within(w, axis)), "sums of sizes"),
        (lambda w, axis: np.sqrt((w**2).mean(axis=within(w, axis))), "root of the mean square"),
        (lambda w, axis: np.abs(w).max(axis=within(w, axis)), "largest entry"),
        (lambda w, axis: np.sqrt((w**2).sum()), "one length for the whole array"),
        (lambda w, axis: root(w, axis) * np.sqrt((w**2).sum(axis=within(w, axis))), "only the length is asked for"),
        (lambda w, axis: np.linalg.norm(w, axis=within(w, axis)), "stops with an error"),
        (lambda w, axis: [5.0], "an array is wanted"),
        (lambda w, axis: np.sqrt((w.reshape(w.shape[axis], -1) ** 2).sum(axis=1)), "reshape does not move"),
        (lambda w, axis: np.abs(w.sum(axis=within(w, axis))), "cancel in your sums"),
        (lambda w, axis: (w * w).sum(axis=within(w, axis)) / 2, "half of the squares"),
    ],
    "08.shorten_groups": [
        (lambda v, k, axis: v / norms(v, axis) * np.maximum(norms(v, axis) - k, 0), "a division 0/0?"),
        (lambda v, k, axis: soft(v, k), "on its own"),
        (lambda v, k, axis: block_soft(v, k, within(v, axis)) if v.ndim == 2 else v, "entries differ"),
        (
            lambda v, k, axis: v * np.maximum(1 - k / np.maximum(np.sqrt((v * v).sum(axis, keepdims=True)), 1e-300), 0),
            "lengths run along",
        ),
        (lambda v, k, axis: v * max(1 - k / np.sqrt((v * v).sum()), 0), "as one group"),
        (no_stop, "other side of zero"),
        (lambda v, k, axis: kept(v, axis, k), "do not shorten what you keep"),
        (lambda v, k, axis: v * np.maximum(1 - k / np.maximum(norms(v, axis) ** 2, 1e-18), 0), "square of the length"),
        (
            lambda v, k, axis: v * np.maximum(1 - k / np.maximum(np.abs(v).sum(within(v, axis), keepdims=True), 1e-9), 0),
            "sum of the sizes",
        ),
        (lambda v, k, axis: block_soft(v, k * root(v, axis), axis), "the root of its size"),
        (in_place, "writes into its argument"),
        (lambda v, k, axis: block_soft(v, k, axis) + 1e-9, "almost zero"),
        (lambda v, k, axis: block_soft(v, k, axis).astype(float), "dtype of the argument"),
        (lambda v, k, axis: v * np.maximum(norms(v, axis) - k, 0), "How long is v already"),
        (lambda v, k, axis: kept(v, axis, k) - k * np.sign(kept(v, axis, k)), "its direction stays"),
        (lambda v, k, axis: v + k * v / np.maximum(norms(v, axis), 1e-300), "the groups get longer"),
        (lambda v, k, axis: k * v / np.maximum(norms(v, axis), 1e-300), "gets the length k"),
    ],
    "08.sparse_group_prox": [
        (lambda v, a, b, axis: soft(block_soft(v, b * root(v, axis), axis), a), "order is reversed"),
        (lambda v, a, b, axis: block_soft(soft(v, a), b, axis), "a factor of lam2 is missing"),
        (lambda v, a, b, axis: soft(v, a) * np.maximum(1 - b * root(v, axis) / norms(soft(v, a), axis), 0), "a division 0/0?"),
        (lambda v, a, b, axis: block_soft(soft(v, a), b * root(v, axis) ** 2, axis), "by n_g: there is a root"),
        (lambda v, a, b, axis: block_soft(soft(v, a), b * np.sqrt(v.shape[axis]), axis), "not how many groups"),
        (lambda v, a, b, axis: block_soft(soft(v, a), b * np.sqrt(v.size), axis), "not in the whole array"),
        (lambda v, a, b, axis: block_soft(soft(v, b), a * root(v, axis), axis), "exchanged"),
        (lambda v, a, b, axis: soft(v, a), "no group is shortened"),
        (lambda v, a, b, axis: block_soft(v, b * root(v, axis), axis), "lam1 does nothing"),
        (lambda v, a, b, axis: soft(v, a) + block_soft(v, b * root(v, axis), axis) - v, "losses added"),
        (lambda v, a, b, axis: block_soft(soft(v, a * root(v, axis)), b * root(v, axis), axis), "single weights pay lam1"),
        (
            lambda v, a, b, axis: soft(v, a) * np.maximum(1 - b * root(v, axis) / np.maximum(norms(v, axis), 1e-300), 0),
            "length of v",
        ),
        (only_nonzero, "those that have become 0"),
        (lambda v, a, b, axis: block_soft(soft(v, a), b / root(v, axis), axis), "divide lam2 by the root"),
        (lambda v, a, b, axis: kept(soft(v, a), axis, b * root(v, axis)), "kept are not shortened"),
    ],
}
