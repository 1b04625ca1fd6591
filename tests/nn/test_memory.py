"""Shared buffers: every network gives the same bytes as with a buffer for each layer, and needs much less memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.residual_trees import MAKERS, published
from support.trees import Sum, tree

from minisgl.models import cnn4, lenet5, resnet9
from minisgl.nn import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Gather,
    Layer,
    Linear,
    Network,
    ReLU,
    Residual,
    ScaleShift,
    Workspace,
)


def plain(make):
    """The chain of an experiment, in the signature of MAKERS."""
    return lambda dtype, seed: make(np.random.default_rng(seed), dtype=dtype)


def views(dtype, seed):
    """Layers whose output or gradient may be a view of what they get, where the next layer writes."""
    layers = {
        "conv": Conv2d(1, 2, 1),
        "same": Residual({"dropout": Dropout(0.0), "relu": ReLU()}),
        "bn": BatchNorm2d(2),
        "vectors": Residual({"flatten1": Flatten(), "relu": ReLU()}, {"flatten2": Flatten()}),
        "scale": ScaleShift(18),
        "gather": Gather([5, 0, 2, 3, 9]),
        "fc": Linear(5, 3),
    }
    return Network.initialized(layers, (1, 3, 3), np.random.default_rng(seed), dtype)


def flattened(dtype, seed):
    layers = {"conv": Conv2d(1, 2, 1), "bn": BatchNorm2d(2), "flatten": Flatten(), "fc": Linear(18, 3)}
    return Network.initialized(layers, (1, 3, 3), np.random.default_rng(seed), dtype)


def norms(dtype, seed):
    """Batch normalisations in a row, and one whose output is still read through a view."""
    layers = {
        "conv": Conv2d(1, 2, 1),
        "bn1": BatchNorm2d(2),
        "bn2": BatchNorm2d(2),
        "relu2": ReLU(),
        "conv2": Conv2d(2, 2, 3, padding=1, bias=False),
        "bn3": BatchNorm2d(2),
        "dropout": Dropout(0.0),
        "block": Residual(
            {"bn5": BatchNorm2d(2), "conv5": Conv2d(2, 2, 1)},
            {"conv6": Conv2d(2, 2, 3, padding=1), "bn6": BatchNorm2d(2), "conv7": Conv2d(2, 2, 1)},
            {"conv4": Conv2d(2, 2, 1), "bn4": BatchNorm2d(2)},
        ),
        "conv8": Conv2d(2, 2, 1, stride=2),
        "flatten": Flatten(),
        "fc": Linear(8, 3),
    }
    return Network.initialized(layers, (1, 3, 3), np.random.default_rng(seed), dtype)


NETWORKS = [norms, *MAKERS, views, flattened, published, plain(cnn4), plain(lenet5), lambda dtype, seed: tree(dtype)]


def unshared(network):
    """The same network without shared buffers."""
    other = network.with_flat(network.flat.copy())

    def reset(layer: Layer) -> None:
        layer.dx_owner = layer.y_owner = None
        layer.overwrites = False
        if isinstance(layer, BatchNorm2d):
            layer.takes_relu = False
        if isinstance(layer, ReLU):
            layer.is_taken = False
        for child in layer.children.values():
            reset(child)

    reset(other.root)
    return other


def passes(network, seed, sizes=(3, 2, 3)):
    """Outputs and gradients of some steps with one workspace; the batch becomes smaller and larger again."""
    rng, ws, results = np.random.default_rng(seed), Workspace(), []
    for n in sizes:
        images = rng.standard_normal((n, *network.input_shape)).astype(network.flat.dtype)
        logits, tape = network.forward(images, training=True, rng=np.random.default_rng(seed), workspace=ws)
        logits = logits.copy()
        gradient, dx = network.backward(np.cos(logits), tape, input_gradient=True)
        results += [logits, gradient.copy(), dx.copy()]
    return results


def assert_same(one, other):
    for a, b in zip(passes(one, 1), passes(other, 1), strict=True):
        np.testing.assert_array_equal(a, b)


@given(make=st.sampled_from(NETWORKS), seed=st.integers(0, 99), dtype=st.sampled_from([np.float32, np.float64]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_bytes_are_those_of_unshared_buffers(make, seed, dtype):
    network = make(dtype, seed)
    assert_same(network, unshared(network))


def test_layers_of_one_network_can_go_into_another():
    """There this ReLU overwrites the output of conv1; here the branch beside it reads the same array."""
    relu = lenet5(np.random.default_rng(0)).layers["relu1"]
    assert relu.overwrites
    branch = Sum({"relu": relu, "conv": Conv2d(2, 2, 1)})
    layers = {"conv1": Conv2d(1, 2, 1), "branch": branch, "flatten": Flatten(), "fc": Linear(18, 3)}
    network = Network.initialized(layers, (1, 3, 3), np.random.default_rng(1))
    assert_same(network, unshared(network))


def test_without_a_workspace_a_layer_overwrites_nothing():
    network = lenet5(np.random.default_rng(0))
    x = np.random.default_rng(0).standard_normal((20, 4, 4, 2)).astype(np.float32)
    before = x.copy()
    network.layers["relu1"].forward(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("make", [plain(resnet9), published])
def test_a_pass_needs_less_memory(make):
    network = make(np.float32, 0)

    def held(each):
        ws = Workspace()
        logits, tape = each.forward(
            np.ones((8, 3, 32, 32), np.float32), training=True, rng=np.random.default_rng(0), workspace=ws
        )
        each.backward(logits, tape)
        return sum(buffer.nbytes for buffer in ws._buffers.values())

    assert held(network) < 0.8 * held(unshared(network))
