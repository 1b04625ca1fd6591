"""Sparse evolutionary training (SET): every few steps the smallest weights are replaced by others, drawn at random.

    drop    in each layer, the share(t) of its weights with the smallest |w|
    grow    as many of the layer's masked weights, each with the same probability, with new random values (He's)

The number of weights in each layer stays. The network thus explores other connections than those of its first, random mask.

The paper replaces the share 0.3 after each epoch; here it falls during the run, as for RigL (regrowth.py), so that the two can
be compared.

Source: Mocanu et al., "Scalable training of artificial neural networks with adaptive sparse connectivity inspired by network
science", Nature Communications 9 (2018) 2383, arXiv 1707.04780.
"""

import numpy as np

from minisgl.backend import get_array_module, to_device
from minisgl.nn.initializers import he_normal
from minisgl.solver.masked import part_of
from minisgl.solver.regrowth import Regrowing
from minisgl.solver.schedules import StepSettings

GROWN = 0x67726F77  # the tag of default_rng((seed, tag, step)) for the weights that grow


class SET(Regrowing):
    """A random mask whose dropped weights are replaced by others, drawn at random."""

    def finish(self, settings: StepSettings) -> None:
        """At a step of the regrowth, replace weights in every layer."""
        if not (dropped := list(self.drop(settings))):
            return
        rng, flat = np.random.default_rng((self.seed, GROWN, self.optimizer.steps)), self.network.flat
        xp = get_array_module(flat)
        for slot, k in dropped:
            grown = self.grow(slot, k, to_device(rng.random(slot.stop - slot.start), xp))
            values = he_normal(slot.shape, rng).astype(flat.dtype).reshape(-1)  # (n,)
            flat[part_of(slot)] += to_device(values, xp) * grown
