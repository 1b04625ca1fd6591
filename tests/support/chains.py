"""Small chains of layers, with weights set to zero at random, for the tests of the compact network and of its files."""

from functools import partial

import numpy as np
from hypothesis import strategies as st

from minisgl.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, Normalize, ReLU


def chain(maps, input_shape, widths, dtype=np.float64, seed=0):
    """The layers `maps`, Flatten, and linear layers of these widths with ReLU between them; Gaussian weights and biases."""
    layers, shape = dict(maps), input_shape
    for layer in maps.values():
        shape = layer.output_shape(shape)
    layers["flatten"] = Flatten()
    sizes = [int(np.prod(shape)), *widths]
    for i in range(len(widths)):
        layers["fc" if len(widths) == 1 else f"fc{i + 1}"] = Linear(sizes[i], sizes[i + 1])
        if i + 1 < len(widths):
            layers[f"relu_fc{i + 1}"] = ReLU()
    network = Network(layers, input_shape, np.empty(Network.plan(layers).size, dtype))
    rng = np.random.default_rng(seed)
    for slot in network.layout.slots:
        size = np.prod(slot.shape[1:]) if len(slot.shape) > 1 else 10  # He's weights; biases large enough to matter
        slot.view(network.flat)[...] = rng.standard_normal(slot.shape) * np.sqrt(2 / size)
    return network


def lenet_like(conv=Conv2d, padding=0, **options):
    maps = {
        "conv1": conv(1, 3, 3, padding=padding),
        "pool1": MaxPool2d(2),
        "relu1": ReLU(),
        "conv2": conv(3, 4, 3, padding=padding),
        "pool2": MaxPool2d(2),
        "relu2": ReLU(),
    }
    return chain(maps, (1, 14, 14), (6, 3), **options)


def curve_like(conv=Conv2d, padding=0, **options):
    """Three convolutions on wide images with two channels, overlapping and padded pools, and one linear layer."""
    maps = {
        "conv1": conv(2, 3, 3, padding=padding),
        "relu1": ReLU(),
        "pool1": MaxPool2d(2),
        "conv2": conv(3, 4, 3, padding=padding),
        "pool2": MaxPool2d(3, stride=1, padding=1),
        "relu2": ReLU(),
        "conv3": conv(4, 3, (3, 2), padding=padding),
        "relu3": ReLU(),
    }
    return chain(maps, (2, 12, 16), (3,), **options)


def unusual(conv=Conv2d, padding=0, **options):
    """A stride, a padding that only one of the two convolutions has, no ReLU between them."""
    maps = {"conv1": Conv2d(1, 4, 3, stride=2), "conv2": conv(4, 3, (2, 3), padding=padding), "pool": MaxPool2d(2, stride=3)}
    return chain(maps, (1, 15, 12), (5, 4, 2), **options)


def normalised(conv=Conv2d, padding=0, **options):
    """The image is normalised, and so are the channels between two convolutions."""
    maps = {
        "normalize": Normalize([0.4, -0.5], [0.5, 2.0]),
        "conv1": conv(2, 4, 3, padding=padding),
        "between": Normalize([0.5, 0.0, -1.0, 0.25], [0.5, 2.0, 1.0, 0.75]),
        "relu1": ReLU(),
        "conv2": conv(4, 3, 3, padding=padding),
        "pool": MaxPool2d(2),
    }
    return chain(maps, (2, 10, 9), (4, 3), **options)


def strike_out(network, seed, parts):
    """Set to zero: whole units, whole columns that read a unit, and single weights, each with its own probability."""
    rng = np.random.default_rng(seed)
    for slot in network.layout.weights.values():
        weight = slot.view(network.flat)
        outputs, inputs, single = parts
        weight[rng.random(weight.shape[0]) < outputs] = 0
        weight[:, rng.random(weight.shape[1]) < inputs] = 0
        weight[rng.random(weight.shape) < single] = 0


@st.composite
def sparse_networks(draw, paddings=(0, 1), dtypes=(np.float32, np.float64)):
    make = draw(st.sampled_from([lenet_like, curve_like, unusual, normalised]))
    algorithm, padding, dtype = draw(st.tuples(*map(st.sampled_from, (["im2col", "winograd"], paddings, dtypes))))
    conv = partial(Conv2d, algorithm=algorithm)
    network = make(conv, padding, dtype=dtype, seed=draw(st.integers(0, 99)))
    strike_out(network, draw(st.integers(0, 10_000)), draw(st.tuples(*[st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])] * 3)))
    return network


def images_for(network, N=4):
    return np.random.default_rng(9).standard_normal((N, *network.input_shape)).astype(network.flat.dtype)


def assert_same_logits(network, smaller):
    images = images_for(network)
    wanted, found = network.forward(images)[0], smaller.forward(images)[0]
    assert found.dtype == wanted.dtype
    tolerance = 1e-5 if wanted.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * max(1, np.abs(wanted).max()))


def shapes(network):
    return {name: slot.shape for name, slot in network.layout.weights.items()}
