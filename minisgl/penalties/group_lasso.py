"""Group lasso: the cost of a group of weights is proportional to its length, so that whole groups become zero.

    value(w) = lam * sum over groups g of sqrt(n_g) ||w_g||_2              n_g the number of weights in group g
    prox(v)_g = v_g * max(1 - k/||v_g||, 0),   k = step * lam * sqrt(n_g)                  (block soft thresholding)
    subgradient(w)_g = lam * sqrt(n_g) * w_g / ||w_g||,  and 0 for a group that is 0

Derivation of the prox, one group. The penalty depends on x only through its length, and for a given length ||x - v|| is
least when x points along v: x = s v/||v||, s >= 0. It remains to minimise k s + (s - ||v||)^2/2, which is one-dimensional soft
thresholding, so s = max(||v|| - k, 0). Because of sqrt(n_g), groups of different sizes cost the same per weight. At a zero
group every vector of length <= lam sqrt(n_g) is a subgradient; 0 is the shortest, and leaves a zero group at zero.

Source: Yuan, Lin, "Model selection and estimation in regression with grouped variables", J. R. Stat. Soc. B 68 (2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Reduction, has_kernels
from minisgl.penalties.checks import require_nonnegative, scaled_by
from minisgl.penalties.groups import Axes, block_soft, norms, root_size, within

GROUP_SCALE = Reduction(
    "group_scale",
    "T w, float64 weight, float64 shortest",
    "T scale",
    map="double(w) * double(w)",
    post="scale = where(a == 0, double(0), weight / where(sqrt(a) < shortest, shortest, sqrt(a)))",
)


@dataclass(frozen=True)
class GroupLasso:
    """lam * sum_g sqrt(n_g) ||w_g||, lam >= 0; groups as in groups.py. Convex, separable over groups only.

    prox: each group shortened by k = step * lam * sqrt(n_g), 0 if its length is at most k; no jump. ValueError if lam < 0, or
    if w lacks an axis in groups. Source: Yuan, Lin (2006).
    """

    name: ClassVar[str] = "group-lasso"
    options: ClassVar[Mapping[str, float]] = {}
    shrinks: ClassVar[bool] = True

    lam: float
    groups: Axes

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)

    def value(self, w: Array) -> float:
        """lam * sum_g sqrt(n_g) ||w_g||."""
        return self.lam * root_size(w, self.groups) * norms(w, self.groups).sum().item()

    def scale(self, w: Array, out: Array | None = None) -> Array:
        """The group scales, lam * sqrt(n_g) / ||w_g||, and 0 for a zero group; the axes within a group have length 1.

        `out`, if given, is filled with them and returned.
        """
        weight = self.lam * root_size(w, self.groups)
        shortest = weight / np.finfo(w.dtype).max  # of a shorter group the scale would be infinite
        if out is not None and w.dtype.char == "f" and has_kernels(w):  # float64 has to guard against overflow: norms
            GROUP_SCALE(w, weight, float(shortest), out=out, axis=within(w, self.groups))
            return out
        if out is not None:
            out[...] = self.scale(w)
            return out
        xp, lengths = get_array_module(w), norms(w, self.groups)
        scales = weight / xp.maximum(xp.where(lengths == 0, 1, lengths), shortest)
        return xp.where(lengths == 0, 0, scales).astype(w.dtype)

    def subgradient(self, w: Array) -> Array:
        """w times its group's scale: finite everywhere, 0 at a zero group, of w's shape, dtype and array module."""
        return w * self.scale(w)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Block soft thresholding of v's groups; step > 0."""
        return block_soft(v, scaled_by(step, self.lam) * root_size(v, self.groups), self.groups, out)
