"""Max-pooling: each window gives its largest entry, and only that entry hears back.

    y[c, p, q, n] = max over r, s of x[c, p*stride + r, q*stride + s, n],   x padded with -infinity

At a tie the gradient goes to the first maximum in row-major order, here, in naive.py and on every array module. (Padding
with zeros instead would let the border win over negative inputs.)
"""

from collections.abc import Mapping
from typing import Any

from minisgl.backend import Array, get_array_module
from minisgl.nn.im2col import output_size, pad, require_stride_and_padding, windows
from minisgl.nn.layers import ParameterFree
from minisgl.nn.workspace import Workspace


class MaxPool2d(ParameterFree):
    """Max-pooling with a square kernel; the stride defaults to the kernel. 0 <= padding < kernel."""

    def __init__(self, kernel: int, stride: int | None = None, padding: int = 0) -> None:
        self.kernel, self.stride, self.padding = kernel, kernel if stride is None else stride, padding
        require_stride_and_padding(self.stride, padding)
        if padding >= kernel:
            raise ValueError(f"a pooling of kernel {kernel} cannot have padding {padding}: a window would be all padding")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ValueError(f"a pooling wants maps (C, H, W), and got {shape}")
        C, H, W = shape
        P = output_size(H, self.kernel, self.stride, self.padding)
        Q = output_size(W, self.kernel, self.stride, self.padding)
        return C, P, Q

    def _pixels(self) -> list[tuple[int, int]]:
        return [(r, s) for r in range(self.kernel) for s in range(self.kernel)]  # row-major

    def forward(self, x: Array, workspace: Workspace | None = None) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        xp = get_array_module(x)
        C, P, Q = self.output_shape(x.shape[:3])
        padded = pad(x, self.padding, float("-inf"), ws, self)  # (C, H+2pad, W+2pad, N)
        y = ws.array(self, "y", (C, P, Q, x.shape[3]), x)
        # the maximum over a window is a running maximum over kernel^2 strided views of the whole batch
        for i, pixel in enumerate(self._pixels()):
            view = windows(padded, pixel, self.stride, (P, Q))  # (C, P, Q, N)
            if i == 0:
                y[...] = view
            else:
                xp.maximum(y, view, out=y)
        return y, (padded, y, ws)

    def backward(
        self, dy: Array, cache: Any, out: Mapping[str, Array] | None = None, input_gradient: bool = True
    ) -> tuple[Array, Mapping[str, Array]]:
        padded, y, ws = cache
        xp = get_array_module(dy)
        P, Q = y.shape[1:3]
        dx = ws.array(self, "dx", padded.shape, dy)
        dx.fill(0)  # windows may overlap, and may leave the last rows and columns uncovered
        waiting = ws.array(self, "waiting", y.shape, dy, bool)  # this window's maximum has not been met yet
        waiting.fill(True)
        is_first = ws.array(self, "is_first", y.shape, dy, bool)
        share = ws.array(self, "share", y.shape, dy)
        for pixel in self._pixels():
            xp.equal(windows(padded, pixel, self.stride, (P, Q)), y, out=is_first)  # (C, P, Q, N)
            is_first &= waiting
            waiting ^= is_first
            windows(dx, pixel, self.stride, (P, Q))[...] += xp.multiply(dy, is_first, out=share)
        inner = slice(self.padding, -self.padding) if self.padding else slice(None)
        return dx[:, inner, inner], {}  # (C, H, W, N)
