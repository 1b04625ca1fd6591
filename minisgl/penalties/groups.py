"""Groups of weights: which axes number them, how long each is, how many weights it has.

`groups` is the axis, or axes, of w that number the groups; all the other axes run within one. For a convolution (K, C, R, S)
axis 0 makes each output channel a group; for a linear layer (D_out, D_in) axis 1 makes each input neuron one.
"""

from math import prod, sqrt

from numpy.lib.array_utils import normalize_axis_tuple

from minisgl.backend import Array, get_array_module

Axes = int | tuple[int, ...]


def within(w: Array, groups: Axes) -> tuple[int, ...]:
    """The axes of w that run within a group. ValueError when w has no such axis as groups names."""
    numbering = normalize_axis_tuple(groups, w.ndim)
    return tuple(axis for axis in range(w.ndim) if axis not in numbering)


def root_size(w: Array, groups: Axes) -> float:
    """sqrt(n_g), n_g the number of weights in each group."""
    return sqrt(prod(w.shape[axis] for axis in within(w, groups)))


def norms(w: Array, groups: Axes) -> Array:
    """||w_g|| of every group; axes within a group are kept with length 1, so that the result broadcasts with w."""
    xp = get_array_module(w)
    inner, axes = within(w, groups), list(range(w.ndim))
    squares = xp.einsum(w, axes, w, axes, [axis for axis in axes if axis not in inner])  # no temporary of w's size
    return xp.expand_dims(xp.sqrt(squares), inner)


def block_soft(v: Array, k: float, groups: Axes, out: Array | None = None) -> Array:
    """v_g * max(1 - k/||v_g||, 0) for every group g, and 0 for a zero group."""
    xp, lengths = get_array_module(v), norms(v, groups)
    shrunk = xp.maximum(1 - k / xp.where(lengths > 0, lengths, 1), 0)
    return xp.multiply(v, xp.where(lengths > 0, shrunk, 0), out=out)
