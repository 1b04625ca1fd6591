"""Group lasso: a whole group of weights pays by its length, so it pays most to be rid of it altogether.

    value(w) = lam * sum over groups g of sqrt(n_g) ||w_g||_2              n_g the number of weights in group g
    prox(v)_g = v_g * max(1 - k/||v_g||, 0),   k = step * lam * sqrt(n_g)                  (block soft thresholding)
    subgradient(w)_g = lam * sqrt(n_g) * w_g / ||w_g||,  and 0 for a group that is 0

Derivation of the prox, one group. The penalty depends on x only through its length, and for a given length ||x - v|| is
least when x points along v: x = s v/||v||, s >= 0. What is left is k s + (s - ||v||)^2/2, one-dimensional soft thresholding,
so s = max(||v|| - k, 0). The sqrt(n_g) makes groups of different sizes pay alike per weight. At a zero group every vector of
length <= lam sqrt(n_g) is a subgradient; 0 is the shortest, and the one that leaves a dead group dead.

Source: Yuan, Lin, "Model selection and estimation in regression with grouped variables", J. R. Stat. Soc. B 68 (2006).
"""

from dataclasses import dataclass
from math import prod, sqrt

from numpy.lib.array_utils import normalize_axis_tuple

from minisgl.backend import Array, get_array_module
from minisgl.penalties.checks import require_nonnegative


@dataclass(frozen=True)
class GroupLasso:
    """lam * sum_g sqrt(n_g) ||w_g||, lam >= 0. Convex, continuous prox, not separable over single weights.

    groups: the axis, or axes, of w that number the groups; all the other axes run within one. For a convolution
    (K, C, R, S) the axis 0 makes each output channel a group; for a linear layer (D_out, D_in) the axis 1 makes each input
    neuron one. ValueError if lam < 0, or when w has no such axis.
    """

    lam: float
    groups: int | tuple[int, ...]

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)

    def _within(self, w: Array) -> tuple[int, ...]:
        """The axes that run within a group."""
        numbering = normalize_axis_tuple(self.groups, w.ndim)
        return tuple(axis for axis in range(w.ndim) if axis not in numbering)

    def _weight(self, w: Array) -> float:
        """lam * sqrt(n_g)."""
        return self.lam * sqrt(prod(w.shape[axis] for axis in self._within(w)))

    def norms(self, w: Array) -> Array:
        """||w_g|| of every group; axes within a group are kept with length 1, so that the result broadcasts with w."""
        xp = get_array_module(w)
        axes = list(range(w.ndim))
        kept = [axis for axis in axes if axis not in self._within(w)]
        squares = xp.einsum(w, axes, w, axes, kept)  # no temporary of w's size
        return xp.expand_dims(xp.sqrt(squares), self._within(w))

    def value(self, w: Array) -> float:
        """lam * sum_g sqrt(n_g) ||w_g||."""
        return self._weight(w) * float(get_array_module(w).sum(self.norms(w)))

    def subgradient(self, w: Array) -> Array:
        """lam * sqrt(n_g) * w_g / ||w_g||, finite everywhere and 0 at a zero group; w's shape, dtype and array module."""
        xp = get_array_module(w)
        norms = self.norms(w)
        return w * xp.where(norms > 0, self._weight(w) / xp.where(norms > 0, norms, 1), 0)

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Block soft thresholding of v's groups; step > 0."""
        xp = get_array_module(v)
        norms = self.norms(v)
        shrunk = xp.maximum(1 - step * self._weight(v) / xp.where(norms > 0, norms, 1), 0)
        return xp.multiply(v, xp.where(norms > 0, shrunk, 0), out=out)
