"""Groups of weights: their axes, their lengths, and their sizes.

`groups` is the axis of w, or the axes, that number the groups; all other axes run within a group. For a convolution
(K, C, R, S) axis 0 makes each output channel a group; for a linear layer (D_out, D_in) axis 1 makes each input neuron a group.
"""

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from minisgl.backend import Array, block_size, get_array_module, row_blocks

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
        raise ValueError(f"groups must be different axes of an array with {w.ndim} axes, and is {groups}") from error


def in_chunks(function: Callable[[Array, Array], Any], v: Array, groups: Axes, out: Array | None) -> Array:
    """Call function(v, out), which fills out, for a few groups at a time, so that its temporaries stay small; return out."""
    out = get_array_module(v).empty_like(v) if out is None else out
    numbering = _numbering(v, groups)
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
    """||w_g|| of every group; the axes within a group have length 1, so that the result broadcasts with w."""
    xp = get_array_module(w)
    inner, axes = within(w, groups), list(range(w.ndim))
    squares = xp.einsum(w, axes, w, axes, [axis for axis in axes if axis not in inner])  # no temporary of w's size
    return xp.expand_dims(xp.sqrt(squares), inner)


def block_soft(v: Array, k: float, groups: Axes, out: Array | None = None) -> Array:
    """v_g * max(1 - k/||v_g||, 0) for every group g, and 0 for a zero group; k >= 0."""
    k = float(k)  # a NumPy scalar would change the result's dtype
    xp, lengths = get_array_module(v), norms(v, groups)
    shrunk = xp.maximum(1 - k / xp.where(lengths > 0, lengths, 1), 0)
    # with k = 0 nothing is shrunk, not even a group so short that its length underflows to 0
    return xp.multiply(v, xp.where((lengths > 0) | (k == 0), shrunk, 0), out=xp.empty_like(v) if out is None else out)
