"""Convolution with fewer multiplications: Winograd's algorithm, for stride 1 and kernels up to 5.

Neighbouring windows share most of their inputs, but im2col multiplies each window separately. Here m = 4 outputs in a row are
computed from the n = m + R - 1 inputs of their windows, with n multiplications instead of m R. In one dimension, for
y_i = sum_r w_r x_(i+r):

    y = A [(G w) * (B x)],   * entry by entry,   A (m, n), G (n, R), B (n, n) fixed matrices.

Derivation. Take n different numbers p_j and P[s, j] = p_j^s, a Vandermonde matrix, which has an inverse. Exponents add up:

    [t = i + r]  =  sum_j P[i + r, j] P^-1[j, t]  =  sum_j p_j^i p_j^r P^-1[j, t].

Multiplied by w_r x_t and summed over r and t, this is the formula, with A[i, j] = p_j^i, G[j, r] = p_j^r and B = P^-1. One
p_j may be infinity: p^s is then [s = n - 1]. A row of B may be divided by a number if the same row of G is multiplied by it.

In two dimensions w and x are matrices, each multiplied from both sides: y = A [(G w G^T) * (B x B^T)] A^T. With the entries of
w in one row, G w G^T is a product with a single matrix, the Kronecker product GG = G (x) G. The sum over input channels is
taken inside the brackets, so each of the n n entries is one matrix product (K, C) @ (C, tiles): for a 5 x 5 kernel 64
multiplications per 16 outputs instead of 400. Backward is the transpose of each line, in reverse order.

Rounding. Every output of a tile is computed from all n n inputs of the tile, so its error is relative to the largest of them:

    |error of y|  <=  about 40 u * sum over c of max |x_c in the tile| * sum |w_c|,     u = 2^-24 in float32, 2^-53 in float64

for a 5 x 5 kernel, and 30 u for 3 x 3 (the largest measured; the worst case of the formula is 1,565 u and 860 u). If all inputs
have similar sizes, this is 1e-5 of y's size in float32, where im2col has 1e-6. But if one pixel is 1e7 times larger than the
others, the errors of its tile are about as large as the outputs; an infinite input makes all 16 outputs of its tile infinite or
NaN, not only those whose windows contain it; and inputs above 1e36 overflow. For such data choose
Conv2d(..., algorithm="im2col"). Nothing is checked at run time.

Sources: Winograd, "Arithmetic Complexity of Computations" (1980); Lavin, Gray, CVPR 2016 (for networks).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.nn.im2col import every_window, output_size
from minisgl.nn.workspace import Workspace

TILE = 4  # m: outputs per tile along each axis
POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)  # short numbers of size about 1 keep rounding small; infinity comes after them
LARGEST_KERNEL = len(POINTS) + 2 - TILE


def matrices(kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A (m, n), G (n, kernel) and B (n, n), float64, n = m + kernel - 1; the largest |entry| of each row of B is 1."""
    n = TILE + kernel - 1
    powers = np.zeros((n, n))  # P[s, j]
    powers[:, :-1] = np.array(POINTS[: n - 1]) ** np.arange(n)[:, None]
    powers[-1, -1] = 1
    A, G, B = powers[:TILE].copy(), powers[:kernel].T.copy(), np.linalg.inv(powers)
    A[:, -1], G[-1] = np.arange(TILE) == TILE - 1, np.arange(kernel) == kernel - 1  # infinity: only i + r = n - 1
    scale = np.abs(B).max(axis=1, keepdims=True)
    return A, G * scale, B / scale


def require_possible(kernel: tuple[int, int], stride: int) -> None:
    """Raise ValueError unless the stride is 1 and the kernel at most 5."""
    if stride != 1:
        raise ValueError(f"Winograd's convolution needs stride 1, but got {stride}")
    if max(kernel) > LARGEST_KERNEL:
        raise ValueError(f"Winograd's convolution takes kernels up to {LARGEST_KERNEL}, but got {kernel}")


def constants(conv: Any, like: Array, ws: Workspace) -> tuple[Array, ...]:
    """Return A for rows and columns, G (x) G (nn, RS), B for rows and columns, with the array module and dtype of `like`."""

    def make() -> tuple[Array, ...]:
        (A_r, G_r, B_r), (A_s, G_s, B_s) = (matrices(size) for size in conv.kernel)
        arrays = A_r, A_s, np.kron(G_r, G_s), B_r, B_s
        return tuple(to_device(array.astype(like.dtype), get_array_module(like)) for array in arrays)

    return ws.once(conv, like.dtype.char, make)


def tile_bytes(conv: Any, x: Array) -> int:
    """Return the size of X for a batch x (C, H, W, N)."""
    C, H, W, N = x.shape
    n_r, n_s = (TILE + size - 1 for size in conv.kernel)
    T, U = (-(-output_size(*pair, 1, conv.padding) // TILE) for pair in zip((H, W), conv.kernel, strict=True))
    return n_r * n_s * C * T * U * N * x.itemsize


def forward(conv: Any, x: Array, size: tuple[int, int], ws: Workspace) -> tuple[Array, Any]:
    """The output (K, P, Q, N) of a Conv2d for x (C, H, W, N), size = (P, Q), and the cache that backward needs."""
    xp, (P, Q) = get_array_module(x), size
    y_tiles, cache = output_tiles(conv, x, (-(-P // TILE), -(-Q // TILE)), ws)
    _, _, K, T, U, N = y_tiles.shape
    y = conv.y_array(ws, (K, T * TILE, U * TILE, N), x)
    if conv.has_bias:
        xp.add(y_tiles.transpose(2, 3, 0, 4, 1, 5), conv.bias[:, None, None, None, None, None], out=_tiled(y))
    else:
        _tiled(y)[...] = y_tiles.transpose(2, 3, 0, 4, 1, 5)
    return y[:, :P, :Q], cache


def output_tiles(conv: Any, x: Array, tiles: tuple[int, int], ws: Workspace) -> tuple[Array, Any]:
    """The outputs of (T, U) tiles without the bias, (m, m, K, T, U, N), and the cache; tiles may extend beyond the output."""
    xp = get_array_module(x)
    K, C, N, (T, U) = len(conv.weight), len(x), x.shape[3], tiles
    A_r, A_s, GG, B_r, B_s = constants(conv, x, ws)
    n_r, n_s = len(B_r), len(B_s)
    X = _input_tiles(conv, x, (T, U), ws)  # B x B^T  (nn, C, TUN)
    F = ws.array(conv, "F", (n_r * n_s, K, C), x)
    xp.matmul(GG, conv.weight.reshape(K * C, -1).T, out=F.reshape(n_r * n_s, -1))  # (nn, KC) = (nn, RS) @ (RS, KC)
    Y = ws.scratch("Y", (n_r * n_s, K, T * U * N), x)
    xp.matmul(F, X, out=Y)  # (K, TUN) = (K, C) @ (C, TUN), nn times
    y_tiles = ws.scratch("y_tiles", (TILE, TILE, K, T, U, N), x)
    _from_both_sides((A_r, A_s), Y.reshape(n_r, n_s, K, T, U, N), y_tiles, ws)  # A Y A^T
    return y_tiles, (x, X, F, ws)


def backward(conv: Any, dy: Array, cache: Any, grads: Mapping[str, Array], input_gradient: bool) -> Array:
    """dx (C, H, W, N), or None without input_gradient; the gradients of weight and bias are written into `grads`."""
    xp, ws = get_array_module(dy), cache[-1]
    K, P, Q, N = dy.shape
    T, U = -(-P // TILE), -(-Q // TILE)
    if conv.has_bias:
        grads["bias"][...] = xp.einsum("kpqn->k", dy)  # (K,)
    dy = padded(dy, 0, (T * TILE, U * TILE), ws)  # outputs beyond the edge have no gradient
    dy_tiles = ws.scratch("dy_tiles", (TILE, TILE, K, T, U, N), dy)
    dy_tiles[...] = _tiled(dy).transpose(2, 4, 0, 1, 3, 5)
    return backward_from_tiles(conv, dy_tiles, cache, grads, input_gradient)


def backward_from_tiles(conv: Any, dy_tiles: Array, cache: Any, grads: Mapping[str, Array], input_gradient: bool) -> Array:
    """dx from the gradient of `output_tiles`, or None; the gradient of the weight is written into `grads`."""
    x, X, F, ws = cache
    xp = get_array_module(dy_tiles)
    A_r, A_s, GG, B_r, B_s = constants(conv, dy_tiles, ws)
    n_r, n_s, (C, H, W, N), (_, _, K, T, U, _) = len(B_r), len(B_s), x.shape, dy_tiles.shape
    dY = _from_both_sides((A_r.T, A_s.T), dy_tiles, ws.scratch("Y", (n_r, n_s, K, T, U, N), dy_tiles), ws)  # A^T dy A
    dY = dY.reshape(n_r * n_s, K, -1)  # (nn, K, TUN)

    dF = ws.scratch("dF", F.shape, dy_tiles)
    xp.matmul(dY, X.swapaxes(1, 2), out=dF)  # (K, C) = (K, TUN) @ (TUN, C), nn times
    xp.matmul(dF.reshape(n_r * n_s, -1).T, GG, out=grads["weight"].reshape(K * C, -1))  # (KC, RS) = (KC, nn) @ (nn, RS)
    if not input_gradient:
        return None

    dX = ws.scratch("X", (n_r, n_s, C, T, U, N), dy_tiles)
    xp.matmul(F.swapaxes(1, 2), dY, out=dX.reshape(n_r * n_s, C, -1))  # (C, TUN) = (C, K) @ (K, TUN), nn times
    dtiles = _from_both_sides((B_r.T, B_s.T), dX, ws.scratch("tiles", dX.shape, dy_tiles), ws)  # B^T dX B  (n, n, C, T, U, N)
    pad = conv.padding
    height, width = max(TILE * (T - 1) + n_r, pad + H), max(TILE * (U - 1) + n_s, pad + W)
    dx = conv.dx_array(ws, (C, height, width, N), dy_tiles)
    dx.fill(0)
    for t in range(T):
        for u in range(U):  # tiles overlap by R - 1, so they are added one at a time
            top, left = t * TILE, u * TILE
            dx[:, top : top + n_r, left : left + n_s] += dtiles[:, :, :, t, u].transpose(2, 0, 1, 3)
    return dx[:, pad : pad + H, pad : pad + W]  # (C, H, W, N)


def _input_tiles(conv: Any, x: Array, tiles_down_and_across: tuple[int, int], ws: Workspace) -> Array:
    """Return B x B^T for every tile, X (nn, C, TUN)."""
    *_, B_r, B_s = constants(conv, x, ws)
    (T, U), n_r, n_s, (C, _, _, N) = tiles_down_and_across, len(B_r), len(B_s), x.shape
    wide = padded(x, conv.padding, (TILE * (T - 1) + n_r, TILE * (U - 1) + n_s), ws)
    tiles = ws.scratch("tiles", (n_r, n_s, C, T, U, N), x)
    tiles[...] = every_window(wide, (n_r, n_s), TILE, (T, U)).transpose(1, 2, 0, 3, 4, 5)
    X = ws.array(conv, "X", tiles.shape, x)
    return _from_both_sides((B_r, B_s), tiles, X, ws).reshape(n_r * n_s, C, -1)


def _from_both_sides(matrices: tuple[Array, Array], x: Array, out: Array, ws: Workspace) -> Array:
    """Multiply x (n, n', ...) by left (i, n) along axis 0 and by right (j, n') along axis 1, into out (i, j, ...)."""
    xp, (left, right) = get_array_module(x), matrices
    product = ws.scratch("left product", (len(left), *x.shape[1:]), x)
    xp.matmul(left, x.reshape(len(x), -1), out=product.reshape(len(left), -1))
    xp.matmul(right, product.reshape(*product.shape[:2], -1), out=out.reshape(*out.shape[:2], -1))
    return out


def padded(x: Array, pad: int, size: tuple[int, int], ws: Workspace) -> Array:
    """Return x (C, H, W, N) with `pad` zeros above and on the left, cropped or extended with zeros to this size."""
    height, width = size
    x = x[:, : height - pad, : width - pad]  # no tile reads the rest
    C, H, W, N = x.shape
    if size == (H, W):
        return x
    wide = ws.scratch("wide", (C, *size, N), x)
    wide.fill(0)
    wide[:, pad : pad + H, pad : pad + W] = x
    return wide


def _tiled(y: Array) -> Array:
    """The view (K, T, m, U, m, N) of y (K, T m, U m, N)."""
    K, height, width, N = y.shape
    return y.reshape(K, height // TILE, TILE, width // TILE, TILE, N)
