"""minisgl's side of benchmarks.residual_step. It does not import PyTorch, so that its memory can be measured alone.

The configuration is that of `python -m minisgl.train --experiment cifar10 --preset paper --dropout 0 --depth 16 --width 2`. The
threshold of the V-step is THRESHOLD in every layer with an r, and does not follow from lam and beta.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from minisgl.config import TrainConfig
from minisgl.experiments import build, preset
from minisgl.nn import Network
from minisgl.ranges import check
from minisgl.solver.schedules import StepSettings
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_splitting

THRESHOLD = 0.05


class Size(NamedTuple):
    """The depth and the width of a wide residual network, and the images in a batch."""

    depth: int = 16
    width: int = 2
    batch: int = 128


def configured(size: Size) -> TrainConfig:
    """Return the configuration. MinisglError if there is no such network or batch."""
    config = preset("paper", "cifar10", depth=size.depth, width=size.width, batch_size=size.batch, dropout=0.0)
    check(config)
    return config


def initialized(config: TrainConfig) -> Network:
    """Return the network before the first step. It is the same in every call."""
    return build(config, np.random.default_rng(config.seed))


def random_batch(config: TrainConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 3, 32, 32) float32 of random bytes divided by 255, and random labels (N,) int."""
    rng, N = np.random.default_rng(1), config.data.batch_size
    return rng.integers(0, 256, (N, 3, 32, 32)).astype(np.float32) / 255, rng.integers(0, 10, N)


@contextmanager
def our_step(size: Size) -> Iterator[Callable[[], object]]:
    """Yield a function that takes minisgl's step on one batch, in two processes."""
    config = configured(size)
    images, labels = random_batch(config)
    splitting = shareable(make_splitting(config, initialized(config)), config.shards, config.threads)
    thresholds = dict.fromkeys(splitting.network.layout.weights, THRESHOLD)
    settings = StepSettings(config.lr, config.regime.beta, thresholds)
    with training_shards(config.shards, config.threads, [splitting], size.batch) as shards:
        yield lambda: shards.step(splitting, settings, images, labels)
