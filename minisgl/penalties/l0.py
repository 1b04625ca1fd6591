"""The l0 "norm": every non-zero weight costs lam, whatever its size.

    value(w) = lam * #{i : w_i != 0}    prox(v)_i = v_i if |v_i| > t else 0,   t = sqrt(2 step lam)     (hard thresholding)

Derivation, one coordinate. Either x = 0, which costs v^2/2; or x != 0, which costs step*lam + (x - v)^2/2. That is least at
x = v, where it is step*lam. Keeping v is cheaper exactly when v^2/2 > step*lam, that is |v| > sqrt(2 step lam). At equality
both are minimisers, and 0 is returned. The prox jumps by t at the threshold, and kept weights do not change: l0 has no bias.
It is not convex.

Source: Blumensath, Davies, "Iterative thresholding for sparse approximations", J. Fourier Anal. Appl. 14 (2008).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.penalties.blocks import HARD, in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, scaled_by


@dataclass(frozen=True)
class L0:
    """lam * ||w||_0, lam >= 0. Separable, not convex, unbiased. ValueError if lam < 0.

    prox: 0 up to the threshold t = sqrt(2 step lam), where it jumps by t, then v. Source: Blumensath, Davies (2008).
    """

    name: ClassVar[str] = "l0"
    options: ClassVar[Mapping[str, float]] = {}
    shrinks: ClassVar[bool] = False

    lam: float

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)

    def cost(self, w: Array) -> Array:
        """lam where w_i != 0, else 0, entry by entry."""
        require_floats(w)
        return self.lam * (w != 0).astype(w.dtype)

    def value(self, w: Array) -> float:
        """lam times the number of non-zero entries, for w of any shape."""
        require_floats(w)
        return self.lam * int((w != 0).sum().item())

    def threshold(self, step: float) -> float:
        """sqrt(2 step lam)."""
        return sqrt(2 * step * self.lam)

    def step_for(self, threshold: float) -> float:
        """threshold^2 / (2 lam). ValueError if lam is 0, since prox then changes nothing."""
        require_positive("lam", self.lam)
        return threshold * (threshold / (2 * self.lam))

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """Hard thresholding of v (any shape) at sqrt(2 step lam); step > 0."""
        xp, t = get_array_module(v), sqrt(2 * scaled_by(step, self.lam))
        # a product is five times faster than where, and keeps NaN; + 0 turns -0.0 into 0.0
        return in_blocks(lambda block: block * (xp.abs(block) > t).astype(block.dtype) + 0, v, out, t, kernel=(HARD, t))
