"""SET against its definition, one weight at a time: which weights go, which grow, and when."""

import numpy as np
import pytest
from support.masked import Twin, gradients, parts, take, tiny_network

from minisgl.nn.initializers import he_normal
from minisgl.solver.regrowth import Regrowth
from minisgl.solver.schedules import StepSettings
from minisgl.solver.sparse_evolution import GROWN, SET

STEPS, EVERY = 24, 3


@pytest.mark.parametrize("layers", [("conv", "fc1", "fc2"), ("fc1",)], ids=str)
def test_it_is_its_definition(layers: tuple[str, ...]) -> None:
    network = tiny_network()
    rules = {"densities": "erk", "seed": 2, "regrowth": Regrowth(EVERY, 0.6, 0.75)}
    solver, twin = SET(*parts(network, *layers), None, 0.6, **rules), Twin(network.flat)
    solver.start(StepSettings(0.1))
    for i in np.flatnonzero(solver.mask == 0):
        twin.remove(int(i))
    replaced = []
    for number, g in enumerate(gradients(network, STEPS)):
        t = number / STEPS
        take(solver, g, t)
        twin.step(g)
        if (number + 1) % EVERY == 0 and t < 0.75:
            share = 0.6 / 2 * (1 + np.cos(np.pi * t / 0.75))
            rng = np.random.default_rng((2, GROWN, number + 1))
            for slot, kept in solver.kept.items():
                places = range(slot.start, slot.stop)
                count = min(int(share * kept), len(places) - kept)
                for i in twin.smallest(places, count):
                    twin.remove(i)
                scores, values = rng.random(len(places)), he_normal(slot.shape, rng).reshape(-1)
                for i in sorted((i for i in places if not twin.mask[i]), key=lambda i: scores[i - slot.start])[:count]:
                    twin.mask[i], twin.w[i] = True, float(values[i - slot.start])
                replaced.append(count)
        twin.assert_like(solver)
        for slot, kept in solver.kept.items():
            assert slot.stop - slot.start - solver.removed([slot]) == kept == np.count_nonzero(slot.view(network.flat))
    assert sum(replaced) > 20


def test_a_dense_layer_keeps_its_weights() -> None:
    """With ERK the smallest layers are dense, and nothing can grow there."""
    network = tiny_network()
    solver = SET(*parts(network), None, 0.3, regrowth=Regrowth(1, 0.9, 1.0))
    solver.start(StepSettings(0.1))
    fc2 = solver.slots[2]
    assert solver.kept[fc2] == 18
    before = network.flat.copy()
    take(solver, np.zeros_like(before), 0.0)
    np.testing.assert_array_equal(fc2.view(network.flat), fc2.view(before))
    assert (network.weights[18:] != before[18 : len(solver.v)]).any()
