"""A convolution of one image, or of a few, and its two gradients, by the loops that define it.

Without a bias the sum of dy * y is linear in the weight, and linear in the image. So each entry of a gradient is the value of
that sum at the array that has a single 1, in the place of the entry.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minisgl.nn import reference


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """y (K, P, Q) of one image x (C, H, W), with weight (K, C, R, S) and bias (K,)."""
    return reference.conv2d(x[..., None], weight, bias)[..., 0]


def kernel_gradient(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dweight (K, C, R, S), for dy (K, P, Q, N) and x (C, H, W, N)."""
    K, P, Q, _ = dy.shape
    C, H, W, _ = x.shape
    no_bias = np.zeros(K, x.dtype)

    def loss(weight: np.ndarray) -> np.ndarray:
        return (dy * reference.conv2d(x, weight, no_bias)).sum()

    return _loss_at_every_unit(loss, (K, C, H - P + 1, W - Q + 1), x.dtype)


def input_gradient(dy: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """dx (C, H, W) of one image, for dy (K, P, Q) and weight (K, C, R, S)."""
    K, P, Q = dy.shape
    _, C, R, S = weight.shape
    no_bias = np.zeros(K, dy.dtype)

    def loss(x: np.ndarray) -> np.ndarray:
        return (dy * reference.conv2d(x[..., None], weight, no_bias, stride)[..., 0]).sum()

    return _loss_at_every_unit(loss, (C, stride * (P - 1) + R, stride * (Q - 1) + S), dy.dtype)


def _loss_at_every_unit(loss: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The gradient, of this shape, of a linear function: its values at the arrays with a single 1."""
    gradient = np.zeros(shape, dtype)
    for index in np.ndindex(*shape):
        unit = np.zeros(shape, dtype)
        unit[index] = 1
        gradient[index] = loss(unit)
    return gradient
