"""A random mask: drawn once from the seed, with exactly as many weights in each layer, each as likely as the others."""

import numpy as np
import pytest
from support.masked import Twin, gradients, parts, take, tiny_network

from minisgl.solver.densities import kept_by_layer
from minisgl.solver.quantile import count_for
from minisgl.solver.random_mask import START, RandomMask
from minisgl.solver.schedules import StepSettings


def begun(seed: int = 0, densities: str = "erk", layers: tuple[str, ...] = (), sparsity: float = 0.7) -> RandomMask:
    solver = RandomMask(*parts(tiny_network(), *layers), None, sparsity, densities=densities, seed=seed)
    solver.start(StepSettings(0.1))
    return solver


@pytest.mark.parametrize("densities", ["erk", "uniform"])
@pytest.mark.parametrize("layers", [("conv", "fc1", "fc2"), ("fc1", "fc2")], ids=str)
def test_it_is_its_definition(layers: tuple[str, ...], densities: str) -> None:
    network = tiny_network()
    solver, twin = begun(3, densities, layers), Twin(network.flat)
    rng = np.random.default_rng((3, START, 0))
    kept = kept_by_layer([slot.shape for slot in solver.slots], 0.7, densities)
    for slot, count in zip(solver.slots, kept, strict=True):
        scores = rng.random(slot.stop - slot.start)
        for i in np.argsort(scores)[count:]:
            twin.remove(slot.start + int(i))
    twin.assert_like(solver)
    assert solver.removed(solver.slots) == count_for(0.7, sum(slot.stop - slot.start for slot in solver.slots))
    for number, g in enumerate(gradients(network, 6)):
        take(solver, g, number / 6)
        twin.step(g)
        twin.assert_like(solver)


def test_the_seed_decides() -> None:
    masks = [begun(seed).mask for seed in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


def test_every_weight_of_a_layer_is_kept_equally_often() -> None:
    mean = np.mean([begun(seed, "uniform", sparsity=0.5).mask for seed in range(400)], axis=0)
    assert abs(mean - 0.5).max() < 0.125  # five standard deviations
