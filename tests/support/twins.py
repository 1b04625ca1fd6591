"""What indexed kernels compute, in NumPy: by the kernel's name, a function of its arguments that writes its outputs.

Two reductions have twins too, because the array code sums in another order: by matrix products.
"""

from collections.abc import Callable

import numpy as np

from minisgl.nn import MaxPool2d, Workspace, im2col
from minisgl.nn.loss import per_image
from minisgl.nn.norm import row_products


def cross_entropy(*, logits, labels, D, N, scale, smoothing, loss, gradient):
    """The loss of each image and the gradient, (D, N), by the array code."""
    loss[...], slopes = per_image(logits.T, labels, float(smoothing))
    gradient[...] = slopes.T * scale


def wrong(*, logits, labels, D, N, wrong):
    """Whether the largest logit of each image is elsewhere than at its label."""
    wrong[...] = logits.argmax(axis=0) != labels


def max_pool(*, x, H, W, P, Q, N, kernel, stride, padding, y, winner):
    """The outputs, and the last pixel that was larger than all before it."""
    y[...], (overtakes, *_) = MaxPool2d(int(kernel), int(stride), int(padding)).forward(x)
    wins = np.concatenate([np.ones((1, *y.shape), bool), overtakes])
    winner[...] = len(wins) - 1 - wins[::-1].argmax(axis=0)


def max_pool_backward(*, dy, winner, H, W, P, Q, N, kernel, stride, padding, dx):
    """The gradient, by the comparisons that the winners have won."""
    padded = (len(dx), H + 2 * padding, W + 2 * padding, N)
    overtakes = np.arange(1, kernel**2).reshape(-1, 1, 1, 1, 1) == winner
    dx[...] = MaxPool2d(int(kernel), int(stride), int(padding)).backward(dy, (overtakes, padded, Workspace()))[0]


def gather_columns(*, x, H, W, R, S, P, Q, N, stride, padding, columns):
    """The columns of the padded images."""
    border = (int(padding), int(padding))
    im2col.im2col(np.pad(x, ((0, 0), border, border, (0, 0))), (R, S), stride, out=columns)


def gather_pixels(*, columns, H, W, R, S, P, Q, N, stride, padding, x):
    """The images without their padding."""
    padded = np.empty((len(x), H + 2 * padding, W + 2 * padding, N), x.dtype)
    x[...] = im2col.col2im(columns, stride, out=padded)[:, padding : padding + H, padding : padding + W]


def row_variances(*, x, mean, count, variance):
    """The mean squares of the centred rows, by matrix products."""
    centred = x - mean
    variance[...] = row_products(centred, centred)[:, None] / count


def dgamma(*, dy, y, x, mean, variance, eps, dgamma):
    """The products of dy with the centred rows, then divided."""
    dgamma[...] = row_products(dy * (y > 0), x - mean)[:, None] / np.sqrt(variance + eps)


TWINS: dict[str, Callable[..., None]] = {
    "softmax_cross_entropy": cross_entropy,
    "wrong": wrong,
    "max_pool": max_pool,
    "max_pool_backward": max_pool_backward,
    "gather_columns": gather_columns,
    "gather_pixels": gather_pixels,
    "row_variances": row_variances,
    "dgamma": dgamma,
}
