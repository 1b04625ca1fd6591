"""The regimes: how the penalties act during a run, and how the learning rate changes.

    continuation   the threshold of V rises, then the coupling beta     ContinuationConfig     solver/schedules.py
    paper          beta rises in steps, the threshold follows from it   PaperConfig            solver/schedules.py
    decoupled      no V and no beta: proxes on W in Adam's metric       DecoupledConfig        solver/decoupled.py

The type of a regime's first field decides which regime a flat table of options describes (formats/flat.py).
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ContinuationConfig:
    """Continuation: the threshold (one number, or one for each layer with an r) rises; then beta rises. See schedules.py.

    With a sparsity, the share of V's weights that are zero rises instead, and threshold is ().
    """

    threshold: tuple[float, ...] = (0.1,)
    sparsity: float | None = None
    ramp: float = 0.5
    hold: float = 0.0
    warmup: float = 0.0
    beta: float = 0.02
    beta_rise: float = 1000.0


@dataclass(frozen=True)
class PaperConfig:
    """The paper's regime: lr falls and beta grows in steps. The threshold follows from lam and beta, so it is None here."""

    threshold: None = None
    lr_drops: tuple[int, ...] = (40, 80, 120, 160)
    lr_factor: float = 0.1
    beta: float = 0.02
    beta_growth: float = 1.25
    beta_every: int = 40


@dataclass(frozen=True)
class DecoupledConfig:
    """The penalties are proxes on W, in the optimiser's metric; the learning rate is that of continuation."""

    decoupled: Literal[True] = True
    hold: float = 0.0
    warmup: float = 0.0


Regime = ContinuationConfig | DecoupledConfig | PaperConfig
