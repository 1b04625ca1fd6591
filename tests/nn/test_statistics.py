"""Running statistics estimated again: the definition, batch by batch, and what other layers do meanwhile."""

import numpy as np
import pytest
from support.residual import scrambled, small_resnet

from minisgl.models import lenet5
from minisgl.nn import BatchNorm2d, Conv2d, Dropout, GlobalAvgPool2d, Linear, Network, softmax_cross_entropy, statistics
from minisgl.training.shards import running_shards


def images_for(network: Network, N: int) -> np.ndarray:
    return np.random.default_rng(4).random((N, *network.input_shape))


def test_they_are_the_batches_averages():
    network = scrambled(small_resnet())
    images = images_for(network, 230)
    expected = 0
    for part in (slice(0, 100), slice(100, 200), slice(200, 230)):
        logits, tape = network.forward(images[part], training=True)
        gradient, _ = network.backward(softmax_cross_entropy(logits, np.zeros(len(logits), int))[1], tape)
        expected = expected + len(logits) / len(images) * gradient[network.layout.n_trained :]
    before = network.flat.copy()
    statistics.assign(network, statistics.summed(network, images), len(images))
    np.testing.assert_allclose(network.flat[network.layout.n_trained :], expected, rtol=1e-12)
    np.testing.assert_array_equal(network.flat[: network.layout.n_trained], before[: network.layout.n_trained])


def test_one_batch_is_then_normalised_by_its_own_statistics():
    network = scrambled(small_resnet())
    images = images_for(network, 90)
    statistics.assign(network, statistics.summed(network, images), 90)
    m = 90 * 16  # the smaller of the two maps: the unbiased variance differs by 1 / m
    np.testing.assert_allclose(network.forward(images)[0], network.forward(images, training=True)[0], atol=20 / m)


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_shards_add_up(shards):
    network, other = scrambled(small_resnet()), scrambled(small_resnet())
    images = images_for(network, 300)
    with running_shards(shards, 1) as run:
        run.estimate_statistics(network, images)
    with running_shards(shards, 2) as run:
        run.estimate_statistics(other, images)
    assert network.flat.tobytes() == other.flat.tobytes()  # the number of threads changes nothing
    other.flat[other.layout.n_trained :] = 0
    statistics.assign(other, statistics.summed(other, images), 300)
    np.testing.assert_allclose(network.flat, other.flat, rtol=1e-12 if shards in (1, 3) else 0.05)  # 2: other batches


def test_dropout_drops_nothing_meanwhile():
    layers = {
        "drop": Dropout(0.9),
        "conv": Conv2d(1, 2, 1),
        "bn": BatchNorm2d(2),
        "pool": GlobalAvgPool2d(),
        "fc": Linear(2, 2),
    }
    network = Network.initialized(layers, (1, 4, 4), np.random.default_rng(0), np.float64)
    images = images_for(network, 50)
    statistics.assign(network, statistics.summed(network, images), 50)
    conv = network.layers["conv"]
    expected = images.mean() * conv.weight[:, 0, 0, 0] + conv.bias
    np.testing.assert_allclose(network.layout["bn.running_mean"].view(network.flat), expected, rtol=1e-12)


def test_which_networks_have_statistics():
    assert statistics.has_statistics(small_resnet())
    assert not statistics.has_statistics(lenet5(np.random.default_rng(0)))
    assert statistics.summed(lenet5(np.random.default_rng(0)), np.zeros((2, 1, 28, 28))) == {}
