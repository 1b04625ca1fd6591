"""CGES against its definition, one weight at a time: the optimiser's step, then the two proxes, layer by layer."""

from math import sqrt

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.masked import LR, Twin, gradients, parts, tiny_network
from support.resuming import run as train
from support.resuming import without_figures

from minisgl.models import lenet5
from minisgl.solver.cges import CGES
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import drop_negligible
from minisgl.solver.weight_decay import WeightDecay

UNIT_AXIS = {"conv": 0, "fc1": 1, "fc2": 1}
MU = {"conv": 0.25, "fc1": 0.5, "fc2": 0.75}
GROUP, EXCLUSIVE = 0.3, 0.2


def take(solver: CGES, gradient: np.ndarray, lr: float) -> None:
    """One step of the solver, its blocks in another order."""
    settings = StepSettings(lr)
    solver.prepare()
    solver.update(reversed(solver.blocks), gradient.copy(), settings)
    solver.finish(settings)


def group_prox(group: list[float], k: float) -> list[float]:
    length = sqrt(sum(x * x for x in group))
    return [x * max(1 - k * sqrt(len(group)) / length, 0) if length else 0.0 for x in group]


def exclusive_prox(group: list[float], k: float) -> list[float]:
    """By its optimality condition: with m weights left, the largest, the threshold is k times the sum of what is left."""
    sizes = sorted(map(abs, group), reverse=True)
    for m in range(len(group), 0, -1):
        tau = k * sum(sizes[:m]) / (1 + k * m)
        if sizes[m - 1] > tau:
            return [max(abs(x) - tau, 0) * (1 if x > 0 else -1) for x in group]
    return [0.0] * len(group)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(("group_lam", "exclusive_lam"), [(GROUP, EXCLUSIVE), (0.0, EXCLUSIVE), (GROUP, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("chosen", [("conv", "fc1", "fc2"), ("fc1",), ("conv", "fc2")], ids=str)
def test_it_is_its_definition(chosen: tuple[str, ...], group_lam: float, exclusive_lam: float, decay: float) -> None:
    network = tiny_network()
    solver = CGES(*parts(network, *chosen), WeightDecay(decay), group_lam=group_lam, exclusive_lam=exclusive_lam)
    twin, n = Twin(network.flat), network.layout.n_weights
    for g in gradients(network, 20):
        take(solver, g, LR)
        twin.step(g + decay * np.array(twin.w))
        for name in chosen:
            slot = network.layout.weights[name]
            places = np.moveaxis(np.arange(slot.start, slot.stop).reshape(slot.shape), UNIT_AXIS[name], 0)
            for group in places.reshape(len(places), -1).tolist():
                shrunk = group_prox([twin.w[i] for i in group], LR * (1 - MU[name]) * group_lam)
                for i, x in zip(group, exclusive_prox(shrunk, LR * MU[name] * exclusive_lam), strict=True):
                    twin.w[i] = x
        np.testing.assert_allclose(network.flat, twin.w, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(network.weights == 0, np.array(twin.w[:n]) == 0)
    assert not solver.splits
    assert (solver.v == 0).any() == (exclusive_lam > 0)  # the group lasso is too weak here to empty a whole group


def test_mu_grows_by_fifths_in_a_network_of_four_layers() -> None:
    network = lenet5(np.random.default_rng(0), units=(4, 6, 40, 10))
    solver = CGES(*parts(network), group_lam=1.0, exclusive_lam=1.0)
    assert [exclusive.lam for _, exclusive in solver.terms.values()] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert [group.lam for group, _ in solver.terms.values()] == pytest.approx([0.8, 0.6, 0.4, 0.2])
    assert [(group.groups, exclusive.groups) for group, exclusive in solver.terms.values()] == [(0, 0), (0, 0), (1, 1), (1, 1)]


def test_without_both_terms_it_is_one_shot_pruning(tiny, tmp_path) -> None:
    common = ["--sparsity", 0.9, "--epochs", 3, "--refit", 1, "--batch-size", 50, "--threads", 1, "--data", tiny]
    runs = {"none": "--method cges --exclusive-lam 0", "one-shot": "--method one-shot", "both": "--method cges"}
    with without_figures():
        for name, words in runs.items():
            train([*common, *words.split()], tmp_path / name)
    saved = {name: load_file(tmp_path / name / "model.safetensors") for name in runs}
    for layer, ours in saved["none"].items():  # one-shot also reports its weights below 1e-5 as 0
        np.testing.assert_array_equal(drop_negligible(ours), drop_negligible(saved["one-shot"][layer]))
    assert not np.array_equal(saved["none"]["fc1.weight"], saved["both"]["fc1.weight"])


def test_small_weights_are_reported_as_they_are() -> None:
    solver = CGES(*parts(tiny_network()), group_lam=0.1, exclusive_lam=0.1)
    solver.network.weights[:] *= 1e-7
    solver.network.weights[:60] = 0
    assert np.count_nonzero(solver.reported("w").weights == 0) == 60


def test_zeros_beyond_the_share_stay() -> None:
    solver = CGES(*parts(tiny_network()), group_lam=0.0, exclusive_lam=100.0)
    take(solver, np.zeros_like(solver.network.flat), LR)
    zeros = solver.v == 0
    assert zeros.mean() > 0.3
    Refit(solver, 0.3).start()
    np.testing.assert_array_equal(solver.v == 0, zeros)
