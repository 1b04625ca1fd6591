"""Refit on the support: the last epochs of a run train only the weights that are not zero in V, without any penalty.

Before the refit, the penalties and the coupling beta (W - V) act on these weights too, and they are trained together with
weights that are zero in the end. So the last epochs solve

    minimise L(W)  over all W with  w_i = 0 wherever v_i = 0

with steps that change only these weights and the biases, and with the same weight decay as before. W and V are then one
network. Before the first of these steps,

    W <- V;    the smallest |w_i| are also set to 0, if `prune` > 0;    V <- W

With no penalty before it, this is magnitude pruning: train, set the smallest weights to 0, train the rest.

Source: Han, Pool, Tran, Dally, "Learning both weights and connections for efficient neural networks", NIPS 2015.
"""

from collections.abc import Iterable, Sequence

from minisgl.backend import Array, get_array_module
from minisgl.nn import Block, Network, Slot
from minisgl.solver.protocol import Put, Solver
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import drop_negligible
from minisgl.solver.weight_decay import WeightDecay


def largest(weights: Array, prune: float) -> Array:
    """Return bool (n,): False for the smallest fraction `prune` of weights (n,). Of equal ones the later are pruned first."""
    xp = get_array_module(weights)
    pruned = round(prune * weights.size)
    order = xp.argsort(-xp.abs(weights), kind="stable")  # largest first
    kept = xp.ones(weights.size, bool)
    kept[order[weights.size - pruned :]] = False
    return kept


class Refit:
    """Trains the weights that another solver has not set to 0, in that solver's own arrays.

    prune: the fraction of the weights in the layers `pruned` (None: all), the smallest, that `start` sets to 0; 0 <= prune < 1.
    decay: None for none. keep_small: whether weights of V below 1e-5 stay too, for a V that has as many zeros as wanted.
    """

    def __init__(
        self,
        solver: Solver,
        prune: float = 0.0,
        decay: WeightDecay | None = None,
        pruned: Sequence[Slot] | None = None,
        keep_small: bool = False,
    ) -> None:
        self.solver, self.prune, self.decay, self.keep_small = solver, prune, decay or WeightDecay(), keep_small
        self.pruned = list(solver.network.layout.weights.values()) if pruned is None else list(pruned)
        self.network, self.optimizer, self.v, self.splits = solver.network, solver.optimizer, solver.v, solver.splits
        self.blocks = solver.blocks

    def start(self, settings: StepSettings | None = None) -> None:
        """Set W and V to the network to refit, and the optimiser's vectors to 0 where its weights are 0."""
        n, w = self.network.layout.n_weights, self.network.weights  # (n,), a view
        if self.splits:
            w[...] = self.v if self.keep_small else drop_negligible(self.v)
        else:
            w[...] = self.solver.reported("w").weights
        if self.prune:
            self._prune()
        self.v[...] = w
        for array in self.optimizer.state.values():
            array[:n] *= w != 0  # otherwise it would still change these weights

    def _prune(self) -> None:
        """Set the smallest weights of the layers `pruned` to 0."""
        flat = self.network.flat
        weights = get_array_module(flat).concatenate([flat[slot.start : slot.stop] for slot in self.pruned])  # (n,)
        kept, start = largest(weights, self.prune), 0
        for slot in self.pruned:
            stop = start + slot.stop - slot.start
            flat[slot.start : slot.stop] *= kept[start:stop]
            start = stop

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Do nothing: no block depends on another."""

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Update the nonzero weights and the biases in these blocks, and copy the weights to V. Zero weights stay zero."""
        self.optimizer.advance()
        for block in blocks:
            w, of_weights = block.view(self.network.flat), block.part.start < self.network.layout.n_weights
            self.decay.add_gradient(block, self.network.flat, gradient)
            if of_weights:
                g = block.view(gradient)
                g *= w != 0
            self.optimizer.update(self.network.flat, gradient, settings.lr, block.part)
            if of_weights and self.splits:
                block.view(self.v)[...] = w

    def finish(self, settings: StepSettings) -> None:
        """Do nothing: the step is complete when all blocks are."""

    def thresholds(self, settings: StepSettings) -> None:
        """Return None: no weight is thresholded."""

    def step(self, gradient: Array, lr: float) -> None:
        """Take one whole step. gradient (size,) is that of the loss, and is overwritten."""
        self.update(self.blocks, gradient, StepSettings(lr))

    def arrays(self) -> dict[str, Array]:
        """Return the arrays of the solver before it."""
        return self.solver.arrays()

    def moved(self, put: Put) -> "Refit":
        """Return the same refit, and the solver before it, on copies of their arrays, made by `put`."""
        return Refit(self.solver.moved(put), self.prune, self.decay, self.pruned, self.keep_small)

    def reported(self, which: str) -> Network:
        """Return what the solver before it reports."""
        return self.solver.reported(which)
