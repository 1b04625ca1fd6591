"""An elementwise function applied in blocks that stay in a core's cache.

A prox is a dozen elementwise operations. On ten million numbers each of them would read and write main memory; on a block of
16,384 they stay in the cache, which is several times faster and needs no temporaries of the array's size.
"""

from collections.abc import Callable

from minisgl.backend import Array, block_size, get_array_module, row_blocks
from minisgl.penalties.checks import require_floats

BLOCK = 16_384  # numbers: 64 KiB in float32, so that a block and its temporaries stay in a 1 MiB cache, and in malloc's heap
FLOAT32_SAFE = 1e30  # a function whose constants are larger is computed in float64: float32 ends at 3.4e38


def destination(v: Array, out: Array | None) -> tuple[Array, Array]:
    """v and the array that its prox is written into: `out`, or a new one like v.

    Where out overlaps v, v is a copy, so that no entry is overwritten before it is read. ValueError when v is neither float32
    nor float64, or out has another shape or dtype.
    """
    require_floats(v)
    xp = get_array_module(v)
    if out is None:
        return v, xp.empty_like(v)
    if out.shape != v.shape or out.dtype != v.dtype:
        raise ValueError(f"out must have the shape {v.shape} of v and its dtype {v.dtype}, and has {out.shape} and {out.dtype}")
    return (v.copy() if out is not v and xp.may_share_memory(v, out) else v), out


def in_blocks(function: Callable[[Array], Array], v: Array, out: Array | None, *constants: float) -> Array:
    """out = function(v) for an elementwise function: v of any shape; out is v, another array of v's shape and dtype, or None.

    constants: numbers in the function. Where one is beyond 1e30, a float32 v is computed in float64, block by block. ValueError
    as destination says.
    """
    v, out = destination(v, out)
    if v.size == 0:
        return out
    source, target = v, out
    if v.flags.c_contiguous and out.flags.c_contiguous:
        source, target = v.reshape(-1), out.reshape(-1)
    wide = v.dtype.name == "float32" and max(map(abs, constants), default=0) > FLOAT32_SAFE
    for block in row_blocks(len(source), v.size, block_size(v, BLOCK)):
        target[block] = function(source[block].astype("float64") if wide else source[block])
    return out
