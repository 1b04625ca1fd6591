"""Sparsity: zeros, dead units and FLOPs, against counts by hand and the rows of the published table (MATH.md, section 5)."""

import numpy as np
import pytest

from minisgl.analysis.sparsity import count, live_units, weight_sparsity
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, Network
from minisgl.solver.splitting import NEGLIGIBLE, drop_negligible

LAYERS = ["conv1", "conv2", "fc1", "fc2"]
AXES = {"conv1": 0, "conv2": 0, "fc1": 1, "fc2": 1}
UNITS = {"conv1": 20, "conv2": 50, "fc1": 800, "fc2": 500}
WEIGHTS = {"conv1": 500, "conv2": 25_000, "fc1": 400_000, "fc2": 5_000}


@pytest.fixture
def network():
    return lenet5(np.random.default_rng(0))


def keep_units(network, live):
    """Set all but `live[name]` random units of each layer to zero."""
    rng = np.random.default_rng(1)
    for name, alive in live.items():
        by_unit = np.moveaxis(network.layers[name].weight, AXES[name], 0)
        by_unit[rng.permutation(len(by_unit))[alive:]] = 0


def flops_by_hand(k1, k2, d1, d2):
    """Multiply-adds plus bias additions of LeNet-5 with these many conv1 and conv2 channels, fc1 and fc2 inputs."""
    conv1 = 24 * 24 * (1 * 25 + 1) * k1
    conv2 = 8 * 8 * (k1 * 25 + 1) * k2
    return conv1 + conv2 + (d1 + 1) * d2 + (d2 + 1) * 10


def total_flops(network):
    return sum(layer.flops for layer in count(network).values())


# ---- FLOPs


@pytest.mark.parametrize(
    ("units", "thousands", "exact"),
    [
        ((20, 50, 800, 500), 2308.2, 299_520 + 1_603_200 + 400_500 + 5_010),
        ((7, 13, 208, 16), 254.8, 104_832 + 146_432 + 3_344 + 170),
        ((8, 13, 88, 13), 288.3, None),
        ((5, 10, 76, 16), 156.9, None),
        ((3, 18, 284, 283), 216.0, None),
        ((9, 18, 65, 25), 397.0, None),
        ((1, 1, 1, 1), None, 576 * 26 + 64 * 26 + 2 + 20),
        ((20, 50, 0, 0), None, 299_520 + 1_603_200 + 0 + 10),
        ((0, 0, 0, 0), None, 10),
    ],
)
def test_flops_of_the_published_networks(network, units, thousands, exact):
    keep_units(network, dict(zip(LAYERS, units, strict=True)))
    flops = total_flops(network)
    assert flops == flops_by_hand(*units)
    assert exact is None or flops == exact
    assert thousands is None or round(flops / 1000, 1) == thousands
    assert tuple(live_units(network).values()) == units


def test_flops_layer_by_layer(network):
    keep_units(network, dict(zip(LAYERS, (7, 13, 208, 16), strict=True)))
    assert [layer.flops for layer in count(network).values()] == [104_832, 146_432, 3_344, 170]


def test_flops_with_stride_and_padding():
    """Output 1 + (9 + 2 - 3) // 2 = 5 by 5; the linear layer alone decides how many of its 50 inputs live."""
    layers = {"conv": Conv2d(3, 2, 3, stride=2, padding=1), "flatten": Flatten(), "fc": Linear(50, 4)}
    network = Network(layers, (3, 9, 9), np.ones(2 * 27 + 4 * 50 + 2 + 4))
    network.layers["fc"].weight[:, :20] = 0
    counts = count(network)
    assert counts["conv"].flops == 25 * (3 * 9 * 2 + 2)
    assert counts["fc"].flops == 30 * 4 + 4


def test_softmax_regression_is_a_network_too():
    network = Network({"flatten": Flatten(), "fc": Linear(16, 3)}, (1, 4, 4), np.ones(51))
    network.layers["fc"].weight[:, 5] = 0
    counts = count(network)["fc"]
    assert (counts.units, counts.dead_units, counts.zero_weights, counts.flops) == (16, 1, 3, 15 * 3 + 3)


# ---- zeros and units


def test_a_dense_network_has_no_zeros(network):
    counts = count(network)
    assert list(counts) == LAYERS
    for name, layer in counts.items():
        assert (layer.weights, layer.units) == (WEIGHTS[name], UNITS[name])
        assert (layer.zero_weights, layer.dead_units) == (0, 0)


def test_scattered_zeros_kill_no_unit(network):
    rng = np.random.default_rng(2)
    expected = {}
    for name in LAYERS:
        weight = network.layers[name].weight
        mask = rng.random(weight.shape) < 0.3
        weight[mask] = 0
        expected[name] = int(mask.sum())
    counts = count(network)
    assert {name: layer.zero_weights for name, layer in counts.items()} == expected
    assert all(layer.dead_units == 0 for layer in counts.values())
    assert total_flops(network) == flops_by_hand(20, 50, 800, 500)


def test_a_unit_with_one_weight_lives(network):
    for name in LAYERS:
        weight = network.layers[name].weight
        weight[...] = 0
        weight[(0,) * weight.ndim] = 1e-30
    for name, layer in count(network).items():
        assert layer.zero_weights == WEIGHTS[name] - 1
        assert layer.dead_units == UNITS[name] - 1


@pytest.mark.parametrize("dead", LAYERS)
def test_a_layer_that_is_all_dead(network, dead):
    network.layers[dead].weight[...] = -0.0  # a negative zero is a zero
    counts = count(network)
    for name, layer in counts.items():
        assert layer.zero_weights == (WEIGHTS[name] if name == dead else 0)
        assert layer.dead_units == (UNITS[name] if name == dead else 0)
    assert total_flops(network) == flops_by_hand(*(0 if name == dead else UNITS[name] for name in LAYERS))


def test_biases_are_not_counted(network):
    network.flat[network.layout.n_weights :] = 0
    assert sum(layer.zero_weights for layer in count(network).values()) == 0
    assert sum(layer.weights for layer in count(network).values()) == 430_500


def test_units_are_output_channels_and_input_neurons(network):
    network.layers["conv2"].weight[:, 3] = 0  # an input channel: no unit
    network.layers["fc1"].weight[3] = 0  # an output neuron: no unit
    assert all(layer.dead_units == 0 for layer in count(network).values())


@pytest.mark.parametrize(("zeros", "percent"), [(0, 0), (1, 12.5), (6, 75), (8, 100)])
def test_weight_sparsity_is_a_percentage(zeros, percent):
    weights = np.full(8, 1e-30)
    weights[:zeros] = 0
    assert weight_sparsity(weights) == weight_sparsity(weights.reshape(2, 4)) == percent


# ---- the paper's small weights


def test_drop_negligible_at_its_boundary():
    below, above = np.nextafter(1e-5, 0), np.nextafter(1e-5, 1)
    weights = np.array([below, 1e-5, above, -below, -1e-5, -above, 0, 1, -1])
    dropped = drop_negligible(weights)
    assert dropped.tolist() == [0, 1e-5, above, 0, -1e-5, -above, 0, 1, -1]
    assert NEGLIGIBLE == 1e-5


def test_drop_negligible_at_its_boundary_in_float32():
    edge = np.float32(1e-5)
    weights = np.array([np.nextafter(edge, np.float32(0)), edge, np.nextafter(edge, np.float32(1))])
    dropped = drop_negligible(weights)
    assert dropped.dtype == np.float32
    assert dropped.tolist() == [0, *weights[1:].tolist()]


@pytest.mark.parametrize("weights", [np.array([1e-6, 1.0]), np.ones((2, 3))])
def test_drop_negligible_makes_a_copy(weights):
    before = weights.copy()
    dropped = drop_negligible(weights)
    assert dropped.shape == weights.shape
    dropped[...] = 7
    assert np.array_equal(weights, before)
