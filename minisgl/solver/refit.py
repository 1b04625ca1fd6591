"""Refit on the support: at the end of a run, the weights that V has left are trained alone, without any penalty.

While a run is splitting, the survivors bear the pull of the penalties and of the coupling beta (W - V), and have been trained
beside weights that are gone in the end. So the last epochs solve

    minimise L(W)  over all W with  w_i = 0 wherever v_i = 0

by steps that move the survivors and the biases only: W and V are one network then. Before the first of them,

    W <- V;    the smallest |w_i| are made 0 too, where `prune` asks for it;    V <- W

With no penalty before it this is magnitude pruning: train, cut off what is small, train the rest.

Source: Han, Pool, Tran, Dally, "Learning both weights and connections for efficient neural networks", NIPS 2015.
"""

from math import cos, pi
from typing import NamedTuple

from minisgl.backend import Array, get_array_module
from minisgl.nn import Block
from minisgl.solver.schedules import Moment, Schedule
from minisgl.solver.splitting import Splitting, drop_negligible


class WithRefit(NamedTuple):
    """A schedule whose last `epochs` epochs are a refit: lr falls by half a cosine again, from its start to 0."""

    schedule: Schedule
    epochs: int
    lr: float

    def at(self, step: int, steps_per_epoch: int, steps: int) -> Moment:
        """The settings of step 0 <= step < steps; before the refit, those of a run that ends where the refit begins."""
        begins = steps - self.epochs * steps_per_epoch
        if step < begins:
            return self.schedule.at(step, steps_per_epoch, begins)
        t = (step - begins) / (steps - begins)
        return Moment(self.lr * (1 + cos(pi * t)) / 2, 0.0, None, refit=True)


def largest(weights: Array, prune: float) -> Array:
    """Which weights (n,) stay when the smallest fraction `prune` of them goes: bool (n,). Of equals, later ones go first."""
    xp = get_array_module(weights)
    gone = round(prune * weights.size)
    order = xp.argsort(-xp.abs(weights), kind="stable")  # largest first
    stay = xp.ones(weights.size, bool)
    stay[order[weights.size - gone :]] = False
    return stay


def begin(splitting: Splitting, prune: float = 0.0) -> None:
    """Make W and V the network that is refitted, in place, and have the optimiser forget what is zero in it."""
    n = splitting.network.layout.n_weights
    w = splitting.network.weights  # (n,), a view
    w[...] = drop_negligible(splitting.v)
    w *= largest(w, prune)
    splitting.v[...] = w
    for array in splitting.optimizer.state.values():
        array[:n] *= w != 0  # else it would still move them


def update(splitting: Splitting, piece: Block, gradient: Array, lr: float) -> None:
    """The step for one piece, the optimiser having advanced: survivors and biases move, and V follows W."""
    w = piece.view(splitting.network.flat)
    is_weights = piece.part.start < splitting.network.layout.n_weights
    if is_weights:
        g = piece.view(gradient)
        g *= w != 0
    splitting.optimizer.update(splitting.network.flat, gradient, lr, piece.part)
    if is_weights and splitting.splits:
        piece.view(splitting.v)[...] = w


def step(splitting: Splitting, gradient: Array, lr: float) -> None:
    """One step of a refit; gradient (size,) is that of the loss, and is used up."""
    splitting.optimizer.advance()
    for piece in splitting.w_pieces:
        update(splitting, piece, gradient, lr)
