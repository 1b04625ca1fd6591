"""Linear, ReLU, Flatten and Gather.

    Linear    y = weight @ x + bias            dweight = dy @ x^T,  dbias = row sums of dy,  dx = weight^T @ dy
    ReLU      y = max(x, 0)                    dx = dy where x > 0, else 0
    Flatten   maps (C, H, W) as one vector     dx = dy as maps again
    Gather    y = x[index]                     dx = dy at those entries, else 0

Shapes, image index last: maps (C, H, W, N), vectors (D, N); see minisgl.nn. reference.py has the loops that define them.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minisgl.backend import Array, get_array_module, to_device
from minisgl.kernels import Formula, has_kernels
from minisgl.nn.layer import Gradients, Layer, gradients, require_sizes
from minisgl.nn.parameters import weight_and_bias
from minisgl.nn.sums import sum_rows
from minisgl.nn.workspace import Workspace


class Linear(Layer):
    """y[:, n] = weight @ x[:, n] + bias. weight (D_out, D_in), bias (D_out,). A unit is an input neuron (axis 1)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        require_sizes("a linear layer", in_features=in_features, out_features=out_features)
        self.weight_shape: tuple[int, ...] = (int(out_features), int(in_features))
        self.parameters = weight_and_bias(self.weight_shape, unit_axis=1)
        self.weight: Array = None
        self.bias: Array = None

    def settings(self) -> dict[str, Any]:
        D_out, D_in = self.weight_shape
        return {"in_features": D_in, "out_features": D_out}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        D_out, D_in = self.weight_shape
        if shape != (D_in,):
            raise ValueError(f"a linear layer {D_out}x{D_in} needs {D_in} inputs, but got {shape}")
        return (D_out,)

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        y = ws.array(self, "y", (*self.output_shape(x.shape[:1]), x.shape[1]), x)
        get_array_module(x).matmul(self.weight, x, out=y)  # (D_out, N) = (D_out, D_in) @ (D_in, N)
        y += self.bias[:, None]
        return y, (x, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        x, ws = cache
        xp = get_array_module(dy)
        grads = gradients(self, out)
        xp.matmul(dy, x.T, out=grads["weight"])  # (D_out, D_in) = (D_out, N) @ (N, D_in)
        sum_rows(dy, out=grads["bias"])  # (D_out,)
        if not input_gradient:
            return None, grads
        dx = self.dx_array(ws, x.shape, dy)
        xp.matmul(self.weight.T, dy, out=dx)  # (D_in, N) = (D_in, D_out) @ (D_out, N)
        return dx, grads


def positive_part(x: Array, ws: Workspace, out: Array | None = None) -> Array:
    """Write max(x, 0) into out, or into x itself."""
    # NumPy's maximum is three times as fast with an array as with the number 0; a small one stays in the cache
    xp, shape = get_array_module(x), x.shape[-2:]
    zeros = ws.once("zeros", f"{shape} {x.dtype}", lambda: xp.zeros(shape, x.dtype))
    return xp.maximum(x, zeros, out=x if out is None else out)


RELU_BACKWARD = Formula("relu_backward", "T dy, T y", "T dx", "dx = dy * (y > 0);")


class ReLU(Layer):
    """y = max(x, 0), entry by entry. Its slope is 1 where x > 0 and, by convention, 0 where x <= 0."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        if self.is_taken and workspace is not None:
            return x, None
        ws = workspace or Workspace()
        overwrites = self.overwrites and workspace is not None
        y = positive_part(x, ws, out=None if overwrites else ws.array(self, "y", x.shape, x))
        return y, (y, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        if cache is None:
            return dy, {}
        y, ws = cache
        # y > 0 exactly where x > 0; dx is a separate array, since dy belongs to the caller
        dx = self.dx_array(ws, dy.shape, dy)
        if has_kernels(dy):
            RELU_BACKWARD(dy, y, out=dx)
            return dx, {}
        xp = get_array_module(dy)
        is_positive = xp.greater(y, 0, out=ws.scratch("is_positive", y.shape, y, bool))
        return xp.multiply(dy, is_positive, out=dx), {}


class Flatten(Layer):
    """(C, H, W, N) -> (C*H*W, N) in the order channel, row, column. With the image index last this copies nothing."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (prod(shape),)

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        return x.reshape(-1, x.shape[-1]), x.shape

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        return dy.reshape(cache), {}


class Gather(Layer):
    """y[j, n] = x[index[j], n]: some entries of a vector, each at most once; the gradient of the others is 0.

    index: different integers (D_out,) from 0 to D_in - 1, as an array or a list. ValueError for any other index.
    """

    def __init__(self, index: ArrayLike) -> None:
        index = np.asarray(index)
        if index.ndim != 1 or index.dtype.kind not in "iu" or np.any(index < 0) or len(np.unique(index)) != len(index):
            raise ValueError(f"Gather's index must be different integers >= 0, but is {index.dtype} {index.shape}")
        self.index = index

    def settings(self) -> dict[str, Any]:
        return {"index": self.index.tolist()}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 1 or self.index.max(initial=-1) >= shape[0]:
            raise ValueError(f"Gather's index goes up to {self.index.max(initial=-1)}, which does not fit an input {shape}")
        return self.index.shape

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        index = ws.once(self, "index", lambda: to_device(self.index, get_array_module(x)))
        return x[index], (index, x.shape, ws)  # (D_out, N)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        index, shape, ws = cache
        dx = ws.array(self, "dx", shape, dy)  # (D_in, N)
        dx.fill(0)
        dx[index] = dy
        return dx, {}
