"""Convolution and max-pooling as one computation: the same function and gradients as one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisgl.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, Sequential, Workspace

SHAPES = {"channels": st.sampled_from([1, 2, 8, 9]), "outputs": st.integers(1, 3), "images": st.integers(1, 3)}
SIZES = {"height": st.integers(6, 15), "width": st.integers(6, 15)}


def make(channels, height, width, outputs=2, *, bias=True, seed=0, dtype=np.float64):
    """A 5 x 5 convolution, pooling and a linear layer."""
    shape = (channels, height, width)
    layers = {
        "conv": Conv2d(channels, outputs, 5, bias=bias),
        "pool": MaxPool2d(2),
        "relu": ReLU(),
        "flatten": Flatten(),
    }
    for layer in layers.values():
        shape = layer.output_shape(shape)
    layers["fc"] = Linear(shape[0], 3)
    network = Network.initialized(layers, (channels, height, width), np.random.default_rng(seed), dtype)
    network.flat[...] = np.random.default_rng(seed + 1).standard_normal(network.flat.shape)  # biases too
    return network


def passed(network, images, workspace):
    """Logits, gradient and input gradient of a training pass; the loss is a fixed sum of the logits."""
    logits, tape = network.forward(images, training=True, workspace=workspace)
    logits = logits.copy()
    gradient, dx = network.backward(np.cos(np.arange(logits.size)).reshape(logits.shape), tape, input_gradient=True)
    return logits, gradient.copy(), dx.copy()


@given(**SHAPES, **SIZES, bias=st.booleans(), seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_it_equals_pooling_after_convolution(channels, outputs, images, height, width, bias, seed):  # noqa: PLR0917
    """im2col below 8 channels, Winograd from there on; odd sizes leave rows that pooling drops."""
    network = make(channels, height, width, outputs, bias=bias, seed=seed)
    assert network.layers["conv"].takes_pool is network.layers["pool"]
    x = np.random.default_rng(seed).standard_normal((images, channels, height, width))
    workspace = Workspace()
    for batch in (x, x[:1], x):  # the memory of a larger batch is used again
        for found, expected in zip(passed(network, batch, workspace), passed(network, batch, None), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("channels", [1, 8])
def test_of_equal_outputs_the_first_gets_the_gradient(channels):
    """A kernel of zeros gives equal outputs everywhere."""
    network = make(channels, 8, 8)
    network.layers["conv"].weight[...] = 0
    x = np.random.default_rng(0).standard_normal((2, channels, 8, 8))
    for found, expected in zip(passed(network, x, Workspace()), passed(network, x, None), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_an_infinite_pixel_is_not_hidden():
    network = make(1, 8, 8, dtype=np.float32)
    x = np.zeros((1, 1, 8, 8), np.float32)
    x[0, 0, 3, 3] = np.nan
    with np.errstate(invalid="ignore"):
        logits, *_ = passed(network, x, Workspace())
    assert np.isnan(logits).all()


def test_float32_is_as_exact_as_one_after_the_other():
    network, x = make(1, 28, 28, 20, dtype=np.float32), np.random.default_rng(0).random((4, 1, 28, 28), dtype=np.float32)
    exact = make(1, 28, 28, 20)
    exact.flat[...] = network.flat
    expected = passed(exact, x.astype(float), None)
    for workspace in (Workspace(), None):
        for found, of in zip(passed(network, x, workspace), expected, strict=True):
            assert np.abs(found - of).max() <= 2e-6 * np.abs(of).max()


@pytest.mark.parametrize(
    "layers",
    [
        {"conv": Conv2d(1, 2, 5), "pool": MaxPool2d(3)},
        {"conv": Conv2d(1, 2, 5), "pool": MaxPool2d(2, stride=1)},
        {"conv": Conv2d(1, 2, 5), "pool": MaxPool2d(2, padding=1)},
        {"conv": Conv2d(1, 2, 5, padding=2), "pool": MaxPool2d(2)},
        {"conv": Conv2d(1, 2, 5, stride=2), "pool": MaxPool2d(2)},
        {"conv": Conv2d(1, 2, 3), "pool": MaxPool2d(2)},
        {"conv": Conv2d(1, 2, 5), "relu": ReLU(), "pool": MaxPool2d(2)},
        {"conv": Sequential({"conv": Conv2d(1, 2, 5)}), "pool": MaxPool2d(2)},
    ],
)
def test_other_layers_stay_as_they_are(layers):
    shape = (1, 12, 12)
    for layer in layers.values():
        shape = layer.output_shape(shape)
    network = Network.initialized(
        {**layers, "flatten": Flatten(), "fc": Linear(np.prod(shape), 3)}, (1, 12, 12), np.random.default_rng(0)
    )
    assert not any(leaf.is_taken for _, leaf in network.walk())
    assert all(leaf.takes_pool is None for _, leaf in network.walk() if isinstance(leaf, Conv2d))


def test_pooling_works_again_in_another_network():
    """There a convolution took its work; here it follows a ReLU."""
    pool = make(1, 12, 12).layers["pool"]
    assert pool.is_taken
    layers = {"relu": ReLU(), "pool": pool, "flatten": Flatten(), "fc": Linear(36, 3)}
    network = Network.initialized(layers, (1, 12, 12), np.random.default_rng(0))
    x = np.random.default_rng(0).random((2, 1, 12, 12), dtype=np.float32)
    for found, expected in zip(passed(network, x, Workspace()), passed(network, x, None), strict=True):
        np.testing.assert_array_equal(found, expected)
