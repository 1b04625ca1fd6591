"""Known mistakes in the prox of transformed l1 by the arccosine formula, each by the sentence that names it."""

from collections.abc import Callable
from math import pi

import numpy as np

from minisgl.course.checks.thresholds import soft


def _by_cosine(
    v: np.ndarray, lam: float, a: float, t: float, *, k: int = 0, factor: float = 1.0, degrees: bool = False
) -> np.ndarray:
    """The arccosine formula with root number k, and with the fraction under the arccosine multiplied by `factor`."""
    A = a + np.abs(v)
    phi = np.arccos(np.clip(1 - factor * 27 * lam * a * (a + 1) / (2 * A**3), -1, 1))
    angle = np.degrees(phi) / 3 + k * 120 if degrees else phi / 3 + k * 2 * pi / 3
    return np.where(np.abs(v) > t, np.sign(v) * (2 / 3 * A * np.cos(angle) - 2 * a / 3 + np.abs(v) / 3), 0)


def _without_zeros(v: np.ndarray, lam: float, a: float, t: float) -> np.ndarray:
    return _by_cosine(v, lam, a, -1.0)


def _at_least_zero(v: np.ndarray, lam: float, a: float, t: float) -> np.ndarray:
    return np.sign(v) * np.maximum(_by_cosine(np.abs(v), lam, a, -1.0), 0)


def _slope(x: np.ndarray, lam: float, a: float) -> np.ndarray:
    """The slope of the price lam (a+1)|x|/(a+|x|)."""
    return lam * a * (a + 1) / (a + np.abs(x)) ** 2 * np.sign(x)


TL1_PROX: dict[str, Callable[..., np.ndarray]] = {
    "that is the hill between the valleys: you took another root of the cubic.": lambda v, lam, a, t: _by_cosine(
        v, lam, a, t, k=2
    ),
    "that root has a + x below zero. The three roots are 120 degrees apart: which is the largest?": (
        lambda v, lam, a, t: _by_cosine(v, lam, a, t, k=1)
    ),
    "np.arccos gives radians, and np.cos takes them: nothing has to be converted to degrees.": lambda v, lam, a, t: _by_cosine(
        v, lam, a, t, degrees=True
    ),
    "the third of the angle is missing: cos(3 theta) is known, and cos(theta) is wanted.": lambda v, lam, a, t: np.where(
        np.abs(v) > t,
        v - np.sign(v) * (9 * lam * a * (a + 1) / (a + np.abs(v)) ** 2),
        0,
    ),
    "the factor a + 1 of the penalty is missing from the angle.": lambda v, lam, a, t: _by_cosine(
        v, lam, a, t, factor=1 / (a + 1)
    ),
    "a factor a is missing from the angle: c is lam a (a + 1).": lambda v, lam, a, t: _by_cosine(v, lam, a, t, factor=1 / a),
    "a factor 2 is lost under the arccosine or the arcsine: one has 2 in its denominator, the other 4.": (
        lambda v, lam, a, t: _by_cosine(v, lam, a, t, factor=0.5)
    ),
    "under the arccosine or the arcsine something is twice too large: one has 2 in its denominator, the other 4.": (
        lambda v, lam, a, t: _by_cosine(v, lam, a, t, factor=2.0)
    ),
    "you return z = a + x, the root of the cubic. Which x is that?": lambda v, lam, a, t: np.where(
        np.abs(v) > t, _by_cosine(v, lam, a, t) + a * np.sign(v), 0
    ),
    "the sign is lost: a negative v has a negative x.": lambda v, lam, a, t: np.abs(_by_cosine(v, lam, a, t)),
    "up to the threshold 0 is best, even where the cubic has a root.": _without_zeros,
    "where the prox jumps, the inner valley is there before it is the lower of the two: what is t for?": _at_least_zero,
    "you do not shrink what you keep: that is l0. Here a kept weight loses the slope of its price.": (
        lambda v, lam, a, t: np.where(np.abs(v) > t, v, 0)
    ),
    "that is the soft threshold: here a large weight loses less than a small one.": lambda v, lam, a, t: soft(v, t),
    "only the positive entries are right: negative ones are mirror images, not zero.": lambda v, lam, a, t: np.maximum(
        _by_cosine(v, lam, a, t), 0
    ),
    "lam is missing from the angle.": lambda v, lam, a, t: _by_cosine(v, 1.0, a, t),
    "you subtract the slope at v, where you start. The prox has the slope at x, where it arrives.": lambda v, lam, a, t: (
        np.where(np.abs(v) > t, v - _slope(v, lam, a), 0)
    ),
}
