"""How many launches a training step on a GPU takes, part by part, and how often it allocates: counted on the double."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.device_double import device, work

from minisgl.backend import to_device
from minisgl.experiments import EXPERIMENTS, preset
from minisgl.models import wide_resnet
from minisgl.nn import Network, Workspace, softmax_cross_entropy, workspace
from minisgl.penalties.names import ALL
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import Splitting
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

FUSED = ["l1", "l0", "tl1", "mcp", "scad", "capped-l1", "log-sum"]


def counted(part: Callable[[], Any]) -> tuple[Any, tuple[int, int]]:
    """What the part returns, and its launches and allocations."""
    work.launches = work.allocations = 0
    result = part()
    return result, (work.launches, work.allocations)


def splitting_of(experiment: str, penalty: str) -> Splitting:
    """A splitting on the double."""
    config = preset("quick", experiment, penalty, threads=1, shards=1)
    network = EXPERIMENTS[experiment].network(np.random.default_rng(0))
    return make_splitting(config, network.with_flat(to_device(network.flat, device)))


def thresholds_of(splitting: Splitting) -> dict[str, float]:
    """A threshold for each layer."""
    return dict.fromkeys(splitting.network.layout.weights, 0.1)


def images_for(splitting: Splitting, count: int) -> tuple[Any, Any]:
    """Images and labels on the double."""
    rng, network = np.random.default_rng(0), splitting.network
    images = rng.integers(0, 256, (count, *network.input_shape), np.uint8)
    return to_device(images, device), to_device(rng.integers(0, network.classes, count), device)


def parts_of_a_step(splitting: Splitting, count: int) -> dict[str, tuple[int, int]]:
    """The launches and allocations of each part of the second step: constants of the workspace are made in the first."""
    (images, labels), ws = images_for(splitting, count), Workspace()
    network, gradient = splitting.network, device.empty_like(splitting.network.flat)
    settings = StepSettings(1e-3, 0.01, thresholds_of(splitting))
    for _ in range(2):
        parts = {}
        (logits, tape), parts["forward"] = counted(lambda: network.forward(images, training=True, workspace=ws))
        (_, dlogits), parts["loss"] = counted(lambda logits=logits: softmax_cross_entropy(logits, labels, workspace=ws))
        _, parts["backward"] = counted(lambda dlogits=dlogits, tape=tape: network.backward(dlogits, tape, gradient))
        _, parts["group scale"] = counted(splitting.prepare)
        _, parts["W-step"] = counted(lambda: splitting.w_step(gradient, settings.lr, settings.beta))
        parts["W-step"] = tuple(np.subtract(parts["W-step"], parts["group scale"]))  # w_step prepares too
        _, parts["V-step"] = counted(lambda: splitting.v_step(settings.beta, settings.thresholds))
    return parts


def test_the_parts_of_a_step_of_lenet5():
    assert parts_of_a_step(splitting_of("mnist-lenet5", "l0"), 100) == {
        "forward": (17, 0),
        "loss": (3, 0),
        "backward": (19, 0),
        "group scale": (4, 0),
        "W-step": (5, 0),
        "V-step": (4, 0),
    }


def work_of_a_step(splitting: Splitting, count: int) -> tuple[int, int]:
    """The launches and allocations of the second step that the training loop would take."""
    (images, labels), settings = images_for(splitting, count), StepSettings(1e-3, 0.01, thresholds_of(splitting))
    with running_shards(1, 1) as shards:
        shards.step(splitting, settings, images, labels)
        return counted(lambda: shards.step(splitting, settings, images, labels))[1]


@pytest.mark.parametrize("penalty", FUSED)
def test_a_step_of_lenet5_has_at_most_80_launches_and_allocates_nothing(penalty):
    launches, allocations = work_of_a_step(splitting_of("mnist-lenet5", penalty), 100)
    assert launches <= 80
    assert allocations == 0


@pytest.mark.parametrize("penalty", ALL)
def test_a_v_step_with_a_closed_formula_is_one_launch_a_layer(penalty):
    parts = parts_of_a_step(splitting_of("mnist-lenet5", penalty), 2)
    assert parts["W-step"] == (5, 0)
    if penalty in FUSED:
        assert parts["V-step"] == (4, 0)


def passes(network: Network, count: int) -> tuple[int, int]:
    """The launches and allocations of a forward and a backward pass in training, the second of their kind."""
    images, ws = to_device(np.zeros((count, *network.input_shape), np.float32), device), Workspace()
    network = network.with_flat(to_device(network.flat, device))
    gradient = device.empty_like(network.flat)

    def both() -> None:
        logits, tape = network.forward(images, training=True, workspace=ws)
        network.backward(logits, tape, gradient)

    both()
    return counted(both)[1]


def test_a_residual_block_has_30_launches_and_allocates_nothing(monkeypatch):
    monkeypatch.setattr(workspace, "KEPT", 0)  # as in a batch of 128 images, whose columns are gathered again in backward
    small, large = (passes(wide_resnet(np.random.default_rng(0), depth, 1), 2) for depth in (10, 16))
    assert large[0] - small[0] == 3 * 30  # a block more in each of three stages
    assert small[0] <= 3 * (30 + 6) + 22  # a convolution as the shortcut has 6; first convolution, last layers
    assert (small[1], large[1]) == (0, 0)


def test_a_step_of_a_residual_network_allocates_nothing():
    network = wide_resnet(np.random.default_rng(0), 10, 1)
    splitting = make_splitting(preset(threads=1, shards=1), network.with_flat(to_device(network.flat, device)))
    assert work_of_a_step(splitting, 2)[1] == 0
