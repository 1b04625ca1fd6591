"""Check the arrays of a user's experiment once, before training.

images (N, C, H, W)    uint8, which a network divides by 255, or float32;  C, H, W as the network's input
labels (N,)            integers from 0, below the network's number of outputs
"""

from typing import Any

import numpy as np

from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.experiments.experiment import Data
from minisgl.nn import Network


def as_data(found: Any, name: str, network: Network) -> Data:
    """Return Data for this network from what an experiment's `load` returned: Data, or train and test as pairs of arrays.

    MinisglError, with the numbers, if they do not fit. `name` is the experiment's name.
    """
    if not isinstance(found, tuple | list) or len(found) not in (2, 3):
        raise MinisglError(f"{name}: load must return training and test images, but returned a {type(found).__name__}")
    train, validation, test = found if len(found) == 3 else (found[0], None, found[1])
    return Data(
        as_images(train, f"{name}: the training set", network),
        None if validation is None else as_images(validation, f"{name}: the validation set", network),
        as_images(test, f"{name}: the test set", network),
    )


def as_images(found: Any, what: str, network: Network) -> LabelledImages:
    """Return images and labels that this network can be trained or tested on. `what` names them in errors."""
    if not isinstance(found, LabelledImages):
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise MinisglError(f"{what} must be a pair of arrays, images and labels, but is a {type(found).__name__}")
        found = LabelledImages(*map(np.asarray, found))
    images, labels = found.images, found.labels
    if images.ndim != 4 or images.dtype not in (np.uint8, np.float32, np.float64):
        raise MinisglError(f"{what} has images {images.shape} {images.dtype}; they must be (N, C, H, W), uint8 or float32")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise MinisglError(
            f"{what} has labels {labels.shape} {labels.dtype}; they must be ({len(images)},), a whole number for each image"
        )
    if len(images) == 0:
        raise MinisglError(f"{what} has no images")
    if images.shape[1:] != network.input_shape:
        shapes = [" x ".join(map(str, shape)) for shape in (images.shape[1:], network.input_shape)]
        raise MinisglError(f"{what} has images of {shapes[0]} (C x H x W), and the network takes {shapes[1]}")
    outputs = network.classes
    if not 0 <= labels.min() <= labels.max() < outputs:
        raise MinisglError(
            f"{what} has labels from {labels.min()} to {labels.max()}; the network has {outputs} outputs, 0 to {outputs - 1}"
        )
    if images.dtype != np.uint8:
        if not np.isfinite(images).all():
            raise MinisglError(f"{what} has {np.count_nonzero(~np.isfinite(images)):,} NaN or infinite numbers in its images")
        images = images.astype(np.float32, copy=False)
    return LabelledImages(images, labels.astype(np.int64, copy=False))
