"""The interface between the training loop and a solver. A solver trains a network and decides which of its weights are zero.

A training step computes the gradient g of the batch's loss at the solver's network, and then takes the solver's own step with
g. The ranks of a run (its processes) share this step, in two phases. No rank begins phase 2 before all have finished phase 1:

    phase 1    prepare(rank, ranks)                   after the gradients of the rank's shards; the network is only read
    phase 2    update(blocks, gradient, settings)     the rank's own blocks: each block has one writer
    then       finish(settings)                       rank 0 alone: what needs a whole layer

A single process is rank 0 of 1 and takes the same step, so the bytes do not depend on the number of processes.

Every rank has a copy of the solver, and all copies share their arrays, which are in shared memory (`moved` puts them there). A
step may therefore change only these arrays, and `optimizer.steps`, which every rank advances in `update`.
"""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Protocol, Self

from minisgl.backend import Array
from minisgl.nn import Block, Network
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.schedules import StepSettings

Put = Callable[[Array], Array]  # copies an array to other memory, such as shared memory


class Solver(Protocol):
    """A way to train a sparse network: `Splitting`, `Refit`, or another.

    network: holds W, at which the gradients are computed. optimizer: updates W. v (n_weights,): V, the sparse weights. splits:
    whether V is separate from W, so that there are two networks to measure and report; if not, v is a view of the network's
    weights. blocks: divided among the ranks for `update`; every trained parameter is in one of them.
    """

    network: Network
    optimizer: Optimizer
    v: Array
    splits: bool
    blocks: list[Block]

    def start(self, settings: StepSettings) -> None:
        """Prepare for the first step, which has these settings. Called once in a run, and not again when it is resumed."""

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Phase 1: compute this rank's share of what phase 2 needs from the weights as they are before the step."""

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Phase 2: advance the optimiser, then take the step in these blocks only.

        gradient (size,) is that of the loss. It is complete in a block only once the iteration reaches that block, and may be
        overwritten there.
        """

    def finish(self, settings: StepSettings) -> None:
        """Finish the step, on rank 0, after all blocks are done."""

    def thresholds(self, settings: StepSettings) -> dict[str, float] | None:
        """Return the thresholds by layer that a finished step with these settings had, for the history; None if it has none."""

    def arrays(self) -> dict[str, Array]:
        """Return all arrays of a checkpoint, by name. Restoring them and `optimizer.steps` restores the solver."""

    def moved(self, put: Put) -> Self:
        """Return the same solver on copies of its arrays, made by `put`. This solver is unchanged."""

    def reported(self, which: str) -> Network:
        """Return a copy of the network "w" or "v", as it is measured and saved. If `splits` is False, they are the same."""


def moved_optimizer(optimizer: Optimizer, put: Put) -> Optimizer:
    """Return the same optimiser on copies of its vectors, made by `put`."""
    other = copy(optimizer)
    other.state = {name: put(array) for name, array in optimizer.state.items()}
    return other
