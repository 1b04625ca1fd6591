"""Known mistakes in the gradient of the mean cross-entropy with respect to the logits, each by the sentence that names it."""

from collections.abc import Callable

import numpy as np

from minisgl.course.checks.cross_entropy import onehot, overflowing_softmax, softmax


def _shifted_by_the_largest_of_all(logits: np.ndarray) -> np.ndarray:
    return overflowing_softmax(logits - logits.max())


def _columns_of_all_labels(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    p = softmax(z)
    p[:, t] -= 1
    return p


LOSS_GRADIENT: dict[str, Callable[..., np.ndarray]] = {
    "the loss is a mean over the images: yours is the gradient of their sum.": lambda z, t: softmax(z) - onehot(z, t),
    "right, but it overflows: exp(1000) is infinite. What can be taken from a row of logits without changing p?": (
        lambda z, t: (overflowing_softmax(z) - onehot(z, t)) / len(z)
    ),
    "of the sum over the images, not of their mean, and it overflows for large logits.": lambda z, t: (
        overflowing_softmax(z) - onehot(z, t)
    ),
    "one number is subtracted from all rows: the row with the small logits then has only zeros to divide.": (
        lambda z, t: (_shifted_by_the_largest_of_all(z) - onehot(z, t)) / len(z)
    ),
    "these are the probabilities: where does the true class come in?": lambda z, t: softmax(z) / len(z),
    "the sign: it is the wrong logits that make the loss rise.": lambda z, t: (onehot(z, t) - softmax(z)) / len(z),
    "the logits themselves are compared with the truth: first turn them into probabilities.": lambda z, t: (
        (z - onehot(z, t)) / len(z)
    ),
    "a mean over all N D numbers: the loss is the mean of N.": lambda z, t: (softmax(z) - onehot(z, t)) / z.size,
    "the probabilities of one class add up to 1 over the images: it should be those of one image, over the classes.": (
        lambda z, t: (softmax(z.T).T - onehot(z, t)) / len(z)
    ),
    "only the true class gets a gradient: every other logit is in the denominator, too.": lambda z, t: (
        (softmax(z) - 1) * onehot(z, t) / len(z)
    ),
    "that is the slope of -log p as a function of p, -1/p. How do the logits change p?": lambda z, t: (
        -onehot(z, t) / softmax(z) / len(z)
    ),
    "that is -1/p for every class. Only that of the true class is in the loss, and p is not the logit.": lambda z, t: (
        -1 / softmax(z) / len(z)
    ),
    "p (1 - p) is how one p changes with its own logit. How does -log p change, and with the other logits?": lambda z, t: (
        softmax(z) * (1 - softmax(z)) / len(z)
    ),
    "1 is subtracted in the columns of all labels, for every image: p[:, labels] is not one entry of each row.": lambda z, t: (
        _columns_of_all_labels(z, t) / len(z)
    ),
    "at the true class you have -1, without its probability.": lambda z, t: (
        (softmax(z) * (1 - onehot(z, t)) - onehot(z, t)) / len(z)
    ),
    "you divide by the number of classes. The loss is a mean over something else.": lambda z, t: (
        (softmax(z) - onehot(z, t)) / z.shape[1]
    ),
}
