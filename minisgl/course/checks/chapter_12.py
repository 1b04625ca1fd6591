"""The tasks of chapter 12: the effective price, and the proxes of l1 and of group lasso in Adam's metric."""

from collections.abc import Iterator
from math import sqrt

import numpy as np
from scipy.optimize import brentq

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import hard, soft

# ---- metric_soft


def _soft_inputs() -> Iterator[Inputs]:
    yield {"u": np.array([1.5]), "d": np.array([0.5]), "lr": 0.5, "lam": 0.25}
    yield {"u": np.array([1.5, -1.5, 0.25]), "d": np.array([0.5, 2.0, 0.25]), "lr": 0.5, "lam": 0.5}
    rng = np.random.default_rng(0)
    for shape in ((6,), (3, 4), (2, 3, 2), (0,)):
        for lr, lam in ((0.5, 1.0), (0.25, 2.0), (2.0, 0.125)):
            yield {"u": rng.integers(-24, 25, shape) / 8, "d": rng.integers(1, 17, shape) / 8, "lr": lr, "lam": lam}


# ---- metric_group


def _group_inputs() -> Iterator[Inputs]:
    yield {"u": np.array([3.0]), "d": np.array([0.5]), "lr": 0.5, "lam": 1.0}
    yield {"u": np.array([3.0, 4.0]), "d": np.array([0.5, 0.5]), "lr": 0.5, "lam": 1.0}
    yield {"u": np.array([3.0, -4.0]), "d": np.array([0.5, 2.0]), "lr": 0.5, "lam": 1.0}
    yield {"u": np.array([1.5, -0.25]), "d": np.array([0.25, 0.5]), "lr": 0.5, "lam": 1.0}  # 0, though ||u|| > lr lam
    yield {"u": np.array([0.5, 0.25]), "d": np.array([2.0, 1.5]), "lr": 1.0, "lam": 0.75}  # kept, though ||u|| < lr lam
    yield {"u": np.array([-0.25, 0.25]), "d": np.array([1.5, 3.0]), "lr": 0.5, "lam": 1.0}  # so is this
    yield {"u": np.zeros(3), "d": np.ones(3), "lr": 0.5, "lam": 1.0}
    rng = np.random.default_rng(0)
    for size in (2, 3, 5, 8):
        for lr, lam in ((0.5, 1.0), (0.25, 4.0), (2.0, 0.5)):
            yield {"u": rng.integers(-24, 25, size) / 8, "d": rng.integers(1, 17, size) / 8, "lr": lr, "lam": lam}


def _group(u: np.ndarray, d: np.ndarray, lr: float, lam: float) -> np.ndarray:
    """By another route: with k = lr lam/||x||, x = d u/(d + k), and k ||x|| grows with k, up to ||d u||."""
    if np.linalg.norm(d * u) <= lr * lam:
        return np.zeros_like(u)

    def excess(log_k: float) -> float:
        k = np.exp(log_k)
        return float(k * np.linalg.norm(d * u / (d + k)) - lr * lam)

    return d * u / (d + np.exp(brentq(excess, -60.0, 60.0, xtol=1e-13)))


def _block(u: np.ndarray, t: float) -> np.ndarray:
    length = np.linalg.norm(u)
    return u * max(1 - t / length, 0) if length else u


def _with_length_of_u(u: np.ndarray, d: np.ndarray, lr: float, lam: float) -> np.ndarray:
    zero = np.linalg.norm(d * u) <= lr * lam
    return np.zeros_like(u) if zero else d * u / (d + lr * lam / np.linalg.norm(u))


def _after_one_step(u: np.ndarray, d: np.ndarray, lr: float, lam: float) -> np.ndarray:
    x = _with_length_of_u(u, d, lr, lam)
    return d * u / (d + lr * lam / np.linalg.norm(x)) if x.any() else x


TASKS = (
    Task(
        signature="effective_price(tau, beta)",
        asks="The price lam for which lam [v != 0] + beta/2 (w - v)^2 has the threshold tau in v, one number; tau, beta > 0.",
        inputs=lambda: [
            {"tau": tau, "beta": beta} for tau, beta in ((0.2, 0.5), (0.1, 0.02), (1.0, 3.0), (0.3, 20.0), (2.0, 0.25))
        ],
        reference=lambda tau, beta: beta / 2 * (tau - 0) ** 2,  # the spring's cost of dropping w = tau
        mistakes={
            "that is s lam, the price in the prox. F has the spring beta/2 (w - v)^2: what did you divide by?": (
                lambda tau, beta: tau**2 / 2
            ),
            "that is twice what is right: is the spring's 1/2 still there?": lambda tau, beta: beta * tau**2,
            "that is half of what is right: one 1/2 is enough.": lambda tau, beta: beta * tau**2 / 4,
            "that is the price for l1, whose threshold is s lam. What is the threshold of l0?": lambda tau, beta: beta * tau,
            "tau is a size, and the spring's cost is a square.": lambda tau, beta: beta * tau / 2,
            "a stiffer spring makes dropping dearer: beta is on the wrong side of the fraction line.": lambda tau, beta: (
                tau**2 / (2 * beta)
            ),
            "that is the threshold for the price tau. Here the threshold is given, and the price is wanted.": (
                lambda tau, beta: sqrt(2 * tau / beta)
            ),
            "beta is squared, and it occurs only once.": lambda tau, beta: (beta * tau) ** 2 / 2,
            "that is the square of tau alone: the stiffness of the spring and its 1/2 are missing.": lambda tau, beta: tau**2,
            "beta is on the wrong side of the fraction line, and the spring's 1/2 is missing.": lambda tau, beta: tau**2 / beta,
        },
    ),
    Task(
        signature="metric_soft(u, d, lr, lam)",
        asks="argmin over x of sum of d (x - u)^2/(2 lr) + lam |x|, entry by entry; u and d of one shape, d, lr, lam > 0.",
        inputs=_soft_inputs,
        reference=lambda u, d, lr, lam: soft(u, lr * lam / d),
        exact_zeros=True,
        mistakes={
            "d is not in the threshold: an entry with a large d has a steeper square.": lambda u, d, lr, lam: soft(u, lr * lam),
            "the learning rate is missing: the square is divided by it.": lambda u, d, lr, lam: soft(u, lam / d),
            "does a larger d, so a steeper square, make the threshold larger? It is on the wrong side of the fraction line.": (
                lambda u, d, lr, lam: soft(u, lr * lam * d)
            ),
            "lr is on the wrong side of the fraction line: a longer step has a larger threshold.": lambda u, d, lr, lam: soft(
                u, lam / (lr * d)
            ),
            "d is already a root, that of Adam's mean square: no other root is needed.": lambda u, d, lr, lam: soft(
                u, lr * lam / np.sqrt(d)
            ),
            "d occurs once in the threshold, not squared.": lambda u, d, lr, lam: soft(u, lr * lam / d**2),
            "one threshold for all, from the mean of d: each entry has its own d.": lambda u, d, lr, lam: soft(
                u, lr * lam / d.mean()
            ),
            "the entries that you keep have to shrink too: that is hard thresholding.": lambda u, d, lr, lam: hard(
                u, lr * lam / d
            ),
            "u is already divided by d: you shrink d u, and return that.": lambda u, d, lr, lam: soft(d * u, lr * lam),
            "the penalty's slope is subtracted, but an entry that would cross zero has to stop there.": lambda u, d, lr, lam: (
                u - lr * lam / d * np.sign(u)
            ),
            "the sign is lost: a negative u has a negative x.": lambda u, d, lr, lam: np.abs(soft(u, lr * lam / d)),
            "only the positive entries are right: negative ones are mirror images, not zero.": lambda u, d, lr, lam: np.maximum(
                u - lr * lam / d, 0
            ),
            "that is what u loses, u - x.": lambda u, d, lr, lam: u - soft(u, lr * lam / d),
            "lam is missing: it is the price of a unit of size.": lambda u, d, lr, lam: soft(u, lr / d),
        },
    ),
    Task(
        signature="metric_group(u, d, lr, lam)",
        asks="argmin over x of sum of d (x - u)^2/(2 lr) + lam ||x||; u and d (N,), d, lr, lam > 0.",
        inputs=_group_inputs,
        reference=_group,
        exact_zeros=True,
        mistakes={
            "that is block soft thresholding with the mean of d. It stands still where F has a slope: solve for n.": (
                lambda u, d, lr, lam: _block(u, lr * lam / d.mean())
            ),
            "that is block soft thresholding with the root mean square of d: each entry has its own d.": (
                lambda u, d, lr, lam: _block(u, lr * lam / np.sqrt((d**2).mean()))
            ),
            "d does not occur: that is the prox in the usual metric.": lambda u, d, lr, lam: _block(u, lr * lam),
            "n is the length of x, and you took that of u.": _with_length_of_u,
            "that is l1, each entry with its own threshold. Here the group's length has the price.": lambda u, d, lr, lam: soft(
                u, lr * lam / d
            ),
            "each entry has its own factor, as if it were alone, 1 - lr lam/(d ||u||): solve for the length of x.": (
                lambda u, d, lr, lam: u * np.maximum(1 - lr * lam / (d * max(float(np.linalg.norm(u)), 1e-300)), 0)
            ),
            "the learning rate is missing: the square is divided by it.": lambda u, d, lr, lam: _group(u, d, 1.0, lam),
            "x is right up to a factor d: after n, is u multiplied by d in the numerator?": lambda u, d, lr, lam: (
                _group(u, d, lr, lam) / d
            ),
            "d is on the wrong side of the fraction line: a larger d makes an entry shrink less.": lambda u, d, lr, lam: _group(
                u, 1 / d, lr, lam
            ),
            "the group is kept where it should be 0, or is 0 where it should be kept: the test is on the length of d u.": (
                lambda u, d, lr, lam: np.zeros_like(u) if np.linalg.norm(u) <= lr * lam else _group(u, d, lr, lam)
            ),
            "a kept group has to shrink: you return u itself.": lambda u, d, lr, lam: (
                np.zeros_like(u) if np.linalg.norm(d * u) <= lr * lam else u
            ),
            "that is block soft thresholding with the largest d: each entry has its own.": lambda u, d, lr, lam: _block(
                u, lr * lam / d.max()
            ),
            "you shorten d u and divide by d afterwards: then all entries shrink by the same factor.": lambda u, d, lr, lam: (
                _block(d * u, lr * lam) / d
            ),
            "one step from the length of u is not yet the length of x: go on until n stands still.": _after_one_step,
            "lam is the price of length already: do not multiply it by the root of the group's size.": lambda u, d, lr, lam: (
                _group(u, d, lr, lam * float(np.sqrt(u.size)))
            ),
        },
    ),
)
