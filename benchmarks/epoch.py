"""One complete epoch, and the evaluation of 10,000 images, compared with PyTorch: `python -m benchmarks.epoch`

An epoch has everything that a user waits for: shuffling MNIST's 60,000 training images, 600 SGL-l0 steps at batch 100, and the
errors of W and V on 5,000 images. minisgl runs Training.run_epoch. PyTorch uses a DataLoader that fetches whole batches (the
default, single images, is slower). The two alternate.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from benchmarks.peer import Peer, lenet5_peer
from benchmarks.timing import in_turn, median_ratio
from benchmarks.train_step import CONFIG, THRESHOLD
from minisgl.config import changed
from minisgl.data import mnist
from minisgl.data.mnist import Digits
from minisgl.models import lenet5
from minisgl.training.loop import MEASURED, Training
from minisgl.training.processes import shareable, training_shards
from minisgl.training.setup import make_splitting

EVALUATED, EVALUATION_BATCH, ROUNDS = 10_000, 500, 3


def tensors(digits: Digits, peer: Peer) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the images, in the peer's memory order, and the labels as PyTorch tensors."""
    images = torch.from_numpy(digits.images).contiguous(memory_format=peer.memory_format)
    return images, torch.from_numpy(digits.labels.astype(np.int64))


def our_training(digits: Digits) -> Training:
    """Return minisgl's training. Each call of run_epoch continues it."""
    config = changed(CONFIG, {"threshold": (THRESHOLD,)})
    splitting = make_splitting(config, lenet5(np.random.default_rng(0)))
    return Training(config, shareable(splitting, config.shards, config.threads), digits)


def torch_epoch(digits: Digits) -> Callable[[], object]:
    """Return a function that runs PyTorch's epoch, in channels_last."""
    peer = lenet5_peer(CONFIG.penalty.group_weight, CONFIG.lr, channels_last=True)
    images, labels = tensors(digits, peer)
    data = TensorDataset(images, labels)
    batches = DataLoader(
        data, sampler=BatchSampler(RandomSampler(data), CONFIG.data.batch_size, drop_last=False), batch_size=None
    )

    def epoch() -> None:
        for x, y in batches:
            peer.step(x, y, CONFIG.regime.beta, THRESHOLD)
        for weights in (peer.flat[: peer.n_sparse].clone(), peer.v):
            with peer.using(weights):
                (peer.predict(images[:MEASURED], EVALUATION_BATCH) != labels[:MEASURED]).float().mean().item()

    return epoch


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Return the seconds of an epoch and of an evaluation for both, and their ratios, PyTorch's over ours."""
    train, test = mnist.load()
    torch.set_num_threads(CONFIG.threads)
    network, peer = lenet5(np.random.default_rng(0)), lenet5_peer(CONFIG.penalty.group_weight, CONFIG.lr, channels_last=True)
    images, labels = tensors(test[:EVALUATED], peer)
    training = our_training(train)
    with training_shards(CONFIG.shards, CONFIG.threads, training.solvers, CONFIG.data.batch_size) as shards:
        epochs = in_turn(
            {"ours": lambda: training.run_epoch(shards, 0, lambda progress: None), "torch": torch_epoch(train)}, rounds
        )
        evaluations = in_turn(
            {
                "ours": lambda: shards.error(network, test.images[:EVALUATED], test.labels[:EVALUATED]),
                "torch": lambda: (peer.predict(images, EVALUATION_BATCH) != labels).float().mean().item(),
            },
            5 * rounds,
        )
    figures = {}
    for what, times in (("epoch", epochs), ("evaluation", evaluations)):
        figures[f"{what}_ours_s"] = statistics.median(times["ours"])
        figures[f"{what}_torch_s"] = statistics.median(times["torch"])
        figures[f"{what}_ratio_to_torch"] = median_ratio(times["torch"], times["ours"])
    return figures


def main() -> None:
    """Print the figures, as text or as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.epoch", description="Time an epoch, also in PyTorch.")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    as_json = parser.parse_args().json
    figures = measure()
    if as_json:
        print(json.dumps(figures))
        return
    for key, value in figures.items():
        print(f"{key.replace('_', ' '):<28} {value:8.2f}", file=sys.stdout)


if __name__ == "__main__":
    main()
