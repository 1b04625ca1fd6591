"""RigL against its definition, one weight at a time: dropped by size, grown by gradient, without a step of the optimiser."""

import numpy as np
import pytest
from support.masked import Twin, gradients, parts, take, tiny_network

from minisgl.nn.gradcheck import numeric_gradient
from minisgl.solver.regrowth import Regrowth
from minisgl.solver.rigl import RigL
from minisgl.solver.schedules import StepSettings
from minisgl.training.shards import running_shards

STEPS, EVERY = 24, 4


def begun(network, *layers: str, sparsity: float = 0.6, every: int = EVERY) -> RigL:
    solver = RigL(*parts(network, *layers), None, sparsity, seed=2, regrowth=Regrowth(every, 0.6, 0.75))
    solver.start(StepSettings(0.1))
    return solver


@pytest.mark.parametrize("layers", [("conv", "fc1", "fc2"), ("fc1",)], ids=str)
def test_it_is_its_definition(layers: tuple[str, ...]) -> None:
    network = tiny_network()
    twin, solver = Twin(network.flat), begun(network, *layers)
    for i in np.flatnonzero(solver.mask == 0):
        twin.remove(int(i))
    replaced = []
    for number, g in enumerate(gradients(network, STEPS)):
        t = number / STEPS
        take(solver, g, t)
        if (number + 1) % EVERY or t >= 0.75:
            twin.step(g)
        else:
            twin.t += 1
            share = 0.6 / 2 * (1 + np.cos(np.pi * t / 0.75))
            for slot, kept in solver.kept.items():
                places = range(slot.start, slot.stop)
                count = min(int(share * kept), len(places) - kept)
                for i in twin.smallest(places, count):
                    twin.remove(i)
                for i in sorted((i for i in places if not twin.mask[i]), key=lambda i: -abs(g[i]))[:count]:
                    twin.mask[i] = True
                replaced.append(count)
        twin.assert_like(solver)
        for slot, kept in solver.kept.items():
            assert slot.stop - slot.start - solver.removed([slot]) == kept
    assert sum(replaced) > 20


def test_the_weights_that_grow_are_those_along_which_the_loss_falls_fastest() -> None:
    """With the gradient of a real loss at masked weights, by central differences."""
    network = tiny_network()
    solver = begun(network, every=1)
    rng = np.random.default_rng(0)
    images, labels = rng.random((7, 2, 5, 5)), rng.integers(0, 3, 7)
    before, mask = network.flat.copy(), solver.mask.copy()
    with running_shards(2, 1) as run:
        slope = numeric_gradient(lambda x: float(run.gradient(network.with_flat(x), images, labels)[0]), before)
        run.step(solver, StepSettings(0.05), images, labels)
    for slot, kept in solver.kept.items():
        here = slice(slot.start, slot.stop)
        count = min(int(0.6 * kept), slot.stop - slot.start - kept)
        grown = np.flatnonzero((solver.mask[here] == 1) & (network.flat[here] == 0))
        candidates = np.flatnonzero((mask[here] == 0) | (network.flat[here] == 0))
        largest = sorted(candidates, key=lambda i, start=slot.start: -abs(slope[start + i]))[:count]
        assert set(grown) == set(map(int, largest))
    n = len(mask)
    np.testing.assert_array_equal(network.flat[n:], before[n:])  # the optimiser took no step
    np.testing.assert_allclose(solver.dense, slope[:n], atol=1e-7)
