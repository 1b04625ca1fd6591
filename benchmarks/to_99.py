"""Training time until 99 % of the held-out images are classified correctly, compared with PyTorch: `python -m benchmarks.to_99`

The last 5,000 training images are held out. Every 100 steps the clock stops and the network is measured on them: W in dense
training (Adam, no penalty), V in SGL-l0 (the preset quick). Both have the same settings, and batches of 100 in orders drawn
from the same seeds, but different initial weights. They alternate, seed by seed.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from benchmarks.epoch import EVALUATION_BATCH, tensors
from benchmarks.peer import lenet5_peer
from minisgl.config import TrainConfig
from minisgl.data import mnist
from minisgl.data.mnist import Digits
from minisgl.experiments import preset
from minisgl.models import lenet5
from minisgl.training.loop import Training
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_splitting

WANTED, EVERY, SEEDS = 99.0, 100, (0, 1, 2)
MODES = {"dense": preset(penalty="none", holdout=5000), "sgl_l0": preset(holdout=5000)}

Step = Callable[[int, int, np.ndarray], object]  # epoch, index in the epoch, indices of the batch


def seconds_to_wanted(config: TrainConfig, images: int, step: Step, accuracy: Callable[[], float]) -> float:
    """Return the seconds of training, without the measurements; infinity if the run ends below the wanted accuracy."""
    taken, count = 0.0, 0
    for epoch in range(config.epochs):
        order = np.random.default_rng((config.seed, epoch)).permutation(images)
        for i in range(images // config.data.batch_size):
            started = time.perf_counter()
            step(epoch, i, order[i * config.data.batch_size : (i + 1) * config.data.batch_size])
            taken += time.perf_counter() - started
            count += 1
            if count % EVERY == 0 and accuracy() >= WANTED:
                return taken
    return float("inf")


def our_seconds(config: TrainConfig, digits: Digits) -> float:
    """Return the seconds until minisgl has the wanted accuracy."""
    splitting = make_splitting(config, lenet5(np.random.default_rng(config.seed)))
    splitting = shareable(splitting, config.shards, config.threads)
    training = Training(config, splitting, digits)
    train, held = training.train, training.measured
    with training_shards(config.shards, config.threads, training.solvers, config.data.batch_size) as shards:

        def step(epoch: int, i: int, chosen: np.ndarray) -> None:
            batch = train[chosen]
            training.step(shards, epoch, i, batch.images, batch.labels)

        return seconds_to_wanted(
            config, len(train), step, lambda: 100 - shards.error(splitting.reported("v"), held.images, held.labels)
        )


def torch_seconds(config: TrainConfig, digits: Digits) -> float:
    """Return the seconds until PyTorch has the wanted accuracy."""
    torch.set_num_threads(config.threads)
    peer = lenet5_peer(config.penalty.group_weight, config.lr, channels_last=True, seed=config.seed)
    training = Training(config, make_splitting(config, lenet5(np.random.default_rng(0))), digits)  # for its schedule
    images, labels = tensors(training.train, peer)
    held_images, held_labels = tensors(training.measured, peer)
    sparse = config.penalty.penalty != "none"

    def step(epoch: int, i: int, chosen: np.ndarray) -> None:
        settings = training.settings(epoch, i)
        peer.optimizer.param_groups[0]["lr"] = settings.lr
        index = torch.from_numpy(chosen)
        threshold = next(iter(settings.thresholds.values())) if sparse and settings.thresholds else None
        peer.step(images[index], labels[index], settings.beta, threshold)

    def accuracy() -> float:
        with peer.using(peer.v if sparse else peer.flat[: peer.n_sparse]):
            return 100 * (peer.predict(held_images, EVALUATION_BATCH) == held_labels).float().mean().item()

    return seconds_to_wanted(config, len(images), step, accuracy)


def measure() -> dict[str, float]:
    """Return the median seconds over the seeds, for both modes and both libraries."""
    digits = mnist.load()[0]
    figures = {}
    for mode, config in MODES.items():
        seeds = [replace(config, seed=seed) for seed in SEEDS]
        pairs = [(our_seconds(seeded, digits), torch_seconds(seeded, digits)) for seeded in seeds]
        figures[f"to_99_{mode}_ours_s"] = statistics.median(pair[0] for pair in pairs)
        figures[f"to_99_{mode}_torch_s"] = statistics.median(pair[1] for pair in pairs)
    return figures


if __name__ == "__main__":
    print(json.dumps(measure()))
