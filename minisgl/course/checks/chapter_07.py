"""The tasks of chapter 07: l1 minus l2, not separable."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_pair, best_x
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import soft
from minisgl.penalties import L1MinusL2

PAIRS = ((1.5, 0.5), (0.5, -0.25), (-0.75, 0.5), (0.25, 0.25), (-1.5, 2.0), (1.0, 1.0), (-0.5, 0.5), (0.125, -0.25), (0.0, 0.0))
WEIGHTS = ((0.5, 1.0), (1.0, 0.5), (1.0, 1.0), (2.0, 0.5), (0.5, 0.0), (4.0, 0.5), (4.0, 0.25), (0.0, 1.0))  # lam and alpha


def _vectors() -> Iterator[np.ndarray]:
    """Arrays that are not empty: single numbers, pairs, then more."""
    some = [v for v in arrays() if v.size]
    yield from (v for v in some if v.size == 1)
    yield from (np.array(pair) for pair in PAIRS)
    yield from (v for v in some if v.size > 1)


def _with_weights() -> Iterator[Inputs]:
    for v in _vectors():
        for lam, alpha in WEIGHTS:
            yield {"v": v, "lam": lam, "alpha": alpha}


def _best(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    """argmin over x of lam (||x||_1 - alpha ||x||_2) + ||x - v||^2/2, by brute force for one or two entries, else minisgl's.

    Two entries of the same size, not above lam, have two best x. There too it is minisgl's, which keeps the first entry.
    """
    if v.size == 1:
        return best_x(lambda x: lam * (np.abs(x) - alpha * np.abs(x)), v)
    if v.size > 2 or (abs(v[0]) == abs(v[1]) <= lam):
        return L1MinusL2(lam, alpha).prox(v, 1.0)
    return best_pair(lambda x1, x2: lam * (np.abs(x1) + np.abs(x2) - alpha * np.hypot(x1, x2)), v)


def _l1_minus_l2_inputs() -> Iterator[Inputs]:
    for x in (*_vectors(), np.zeros(0)):
        for alpha in (1.0, 0.5, 0.0):
            yield {"x": x, "alpha": alpha}


def _longer(by: Callable[[np.ndarray, float, float], np.ndarray | float]) -> Callable[..., np.ndarray]:
    """The mistake that multiplies the soft threshold z by a wrong factor, by(z, lam, alpha)."""

    def mistake(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
        z = soft(v, lam)
        return z * by(z, lam, alpha)

    return mistake


def _per_entry(v: np.ndarray, lam: float, alpha: float) -> np.ndarray:
    z = soft(v, lam)
    return z + alpha * lam * np.sign(z)


def _norm(x: np.ndarray) -> float:
    return float(np.sqrt((x * x).sum(dtype=np.float64)))


# Known mistakes in the prox where some |v_i| > lam.
LARGE: dict[str, Callable[..., np.ndarray]] = {
    "that is the soft threshold alone, the prox of l1. Minus alpha ||x||_2 rewards length: which way does it change z?": (
        lambda v, lam, alpha: soft(v, lam)
    ),
    "you make z shorter. Does length cost something, or is it rewarded?": _longer(
        lambda z, lam, alpha: (_norm(z) - alpha * lam) / _norm(z)
    ),
    "alpha is forgotten: with alpha = 0 it has to be the prox of l1.": _longer(lambda z, lam, alpha: 1 + lam / _norm(z)),
    "you make every entry longer by alpha lam, as if it had its own norm. z has one norm, and gets that once.": _per_entry,
    "every row is made longer by itself: one norm, over all of the array, whatever its shape.": _longer(
        lambda z, lam, alpha: 1 + alpha * lam / np.sqrt((z * z).sum(axis=-1, keepdims=True))
    ),
    "you divide by the l1 norm of z. What is the length of z?": _longer(
        lambda z, lam, alpha: 1 + alpha * lam / np.abs(z).sum()
    ),
    "lam is missing where z is made longer: lam multiplies the whole penalty, its second part too.": _longer(
        lambda z, lam, alpha: 1 + alpha / _norm(z)
    ),
    "that is z stretched by ||v||: which vector are you making longer?": lambda v, lam, alpha: (
        soft(v, lam) * (1 + alpha * lam / _norm(v))
    ),
    "the signs are lost: a negative v_i has a negative x_i.": lambda v, lam, alpha: np.abs(
        soft(v, lam) * (1 + alpha * lam / _norm(soft(v, lam)))
    ),
    "z divided by its length is a direction, of length 1. How long was z, and how long is x to be?": (
        lambda v, lam, alpha: soft(v, lam) / _norm(soft(v, lam)) * (1 + alpha * lam)
    ),
}


def _lengths(
    v: np.ndarray, lam: float, alone: Callable[[float], float], alpha: float, largest: Callable[..., np.ndarray] = np.abs
) -> float:
    """A wrong length: ||z|| + alpha lam where an entry is above lam, else alone(m), with m the largest entry."""
    m = float(largest(v).max())
    return _norm(soft(v, lam)) + alpha * lam if m > lam else alone(m)


def _alone(
    length: Callable[[float, float, float], float],
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
        x[i] = length(abs(float(v.flat[i])), lam, alpha) * (np.sign(v.flat[i]) if signed else 1)
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


TASKS = (
    Task(
        signature="l1_minus_l2(x, alpha)",
        asks="||x||_1 - alpha ||x||_2 over all entries of x, one number; x of any shape.",
        inputs=_l1_minus_l2_inputs,
        reference=lambda x, alpha: math.fsum(map(abs, x.flat)) - alpha * math.hypot(*x.flat),
        mistakes={
            "the signs count: a negative entry lowers your first sum. How large is -3?": lambda x, alpha: (
                x.sum() - alpha * np.sqrt((x * x).sum())
            ),
            "alpha is forgotten: how much of the length is given back?": lambda x, alpha: (
                np.abs(x).sum() - np.sqrt((x * x).sum())
            ),
            "that is the length squared: ||x||_2 has a root.": lambda x, alpha: np.abs(x).sum() - alpha * (x * x).sum(),
            "you take the l2 norm of each entry, which is its size. The vector has a single norm.": lambda x, alpha: (
                np.abs(x) - alpha * np.abs(x)
            ).sum(),
            "alpha multiplies the other norm.": lambda x, alpha: alpha * np.abs(x).sum() - np.sqrt((x * x).sum()),
            "alpha belongs to ||x||_2 only, and you multiply the difference.": lambda x, alpha: (
                alpha * (np.abs(x).sum() - np.sqrt((x * x).sum()))
            ),
            "you add the rebate: it makes things cheaper.": lambda x, alpha: np.abs(x).sum() + alpha * np.sqrt((x * x).sum()),
            "you take the length of each row: all of x is one vector, whatever its shape.": lambda x, alpha: (
                np.abs(x).sum() - alpha * np.sqrt((x * x).sum(axis=-1)).sum()
            ),
        },
    ),
    Task(
        signature="prox_case_1(v, lam, alpha)",
        asks="The prox of lam (||x||_1 - alpha ||x||_2) where max |v| > lam; v of any shape is one vector.",
        inputs=lambda: (case for case in _with_weights() if np.abs(case["v"]).max() > case["lam"]),
        reference=_best,
        exact_zeros=True,
        mistakes=LARGE,
    ),
    Task(
        signature="best_length(v, lam, alpha)",
        asks="||x||_2 of the prox x, in all cases: one number.",
        inputs=_with_weights,
        reference=lambda v, lam, alpha: _norm(_best(v, lam, alpha)),
        mistakes={
            "that is the length of case 1, everywhere. What if no entry is larger than lam?": lambda v, lam, alpha: (
                _norm(soft(v, lam)) + alpha * lam
            ),
            "you have 0 as soon as no entry is above lam. Is there nothing between (1 - alpha) lam and lam?": (
                lambda v, lam, alpha: _lengths(v, lam, lambda m: 0.0, alpha)
            ),
            "some of your lengths are negative: what does the parabola do on rho >= 0 then?": lambda v, lam, alpha: _lengths(
                v, lam, lambda m: m - (1 - alpha) * lam, alpha
            ),
            "alpha and 1 - alpha are exchanged where one entry is left.": lambda v, lam, alpha: _lengths(
                v, lam, lambda m: max(m - alpha * lam, 0), alpha
            ),
            "you do not shrink the entry that is left. That is right for alpha = 1, but for a smaller alpha?": (
                lambda v, lam, alpha: _lengths(v, lam, lambda m: m if m > (1 - alpha) * lam else 0, alpha)
            ),
            "where no entry is above lam, you take the length of all of v: how many entries are left of it?": (
                lambda v, lam, alpha: _lengths(v, lam, lambda m: max(_norm(v) - (1 - alpha) * lam, 0), alpha)
            ),
            "you look for the largest v_i. What if the largest in size is negative?": lambda v, lam, alpha: _lengths(
                v, lam, lambda m: max(m - (1 - alpha) * lam, 0), alpha, largest=lambda v: v
            ),
            "where an entry is above lam that is the length of the soft threshold: it is made longer.": lambda v, lam, alpha: (
                max(np.abs(v).max() - (1 - alpha) * lam, 0) if np.abs(v).max() <= lam else _norm(soft(v, lam))
            ),
            "where an entry is above lam you make the soft threshold shorter.": lambda v, lam, alpha: (
                max(np.abs(v).max() - (1 - alpha) * lam, 0) if np.abs(v).max() <= lam else _norm(soft(v, lam)) - alpha * lam
            ),
            "that is the length of v, less something, everywhere: which entries are left, and what does each lose?": (
                lambda v, lam, alpha: max(_norm(v) - (1 - alpha) * lam, 0)
            ),
        },
    ),
    Task(
        signature="l1_minus_l2_prox(v, lam, alpha)",
        asks="The prox in all cases; where only one entry stays, the first of the largest. v of any shape.",
        inputs=_with_weights,
        reference=_best,
        exact_zeros=True,
        mistakes={
            "where no entry is above lam your result is all 0. A single entry costs little: which would you keep?": _alone(
                lambda m, lam, alpha: 0
            ),
            "that is the soft threshold, everywhere: alpha plays no part.": lambda v, lam, alpha: soft(v, lam),
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
            **{sentence: _with_alone(mistake) for sentence, mistake in LARGE.items()},
        },
    ),
)
