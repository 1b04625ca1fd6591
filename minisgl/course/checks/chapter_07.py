"""The tasks of chapter 07: l1 minus l2, not separable."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_pair, best_x
from minisgl.course.checks.l1_minus_l2_mistakes import ALL_CASES, LARGE, length
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


def _lengths(
    v: np.ndarray, lam: float, alone: Callable[[float], float], alpha: float, largest: Callable[..., np.ndarray] = np.abs
) -> float:
    """A wrong length: ||z|| + alpha lam where an entry is above lam, else alone(m), with m the largest entry."""
    m = float(largest(v).max())
    return length(soft(v, lam)) + alpha * lam if m > lam else alone(m)


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
            "with two axes np.linalg.norm(x, 1) is a matrix norm. How does NumPy see x as one vector?": lambda x, alpha: (
                np.linalg.norm(x, 1) - alpha * np.linalg.norm(x)
            ),
            "with two axes np.linalg.norm(x, 2) is a matrix norm. How does NumPy see x as one vector?": lambda x, alpha: (
                np.abs(x).sum() - alpha * np.linalg.norm(x, 2)
            ),
            "with two axes both of your norms are matrix norms. How does NumPy see x as one vector?": lambda x, alpha: (
                np.linalg.norm(x, 1) - alpha * np.linalg.norm(x, 2)
            ),
            "that is ||x||_1 alone: what is subtracted from it?": lambda x, alpha: np.abs(x).sum(),
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
        reference=lambda v, lam, alpha: length(_best(v, lam, alpha)),
        mistakes={
            "that is the length of case 1, everywhere. What if no entry is larger than lam?": lambda v, lam, alpha: (
                length(soft(v, lam)) + alpha * lam
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
                lambda v, lam, alpha: _lengths(v, lam, lambda m: max(length(v) - (1 - alpha) * lam, 0), alpha)
            ),
            "you look for the largest v_i. What if the largest in size is negative?": lambda v, lam, alpha: _lengths(
                v, lam, lambda m: max(m - (1 - alpha) * lam, 0), alpha, largest=lambda v: v
            ),
            "where an entry is above lam that is the length of the soft threshold: it is made longer.": lambda v, lam, alpha: (
                max(np.abs(v).max() - (1 - alpha) * lam, 0) if np.abs(v).max() <= lam else length(soft(v, lam))
            ),
            "where an entry is above lam you make the soft threshold shorter.": lambda v, lam, alpha: (
                max(np.abs(v).max() - (1 - alpha) * lam, 0) if np.abs(v).max() <= lam else length(soft(v, lam)) - alpha * lam
            ),
            "that is the length of v, less something, everywhere: which entries are left, and what does each lose?": (
                lambda v, lam, alpha: max(length(v) - (1 - alpha) * lam, 0)
            ),
            "that is the squared length: a root is missing.": lambda v, lam, alpha: length(_best(v, lam, alpha)) ** 2,
            "you add alpha lam to the squared length of z: a root is missing.": lambda v, lam, alpha: (
                max(np.abs(v).max() - (1 - alpha) * lam, 0)
                if np.abs(v).max() <= lam
                else length(soft(v, lam)) ** 2 + alpha * lam
            ),
            "where an entry is above lam, alpha is missing.": lambda v, lam, alpha: (
                max(np.abs(v).max() - (1 - alpha) * lam, 0) if np.abs(v).max() <= lam else length(soft(v, lam)) + lam
            ),
            "that is ||x||_1. The length is ||x||_2.": lambda v, lam, alpha: np.abs(_best(v, lam, alpha)).sum(),
        },
    ),
    Task(
        signature="l1_minus_l2_prox(v, lam, alpha)",
        asks="The prox in all cases; where only one entry stays, the first of the largest. v of any shape.",
        inputs=_with_weights,
        reference=_best,
        exact_zeros=True,
        mistakes=ALL_CASES,
    ),
)
