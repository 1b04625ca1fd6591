"""The l1 norm: the cost of a weight is lam times its size.

    value(w) = lam * sum |w_i|          prox(v)_i = sign(v_i) * max(|v_i| - t, 0),   t = step * lam     (soft thresholding)

Derivation, one coordinate. Minimise f(x) = t|x| + (x - v)^2/2 for v >= 0 (v < 0 is its mirror image). For x > 0 the slope is
t + x - v, zero at x = v - t, which is positive when v > t. When v <= t the slope is >= 0 on all of x > 0, and on x < 0 it is
-t + x - v < 0, so the minimum is at the corner x = 0. There is no jump at the threshold, and every weight that is kept
shrinks by t: this shrinkage of large weights is the bias of l1.

Source: Donoho, "De-noising by soft-thresholding", IEEE Trans. Inf. Theory 41 (1995).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Formula
from minisgl.penalties.blocks import in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, scaled_by

SOFT = Formula("soft", "T v, T t", "T x", "x = v - where(v < -t, -t, where(v > t, t, v));")


@dataclass(frozen=True)
class L1:
    """lam * ||w||_1, lam >= 0. Convex, separable, biased for large weights. ValueError if lam < 0.

    prox: sign(v) (|v| - t)_+, 0 up to the threshold t = step * lam; no jump. Source: Donoho (1995).
    """

    name: ClassVar[str] = "l1"
    options: ClassVar[Mapping[str, float]] = {}
    shrinks: ClassVar[bool] = True

    lam: float

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)

    def cost(self, w: Array) -> Array:
        """lam |w_i|, entry by entry."""
        require_floats(w)
        return self.lam * get_array_module(w).abs(w)

    def value(self, w: Array) -> float:
        """lam * sum |w_i|, for w of any shape."""
        require_floats(w)
        xp = get_array_module(w)
        return self.lam * xp.sum(xp.abs(w)).item()

    def threshold(self, step: float) -> float:
        """step * lam."""
        return step * self.lam

    def step_for(self, threshold: float) -> float:
        """threshold / lam. ValueError if lam is 0, since prox then changes nothing."""
        require_positive("lam", self.lam)
        return threshold / self.lam

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Soft thresholding of v (any shape) at step * lam; step > 0."""
        xp, t = get_array_module(v), scaled_by(step, self.lam)
        # v minus v clipped to [-t, t] is sign(v) (|v| - t)_+, with exact zeros and no case distinction
        return in_blocks(lambda block: block - xp.clip(block, -t, t), v, out, t, kernel=(SOFT, t))
