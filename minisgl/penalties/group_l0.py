"""Group l0: every non-zero group costs the same, whatever its weights; alone, or added to a penalty on single weights.

    GroupL0      value(w) = lam * sum over groups g of sqrt(n_g) [w_g != 0]
                 prox(v)_g = v_g if ||v_g|| > sqrt(2 k) else 0,   k = step * lam * sqrt(n_g)

    GroupL0With  value(w) = r(w) + lam_group * sum_g sqrt(n_g) [w_g != 0],   r any separable penalty
                 prox(v)_g = x_g = prox_r(v_g) if  m + k < ||v_g||^2/2  else 0,   m = step * r(x_g) + ||x_g - v_g||^2/2

Derivation, one group. Either the whole group is 0, which costs ||v||^2/2; or it is not, which costs k plus the minimum over
x of step * r(x) + ||x - v||^2/2. That minimum is m, at prox_r(v), even if prox_r(v) is 0. The prox is the cheaper of the two,
and 0 at a tie. With r = 0, m is 0 and the group is kept if ||v||^2/2 > k. This is exact for every r; the prox jumps, and the
penalty is not convex.

Source: the group form of hard thresholding, as in Blumensath, Davies, J. Fourier Anal. Appl. 14 (2008); the combination
with r is derived here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.penalties.base import Separable
from minisgl.penalties.blocks import destination
from minisgl.penalties.checks import require_count, require_floats, require_nonnegative, require_positive, scaled_by
from minisgl.penalties.groups import Axes, group_size, in_chunks, norms, root_size, within


def _factors(lengths: Array, kept: Array) -> Array:
    """1 for a group that is kept or has an infinite entry, NaN for one with a NaN, else 0."""
    xp = get_array_module(lengths)
    return xp.where(xp.isnan(lengths), lengths, xp.where(xp.isinf(lengths) | kept, 1.0, 0.0))


def _value(lam: float, w: Array, groups: Axes) -> float:
    require_floats(w)
    nonzero = get_array_module(w).any(w != 0, axis=within(w, groups))
    return lam * root_size(w, groups) * int(nonzero.sum().item())


@dataclass(frozen=True)
class GroupL0:
    """lam * sum_g sqrt(n_g) [w_g != 0], lam >= 0; groups as in groups.py. Separable over groups, not convex.

    prox: 0 for a group of length at most sqrt(2 step lam sqrt(n_g)), where it jumps; longer groups do not change. `size` is
    n_g, a whole number >= 1. step_for needs it; if it is given, value and prox refuse an array with groups of another size.
    ValueError if lam < 0 or size < 1, or if w lacks an axis in groups or has groups of another size. Source: Blumensath, Davies
    (2008), for groups.
    """

    name: ClassVar[str] = "group-l0"
    options: ClassVar[Mapping[str, float]] = {}
    shrinks: ClassVar[bool] = False

    lam: float
    groups: Axes
    size: int | None = None

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        if self.size is not None:
            require_count("size", self.size)

    def value(self, w: Array) -> float:
        """lam * sqrt(n_g) times the number of non-zero groups."""
        self._require_size(w)
        return _value(self.lam, w, self.groups)

    def step_for(self, threshold: float) -> float:
        """threshold^2 sqrt(n_g) / (2 lam): at this step every group whose root mean square is up to `threshold` becomes 0.

        ValueError if `size`, that is n_g, is not given or lam is 0.
        """
        if self.size is None:
            raise ValueError("the step for a threshold depends on how many weights a group has: give GroupL0 its size")
        require_positive("lam", self.lam)
        return threshold * threshold * self.size**0.5 / (2 * self.lam)  # ||w_g||^2 = n_g t^2 = 2 step lam sqrt(n_g)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Group hard thresholding of v; step > 0."""
        self._require_size(v)
        xp, lengths = get_array_module(v), norms(v, self.groups)
        k = scaled_by(step, self.lam) * root_size(v, self.groups)
        v, out = destination(v, out)
        return xp.multiply(v, _factors(lengths, lengths > sqrt(2) * sqrt(k)).astype(v.dtype), out=out)

    def _require_size(self, w: Array) -> None:
        size = group_size(w, self.groups)
        if self.size is not None and size != self.size:
            raise ValueError(f"groups must have the size {self.size}, but those of an array of shape {w.shape} have {size}")


@dataclass(frozen=True)
class GroupL0With:
    """sparse(w) + lam_group * sum_g sqrt(n_g) [w_g != 0], lam_group >= 0; exact for any separable penalty `sparse`.

    prox: the prox of `sparse`, or 0 for the whole group, whichever costs less; it jumps where they cost the same. ValueError if
    lam_group < 0, or if w lacks an axis in groups. Source: derived above.
    """

    sparse: Separable
    lam_group: float
    groups: Axes

    def __post_init__(self) -> None:
        require_nonnegative("lam_group", self.lam_group)

    def value(self, w: Array) -> float:
        """sparse.value(w) plus lam_group * sqrt(n_g) times the number of non-zero groups."""
        return self.sparse.value(w) + _value(self.lam_group, w, self.groups)

    def step_for(self, threshold: float) -> float:
        """The step of `sparse`: weights up to `threshold` become 0, and larger ones only if their whole group does."""
        return self.sparse.step_for(threshold)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The comparison above, group by group; step > 0."""
        xp, inner = get_array_module(v), within(v, self.groups)
        k = scaled_by(step, self.lam_group) * root_size(v, self.groups)

        def choose(v: Array, out: Array) -> None:
            x, lengths = self.sparse.prox(v, step), norms(v, self.groups)
            y, z = v.astype("float64"), x.astype("float64")
            with np.errstate(invalid="ignore", over="ignore"):  # inf - inf: _factors decides about these groups
                # m - ||v||^2/2, in one sum, so that two large numbers do not cancel
                gain = xp.sum(step * self.sparse.cost(z) + z * (z / 2 - y), axis=inner, keepdims=True)
            xp.multiply(x, _factors(lengths, gain + k < 0).astype(v.dtype), out=out)

        return in_chunks(choose, v, self.groups, out)
