"""CIFAR-100: 60,000 colour photographs of 32 x 32 pixels in a hundred classes, 50,000 of them for training.

A record also has one of twenty superclasses, which is checked and not used.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from pathlib import Path

from minisgl.data import cifar
from minisgl.data.download import Published
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError

CLASSES = 100
NAMES = "fine_label_names.txt"

# Of the training images' pixels in [0, 1], for each of red, green and blue, as often published.
MEAN = (0.5071, 0.4865, 0.4409)
DEVIATION = (0.2673, 0.2564, 0.2762)

LAYOUT = cifar.Layout(
    archive=Published(
        "CIFAR-100",
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        megabytes=161,
        sha256="58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
    ),
    folder="cifar-100-binary",
    train=("train.bin",),
    test="test.bin",
    label_values=(20, CLASSES),
)


def load(path: Path | str | None = None) -> tuple[LabelledImages, LabelledImages]:
    """Return the training and the test set: images (N, 3, 32, 32) uint8, labels (N,) int64, 0 to 99 as in class_names.

    path: the published .tar.gz, or a folder with its files; None to download it once. MinisglError as from cifar.load.
    """
    return cifar.load(LAYOUT, path)


def load_test(path: Path | str | None = None) -> LabelledImages:
    """Return only the test set; see load."""
    return cifar.load_test(LAYOUT, path)


def class_names(path: Path | str | None = None) -> tuple[str, ...]:
    """Return the hundred classes' names from fine_label_names.txt, or their numbers if there is no such file.

    MinisglError if the file has another number of names.
    """
    names = cifar.read_lines(LAYOUT, path, NAMES)
    if names and len(names) != CLASSES:
        raise MinisglError(f"{path}: {NAMES} has {len(names)} names, but must have {CLASSES}")
    return tuple(names or map(str, range(CLASSES)))
