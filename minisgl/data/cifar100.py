"""CIFAR-100: 60,000 colour photographs of 32 x 32 pixels in a hundred classes, 50,000 of them for training.

A record also has one of twenty superclasses, which is checked and not used.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from pathlib import Path

from minisgl.data import cifar
from minisgl.data.download import Published
from minisgl.data.labelled import LabelledImages

# As in the published fine_label_names.txt: in alphabetical order.
NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest
fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit
raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower
sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman
worm
"""
CLASSES = tuple(NAMES.split())

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
    label_values=(20, len(CLASSES)),
)


def load(path: Path | str | None = None) -> tuple[LabelledImages, LabelledImages]:
    """Return the training and the test set: images (N, 3, 32, 32) uint8, labels (N,) int64, 0 to 99 as in CLASSES.

    path: the published .tar.gz, or a folder with its files; None to download it once. MinisglError as from cifar.load.
    """
    return cifar.load(LAYOUT, path)


def load_test(path: Path | str | None = None) -> LabelledImages:
    """Return only the test set; see load."""
    return cifar.load_test(LAYOUT, path)
