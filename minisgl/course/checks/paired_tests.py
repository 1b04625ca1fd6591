"""The sign test and Holm's correction from their definitions, and what goes wrong in known ways."""

from itertools import product
from math import comb

import numpy as np


def sign_test(a: np.ndarray, b: np.ndarray) -> float:
    """The share of all ways in which coins can fall that are at least as one-sided as the wins, without ties."""
    first, second = wins(a, b)
    n = first + second
    ways = [sum(way) for way in product((0, 1), repeat=n)]
    return sum(max(heads, n - heads) >= max(first, second) for heads in ways) / len(ways)


def wins(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """How often a is less, and how often b."""
    return int(np.sum(a < b)), int(np.sum(a > b))


def at_least(k: int, n: int) -> float:
    """Probability of at least k heads of n."""
    return sum(comb(n, i) for i in range(max(k, 0), n + 1)) / 2**n


def one_sided(a: np.ndarray, b: np.ndarray) -> float:
    """The same, one way only."""
    first, second = wins(a, b)
    return at_least(max(first, second), first + second)


def not_capped(a: np.ndarray, b: np.ndarray) -> float:
    """Twice the probability, even above 1."""
    return 2 * one_sided(a, b)


def with_ties(a: np.ndarray, b: np.ndarray) -> float:
    """Ties count as seeds."""
    return min(1.0, 2 * at_least(max(wins(a, b)), len(a)))


def more_than(a: np.ndarray, b: np.ndarray) -> float:
    """Without the result itself."""
    first, second = wins(a, b)
    return min(1.0, 2 * at_least(max(first, second) + 1, first + second))


def exactly(a: np.ndarray, b: np.ndarray) -> float:
    """The result alone."""
    first, second = wins(a, b)
    return min(1.0, 2 * comb(first + second, first) / 2 ** (first + second))


def first_only(a: np.ndarray, b: np.ndarray) -> float:
    """Twice the probability that the first wins as often, even if it is the one that loses."""
    first, second = wins(a, b)
    return min(1.0, 2 * at_least(first, first + second))


def from_the_fewer(a: np.ndarray, b: np.ndarray) -> float:
    """Twice the probability of at least as many wins as the loser has."""
    first, second = wins(a, b)
    return min(1.0, 2 * at_least(min(first, second), first + second))


def ties_to_the_winner(a: np.ndarray, b: np.ndarray) -> float:
    """Ties count as wins of the better one."""
    return min(1.0, 2 * at_least(len(a) - min(wins(a, b)), len(a)))


def holm(p: np.ndarray) -> np.ndarray:
    """The largest of (number of p that are not smaller than q) times q, over all q up to each p."""
    raised = [(np.sum(p >= q) * q, q) for q in p]
    return np.array([min(1.0, max(value for value, q in raised if q <= one)) for one in p])


def in_order(p: np.ndarray, factors: np.ndarray, cumulative: bool = True, cap: bool = True, back: bool = True) -> np.ndarray:
    """Sorted p times the factors, with or without each of the other steps."""
    order = np.argsort(p)
    raised = p[order] * factors
    if cumulative:
        raised = np.maximum.accumulate(raised)
    if cap:
        raised = np.minimum(raised, 1)
    if not back:
        return raised
    corrected = np.empty(len(p))
    corrected[order] = raised
    return corrected


def falling(p: np.ndarray) -> np.ndarray:
    """m, m - 1, ..., 1."""
    return np.arange(len(p), 0, -1)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """m/i times the i-th, and the smallest from there on: it bounds another rate."""
    order = np.argsort(p)[::-1]
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1)), 1)
    return corrected


def sorted_twice(p: np.ndarray) -> np.ndarray:
    """With the order in place of its inverse."""
    return in_order(p, falling(p), back=False)[np.argsort(p)]


def largest_first(p: np.ndarray) -> np.ndarray:
    """From the largest p to the smallest."""
    order = np.argsort(p)[::-1]
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * falling(p)), 1)
    return corrected
