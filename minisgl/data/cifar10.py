"""CIFAR-10: 60,000 colour photographs of 32 x 32 pixels in ten classes, 50,000 of them for training.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from pathlib import Path

from minisgl.data import cifar
from minisgl.data.download import Published
from minisgl.data.labelled import LabelledImages

# As in the published batches.meta.txt.
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# Of the training images' pixels in [0, 1], for each of red, green and blue.
MEAN = (0.491400, 0.482158, 0.446531)
DEVIATION = (0.247032, 0.243485, 0.261588)

LAYOUT = cifar.Layout(
    archive=Published(
        "CIFAR-10",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        megabytes=162,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
    folder="cifar-10-batches-bin",
    train=tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    test="test_batch.bin",
    label_values=(10,),
)


def load(path: Path | str | None = None) -> tuple[LabelledImages, LabelledImages]:
    """Return the training and the test set: images (N, 3, 32, 32) uint8, labels (N,) int64, 0 to 9 as in CLASSES.

    path: the published .tar.gz, or a folder with its files; None to download it once. MinisglError as from cifar.load.
    """
    return cifar.load(LAYOUT, path)


def load_test(path: Path | str | None = None) -> LabelledImages:
    """Return only the test set; see load."""
    return cifar.load_test(LAYOUT, path)
