"""Gradual magnitude pruning against its definition, one weight at a time, and its share of zeros at every step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.masked import Twin, gradients, parts, take, tiny_network

from minisgl.solver.agp import AGP
from minisgl.solver.quantile import count_for

STEPS = 40
RAMP = (0.1, 0.6)


def cubic(t: float, final: float) -> float:
    if t < RAMP[0]:
        return 0.0
    if t >= RAMP[1]:
        return final
    return final - final * ((RAMP[1] - t) / (RAMP[1] - RAMP[0])) ** 3


@pytest.mark.parametrize("by_layer", [False, True])
@pytest.mark.parametrize("masked", [("conv", "fc1", "fc2"), ("fc1",), ("conv", "fc2")], ids=str)
def test_it_is_its_definition(masked: tuple[str, ...], by_layer: bool) -> None:
    network = tiny_network()
    solver, twin = AGP(*parts(network, *masked), None, 0.85, ramp=RAMP, by_layer=by_layer), Twin(network.flat)
    places = [range(slot.start, slot.stop) for slot in solver.slots]
    ranked = places if by_layer else [[i for place in places for i in place]]
    for number, g in enumerate(gradients(network, STEPS)):
        t = number / STEPS
        take(solver, g, t)
        twin.step(g)
        for together in ranked:
            wanted = count_for(cubic(t, 0.85), len(together))
            for i in twin.smallest(together, wanted - twin.masked(together)):
                twin.remove(i)
            assert twin.masked(together) == wanted
        twin.assert_like(solver)
    removed = solver.removed(solver.slots)
    assert removed == sum(count_for(0.85, len(together)) for together in ranked)
    assert removed == np.count_nonzero(solver.network.weights == 0)


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0.51, 1), st.floats(0.01, 0.99))
def test_the_share_rises_from_0_to_the_sparsity(t: float, start: float, end: float, sparsity: float) -> None:
    solver = AGP(*parts(tiny_network()), None, sparsity, ramp=(start, end))
    assert solver.share(start) == 0
    assert solver.share(end) == solver.share(1.0) == sparsity
    assert 0 <= solver.share(t) <= solver.share(min(t + 0.1, 1.0)) <= sparsity


def test_many_weights_of_one_size_are_removed_one_by_one() -> None:
    network = tiny_network()
    network.weights[:] = 0.5
    solver = AGP(*parts(network), None, 0.5, ramp=(0.0, 1.0))
    for t in (0.01, 0.3, 0.9, 1.0):
        take(solver, np.zeros_like(network.flat), t)
        zeros = count_for(solver.share(t), len(solver.v))
        np.testing.assert_array_equal(solver.v == 0, np.arange(len(solver.v)) < zeros)
