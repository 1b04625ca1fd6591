"""When a method with a fixed number of weights replaces some of them, and how many.

    at every step that is a multiple of `every`, while t < until:    share(t) = alpha/2 * (1 + cos(pi t / until))

t in [0, 1] is the fraction of the run (without the refit) that is done, and share(t) the part of each layer's weights that is
replaced: many at first, fewer and fewer later. After `until` the mask stays, and the last weights that grew are trained.

Source: Evci et al., "Rigging the lottery", ICML 2020, arXiv 1911.11134 (from Dettmers, Zettlemoyer, arXiv 1907.04840).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import cos, pi

from minisgl.nn import Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.random_mask import RandomMask
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay


@dataclass(frozen=True)
class Regrowth:
    """every >= 1 steps; 0 < alpha < 1; 0 < until <= 1."""

    every: int
    alpha: float
    until: float

    def share(self, step: int, done: float) -> float:
        """Return the share of the weights that step number `step`, from 1, replaces; `done` is t. 0 for none."""
        if step % self.every or done >= self.until:
            return 0.0
        return self.alpha / 2 * (1 + cos(pi * done / self.until))


class Regrowing(RandomMask):
    """A random mask (random_mask.py) that changes as `regrowth` says. A subclass decides in `finish` which weights grow."""

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        slots: Iterable[Slot],
        decay: WeightDecay | None,
        sparsity: float,
        *,
        densities: str = "erk",
        seed: int = 0,
        regrowth: Regrowth,
    ) -> None:
        super().__init__(network, optimizer, slots, decay, sparsity, densities=densities, seed=seed)
        self.regrowth = regrowth

    def drop(self, settings: StepSettings) -> Iterator[tuple[Slot, int]]:
        """At a step of the regrowth, remove weights in every layer, and yield it with the number of weights to grow there."""
        share = self.regrowth.share(self.optimizer.steps, settings.done)
        for slot, kept in self.kept.items() if share else ():
            n = slot.stop - slot.start
            k = min(int(share * kept), n - kept)  # in a dense layer there is nothing to grow
            self.remove((slot,), n - kept + k)
            yield slot, k
