"""Wrong answers to the tasks of chapter 06: for each check, functions, each with a part of the message that it must get."""

import numpy as np

from minisgl.course.checks.thresholds import soft


def rho_slope(x, a):
    return a * (a + 1) / (a + np.abs(x)) ** 2 * np.sign(x)


def in_two_regimes(small, large):
    return lambda lam, a: small(lam, a) if lam <= a**2 / (2 * (a + 1)) else large(lam, a)


def line(lam, a):
    return lam * (a + 1) / a


def root(lam, a):
    return np.sqrt(2 * lam * (a + 1)) - a / 2


def textbook(v, lam, a, t, *, c=lambda lam, a: lam * a * (a + 1), convert=lambda phi: phi / 3, below=2):
    y = np.abs(v)
    cosine = 1 - 27 * c(lam, a) / (below * (a + y) ** 3)
    phi = np.arccos(np.clip(cosine, -1, 1))
    x = 2 / 3 * (a + y) * np.cos(convert(phi)) - 2 * a / 3 + y / 3
    return np.where(y > t, np.sign(v) * x, 0)


def hill(v, lam, a, t):
    return np.where(np.abs(v) > t, np.sign(v) * _root(v, lam, a, 2), 0)


def negative_root(v, lam, a, t):
    return np.where(np.abs(v) > t, np.sign(v) * _root(v, lam, a, 1), 0)


def _root(v, lam, a, k):
    A = a + np.abs(v)
    phi = np.arccos(np.clip(1 - 27 * lam * a * (a + 1) / (2 * A**3), -1, 1))
    return A / 3 + 2 * A / 3 * np.cos((phi + 2 * np.pi * k) / 3) - a


def in_degrees(v, lam, a, t):
    A = a + np.abs(v)
    phi = np.degrees(np.arccos(np.clip(1 - 27 * lam * a * (a + 1) / (2 * A**3), -1, 1)))
    return np.where(np.abs(v) > t, np.sign(v) * (A / 3 + 2 * A / 3 * np.cos(phi / 3) - a), 0)


def without_t(v, lam, a, t):
    return np.sign(v) * np.maximum(textbook(np.abs(v), lam, a, -1.0), 0)


def in_place(v, lam, a, t):
    v[...] = textbook(v, lam, a, t)
    return v


def in_float64(v, lam, a, t):
    return textbook(v.astype(np.float64), lam, a, t)


PLANTED = {
    "06.came_from": [
        (lambda x, lam, a: x + lam * rho_slope(x, a) / (a + 1), "factor a + 1 is missing"),
        (lambda x, lam, a: x + lam * rho_slope(x, a) / a, "near x = 0"),
        (lambda x, lam, a: x + lam * np.sign(x) * a * (a + 1) / (a + np.abs(x)), "not squared"),
        (lambda x, lam, a: x - lam * rho_slope(x, a), "nearer to zero"),
        (lambda x, lam, a: x + lam * a * (a + 1) / (a + np.abs(x)) ** 2, "on which side"),
        (lambda x, lam, a: x + lam * np.sign(x) * a * (a + 1) / (a + x) ** 2, "the denominator has its size"),
        (lambda x, lam, a: x + rho_slope(x, a), "where is lam"),
        (lambda x, lam, a: x + lam * (a + 1) * x / (a + np.abs(x)), "the price itself"),
        (lambda x, lam, a: np.abs(x + lam * rho_slope(x, a)), "look at the signs"),
        (lambda x, lam, a: float(x[0] + lam * rho_slope(x[0], a)), "an array is wanted"),
        (lambda x, lam, a: x + np.sign(x) * lam, "slope of l1"),
        (lambda x, lam, a: lam * rho_slope(x, a), "what v has lost"),
        (lambda x, lam, a: x + np.sign(x) * lam * (a + 1) / (a + np.abs(x)), "numerator of the price only"),
    ],
    "06.tl1_threshold": [
        (line, "where there is no jump. For"),
        (root, "where there is a jump. For"),
        (in_two_regimes(root, line), "exchanged"),
        (in_two_regimes(line, lambda lam, a: np.sqrt(2 * lam * (a + 1)) - a), "the x that it jumps to"),
        (in_two_regimes(line, lambda lam, a: np.sqrt(2 * lam) - a / 2), "a factor a + 1 is missing under the root"),
        (in_two_regimes(line, lambda lam, a: np.sqrt(2 * lam * (a + 1))), "must be subtracted"),
        (in_two_regimes(lambda lam, a: lam, root), "l1's threshold"),
        (in_two_regimes(lambda lam, a: lam * (a + 1), root), "not yet right"),
        (lambda lam, a: 0.0, "the numbers differ"),
        (lambda lam, a: np.array([line(lam, a)]), "one number is wanted"),
        (lambda lam, a: line(lam, a) if lam <= a * a / (a + 1) else root(lam, a), "your regimes change"),
        (in_two_regimes(line, lambda lam, a: np.sqrt(lam * (a + 1)) - a / 2), "a factor 2 is missing under"),
        (in_two_regimes(line, lambda lam, a: np.sqrt(2 * lam * (a + 1)) + a / 2), "a/2 is added"),
    ],
    "06.tl1_prox": [
        (hill, "the hill"),
        (negative_root, "below zero"),
        (in_degrees, "radians"),
        (lambda v, lam, a, t: textbook(v, lam, a, t, convert=lambda phi: phi), "third of the angle"),
        (lambda v, lam, a, t: textbook(v, lam, a, t, c=lambda lam, a: lam * a), "factor a + 1 of the penalty"),
        (lambda v, lam, a, t: textbook(v, lam, a, t, c=lambda lam, a: lam * (a + 1)), "a factor a is missing"),
        (lambda v, lam, a, t: textbook(v, lam, a, t, below=4), "a factor 2 is lost"),
        (lambda v, lam, a, t: textbook(v, lam, a, t, below=1), "twice too large"),
        (lambda v, lam, a, t: textbook(v, lam, a, t) + np.where(np.abs(v) > t, a * np.sign(v), 0), "you return z"),
        (lambda v, lam, a, t: np.abs(textbook(v, lam, a, t)), "sign is lost"),
        (lambda v, lam, a, t: textbook(v, lam, a, -1.0), "even where the cubic has a root"),
        (without_t, "what is t for"),
        (lambda v, lam, a, t: np.where(np.abs(v) > t, v, 0), "that is l0"),
        (lambda v, lam, a, t: soft(v, t), "soft threshold"),
        (lambda v, lam, a, t: np.maximum(textbook(v, lam, a, t), 0), "mirror images"),
        (in_place, "writes into its argument"),
        (in_float64, "of the dtype"),
        (lambda v, lam, a, t: textbook(v, lam, a, t) + 1e-9, "almost zero"),
        (lambda v, lam, a, t: textbook(v, 1.0, a, t), "lam is missing from"),
        (lambda v, lam, a, t: np.where(np.abs(v) > t, v - lam * rho_slope(v, a), 0), "where you start"),
    ],
    "06.least_a": [
        (lambda lam: lam - np.sqrt(lam**2 + 2 * lam), "below zero"),
        (lambda lam: lam**2 / (2 * (lam + 1)), "solve the condition"),
        (lambda lam: 2 * lam, "the + 1 in"),
        (lambda lam: np.sqrt(2 * lam), "the a in"),
        (lambda lam: (2 * lam + np.sqrt(4 * lam**2 + 2 * lam)) / 2, "b^2 - 4 a c"),
        (lambda lam: (lam + np.sqrt(lam**2 + 4 * lam)) / 2, "the 2 of the border"),
        (lambda lam: (lam + np.sqrt(lam**2 + 2 * lam)) / 2, "half of what is right"),
        (lambda lam: 2 * lam + np.sqrt(4 * lam**2 + 8 * lam), "twice what is right"),
        (lambda lam: 1.0, "the numbers differ"),
        (lambda lam: -lam + np.sqrt(lam * (lam + 2)), "a sign is lost"),
        (lambda lam: np.sqrt(lam * (lam + 2)), "the root alone"),
    ],
}
