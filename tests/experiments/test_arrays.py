"""The arrays that a user's own experiment loads: what is taken, and what is refused."""

import numpy as np
import pytest

from minisgl.errors import MinisglError
from minisgl.experiments import Data
from minisgl.experiments.arrays import as_data
from minisgl.nn import Flatten, Linear, Network


def network(outputs: int = 3) -> Network:
    layers = {"flatten": Flatten(), "fc": Linear(8, outputs)}
    return Network.initialized(layers, (2, 2, 2), np.random.default_rng(0))


IMAGES, LABELS = np.zeros((5, 2, 2, 2), np.float32), np.array([0, 1, 2, 0, 1])
GOOD = (IMAGES, LABELS)


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ((IMAGES[:, 0], LABELS), r"mine: the training set has images \(5, 2, 2\) float32; they must be \(N, C, H, W\)"),
        ((IMAGES.astype(int), LABELS), r"images \(5, 2, 2, 2\) int64; they must be .*, uint8 or float32"),
        ((IMAGES, LABELS[:4]), r"labels \(4,\) int64; they must be \(5,\), a whole number for each image"),
        ((IMAGES, LABELS / 2), r"labels \(5,\) float64; they must be \(5,\), a whole number"),
        ((IMAGES[:0], LABELS[:0]), "the training set has no images"),
        ((IMAGES[:, :1], LABELS), r"images of 1 x 2 x 2 \(C x H x W\), and the network takes 2 x 2 x 2"),
        ((IMAGES, LABELS + 1), "labels from 1 to 3; the network has 3 outputs, 0 to 2"),
        ((IMAGES, LABELS - 1), "labels from -1 to 1"),
        ((IMAGES + np.nan, LABELS), "40 NaN or infinite numbers in its images"),
        (IMAGES, "the training set must be a pair of arrays, images and labels, but is a ndarray"),
    ],
)
def test_arrays_that_do_not_fit(train: object, sentence: str) -> None:
    with pytest.raises(MinisglError, match=sentence):
        as_data((train, GOOD), "mine", network())
    with pytest.raises(MinisglError, match=sentence.replace("training", "test")):
        as_data((GOOD, train), "mine", network())


def test_what_load_may_give() -> None:
    for found in ((GOOD, GOOD), Data(GOOD, None, GOOD), [GOOD, GOOD, GOOD]):
        data = as_data(found, "mine", network())
        assert data.train.images.dtype == np.float32
    assert data.validation is not None
    wide = as_data(((np.full((5, 2, 2, 2), 255, np.uint8), LABELS.astype(np.uint8)), GOOD), "mine", network()).train
    assert (wide.images.dtype, wide.labels.dtype, wide.images.max()) == (np.uint8, np.int64, 255)
    assert (wide.floats().images.dtype, wide.floats().images.max()) == (np.float32, 1.0)
    with pytest.raises(MinisglError, match="mine: load must return training and test images, but returned a NoneType"):
        as_data(None, "mine", network())
