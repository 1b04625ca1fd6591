"""Batch normalisation: each channel is shifted and scaled to mean 0 and variance 1, then to a mean and scale that are trained.

With the m = H W N numbers of one channel in the batch, in training:

    mu = mean of x,   s2 = mean of (x - mu)^2,   z = (x - mu) / sqrt(s2 + eps),   y = gamma z + beta

Backward. With dz = gamma dy, every x also changes mu and s2, and these change every z. The chain rule gives

    dx = (dz - mean of dz - z * mean of (dz z)) / sqrt(s2 + eps),      dgamma = sum of dy z,      dbeta = sum of dy

This removes from dz its mean and its component along z: if a whole channel of x is shifted or scaled, y does not change.

If a ReLU follows directly, this layer computes the ReLU and its gradient too, while a channel is in the core's cache (fusion.py
sets `takes_relu`). norm_kernels.py has the same for a GPU.

In evaluation mu and s2 are running means over the steps (parameters.py), and the layer is a scale and a shift. The running
variance is that of the unbiased estimate, s2 m / (m - 1), as in PyTorch. A batch that is computed in shards is normalised shard
by shard: each shard has its own mu and s2, and the running means move towards their average, weighted by the shards' sizes.

Source: Ioffe, Szegedy, "Batch normalization", ICML 2015.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minisgl.backend import Array, block_size, get_array_module, row_blocks
from minisgl.kernels import has_kernels
from minisgl.nn import norm_kernels
from minisgl.nn.layer import Gradients, Layer, gradients, require_sizes
from minisgl.nn.layers import positive_part
from minisgl.nn.parameters import Parameter
from minisgl.nn.workspace import Workspace

BLOCK_SIZE = 65_536  # numbers, 256 KiB in float32: a few channels stay in a core's cache while they are processed


def zeros(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Initial shifts and running means."""
    return np.zeros(shape)


def ones(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Initial scales and running variances."""
    return np.ones(shape)


class BatchNorm2d(Layer):
    """Batch normalisation of maps (C, H, W, N), channel by channel. weight is gamma (C,), bias is beta (C,), eps > 0.

    running_mean and running_var (C,) are buffers, used in evaluation.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        require_sizes("batch normalisation", channels=channels)
        if not 0 < eps < 1:
            raise ValueError(f"batch normalisation needs an eps above 0 and below 1, but got {eps}")
        self.channels, self.eps = int(channels), float(eps)
        shape = (self.channels,)
        self.parameters = (
            Parameter("weight", shape, "free", ones),
            Parameter("bias", shape, "free", zeros),
            Parameter("running_mean", shape, "buffer", zeros),
            Parameter("running_var", shape, "buffer", ones),
        )
        self.takes_relu = False
        self.weight: Array = None
        self.bias: Array = None
        self.running_mean: Array = None
        self.running_var: Array = None

    def settings(self) -> dict[str, Any]:
        return {"channels": self.channels, "eps": self.eps}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3 or shape[0] != self.channels:
            raise ValueError(f"batch normalisation of {self.channels} channels needs (C, H, W), but got {shape}")
        return shape

    def scale_and_shift(self, dtype: DTypeLike | None = None) -> tuple[Array, Array]:
        """Return scale and shift, both (C,), of y = scale * x + shift, the layer in evaluation. dtype: that of the result."""
        own = (self.weight, self.bias, self.running_mean, self.running_var)
        gamma, beta, mean, variance = (a.astype(dtype or a.dtype, copy=False) for a in own)
        scale = gamma / get_array_module(gamma).sqrt(variance + self.eps)
        return scale, beta - scale * mean

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws, mean, variance = workspace or Workspace(), self.running_mean, self.running_var
        if training:
            mean, variance = (ws.array(self, role, (self.channels,), x) for role in ("mean", "variance"))
        y, relu = self.y_array(ws, x.shape, x), self.takes_relu and workspace is not None
        cache = x, mean, variance, training, y, relu, ws
        self._write_output(cache, measure=training)
        return y, cache

    def recompute(self, cache: Any) -> None:
        if self.y_owner is not None:
            self._write_output(cache, measure=False)

    def _write_output(self, cache: Any, measure: bool) -> None:
        """Write y; measure: also the batch's mean and variance, which y is computed from."""
        x, mean, variance, training, y, relu, ws = cache
        if training and has_kernels(x):
            norm_kernels.write_output(self, cache, measure)
            return
        xp, C = get_array_module(x), self.channels
        x2, y2 = x.reshape(C, -1), y.reshape(C, -1)  # (C, m), m = H W N
        if not training:
            scale, shift = self.scale_and_shift()
            xp.multiply(x, scale[:, None, None, None], out=y)
            y += shift[:, None, None, None]
            if relu:
                positive_part(y, ws)
            return
        for c in row_blocks(C, x.size, block_size(x, BLOCK_SIZE)):
            if measure:
                mean[c] = xp.einsum("cm->c", x2[c]) / x2.shape[1]  # (c,): a plain sum, for which einsum is faster than sum
            xp.subtract(x2[c], mean[c, None], out=y2[c])  # (c, m), in cache until the block is done
            if measure:
                variance[c] = row_products(y2[c], y2[c]) / x2.shape[1]  # (c,)
            y2[c] *= (self.weight[c] / xp.sqrt(variance[c] + self.eps))[:, None]
            y2[c] += self.bias[c, None]
            if relu:
                positive_part(y[c], ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        x, mean, variance, training, y, relu, ws = cache
        grads, xp = gradients(self, out), get_array_module(dy)
        C, m = self.channels, x.size // self.channels
        x2, dy2 = x.reshape(C, -1), dy.reshape(C, -1)  # (C, m)
        dx = self.dx_array(ws, dy.shape, dy)
        if training and has_kernels(dy):
            norm_kernels.backward(self, dy, cache, grads, dx if input_gradient else None)
            return dx if input_gradient else None, grads
        dx2 = dx.reshape(C, -1)
        for c in row_blocks(C, x.size, block_size(x, BLOCK_SIZE)):
            dy_c = dy2[c]  # (c, m)
            if relu:
                is_positive = xp.greater(y.reshape(C, -1)[c], 0, out=ws.scratch("is_positive", dy_c.shape, dy, bool))
                dy_c = xp.multiply(dy_c, is_positive, out=ws.scratch("dy of a block", dy_c.shape, dy))
            deviation = xp.sqrt(variance[c] + self.eps)  # (c,)
            centred = xp.subtract(x2[c], mean[c, None], out=dx2[c])  # (c, m) = z * deviation; becomes dx in place
            dgamma = grads["weight"][c] = row_products(dy_c, centred) / deviation  # (c,)
            dbeta = grads["bias"][c] = xp.einsum("cm->c", dy_c)  # (c,)
            if not input_gradient:
                continue
            if training:
                centred *= (-dgamma / (m * deviation))[:, None]
                centred += dy_c
                centred -= dbeta[:, None] / m
            else:
                centred[...] = dy_c
            centred *= (self.weight[c] / deviation)[:, None]
        for key, value in self.statistics(cache).items():
            grads[key][...] = value
        return dx if input_gradient else None, grads

    def statistics(self, cache: Any) -> dict[str, Array]:
        """Return a pass's statistics by the buffers' keys, (C,) each: in training those of its batch, else the buffers."""
        x, mean, variance, training, *_ = cache
        m = x.size // self.channels
        return {"running_mean": mean, "running_var": variance * (m / max(m - 1, 1)) if training else variance}


def row_products(a: Array, b: Array) -> Array:
    """Return the sum of a b over each row, (c,): as products (1, m) @ (m, 1), which are three times as fast as einsum."""
    return get_array_module(a).matmul(a[:, None, :], b[:, :, None])[:, 0, 0]
