"""An elementwise function applied in blocks that stay in a core's cache.

A prox is a dozen elementwise operations. On ten million numbers each of them would read and write main memory; on a block of
16,384 they stay in the cache, which is several times faster and needs no temporaries of the array's size.
"""

from collections.abc import Callable

from minisgl.backend import Array, block_size, get_array_module, row_blocks

BLOCK = 16_384  # numbers: 64 KiB in float32, so a block and its temporaries fit a 1 MiB cache, and malloc reuses their memory


def in_blocks(function: Callable[[Array], Array], v: Array, out: Array | None) -> Array:
    """Return out = function(v) for an elementwise function and v of any shape; out is v, an array of v's shape, or None.

    ValueError if out has another shape.
    """
    out = get_array_module(v).empty_like(v) if out is None else out
    if out.shape != v.shape:
        raise ValueError(f"out must have the shape {v.shape} of v, and has {out.shape}")
    if v.size == 0:
        return out
    source, target = v, out
    if v.flags.c_contiguous and out.flags.c_contiguous:
        source, target = v.reshape(-1), out.reshape(-1)
    for block in row_blocks(len(source), v.size, block_size(v, BLOCK)):
        target[block] = function(source[block])
    return out
