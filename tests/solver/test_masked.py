"""Training with a mask: which weights are chosen, that the others stay 0, and that a new one starts afresh."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.device_double import device
from support.masked import Twin, gradients, parts, take, tiny_network

from minisgl.backend import to_device, to_host
from minisgl.solver.masked import Masked, smallest
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0, np.inf]), min_size=1, max_size=40)


@given(SCORES, st.data())
def test_the_smallest_are_exactly_k_and_of_equal_ones_the_first(scores: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, sum(map(np.isfinite, scores))))
    expected = np.isin(np.arange(len(scores)), sorted(range(len(scores)), key=lambda i: (scores[i], i))[:k])
    np.testing.assert_array_equal(smallest(np.array(scores), k), expected)
    np.testing.assert_array_equal(to_host(smallest(to_device(np.array(scores), device), k)), expected)


def test_the_smallest_of_many_numbers_with_ties() -> None:
    """More than a sample's window needs (quantile.py), with many equal numbers on both sides of it."""
    scores = np.round(np.random.default_rng(0).standard_normal(50_000), 2).astype(np.float32)
    order = np.argsort(scores, kind="stable")
    for k in (1, 10, 24_999, 25_000, 45_003, 49_999, 50_000):
        np.testing.assert_array_equal(smallest(scores, k), np.isin(np.arange(50_000), order[:k]))


def test_without_a_method_the_mask_is_one_and_training_is_dense() -> None:
    network = tiny_network()
    solver, twin = Masked(*parts(network)), Twin(network.flat)
    for g in gradients(network, 5):
        take(solver, g, 0.0)
        twin.step(g)
    twin.assert_like(solver)
    assert solver.thresholds(StepSettings(0.1)) is None


def test_removed_weights_stay_zero_and_grown_ones_start_afresh() -> None:
    network = tiny_network()
    solver, twin = Masked(*parts(network, "fc1", "fc2")), Twin(network.flat)
    conv, fc1, fc2 = (range(slot.start, slot.stop) for slot in network.layout.weights.values())
    slots = solver.slots
    todo = iter(gradients(network, 9))

    def three_steps() -> None:
        for g in (next(todo) for _ in range(3)):
            take(solver, g, 0.0)
            twin.step(g)
        twin.assert_like(solver)

    three_steps()
    solver.remove(slots, 70)
    for i in twin.smallest(range(fc1.start, fc2.stop), 70):
        twin.remove(i)
    assert (solver.removed(slots), twin.masked(conv)) == (70, 0)
    three_steps()
    scores = np.random.default_rng(0).random(len(fc2))
    count = solver.removed([slots[1]]) // 2
    grown = solver.grow(slots[1], count, scores)
    candidates = sorted((i for i in fc2 if not twin.mask[i]), key=lambda i: scores[i - fc2.start])
    for i in candidates[:count]:
        twin.mask[i] = True
    assert [fc2.start + i for i in np.flatnonzero(grown)] == sorted(candidates[:count])
    twin.assert_like(solver)
    three_steps()


def test_a_trained_weight_that_is_0_takes_no_masked_weights_place() -> None:
    solver = Masked(*parts(tiny_network()))
    solver.remove(solver.slots, 50)
    masked = solver.mask == 0
    first = np.flatnonzero(~masked)[:2]
    solver.network.weights[first] = 0.0
    solver.remove(solver.slots, 51)
    np.testing.assert_array_equal(np.flatnonzero((solver.mask == 0) & ~masked), first[:1])
    assert not solver.mask[masked].any()


def test_weight_decay_acts_on_the_weights_that_are_left() -> None:
    network = tiny_network()
    solver, twin = Masked(*parts(network), WeightDecay(0.1)), Twin(network.flat)
    solver.remove(solver.slots, 100)
    for i in twin.smallest(range(len(solver.v)), 100):
        twin.remove(i)
    for g in gradients(network, 3):
        take(solver, g, 0.0)
        twin.step(g + 0.1 * np.array(twin.w))
    twin.assert_like(solver)


def test_small_weights_are_reported_and_refitted_as_they_are() -> None:
    solver = Masked(*parts(tiny_network()))
    solver.remove(solver.slots, 60)
    solver.network.weights[:] *= 1e-7
    left = len(solver.v) - 60
    assert np.count_nonzero(solver.reported("w").weights) == left
    Refit(solver).start()
    assert np.count_nonzero(solver.v) == left
