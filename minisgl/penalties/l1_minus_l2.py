"""l1 minus l2: l1 with a discount for vectors that have few large entries. With alpha = 1 a single non-zero entry costs 0.

    value(w) = lam * (||w||_1 - alpha ||w||_2),   0 <= alpha <= 1,   over the whole array as one vector

    prox(v), L = step * lam, m = max |v_i|:
    m > L                     z = soft(v, L);   x = z (||z|| + alpha L)/||z||
    (1 - alpha) L < m <= L    one non-zero entry, at the first i with |v_i| = m:   x_i = sign(v_i) (m - (1 - alpha) L)
    m <= (1 - alpha) L        x = 0

Derivation. A minimiser x != 0 has v's signs, and x_i (1 - alpha L/||x||) = v_i - L sign(x_i) where x_i != 0, |v_i| <= L where
x_i = 0. Multiplying by x_i and summing shows that its cost is (||v||^2 - ||x||^2)/2: the longest solution is the cheapest, and
cheaper than 0. Which lengths are possible? If ||x|| > alpha L, the factor is positive: the non-zero entries are those with
|v_i| > L, x has the direction of z, and ||x|| = ||z|| + alpha L; this is possible exactly when m > L. If ||x|| <= alpha L, all
|v_i| in the support S are <= L and ||x|| = alpha L - ||(L - |v|)_S||; the longest x has a single entry in S, the largest, and
the length m - (1 - alpha) L. If several |v_i| are equal to m and (1 - alpha) L < m <= L, each of them gives a minimiser, and
the first is returned. The prox is not separable, and in this case it jumps where another entry becomes the largest.

Source: Lou, Yan, "Fast L1-L2 minimization via a proximal operator", J. Sci. Comput. 74 (2018) 767.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.penalties.blocks import destination, in_blocks
from minisgl.penalties.checks import require_between, require_floats, require_nonnegative, require_positive, scaled_by
from minisgl.penalties.groups import norms


@dataclass(frozen=True)
class L1MinusL2:
    """lam * (||w||_1 - alpha ||w||_2), lam >= 0, 0 <= alpha <= 1. Not separable; not convex for alpha > 0.

    prox, L = step * lam: soft thresholding at L, lengthened by alpha L. If no |v_i| is above L, only the largest entry is kept,
    shortened by (1 - alpha) L, or none if it is not longer than that; prox jumps at ties. ValueError if lam or alpha is out of
    range. Source: Lou, Yan (2018).
    """

    name: ClassVar[str] = "l1-l2"
    options: ClassVar[Mapping[str, float]] = {"alpha": 1.0}
    shrinks: ClassVar[bool] = True

    lam: float
    alpha: float = 1.0

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        require_between("alpha", self.alpha, 0, 1)

    def value(self, w: Array) -> float:
        """lam * (sum |w_i| - alpha * sqrt(sum w_i^2)), for w of any shape; never below 0."""
        require_floats(w)
        if w.size == 0:
            return 0.0
        xp, length = get_array_module(w), norms(w, ()).reshape(())
        sizes = xp.abs(w.reshape(-1)).astype("float64")
        first = xp.argmax(sizes)
        m = sizes[first] + 0  # a copy
        sizes[first] = 0
        # ||w|| - m = (sum of the other squares) / (||w|| + m), in which nothing cancels
        rest = xp.sum(sizes) - xp.sum(sizes * (sizes / xp.where(m > 0, length + m, 1)))
        return self.lam * (rest + (1 - self.alpha) * length).item()

    def step_for(self, threshold: float) -> float:
        """threshold / lam: at this step every |v_i| up to `threshold` becomes 0 if some |v_i| is larger."""
        require_positive("lam", self.lam)
        return threshold / self.lam

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The three cases above for v of any shape; step > 0."""
        xp, scaled = get_array_module(v), scaled_by(step, self.lam)
        v, out = destination(v, out)
        if v.size == 0:
            return out
        flat = v.reshape(-1)
        # the first of the largest |v_i| is the first largest or the first smallest v_i: found without a temporary
        high, low = xp.argmax(flat), xp.argmin(flat)
        top, bottom = flat[high], -flat[low]
        first = xp.where((top > bottom) | ((top == bottom) & (high < low)), high, low)
        m, signed = xp.maximum(top, bottom), flat[first]

        x = out if out.flags.c_contiguous else xp.empty(v.shape, dtype=v.dtype)
        in_blocks(lambda block: block - xp.clip(block, -scaled, scaled), v, x, scaled)  # z, all 0 when m <= scaled
        length = norms(x, ()).reshape(())
        stretch = xp.where(length == 0, 0, 1 + self.alpha * scaled / xp.where(length == 0, 1, length))
        in_blocks(lambda block: block * stretch.astype(v.dtype), x, x)
        alone = xp.where((m <= scaled) & (m > (1 - self.alpha) * scaled), xp.copysign(m - (1 - self.alpha) * scaled, signed), 0)
        entries = x.reshape(-1)
        entries[first] = xp.where(m <= scaled, alone, entries[first])
        if out is not x:
            out[...] = x
        return out
