"""Known mistakes in the prox of l1 minus l2, each by the sentence that names it.

LARGE has those where some |v_i| > lam, the soft threshold made longer; ALL_CASES has them too, and those where one entry stays.
"""

from collections.abc import Callable

import numpy as np

from minisgl.course.checks.thresholds import soft
from minisgl.penalties import L1MinusL2


def length(x: np.ndarray) -> float:
    return float(np.sqrt((x * x).sum(dtype=np.float64)))


def _longer(by: Callable[[np.ndarray, float, float], np.ndarray | float]) -> Callable[..., np.ndarray]:
    """The mistake that multiplies the soft threshold z by a wrong factor, by(z, lam, alpha)."""

    def mistake(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
        z = soft(v, lam)
        return z * by(z, lam, alpha)

    return mistake


def _per_entry(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    z = soft(v, lam)
    return z + alpha * lam * np.sign(z)


def _by_alpha_lam(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    z = soft(v, alpha * lam)
    return z * (1 + alpha * lam / length(z))


# Known mistakes in the prox where some |v_i| > lam.
LARGE: dict[str, Callable[..., np.ndarray]] = {
    "that is the soft threshold alone, the prox of l1. Minus alpha ||x||_2 rewards length: which way does it change z?": (
        lambda v, lam, alpha: soft(v, lam)
    ),
    "you make z shorter. Does length cost something, or is it rewarded?": _longer(
        lambda z, lam, alpha: (length(z) - alpha * lam) / length(z)
    ),
    "alpha is forgotten: with alpha = 0 it has to be the prox of l1.": _longer(lambda z, lam, alpha: 1 + lam / length(z)),
    "you make every entry longer by alpha lam, as if it had its own norm. z has one norm, and gets that once.": _per_entry,
    "every row is made longer by itself: one norm, over all of the array, whatever its shape.": _longer(
        lambda z, lam, alpha: 1 + alpha * lam / np.sqrt((z * z).sum(axis=-1, keepdims=True))
    ),
    "you divide by the l1 norm of z. What is the length of z?": _longer(
        lambda z, lam, alpha: 1 + alpha * lam / np.abs(z).sum()
    ),
    "lam is missing where z is made longer: lam multiplies the whole penalty, its second part too.": _longer(
        lambda z, lam, alpha: 1 + alpha / length(z)
    ),
    "that is z stretched by ||v||: which vector are you making longer?": lambda v, lam, alpha: (
        soft(v, lam) * (1 + alpha * lam / length(v))
    ),
    "the signs are lost: a negative v_i has a negative x_i.": lambda v, lam, alpha: np.abs(
        soft(v, lam) * (1 + alpha * lam / length(soft(v, lam)))
    ),
    "z divided by its length is a direction, of length 1. How long was z, and how long is x to be?": (
        lambda v, lam, alpha: soft(v, lam) / length(soft(v, lam)) * (1 + alpha * lam)
    ),
    "you multiply by 1 + alpha lam. z is to be longer by alpha lam: by which factor is that?": _longer(
        lambda z, lam, alpha: 1 + alpha * lam
    ),
    "you divide by the squared length of z: a root is missing.": _longer(
        lambda z, lam, alpha: 1 + alpha * lam / length(z) ** 2
    ),
    "you threshold by alpha lam. What is the price of ||x||_1?": lambda v, lam, alpha: soft(v, alpha * lam),
    "you threshold by alpha lam and then make it longer: alpha belongs to ||x||_2 alone.": _by_alpha_lam,
    "you treat both norms as one, with the price (1 - alpha) lam. They differ if x has two entries.": lambda v, lam, alpha: (
        soft(v, (1 - alpha) * lam)
    ),
}


def _alone(
    left: Callable[[float, float, float], float],
    sizes: Callable[[np.ndarray], np.ndarray] = np.abs,
    last: bool = False,
    signed: bool = True,
) -> Callable[..., np.ndarray]:
    """The prox, right where an entry is above lam; else one entry, at the first (or last) largest of sizes(v)."""

    def mistake(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
        if np.abs(v).max() > lam:
            return L1MinusL2(lam, alpha).prox(v, 1.0)
        x = np.zeros(v.size)
        largest = sizes(v).ravel()
        i = v.size - 1 - int(np.argmax(largest[::-1])) if last else int(np.argmax(largest))
        x[i] = left(abs(float(v.flat[i])), lam, alpha) * (np.sign(v.flat[i]) if signed else 1)
        return x.reshape(v.shape)

    return mistake


def _right(m: float, lam: float, alpha: float) -> float:
    return max(m - (1 - alpha) * lam, 0)


def _every_largest(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    sizes = np.abs(v)
    if sizes.max() > lam:
        return L1MinusL2(lam, alpha).prox(v, 1.0)
    return np.where(sizes == sizes.max(), np.sign(v) * _right(float(sizes.max()), lam, alpha), 0)


def _with_alone(case_1: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """The prox with a mistake where an entry is above lam, and right elsewhere."""
    return lambda v, lam, alpha: case_1(v, lam, alpha) if np.abs(v).max() > lam else _alone(_right)(v, lam, alpha)


def _at_index(v: np.ndarray, lam: float, alpha: float, row: bool) -> np.ndarray:
    """With x[i] = ..., i being an index of the flat array; row: whether v[i] is read so too."""
    if np.abs(v).max() > lam:
        return L1MinusL2(lam, alpha).prox(v, 1.0)
    x, i = np.zeros_like(v), int(np.abs(v).argmax())
    read = v[i] if row else v.flat[i]
    x[i] = np.sign(read) * np.maximum(np.abs(read) - (1 - alpha) * lam, 0)
    return x


def _all_above(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    return L1MinusL2(lam, alpha).prox(v, 1.0) if np.abs(v).max() > lam else soft(v, (1 - alpha) * lam)


ALL_CASES: dict[str, Callable[..., np.ndarray]] = {
    "where no entry is above lam your result is all 0. A single entry costs little: which would you keep?": _alone(
        lambda m, lam, alpha: 0
    ),
    "that is the soft threshold, everywhere: alpha has no effect.": lambda v, lam, alpha: soft(v, lam),
    "you do not shrink the single entry that stays, however small alpha is.": _alone(
        lambda m, lam, alpha: m if m > (1 - alpha) * lam else 0
    ),
    "the single entry that stays loses alpha lam in yours: that is what is given back. What is not?": _alone(
        lambda m, lam, alpha: max(m - alpha * lam, 0)
    ),
    "the entry that stays alone changes its sign where it is small: which m are too small to stay?": _alone(
        lambda m, lam, alpha: m - (1 - alpha) * lam
    ),
    "the entry that stays alone has lost its sign.": _alone(_right, signed=False),
    "the entry that stays is the largest in size: a large negative one counts.": _alone(_right, sizes=lambda v: v),
    "of several largest entries the first is to stay, and you keep the last.": _alone(_right, last=True),
    "of several largest entries only one is to stay: two of them cost more together.": _every_largest,
    "i counts the entries of the flat array: with two axes v[i] and x[i] are whole rows.": lambda v, lam, alpha: _at_index(
        v, lam, alpha, row=True
    ),
    "the right entry of v goes to a whole row of x: i counts the entries of the flat array.": lambda v, lam, alpha: _at_index(
        v, lam, alpha, row=False
    ),
    "where no entry is above lam, you keep all that are above (1 - alpha) lam. How many stay?": _all_above,
    **{sentence: _with_alone(mistake) for sentence, mistake in LARGE.items()},
}
