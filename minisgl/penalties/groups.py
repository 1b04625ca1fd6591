"""Groups of weights: their axes, their lengths, and their sizes.

`groups` is the axis of w, or the axes, that number the groups; all other axes run within a group. For a convolution
(K, C, R, S) axis 0 makes each output channel a group; for a linear layer (D_out, D_in) axis 1 makes each input neuron a group.
"""

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from minisgl.backend import Array, block_size, get_array_module, row_blocks
from minisgl.penalties.blocks import destination
from minisgl.penalties.checks import require_floats

Axes = int | tuple[int, ...]
CHUNK = 262_144  # numbers that a prox over groups processes at a time if it needs several arrays of that size


def within(w: Array, groups: Axes) -> tuple[int, ...]:
    """Return the axes of w that run within a group. ValueError if w lacks an axis in groups, or one is named twice."""
    numbering = _numbering(w, groups)
    return tuple(axis for axis in range(w.ndim) if axis not in numbering)


def _numbering(w: Array, groups: Axes) -> tuple[int, ...]:
    try:
        return normalize_axis_tuple(groups, w.ndim)
    except (TypeError, ValueError) as error:  # NumPy's error for an axis out of range is a ValueError too
        raise ValueError(f"groups must be different axes of an array with {w.ndim} axes, but is {groups}") from error


def in_chunks(function: Callable[[Array, Array], Any], v: Array, groups: Axes, out: Array | None) -> Array:
    """Call function(v, out), which fills out, for a few groups at a time, so that its temporaries stay small; return out."""
    numbering = _numbering(v, groups)
    v, out = destination(v, out)
    if v.size == 0:
        return out
    if not numbering:
        function(v, out)
        return out
    axis = numbering[0]
    for block in row_blocks(v.shape[axis], v.size, block_size(v, CHUNK)):
        chunk = (*[slice(None)] * axis, block)
        function(v[chunk], out[chunk])
    return out


def group_size(w: Array, groups: Axes) -> int:
    """n_g, the number of weights in each group."""
    return prod(w.shape[axis] for axis in within(w, groups))


def root_size(w: Array, groups: Axes) -> float:
    """sqrt(n_g)."""
    return sqrt(group_size(w, groups))


def norms(w: Array, groups: Axes) -> Array:
    """||w_g|| of every group, in float64; the axes within a group have length 1, so that the result broadcasts with w.

    Correct to rounding at every scale: the square of a float32 neither overflows nor underflows in float64, and a group of
    float64 is first divided by a power of two near its largest entry. inf for a group with an inf, NaN for one with a NaN.
    """
    require_floats(w)
    xp, inner = get_array_module(w), within(w, groups)
    if w.dtype.char == "f" or w.size == 0:
        return _root_of_squares(w, inner)
    largest = xp.max(xp.abs(w), axis=inner, keepdims=True) if inner else xp.abs(w)
    usual = xp.isfinite(largest) & (largest > 0)
    unit = xp.ldexp(xp.ones_like(largest), xp.frexp(xp.where(usual, largest, 0.5))[1] - 1)
    return unit * _root_of_squares(w / unit, inner)


def _root_of_squares(w: Array, inner: tuple[int, ...]) -> Array:
    xp, axes = get_array_module(w), list(range(w.ndim))
    outer = [axis for axis in axes if axis not in inner]
    return xp.expand_dims(xp.sqrt(xp.einsum(w, axes, w, axes, outer, dtype="float64")), inner)  # no temporary of w's size


def block_soft(v: Array, k: float, groups: Axes, out: Array | None = None) -> Array:
    """v_g * max(1 - k/||v_g||, 0) for every group g, and 0 for a zero group; k >= 0."""
    xp, lengths = get_array_module(v), norms(v, groups)
    v, out = destination(v, out)
    factor = 1 - k / xp.maximum(lengths, float(k) or 1.0)  # 0 up to k; NaN stays NaN
    return xp.multiply(v, factor.astype(v.dtype), out=out)
