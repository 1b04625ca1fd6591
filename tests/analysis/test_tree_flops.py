"""FLOPs of residual networks: published totals, live parts by hand, and the same numbers as for chains."""

import numpy as np
import pytest
from support.residual import small_resnet

from minisgl.analysis import footprint
from minisgl.analysis.sparsity import count, flops_unknown_reason, live_flops
from minisgl.models import wide_resnet
from minisgl.nn import Flatten, Linear, Network, ReLU, Residual


@pytest.mark.parametrize(
    ("depth", "width", "stride_on_second", "millions", "parameters"),
    [(16, 2, False, 101, 0.69), (16, 2, True, 129, 0.69), (28, 10, False, 5_243, 36.5)],
)
def test_published_multiply_adds(depth, width, stride_on_second, millions, parameters):
    network = wide_resnet(np.random.default_rng(0), depth, width, stride_on_second=stride_on_second)
    cost = footprint.measure(network, b"")
    assert cost.multiply_adds // 10**6 == millions
    assert cost.bias_additions == 10
    assert round(network.layout.n_trained / 1e6, 2 if width == 2 else 1) == parameters
    assert sum(live_flops(network).values()) == cost.flops  # nothing is dead


def test_small_resnet_by_hand():
    network = small_resnet()  # images (2, 8, 8), 3 and 4 channels
    expected = {
        "conv1": 64 * 2 * 9 * 3,
        "stage1.0.conv1": 64 * 3 * 9 * 3,
        "stage1.0.conv2": 64 * 3 * 9 * 3,
        "stage2.0.conv1": 16 * 3 * 9 * 4,
        "stage2.0.conv2": 16 * 4 * 9 * 4,
        "stage2.0.shortcut": 16 * 3 * 4,
        "fc": 4 * 3 + 3,
    }
    assert live_flops(network) == expected
    assert {name: layer.flops for name, layer in count(network).items()} == expected
    assert flops_unknown_reason(network) is None


def test_a_channel_of_a_sum_lives_if_it_lives_in_a_branch():
    network = small_resnet()
    weight = {name: slot.view(network.flat) for name, slot in network.layout.weights.items()}
    weight["conv1"][0] = 0
    weight["stage1.0.conv2"][1] = 0  # channel 0 lives in the body, 1 in the shortcut, 2 in both
    weight["stage1.0.conv1"][:2] = 0
    flops = live_flops(network)
    assert flops["stage1.0.conv1"] == 64 * 2 * 9 * 1
    assert flops["stage1.0.conv2"] == 64 * 1 * 9 * 2
    assert flops["stage2.0.conv1"] == 16 * 3 * 9 * 4
    weight["stage1.0.conv2"][0] = 0
    assert live_flops(network)["stage2.0.conv1"] == 16 * 2 * 9 * 4
    assert live_flops(network)["stage2.0.shortcut"] == 16 * 2 * 4


def test_what_both_branches_read_of_a_linear_layer():
    body = {"relu": ReLU(), "fc2": Linear(4, 4)}
    layers = {"flatten": Flatten(), "fc1": Linear(9, 4), "block": Residual(body), "fc3": Linear(4, 2)}
    network = Network.initialized(layers, (1, 3, 3), np.random.default_rng(0))
    weight = {name: slot.view(network.flat) for name, slot in network.layout.weights.items()}
    weight["fc3"][:, [0, 1, 2]] = 0  # the sum's entry 3 is read
    weight["block.fc2"][:, [0, 3]] = 0  # of fc1, the body reads 1 and 2, the shortcut 3
    assert live_flops(network) == {"fc1": 9 * 3 + 3, "block.fc2": 2 * 1 + 1, "fc3": 1 * 2 + 2}
