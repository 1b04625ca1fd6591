"""Training with a mask: some weights are 0, and only the others are trained. The rivals of splitting differ in the mask.

    w <- optimiser(w, mask * (g + decay w)),     mask_i = 0: w_i is removed and stays 0;     mask_i = 1: w_i is trained

with g the gradient of the loss. When a weight is removed, it and the optimiser's numbers for it (momentum, mean square) become
0, and remain so while it is masked. So a weight that grows again starts with an optimiser that knows nothing of it.

`Masked` is dense training, since its mask is 1. A method is a subclass that changes the mask in `start` or `finish`, on rank 0.
All choices of weights are "the k smallest" of some scores: of |w| to remove, of -|g| or of random numbers to grow. Of equal
scores the earlier weight comes first, so the numbers of zeros are exact.

The mask is an array of the solver: in shared memory every rank sees it, and a checkpoint has it.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from math import inf
from typing import Self

from minisgl.backend import Array, get_array_module, to_host
from minisgl.nn import Block, Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.blocks import trained_blocks
from minisgl.solver.protocol import Put, moved_optimizer
from minisgl.solver.quantile import kth_smallest
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay


def smallest(scores: Array, k: int) -> Array:
    """Return bool (n,): True for the k smallest of scores (n,), 0 <= k <= n. Of equal scores the earlier come first.

    On a device this fetches two numbers.
    """
    xp = get_array_module(scores)
    if k == 0:
        return xp.zeros(scores.size, bool)
    kth, after = kth_smallest(scores, k)
    if k == scores.size or after > kth:
        return scores <= kth
    below, equal = scores < kth, scores == kth
    return below | (equal & (xp.cumsum(equal) <= k - xp.count_nonzero(below)))


def part_of(slot: Slot) -> slice:
    """Return the place of a layer's weights in the flat vector, and in a mask."""
    return slice(slot.start, slot.stop)


class Masked:
    """Trains a network under a mask (n_weights,), whose zeros are in the layers `slots` only. W is the network, and V is W."""

    splits = False

    def __init__(self, network: Network, optimizer: Optimizer, slots: Iterable[Slot], decay: WeightDecay | None = None) -> None:
        self.network, self.optimizer, self.decay = network, optimizer, decay or WeightDecay()
        self.slots = tuple(slots)
        self.v: Array = network.weights
        self.mask = get_array_module(network.flat).ones_like(network.weights)  # of W's type, as a checkpoint stores it
        self.blocks = trained_blocks(network)

    # --- the protocol

    def start(self, settings: StepSettings) -> None:
        """Do nothing: all weights are trained."""

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Do nothing: no block depends on another."""

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Update these blocks, except for the weights whose mask is 0."""
        self.optimizer.advance()
        for block in blocks:
            self.decay.add_gradient(block, self.network.flat, gradient)
            if block.slot in self.slots:
                g = block.view(gradient)
                g *= block.view(self.mask)
            self.optimizer.update(self.network.flat, gradient, settings.lr, block.part)

    def finish(self, settings: StepSettings) -> None:
        """Do nothing: the mask stays."""

    def thresholds(self, settings: StepSettings) -> None:
        """Return None: no weight is thresholded."""

    def arrays(self) -> dict[str, Array]:
        """Return W with its biases, the mask, and the optimiser's vectors."""
        return {"parameters": self.network.flat, "mask": self.mask, **self.optimizer.state}

    def moved(self, put: Put) -> Self:
        """Return the same solver on copies of its arrays, made by `put`."""
        other = copy(self)
        other.network = self.network.with_flat(put(self.network.flat))
        other.v, other.mask = other.network.weights, put(self.mask)
        other.optimizer = moved_optimizer(self.optimizer, put)
        return other

    def reported(self, which: str) -> Network:
        """Return a copy of the network. Its zeros are exact, so small weights stay as they are."""
        return self.network.with_weights(self.network.weights)

    # --- what a method does with the mask

    def keep(self, slot: Slot, kept: Array) -> None:
        """Mask the layer's weights that are not in kept (n,) bool, and set them and the optimiser's numbers for them to 0."""
        part = part_of(slot)
        self.mask[part] = kept
        for array in (self.network.flat, *self.optimizer.state.values()):
            array[part] *= self.mask[part]

    def removed(self, slots: Sequence[Slot]) -> int:
        """Return how many weights of these layers are masked. On a device this fetches a number."""
        return int(to_host(sum((self.mask[part_of(slot)] == 0).sum() for slot in slots)))

    def remove(self, slots: Sequence[Slot], k: int) -> None:
        """Let k weights of these layers, all together, be masked: those that are already, and the smallest of the others."""
        xp, flat = get_array_module(self.mask), self.network.flat
        sizes = [xp.abs(flat[part]) - (1 - self.mask[part]) for part in map(part_of, slots)]  # -1 for those that are masked
        kept, start = ~smallest(xp.concatenate(sizes), k), 0  # (n,), n the weights of these layers
        for slot, size in zip(slots, sizes, strict=True):
            self.keep(slot, kept[start : start + size.size])
            start += size.size

    def grow(self, slot: Slot, k: int, scores: Array) -> Array:
        """Unmask the k masked weights of a layer with the smallest scores (n,). Return them, bool (n,)."""
        xp, mask = get_array_module(self.mask), self.mask[part_of(slot)]
        grown = smallest(xp.where(mask == 0, scores, inf), k)
        mask += grown
        return grown
