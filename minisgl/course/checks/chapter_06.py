"""The tasks of chapter 06: transformed l1."""

from collections.abc import Iterator
from math import sqrt

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.task import Task
from minisgl.course.checks.tl1_mistakes import TL1_PROX

SETTINGS = ((1.0, 1.0), (0.1, 1.0), (0.5, 1.0), (0.3, 2.0), (1.0, 2.0), (0.7, 0.5), (0.9, 10.0), (0.0, 1.0))  # lam, a


def _price(x: np.ndarray, lam: float, a: float) -> np.ndarray:
    return lam * (a + 1) * (np.abs(x) / (a + np.abs(x)))


def _threshold_and_landing(lam: float, a: float) -> tuple[float, float]:
    """The threshold, and the x at which the prox lands just above it, by brute force.

    Some x > 0 is better than 0 if price(x) + x^2/2 - x v < 0, so if v > price(x)/x + x/2.
    """
    low, high = 0.0, 2 * sqrt(lam * (a + 1)) + 1
    for _ in range(4):
        x = np.maximum(np.linspace(low, high, 4001), 1e-12)  # (4001,)
        heights = _price(x, lam, a) / x + x / 2  # (4001,)
        best, spacing = float(x[heights.argmin()]), (high - low) / 4000
        low, high = max(best - spacing, 0.0), best + spacing
    return float(heights.min()), best


def _prox(v: np.ndarray, lam: float, a: float) -> np.ndarray:
    return best_x(lambda x: _price(x, lam, a), v)


# ---- came_from


def _came_from_inputs() -> Iterator[Inputs]:
    for lam, a in SETTINGS:
        kept = _threshold_and_landing(lam, a)[0] + 0.25
        for shape in ((1,), (4,), (3, 4), (2, 2, 3)):
            size = int(np.prod(shape))
            signs = np.resize([1, -1, -1, 1, -1], size)
            v = ((kept + np.arange(size) / 4) * signs).reshape(shape)
            yield {"x": _prox(v, lam, a), "lam": lam, "a": a}


def _slope(x: np.ndarray, lam: float, a: float) -> np.ndarray:
    return (_price(x + 1e-6, lam, a) - _price(x - 1e-6, lam, a)) / 2e-6


# ---- tl1_threshold


def _line(lam: float, a: float) -> float:
    return lam * (a + 1) / a


def _root(lam: float, a: float) -> float:
    return sqrt(2 * lam * (a + 1)) - a / 2


def _continuous(lam: float, a: float) -> bool:
    return lam <= a * a / (a + 1) / 2


# ---- tl1_prox


def _tl1_prox_inputs() -> Iterator[Inputs]:
    for v in arrays():
        for lam, a in SETTINGS[1:]:  # without the first: its threshold is an eighth, a tie
            yield {"v": v, "lam": lam, "a": a, "t": round(_threshold_and_landing(lam, a)[0], 10)}


# ---- least_a


def _least_a_reference(lam: float) -> float:
    jumps, does_not = 0.0, 4 * lam + 4
    for _ in range(60):  # bisection
        a = (jumps + does_not) / 2
        if sqrt(2 * lam * (a + 1)) > a:  # M > a: it lands inside
            jumps = a
        else:
            does_not = a
    return a


TASKS = (
    Task(
        signature="came_from(x, lam, a)",
        asks="The v whose prox, for the step 1, is x; x of any shape, with no entry 0.",
        inputs=_came_from_inputs,
        reference=lambda x, lam, a: x + _slope(x, lam, a),
        mistakes={
            "the factor a + 1 is missing: it belongs to the price, and so to its slope.": lambda x, lam, a: (
                x + _slope(x, lam, a) / (a + 1)
            ),
            "near x = 0 the slope of the price is (a + 1)/a. What is yours there?": lambda x, lam, a: x + _slope(x, lam, a) / a,
            "something in the denominator is not squared: differentiate the price once more.": lambda x, lam, a: (
                x + _slope(x, lam, a) * (a + np.abs(x))
            ),
            "your v is nearer to zero than x: which way does the penalty pull?": lambda x, lam, a: x - _slope(x, lam, a),
            "positive entries are right. A negative x comes from a v that is further from zero too: on which side?": (
                lambda x, lam, a: x + np.abs(_slope(x, lam, a))
            ),
            "for a negative x the denominator has its size: a and |x| are added.": lambda x, lam, a: (
                x + lam * a * (a + 1) * np.sign(x) / (a + x) ** 2
            ),
            "the price counts lam times, and so does its slope: where is lam?": lambda x, lam, a: x + _slope(x, 1.0, a),
            "you add the price itself; what a weight has lost is the slope of its price.": lambda x, lam, a: (
                x + np.sign(x) * _price(x, lam, a)
            ),
            "that is the slope of l1's price. This one falls as x grows.": lambda x, lam, a: x + lam * np.sign(x),
            "that is what v has lost. v itself is asked for.": _slope,
            "you differentiate the numerator of the price only: x is below the line too.": lambda x, lam, a: (
                x + lam * (a + 1) * np.sign(x) / (a + np.abs(x))
            ),
        },
    ),
    Task(
        signature="tl1_threshold(lam, a)",
        asks="The largest v for which 0 is a best x, one number; lam >= 0, a > 0.",
        inputs=lambda: [{"lam": lam, "a": a} for lam, a in (*SETTINGS, (0.001, 0.1), (0.2, 0.1), (5.0, 3.0), (0.02, 0.25))],
        reference=lambda lam, a: _threshold_and_landing(lam, a)[0],
        mistakes={
            "that is the threshold where there is no jump. For a larger lam the lowest point of h is inside.": _line,
            "that is the threshold where there is a jump. For a small lam the lowest point of h is at the edge.": _root,
            "the two regimes are exchanged: which of them has lam = 0?": lambda lam, a: (
                _root(lam, a) if _continuous(lam, a) else _line(lam, a)
            ),
            "where it jumps you return the x that it jumps to. The threshold is the value of h there.": lambda lam, a: (
                _line(lam, a) if _continuous(lam, a) else _root(lam, a) - a / 2
            ),
            "where it jumps, a factor a + 1 is missing under the root.": lambda lam, a: (
                _line(lam, a) if _continuous(lam, a) else sqrt(2 * lam) - a / 2
            ),
            "where it jumps, h is half of x, not of z = a + x: something must be subtracted.": lambda lam, a: (
                _line(lam, a) if _continuous(lam, a) else sqrt(2 * lam * (a + 1))
            ),
            "where it does not jump, you return l1's threshold. The price per unit at 0 is not 1 here.": lambda lam, a: (
                lam if _continuous(lam, a) else _root(lam, a)
            ),
            "where it does not jump, the price per unit at 0 is not yet right: (a+1)/(a+x) at x = 0?": lambda lam, a: (
                lam * (a + 1) if _continuous(lam, a) else _root(lam, a)
            ),
            "your regimes change at twice the right lam: at which lam are the two thresholds the same?": lambda lam, a: (
                _line(lam, a) if lam <= a * a / (a + 1) else _root(lam, a)
            ),
            "where it jumps, a factor 2 is missing under the root.": lambda lam, a: (
                _line(lam, a) if _continuous(lam, a) else sqrt(lam * (a + 1)) - a / 2
            ),
            "where it jumps, a/2 is added: is z = a + x larger than x, or smaller?": lambda lam, a: (
                _line(lam, a) if _continuous(lam, a) else _root(lam, a) + a
            ),
        },
    ),
    Task(
        signature="tl1_prox(v, lam, a, t)",
        asks="argmin over x of lam (a+1)|x|/(a+|x|) + (x - v)^2/2, 0 where |v| <= t; v of any shape.",
        inputs=_tl1_prox_inputs,
        reference=lambda v, lam, a, t: _prox(v, lam, a),
        exact_zeros=True,
        mistakes=TL1_PROX,
    ),
    Task(
        signature="least_a(lam)",
        asks="The smallest a for which the prox of lam rho_a, for the step 1, is continuous, one number; lam > 0.",
        inputs=lambda: [{"lam": lam} for lam in (0.25, 1.0, 0.5, 2.0, 0.1, 0.02, 5.0)],
        reference=_least_a_reference,
        mistakes={
            "that solves the equation, but it is below zero: a quadratic equation has two solutions.": lambda lam: (
                lam - sqrt(lam**2 + 2 * lam)
            ),
            "you put lam in the place of a. lam is given: solve the condition for a.": lambda lam: lam**2 / (2 * (lam + 1)),
            "the + 1 in a + 1 is forgotten: a^2 is compared with 2 lam (a + 1).": lambda lam: 2 * lam,
            "the a in a + 1 is forgotten: a^2 is compared with 2 lam (a + 1).": lambda lam: sqrt(2 * lam),
            "a factor is lost under the root: what is b^2 - 4 a c for this equation?": lambda lam: lam + sqrt(lam**2 + lam / 2),
            "is the 2 of the border still there? a^2 is compared with 2 lam (a + 1).": lambda lam: (
                (lam + sqrt(lam**2 + 4 * lam)) / 2
            ),
            "it is exactly half of what is right: look at the 2a in the formula for quadratic equations.": lambda lam: (
                (lam + sqrt(lam**2 + 2 * lam)) / 2
            ),
            "it is exactly twice what is right: look at the 2a in the formula for quadratic equations.": lambda lam: (
                2 * (lam + sqrt(lam**2 + 2 * lam))
            ),
            "a sign is lost: in a^2 - 2 lam a - 2 lam = 0, which sign has b?": lambda lam: sqrt(lam**2 + 2 * lam) - lam,
            "the root alone is not yet a: what stands before it in the formula for quadratic equations?": lambda lam: sqrt(
                lam**2 + 2 * lam
            ),
        },
    ),
)
