"""The compact network: the same logits as the whole one, nothing left that could go, and zeros followed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from support.chains import assert_same_logits, chain, curve_like, images_for, lenet_like, shapes, sparse_networks, unusual

from minisgl.analysis.compact import compact
from minisgl.analysis.sparsity import count
from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, Network, ReLU, softmax_cross_entropy

# ---- any network


def left_by_following_edges(network):
    """How many units each layer must keep, (outputs, inputs): those on a path from the image to a logit.

    Nodes are named (layer, unit that it reads). A slow second way: paths over single edges, and sets.
    """
    weights = {name: slot.view(network.flat) for name, slot in network.layout.weights.items()}
    names = list(weights)
    edges = []
    for i, (name, weight) in enumerate(weights.items()):
        following = names[i + 1] if i + 1 < len(names) else "logits"
        copies = 1  # each output of the last convolution becomes so many inputs of the first linear layer
        if following != "logits" and weights[following].shape[1] != len(weight):
            copies = weights[following].shape[1] // len(weight)
        for k, c in np.ndindex(*weight.shape[:2]):
            if np.any(weight[k, c] != 0):
                edges += [((name, c), (following, k * copies + i)) for i in range(copies)]

    def reached(start, edges):
        found, before = set(start), None
        while found != before:
            before = set(found)
            found |= {b for a, b in edges if a in found}
        return found

    varying = reached([(names[0], c) for c in range(weights[names[0]].shape[1])], edges)
    needed = reached([("logits", k) for k in range(len(weights[names[-1]]))], [(b, a) for a, b in edges])
    return {name: max(1, sum(node[0] == name for node in varying & needed)) for name in names}


@settings(max_examples=150, deadline=None)
@given(sparse_networks())
def test_the_logits_are_the_same(network):
    before = network.flat.copy()
    assert_same_logits(network, compact(network))
    np.testing.assert_array_equal(network.flat, before)


@settings(max_examples=60, deadline=None)
@given(sparse_networks(paddings=(0,)))
def test_what_is_left_lies_on_a_path_from_the_image_to_a_logit(network):
    wanted, found = left_by_following_edges(network), shapes(compact(network))
    first = next(iter(wanted))
    wanted[first] = network.input_shape[0]  # the image keeps its channels
    assert {name: shape[1] for name, shape in found.items()} == wanted
    assert list(found.values())[-1][0] == list(shapes(network).values())[-1][0]


@settings(max_examples=40, deadline=None)
@given(sparse_networks())
def test_the_layers_keep_their_order_and_fit_each_other(network):
    smaller = compact(network)
    assert [name for name in smaller.layers if name != "gather"] == list(network.layers)
    names = list(smaller.layers)
    if "gather" in names:
        assert names.index("gather") == names.index("flatten") + 1
    for name, layer in smaller.layers.items():
        if name != "gather":
            assert type(layer) is type(network.layers[name])
    assert not np.shares_memory(smaller.flat, network.flat)


@pytest.mark.parametrize("make", [lenet_like, curve_like, unusual])
@pytest.mark.parametrize("padding", [0, 1])
def test_nothing_dead(make, padding):
    network = make(padding=padding)
    smaller = compact(network)
    assert shapes(smaller) == shapes(network)
    assert smaller.flat.tobytes() == network.flat.tobytes()
    assert "gather" not in smaller.layers


@pytest.mark.parametrize("make", [lenet_like, curve_like, unusual])
@pytest.mark.parametrize("padding", [0, 1])
def test_everything_dead(make, padding):
    network = make(padding=padding)
    network.weights[...] = 0
    smaller = compact(network)
    assert_same_logits(network, smaller)
    assert all(1 in shape[:2] for shape in shapes(smaller).values())
    np.testing.assert_array_equal(smaller.forward(images_for(network))[0], [network.layout.slots[-1].view(network.flat)] * 4)


def test_a_compact_network_can_be_trained_further():
    """Its gradients are those of the whole network, at the weights that both have."""
    network = lenet_like()
    network.layers["fc1"].weight[:, [0, 5, 6, 9]] = 0
    network.layers["conv2"].weight[3] = 0
    smaller, images, labels = compact(network), images_for(network), np.array([0, 1, 2, 0])
    gradients = []
    for net in (network, smaller):
        logits, tape = net.forward(images)
        gradients.append(net.backward(softmax_cross_entropy(logits, labels)[1], tape, input_gradient=True))
    np.testing.assert_allclose(gradients[1][1], gradients[0][1], rtol=0, atol=1e-12)
    fc2 = [net.layout.weights["fc2"].view(flat) for net, (flat, _) in zip((network, smaller), gradients, strict=True)]
    np.testing.assert_allclose(fc2[1], fc2[0], rtol=0, atol=1e-12)


# ---- zeros followed by hand


@pytest.mark.parametrize("bias", [0.7, 0.0, -0.7])
def test_a_dead_channels_bias_goes_through_relu_into_the_next_bias(bias):
    network = lenet_like()
    conv1, conv2 = network.layers["conv1"], network.layers["conv2"]
    conv1.weight[1], conv1.bias[1] = 0, bias
    smaller = compact(network)
    assert shapes(smaller)["conv2"] == (4, 2, 3, 3)
    np.testing.assert_array_equal(smaller.layers["conv2"].weight, conv2.weight[:, [0, 2]])
    np.testing.assert_allclose(
        smaller.layers["conv2"].bias, conv2.bias + conv2.weight[:, 1].sum(axis=(1, 2)) * max(bias, 0), rtol=0, atol=1e-14
    )
    assert_same_logits(network, smaller)


def test_without_relu_a_negative_constant_counts_too():
    network = unusual()
    conv1, conv2 = network.layers["conv1"], network.layers["conv2"]
    conv1.weight[0], conv1.bias[0] = 0, -2.0
    smaller = compact(network)
    np.testing.assert_allclose(
        smaller.layers["conv2"].bias, conv2.bias - 2 * conv2.weight[:, 0].sum(axis=(1, 2)), rtol=0, atol=1e-14
    )
    assert_same_logits(network, smaller)


def test_a_hidden_neuron_without_incoming_weights_is_a_constant():
    network = lenet_like()
    fc1, fc2 = network.layers["fc1"], network.layers["fc2"]
    fc1.weight[4], fc1.bias[4] = 0, 1.5
    smaller = compact(network)
    assert shapes(smaller)["fc2"] == (3, 5)
    np.testing.assert_allclose(smaller.layers["fc2"].bias, fc2.bias + 1.5 * fc2.weight[:, 4], rtol=0, atol=1e-14)
    assert_same_logits(network, smaller)


def test_a_constant_travels_through_every_layer():
    """conv1 is dead: all that follows is constant, down to the logits."""
    network = lenet_like()
    network.layers["conv1"].weight[...] = 0
    network.layers["conv1"].bias[...] = [1.0, 2.0, 3.0]
    smaller = compact(network)
    assert shapes(smaller) == {"conv1": (1, 1, 3, 3), "conv2": (1, 1, 3, 3), "fc1": (1, 1), "fc2": (3, 1)}
    assert not smaller.weights.any()
    assert_same_logits(network, smaller)


def test_a_neuron_that_nothing_reads_goes_with_all_that_only_it_read():
    network = lenet_like()
    network.layers["fc2"].weight[:, [0, 3]] = 0
    fc1 = network.layers["fc1"].weight
    only = [0, 1, 2, 3]  # the four positions of channel 0 are read by neurons 0 and 3 alone
    fc1[np.ix_([1, 2, 4, 5], only)] = 0
    smaller = compact(network)
    assert shapes(smaller) == {"conv1": (3, 1, 3, 3), "conv2": (3, 3, 3, 3), "fc1": (4, 12), "fc2": (3, 4)}
    assert_same_logits(network, smaller)


def test_a_channel_of_conv2_goes_only_with_its_whole_map():
    network = lenet_like()
    fc1 = network.layers["fc1"].weight
    fc1[:, [0, 1, 2, 3]] = 0  # all of channel 0
    fc1[:, [5, 6, 15]] = 0  # some of channels 1 and 3
    smaller = compact(network)
    assert shapes(smaller) == {"conv1": (3, 1, 3, 3), "conv2": (3, 3, 3, 3), "fc1": (6, 9), "fc2": (3, 6)}
    assert smaller.layers["gather"].index.tolist() == [0, 3, 4, 5, 6, 7, 8, 9, 10]  # among the twelve that are left
    np.testing.assert_array_equal(smaller.layers["fc1"].weight, fc1[:, [4, 7, 8, 9, 10, 11, 12, 13, 14]])
    assert_same_logits(network, smaller)


def test_single_weights_take_no_unit():
    network = lenet_like()
    for layer in ("conv1", "conv2", "fc1", "fc2"):
        network.layers[layer].weight[0, 0] = 0
    assert shapes(compact(network)) == shapes(network) | {"conv1": (2, 1, 3, 3), "conv2": (4, 2, 3, 3)}  # conv1 has one input
    assert_same_logits(network, compact(network))


@pytest.mark.parametrize(("bias", "channels"), [(0.7, 3), (-0.7, 2), (0.0, 2)])
def test_before_a_padded_convolution_a_constant_stays_unless_it_is_zero(bias, channels):
    network = lenet_like(padding=1)
    network.layers["conv1"].weight[1], network.layers["conv1"].bias[1] = 0, bias
    smaller = compact(network)
    assert shapes(smaller)["conv2"] == (4, channels, 3, 3)
    assert_same_logits(network, smaller)


def test_what_reads_a_constant_that_stays_varies_over_the_map():
    """Channel 0 of conv2 reads nothing but the constant channel 1 of conv1: no constant itself, because of the border."""
    network = curve_like(padding=1)
    conv1, conv2 = network.layers["conv1"], network.layers["conv2"]
    conv1.weight[1], conv1.bias[1] = 0, 0.7
    conv2.weight[0, [0, 2]] = 0
    smaller = compact(network)
    assert shapes(smaller) == shapes(network)
    assert_same_logits(network, smaller)


def test_a_constant_that_stays_needs_nothing_itself():
    """conv2 is fed by zeros alone, and its own constants stay in front of the padded conv3."""
    maps = {"conv1": Conv2d(1, 2, 3), "relu1": ReLU(), "conv2": Conv2d(2, 3, 3), "conv3": Conv2d(3, 2, 3, padding=1)}
    network = chain(maps, (1, 9, 9), (2,))
    network.layers["conv1"].weight[...] = 0
    network.layers["conv1"].bias[...] = [-1.0, 2.0]
    smaller = compact(network)
    assert shapes(smaller) == {"conv1": (1, 1, 3, 3), "conv2": (3, 1, 3, 3), "conv3": (2, 3, 3, 3), "fc": (2, 50)}
    assert_same_logits(network, smaller)


def test_the_image_keeps_its_channels():
    network = curve_like()
    network.layers["conv1"].weight[:, 0] = 0
    assert shapes(compact(network)) == shapes(network)


def test_softmax_regression_gathers_pixels():
    network = Network({"flatten": Flatten(), "fc": Linear(16, 3)}, (1, 4, 4), np.arange(51.0))
    network.layers["fc"].weight[:, [0, 7]] = 0
    smaller = compact(network)
    assert shapes(smaller) == {"fc": (3, 14)}
    assert_same_logits(network, smaller)


def test_other_layers_are_refused():
    class Leaky(ReLU):
        """Another activation: a subclass may compute something else."""

    network = Network({"flatten": Flatten(), "leaky": Leaky(), "fc": Linear(4, 2)}, (1, 2, 2), np.ones(10))
    with pytest.raises(MinisglError, match="leaky is a Leaky: compact does not know how zeros pass through it"):
        compact(network)


# ---- FLOPs, beside sparsity.count, which takes out dead units and looks no further


def flops(network):
    return sum(layer.flops for layer in count(network).values())


@pytest.mark.parametrize(
    "units", [(20, 50, 800, 500), (7, 13, 208, 16), (8, 13, 88, 13), (5, 10, 76, 16), (3, 18, 284, 283), (9, 18, 65, 25)]
)
def test_dead_units_alone_leave_the_flops_that_sparsity_counts(units):
    """The published rows: their units, with fc1 inputs spread over all the channels that live."""
    k1, k2, d1, d2 = units
    network = lenet5(np.random.default_rng(0))
    rng = np.random.default_rng(1)
    network.layers["conv1"].weight[rng.permutation(20)[k1:]] = 0
    dead = rng.permutation(50)[k2:]
    network.layers["conv2"].weight[dead] = 0
    inputs = np.setdiff1d(np.arange(800), (16 * dead[:, None] + np.arange(16)).ravel()).reshape(k2, 16)
    live = rng.permuted(inputs, axis=1).T.ravel()[:d1]  # one position of every channel, then a second one, and so on
    network.layers["fc1"].weight[:, np.setdiff1d(np.arange(800), live)] = 0
    network.layers["fc2"].weight[:, rng.permutation(500)[d2:]] = 0
    smaller = compact(network)
    assert shapes(smaller) == {"conv1": (k1, 1, 5, 5), "conv2": (k2, k1, 5, 5), "fc1": (d2, d1), "fc2": (10, d2)}
    assert flops(smaller) == flops(network)
    assert all(layer.dead_units == 0 for layer in count(smaller).values())


@settings(max_examples=60, deadline=None)
@given(sparse_networks(paddings=(0,)))
def test_the_compact_network_costs_no_more_than_sparsity_counts(network):
    assert flops(compact(network)) <= flops(network)


def test_where_zeros_reach_further_the_compact_network_costs_less():
    network = lenet_like()
    before = flops(network)
    network.layers["fc1"].weight[4] = 0  # a neuron whose outgoing weights live: sparsity.count keeps it
    assert flops(network) == before
    assert before - flops(compact(network)) == (16 + 1) + 3
