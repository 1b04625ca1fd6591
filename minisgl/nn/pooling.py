"""Max-pooling: the output is the largest entry of each window, and only that entry gets a gradient.

    y[c, p, q, n] = max over r, s of x[c, p*stride + r, q*stride + s, n],   x padded with -infinity

At a tie the gradient goes to the first maximum in row-major order, here, in reference.py and on every array module. (With
zeros as padding, the border would be larger than negative inputs.)
"""

from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Indexed, has_kernels
from minisgl.nn.im2col import PIXEL, WINDOW, output_size, pad, require_stride_and_padding, windows
from minisgl.nn.layer import Gradients, Layer, require_sizes
from minisgl.nn.workspace import Workspace

SIZES = "int32 H, int32 W, int32 P, int32 Q, int32 N, int32 kernel, int32 stride, int32 padding"
# one output for each i; winner: the number of the maximum's pixel in the window, row by row
MAX_POOL = Indexed(
    "max_pool",
    f"raw T x, {SIZES}",
    "T y, int32 winner",
    """
    int n = i % N, q = i / N % Q, p = i / N / Q % P;
    ptrdiff_t c = i / N / Q / P;
    T largest = -T(1) / T(0);
    int first = 0;
    for (int pixel = 0; pixel < kernel * kernel; ++pixel) {
        int h = p * stride - padding + pixel / kernel, w = q * stride - padding + pixel % kernel;
        if (h < 0 || h >= H || w < 0 || w >= W) continue;
        T here = x[((c * H + h) * W + w) * N + n];
        if (here > largest) first = pixel;
        if (here > largest || here != here) largest = here;
    }
    y = largest;
    winner = first;
    """,
)
# one input for each i, which gets the gradients of the windows that it has won
MAX_POOL_BACKWARD = Indexed(
    "max_pool_backward",
    f"raw T dy, raw int32 winner, {SIZES}",
    "T dx",
    f"""{PIXEL}
    for (int pixel = kernel * kernel - 1; pixel >= 0; --pixel) {{
        int top = h - pixel / kernel, left = w - pixel % kernel;
        {WINDOW}
        ptrdiff_t j = ((c * P + top / stride) * Q + left / stride) * N + n;
        if (winner[j] == pixel) sum += dy[j];
    }}
    dx = sum;
    """,
)


class MaxPool2d(Layer):
    """Max-pooling with a square kernel; the stride defaults to the kernel. 0 <= padding < kernel."""

    def __init__(self, kernel: int, stride: int | None = None, padding: int = 0) -> None:
        require_sizes("max-pooling", kernel=kernel)
        self.kernel, self.stride, self.padding = int(kernel), int(kernel) if stride is None else stride, padding
        require_stride_and_padding(self.stride, padding)
        if padding >= kernel:
            raise ValueError(f"max-pooling with kernel {kernel} cannot have padding {padding}: a window would be all padding")

    def settings(self) -> dict[str, Any]:
        return {"kernel": self.kernel, "stride": self.stride, "padding": self.padding}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise ValueError(f"max-pooling needs maps (C, H, W), but got {shape}")
        C, H, W = shape
        P = output_size(H, self.kernel, self.stride, self.padding)
        Q = output_size(W, self.kernel, self.stride, self.padding)
        return C, P, Q

    def _pixels(self) -> list[tuple[int, int]]:
        return [(r, s) for r in range(self.kernel) for s in range(self.kernel)]  # row-major

    def _sizes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the kernels' numbers for an input (C, H, W, N)."""
        (_, H, W, N), (_, P, Q) = shape, self.output_shape(shape[:3])
        return H, W, P, Q, N, self.kernel, self.stride, self.padding

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        xp = get_array_module(x)
        C, P, Q = self.output_shape(x.shape[:3])
        if has_kernels(x):
            y = ws.array(self, "y", (C, P, Q, x.shape[3]), x)
            winner = ws.array(self, "winner", y.shape, x, "int32")
            MAX_POOL(x, *self._sizes(x.shape), out=(y, winner))
            return y, (winner, x.shape, ws)
        padded = pad(x, self.padding, ws)  # (C, H+2pad, W+2pad, N)
        y = ws.array(self, "y", (C, P, Q, x.shape[3]), x)
        # a running maximum over kernel^2 strided views of the whole batch; of equal entries the first stays the maximum
        overtakes = ws.array(self, "overtakes", (self.kernel**2, *y.shape), x, bool)
        for i, pixel in enumerate(self._pixels()):
            view = windows(padded, pixel, self.stride, (P, Q))  # (C, P, Q, N)
            if i == 0:
                y[...] = view
            else:
                xp.greater(view, y, out=overtakes[i])
                xp.maximum(y, view, out=y)
        return y, (overtakes, padded.shape, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        overtakes, padded_shape, ws = cache
        if has_kernels(dy):
            winner, shape, dx = overtakes, padded_shape, self.dx_array(ws, padded_shape, dy)
            MAX_POOL_BACKWARD(dy, winner, *self._sizes(shape), out=dx)
            return dx, {}
        xp = get_array_module(dy)
        P, Q = dy.shape[1:3]
        dx = self.dx_array(ws, padded_shape, dy)
        # if the windows neither overlap nor leave a gap, each pixel is written once
        tiled = self.stride == self.kernel and padded_shape[1:3] == (P * self.stride, Q * self.stride)
        if not tiled:
            dx.fill(0)
        left = ws.scratch("left", dy.shape, dy)  # the gradient that has not gone to a pixel yet
        left[...] = dy
        share = ws.scratch("share", dy.shape, dy)
        for i, pixel in reversed(list(enumerate(self._pixels()))):
            if i > 0:  # the pixel that overtook last is the maximum
                xp.multiply(left, overtakes[i], out=share)
                left -= share
            here = windows(dx, pixel, self.stride, (P, Q))
            if tiled:
                here[...] = share if i > 0 else left
            else:
                here += share if i > 0 else left
        inner = slice(self.padding, -self.padding) if self.padding else slice(None)
        return dx[:, inner, inner], {}  # (C, H, W, N)
