"""Known mistakes in the two steps of variable splitting, each by the sentence that names it."""

from collections.abc import Callable

import numpy as np

from minisgl.course.checks.thresholds import hard, soft


def lowest(v: np.ndarray, b: np.ndarray, beta: float) -> np.ndarray:
    """The w that makes ||w - b||^2/2 + beta/2 ||w - v||^2 least: the mean of b and v, with the weights 1 and beta."""
    return b / (1 + beta) + v * (beta / (1 + beta))


def _at(threshold: Callable[[float, float], float]) -> Callable[..., np.ndarray]:
    """The mistake that drops the right w at another threshold(lam, beta)."""
    return lambda v, b, lam, beta: hard(lowest(v, b, beta), threshold(lam, beta))


def _of(w: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """The mistake that drops another w(v, b, beta) at the right threshold."""
    return lambda v, b, lam, beta: hard(w(v, b, beta), np.sqrt(2 * lam / beta))


W_STEP: dict[str, Callable[..., np.ndarray]] = {
    "your spring pushes w away from v. In which direction does beta/2 ||w - v||^2 fall?": (
        lambda w, v, g, lr, beta: w - lr * (g + beta * (v - w))
    ),
    "you step uphill: a step goes against the gradient.": lambda w, v, g, lr, beta: w + lr * (g + beta * (w - v)),
    "the spring is missing: w does not depend on v.": lambda w, v, g, lr, beta: w - lr * g,
    "the loss is missing: w follows the spring alone.": lambda w, v, g, lr, beta: w - lr * beta * (w - v),
    "the spring's gradient is not multiplied by lr: it is a part of the step like the other.": (
        lambda w, v, g, lr, beta: w - lr * g - beta * (w - v)
    ),
    "your spring has half of its strength: differentiate beta/2 (w - v)^2 once more.": (
        lambda w, v, g, lr, beta: w - lr * (g + beta / 2 * (w - v))
    ),
    "your spring has twice its strength: where is the half of beta/2 (w - v)^2?": (
        lambda w, v, g, lr, beta: w - lr * (g + 2 * beta * (w - v))
    ),
    "beta does not count: a stiffer spring pulls harder.": lambda w, v, g, lr, beta: w - lr * (g + (w - v)),
    "your spring pulls w towards 0: it is fixed at v.": lambda w, v, g, lr, beta: w - lr * (g + beta * w),
    "your step starts at v. It is w that moves.": lambda w, v, g, lr, beta: v - lr * (g + beta * (w - v)),
    "the loss's gradient is not multiplied by lr: it is a part of the step like the other.": lambda w, v, g, lr, beta: (
        w - g - lr * beta * (w - v)
    ),
    "that is the change of w. Where does w come to lie?": lambda w, v, g, lr, beta: -lr * (g + beta * (w - v)),
    "the step has length 1: where is lr?": lambda w, v, g, lr, beta: w - (g + beta * (w - v)),
}

NEW_V: dict[str, Callable[..., np.ndarray]] = {
    "you threshold the old v. The V-step comes second: whose prox is it?": _of(lambda v, b, beta: v),
    "you threshold b, as if w went there: the spring holds it back.": _of(lambda v, b, beta: b),
    "your w does not notice v: the spring ties it to v, not to 0.": _of(lambda v, b, beta: b / (1 + beta)),
    "your spring pushes w away from v: look at the sign of beta (w - v).": _of(lambda v, b, beta: (b - beta * v) / (1 + beta)),
    "your w is not between b and v: collect all factors of w in (w - b) + beta (w - v) = 0.": _of(
        lambda v, b, beta: b + beta * v
    ),
    "your w is the middle of b and v, whatever beta is: a stiffer spring holds it nearer to v.": _of(
        lambda v, b, beta: (b + v) / 2
    ),
    "your V-step comes first, and w undoes its zeros: which of the two comes last?": (
        lambda v, b, lam, beta: lowest(hard(v, np.sqrt(2 * lam / beta)), b, beta)
    ),
    "you return the new w: the V-step is missing.": lambda v, b, lam, beta: lowest(v, b, beta),
    "your V-step does not know beta: with a stiffer spring a smaller w is kept. What is the step of the prox?": _at(
        lambda lam, beta: np.sqrt(2 * lam)
    ),
    "your threshold grows with beta. A stiffer spring costs more to stretch, so dropping w costs more.": _at(
        lambda lam, beta: np.sqrt(2 * lam * beta)
    ),
    "your threshold is lam/beta, which is right for l1. For l0, compare the price lam with beta w^2/2.": _at(
        lambda lam, beta: lam / beta
    ),
    "your threshold is lam. Keeping w costs lam, dropping it beta w^2/2: at which |w| are they the same?": _at(
        lambda lam, beta: lam
    ),
    "a factor 1/2 is missing under your root: the spring is beta/2 (w - v)^2.": _at(lambda lam, beta: np.sqrt(lam / beta)),
    "what you keep is shrunk. Of all x that are not 0, which has the shortest spring?": (
        lambda v, b, lam, beta: soft(lowest(v, b, beta), np.sqrt(2 * lam / beta))
    ),
    "at a tie, where both cost the same, 0 is wanted.": lambda v, b, lam, beta: np.where(
        np.abs(lowest(v, b, beta)) >= np.sqrt(2 * lam / beta), lowest(v, b, beta), 0
    ),
    "the V-step is that of l1: soft thresholding by lam/beta. What does l0 do to what it keeps?": lambda v, b, lam, beta: soft(
        lowest(v, b, beta), lam / beta
    ),
    "b and v have each other's weights in w: a stiffer spring brings w nearer to v.": _of(
        lambda v, b, beta: b * (beta / (1 + beta)) + v / (1 + beta)
    ),
    "the right entries are dropped, but what you keep is the old v.": lambda v, b, lam, beta: np.where(
        hard(lowest(v, b, beta), np.sqrt(2 * lam / beta)) != 0, v, 0
    ),
    "your threshold is 2 sqrt(lam/beta): which part of it belongs under the root?": _at(
        lambda lam, beta: 2 * np.sqrt(lam / beta)
    ),
}
