"""Training steps of networks with batch normalisation and dropout: shards, processes, and the running statistics."""

import numpy as np
import pytest
from support.residual import scrambled, small_resnet

from minisgl.nn import BatchNorm2d, Conv2d, Dropout, GlobalAvgPool2d, Linear, Network, ReLU, softmax_cross_entropy
from minisgl.nn.optimizers import SGD
from minisgl.nn.parameters import MOMENTUM
from minisgl.penalties import L0, GroupLasso
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training.processes import shareable, training_shards
from minisgl.training.shards import running_shards, split


def batch(network: Network, N: int = 10) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.random((N, *network.input_shape)), rng.integers(0, network.classes, N)


def with_dropout() -> Network:
    layers = {
        "conv1": Conv2d(2, 3, 3, padding=1, bias=False),
        "bn1": BatchNorm2d(3),
        "relu1": ReLU(),
        "dropout1": Dropout(0.3),
        "conv2": Conv2d(3, 3, 3, padding=1),
        "dropout2": Dropout(0.5),
        "pool": GlobalAvgPool2d(),
        "fc": Linear(3, 3),
    }
    return Network.initialized(layers, (2, 8, 8), np.random.default_rng(0), np.float64)


def splitting_of(network: Network) -> Splitting:
    penalties = {
        name: LayerPenalty(GroupLasso(0.01, slot.unit_axis), L0(1e-3)) for name, slot in network.layout.weights.items()
    }
    return Splitting(network, SGD(network.flat, 0.9), penalties)


@pytest.mark.parametrize("make", [small_resnet, with_dropout])
def test_threads_and_processes_change_no_byte(make) -> None:
    results = []
    for threads in (1, 2, 3):
        splitting = shareable(splitting_of(make()), 3, threads)
        images, labels = batch(splitting.network)
        with training_shards(3, threads, [splitting], len(labels)) as run:
            for step in range(4):
                run.step(splitting, StepSettings(0.05, 0.02), images[: 10 - step], labels[: 10 - step], (0, 0, step))
        results.append(splitting.network.flat.tobytes() + splitting.v.tobytes())
    splitting = splitting_of(make())
    with running_shards(3, 2) as run:  # threads
        for step in range(4):
            run.step(splitting, StepSettings(0.05, 0.02), images[: 10 - step], labels[: 10 - step], (0, 0, step))
    results.append(splitting.network.flat.tobytes() + splitting.v.tobytes())
    assert len(set(results)) == 1


def test_each_shard_has_its_own_statistics_weighted_by_its_share() -> None:
    network = scrambled(small_resnet())
    before, (images, labels) = network.flat.copy(), batch(network)
    with running_shards(3, 1) as run:
        run.step(splitting_of(network), StepSettings(0.05, 0.02), images, labels)
    statistics, gradient = 0.0, 0.0
    old = small_resnet().with_flat(before.copy())
    for part in split(len(labels), 3):  # 3, 3 and 4 images
        logits, tape = old.forward(images[part], training=True)
        found, _ = old.backward(softmax_cross_entropy(logits, labels[part], batch_size=len(labels))[1], tape)
        statistics = statistics + len(labels[part]) / len(labels) * found
        gradient = gradient + found
    n = network.layout.n_trained
    expected = (1 - MOMENTUM) * before[n:] + MOMENTUM * statistics[n:]
    np.testing.assert_allclose(network.flat[n:], expected, rtol=1e-12)
    assert np.abs(network.flat[n:] - before[n:]).min() > 0


def test_masks_change_with_the_seed_the_epoch_and_the_step() -> None:
    network, losses = with_dropout(), []
    images, labels = batch(network)
    with running_shards(2, 1) as run:
        for key in ((0, 0, 0), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
            losses.append(float(run.gradient(network, images, labels, key)[0]))
    assert losses[0] == losses[1]
    assert len(set(losses)) == 4


def test_shards_of_equal_images_have_different_masks() -> None:
    network = with_dropout()
    images, labels = batch(network, 1)
    with running_shards(2, 1) as run, running_shards(1, 1) as one:
        both = run.gradient(network, images.repeat(2, axis=0), labels.repeat(2), (0, 0, 0))[0]
        assert float(both) != float(one.gradient(network, images, labels, (0, 0, 0))[0])
