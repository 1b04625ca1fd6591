"""Winograd's convolution and the 2 x 2 max-pooling after it.

winograd.py computes tiles of 4 x 4 outputs. The maxima of a tile's four windows are taken before the outputs are written to the
map: of four contiguous arrays, instead of every second pixel of a map:

    y[.., 2t + i, 2u + j, ..] = bias + max over a, b in {0, 1} of tile (t, u)'s output (2i + a, 2j + b),    i, j in {0, 1}

Backward, every dy goes to the place in its tile that was the largest, and from there as in winograd.py.
"""

from collections.abc import Mapping
from typing import Any

from minisgl.backend import Array, get_array_module
from minisgl.nn.pooling import give_to_largest, largest
from minisgl.nn.sums import sum_rows
from minisgl.nn.winograd import TILE, backward_from_tiles, output_tiles, padded
from minisgl.nn.workspace import Workspace

HALF = TILE // 2  # i and j: windows down and across a tile


def forward(conv: Any, x: Array, size: tuple[int, int], ws: Workspace) -> tuple[Array, Any]:
    """The pooled output (K, P, Q, N) of a Conv2d for x (C, H, W, N), size = (P, Q), and the cache that backward needs."""
    P, Q = size
    y_tiles, cache = output_tiles(conv, x, (-(-P // HALF), -(-Q // HALF)), ws)
    _, _, K, T, U, N = y_tiles.shape
    maxima = ws.scratch("maxima", (HALF, HALF, K, T, U, N), x)
    overtakes = ws.array(conv, "overtakes", (3, *maxima.shape), x, bool)
    largest(_places(y_tiles), maxima, overtakes)
    y = conv.y_array(ws, (K, T * HALF, U * HALF, N), x)
    bias = conv.bias[:, None, None, None, None, None] if conv.has_bias else 0
    get_array_module(x).add(maxima.transpose(2, 3, 0, 4, 1, 5), bias, out=_windows(y))
    return y[:, :P, :Q], (y_tiles.shape, overtakes, cache, ws)


def backward(conv: Any, dy: Array, cache: Any, grads: Mapping[str, Array], input_gradient: bool) -> Array:
    """dx (C, H, W, N), or None without input_gradient; the gradients of weight and bias are written into `grads`."""
    shape, overtakes, cache, ws = cache
    K, (*_, T, U, _) = len(dy), shape
    if conv.has_bias:
        sum_rows(dy.reshape(K, -1), out=grads["bias"])  # (K,)
    dy = padded(dy, 0, (T * HALF, U * HALF), ws)  # windows beyond the edge have no gradient
    dmaxima = ws.scratch("maxima", overtakes.shape[1:], dy)
    dmaxima[...] = _windows(dy).transpose(2, 4, 0, 1, 3, 5)
    dy_tiles = ws.scratch("dy_tiles", shape, dy)
    give_to_largest(dmaxima, overtakes, _places(dy_tiles), ws)
    return backward_from_tiles(conv, dy_tiles, cache, grads, input_gradient)


def _places(tiles: Array) -> list[Array]:
    """Return a view (2, 2, K, T, U, N) of tiles (4, 4, K, T, U, N) for each (a, b), row by row, as pooling breaks ties."""
    windows = tiles.reshape(HALF, 2, HALF, 2, *tiles.shape[2:])  # (i, a, j, b, K, T, U, N)
    return [windows[:, a, :, b] for a in (0, 1) for b in (0, 1)]


def _windows(y: Array) -> Array:
    """The view (K, T, 2, U, 2, N) of y (K, 2 T, 2 U, N)."""
    K, height, width, N = y.shape
    return y.reshape(K, height // HALF, HALF, width // HALF, HALF, N)
