"""Average pooling: the output is the mean of each window, and every entry of the window gets an equal share of the gradient.

AvgPool2d         y[c, p, q, n] = 1/k^2 * sum over r, s < k of x[c, p*k + r, q*k + s, n]       dx = dy / k^2, copied
GlobalAvgPool2d   y[c, n]       = 1/(H W) * sum over h, w of x[c, h, w, n]                     dx = dy / (H W), copied
"""

from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.nn.im2col import output_size, windows
from minisgl.nn.layer import Gradients, Layer, require_sizes
from minisgl.nn.workspace import Workspace


class AvgPool2d(Layer):
    """The mean of square windows that do not overlap; rows and columns left over at the end are ignored, as in PyTorch."""

    def __init__(self, kernel: int) -> None:
        require_sizes("average pooling", kernel=kernel)
        self.kernel = int(kernel)

    def settings(self) -> dict[str, Any]:
        return {"kernel": self.kernel}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ValueError(f"average pooling needs maps (C, H, W), but got {shape}")
        C, H, W = shape
        return C, output_size(H, self.kernel, self.kernel, 0), output_size(W, self.kernel, self.kernel, 0)

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        C, P, Q = self.output_shape(x.shape[:3])
        y = ws.array(self, "y", (C, P, Q, x.shape[3]), x)
        y.fill(0)
        for pixel in np.ndindex(self.kernel, self.kernel):
            y += windows(x, pixel, self.kernel, (P, Q))  # (C, P, Q, N)
        y /= self.kernel**2
        return y, (x.shape, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        shape, ws = cache
        share = ws.scratch("share", dy.shape, dy)  # (C, P, Q, N)
        get_array_module(dy).divide(dy, self.kernel**2, out=share)
        dx = self.dx_array(ws, shape, dy)  # (C, H, W, N)
        dx.fill(0)  # for what is left over
        for pixel in np.ndindex(self.kernel, self.kernel):
            windows(dx, pixel, self.kernel, dy.shape[1:3])[...] = share
        return dx, {}


class GlobalAvgPool2d(Layer):
    """The mean of each map: (C, H, W, N) -> (C, N)."""

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ValueError(f"global average pooling needs maps (C, H, W), but got {shape}")
        return shape[:1]

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        y = ws.array(self, "y", (x.shape[0], x.shape[3]), x)
        return get_array_module(x).mean(x, axis=(1, 2), out=y), (x.shape, ws)  # (C, N)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        (C, H, W, N), ws = cache
        dx = self.dx_array(ws, (C, H, W, N), dy)
        share = ws.scratch("share", dy.shape, dy)  # (C, N)
        get_array_module(dy).divide(dy, H * W, out=share)
        dx[...] = share[:, None, None, :]
        return dx, {}
