"""im2col for a few rows of outputs at a time, for convolutions with padding or a stride.

The columns of a whole batch repeat every pixel up to R S times: 19 MB for 32 channels of 64 images 32 x 32 with a 3 x 3 kernel
and stride 2. Here a few rows of outputs are computed at a time. The image rows that they read are padded and written as
columns, which are multiplied and not kept:

    for every strip of rows:     y = weight @ columns

Backward, the transpose of each line: dweight = sum over the strips of dy @ columns^T, where the columns are computed again, and
dx = sum of col2im(weight^T @ dy), where neighbouring strips overlap.
"""

from collections.abc import Mapping
from typing import Any

from minisgl.backend import Array, block_size, get_array_module, row_blocks
from minisgl.nn.im2col import col2im, im2col
from minisgl.nn.workspace import Workspace

BLOCK_SIZE = 1 << 18  # numbers of the image in a strip, 1 MiB in float32


def forward(conv: Any, x: Array, size: tuple[int, int], ws: Workspace) -> tuple[Array, Any]:
    """The output (K, P, Q, N) of a Conv2d for x (C, H, W, N), size = (P, Q), and the cache that backward needs."""
    xp = get_array_module(x)
    K, (P, Q), N = len(conv.weight), size, x.shape[3]
    y = conv.y_array(ws, (K, P, Q, N), x)
    weight2 = conv.weight.reshape(K, -1)  # (K, CRS)
    for rows in _strips(x, P):
        columns2 = _columns(conv, x, rows, Q, ws).reshape(weight2.shape[1], -1)  # (CRS, pQN)
        xp.matmul(weight2, columns2, out=y[:, rows].reshape(K, -1))  # (K, pQN), a view
    if conv.has_bias:
        y += conv.bias[:, None, None, None]
    return y, (x, ws)


def backward(conv: Any, dy: Array, cache: Any, grads: Mapping[str, Array], input_gradient: bool) -> Array:
    """dx (C, H, W, N), or None without input_gradient; the gradients of weight and bias are written into `grads`."""
    x, ws = cache
    xp = get_array_module(dy)
    K, P, Q, _ = dy.shape
    weight2, dweight2 = conv.weight.reshape(K, -1), grads["weight"].reshape(K, -1)  # (K, CRS)
    if conv.has_bias:
        grads["bias"][...] = xp.einsum("kpqn->k", dy)  # (K,)
    of_strip = ws.scratch("dweight of a strip", dweight2.shape, dy)
    dx: Array = None
    if input_gradient:
        dx = conv.dx_array(ws, x.shape, dy)
        dx.fill(0)
    for i, rows in enumerate(_strips(x, P)):
        columns = _columns(conv, x, rows, Q, ws)  # (C, R, S, p, Q, N)
        columns2, dy2 = columns.reshape(weight2.shape[1], -1), dy[:, rows].reshape(K, -1)  # (CRS, pQN), (K, pQN)
        xp.matmul(dy2, columns2.T, out=of_strip if i else dweight2)  # (K, CRS)
        if i:
            dweight2 += of_strip
        if input_gradient:
            xp.matmul(weight2.T, dy2, out=columns2)  # the same memory: the columns are not needed any more
            image, strip, inner = _image_rows(conv, x, rows, ws)
            dx[:, image] += col2im(columns, conv.stride, out=strip)[inner]
    return dx


def _strips(x: Array, P: int) -> list[slice]:
    """Return the rows of outputs of each strip, of P in all."""
    return row_blocks(P, x.size, block_size(x, BLOCK_SIZE))


def _columns(conv: Any, x: Array, rows: slice, Q: int, ws: Workspace) -> Array:
    """Return the windows of these rows of outputs, (C, R, S, p, Q, N)."""
    image, strip, inner = _image_rows(conv, x, rows, ws)
    if strip[inner].shape != strip.shape:
        strip.fill(0)
    strip[inner] = x[:, image]
    columns = ws.scratch("columns", (x.shape[0], *conv.kernel, rows.stop - rows.start, Q, x.shape[3]), x)
    return im2col(strip, conv.kernel, conv.stride, out=columns)


def _image_rows(conv: Any, x: Array, rows: slice, ws: Workspace) -> tuple[slice, Array, tuple[slice, ...]]:
    """Return which rows of the image these rows of outputs read, memory for them and their padding, and their place in it."""
    C, H, W, N = x.shape
    top, height = rows.start * conv.stride - conv.padding, (rows.stop - rows.start - 1) * conv.stride + conv.kernel[0]
    start, stop = (min(max(row, 0), H) for row in (top, top + height))  # no rows at all if the strip is only padding
    strip = ws.scratch("strip", (C, height, W + 2 * conv.padding, N), x)
    return slice(start, stop), strip, (slice(None), slice(start - top, stop - top), slice(conv.padding, conv.padding + W))
