"""Weight decay: its gradient by differences, the plain loop as a slow twin, PyTorch's SGD, and what does not decay."""

from pathlib import Path

import numpy as np
import pytest
from support.commands import parsed
from support.trees import tree

from minisgl.models import lenet5
from minisgl.nn import Network
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.optimizers import SGD
from minisgl.penalties import L0, GroupLasso
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_decay, make_splitting, make_stages

BETA = 0.3
LAYERS = ["conv1", "conv2", "fc1", "fc2"]
UNITS = (2, 3, 8, 10)


def twin(dtype=np.float64) -> Network:
    return lenet5(np.random.default_rng(0), dtype, units=UNITS)


def spared(network: Network, *layers: str) -> frozenset:
    return frozenset(network.layout.weights[name] for name in layers)


def decaying(network: Network, *layers: str) -> np.ndarray:
    """Bool (size,): a loop over all parameters by name."""
    found = np.zeros(network.flat.size, bool)
    for slot in network.layout.slots:
        of_r = slot.kind == "weight" and slot.name.removesuffix(".weight") in layers
        found[slot.start : slot.stop] = slot.kind != "buffer" and not of_r
    return found


def test_its_gradient_is_that_of_half_the_squares() -> None:
    network = twin()
    decay = WeightDecay(0.7, spared(network, "fc1"))
    gradient = np.zeros(network.flat.size)
    splitting = Splitting(network, SGD(network.flat), {}, decay)
    splitting.add_gradient(gradient, BETA)

    def value(flat: np.ndarray) -> float:
        return decay.value(network.with_flat(flat))

    assert relative_error(numeric_gradient(value, network.flat.copy(), h=1e-5), gradient) <= 1e-8
    assert value(network.flat) == pytest.approx(0.35 * (network.flat[decaying(network, "fc1")] ** 2).sum())
    assert splitting.regularizer(BETA) == value(network.flat)


@pytest.mark.parametrize("layers", [(), ("fc1",), LAYERS], ids=str)
def test_a_step_is_that_of_the_plain_loop(layers) -> None:
    """Slow twin: parameter by parameter, from the formula."""
    rng, network = np.random.default_rng(1), twin()
    penalties = {name: LayerPenalty(GroupLasso(0.01, network.layout.weights[name].unit_axis)) for name in LAYERS}
    penalties |= {name: LayerPenalty(penalties[name].group, L0(1e-3)) for name in layers}
    splitting = Splitting(network, SGD(network.flat, 0.9), penalties, WeightDecay(0.05, spared(network, *layers)))
    plain = Splitting(twin(), SGD(twin().flat, 0.9), penalties)
    for each in (splitting, plain):
        each.v_step(BETA)
    moved = decaying(network, *layers)
    for _ in range(3):
        gradient = rng.standard_normal(network.flat.size)
        theirs = gradient.copy()
        for i in np.flatnonzero(moved):
            theirs[i] += 0.05 * plain.network.flat[i]
        splitting.w_step(gradient, 0.1, BETA)
        plain.w_step(theirs, 0.1, BETA)
        for each in (splitting, plain):
            each.v_step(BETA)
        np.testing.assert_allclose(network.flat, plain.network.flat, rtol=0, atol=1e-14)


def test_buffers_do_not_decay() -> None:
    network = tree()
    before, gradient = network.flat.copy(), np.zeros(network.flat.size)
    splitting = Splitting(network, SGD(network.flat), {}, WeightDecay(0.5))
    splitting.w_step(gradient, 0.1, BETA)
    n = network.layout.n_trained
    assert n < network.flat.size
    np.testing.assert_allclose(network.flat[:n], 0.95 * before[:n], rtol=1e-14)
    np.testing.assert_array_equal(network.flat[n:], before[n:])


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_fifty_steps_are_pytorchs(momentum: float, nesterov: bool) -> None:
    torch = pytest.importorskip("torch")
    rng, network = np.random.default_rng(2), twin()
    splitting = Splitting(network, SGD(network.flat, momentum, nesterov), {}, WeightDecay(5e-2))
    parameter = torch.tensor(network.flat, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=momentum, nesterov=nesterov, weight_decay=5e-2)
    for _ in range(50):
        gradient = rng.standard_normal(network.flat.size)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        splitting.update(splitting.blocks, gradient, StepSettings(0.1))
    np.testing.assert_allclose(network.flat, parameter.detach().numpy(), rtol=0, atol=1e-10)


# ---- the layers that r acts on


@pytest.mark.parametrize(
    ("words", "layers"),
    [
        ("", LAYERS),
        ("--sparse-layers fc1 conv2", ["conv2", "fc1"]),
        ("--lam 0", []),
        ("--penalty none", []),
        ("--penalty group-lasso", []),
        ("--preset paper --sparse-layers fc2", ["fc2"]),
    ],
)
def test_layers_with_an_r_are_spared_before_and_in_the_refit(words: str, layers: list[str]) -> None:
    config = parsed([*words.split(), "--weight-decay", "0.01", "--epochs", "3", "--refit", "1"])
    network = twin()
    expected = WeightDecay(0.01, spared(network, *layers))
    splitting = make_splitting(config, network)
    assert splitting.decay == make_decay(config, network) == expected
    refit = make_stages(config, splitting)[1].solver
    assert refit.decay == refit.moved(np.copy).decay == expected


def test_in_the_refit_the_same_parameters_decay_and_zeros_stay() -> None:
    network = twin()
    decay = WeightDecay(0.5, spared(network, "fc1"))
    splitting = Splitting(network, SGD(network.flat), {"fc1": LayerPenalty(sparse=L0(1e-3))}, decay)
    network.layers["conv2"].weight[0] = 0
    splitting.v_step(BETA)
    refit = Refit(splitting, 0.0, decay)
    refit.start()
    before = network.flat.copy()
    refit.step(np.zeros(network.flat.size), 0.1)
    np.testing.assert_allclose(network.flat, np.where(decaying(network, "fc1"), 0.95, 1) * before, rtol=1e-14)
    assert (network.flat[: len(refit.v)] == 0).sum() == (before[: len(refit.v)] == 0).sum() > 0


# ---- bytes


def test_without_decay_the_bytes_stay() -> None:
    """-0.0 + 0 * w is 0.0: a decay of 0 must add nothing."""
    network, gradient = twin(np.float32), np.full(twin().flat.size, -0.0, np.float32)
    WeightDecay().add_gradient(Splitting(network, SGD(network.flat), {}).blocks[0], network.flat, gradient)
    assert np.signbit(gradient).all()


def test_every_number_of_ranks_gives_the_same_bytes() -> None:
    rng, results = np.random.default_rng(3), []
    images, labels = rng.random((20, 2, 6, 6)), rng.integers(0, 3, 20)
    for threads in (1, 2):
        network = tree()
        decay = WeightDecay(0.1, spared(network, "fc"))
        splitting = shareable(
            Splitting(network, SGD(network.flat, 0.9), {"fc": LayerPenalty(sparse=L0(1e-3))}, decay), 2, threads
        )
        refit = Refit(splitting, 0.5, decay)
        with training_shards(2, threads, [splitting, refit], 20) as run:
            for solver in (splitting, refit):
                solver.start(StepSettings(0.05, 0.02))
                for _ in range(3):
                    run.step(solver, StepSettings(0.05, 0.02), images, labels)
        results.append({name: array.tobytes() for name, array in splitting.arrays().items()})
    assert results[0] == results[1]


def test_a_negative_decay_is_refused(command, tmp_path: Path) -> None:
    done = command("minisgl.train", "--weight-decay", "-1", "--out", tmp_path / "run")
    assert (done.returncode, done.stderr) == (2, "minisgl: --weight-decay must be 0, or from 1e-30 to 1e+06, but is -1.0\n")
    assert not (tmp_path / "run").exists()
