"""How the learning rate, the coupling beta and the threshold change during a run: the two regimes, and the refit.

Paper (`Stepwise`). The V-step uses s = 1/beta, so the threshold follows from beta (for l0 it is sqrt(2 lam/beta)). beta grows
by a factor every few epochs, and the learning rate falls by a factor (ten, or five) at fixed epochs. W is the network.

Continuation (`Continuation`). The threshold tau itself is scheduled: it rises linearly from 0 to its final value over the first
part of the run, while W can still shift its function to the weights that will remain. Then beta rises geometrically, so that W
and V converge. The learning rate follows a half cosine to 0, from the start of the run or, for very sparse networks, from a
later point, so that W can still make up for the weights that V loses while the threshold rises. With a warm-up it first rises
linearly; warm-up and cosine together are called one cycle. V is the network.

Instead of the threshold, the share of V's weights that are zero can be scheduled. It rises along a cubic: fast while many
weights hardly matter, and slowly in the end. The threshold then follows from the sizes of W's weights (quantile.py).

    t in [0, 1] the fraction of the schedule's steps that are done; the steps of a refit do not count
    r the fraction at which the ramp ends,  w that of the warm-up,  h the fraction up to which lr is held,  n the steps in all
    tau(t) = tau_end * min(t / r, 1),    or    share(t) = sparsity * (1 - (1 - min(t / r, 1))^3)
    beta(t) = beta * rise^max((t - r)/(1 - r), 0)
    lr(t) = lr * min((t + 1/n)/w, 1) * (1 + cos(pi max((t - s)/(1 - s), 0)))/2,    s = max(w, h)

(1/n is there so that lr is above 0 in the first step, and reaches its full value in the last step of the warm-up.)

With SGD (`CappedBeta`) both regimes have beta at most 1/lr. The coupling alone moves W - V by -lr beta (W - V) in a step: with
lr beta > 1, W would move beyond V. Adam's steps do not grow with beta.

Refit (`HalfCosine`). lr follows a half cosine to 0. There are no penalties, so there is no beta and no threshold.

Sources: Loshchilov, Hutter, "SGDR", ICLR 2017 (cosine); Smith, Topin, "Super-convergence", arXiv 1708.07120 (one cycle); Zhu,
Gupta, "To prune, or not to prune", arXiv 1710.01878 (cubic).
"""

from dataclasses import dataclass
from math import cos, pi
from typing import NamedTuple, Protocol


class StepSettings(NamedTuple):
    """The settings of one training step, in types that JSON has.

    thresholds: by layer name. sparsity: the share of zeros in V, in all layers with an r together, if that gives the threshold.
    If both are None, s = 1/beta. done: t, the fraction of the steps that are done, in continuation; for methods with a schedule
    of their own.
    """

    lr: float
    beta: float = 0.0
    thresholds: dict[str, float] | None = None
    sparsity: float | None = None
    done: float = 0.0


class Schedule(Protocol):
    """Gives the settings of every step, as a function of the step's number alone."""

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """Return the settings of step 0 <= step < steps."""


@dataclass(frozen=True)
class Stepwise:
    """The paper's regime: beta x growth every beta_every epochs; lr x factor when an epoch in lr_drops (from 0) begins."""

    lr: float
    lr_drops: tuple[int, ...]
    beta: float
    growth: float
    beta_every: int
    factor: float = 0.1

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """Return the settings of step 0 <= step < steps."""
        epoch = step // steps_per_epoch
        drops = sum(epoch >= drop for drop in self.lr_drops)
        return StepSettings(self.lr * self.factor**drops, self.beta * self.growth ** (epoch // self.beta_every))


@dataclass(frozen=True)
class Continuation:
    """Thresholds (by layer name) rise until the fraction `ramp` of the run; then beta rises by the factor `rise` in total.

    sparsity: the share of V's zeros, 0 < sparsity < 1, rises instead; thresholds is then None.
    lr rises until the fraction `warmup`, and falls after it or the fraction `hold`, if that is later; 0 <= warmup, hold < 1.
    """

    lr: float
    beta: float
    rise: float
    thresholds: dict[str, float] | None
    ramp: float
    hold: float = 0.0
    warmup: float = 0.0
    sparsity: float | None = None

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """Return the settings of step 0 <= step < steps."""
        t = step / steps
        height = min(t / self.ramp, 1.0)
        beta = self.beta * self.rise ** max((t - self.ramp) / (1 - self.ramp), 0.0)
        top = max(self.warmup, self.hold)
        lr = self.lr * (1 + cos(pi * max((t - top) / (1 - top), 0.0))) / 2
        if self.warmup:
            lr *= min((step + 1) / (self.warmup * steps), 1.0)
        if self.sparsity is not None:
            return StepSettings(lr, beta, sparsity=self.sparsity * (1 - (1 - height) ** 3), done=t)
        return StepSettings(lr, beta, {name: tau * height for name, tau in (self.thresholds or {}).items()}, done=t)


@dataclass(frozen=True)
class CappedBeta:
    """Another schedule, with beta at most 1/lr in every step. Where lr beta <= 1, it changes nothing."""

    schedule: Schedule

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """Return the settings of step 0 <= step < steps."""
        settings = self.schedule.at(step, steps_per_epoch, steps)
        return settings._replace(beta=1 / settings.lr) if settings.lr * settings.beta > 1 else settings


@dataclass(frozen=True)
class HalfCosine:
    """The refit's schedule: lr follows a half cosine from its initial value to 0."""

    lr: float

    def at(self, step: int, steps_per_epoch: int, steps: int) -> StepSettings:
        """Return the settings of step 0 <= step < steps."""
        return StepSettings(self.lr * (1 + cos(pi * (step / steps))) / 2)
