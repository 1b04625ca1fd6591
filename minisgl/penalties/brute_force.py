"""Does a prox fit its value? prox must give the x of least cost, so no other x may cost less:

    cost(x) = step * value(x) + ||x - v||^2 / 2

This compares the cost of x = prox(v, step) with the cost of many other points: v itself; v and x with some entries set to zero;
v and x mixed or scaled; x with one entry moved over a grid that is refined around its best point; x moved a little in random
directions. It uses only `value` and `prox`, so it works for any penalty. It cannot prove a prox right, but a wrong formula is
beaten nearly everywhere, so the search almost always finds it.
"""

from collections.abc import Callable, Iterator
from itertools import chain, product

import numpy as np

from minisgl.penalties.base import Penalty

GRID, ROUNDS = 21, 4  # points of the grid for one entry; each round is 10 times finer
MASKS = 64  # sets of entries that are set to zero: all of them for up to six entries, else as many at random
TOLERANCE = 1e-9  # of the cost: rounding in float64


def beaten(penalty: Penalty, v: np.ndarray, step: float, rng: np.random.Generator) -> str:
    """Return a sentence with a point of lower cost than prox(v, step), v of float64; "" if none is found."""
    x = np.asarray(penalty.prox(v.copy(), step))

    def cost(y: np.ndarray) -> float:
        return float(step * penalty.value(y) + ((y - v) ** 2).sum() / 2)

    mine = cost(x)
    allowed = mine - TOLERANCE * (abs(mine) + float((v**2).sum()))
    moved = (_best_entry(cost, x, v, place) for place in np.ndindex(v.shape))
    for y in chain(_candidates(x, v, rng), moved):
        if cost(y) < allowed:
            return (
                f"your prox is beaten at v = {_shown(v)}, step {step:g}: it gives {_shown(x)}, where step * value(x) + "
                f"||x - v||^2/2 is {mine:.6g}; at {_shown(y)} it is {cost(y):.6g}"
            )
    return ""


def _candidates(x: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    yield np.zeros_like(v)
    yield v.copy()
    few = v.size <= np.log2(MASKS)
    masks = product((0, 1), repeat=v.size) if few else (rng.integers(0, 2, v.size) for _ in range(MASKS))
    for mask in masks:
        kept = np.reshape(mask, v.shape)
        yield x * kept
        yield v * kept
        yield np.where(kept, v, x)
    for axis in range(v.ndim):
        for i in range(v.shape[axis]):  # a whole group set to zero, or left as it is
            part: tuple[slice | int, ...] = (*[slice(None)] * axis, i)
            for value in (0, v[part]):
                y = x.copy()
                y[part] = value
                yield y
    for factor in np.linspace(0, 1.5, 16):
        yield x * factor
        yield v * factor
    for size in (1, 0.1, 1e-2, 1e-3):
        for _ in range(8):
            yield x + size * rng.normal(size=v.shape) * (np.abs(v).max() or 1)


def _best_entry(cost: Callable[[np.ndarray], float], x: np.ndarray, v: np.ndarray, place: tuple[int, ...]) -> np.ndarray:
    """Return x with the entry at this place replaced by the best value on a refined grid from -0.5 v to 1.5 v."""
    y = x.copy()
    low, high = sorted((-0.5 * v[place], 1.5 * v[place]))
    best = y[place]
    for _ in range(ROUNDS):
        points = np.linspace(low, high, GRID)
        costs = []
        for point in points:
            y[place] = point
            costs.append(cost(y))
        best = points[int(np.argmin(costs))]
        low, high = best - (high - low) / (GRID - 1), best + (high - low) / (GRID - 1)
    y[place] = best
    return y


def _shown(array: np.ndarray) -> str:
    return np.array2string(array, precision=4, suppress_small=True, separator=", ").replace("\n", "")
