"""Small sets in the layouts of CIFAR-10 and CIFAR-100, with classes that a network learns: each has its own pattern."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

NOISE = 30.0  # standard deviation, of 255


def pictures(labels: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Return images (N, 3, 32, 32) uint8: 4 x 4 coloured squares, the same for all images of a class, and noise."""
    squares = np.random.default_rng(classes).uniform(50, 205, (classes, 3, 4, 4))
    patterns = squares.repeat(8, axis=2).repeat(8, axis=3)  # (classes, 3, 32, 32)
    noisy = patterns[labels] + NOISE * rng.standard_normal((len(labels), 3, 32, 32))
    return noisy.round().clip(0, 255).astype(np.uint8)


def write_records(path: Path, labels: Sequence[np.ndarray], images: np.ndarray) -> None:
    """Write records: one byte of each array of labels (N,), then an image's bytes."""
    records = [np.asarray(each, np.uint8)[:, None] for each in labels]
    path.write_bytes(np.concatenate([*records, images.reshape(len(images), -1)], axis=1).tobytes())


def write_cifar10(directory: Path, train: int = 500, test: int = 100, seed: int = 0) -> Path:
    """Write DIRECTORY/cifar-10-batches-bin, and return it. The classes are equally frequent, up to one image."""
    rng, folder = np.random.default_rng(seed), directory / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    labels = rng.permutation(np.arange(train) % 10)
    for number, part in enumerate(np.array_split(labels, 5), 1):
        write_records(folder / f"data_batch_{number}.bin", [part], pictures(part, 10, rng))
    labels = rng.permutation(np.arange(test) % 10)
    write_records(folder / "test_batch.bin", [labels], pictures(labels, 10, rng))
    return folder


def write_cifar100(directory: Path, train: int = 500, test: int = 100, seed: int = 0) -> Path:
    """Write DIRECTORY/cifar-100-binary, and return it. Five consecutive classes make a superclass."""
    rng, folder = np.random.default_rng(seed), directory / "cifar-100-binary"
    folder.mkdir(parents=True)
    for name, count in (("train.bin", train), ("test.bin", test)):
        labels = rng.permutation(np.arange(count) % 100)
        write_records(folder / name, [labels // 5, labels], pictures(labels, 100, rng))
    return folder
