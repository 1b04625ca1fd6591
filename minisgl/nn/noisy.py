"""Layers whose weights are Gaussian, with a mean and a variance each: in training their outputs are drawn.

    y ~ N(W x + bias, S (x * x)),   S = sigma^2 of each weight:     y = W x + bias + sqrt(S (x * x)) * noise,   noise ~ N(0, 1)

This is the distribution of each output if the weights are drawn anew for every image. Drawing the outputs instead takes fewer
random numbers, and the gradients vary less (local reparametrisation). With v = S (x * x):

    dv = dy noise / (2 sqrt(v)),   dW = dy x^T,   d log S = S (dv (x * x)^T),   dx = W^T dy + 2 x * (S^T dv)

For a convolution, x are the columns of im2col. Where v = 0 there is no noise and dv = 0. In evaluation y is computed from the
means alone. The noise is drawn on the host from the generator that is passed to forward, as dropout's mask is.

Source: Kingma, Salimans, Welling, "Variational dropout and the local reparameterization trick", NIPS 2015, arXiv 1506.02557.
"""

from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.kernels import has_kernels
from minisgl.nn.conv import Conv2d
from minisgl.nn.im2col import GATHER_COLUMNS, GATHER_PIXELS, col2im, im2col
from minisgl.nn.layer import Gradients, gradients
from minisgl.nn.layers import Linear
from minisgl.nn.parameters import Parameter
from minisgl.nn.sums import sum_rows
from minisgl.nn.workspace import Workspace

LOG_VARIANCE = "log_variance"  # the parameter's key
START = -8.0  # log sigma^2 at first: sigma is then 0.02


def initial(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Initial log variances."""
    return np.full(shape, START)


def noisy_product(weight: Array, variance: Array, x: Array, noise: Array) -> tuple[Array, Array]:
    """Return y = weight x + sqrt(v) * noise, v = variance (x * x), and dy/dv, both (K, M). weight (K, D), x (D, M)."""
    xp = get_array_module(x)
    deviation = xp.sqrt(variance @ (x * x))
    is_noisy = deviation > np.finfo(deviation.dtype).tiny
    return weight @ x + deviation * noise, 0.5 * noise / xp.where(is_noisy, deviation, xp.inf)


def noisy_product_backward(dy: Array, weight: Array, variance: Array, x: Array, slope: Array) -> tuple[Array, Array, Array]:
    """Return the derivatives by weight (K, D), log variance (K, D) and x (D, M), for dy (K, M) and slope = dy/dv (K, M)."""
    dv = dy * slope
    return dy @ x.T, variance * (dv @ (x * x).T), weight.T @ dy + 2 * x * (variance.T @ dv)


def _noise(y_shape: tuple[int, ...], like: Array, rng: np.random.Generator | None) -> Array:
    """Draw one number for each output. ValueError without an rng."""
    if rng is None:
        raise ValueError("a noisy layer needs a generator in training: forward(x, training=True, rng=...)")
    drawn = rng.standard_normal(y_shape, np.float32).astype(like.dtype)
    return to_device(drawn, get_array_module(like))


class NoisyLinear(Linear):
    """A linear layer with Gaussian weights: weight (D_out, D_in) has their means, log_variance (D_out, D_in) log sigma^2."""

    random = True

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.parameters = (*self.parameters, Parameter(LOG_VARIANCE, self.weight_shape, "free", initial))
        self.log_variance: Array = None

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        """ValueError in training without an rng."""
        if not training:
            return super().forward(x, workspace)
        variance = get_array_module(x).exp(self.log_variance)
        noise = _noise((len(self.weight), x.shape[1]), x, rng)
        y, slope = noisy_product(self.weight, variance, x, noise)  # (D_out, N)
        y += self.bias[:, None]
        return y, (variance, x, slope)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        if len(cache) == 2:  # of evaluation
            return super().backward(dy, cache, out, input_gradient)
        grads = gradients(self, out)
        grads["weight"][...], grads[LOG_VARIANCE][...], dx = noisy_product_backward(dy, self.weight, *cache)
        sum_rows(dy, out=grads["bias"])
        return dx if input_gradient else None, grads


class NoisyConv2d(Conv2d):
    """A convolution with Gaussian weights: weight (K, C, R, S) has their means, log_variance (K, C, R, S) log sigma^2."""

    random = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.parameters = (*self.parameters, Parameter(LOG_VARIANCE, self.weight_shape, "free", initial))
        self.log_variance: Array = None

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        """ValueError in training without an rng."""
        if not training:
            return super().forward(x, workspace)
        K, P, Q = self.output_shape(x.shape[:3])
        N = x.shape[3]
        columns = self._padded_columns(x, (P, Q))  # (CRS, PQN)
        variance = get_array_module(x).exp(self.log_variance).reshape(K, -1)
        noise = _noise((K, P * Q * N), x, rng)
        y, slope = noisy_product(self.weight.reshape(K, -1), variance, columns, noise)  # (K, PQN)
        if self.has_bias:
            y += self.bias[:, None]
        return y.reshape(K, P, Q, N), (x.shape, variance, columns, slope)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        if len(cache) == 2:  # of evaluation
            return super().backward(dy, cache, out, input_gradient)
        x_shape, *rest = cache
        grads, K, dy2 = gradients(self, out), len(dy), dy.reshape(len(dy), -1)  # (K, PQN)
        dweight, dlog, dcolumns = noisy_product_backward(dy2, self.weight.reshape(K, -1), *rest)
        grads["weight"][...], grads[LOG_VARIANCE][...] = dweight.reshape(self.weight_shape), dlog.reshape(self.weight_shape)
        if self.has_bias:
            sum_rows(dy2, out=grads["bias"])
        if not input_gradient:
            return None, grads
        return self._pixels(dcolumns.reshape(*self.weight_shape[1:], *dy.shape[1:]), x_shape), grads

    def _padded_columns(self, x: Array, size: tuple[int, int]) -> Array:
        """Return the size = (P, Q) windows of x (C, H, W, N), padded with zeros, as columns (C R S, P Q N)."""
        xp, (C, H, W, N), p = get_array_module(x), x.shape, self.padding
        columns = xp.empty((C, *self.kernel, *size, N), x.dtype)
        if has_kernels(x):
            GATHER_COLUMNS(x, *self._sizes(x.shape), out=columns)
        else:
            padded = xp.zeros((C, H + 2 * p, W + 2 * p, N), x.dtype)
            padded[:, p : p + H, p : p + W] = x
            im2col(padded, self.kernel, self.stride, out=columns)
        return columns.reshape(C * self.kernel[0] * self.kernel[1], -1)

    def _pixels(self, dcolumns: Array, shape: tuple[int, ...]) -> Array:
        """Return dx, of shape (C, H, W, N), for dcolumns (C, R, S, P, Q, N)."""
        xp, (C, H, W, N), p = get_array_module(dcolumns), shape, self.padding
        if has_kernels(dcolumns):
            dx = xp.empty(shape, dcolumns.dtype)
            GATHER_PIXELS(dcolumns, *self._sizes(shape), out=dx)
            return dx
        padded = col2im(dcolumns, self.stride, out=xp.empty((C, H + 2 * p, W + 2 * p, N), dcolumns.dtype))
        return xp.ascontiguousarray(padded[:, p : p + H, p : p + W])
