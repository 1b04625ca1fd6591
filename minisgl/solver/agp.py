"""Gradual magnitude pruning (AGP): the smallest weights are removed little by little while the others are trained on.

    s(t) = s_f * (1 - (1 - (t - t0)/(t1 - t0))^3),     t0 <= t <= t1

is the share of zeros after the fraction t of the run: 0 before t0, s_f from t1 on. It rises fast while many weights hardly
matter, and slowly in the end. After each step the smallest |w| are removed until the share is s(t): of all layers together, or
of each layer. A weight that is removed stays 0 (masked.py). Pruning one weight at a time lets the others take over its part.

The paper changes the mask every 100 or so steps; here it changes whenever s(t) is worth another weight.

Source: Zhu, Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression", arXiv 1710.01878.
"""

from collections.abc import Iterable

from minisgl.nn import Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.masked import Masked
from minisgl.solver.quantile import count_for
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay


class AGP(Masked):
    """Gradual magnitude pruning of the layers `slots` to the share `sparsity` of zeros, 0 < sparsity < 1.

    ramp: t0 and t1, 0 <= t0 < t1 <= 1. by_layer: whether the share is that of each layer.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        slots: Iterable[Slot],
        decay: WeightDecay | None,
        sparsity: float,
        *,
        ramp: tuple[float, float],
        by_layer: bool = False,
    ) -> None:
        super().__init__(network, optimizer, slots, decay)
        self.sparsity, self.ramp = sparsity, ramp
        self._ranked = [(slot,) for slot in self.slots] if by_layer else [self.slots]  # the layers that are pruned together

    def share(self, t: float) -> float:
        """Return s(t)."""
        t0, t1 = self.ramp
        return self.sparsity * (1 - (1 - min(max((t - t0) / (t1 - t0), 0.0), 1.0)) ** 3)

    def finish(self, settings: StepSettings) -> None:
        """Remove the smallest weights, until the share of zeros is s(t)."""
        share = self.share(settings.done)
        for slots in self._ranked:
            k = count_for(share, sum(slot.stop - slot.start for slot in slots))
            if k > self.removed(slots):
                self.remove(slots, k)
