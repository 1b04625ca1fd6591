"""Refit on the support: at the end of a run, the weights that V has left are trained alone, without any penalty.

While a run is splitting, the survivors bear the force of the penalties and of the coupling beta (W - V), and have been trained
beside weights that are gone in the end. So the last epochs solve

    minimise L(W)  over all W with  w_i = 0 wherever v_i = 0

by steps that move the survivors and the biases only: W and V are one network then. Before the first of them,

    W <- V;    the smallest |w_i| are made 0 too, where `prune` asks for it;    V <- W

With no penalty before it this is magnitude pruning: train, set the smallest weights to 0, train the rest.

Source: Han, Pool, Tran, Dally, "Learning both weights and connections for efficient neural networks", NIPS 2015.
"""

from collections.abc import Iterable

from minisgl.backend import Array, get_array_module
from minisgl.nn import Block, Network
from minisgl.solver.protocol import Put, Solver
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import drop_negligible


def largest(weights: Array, prune: float) -> Array:
    """Which weights (n,) stay when the smallest fraction `prune` of them goes: bool (n,). Of equals, later ones go first."""
    xp = get_array_module(weights)
    gone = round(prune * weights.size)
    order = xp.argsort(-xp.abs(weights), kind="stable")  # largest first
    stay = xp.ones(weights.size, bool)
    stay[order[weights.size - gone :]] = False
    return stay


class Refit:
    """Trains what another solver has left, on that solver's own arrays. 0 <= prune < 1 is the share of weights to set to 0."""

    def __init__(self, solver: Solver, prune: float = 0.0) -> None:
        self.solver, self.prune = solver, prune
        self.network, self.optimizer, self.v, self.splits = solver.network, solver.optimizer, solver.v, solver.splits
        self.blocks = solver.blocks

    def start(self, settings: StepSettings | None = None) -> None:
        """Make W and V the network that is refitted, and have the optimiser forget what is zero in it."""
        n, w = self.network.layout.n_weights, self.network.weights  # (n,), a view
        w[...] = drop_negligible(self.v)
        w *= largest(w, self.prune)
        self.v[...] = w
        for array in self.optimizer.state.values():
            array[:n] *= w != 0  # else it would still move them

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Nothing: a block needs to know no other."""

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Move the survivors and biases of these blocks; V follows W. The support of W is what is not zero in it."""
        self.optimizer.advance()
        for block in blocks:
            w, of_weights = block.view(self.network.flat), block.part.start < self.network.layout.n_weights
            if of_weights:
                g = block.view(gradient)
                g *= w != 0
            self.optimizer.update(self.network.flat, gradient, settings.lr, block.part)
            if of_weights and self.splits:
                block.view(self.v)[...] = w

    def finish(self, settings: StepSettings) -> None:
        """Nothing: all is done block by block."""

    def step(self, gradient: Array, lr: float) -> None:
        """One whole step; gradient (size,) is that of the loss, and is used up."""
        self.update(self.blocks, gradient, StepSettings(lr))

    def arrays(self) -> dict[str, Array]:
        """Those of the solver before it."""
        return self.solver.arrays()

    def moved(self, put: Put) -> "Refit":
        """The same refit over copies of the arrays, those of the solver before it included."""
        return Refit(self.solver.moved(put), self.prune)

    def reported(self, which: str) -> Network:
        """As the solver before it reports."""
        return self.solver.reported(which)
