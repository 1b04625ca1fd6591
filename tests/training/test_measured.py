"""W and V of a residual network as they are measured and saved: dead channels, and V's own statistics."""

import numpy as np
import pytest
from support.residual import scrambled, small_resnet

from minisgl.data.batches import batches
from minisgl.data.labelled import LabelledImages
from minisgl.experiments import preset
from minisgl.nn import BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, Network, ReLU, statistics
from minisgl.nn.optimizers import SGD
from minisgl.penalties import L0
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training import measured
from minisgl.training.shards import running_shards


def splitting_with_dead_channels() -> Splitting:
    """V has a dead channel in the first block's conv1, which bn2 follows, and one in its conv2, which a sum follows."""
    network = scrambled(small_resnet())
    splitting = Splitting(network, SGD(network.flat), {name: LayerPenalty(sparse=L0(1e-3)) for name in network.layout.weights})
    splitting.v[...] = network.weights
    splitting.network.layout["stage1.0.conv1.weight"].view(splitting.v)[1] = 0
    splitting.network.layout["stage1.0.conv2.weight"].view(splitting.v)[2] = 0
    return splitting


def images_for(network: Network, N: int = 120) -> np.ndarray:
    return np.random.default_rng(4).random((N, *network.input_shape))


def test_a_dead_channel_is_gone_with_its_shift():
    splitting = splitting_with_dead_channels()
    images = images_for(splitting.network)
    with running_shards(2, 1) as shards:
        v = measured.network(splitting, "v", shards, lambda: images)
    block, x = v.layers["stage1"].children["0"].children, np.random.default_rng(0).random((3, 8, 8, 5))
    for training in (False, True):
        found, _ = block["bn2"].forward(block["conv1"].forward(x)[0], training=training)
        assert not found[1].any()
        assert found[[0, 2]].any(axis=(1, 2, 3)).all()
    # the sum after conv2 has other inputs, so its batch normalisation keeps the shift
    assert v.layout["stage2.0.bn1.bias"].view(v.flat).all()
    w = splitting.network.layout["stage1.0.bn2.bias"].view(splitting.network.flat)
    assert w.all()  # W's own are unchanged


def test_v_has_statistics_of_its_own():
    splitting = splitting_with_dead_channels()
    images = images_for(splitting.network)
    with running_shards(2, 1) as shards:
        v = measured.network(splitting, "v", shards, lambda: images)
        w = measured.network(splitting, "w", shards, lambda: images)
        expected = splitting.reported("v")
        measured.silence_dead_channels(expected)
        sums = [statistics.summed(expected, images[half]) for half in (slice(0, 60), slice(60, 120))]  # a shard each
        statistics.assign(expected, {name: value + sums[1][name] for name, value in sums[0].items()}, len(images))
    np.testing.assert_array_equal(v.flat, expected.flat)
    np.testing.assert_array_equal(w.flat, splitting.reported("w").flat)


@pytest.mark.parametrize(("shift", "flip"), [(0, False), (2, True)])
def test_its_statistics_are_those_of_images_as_in_training(shift, flip, monkeypatch):
    monkeypatch.setattr(measured, "STATISTICS", 50)
    train = LabelledImages(images_for(splitting_with_dead_channels().network), np.zeros(120, int))
    config = preset(experiment="cifar10", shift=shift, flip=flip, epochs=7, seed=3)
    found = measured.images_as_in_training(train, config)
    expected = next(batches(train, 50, seed=3, epoch=7, shift=shift, flip=flip)).images
    np.testing.assert_array_equal(found, expected)
    assert len(found) == 50


@pytest.mark.parametrize("bias", [True, False])
def test_a_convolutions_bias_goes_too(bias):
    layers = {"conv": Conv2d(1, 2, 1, bias=bias), "bn": BatchNorm2d(2), "relu": ReLU(), "pool": GlobalAvgPool2d()}
    network = Network.initialized({**layers, "fc": Linear(2, 2)}, (1, 3, 3), np.random.default_rng(0), np.float64)
    scrambled(network)
    network.layers["conv"].weight[1] = 0
    measured.silence_dead_channels(network)
    x = np.random.default_rng(0).random((1, 3, 3, 4))
    found, _ = network.layers["bn"].forward(network.layers["conv"].forward(x)[0])
    assert not found[1].any()
    assert found[0].all()
