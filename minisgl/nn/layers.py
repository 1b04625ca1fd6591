"""Convolution, linear layer, ReLU, Flatten and Gather: forward, and backward by the chain rule.

A layer is a function y = f(x; weight, bias). Its backward answers one question: if the loss changes by sum(dy * change of
y), how does it change with x, weight and bias? Every layer keeps to the same two calls:

    y, cache  = layer.forward(x)
    dx, grads = layer.backward(dy, cache)

A layer holds its shapes and its parameters, never a pass: what backward needs travels in the cache. Nothing goes stale, a
pass can be repeated, and two threads can run different images through the same layer at once.

Shapes, image index last: maps (C, H, W, N), vectors (D, N); see minisgl.nn. The slow twins are in reference.py.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, Protocol

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.nn.im2col import col2im, im2col, output_size, pad, require_stride_and_padding
from minisgl.nn.workspace import Workspace


class Layer(Protocol):
    """What Sequential asks of a layer."""

    weight_shape: tuple[int, ...]  # () for a layer without parameters
    unit_axis: int  # the axis of the weight that numbers its units
    weight: Array
    bias: Array

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one image's output, from the shape of one image's input (no N). ValueError if they don't fit."""

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        """Return the output and the cache that backward needs; buffers come from the workspace, fresh ones without it."""

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        """Return dx (None without input_gradient) and the parameters' gradients, written into `out` when given."""


def gradients(layer: Layer, out: Mapping[str, Array] | None) -> Mapping[str, Array]:
    """Where the gradients of weight and bias go: the caller's arrays, or new ones."""
    if out is not None:
        return out
    xp = get_array_module(layer.weight)
    return {"weight": xp.empty_like(layer.weight), "bias": xp.empty_like(layer.bias)}


class Conv2d:
    """y[k, p, q, n] = bias[k] + sum over c, r, s of weight[k, c, r, s] * x[c, p*stride + r, q*stride + s, n], x zero-padded.

    weight (K, C, R, S), bias (K,). A unit is an output channel (axis 0).
    """

    unit_axis = 0

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int | tuple[int, int], stride: int = 1, padding: int = 0
    ) -> None:
        require_stride_and_padding(stride, padding)
        self.kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        self.stride, self.padding = stride, padding
        self.weight_shape: tuple[int, ...] = (out_channels, in_channels, *self.kernel)
        self.weight: Array = None
        self.bias: Array = None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        K, C, R, S = self.weight_shape
        if len(shape) != 3 or shape[0] != C:
            raise ValueError(f"a convolution {K}x{C}x{R}x{S} wants {C} input channels, (C, H, W), and got {shape}")
        P = output_size(shape[1], R, self.stride, self.padding)
        Q = output_size(shape[2], S, self.stride, self.padding)
        return K, P, Q

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        xp = get_array_module(x)
        C, H, W, N = x.shape
        K, P, Q = self.output_shape((C, H, W))
        R, S = self.kernel
        padded = pad(x, self.padding, 0.0, ws, self)  # (C, H+2pad, W+2pad, N)
        columns = im2col(padded, self.kernel, self.stride, out=ws.array(self, "columns", (C, R, S, P, Q, N), x))
        y = ws.array(self, "y", (K, P, Q, N), x)
        # (K, PQN) = (K, CRS) @ (CRS, PQN)
        xp.matmul(self.weight.reshape(K, -1), columns.reshape(C * R * S, -1), out=y.reshape(K, -1))
        y += self.bias[:, None, None, None]
        return y, (columns, padded.shape, ws)

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        columns, padded_shape, ws = cache
        xp = get_array_module(dy)
        grads = gradients(self, out)
        K, C, R, S = self.weight_shape
        dy2 = dy.reshape(K, -1)  # (K, PQN)
        columns2 = columns.reshape(C * R * S, -1)  # (CRS, PQN)
        # y = weight @ columns + bias  =>  dweight = dy @ columns^T, dbias = row sums of dy, dcolumns = weight^T @ dy
        xp.matmul(dy2, columns2.T, out=grads["weight"].reshape(K, -1))  # (K, CRS)
        grads["bias"][...] = xp.einsum("kn->k", dy2)  # (K,): a plain sum, which einsum does faster than sum
        if not input_gradient:
            return None, grads
        dcolumns = ws.array(self, "dcolumns", columns.shape, dy)  # (C, R, S, P, Q, N)
        xp.matmul(self.weight.reshape(K, -1).T, dy2, out=dcolumns.reshape(C * R * S, -1))
        dx = col2im(dcolumns, self.stride, out=ws.array(self, "dx", padded_shape, dy))
        inner = slice(self.padding, -self.padding) if self.padding else slice(None)
        return dx[:, inner, inner], grads  # (C, H, W, N): what went to the padding is dropped


class Linear:
    """y[:, n] = weight @ x[:, n] + bias. weight (D_out, D_in), bias (D_out,). A unit is an input neuron (axis 1)."""

    unit_axis = 1

    def __init__(self, in_features: int, out_features: int) -> None:
        self.weight_shape: tuple[int, ...] = (out_features, in_features)
        self.weight: Array = None
        self.bias: Array = None

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        D_out, D_in = self.weight_shape
        if shape != (D_in,):
            raise ValueError(f"a linear layer {D_out}x{D_in} wants {D_in} inputs and got {shape}")
        return (D_out,)

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        y = ws.array(self, "y", (*self.output_shape(x.shape[:1]), x.shape[1]), x)
        get_array_module(x).matmul(self.weight, x, out=y)  # (D_out, N) = (D_out, D_in) @ (D_in, N)
        y += self.bias[:, None]
        return y, (x, ws)

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        x, ws = cache
        xp = get_array_module(dy)
        grads = gradients(self, out)
        xp.matmul(dy, x.T, out=grads["weight"])  # (D_out, D_in) = (D_out, N) @ (N, D_in)
        grads["bias"][...] = xp.einsum("dn->d", dy)  # (D_out,)
        if not input_gradient:
            return None, grads
        dx = ws.array(self, "dx", x.shape, dy)
        xp.matmul(self.weight.T, dy, out=dx)  # (D_in, N) = (D_in, D_out) @ (D_out, N)
        return dx, grads


class ParameterFree:
    """The half of Layer that layers without weights share."""

    weight_shape: tuple[int, ...] = ()
    unit_axis = 0
    weight: Array = None
    bias: Array = None


class ReLU(ParameterFree):
    """y = max(x, 0), entry by entry. Its slope is 1 where x > 0 and, by convention, 0 where x <= 0."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        y = get_array_module(x).maximum(x, 0, out=ws.array(self, "y", x.shape, x))
        return y, (y, ws)

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        y, ws = cache
        # y > 0 exactly where x > 0; dx is an array of its own, since dy belongs to the caller
        xp = get_array_module(dy)
        is_positive = xp.greater(y, 0, out=ws.array(self, "is_positive", y.shape, y, bool))
        return xp.multiply(dy, is_positive, out=ws.array(self, "dx", dy.shape, dy)), {}


class Flatten(ParameterFree):
    """(C, H, W, N) -> (C*H*W, N) in the order channel, row, column. With the image index last this moves nothing."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (prod(shape),)

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        return x.reshape(-1, x.shape[-1]), x.shape

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        return dy.reshape(cache), {}


class Gather(ParameterFree):
    """y[j, n] = x[index[j], n]: some entries of a vector, each at most once; what is not picked hears nothing back.

    index: integers (D_out,) from 0 to D_in - 1, no two equal. ValueError for another index.
    """

    def __init__(self, index: np.ndarray) -> None:
        if index.ndim != 1 or index.dtype.kind not in "iu" or np.any(index < 0) or len(np.unique(index)) != len(index):
            raise ValueError(f"a gathering wants different integers >= 0, and got {index.dtype} {index.shape}")
        self.index = index

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 1 or self.index.max(initial=-1) >= shape[0]:
            raise ValueError(f"a gathering up to entry {self.index.max(initial=-1)} of a vector does not fit {shape}")
        return self.index.shape

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        index = ws.once(self, "index", lambda: to_device(self.index, get_array_module(x)))
        return x[index], (index, x.shape, ws)  # (D_out, N)

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        index, shape, ws = cache
        dx = ws.array(self, "dx", shape, dy)  # (D_in, N)
        dx.fill(0)
        dx[index] = dy
        return dx, {}
