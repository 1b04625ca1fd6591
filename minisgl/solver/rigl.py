"""RigL: every few steps the smallest weights are replaced by those whose gradients are largest.

    drop    in each layer, the share(t) of its weights with the smallest |w|
    grow    as many of the layer's masked weights, those with the largest |dL/dw|, from 0

A weight that is 0 has a gradient too: it says by how much the loss would fall if the weight grew. Only the steps that replace
weights need these gradients of all weights. Until all ranks have computed theirs they are kept in an array of the solver,
`dense`, which no checkpoint needs. As in the paper, such a step changes the mask instead of taking a step of the optimiser. A
weight that was just dropped may grow again, from 0. The number of weights in each layer stays.

The first mask is random (random_mask.py), and regrowth.py has share(t).

Source: Evci, Gale, Menick, Castro, Elsen, "Rigging the lottery: making all tickets winners", ICML 2020, arXiv 1911.11134.
"""

from collections.abc import Iterable
from typing import Any, Self

from minisgl.backend import Array, get_array_module
from minisgl.nn import Block, Network
from minisgl.solver.masked import part_of
from minisgl.solver.protocol import Put
from minisgl.solver.regrowth import Regrowing
from minisgl.solver.schedules import StepSettings


class RigL(Regrowing):
    """A random mask whose dropped weights are replaced by those with the largest gradients."""

    def __init__(self, network: Network, *parts: Any, **options: Any) -> None:
        super().__init__(network, *parts, **options)
        self.dense: Array = get_array_module(self.mask).zeros_like(self.mask)  # dL/dw of all weights, (n_weights,)

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Update these blocks; at a step of the regrowth, keep their gradients instead."""
        if self.regrowth.share(self.optimizer.steps + 1, settings.done) == 0:
            super().update(blocks, gradient, settings)
            return
        self.optimizer.advance()
        for block in blocks:
            if block.slot in self.kept:
                block.view(self.dense)[...] = block.view(gradient)

    def finish(self, settings: StepSettings) -> None:
        """At a step of the regrowth, replace weights in every layer."""
        for slot, k in self.drop(settings):
            self.grow(slot, k, -get_array_module(self.dense).abs(self.dense[part_of(slot)]))

    def moved(self, put: Put) -> Self:
        """Return the same solver on copies of its arrays, made by `put`."""
        other = super().moved(put)
        other.dense = put(self.dense)
        return other
