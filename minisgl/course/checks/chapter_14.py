"""The tasks of chapter 14: AGP's share of zeros, the sign test, Holm's correction."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks import paired_tests
from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.paired_tests import falling, in_order
from minisgl.course.checks.task import Task

# ---- agp_share


def _agp_share_inputs() -> Iterator[Inputs]:
    settings = ((1.0, 0.0, 1.0), (0.5, 0.25, 0.75), (0.96, 0.125, 0.625), (0.75, 0.5, 1.0))
    for eighths in ((4,), (0,), (8,), (3, 5), tuple(range(9))):
        for final, t0, t1 in settings:
            yield {"t": np.array(eighths) / 8, "final": final, "t0": t0, "t1": t1}
    yield {"t": np.arange(6).reshape(2, 3) / 8, "final": 0.5, "t0": 0.125, "t1": 0.5}


def _agp_share_reference(t: np.ndarray, final: float, t0: float, t1: float) -> np.ndarray:
    share = np.zeros(t.shape)
    for place in np.ndindex(*t.shape):
        if t[place] >= t1:
            share[place] = final
        elif t[place] > t0:
            left = (t1 - t[place]) / (t1 - t0)
            share[place] = final - final * left * left * left
    return share


def _passed(t: np.ndarray, t0: float, t1: float) -> np.ndarray:
    return np.clip((t - t0) / (t1 - t0), 0, 1)


def _cubic(q: np.ndarray) -> np.ndarray:
    return 1 - (1 - q) ** 3


# ---- sign_test


def _sign_test_inputs() -> Iterator[Inputs]:
    yield {"a": np.array([0.25, 0.5, 0.25]), "b": np.array([0.5, 0.75, 1.0])}
    yield {"a": np.array([0.5, 0.75, 1.0]), "b": np.array([0.25, 0.5, 0.25])}
    yield {"a": np.array([0.5, 0.75]), "b": np.array([0.25, 1.0])}
    yield {"a": np.array([0.5, 0.75, 0.5]), "b": np.array([0.25, 0.75, 0.25])}  # a tie
    yield {"a": np.array([0.5, 0.5]), "b": np.array([0.5, 0.5])}
    rng = np.random.default_rng(0)
    for n in (4, 5, 6, 8, 9):
        for shift in (-2, 0, 1):
            yield {"a": rng.integers(0, 6, n) / 4, "b": rng.integers(0, 6, n) / 4 + shift / 4}


# ---- holm


def _holm_inputs() -> Iterator[Inputs]:
    for p in ([0.02], [0.01, 0.5], [0.03, 0.01, 0.04], [0.25, 0.25, 0.01], [0.9, 0.8, 0.7]):
        yield {"p": np.array(p)}
    rng = np.random.default_rng(0)
    for m in (4, 5, 8):
        for power in (1, 3):
            yield {"p": rng.uniform(size=m) ** power}


TASKS = (
    Task(
        signature="agp_share(t, final, t0, t1)",
        asks="AGP's share of zeros at the fractions t of the run, of the shape of t: 0 before t0, final after t1.",
        inputs=_agp_share_inputs,
        reference=_agp_share_reference,
        mistakes={
            "that is a straight ramp. AGP removes most at the beginning.": lambda t, final, t0, t1: final * _passed(t, t0, t1),
            "it begins slowly and ends fast. To which quantity does the third power belong?": lambda t, final, t0, t1: (
                final * _passed(t, t0, t1) ** 3
            ),
            "before t0 your formula goes on, and shares below zero come out. What has passed of the ramp then?": (
                lambda t, final, t0, t1: final * _cubic(np.minimum((t - t0) / (t1 - t0), 1))
            ),
            "after t1 your formula goes on past the end. What has passed of the ramp then?": lambda t, final, t0, t1: (
                final * _cubic(np.maximum((t - t0) / (t1 - t0), 0))
            ),
            "before t0 and after t1 your formula goes on. The ramp has a beginning and an end.": lambda t, final, t0, t1: (
                final * _cubic((t - t0) / (t1 - t0))
            ),
            "your ramp begins at 0, not at t0.": lambda t, final, t0, t1: final * _cubic(np.clip(t / t1, 0, 1)),
            "your ramp takes t1 in all. When does it begin, and when does it end?": lambda t, final, t0, t1: (
                final * _cubic(np.clip((t - t0) / t1, 0, 1))
            ),
            "all weights go in the end: final is missing.": lambda t, final, t0, t1: _cubic(_passed(t, t0, t1)),
            "that is the share that is still to be removed.": lambda t, final, t0, t1: final * (1 - _passed(t, t0, t1)) ** 3,
            "that is the share of weights that are left, not of zeros.": lambda t, final, t0, t1: (
                1 - final * _cubic(_passed(t, t0, t1))
            ),
            "your power is 2. AGP's is the third.": lambda t, final, t0, t1: final * (1 - (1 - _passed(t, t0, t1)) ** 2),
            "your share falls from final to 0: what has passed and what is left are exchanged.": lambda t, final, t0, t1: (
                final * (1 - _passed(t, t0, t1) ** 3)
            ),
            "after t1 your share is 0: what has been removed stays so.": lambda t, final, t0, t1: np.where(
                t <= t1, final * _cubic(_passed(t, t0, t1)), 0
            ),
            "your ramp lasts until the end of the run. It ends at t1.": lambda t, final, t0, t1: (
                final * _cubic(_passed(t, t0, 1.0))
            ),
        },
    ),
    Task(
        signature="sign_test(a, b)",
        asks="The two-sided p of the sign test, a number: a and b (n,) are paired; ties do not count; without any pair p = 1.",
        inputs=_sign_test_inputs,
        reference=paired_tests.sign_test,
        mistakes={
            "that is one-sided: if the other method had won as often, you would have been as surprised.": (
                paired_tests.one_sided
            ),
            "a probability above 1: when the wins are equal, the two sides overlap.": paired_tests.not_capped,
            "ties count as seeds in yours. A seed that decides nothing is no throw of the coin.": paired_tests.with_ties,
            "yours counts only what is more one-sided than the result. The result itself belongs to it.": (
                paired_tests.more_than
            ),
            "that is the probability of exactly this result. How surprising are those that are more one-sided?": (
                paired_tests.exactly
            ),
            "you always count the wins of a. If b is the one that wins, p must be as small.": paired_tests.first_only,
            "you always count the wins of b. If a is the one that wins, p must be as small.": lambda a, b: (
                paired_tests.first_only(b, a)
            ),
            "that is 1 - p. A small p is to mean that chance explains little.": lambda a, b: 1 - paired_tests.sign_test(a, b),
            "you start from the smaller number of wins: which results are as surprising?": paired_tests.from_the_fewer,
            "that is the probability that all seeds fall on one side. Have they?": lambda a, b: min(
                1.0, 2 * paired_tests.at_least(sum(paired_tests.wins(a, b)), sum(paired_tests.wins(a, b)))
            ),
            "the ties are given to the winner. A seed that decides nothing does not count.": paired_tests.ties_to_the_winner,
        },
    ),
    Task(
        signature="holm(p)",
        asks="Holm's corrected p-values (m,), in the order of p.",
        inputs=_holm_inputs,
        reference=paired_tests.holm,
        mistakes={
            "all are multiplied by m: that is Bonferroni's correction. With Holm only the smallest is.": lambda p: np.minimum(
                len(p) * p, 1
            ),
            "a larger p has a smaller corrected one: none may fall below the one before it.": lambda p: in_order(
                p, falling(p), cumulative=False
            ),
            "they are sorted: put each back to its comparison.": lambda p: in_order(p, falling(p), back=False),
            "a probability above 1.": lambda p: in_order(p, falling(p), cap=False),
            "the factors grow in yours. The smallest p has the most rivals.": lambda p: in_order(p, falling(p)[::-1]),
            "the factors are one too small: the smallest is multiplied by m, and the largest by 1.": lambda p: in_order(
                p, falling(p) - 1
            ),
            "the factors are one too large: the smallest is multiplied by m, and the largest by 1.": lambda p: in_order(
                p, falling(p) + 1
            ),
            "the factors follow the order in which p was given: sort first.": lambda p: np.minimum(
                np.maximum.accumulate(p * falling(p)), 1
            ),
            "that is Benjamini and Hochberg's. It bounds the share of false alarms, not the chance of any.": (
                paired_tests.benjamini_hochberg
            ),
            "p[order] sorts. Sorting once more by the same order does not put each back.": paired_tests.sorted_twice,
            "you begin with the largest p. It is the smallest that is multiplied by m.": paired_tests.largest_first,
            "you divide by the factors: a corrected p is larger than p.": lambda p: in_order(p, 1 / falling(p)),
        },
    ),
)
