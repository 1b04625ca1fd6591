"""Exclusive lasso: the weights of a group compete, so that a few of them remain in every group.

    value(w) = lam/2 * sum over groups g of (sum over i in g of |w_i|)^2
    prox(v)_i = sign(v_i) * max(|v_i| - tau_g, 0),    tau_g = max over m of  S_m / (m + 1/k),    k = step * lam

with S_m the sum of the m largest |v_i| of the group: soft thresholding, with a threshold for each group that grows with its
weights. The group lasso makes whole groups zero; this makes none zero.

Derivation of the prox, one group. The signs are those of v, so let v >= 0. It remains to minimise k/2 (sum x)^2 + ||x - v||^2/2
over x >= 0, which is convex. With tau = k * sum x its optimality conditions say x_i = v_i - tau where that is positive, and
x_i = 0 where v_i <= tau. If m weights remain, they are the m largest, and the sum of v_i - tau over them is sum x = tau/k. So

    S_m - m tau = tau/k,    tau = S_m/(m + 1/k) =: t_m

Which m? t_(m+1) is a weighted mean of t_m and the next weight v_(m+1):

    t_(m+1) = (t_m (m + 1/k) + v_(m+1)) / (m + 1/k + 1)

so t rises with m while the next weight is above t_m, and never after that. The right m is thus the one with the largest t_m.

Sources: Zhou, Jin, Hoi, "Exclusive lasso for multi-task feature selection", AISTATS 2010; for networks Yoon, Hwang, "Combined
group and exclusive sparsity for deep neural networks", ICML 2017.
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.penalties.checks import require_floats, require_nonnegative, scaled_by
from minisgl.penalties.groups import Axes, group_size, in_chunks, within


@dataclass(frozen=True)
class ExclusiveLasso:
    """lam/2 * sum_g (sum_i |w_gi|)^2, lam >= 0; groups as in groups.py. Convex, separable over groups only.

    prox: soft thresholding at tau_g; no jump. ValueError if lam < 0, or if w lacks an axis in groups.
    Source: Zhou et al. (2010).
    """

    lam: float
    groups: Axes

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)

    def value(self, w: Array) -> float:
        """lam/2 * sum_g (sum_i |w_gi|)^2."""
        require_floats(w)
        sums = get_array_module(w).abs(w).sum(axis=within(w, self.groups), dtype="float64")  # one number for each group
        return self.lam / 2 * (sums * sums).sum().item()

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Soft thresholding of each of v's groups at its tau_g; step > 0."""
        k = scaled_by(step, self.lam)
        return in_chunks(lambda v, out: self._shrink(v, k, out), v, self.groups, out)

    def _shrink(self, v: Array, k: float, out: Array) -> None:
        xp, tau = get_array_module(v), self._thresholds(v, k)
        xp.subtract(v, xp.clip(v, -tau, tau), out=out)  # 0 up to tau; NaN stays NaN

    def _thresholds(self, v: Array, k: float) -> Array:
        """Return tau_g, which broadcasts with v, in v's dtype. NaN for a group with a NaN."""
        xp, inner = get_array_module(v), within(v, self.groups)
        outer = [axis for axis in range(v.ndim) if axis not in inner]
        shape = [v.shape[axis] if axis in outer else 1 for axis in range(v.ndim)]
        rows = xp.abs(v).transpose(*outer, *inner).reshape(-1, group_size(v, self.groups))  # (groups, n), n weights in each
        largest = xp.sort(rows, axis=1)[:, ::-1].astype("float64", order="C")
        sums = xp.cumsum(largest, axis=1)  # S_1 to S_n
        counts = xp.arange(1, rows.shape[1] + 1) + (1 / k if k > 0 else inf)  # m + 1/k
        most = float(np.finfo(v.dtype).max)  # an infinite weight stays infinite, and the others become 0
        return xp.minimum((sums / counts).max(axis=1), most).astype(v.dtype).reshape(shape)
