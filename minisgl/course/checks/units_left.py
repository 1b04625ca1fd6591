"""How many units of a network of linear layers lie on a path from an input to a logit, by the definition.

A unit is removed if no unit reads it, or if it reads none. Its weights are removed with it, so that others may follow in the
next round.
"""

from collections.abc import Callable

import numpy as np

Matrices = list[np.ndarray]


def units_left(
    weights: Matrices, constants: bool = True, unread: bool = True, times: int = 99, inputs: bool = True
) -> list[int]:
    """The number of units left at each level, inputs first, after `times` rounds.

    weights: an array (units, units of the level before) for each layer. The known mistakes use the other arguments: whether
    units that read none are removed (constants), and units that no unit reads (unread), inputs among them (inputs).
    """
    alive = [np.ones(n, bool) for n in (weights[0].shape[1], *map(len, weights))]
    before: list[int] = []
    for _ in range(times):
        if before == (before := [int(units.sum()) for units in alive]):
            break
        edges = [(W != 0) & here & there[:, None] for W, here, there in zip(weights, alive, alive[1:], strict=False)]
        for level in range(len(weights)):
            if unread and (level > 0 or inputs):
                alive[level] = alive[level] & edges[level].any(axis=0)
            if constants and level > 0:
                alive[level] = alive[level] & edges[level - 1].any(axis=1)
    return [int(units.sum()) for units in alive]


def logits_left_out(weights: Matrices) -> list[int]:
    """The mistake that removes logits to which no path leads."""
    there = np.ones(weights[0].shape[1], bool)
    for W in weights:
        there = (W[:, there] != 0).any(axis=1)
    return [*units_left(weights)[:-1], int(there.sum())]


def _all_units(weights: Matrices) -> list[int]:
    return [weights[0].shape[1], *map(len, weights)]


UNITS_LEFT: dict[str, Callable[[Matrices], list[int]]] = {
    "look again: with a unit its weights are removed too.": lambda weights: units_left(weights, times=1),
    "you count what the inputs reach. Does it lead to a logit?": lambda weights: units_left(weights, unread=False),
    "you count what leads to a logit. Does it depend on the image?": lambda weights: units_left(weights, constants=False),
    "an input that is not read is removed too.": lambda weights: units_left(weights, inputs=False),
    "the logits stay, all of them, even one that is a constant.": logits_left_out,
    "the numbers are right, in the opposite order: the inputs come first.": lambda weights: units_left(weights)[::-1],
    "you count the units that are removed: asked for are those that are left.": lambda weights: [
        n - left for n, left in zip((weights[0].shape[1], *map(len, weights)), units_left(weights), strict=True)
    ],
    "the logits are a level as well.": lambda weights: units_left(weights)[:-1],
    "the inputs are a level as well.": lambda weights: units_left(weights)[1:],
    "you count the weights that are not zero. Asked for are the units.": lambda weights: [
        int(np.count_nonzero(W)) for W in weights
    ],
    "that is how many units there are. Which of them are on a path?": _all_units,
    "inputs and logits are levels as well.": lambda weights: units_left(weights)[1:-1],
}
