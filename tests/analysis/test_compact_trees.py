"""The compact network of residual networks: the same logits, what must stay and what need not, and known cases by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.chains import assert_same_logits, images_for, shapes
from support.residual import scrambled, small_resnet, spoilt
from support.residual_trees import initialized, post_activation, published, spoilt_networks, two_stages, vectors

from minisgl.analysis.compact import compact
from minisgl.analysis.folding import fold
from minisgl.formats import network_file
from minisgl.nn import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, ReLU, Residual, ScaleShift, Sequential, steps


def kinds(network):
    """The kind of each layer by its full name."""
    return {name: type(layer).__name__ for name, layer in network.walk()}


def weight_of(network, name):
    return network.layout.weights[name].view(network.flat)


def without_shifts(network):
    """The network, its batch norms scales alone: what is dead is 0, and not another constant."""
    for name, layer in network.walk():
        if isinstance(layer, BatchNorm2d):
            layer.bias[...] = layer.running_mean[...] = 0
            assert (layer.weight != 0).all(), name
    return network


# ---- any network


@settings(max_examples=100, deadline=None)
@given(spoilt_networks())
def test_the_logits_are_the_same(network):
    before = network.flat.copy()
    smaller = compact(network)
    assert_same_logits(network, smaller)
    np.testing.assert_array_equal(network.flat, before)
    assert not np.shares_memory(smaller.flat, network.flat)
    assert not {BatchNorm2d, Dropout} & {type(layer) for _, layer in smaller.walk()}


@settings(max_examples=10, deadline=None)
@given(spoilt_networks(makers=(published,)))
def test_wide_residual_networks_have_the_same_logits(network):
    assert_same_logits(network, compact(network))


@settings(max_examples=60, deadline=None)
@given(spoilt_networks())
def test_once_more_changes_nothing(network):
    smaller = compact(network)
    again = compact(smaller)
    assert kinds(again) == kinds(smaller)
    assert shapes(again) == shapes(smaller)
    assert_same_logits(smaller, again)


@settings(max_examples=15, deadline=None)
@given(spoilt_networks(dtypes=(np.float32,)))
def test_a_file_holds_it(tmp_path_factory, network):
    path, smaller = tmp_path_factory.mktemp("compact") / "compact.safetensors", compact(network)
    network_file.write(path, smaller)
    read = network_file.read(path)
    assert network_file.as_bytes(read) == path.read_bytes()
    images = images_for(network)
    np.testing.assert_array_equal(read.forward(images)[0], smaller.forward(images)[0])


@settings(max_examples=40, deadline=None)
@given(spoilt_networks(dtypes=(np.float64,), makers=(small_resnet, two_stages)))
def test_batch_norms_that_only_scale(network):
    assert_same_logits(without_shifts(network), compact(network))


def on_a_path(network):
    """How many units of each step lie on a path from the image to a logit: a slow second way, by edges and sets.

    It knows no constants but 0, so it is right for padded networks without shifts.
    """
    edges, order = [], steps(network)
    for step in order:
        for before in step.reads:
            weight = weight_of(network, step.name) if step.name in network.layout.weights else None
            for k in range(step.shape[0]):
                inputs = [k] if weight is None else [c for c in range(weight.shape[1]) if np.any(weight[k, c] != 0)]
                edges += [((before, c), (step.name, k)) for c in inputs]

    def reached(found, edges):
        before = None
        while found != before:
            before = set(found)
            found |= {b for a, b in edges if a in found}
        return found

    varying = reached({("", c) for c in range(network.input_shape[0])}, edges)
    needed = reached({(order[-1].name, k) for k in range(network.classes)}, [(b, a) for a, b in edges])
    return {step.name: sum(name == step.name for name, _ in varying & needed) for step in order}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.tuples(*[st.sampled_from([0.0, 0.2, 0.5])] * 4), st.sampled_from([small_resnet, two_stages]))
def test_inside_a_block_stays_what_lies_on_a_path(seed, parts, make):
    network = without_shifts(spoilt(make(np.float64, seed % 7), seed, parts))
    found, smaller = on_a_path(network), compact(network)
    for name in [name for name in network.layout.weights if name.endswith("conv1") and name != "conv1"]:
        assert shapes(smaller).get(name, (0,))[0] == found[name]  # if it has no unit, the block has no body


# ---- by hand


def test_nothing_dead_changes_only_what_is_folded():
    network = scrambled(small_resnet())
    smaller, folded = compact(network), fold(network)
    assert kinds(smaller) == kinds(folded)
    assert smaller.flat.tobytes() == folded.flat.tobytes()


def test_dead_channels_inside_a_block_go():
    network = without_shifts(scrambled(small_resnet()))
    weight_of(network, "stage1.0.conv1")[1] = 0  # no output
    weight_of(network, "stage2.0.conv2")[:, [0, 3]] = 0  # not read
    smaller = compact(network)
    assert shapes(smaller) == shapes(network) | {
        "stage1.0.conv1": (2, 3, 3, 3),
        "stage1.0.conv2": (3, 2, 3, 3),
        "stage2.0.conv1": (2, 3, 3, 3),
        "stage2.0.conv2": (4, 2, 3, 3),
    }
    assert_same_logits(network, smaller)


def test_a_dead_channel_with_a_shift_stays_before_a_padded_convolution():
    network = scrambled(small_resnet())
    bn2 = dict(network.walk())["stage1.0.bn2"]
    weight_of(network, "stage1.0.conv1")[:2] = 0
    bn2.bias[:2], bn2.running_mean[:2] = (0.7, -0.7), 0  # after ReLU, 0.7 and 0
    smaller = compact(network)
    assert shapes(smaller)["stage1.0.conv2"] == (3, 2, 3, 3)
    assert_same_logits(network, smaller)


def test_a_block_with_a_dead_end_becomes_its_shortcut():
    network = scrambled(small_resnet())
    weight_of(network, "stage1.0.conv2")[...] = 0
    smaller = compact(network)
    assert [name for name in kinds(smaller) if name.startswith("stage1")] == []
    assert list(smaller.layers) == ["conv1", "stage2", "bn", "relu", "pool", "fc"]
    # conv1 is now followed by the next block's bn1 alone, and takes it in
    assert smaller.layers["conv1"].has_bias
    assert "stage2.0.bn1" not in kinds(smaller)
    assert_same_logits(network, smaller)

    weight_of(network, "stage2.0.conv2")[...] = 0
    smaller = compact(network)
    assert list(kinds(smaller)) == ["conv1", "stage2.0.relu1", "stage2.0.shortcut", "relu", "pool", "fc"]
    assert type(smaller.layers["stage2"].children["0"]) is Sequential
    assert_same_logits(network, smaller)


def test_where_the_identity_is_constant_the_body_is_left():
    """Of conv1 only channel 2 lives, and after the block only channels 0 and 1 are read."""
    network = without_shifts(scrambled(small_resnet()))
    weight_of(network, "conv1")[:2] = 0
    for reader in ("stage2.0.conv1", "stage2.0.shortcut"):
        weight_of(network, reader)[:, 2] = 0
    smaller = compact(network)
    assert not any(step.is_sum for step in steps(smaller) if step.name.startswith("stage1"))
    found = {name: shape[:2] for name, shape in shapes(smaller).items() if not name.startswith("stage2")}
    assert found == {"conv1": (1, 2), "stage1.0.conv1": (3, 1), "stage1.0.conv2": (2, 3), "fc": (3, 4)}
    assert_same_logits(network, smaller)


def test_a_dead_shortcut_leaves_the_body():
    network = scrambled(small_resnet())
    weight_of(network, "stage2.0.shortcut")[...] = 0
    smaller = compact(network)
    assert type(smaller.layers["stage2"].children["0"]) is Sequential
    assert "stage2.0.shortcut" not in kinds(smaller)
    assert_same_logits(network, smaller)


def test_the_sum_keeps_a_channel_that_one_branch_needs():
    """Channel 0 of stage 1 is made by the body alone, and channel 1 by conv1 alone; channel 2 is read by nobody after it."""
    network = without_shifts(scrambled(two_stages(np.float64, 0)))
    weight_of(network, "conv1")[0] = 0
    for block in ("0", "1"):
        weight_of(network, f"stage1.{block}.conv2")[1] = 0
    for reader in ("stage2.0.conv1", "stage2.0.shortcut"):
        weight_of(network, reader)[:, 2] = 0
    smaller = compact(network)
    assert shapes(smaller) == shapes(network)  # the bodies of stage 1 still read channel 2
    np.testing.assert_array_equal(weight_of(smaller, "stage1.1.conv2")[2], 0)  # but what the last adds to it is not needed
    assert_same_logits(network, smaller)
    for reader in ("stage1.0.conv1", "stage1.1.conv1"):
        weight_of(network, reader)[:, 2] = 0
    smaller = compact(network)
    assert {name: shape[:2] for name, shape in shapes(smaller).items() if not name.startswith("stage2")} == {
        "conv1": (2, 2),
        "stage1.0.conv1": (3, 2),
        "stage1.0.conv2": (2, 3),
        "stage1.1.conv1": (3, 2),
        "stage1.1.conv2": (2, 3),
        "fc": (3, 4),
    }
    assert_same_logits(network, smaller)


def test_a_constant_body_becomes_a_shift():
    """Its last batch norm leaves a constant that ReLU reads: no layer after the sum can take it in."""
    network = scrambled(post_activation(np.float64, 0))
    weight_of(network, "block1.conv2")[...] = 0
    smaller = compact(network)
    found = kinds(smaller)
    assert [name for name in found if name.startswith("block1")] == ["block1.shift"]
    shift = dict(smaller.walk())["block1.shift"]
    bn2 = dict(network.walk())["block1.bn2"]
    np.testing.assert_array_equal(shift.scale, 1)
    np.testing.assert_allclose(shift.shift, bn2.bias - bn2.scale_and_shift()[0] * bn2.running_mean, rtol=1e-12)
    assert_same_logits(network, smaller)

    weight_of(network, "block2.conv2")[...] = 0  # here the shortcut is a convolution, which takes it in
    smaller = compact(network)
    assert [name for name in kinds(smaller) if name.startswith("block2")] == ["block2.down"]
    assert_same_logits(network, smaller)


def test_a_name_that_is_taken_is_not_given_again():
    body = {"shift": Linear(4, 4), "relu": ReLU()}
    layers = {"flatten": Flatten(), "block": Residual(body, {"fc": Linear(4, 4)}), "relu": ReLU(), "fc": Linear(4, 2)}
    network = scrambled(initialized(layers, (1, 2, 2), np.float64, 0))
    weight_of(network, "block.shift")[...] = 0
    smaller = compact(network)
    assert list(smaller.layers["block"].children) == ["fc"]  # a linear layer takes the shift in
    assert_same_logits(network, smaller)
    layers["block"] = Residual(body)
    network = scrambled(initialized(layers, (1, 2, 2), np.float64, 0))
    network.layout["block.shift.bias"].view(network.flat)[...] = 1.0
    weight_of(network, "block.shift")[...] = 0
    smaller = compact(network)
    assert list(smaller.layers["block"].children) == ["shift_"]
    assert_same_logits(network, smaller)


def test_everything_dead():
    for make in (small_resnet, two_stages, post_activation, vectors):
        network = scrambled(make(np.float64, 0))
        network.weights[...] = 0
        smaller = compact(network)
        assert not any(isinstance(step.layer, Residual) for step in steps(smaller)) or make is vectors
        assert_same_logits(network, smaller)
        assert not np.ptp(smaller.forward(images_for(network))[0], axis=0).any()


def test_a_scale_of_zero_is_a_dead_channel():
    network = scrambled(small_resnet())
    dict(network.walk())["stage1.0.bn2"].weight[1] = 0
    dict(network.walk())["stage1.0.bn2"].bias[1] = -1
    dict(network.walk())["stage2.0.bn1"].weight[0] = 0
    dict(network.walk())["stage2.0.bn1"].bias[0] = -1
    smaller = compact(network)
    assert shapes(smaller)["stage1.0.conv1"] == (2, 3, 3, 3)
    np.testing.assert_array_equal(weight_of(smaller, "stage2.0.conv1")[:, 0], 0)  # its input stays, for the sum before it
    assert_same_logits(network, smaller)


def test_a_residual_network_of_linear_layers():
    network = scrambled(vectors(np.float64, 0))
    weight_of(network, "outer.inner.fc")[...] = 0
    weight_of(network, "outer.inner.fc")[1, 2] = 1
    assert_same_logits(network, compact(network))


@pytest.mark.parametrize("position", ["before", "body", "shortcut"])
def test_conv_without_bias_gets_one_where_a_constant_reaches_it(position):
    """A dead 1 x 1 convolution with a bias: its constant moves into the next convolution, which had no bias."""
    part = {"conv1": Conv2d(2, 3, 1), "conv2": Conv2d(3, 2, 1, bias=False)}
    parts = {"body": {"last": Conv2d(2, 2, 1)}, position: part}
    layers = {"block": Residual(**parts), "scale": ScaleShift(2), "relu": ReLU(), "flatten": Flatten(), "fc": Linear(8, 2)}
    network = scrambled(initialized(layers, (2, 2, 2), np.float64, 0))
    weight_of(network, "block.conv1")[1] = 0
    smaller = compact(network)
    assert shapes(smaller)["block.conv2"] == (2, 2, 1, 1)
    assert dict(smaller.walk())["block.conv2"].has_bias
    assert_same_logits(network, smaller)
