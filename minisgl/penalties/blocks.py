"""One pass over an array of any size, in blocks that stay in a core's cache.

A prox is a dozen elementwise operations. Over ten million numbers each of them would sweep all of memory; over a block of
16,384 they work in cache, which is several times faster and needs no temporaries of the array's size.
"""

from collections.abc import Callable

from minisgl.backend import Array, block_size, get_array_module, row_blocks

BLOCK = 16_384  # numbers: 64 KiB in float32, so that a block and its temporaries stay in a 1 MiB cache, and in malloc's heap


def in_blocks(function: Callable[[Array], Array], v: Array, out: Array | None) -> Array:
    """out = function(v) for an elementwise function: v of any shape; out is v, another array of v's shape, or None.

    Raises ValueError when out has another shape.
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
