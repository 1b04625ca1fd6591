"""CIFAR-100: 60,000 colour photographs of 32 x 32 pixels in a hundred classes, 50,000 of them for training.

A record also has one of twenty superclasses, which is checked and not used.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from pathlib import Path

from minisgl.data import cifar
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError

CLASSES = 100
NAMES = "fine_label_names.txt"

LAYOUT = cifar.Layout(
    name="CIFAR-100", folder="cifar-100-binary", train=("train.bin",), test="test.bin", label_values=(20, CLASSES)
)


def load(path: Path | str) -> tuple[LabelledImages, LabelledImages]:
    """Return the training and the test set: images (N, 3, 32, 32) uint8, labels (N,) int64, 0 to 99 as in class_names.

    path: the published .tar.gz, or a folder with its files. MinisglError as from cifar.load.
    """
    return cifar.load(LAYOUT, path)


def load_test(path: Path | str) -> LabelledImages:
    """Return only the test set; see load."""
    return cifar.load_test(LAYOUT, path)


def class_names(path: Path | str) -> tuple[str, ...]:
    """Return the hundred classes' names from fine_label_names.txt, or their numbers if there is no such file.

    MinisglError if the file has another number of names.
    """
    names = cifar.read_lines(LAYOUT, path, NAMES)
    if names and len(names) != CLASSES:
        raise MinisglError(f"{path}: {NAMES} has {len(names)} names, but must have {CLASSES}")
    return tuple(names or map(str, range(CLASSES)))
