"""Folding: the same logits, batch normalisation only where it cannot go, and each number by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.residual import scrambled, small_resnet
from support.trees import tree

from minisgl.analysis.folding import fold
from minisgl.errors import MinisglError
from minisgl.models import lenet5, wide_resnet
from minisgl.nn import BatchNorm2d, Conv2d, Dropout, Flatten, GlobalAvgPool2d, Linear, Network, ReLU, ScaleShift, Sequential


def chain(layers, shape=(2, 5, 5), dtype=np.float64):
    """The layers, the mean of each map and a linear layer, with scrambled scales, shifts and statistics."""
    (channels, *_) = Sequential(layers).output_shape(shape)
    layers = {**layers, "pool": GlobalAvgPool2d(), "fc": Linear(channels, 3)}
    return scrambled(Network.initialized(layers, shape, np.random.default_rng(0), dtype))


def assert_same_logits(network, other):
    images = np.random.default_rng(9).standard_normal((4, *network.input_shape)).astype(network.flat.dtype)
    wanted, found = network.forward(images)[0], other.forward(images)[0]
    assert found.dtype == wanted.dtype
    tolerance = 1e-6 if wanted.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.tuples(*[st.integers(1, 5)] * 2), st.sampled_from([np.float32, np.float64]))
def test_small_residual_networks_have_the_same_logits(seed, channels, dtype):
    network = scrambled(small_resnet(dtype, seed, channels), seed)
    before = network.flat.copy()
    assert_same_logits(network, fold(network))
    np.testing.assert_array_equal(network.flat, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_wide_residual_network_loses_bn2_and_dropout(dtype):
    network = scrambled(wide_resnet(np.random.default_rng(0), 10, 1, dtype=dtype, dropout=0.3))
    folded = fold(network)
    assert_same_logits(network, folded)
    gone = {f"stage{stage}.0.{name}" for stage in (1, 2, 3) for name in ("bn2", "dropout")}
    assert set(dict(network.walk())) - set(dict(folded.walk())) == gone
    kinds = {name: type(layer) for name, layer in folded.walk()}
    assert not {BatchNorm2d, Dropout} & set(kinds.values())
    assert {name for name, kind in kinds.items() if kind is ScaleShift} == {
        "stage1.0.bn1",
        "stage2.0.bn1",
        "stage3.0.bn1",
        "bn",
    }
    biased = [name for name, layer in folded.walk() if isinstance(layer, Conv2d) and layer.has_bias]
    assert biased == [f"stage{stage}.0.conv1" for stage in (1, 2, 3)]
    assert not folded.random


def test_the_numbers_by_hand():
    network = chain({"conv": Conv2d(2, 3, 3, padding=1), "bn": BatchNorm2d(3, eps=0.5)})
    bn, conv = network.layers["bn"], network.layers["conv"]
    folded = fold(network).layers
    assert list(folded) == ["conv", "pool", "fc"]
    for k in range(3):
        s = bn.weight[k] / np.sqrt(bn.running_var[k] + 0.5)
        np.testing.assert_allclose(folded["conv"].weight[k], s * conv.weight[k], rtol=1e-14)
        np.testing.assert_allclose(folded["conv"].bias[k], bn.bias[k] + s * (conv.bias[k] - bn.running_mean[k]), rtol=1e-13)


def test_several_in_a_row_and_through_dropout_and_nested_chains():
    inner = Sequential({"dropout": Dropout(0.5), "bn1": BatchNorm2d(3)})
    network = chain({"conv": Conv2d(2, 3, 3, bias=False), "inner": inner, "more": ScaleShift(3), "bn2": BatchNorm2d(3)})
    folded = fold(network)
    assert list(folded.layers) == ["conv", "pool", "fc"]
    assert_same_logits(network, folded)
    network = chain({"bn1": BatchNorm2d(2), "bn2": BatchNorm2d(2), "relu": ReLU(), "bn3": BatchNorm2d(2)})
    folded = fold(network)
    assert list(folded.layers) == ["bn1", "relu", "bn3", "pool", "fc"]
    assert_same_logits(network, folded)


def test_a_scale_and_shift_after_a_linear_layer_becomes_part_of_it():
    layers = {"flatten": Flatten(), "fc1": Linear(8, 4), "scale": ScaleShift(4), "fc2": Linear(4, 2), "last": ScaleShift(2)}
    network = scrambled(Network.initialized(layers, (2, 2, 2), np.random.default_rng(0), np.float64))
    folded = fold(network)
    assert list(folded.layers) == ["flatten", "fc1", "fc2"]
    assert_same_logits(network, folded)


def test_twice_is_once_and_without_batch_normalisation_nothing_changes():
    once = fold(scrambled(small_resnet()))
    assert fold(once).flat.tobytes() == once.flat.tobytes()
    network = lenet5(np.random.default_rng(0))
    assert fold(network).flat.tobytes() == network.flat.tobytes()
    assert [name for name, _ in fold(network).walk()] == list(network.layers)


def test_a_user_s_composite_layer_is_named():
    with pytest.raises(MinisglError, match=r"^branch is a Sum: this needs .* a tree of Sequential and Residual$"):
        fold(tree())
