"""The tasks of chapter 04: the proximal operator, soft thresholding."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import hard, soft

THRESHOLDS = (0.5, 1.0, 0.125, 0.0, 2.0)


def _with_thresholds() -> Iterator[Inputs]:
    for v in arrays():
        for t in THRESHOLDS:
            yield {"v": v, "t": t}


def _proximal_gradient_step_inputs() -> Iterator[Inputs]:
    for w in arrays():
        gradient = np.roll(w, 1)[..., ::-1] + w.dtype.type(0.5)
        for lr, lam in ((0.5, 1.0), (0.25, 0.5), (2.0, 0.25), (0.5, 0.0)):
            yield {"w": w, "gradient": gradient, "lr": lr, "lam": lam}


TASKS = (
    Task(
        signature="soft_threshold(v, t)",
        asks="argmin over x of t |x| + (x - v)^2/2, entry by entry; v of any shape, t >= 0.",
        inputs=_with_thresholds,
        reference=lambda v, t: best_x(lambda x: t * np.abs(x), v),
        exact_zeros=True,
        mistakes={
            "the sign is lost: a negative v has a negative x.": lambda v, t: np.maximum(np.abs(v) - t, 0),
            "small entries come out on the other side of zero: what is left when |v| is less than t?": lambda v, t: (
                np.sign(v) * (np.abs(v) - t)
            ),
            "the large entries are not shrunk; |x| costs t for every unit of size, for large entries too.": lambda v, t: (
                np.where(np.abs(v) > t, v, 0)
            ),
            "only the positive entries are right: negative ones are mirror images, not zero.": lambda v, t: np.maximum(
                v - t, 0
            ),
            "negative entries grow in size instead of shrinking: for them, towards zero is up.": lambda v, t: np.where(
                np.abs(v) > t, v - t, 0
            ),
            "you shrink by half of t: differentiate (x - v)^2/2 once more.": lambda v, t: (
                np.sign(v) * np.maximum(np.abs(v) - t / 2, 0)
            ),
            "t is subtracted from every entry: for a negative one, towards zero is up, and none may cross zero.": lambda v, t: (
                v - t
            ),
            "that is what v loses, v - x.": lambda v, t: np.clip(v, -t, t),
            "the entries that are not larger than t stay as they are. Where does shrinking by t take them?": lambda v, t: (
                np.where(np.abs(v) > t, soft(v, t), v)
            ),
            "the large entries grow by t: a penalty pulls towards zero.": lambda v, t: np.where(
                np.abs(v) > t, v + t * np.sign(v), 0
            ),
        },
    ),
    Task(
        signature="ridge_prox(v, t)",
        asks="argmin over x of t x^2/2 + (x - v)^2/2, entry by entry; v of any shape, t >= 0.",
        inputs=_with_thresholds,
        reference=lambda v, t: best_x(lambda x: t * x**2 / 2, v),
        mistakes={
            "that is a gradient step: it takes the slope t v where you start. The prox has the slope t x where it arrives.": (
                lambda v, t: v - t * v
            ),
            "there is a 2 too many: the penalty is t x^2/2, and its slope t x.": lambda v, t: v / (1 + 2 * t),
            "that is the soft threshold, the prox of t |x|. This penalty has another slope.": lambda v, t: (
                v - np.clip(v, -t, t)
            ),
            "your x is further from zero than v: a penalty pulls towards zero.": lambda v, t: v * (1 + t),
            "a sign is wrong: which x makes the slope t x + (x - v) zero?": lambda v, t: v / (1 - t),
            "half of t is lost: what is the slope of t x^2/2?": lambda v, t: v / (1 + t / 2),
            "that is what v loses, v - x.": lambda v, t: t * v / (1 + t),
        },
    ),
    Task(
        signature="proximal_gradient_step(w, gradient, lr, lam)",
        asks="A gradient step of length lr, then the prox of lam |x| with step lr.",
        inputs=_proximal_gradient_step_inputs,
        reference=lambda w, gradient, lr, lam: best_x(lambda x: lr * lam * np.abs(x), w - lr * gradient),
        exact_zeros=True,
        mistakes={
            "the threshold is lam. A shorter step shrinks less: what does the prox of step lr multiply?": (
                lambda w, g, lr, lam: soft(w - lr * g, lam)
            ),
            "you step uphill: a step goes against the gradient.": lambda w, g, lr, lam: soft(w + lr * g, lr * lam),
            "you threshold first and step afterwards, and the step undoes the zeros.": lambda w, g, lr, lam: (
                soft(w, lr * lam) - lr * g
            ),
            "that is a subgradient step: lam sign(w) is the slope where you start.": lambda w, g, lr, lam: (
                w - lr * (g + lam * np.sign(w))
            ),
            "the gradient does not count: you threshold w itself.": lambda w, g, lr, lam: soft(w, lr * lam),
            "your gradient step has length 1: where is lr?": lambda w, g, lr, lam: soft(w - g, lr * lam),
            "that is the gradient step alone: the prox is missing.": lambda w, g, lr, lam: w - lr * g,
            "you drop or keep, as l0 does. What does the prox of lam |x| do to what it keeps?": lambda w, g, lr, lam: hard(
                w - lr * g, lr * lam
            ),
            "your threshold grows where the step is shorter.": lambda w, g, lr, lam: soft(w - lr * g, lam / lr),
            "small entries come out on the other side of zero: where does the threshold stop them?": lambda w, g, lr, lam: (
                w - lr * g - lr * lam * np.sign(w - lr * g)
            ),
        },
    ),
)
