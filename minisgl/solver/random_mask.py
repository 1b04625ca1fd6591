"""Random pruning: weights drawn at random are 0 from the start, and only the others are trained.

    mask ~ uniform over all masks with m_l ones in layer l

m_l follows from the wanted share of zeros (densities.py). The mask never changes. Nothing is learnt about which weights matter,
so this is what every other method has to beat.

Source: Mocanu et al., Nature Communications 9 (2018) 2383, and Evci et al., ICML 2020, which compare with it as "static".
"""

from collections.abc import Iterable

import numpy as np

from minisgl.backend import get_array_module, to_device
from minisgl.nn import Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.densities import kept_by_layer
from minisgl.solver.masked import Masked, smallest
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

START = 0x6D61736B  # the tag of default_rng((seed, tag, step)) for the first mask, larger than any epoch's number


class RandomMask(Masked):
    """A random mask with the share `sparsity` of zeros in the layers `slots`. densities: "erk" or "uniform"."""

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
    ) -> None:
        super().__init__(network, optimizer, slots, decay)
        self.seed = seed
        kept = kept_by_layer([slot.shape for slot in self.slots], sparsity, densities)
        self.kept = dict(zip(self.slots, kept, strict=True))  # the number of weights that each layer keeps

    def start(self, settings: StepSettings) -> None:
        """Draw the mask from default_rng((seed, START, 0)): in each layer those with the smallest of random numbers stay."""
        rng, xp = np.random.default_rng((self.seed, START, 0)), get_array_module(self.mask)
        for slot, kept in self.kept.items():
            self.keep(slot, smallest(to_device(rng.random(slot.stop - slot.start), xp), kept))
