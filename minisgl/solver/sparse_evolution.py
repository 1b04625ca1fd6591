"""Sparse evolutionary training (SET): every few steps the smallest weights are replaced by others, drawn at random.

    drop    in each layer, the share(t) of its weights with the smallest |w|
    grow    as many of the layer's masked weights, each with the same probability, with new random values (He's)

The number of weights in each layer stays. The network thus explores other connections than those of its first, random mask.

The paper replaces the share 0.3 after each epoch; here it falls during the run, as for RigL (regrowth.py), so that the two can
be compared.

Source: Mocanu et al., "Scalable training of artificial neural networks with adaptive sparse connectivity inspired by network
science", Nature Communications 9 (2018) 2383, arXiv 1707.04780.
"""

from collections.abc import Iterable

import numpy as np

from minisgl.backend import get_array_module, to_device
from minisgl.nn import Network, Slot
from minisgl.nn.initializers import he_normal
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.masked import part_of
from minisgl.solver.random_mask import RandomMask
from minisgl.solver.regrowth import Regrowth
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

GROWN = 0x67726F77  # the tag of default_rng((seed, tag, step)) for the weights that grow


class SET(RandomMask):
    """A random mask (random_mask.py) that changes as `regrowth` says."""

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

    def finish(self, settings: StepSettings) -> None:
        """At a step of the regrowth, replace weights in every layer."""
        step = self.optimizer.steps
        share = self.regrowth.share(step, settings.done)
        if share == 0:
            return
        rng, xp, flat = np.random.default_rng((self.seed, GROWN, step)), get_array_module(self.mask), self.network.flat
        for slot, kept in self.kept.items():
            n = slot.stop - slot.start
            k = min(int(share * kept), n - kept)  # in a dense layer there is nothing to grow
            self.remove((slot,), n - kept + k)
            grown = self.grow(slot, k, to_device(rng.random(n), xp))
            values = he_normal(slot.shape, rng).astype(flat.dtype).reshape(-1)  # (n,)
            flat[part_of(slot)] += to_device(values, xp) * grown
