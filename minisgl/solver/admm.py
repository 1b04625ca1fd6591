"""ADMM: variable splitting with multipliers, which sum up how far W and V are apart until W meets V.

Splitting's coupling beta/2 ||W - V||^2 alone leaves a gap between W and V: W stops where the loss's gradient and the coupling
cancel. ADMM adds U, the gaps so far, to the coupling. It is splitting (splitting.py) with two places moved by U:

    W-step    W <- optimiser(W, grad L(W) + beta (W - V + U))
    V-step    V <- Pi(W + U)              Pi: the smallest of the sizes become 0, until the share of zeros is share(t)
    U-step    U <- U + W - V              after every `every`-th step

share(t) rises as it does in splitting with a sparsity (schedules.py), of all layers together or of each layer. Pi is the
projection on the vectors with that many zeros, which is the prox of l0 with a threshold at the quantile (quantile.py). Or V is
the prox of l1 or TL1 with the same threshold, which has the same zeros and shrinks the other weights.

beta U is the multiplier of W = V, and must not change when beta does. So beta U is what is stored: U is it divided by today's
beta. With the multiplier 0, as with `every` = 0, each step is that of splitting, to the byte.

The papers train W for many steps between two V-steps; here V follows W in every step, as in splitting. The refit then trains
the nonzero weights of V (refit.py).

Sources: Zhang, Ye, Zhang, Tang, Wen, Fardad, Wang, "A systematic DNN weight pruning framework using alternating direction
method of multipliers", ECCV 2018, arXiv 1804.03294; Boyd et al., "Distributed optimization and statistical learning via the
alternating direction method of multipliers", Found. Trends Mach. Learn. 3 (2011), sections 3.1.1 (scaled form) and 9.1.
"""

from collections.abc import Iterable
from typing import Literal, Self

from minisgl.backend import Array, get_array_module
from minisgl.nn import Block, Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.penalties import L0, L1, Penalty, TransformedL1
from minisgl.solver.protocol import Put
from minisgl.solver.quantile import threshold_for
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay

VStep = Literal["projection", "l1", "tl1"]
R: dict[VStep, Penalty] = {"projection": L0(1.0), "l1": L1(1.0), "tl1": TransformedL1(1.0, a=1.0)}  # the threshold replaces lam


class ADMM(Splitting):
    """ADMM on the layers `slots`. The settings' sparsity is share(t), and their beta must be above 0.

    every: steps between two U-steps, 0 for none. by_layer: whether the share is that of each layer. v_step_by: how V follows
    from W + U. `multiplier` (n_weights,) is beta U.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        slots: Iterable[Slot],
        decay: WeightDecay | None = None,
        *,
        every: int,
        by_layer: bool = False,
        v_step_by: VStep = "projection",
    ) -> None:
        chosen = set(slots)
        penalties = {name: LayerPenalty(sparse=R[v_step_by]) for name, slot in network.layout.weights.items() if slot in chosen}
        super().__init__(network, optimizer, penalties, decay)
        self.every, self.by_layer = every, by_layer
        self.multiplier: Array = get_array_module(network.flat).zeros_like(network.weights)

    def finish(self, settings: StepSettings) -> None:
        """Take the V-step, and after every `every`-th step the U-step: beta U <- beta U + beta (W - V)."""
        super().finish(settings)
        if self.every and self.optimizer.steps % self.every == 0:
            for slot in self._sparse:
                y = slot.view(self.multiplier)
                y += settings.beta * (slot.view(self.network.flat) - slot.view(self.v))

    def thresholds(self, settings: StepSettings) -> dict[str, float] | None:
        """Return the threshold of each layer: the quantile of |W + U| as they are now."""
        if not self.by_layer or settings.sparsity is None:
            return super().thresholds(settings)
        return {
            self._names[slot]: threshold_for([self._thresholded(slot, settings.beta)], settings.sparsity)
            for slot in self._sparse
        }

    def _target(self, block: Block, beta: float) -> Array:
        """Return V - U in this block."""
        return block.view(self.v) - block.view(self.multiplier) / beta

    def _thresholded(self, part: Block | Slot, beta: float) -> Array:
        """Return W + U in this block or layer."""
        return part.view(self.network.flat) + part.view(self.multiplier) / beta

    def arrays(self) -> dict[str, Array]:
        """Return what splitting has, and the multiplier."""
        return {**super().arrays(), "multiplier": self.multiplier}

    def moved(self, put: Put) -> Self:
        """Return the same solver on copies of its arrays, made by `put`."""
        other = super().moved(put)
        other.multiplier = put(self.multiplier)
        return other
