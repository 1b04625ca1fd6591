"""A layer of every kind with an input that fits it, and how a layer gets weights."""

import numpy as np

from minisgl.nn import Conv2d, Flatten, Gather, Layer, Linear, MaxPool2d, ReLU

# By name: a function that builds the layer, and the shape of an input, the image index last.
LAYERS = {
    "conv": (lambda: Conv2d(2, 3, 3), (2, 6, 5, 4)),
    "padded conv": (lambda: Conv2d(2, 3, (2, 3), stride=2, padding=1), (2, 6, 5, 4)),
    "winograd": (lambda: Conv2d(2, 3, 3, algorithm="winograd"), (2, 6, 6, 4)),
    "padded winograd": (lambda: Conv2d(2, 3, (2, 5), padding=1, algorithm="winograd"), (2, 6, 5, 4)),
    "linear": (lambda: Linear(6, 5), (6, 4)),
    "pool": (lambda: MaxPool2d(2), (2, 6, 5, 4)),
    "padded pool": (lambda: MaxPool2d(3, stride=1, padding=1), (2, 6, 5, 4)),
    "relu": (ReLU, (2, 6, 5, 4)),
    "flatten": (Flatten, (2, 6, 5, 4)),
    "gather": (lambda: Gather(np.array([4, 0, 5])), (6, 4)),
}


def with_weights(layer: Layer, rng: np.random.Generator, dtype=np.float64) -> Layer:
    if layer.parameters:
        layer.weight = rng.standard_normal(layer.weight_shape).astype(dtype)
        layer.bias = rng.standard_normal(layer.weight_shape[0]).astype(dtype)
    return layer
