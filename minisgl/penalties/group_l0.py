"""Group l0: every group that is not zero pays the same, whatever is in it; alone, or on top of a penalty on its weights.

    GroupL0      value(w) = lam * sum over groups g of sqrt(n_g) [w_g != 0]
                 prox(v)_g = v_g if ||v_g|| > sqrt(2 k) else 0,   k = step * lam * sqrt(n_g)

    GroupL0With  value(w) = r(w) + lam_group * sum_g sqrt(n_g) [w_g != 0],   r any separable penalty
                 prox(v)_g = x_g = prox_r(v_g) if  m + k < ||v_g||^2/2  else 0,   m = step * r(x_g) + ||x_g - v_g||^2/2

Derivation, one group. Either the whole group is 0, which costs ||v||^2/2; or it is not, which costs k, once, plus the least
that r can make of it. That least is m, at prox_r(v), whether or not prox_r(v) happens to be 0. The smaller of the two wins,
and at a tie 0. With r = 0, m is 0 and the comparison is ||v||^2/2 > k. Exact for every r; it jumps, and is not convex.

Source: the group form of hard thresholding, as in Blumensath, Davies, J. Fourier Anal. Appl. 14 (2008); the combination
with r is derived here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.penalties.base import Separable
from minisgl.penalties.checks import require_count, require_nonnegative, require_positive
from minisgl.penalties.groups import Axes, group_size, in_chunks, norms, root_size, within


def _value(lam: float, w: Array, groups: Axes) -> float:
    alive = get_array_module(w).any(w != 0, axis=within(w, groups))
    return lam * root_size(w, groups) * int(alive.sum().item())


@dataclass(frozen=True)
class GroupL0:
    """lam * sum_g sqrt(n_g) [w_g != 0], lam >= 0; groups as in groups.py. Separable over groups, not convex.

    prox: each group as it is, 0 if its length is at most sqrt(2 step lam sqrt(n_g)), where it jumps. `size` is n_g, a whole
    number >= 1: step_for needs it, and value and prox then refuse an array with groups of another size. ValueError if lam < 0
    or size < 1, when w has no axis that groups names, or groups of another size. Source: Blumensath, Davies (2008), for groups.
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
        """lam * sqrt(n_g) for every group that is not zero."""
        self._require_size(w)
        return _value(self.lam, w, self.groups)

    def step_for(self, threshold: float) -> float:
        """threshold^2 sqrt(n_g) / (2 lam): at this step every group whose root mean square is up to `threshold` becomes 0.

        ValueError without `size`, which is n_g, or if lam is 0.
        """
        if self.size is None:
            raise ValueError("the step for a threshold depends on how many weights a group has: give GroupL0 its size")
        require_positive("lam", self.lam)
        return threshold * threshold * self.size**0.5 / (2 * self.lam)  # ||w_g||^2 = n_g t^2 = 2 step lam sqrt(n_g)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Group hard thresholding of v; step > 0."""
        require_positive("step", step)
        self._require_size(v)
        xp = get_array_module(v)
        k = step * self.lam * root_size(v, self.groups)
        alive = (norms(v, self.groups) > sqrt(2 * k)) | (k == 0)
        return xp.multiply(v, alive, out=xp.empty_like(v) if out is None else out)

    def _require_size(self, w: Array) -> None:
        size = group_size(w, self.groups)
        if self.size is not None and size != self.size:
            raise ValueError(f"groups must have the size {self.size}, and those of an array of shape {w.shape} have {size}")


@dataclass(frozen=True)
class GroupL0With:
    """sparse(w) + lam_group * sum_g sqrt(n_g) [w_g != 0], lam_group >= 0; exact for any separable penalty `sparse`.

    prox: that of `sparse`, or the whole group 0, whichever costs less; it jumps where they cost the same. ValueError if
    lam_group < 0, or when w has no axis that groups names. Source: derived above.
    """

    sparse: Separable
    lam_group: float
    groups: Axes

    def __post_init__(self) -> None:
        require_nonnegative("lam_group", self.lam_group)

    def value(self, w: Array) -> float:
        """sparse.value(w), and lam_group * sqrt(n_g) for every group that is not zero."""
        return self.sparse.value(w) + _value(self.lam_group, w, self.groups)

    def step_for(self, threshold: float) -> float:
        """That of `sparse`: up to `threshold` a weight is 0 in any case, and larger ones are where their group is."""
        return self.sparse.step_for(threshold)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The comparison above, group by group; step > 0."""
        require_positive("step", step)
        xp, inner = get_array_module(v), within(v, self.groups)
        k = step * self.lam_group * root_size(v, self.groups)

        def choose(v: Array, out: Array) -> None:
            x = self.sparse.prox(v, step)
            # m - ||v||^2/2, summed as one, so that two large numbers do not cancel
            gain = xp.sum(step * self.sparse.cost(x) + x * (x / 2 - v), axis=inner, keepdims=True)
            xp.multiply(x, gain + k < 0, out=out)

        return in_chunks(choose, v, self.groups, out)
