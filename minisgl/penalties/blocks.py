"""An elementwise function applied in blocks that stay in a core's cache.

A prox is a dozen elementwise operations. On ten million numbers each of them would read and write main memory; on a block of
16,384 they stay in the cache, which is several times faster and needs no temporaries of the array's size. On a GPU the function
is one launch if it is also written as a formula (kernels.py).
"""

from collections.abc import Callable, Sequence
from typing import Any

from minisgl.backend import Array, block_size, get_array_module, row_blocks
from minisgl.kernels import Formula, has_kernels
from minisgl.penalties.checks import require_floats

BLOCK = 16_384  # numbers: 64 KiB in float32, so a block and its temporaries fit a 1 MiB cache, and malloc reuses their memory

# two functions that several penalties share: 0 up to t, then v; soft thresholding at t up to a jump, then v
HARD = Formula("hard", "T v, T t", "T x", "x = where(abs(v) <= t, T(0), v);")
SOFT_OR_KEEP = Formula(
    "soft_or_keep", "T v, T t, T jump", "T x", "x = where(abs(v) <= jump, v - where(v < -t, -t, where(v > t, t, v)), v);"
)
FLOAT32_LIMIT = 1e30  # with larger constants a function is computed in float64: float32 overflows at 3.4e38


def destination(v: Array, out: Array | None) -> tuple[Array, Array]:
    """Return v and the array for its prox: `out`, or a new one like v.

    If out overlaps v but is not v, the returned v is a copy: no entry is overwritten before it is read. ValueError if v is
    neither float32 nor float64, or out has another shape or dtype.
    """
    require_floats(v)
    xp = get_array_module(v)
    if out is None:
        return v, xp.empty_like(v)
    if out.shape != v.shape or out.dtype != v.dtype:
        raise ValueError(f"out must have v's shape {v.shape} and dtype {v.dtype}, but has {out.shape} and {out.dtype}")
    return (v.copy() if out is not v and xp.may_share_memory(v, out) else v), out


def in_blocks(
    function: Callable[[Array], Array],
    v: Array,
    out: Array | None,
    *constants: float,
    kernel: Sequence[Any] | None = None,
) -> Array:
    """Return out = function(v) for an elementwise function and v of any shape; out is v, an array like v, or None.

    constants: the positive numbers in the function. If one is above 1e30, a float32 v is converted to float64 block by block.
    kernel: the same function as a formula of v and the numbers after it. ValueError as in destination.
    """
    v, out = destination(v, out)
    if v.size == 0:
        return out
    wide = bool(constants) and max(constants) > FLOAT32_LIMIT and v.dtype.char == "f"
    if kernel and has_kernels(v) and not wide:
        formula, *numbers = kernel
        formula(v, *numbers, out=out)
        return out
    source, target = v, out
    if v.flags.c_contiguous and out.flags.c_contiguous:
        source, target = v.reshape(-1), out.reshape(-1)
    for block in row_blocks(len(source), v.size, block_size(v, BLOCK)):
        target[block] = function(source[block].astype("float64") if wide else source[block])
    return out
