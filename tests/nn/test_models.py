"""The networks' sizes and names, and the initial weights of curve_net."""

import numpy as np

from minisgl.models import FC_SCALE, cnn4, curve_net, resnet9
from minisgl.nn import BatchNorm2d, Conv2d, Linear, Network
from minisgl.nn.following import followers


def test_the_papers_network_of_four_layers():
    network = cnn4(np.random.default_rng(0))
    assert [slot.shape for slot in network.layout.weights.values()] == [(32, 1, 5, 5), (64, 32, 5, 5), (1000, 1024), (10, 1000)]
    assert network.random
    assert network.predict(np.zeros((2, 1, 28, 28), np.float32)).shape == (2,)


def test_curve_net_starts_from_the_drawn_weights_less_each_filters_mean_and_from_a_small_fc():
    network = curve_net(np.random.default_rng(0), np.float64)
    drawn = Network.initialized(dict(network.layers), network.input_shape, np.random.default_rng(0), np.float64)
    for name in ("conv1", "conv2", "conv3"):
        expected = [weights - weights.mean() for weights in drawn.layers[name].weight]  # K filters (C, R, S)
        np.testing.assert_allclose(network.layers[name].weight, expected, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(network.layers["fc"].weight, FC_SCALE * drawn.layers["fc"].weight)


def test_the_small_residual_network():
    network = resnet9(np.random.default_rng(0), width=1, classes=7)
    assert network.layout.n_weights == 411_824 - 3 * 128
    layers, follower, shape = dict(network.walk()), followers(network), network.input_shape
    assert all(isinstance(layers[follower[name]], BatchNorm2d) for name, layer in layers.items() if isinstance(layer, Conv2d))
    multiply_adds = 0
    for name, layer in network.layers.items():
        inner = layer.children or {name: layer}
        for each in inner.values():
            shape = each.output_shape(shape)
            if isinstance(each, Conv2d | Linear):
                multiply_adds += int(np.prod(each.weight_shape)) * int(np.prod(shape[1:]))
    assert round(multiply_adds / 1e6, 1) == 24.0
    assert list(layers)[:4] == ["conv1", "bn1", "relu1", "conv2"]
    assert {"block1.conv1", "block1.bn2", "block2.conv2", "fc"} <= set(layers)
    wide = resnet9(np.random.default_rng(0), width=2)
    assert wide.layout.weights["block2.conv1"].shape == (256, 256, 3, 3)
