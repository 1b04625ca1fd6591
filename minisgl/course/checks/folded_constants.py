"""The bias that takes over what constant units add, and known mistakes in it, each by the sentence that names it."""

from collections.abc import Callable

import numpy as np


def folded(
    W2: np.ndarray,
    b1: np.ndarray,
    b2: np.ndarray,
    constant: np.ndarray,
    *,
    value: Callable[[float], float] = lambda b: max(b, 0.0),
    each: Callable[[np.ndarray], float] = lambda kernel: float(kernel.sum()),
) -> np.ndarray:
    """The new bias, one weight or kernel after the other: each(kernel) times value(bias)."""
    new = b2.astype(np.float64)
    for k, c in np.ndindex(*W2.shape[:2]):
        if constant[c]:
            new[k] += each(W2[k, c]) * value(float(b1[c]))
    return new


def _only_the_first(W: np.ndarray, b1: np.ndarray, b2: np.ndarray, c: np.ndarray) -> np.ndarray:
    """With the first constant unit alone."""
    return folded(W, b1, b2, c & (np.cumsum(c) == 1))


FOLD_CONSTANT: dict[str, Callable[..., np.ndarray]] = {
    "what comes out of a unit is not its bias: something comes between the two layers.": lambda W, b1, b2, c: folded(
        W, b1, b2, c, value=lambda b: b
    ),
    "that is only what the constants add: the bias was not zero before.": lambda W, b1, b2, c: folded(W, b1, 0 * b2, c),
    "you add the value of every unit: only those marked in constant have one.": lambda W, b1, b2, c: folded(
        W, b1, b2, c | True
    ),
    "you add the units that are not marked, and leave out those that are.": lambda W, b1, b2, c: folded(W, b1, b2, ~c),
    "you subtract: what the removed units add has to stay.": lambda W, b1, b2, c: 2 * b2 - folded(W, b1, b2, c),
    "the values arrive without their weights: each reader multiplies what it reads.": lambda W, b1, b2, c: (
        b2 + np.maximum(b1, 0)[c].sum()
    ),
    "in a convolution you take the mean of a kernel. A window gives the number to each of its weights.": (
        lambda W, b1, b2, c: folded(W, b1, b2, c, each=lambda kernel: float(kernel.mean()))
    ),
    "in a convolution one weight of the kernel is not enough: which of them meet the constant?": lambda W, b1, b2, c: folded(
        W, b1, b2, c, each=lambda kernel: float(kernel.flat[0])
    ),
    "the ReLU comes after each unit's own bias, and before the weight: not after the product.": lambda W, b1, b2, c: (
        b2 + (np.maximum(W.reshape(*W.shape[:2], -1).sum(2) * b1, 0) * c).sum(1)
    ),
    "the new bias has gone through a ReLU: its own comes later, after all products are added.": lambda W, b1, b2, c: np.maximum(
        folded(W, b1, b2, c), 0
    ),
    "you add the weights without the values. How large is what each of them multiplies?": lambda W, b1, b2, c: folded(
        W, b1, b2, c, value=lambda b: 1.0
    ),
    "all units get the same total: each reads the constants with its own weights.": lambda W, b1, b2, c: (
        b2 + (folded(W, b1, b2, c) - b2).sum()
    ),
    "only one of the constant units counts: add them all up.": _only_the_first,
}
