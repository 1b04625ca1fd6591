"""The shaky-curve experiment: its network's gradient."""

import numpy as np

from minisgl.data import curves
from minisgl.models import curve_net
from minisgl.nn import softmax_cross_entropy
from minisgl.nn.gradcheck import numeric_gradient, relative_error, require_smooth

LAYERS = ["conv1", "conv2", "conv3", "fc"]


def test_fc_holds_most_of_the_weights() -> None:
    network = curve_net(np.random.default_rng(0))
    assert list(network.layout.weights) == LAYERS
    assert network.input_shape == (1, *curves.SIZE)
    assert network.layers["fc"].weight.shape == (2, 3584)
    assert 2 * network.layers["fc"].weight.size > network.weights.size == 12_552
    assert network.flat.size == 12_634


def test_the_gradient_of_the_whole_network_is_that_of_differences() -> None:
    network = curve_net(np.random.default_rng(0), np.float64, channels=(2, 3, 4), size=(26, 28))
    images = next(image for seed in range(100) if (image := smooth(network, seed)) is not None)
    labels = np.array([1, 0])
    logits, tape = network.forward(images)
    gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)

    def loss(flat: np.ndarray) -> float:
        return float(softmax_cross_entropy(network.with_flat(flat).forward(images)[0], labels)[0])

    assert relative_error(numeric_gradient(loss, network.flat), gradient) <= 1e-7


def smooth(network, seed: int) -> np.ndarray | None:
    """Two Gaussian images that stay away from the network's kinks, if those of this seed do."""
    images = np.random.default_rng(seed).standard_normal((2, *network.input_shape))
    try:
        require_smooth(network, images)
    except ValueError:
        return None
    return images
