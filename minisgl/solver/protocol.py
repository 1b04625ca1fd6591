"""What a solver is to the loop, the shards and the processes: whatever trains a network and decides which weights are zero.

A training step is the gradient g of the batch's loss at the solver's network, and then the solver's own step with g. The ranks
of a run, which are processes, take it together, in two phases. No rank begins the second before all have finished the first:

    phase 1    prepare(rank, ranks)                   beside the gradients of the rank's shards; the network is only read
    phase 2    update(blocks, gradient, settings)     the rank's own blocks: each block has one writer
    then       finish(settings)                       rank 0 alone: what needs a layer whole

One process is rank 0 of 1 and takes the same step; so the bytes do not depend on how many there are.

Every rank has a copy of the solver, and the arrays of all the copies lie in shared memory (`moved` puts them there). What a
step changes must therefore lie in these arrays, except for `optimizer.steps`, which every rank advances in `update`.
"""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Protocol, Self

from minisgl.backend import Array
from minisgl.nn import Block, Network
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.schedules import StepSettings

Put = Callable[[Array], Array]  # a copy of an array, somewhere else


class Solver(Protocol):
    """One way to train a sparse network: `Splitting`, `Refit`, or another.

    network: holds W, where the gradients are taken. optimizer: moves W. v (n_weights,): V, the sparse weights. splits: whether
    V is an array of its own, and so a second network to measure and report; else v is a view of the network's weights. blocks:
    what the ranks share out among themselves for `update`; every trained number is in one of them.
    """

    network: Network
    optimizer: Optimizer
    v: Array
    splits: bool
    blocks: list[Block]

    def start(self, settings: StepSettings) -> None:
        """Make ready for the first step, whose settings these are. Called once in a run, and not again when it is resumed."""

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Phase 1: this rank's share of what phase 2 needs to know of the weights as they were before the step."""

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Phase 2: advance the optimiser, then take the step in these blocks alone.

        gradient (size,) is the loss's. It is complete in a block once the iteration has come to that block, and may be
        overwritten there.
        """

    def finish(self, settings: StepSettings) -> None:
        """The end of a step, by rank 0 when all blocks are done."""

    def arrays(self) -> dict[str, Array]:
        """All arrays that a checkpoint holds, by name; restoring them and `optimizer.steps` restores the solver."""

    def moved(self, put: Put) -> Self:
        """The same solver over copies that `put` makes of its arrays; this one stays as it is."""

    def reported(self, which: str) -> Network:
        """A copy of the network "w" or "v", as it is measured and saved. Where `splits` is False the two are the same."""


def moved_optimizer(optimizer: Optimizer, put: Put) -> Optimizer:
    """The same optimiser over copies that `put` makes of its vectors."""
    other = copy(optimizer)
    other.state = {name: put(array) for name, array in optimizer.state.items()}
    return other
