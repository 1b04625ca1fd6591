"""One flat vector of parameters: whose number is where, which views share it, and what a copy leaves alone."""

import numpy as np
import pytest

from minisgl.models import lenet5
from minisgl.nn import Flatten, Layout, Linear, Network, Parameter
from minisgl.nn.initializers import he_normal, normal


@pytest.fixture
def network() -> Network:
    return lenet5(np.random.default_rng(0), np.float64, units=(2, 3, 8, 10))


def test_weights_come_first_in_network_order_then_what_is_free_then_buffers():
    declared = [
        ("a", Parameter("weight", (2, 3), "weight", he_normal)),
        ("a", Parameter("mean", (3,), "buffer", he_normal)),
        ("a", Parameter("bias", (2,), "free", he_normal)),
        ("b.c", Parameter("weight", (4,), "weight", he_normal, unit_axis=0)),
        ("b.c", Parameter("bias", (1,), "free", he_normal)),
    ]
    layout = Layout(declared)
    assert [(slot.name, slot.shape, slot.start, slot.stop, slot.kind) for slot in layout.slots] == [
        ("a.weight", (2, 3), 0, 6, "weight"),
        ("a.mean", (3,), 13, 16, "buffer"),
        ("a.bias", (2,), 10, 12, "free"),
        ("b.c.weight", (4,), 6, 10, "weight"),
        ("b.c.bias", (1,), 12, 13, "free"),
    ]
    assert (layout.n_weights, layout.n_trained, layout.size) == (10, 13, 16)
    assert list(layout.weights) == ["a", "b.c"]
    assert layout["a.mean"] == layout.slots[1]
    assert (layout.free.start, layout.free.stop) == (10, 13)
    with pytest.raises(ValueError, match="6 parameters have only 5 different names"):
        Layout([*declared, declared[0]])
    np.testing.assert_array_equal(layout.weights["a"].view(np.arange(13)), [[0, 1, 2], [3, 4, 5]])


def test_lenet5_has_the_names_shapes_and_counts_of_the_paper():
    network = lenet5(np.random.default_rng(0))
    assert {slot.name: slot.shape for slot in network.layout.slots} == {
        "conv1.weight": (20, 1, 5, 5),
        "conv1.bias": (20,),
        "conv2.weight": (50, 20, 5, 5),
        "conv2.bias": (50,),
        "fc1.weight": (500, 800),
        "fc1.bias": (500,),
        "fc2.weight": (10, 500),
        "fc2.bias": (10,),
    }
    # the order of PyTorch's state_dict, each weight before its bias
    assert [slot.name.split(".")[0] for slot in network.layout.slots[::2]] == ["conv1", "conv2", "fc1", "fc2"]
    assert [slot.name.split(".")[1] for slot in network.layout.slots] == ["weight", "bias"] * 4
    assert (network.layout.n_weights, network.layout.size) == (430_500, 431_080)


def test_slots_cover_the_vector_exactly_once(network):
    owners = np.zeros(network.flat.size, int)
    for slot in network.layout.slots:
        slot.view(owners)[...] += 1
    assert (owners == 1).all()


def test_views_share_memory(network):
    for name in ("conv1", "conv2", "fc1", "fc2"):
        layer = network.layers[name]
        assert np.shares_memory(layer.weight, network.weights)
        assert not np.shares_memory(layer.bias, network.weights)
        assert np.shares_memory(layer.bias, network.flat)
    network.flat[...] = np.arange(network.flat.size)
    assert network.layers["conv1"].weight[0, 0, 0, 3] == network.weights[3] == 3
    assert network.layers["fc2"].bias[-1] == network.flat.size - 1
    network.weights[...] = 0
    assert not network.layers["fc1"].weight.any()
    assert network.layers["fc1"].bias.all()


def test_with_flat_uses_the_new_vector_and_leaves_the_old(network):
    before, other = network.flat.copy(), np.zeros_like(network.flat)
    twin = network.with_flat(other)
    assert twin.flat is other
    other[...] = 5
    assert (twin.layers["conv2"].weight == 5).all()
    np.testing.assert_array_equal(network.flat, before)
    assert np.shares_memory(network.layers["conv2"].weight, network.flat)
    assert not np.shares_memory(network.layers["conv2"].weight, other)


def test_with_weights_copies_weights_and_biases(network):
    before, weights = network.flat.copy(), np.full(network.layout.n_weights, 7.0)
    twin = network.with_weights(weights)
    assert (twin.weights == 7).all()
    np.testing.assert_array_equal(twin.flat[twin.layout.n_weights :], before[twin.layout.n_weights :])
    twin.flat[...] = -1
    assert (weights == 7).all()
    np.testing.assert_array_equal(network.flat, before)
    assert np.shares_memory(network.layers["fc1"].weight, network.flat)


def test_one_description_serves_several_networks():
    layers = {"flatten": Flatten(), "fc": Linear(4, 2)}
    one = Network(layers, (1, 2, 2), np.zeros(10))
    other = Network(layers, (1, 2, 2), np.ones(10))
    assert layers["fc"].weight is None
    images = np.ones((1, 1, 2, 2))
    assert one.forward(images)[0].tolist() == [[0, 0]]
    assert other.forward(images)[0].tolist() == [[5, 5]]


def test_starting_weights():
    """He: variance 2 / fan_in. The same seed draws the same network in every dtype; biases are N(0, 0.01^2)."""
    rng = np.random.default_rng(0)
    for shape, fan_in in (((400, 800), 800), ((100, 20, 5, 5), 500)):
        weight = he_normal(shape, rng)
        assert weight.shape == shape
        assert weight.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.02)
        assert abs(weight.mean()) < 0.02 * weight.std()
    assert normal((10_000,), rng, std=0.01).std() == pytest.approx(0.01, rel=0.03)
    single, double = (lenet5(np.random.default_rng(3), dtype) for dtype in (np.float32, np.float64))
    assert single.flat.dtype == np.float32
    np.testing.assert_array_equal(single.flat, double.flat.astype(np.float32))
    assert double.layers["fc1"].weight.std() == pytest.approx(np.sqrt(2 / 800), rel=0.01)
    assert double.flat[double.layout.n_weights :].std() == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize("size", [1, 7, 24, 25, 100, 10_000])
def test_blocks_are_whole_rows_that_cover_the_slot(size):
    network = lenet5(np.random.default_rng(0), units=(4, 5, 7, 3))
    for slot in network.layout.slots:
        blocks, flat = slot.blocks(size), np.zeros_like(network.flat)
        row = slot.view(flat)[0].size
        for block in blocks:
            assert row <= block.view(flat).size <= max(size, row)
            assert np.shares_memory(flat[block.part], block.view(flat))
            assert flat[block.part].size == block.view(flat).size
            flat[block.part] += 1
        assert flat[slot.start : slot.stop].min() == flat.max() == 1
        assert flat.sum() == slot.stop - slot.start
