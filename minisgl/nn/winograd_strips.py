"""Winograd's convolution (winograd.py) strip by strip, for maps that are large.

The tiles of a whole batch have n n / m m times as many numbers as its images, 2.25 for 3 x 3 kernels: 19 MB for 32 channels of
64 images 32 x 32, and they are read or written six times a pass. So here one row of tiles is transformed, multiplied and
transformed back before the next one begins, all in a core's cache:

    for every row of tiles:     X = B x B^T       Y[j] = F[j] @ X[j] for each of the n n entries j       y = A Y A^T

Each transform is a matmul of many small matrices that are views of the maps, without a copy: of the rows first, (C, n, W N),
then of the columns, (C, n, U, n, N), where overlapping tiles share memory. Padding rows are left out of the product.

Backward, the transpose of each line: dY = A^T dy A, dF[j] = sum over the rows of tiles of dY[j] @ X[j]^T, where X is computed
again, and dx = sum of B^T (F^T dY) B, where neighbouring tiles overlap by R - 1.

The results are those of winograd.py apart from rounding.
"""

from collections.abc import Mapping
from typing import Any

from minisgl.backend import Array, get_array_module
from minisgl.nn.winograd import TILE, constants
from minisgl.nn.workspace import Workspace


def forward(conv: Any, x: Array, size: tuple[int, int], ws: Workspace) -> tuple[Array, Any]:
    """The output (K, P, Q, N) of a Conv2d for x (C, H, W, N), size = (P, Q), and the cache that backward needs."""
    xp = get_array_module(x)
    K, (P, Q), (C, _, _, N) = len(conv.weight), size, x.shape
    A_r, A_s, GG, B_r, B_s = constants(conv, x, ws)
    n_r, n_s, U = len(B_r), len(B_s), -(-Q // TILE)  # U: tiles across; the last may extend beyond the output
    F = ws.array(conv, "F", (n_r * n_s, K, C), x)
    xp.matmul(GG, conv.weight.reshape(K * C, -1).T, out=F.reshape(n_r * n_s, -1))  # (nn, KC) = (nn, RS) @ (RS, KC)
    Y = ws.scratch("Y", (n_r, n_s, K, U, N), x)
    columns = ws.scratch("output columns", (K, n_r, U * TILE, N), x)
    y = conv.y_array(ws, (K, P, Q, N), x)
    for first in range(0, P, TILE):
        X = _input_tiles(conv, x, first, U, ws)  # B x B^T  (n, n, C, U, N)
        xp.matmul(F, _by_entry(X), out=_by_entry(Y))  # (K, UN) = (K, C) @ (C, UN), nn times
        # Y A^T, (K, n, U, m, N) = (m, n) @ (K, n, U, n, N), then A Y A^T, (K, m, QN) = (m, n) @ (K, n, QN)
        xp.matmul(A_s, _by_tile(Y), out=columns.reshape(K, n_r, U, TILE, N))
        rows = y[:, first : first + TILE]  # fewer than m at the end
        xp.matmul(A_r[: rows.shape[1]], columns[:, :, :Q].reshape(K, n_r, -1), out=rows.reshape(K, -1, Q * N))
        if conv.has_bias:
            rows += conv.bias[:, None, None, None]
    return y, (x, F, ws)


def backward(conv: Any, dy: Array, cache: Any, grads: Mapping[str, Array], input_gradient: bool) -> Array:
    """dx (C, H, W, N), or None without input_gradient; the gradients of weight and bias are written into `grads`."""
    x, F, ws = cache
    xp = get_array_module(dy)
    K, P, Q, N = dy.shape
    A_r, A_s, GG, B_r, B_s = constants(conv, dy, ws)
    n_r, n_s, U = len(B_r), len(B_s), -(-Q // TILE)
    if conv.has_bias:
        grads["bias"][...] = xp.einsum("kpqn->k", dy)  # (K,)
    dY = ws.scratch("Y", (n_r, n_s, K, U, N), dy)
    columns = ws.scratch("output columns", (K, n_r, U * TILE, N), dy)
    columns[:, :, Q:] = 0  # outputs beyond the edge have no gradient
    dF, of_strip = ws.scratch("dF", F.shape, dy), ws.scratch("dF of a strip", F.shape, dy)
    dx = conv.dx_array(ws, x.shape, dy) if input_gradient else None
    for first in range(0, P, TILE):
        rows = dy[:, first : first + TILE]
        # A^T dy, (K, n, QN) = (n, m) @ (K, m, QN), then A^T dy A, (K, n, U, n, N) = (n, m) @ (K, n, U, m, N)
        xp.matmul(A_r[: rows.shape[1]].T, rows.reshape(K, -1, Q * N), out=columns[:, :, :Q].reshape(K, n_r, -1))
        xp.matmul(A_s.T, columns.reshape(K, n_r, U, TILE, N), out=_by_tile(dY))
        X = _input_tiles(conv, x, first, U, ws)  # computed again: it is too large to be kept
        # (K, C) = (K, UN) @ (UN, C), nn times
        xp.matmul(_by_entry(dY), _by_entry(X).swapaxes(1, 2), out=of_strip if first else dF)
        if first:
            dF += of_strip
        if input_gradient:
            dX = X  # the same memory: X is not needed any more
            xp.matmul(F.swapaxes(1, 2), _by_entry(dY), out=_by_entry(dX))  # (C, UN) = (C, K) @ (K, UN), nn times
            _add_input_gradient(conv, dX, first, dx, ws)
    # (KC, RS) = (KC, nn) @ (nn, RS)
    xp.matmul(dF.reshape(n_r * n_s, -1).T, GG, out=grads["weight"].reshape(-1, GG.shape[1]))
    return dx


def _by_entry(X: Array) -> Array:
    """Return tiles (n, n, C, U, N) as (nn, C, U N): one matrix for each entry of a tile."""
    return X.reshape(X.shape[0] * X.shape[1], X.shape[2], -1)


def _by_tile(X: Array) -> Array:
    """Return the view (C, n, U, n, N) of tiles (n, n, C, U, N)."""
    return X.transpose(2, 0, 3, 1, 4)


def _input_tiles(conv: Any, x: Array, first: int, U: int, ws: Workspace) -> Array:
    """Return B x B^T for the tiles whose outputs begin in row `first`: X (n, n, C, U, N)."""
    xp = get_array_module(x)
    *_, B_r, B_s = constants(conv, x, ws)
    C, H, W, N = x.shape
    columns, image = _input_columns(conv, x, U, ws)
    columns[:, :, : conv.padding] = 0
    columns[:, :, conv.padding + W :] = 0
    X = ws.scratch("X", (len(B_r), len(B_s), C, U, N), x)
    top = first - conv.padding
    start, stop = _inside(top, H), _inside(top + len(B_r), H)  # rows of padding are left out of the product
    # B x, (C, n, WN) = (n, rows) @ (C, rows, WN), then B x B^T, (C, n, U, n, N) = (n, n) @ (C, n, U, n, N)
    xp.matmul(B_r[:, start - top : stop - top], x[:, start:stop].reshape(C, stop - start, W * N), out=image)
    xp.matmul(B_s, _windows(columns, len(B_s), U), out=_by_tile(X))
    return X


def _add_input_gradient(conv: Any, dX: Array, first: int, dx: Array, ws: Workspace) -> None:
    """Add B^T dX B for one row of tiles, dX (n, n, C, U, N), to dx (C, H, W, N), which has the gradient of those above."""
    xp = get_array_module(dX)
    *_, B_r, B_s = constants(conv, dX, ws)
    (n_r, n_s, C, U, N), (_, H, W, _) = dX.shape, dx.shape
    columns, image = _input_columns(conv, dx, U, ws)
    # a tile's first m columns are written; the others are added, since they are also the next tile's first
    xp.matmul(B_s[:, :TILE].T, _by_tile(dX), out=_windows(columns, TILE, U))
    columns[:, :, U * TILE :] = 0
    shared = ws.scratch("shared columns", (C, n_r, U, n_s - TILE, N), dX)
    xp.matmul(B_s[:, TILE:].T, _by_tile(dX), out=shared)
    _windows(columns[:, :, TILE:], n_s - TILE, U)[...] += shared
    # the same with rows: the first ones are also the last of the tiles above, the others are new
    top = first - conv.padding
    start, stop = _inside(top, H), _inside(top + n_r, H)
    new = max(start, _inside(top + n_r - TILE, H)) if first else start
    shared = ws.scratch("shared rows", (C, new - start, W, N), dX)
    xp.matmul(B_r[:, start - top : new - top].T, image, out=shared.reshape(C, new - start, W * N))
    dx[:, start:new] += shared
    xp.matmul(B_r[:, new - top : stop - top].T, image, out=dx[:, new:stop].reshape(C, stop - new, W * N))


def _inside(row: int, H: int) -> int:
    """Return the nearest end of a slice of an image with H rows."""
    return min(max(row, 0), H)


def _input_columns(conv: Any, x: Array, U: int, ws: Workspace) -> tuple[Array, Array]:
    """Return (C, n, columns of U tiles, N), and the part of it that is not padding as a view (C, n, W N)."""
    C, _, W, N = x.shape
    n_r, n_s = (TILE + size - 1 for size in conv.kernel)
    columns = ws.scratch("columns", (C, n_r, TILE * (U - 1) + n_s, N), x)
    return columns, columns[:, :, conv.padding : conv.padding + W].reshape(C, n_r, W * N)


def _windows(columns: Array, size: int, U: int) -> Array:
    """Return the view (C, n, U, size, N) of columns (C, n, W, N): the first `size` columns of every tile."""
    C, n, _, N = columns.shape
    c, i, w, e = columns.strides
    as_strided = get_array_module(columns).lib.stride_tricks.as_strided
    return as_strided(columns, (C, n, U, size, N), (c, i, TILE * w, w, e))
