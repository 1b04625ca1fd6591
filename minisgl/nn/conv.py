"""Convolution: each output channel slides its own kernel over all input channels.

    y[k, p, q, n] = bias[k] + sum over c, r, s of weight[k, c, r, s] * x[c, p*stride + r, q*stride + s, n],   x zero-padded

Several algorithms compute it. Their results differ only by rounding:

    im2col.py, im2col_strips.py             one matrix product, or one for each strip of rows
    winograd.py, winograd_strips.py         fewer multiplications, where that is faster
    im2col_pooled.py, winograd_pooled.py    in training, together with the max-pooling after it

On a GPU it is always one matrix product, since the others need more launches. reference.py has the loops that define it.
"""

from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.kernels import has_kernels
from minisgl.nn import im2col_pooled, im2col_strips, winograd, winograd_pooled, winograd_strips
from minisgl.nn.im2col import GATHER_COLUMNS, GATHER_PIXELS, col2im, im2col, output_size, require_stride_and_padding
from minisgl.nn.layer import Gradients, Layer, gradients, is_fused, require_sizes
from minisgl.nn.parameters import weight_and_bias
from minisgl.nn.pooling import MaxPool2d
from minisgl.nn.sums import sum_rows
from minisgl.nn.workspace import KEPT, Workspace

Algorithm = Literal["auto", "im2col", "winograd"]


class Conv2d(Layer):
    """A convolution with the same stride and padding in both directions. weight (K, C, R, S), bias (K,), or none.

    A unit is an output channel (axis 0). algorithm: "auto" chooses Winograd's for 5 x 5 kernels, stride 1 and at least 8 input
    channels, where it is faster, else im2col. ValueError for an impossible stride, padding or algorithm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int = 0,
        *,
        bias: bool = True,
        algorithm: Algorithm = "auto",
    ) -> None:
        require_stride_and_padding(stride, padding)
        R, S = (kernel, kernel) if isinstance(kernel, int) else kernel
        require_sizes("a convolution", in_channels=in_channels, out_channels=out_channels, kernel_height=R, kernel_width=S)
        self.kernel, self.stride, self.padding, self.algorithm = (int(R), int(S)), stride, padding, algorithm
        if algorithm not in get_args(Algorithm):
            raise ValueError(f"a convolution's algorithm must be one of {', '.join(get_args(Algorithm))}, but is {algorithm}")
        if algorithm == "winograd":
            winograd.require_possible(self.kernel, stride)
        winograd_is_faster = self.kernel == (5, 5) and stride == 1 and in_channels >= 8
        self.uses_winograd = algorithm == "winograd" or (algorithm == "auto" and winograd_is_faster)
        self.weight_shape: tuple[int, ...] = tuple(map(int, (out_channels, in_channels, R, S)))
        self.parameters = weight_and_bias(self.weight_shape, unit_axis=0, bias=bias)
        self.has_bias = bool(bias)
        self.takes_pool: MaxPool2d | None = None  # fusion.py
        self.weight: Array = None
        self.bias: Array = None

    def settings(self) -> dict[str, Any]:
        K, C, R, S = self.weight_shape
        window = {"kernel": [R, S], "stride": self.stride, "padding": self.padding}
        bias = {} if self.has_bias else {"bias": False}  # files of networks with biases keep their bytes
        return {"in_channels": C, "out_channels": K, **window, **bias, "algorithm": self.algorithm}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        K, C, R, S = self.weight_shape
        if len(shape) != 3 or shape[0] != C:
            raise ValueError(f"a convolution {K}x{C}x{R}x{S} needs {C} input channels, (C, H, W), but got {shape}")
        P = output_size(shape[1], R, self.stride, self.padding)
        Q = output_size(shape[2], S, self.stride, self.padding)
        return K, P, Q

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        K, P, Q = self.output_shape(x.shape[:3])
        pool = self.takes_pool if is_fused(x, workspace, training) else None
        if method := self._pooled_method() if pool else self._method(x, P):
            y, cache = method.forward(self, x, pool.output_shape((K, P, Q))[1:] if pool else (P, Q), ws)
            return y, (method, cache)
        xp = get_array_module(x)
        C, N, (R, S) = x.shape[0], x.shape[3], self.kernel
        columns, is_kept = self._columns(x, (P, Q), ws)  # (C, R, S, P, Q, N)
        y = self.y_array(ws, (K, P, Q, N), x)
        # (K, PQN) = (K, CRS) @ (CRS, PQN)
        xp.matmul(self.weight.reshape(K, -1), columns.reshape(C * R * S, -1), out=y.reshape(K, -1))
        if self.has_bias:
            y += self.bias[:, None, None, None]
        return y, (None, (x, columns if is_kept else None, ws))

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        grads = gradients(self, out)
        method, cache = cache
        if method:
            return method.backward(self, dy, cache, grads, input_gradient), grads
        x, columns, ws = cache
        xp = get_array_module(dy)
        K, C, R, S = self.weight_shape
        if columns is None:
            columns, _ = self._columns(x, dy.shape[1:3], ws)
        dy2 = dy.reshape(K, -1)  # (K, PQN)
        columns2 = columns.reshape(C * R * S, -1)  # (CRS, PQN)
        # y = weight @ columns + bias  =>  dweight = dy @ columns^T, dbias = row sums of dy, dcolumns = weight^T @ dy
        xp.matmul(dy2, columns2.T, out=grads["weight"].reshape(K, -1))  # (K, CRS)
        if self.has_bias:
            sum_rows(dy2, out=grads["bias"])  # (K,)
        if not input_gradient:
            return None, grads
        if self._is_pointwise():
            dx = self.dx_array(ws, x.shape, dy)
            xp.matmul(self.weight.reshape(K, -1).T, dy2, out=dx.reshape(C, -1))
            return dx, grads
        # (C, R, S, P, Q, N), in the memory of columns that were not kept: they are not needed any more
        dcolumns = ws.scratch("columns", columns.shape, dy)
        xp.matmul(self.weight.reshape(K, -1).T, dy2, out=dcolumns.reshape(C * R * S, -1))
        dx = self.dx_array(ws, x.shape, dy)
        if has_kernels(dy):
            GATHER_PIXELS(dcolumns, *self._sizes(x.shape), out=dx)
            return dx, grads
        return col2im(dcolumns, self.stride, out=dx), grads

    def _is_pointwise(self) -> bool:
        """Whether every window is one pixel and every pixel a window: then the image itself is the matrix of its columns."""
        return self.kernel == (1, 1) and (self.stride, self.padding) == (1, 0)

    def _columns(self, x: Array, size: tuple[int, int], ws: Workspace) -> tuple[Array, bool]:
        """Return the size = (P, Q) windows of x (C, H, W, N) as columns (C, R, S, P, Q, N), and whether they are kept."""
        if self._is_pointwise():
            return x[:, None, None], True  # (C, 1, 1, H, W, N)
        columns, is_kept = ws.kept_if_small(self, "columns", (x.shape[0], *self.kernel, *size, x.shape[3]), x)
        if has_kernels(x):
            GATHER_COLUMNS(x, *self._sizes(x.shape), out=columns)
            return columns, is_kept
        return im2col(x, self.kernel, self.stride, out=columns), is_kept

    def _sizes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the kernels' numbers for an input (C, H, W, N)."""
        (_, H, W, N), (_, P, Q) = shape, self.output_shape(shape[:3])
        return H, W, *self.kernel, P, Q, N, self.stride, self.padding

    def _method(self, x: Array, P: int) -> ModuleType | None:
        """Return the module that computes P rows of outputs from x (C, H, W, N); None: this one, by im2col of a whole batch."""
        if has_kernels(x):
            return None
        if not self.uses_winograd:
            return im2col_strips if self.stride > 1 or self.padding > 0 else None
        is_large = P > 2 * winograd.TILE or winograd.tile_bytes(self, x) > KEPT
        return winograd_strips if is_large else winograd

    def can_take(self, pool: MaxPool2d) -> bool:
        """Whether the convolution is faster together with this max-pooling of its output."""
        halves = (pool.kernel, pool.stride, pool.padding) == (2, 2, 0)
        return halves and self.kernel == (5, 5) and (self.stride, self.padding) == (1, 0)

    def _pooled_method(self) -> ModuleType:
        """Return the module that computes the convolution together with the pooling after it."""
        return winograd_pooled if self.uses_winograd else im2col_pooled
