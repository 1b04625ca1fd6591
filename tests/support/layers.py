"""A layer of every kind with an input that fits it, and how a layer gets weights."""

import numpy as np

from minisgl.nn import (
    AvgPool2d,
    BatchNorm2d,
    Binary,
    Conv2d,
    Dropout,
    Flatten,
    Gather,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Normalize,
    ReLU,
    ScaleShift,
)

# By name: a function that builds the layer, and the shape of an input, the image index last.
LAYERS = {
    "conv": (lambda: Conv2d(2, 3, 3), (2, 6, 5, 4)),
    "padded conv": (lambda: Conv2d(2, 3, (2, 3), stride=2, padding=1), (2, 6, 5, 4)),
    "winograd": (lambda: Conv2d(2, 3, 3, algorithm="winograd"), (2, 6, 6, 4)),
    "padded winograd": (lambda: Conv2d(2, 3, (2, 5), padding=1, algorithm="winograd"), (2, 6, 5, 4)),
    "winograd by strips": (lambda: Conv2d(2, 3, 3, padding=1, algorithm="winograd"), (2, 10, 5, 4)),
    "conv without bias": (lambda: Conv2d(2, 3, 3, bias=False), (2, 6, 5, 4)),
    "winograd without bias": (lambda: Conv2d(2, 3, 3, bias=False, algorithm="winograd"), (2, 6, 5, 4)),
    "linear": (lambda: Linear(6, 5), (6, 4)),
    "pool": (lambda: MaxPool2d(2), (2, 6, 5, 4)),
    "padded pool": (lambda: MaxPool2d(3, stride=1, padding=1), (2, 6, 5, 4)),
    "relu": (ReLU, (2, 6, 5, 4)),
    "binary": (Binary, (2, 6, 5, 4)),
    "binary, derivative of the identity": (lambda: Binary("identity"), (2, 6, 5, 4)),
    "average pool": (lambda: AvgPool2d(2), (2, 6, 5, 4)),
    "global average pool": (GlobalAvgPool2d, (2, 6, 5, 4)),
    "batch norm": (lambda: BatchNorm2d(2), (2, 6, 5, 4)),
    "scale and shift": (lambda: ScaleShift(2), (2, 6, 5, 4)),
    "dropout": (Dropout, (2, 6, 5, 4)),
    "normalize": (lambda: Normalize([0.5, -1.0], [2.0, 0.25]), (2, 6, 5, 4)),
    "flatten": (Flatten, (2, 6, 5, 4)),
    "gather": (lambda: Gather(np.array([4, 0, 5])), (6, 4)),
}


def as_on_a_device(layer: Layer) -> Layer:
    """The layer itself, computed as on a device: a convolution by im2col, and max-pooling after it on its own."""
    if isinstance(layer, Conv2d):
        layer.uses_winograd, layer.takes_pool = False, None
    if isinstance(layer, MaxPool2d):
        layer.is_taken = False
    return layer


def with_weights(layer: Layer, rng: np.random.Generator, dtype=np.float64) -> Layer:
    """The layer with Gaussian parameters, and positive variances."""
    for parameter in layer.parameters:
        drawn = rng.standard_normal(parameter.shape)
        setattr(layer, parameter.key, (0.5 + drawn**2 if parameter.key == "running_var" else drawn).astype(dtype))
    return layer


def parameters_of(layer: Layer) -> dict[str, np.ndarray]:
    """The layer's arrays by key."""
    return {parameter.key: getattr(layer, parameter.key) for parameter in layer.parameters}
