"""What indexed kernels compute, in NumPy: by the kernel's name, a function of its arguments that writes its outputs."""

from collections.abc import Callable

from minisgl.nn.loss import per_image


def cross_entropy(*, logits, labels, D, N, scale, smoothing, loss, gradient):
    """The loss of each image and the gradient, (D, N), by the array code."""
    loss[...], slopes = per_image(logits.T, labels, float(smoothing))
    gradient[...] = slopes.T * scale


def wrong(*, logits, labels, D, N, wrong):
    """Whether the largest logit of each image is elsewhere than at its label."""
    wrong[...] = logits.argmax(axis=0) != labels


TWINS: dict[str, Callable[..., None]] = {"softmax_cross_entropy": cross_entropy, "wrong": wrong}
