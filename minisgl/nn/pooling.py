"""Max-pooling: the output is the largest entry of each window, and only that entry gets a gradient.

    y[c, p, q, n] = max over r, s of x[c, p*stride + r, q*stride + s, n],   x padded with -infinity

At a tie the gradient goes to the first maximum in row-major order, here, in reference.py and on every array module. (With
zeros as padding, the border would be larger than negative inputs.)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Indexed, has_kernels
from minisgl.nn.im2col import PIXEL, WINDOW, output_size, pad, require_stride_and_padding, windows
from minisgl.nn.layer import Gradients, Layer, is_fused, require_sizes
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
# one input for each i, which gets the gradients of the windows whose maximum it is
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


def largest(views: Sequence[Array], y: Array, overtakes: Array) -> None:
    """Write the largest of the views, entry by entry, to y, and to overtakes[i] where view i + 1 is larger than those before.

    At a tie the first view counts as the largest. The views have y's shape; overtakes has one entry fewer.
    """
    xp, maximum = get_array_module(y), views[0]
    if len(views) == 1:
        y[...] = maximum
    for i in range(1, len(views)):
        xp.greater(views[i], maximum, out=overtakes[i - 1])
        maximum = xp.maximum(maximum, views[i], out=y)


def give_to_largest(dy: Array, overtakes: Array, outs: Sequence[Array], ws: Workspace) -> None:
    """Write dy to outs[i] where view i was the largest, else 0."""
    xp, left = get_array_module(dy), dy  # left: what has not gone to a view yet
    for i in reversed(range(1, len(outs))):  # the last view that was larger is the largest
        xp.multiply(left, overtakes[i - 1], out=outs[i])
        left = xp.subtract(left, outs[i], out=ws.scratch("left", dy.shape, dy))
    outs[0][...] = left


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
        if self.is_taken and is_fused(x, workspace, training):
            return x, None
        ws = workspace or Workspace()
        C, P, Q = self.output_shape(x.shape[:3])
        if has_kernels(x):
            y = ws.array(self, "y", (C, P, Q, x.shape[3]), x)
            winner = ws.array(self, "winner", y.shape, x, "int32")
            MAX_POOL(x, *self._sizes(x.shape), out=(y, winner))
            return y, (winner, x.shape, ws)
        padded = pad(x, self.padding, ws)  # (C, H+2pad, W+2pad, N)
        y = ws.array(self, "y", (C, P, Q, x.shape[3]), x)
        overtakes = ws.array(self, "overtakes", (self.kernel**2 - 1, *y.shape), x, bool)
        largest(self._views(padded, (P, Q)), y, overtakes)
        return y, (overtakes, padded.shape, ws)

    def _views(self, x: Array, size: tuple[int, int]) -> list[Array]:
        """Return a view (C, P, Q, N) of a padded x (C, H, W, N) for each pixel of a window, row by row; size = (P, Q)."""
        pixels = [(r, s) for r in range(self.kernel) for s in range(self.kernel)]
        return [windows(x, pixel, self.stride, size) for pixel in pixels]

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        if cache is None:  # the convolution before has done it
            return dy, {}
        which, padded_shape, ws = cache
        dx = self.dx_array(ws, padded_shape, dy)
        if has_kernels(dy):
            MAX_POOL_BACKWARD(dy, which, *self._sizes(padded_shape), out=dx)
            return dx, {}
        P, Q = dy.shape[1:3]
        views = self._views(dx, (P, Q))
        # if the windows neither overlap nor leave a gap, each pixel is written once
        tiled = self.stride == self.kernel and padded_shape[1:3] == (P * self.stride, Q * self.stride)
        shares = views if tiled else ws.scratch("shares", (len(views), *dy.shape), dy)
        give_to_largest(dy, which, shares, ws)
        if not tiled:
            dx.fill(0)
            for i in reversed(range(len(views))):
                views[i][...] += shares[i]
        inner = slice(self.padding, -self.padding) if self.padding else slice(None)
        return dx[:, inner, inner], {}  # (C, H, W, N)
