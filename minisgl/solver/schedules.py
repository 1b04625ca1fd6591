"""How the learning rate, the coupling beta and the threshold move during a run: the two regimes, and the refit.

Paper (`Stepwise`). The V-step uses s = 1/beta, so the threshold follows from beta (for l0 it is sqrt(2 lam/beta)). beta grows
by a factor every few epochs and the learning rate falls by ten at fixed epochs. W is the network.

Continuation (`Continuation`). The threshold tau itself is scheduled: it climbs from 0 to its end over the first part of the
run, while W is free to move its function into the weights that will survive. Then beta rises geometrically, so that W meets
V. The learning rate follows a half cosine to 0, from the start or, where very little is to be left, from a later point on:
what falls out of V can then be made up for as long as the threshold climbs. V is the network.

    t in [0, 1] the fraction of the steps that this schedule is for: the run, without its refit if it has one
    r the fraction at which the ramp ends,  h the fraction up to which lr is held
    tau(t) = tau_end * min(t / r, 1),    beta(t) = beta * rise^max((t - r)/(1 - r), 0)
    lr(t) = lr * (1 + cos(pi max((t - h)/(1 - h), 0)))/2

Refit (`HalfCosine`). lr follows a half cosine from its start to 0; there are no penalties, so no beta and no threshold.
"""

from dataclasses import dataclass
from math import cos, pi
from typing import NamedTuple, Protocol


class StepSettings(NamedTuple):
    """What a schedule says of one training step; thresholds (by layer name) None means s = 1/beta. JSON can hold it."""

    lr: float
    beta: float = 0.0
    thresholds: dict[str, float] | None = None


class Schedule(Protocol):
    """The settings of every step, each a function of the step's number alone."""

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """The settings of step 0 <= step < steps."""


@dataclass(frozen=True)
class Stepwise:
    """The paper's: beta x growth every beta_every epochs, lr x 0.1 at the start of each epoch in lr_drops (from 0)."""

    lr: float
    lr_drops: tuple[int, ...]
    beta: float
    growth: float
    beta_every: int

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """The settings of step 0 <= step < steps."""
        epoch = step // steps_per_epoch
        drops = sum(epoch >= drop for drop in self.lr_drops)
        return StepSettings(self.lr * 0.1**drops, self.beta * self.growth ** (epoch // self.beta_every))


@dataclass(frozen=True)
class Continuation:
    """Ours: thresholds (by layer name) ramp up until the fraction `ramp` of the run, then beta rises by `rise` in all.

    lr falls from the fraction `hold` on, 0 <= hold < 1.
    """

    lr: float
    beta: float
    rise: float
    thresholds: dict[str, float]
    ramp: float
    hold: float = 0.0

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """The settings of step 0 <= step < steps."""
        t = step / steps
        height = min(t / self.ramp, 1.0)
        beta = self.beta * self.rise ** max((t - self.ramp) / (1 - self.ramp), 0.0)
        lr = self.lr * (1 + cos(pi * max((t - self.hold) / (1 - self.hold), 0.0))) / 2
        return StepSettings(lr, beta, {name: tau * height for name, tau in self.thresholds.items()})


@dataclass(frozen=True)
class HalfCosine:
    """The refit's: lr falls by half a cosine, from its start to 0."""

    lr: float

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """The settings of step 0 <= step < steps."""
        return StepSettings(self.lr * (1 + cos(pi * (step / steps))) / 2)
