"""Wrong answers to the tasks of chapter 01: for each check, functions, each with a part of the message that it must get."""

from math import ceil, prod

import numpy as np


def places(image, weight):
    return (image[1] - weight[2] + 1) * (image[2] - weight[3] + 1)


def zeroed(w, dropped):
    v = w.flatten()
    v[dropped] = 0
    return v.reshape(w.shape)


def order(w):
    return np.argsort(np.abs(w), axis=None, kind="stable")


def prune_in_place(w, fraction):
    w.ravel()[order(w)[: int(fraction * w.size)]] = 0
    return w


def by_quantile(w, fraction, strict=False):
    n = int(fraction * w.size)
    threshold = np.sort(np.abs(w), axis=None)[n - 1] if n else -1
    return np.where((np.abs(w) < threshold) if strict else (np.abs(w) <= threshold), 0, w)


def per_row(w, fraction):
    rows = w.reshape(-1, w.shape[-1]).copy()
    for row in rows:
        row[order(row)[: int(fraction * row.size)]] = 0
    return rows.reshape(w.shape)


def between(w0, d):
    upper = w0 % d
    return np.stack([np.where(upper == 0, 0, upper - d), upper])


def with_fmod(w0, lr, lam):
    upper = np.fmod(w0, lr * lam)
    return np.stack([np.where(upper == 0, 0, upper - lr * lam), upper])


PLANTED = {
    "01.conv_multiply_adds": [
        (lambda image, weight: prod(weight), "the number of weights"),
        (lambda image, weight: weight[0] * places(image, weight), "the number of outputs"),
        (lambda image, weight: image[1] * image[2] * prod(weight), "stick out"),
        (lambda image, weight: (image[1] - weight[2]) * (image[2] - weight[3]) * prod(weight), "one place too few"),
        (lambda image, weight: places(image, weight) * weight[0] * prod(weight[2:]), "where is C"),
        (lambda image, weight: places(image, weight) * prod(weight[1:]), "one output channel"),
        (lambda image, weight: 2 * places(image, weight) * prod(weight), "as two"),
        (lambda image, weight: places(image, weight) * (prod(weight) + weight[0]), "biases too"),
        (lambda image, weight: 1.5, "the numbers differ"),
        (lambda image, weight: weight, "one number is wanted"),
        (lambda image, weight: prod(weight) * (1 + image[1] - weight[2]), "in one direction only"),
        (lambda image, weight: places(image, weight) * prod(weight) * weight[1], "C is in it twice"),
    ],
    "01.magnitude_prune": [
        (lambda w, f: zeroed(w, np.argsort(w, axis=None, kind="stable")[: int(f * w.size)]), "larger in size"),
        (lambda w, f: zeroed(w, order(w)[w.size - int(f * w.size) :]), "drop the large ones"),
        (lambda w, f: zeroed(w, order(w)[: int((1 - f) * w.size)]), "keep the fraction"),
        (lambda w, f: np.where(np.abs(w) < f, 0, w), "the fraction itself"),
        (lambda w, f: np.where(np.abs(w) < f * np.abs(w).max(initial=0), 0, w), "of the largest size"),
        (lambda w, f: zeroed(w, order(w)[: ceil(f * w.size)]), "rounded down"),
        (lambda w, f: zeroed(w, order(w)[: round(f * w.size)]), "to the nearest"),
        (by_quantile, "drop too many"),
        (lambda w, f: zeroed(w, w.size - 1 - order(w.ravel()[::-1])[: int(f * w.size)]), "yours are the last"),
        (lambda w, f: np.abs(zeroed(w, order(w)[: int(f * w.size)])), "are lost"),
        (lambda w, f: np.sort(zeroed(w, order(w)[: int(f * w.size)]), axis=None).reshape(w.shape), "in its place"),
        (lambda w, f: np.where(np.abs(w) < np.quantile(np.abs(w), f), 0, w), "between two sizes"),
        (lambda w, f: np.where(np.abs(w) <= np.quantile(np.abs(w), f), 0, w), "for some sizes of w only"),
        (prune_in_place, "writes into its argument"),
        (lambda w, f: zeroed(w, order(w)[: int(f * w.size)]).ravel(), "the shape"),
        (lambda w, f: zeroed(w, order(w)[: int(f * w.size)]).astype(np.float64), "dtype of the argument"),
        (per_row, "of every row"),
        (lambda w, f: zeroed(w, order(w)[: int(f * len(w))]), "len(w) is"),
        (lambda w, f: np.where(zeroed(w, order(w)[: int(f * w.size)]) == 0, w, 0), "return what is dropped"),
        (lambda w, f: by_quantile(w, f, strict=True), "one too few is 0"),
    ],
    "01.sawtooth": [
        (lambda w0, lr, lam: between(w0, lam), "not lam alone"),
        (lambda w0, lr, lam: between(w0, lr), "not lr alone"),
        (lambda w0, lr, lam: np.stack([w0 % (lr * lam) - lr * lam, w0 % (lr * lam)]), "stays there"),
        (lambda w0, lr, lam: between(np.abs(w0), lr * lam), "be its mirror image"),
        (with_fmod, "is negative here"),
        (lambda w0, lr, lam: between(w0, lr * lam)[::-1], "wanted first"),
        (lambda w0, lr, lam: np.moveaxis(between(w0, lr * lam), 0, -1), "on the last axis"),
        (lambda w0, lr, lam: np.stack([0 * w0 - lr * lam / 2, 0 * w0 + lr * lam / 2]), "not symmetric"),
        (lambda w0, lr, lam: w0 % (lr * lam), "the shape"),
        (lambda w0, lr, lam: between(w0, lam / lr), "for a smaller lr"),
        (
            lambda w0, lr, lam: np.stack(
                [np.minimum(w0, w0 - np.sign(w0) * lr * lam), np.maximum(w0, w0 - np.sign(w0) * lr * lam)]
            ),
            "that is one step",
        ),
        (lambda w0, lr, lam: np.stack([w0 // (lr * lam), -(-w0 // (lr * lam))]) * lr * lam, "multiples of the step"),
        (lambda w0, lr, lam: np.stack([np.full_like(w0, -lr * lam), np.full_like(w0, lr * lam)]), "two steps apart"),
    ],
}
