"""MCP, the minimax concave penalty: its slope falls linearly from lam at zero to 0 at gamma*lam.

    one weight, x = |w|:   lam x - x^2/(2 gamma)   up to gamma lam,     gamma lam^2/2   beyond          gamma > 0

    prox, step s, y = |v|:
    s < gamma        0 up to s lam;  (y - s lam)/(1 - s/gamma) up to gamma lam;  then y        (continuous)
    s >= gamma       0 up to lam sqrt(gamma s), then y                                         (jumps there)

Derivation. Up to gamma lam, s * value(x) + (x - y)^2/2 is a parabola of curvature 1 - s/gamma. If that is positive, its
minimum is the middle formula, which is 0 at y = s lam and equals y at y = gamma lam. Otherwise the parabola is concave and its
minima are at its ends. It remains to compare 0, which costs y^2/2, with y, which costs s gamma lam^2/2.

Source: Zhang, "Nearly unbiased variable selection under minimax concave penalty", Ann. Stat. 38 (2010).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Formula
from minisgl.penalties.blocks import HARD, in_blocks
from minisgl.penalties.checks import require_floats, require_nonnegative, require_positive, require_scale, scaled_by

FIRM = Formula(
    "firm",
    "T v, T t, T slope, T end",
    "T x",
    """
    soft = (v - where(v < -t, -t, where(v > t, t, v))) / slope;
    inside = where(soft < -end, -end, where(soft > end, end, soft));
    x = where(abs(v) <= end, inside, v);
    """,
)


@dataclass(frozen=True)
class MCP:
    """Minimax concave penalty, lam >= 0, gamma from 1e-30 to 1e30. Separable, not convex, unbiased beyond gamma*lam.

    prox: 0 up to the threshold step * lam, then (|v| - step lam)/(1 - step/gamma) up to gamma*lam, then v; if step >= gamma, 0
    up to the threshold lam sqrt(gamma step), where it jumps to v. ValueError if lam or gamma is out of range.
    Source: Zhang (2010).
    """

    name: ClassVar[str] = "mcp"
    options: ClassVar[Mapping[str, float]] = {"gamma": 3.0}
    shrinks: ClassVar[bool] = False

    lam: float
    gamma: float = 3.0

    def __post_init__(self) -> None:
        require_nonnegative("lam", self.lam)
        require_scale("gamma", self.gamma)

    def cost(self, w: Array) -> Array:
        """The two cases above, entry by entry."""
        require_floats(w)
        xp = get_array_module(w)
        x = xp.minimum(xp.abs(w), self.gamma * self.lam)  # beyond, the cost stays at the parabola's maximum
        return self.lam * x - x * x / (2 * self.gamma)

    def value(self, w: Array) -> float:
        """The sum of cost(w)."""
        return self.cost(w).sum().item()

    def threshold(self, step: float) -> float:
        """step * lam, or lam sqrt(gamma step) if step >= gamma."""
        return self.lam * (step if step < self.gamma else sqrt(self.gamma * step))

    def step_for(self, threshold: float) -> float:
        """The inverse of threshold. ValueError if lam is 0."""
        require_positive("lam", self.lam)
        ratio = threshold / self.lam
        return ratio if ratio < self.gamma else ratio**2 / self.gamma

    def prox(self, v: Array, step: float, out: Array | None = None) -> Array:
        """The thresholding above of v (any shape); step > 0."""
        scaled_by(step, self.lam)
        xp, lam, gamma, t = get_array_module(v), self.lam, self.gamma, self.threshold(step)

        def firm(block: Array) -> Array:
            soft = (block - xp.clip(block, -t, t)) / (1 - step / gamma)
            inside = xp.clip(soft, -gamma * lam, gamma * lam)  # rounding may pass the ends
            return xp.where(xp.abs(block) <= gamma * lam, inside, block)

        def hard(block: Array) -> Array:
            return xp.where(xp.abs(block) <= t, 0, block)

        kernel = (FIRM, t, 1 - step / gamma, gamma * lam) if step < gamma else (HARD, t)
        return in_blocks(firm if step < gamma else hard, v, out, t, gamma * lam, kernel=kernel)
