"""Residual networks of all kinds, with zeros at random, for the tests of the compact network and of its files."""

import numpy as np
from hypothesis import strategies as st

from minisgl.models import wide_resnet
from minisgl.nn import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Gather,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    Residual,
    ScaleShift,
    Sequential,
)
from support.residual import block, small_resnet, spoilt


def initialized(layers, shape, dtype, seed):
    return Network.initialized(layers, shape, np.random.default_rng(seed), dtype)


def two_stages(dtype, seed):
    """Two pre-activation blocks of equal shape in a row, twice."""
    layers = {
        "conv1": Conv2d(2, 3, 3, padding=1, bias=False),
        "stage1": Sequential({"0": block(3, 3), "1": block(3, 3)}),
        "stage2": Sequential({"0": block(3, 4, 2), "1": block(4, 4)}),
        "bn": BatchNorm2d(4),
        "relu": ReLU(),
        "pool": GlobalAvgPool2d(),
        "fc": Linear(4, 3),
    }
    return initialized(layers, (2, 6, 6), dtype, seed)


def post_activation(dtype, seed):
    """Blocks as in the first residual networks: ReLU after the sum, and batch norm at the end of both branches."""

    def body(inputs, outputs, stride):
        return {
            "conv1": Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            "bn1": BatchNorm2d(outputs),
            "relu": ReLU(),
            "conv2": Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            "bn2": BatchNorm2d(outputs),
        }

    layers = {
        "conv1": Conv2d(1, 3, 3, padding=1, bias=False),
        "bn1": BatchNorm2d(3),
        "relu1": ReLU(),
        "block1": Residual(body(3, 3, 1)),
        "relu2": ReLU(),
        "pool1": AvgPool2d(2),
        "block2": Residual(body(3, 4, 2), {"down": Conv2d(3, 4, 1, 2, bias=False), "bn": BatchNorm2d(4)}),
        "relu3": ReLU(),
        "flatten": Flatten(),
        "fc": Linear(16, 3),
    }
    return initialized(layers, (1, 8, 8), dtype, seed)


def unpadded(dtype, seed):
    """1 x 1 convolutions with biases, through which constants travel, and a sum right after the image."""
    layers = {
        "first": Residual({"conv": Conv2d(2, 2, 1), "dropout": Dropout(0.2)}),
        "conv1": Conv2d(2, 3, 1),
        "block1": Residual({"conv1": Conv2d(3, 4, 1), "relu": ReLU(), "conv2": Conv2d(4, 3, 1)}),
        "pool": MaxPool2d(2),
        "block2": Residual({"a": Conv2d(3, 3, 1), "relu": ReLU()}, {"b": Conv2d(3, 3, 1), "scale": ScaleShift(3)}),
        "flatten": Flatten(),
        "fc": Linear(12, 3),
    }
    return initialized(layers, (2, 4, 4), dtype, seed)


def vectors(dtype, seed):
    """Sums of vectors, blocks in blocks, an empty branch, Flatten and Gather in branches."""
    inner = Residual({"fc": Linear(6, 6)}, before={"relu": ReLU()})
    layers = {
        "split": Residual({"conv": Conv2d(1, 1, 1), "flatten1": Flatten()}, {"flatten2": Flatten()}),
        "choice": Residual({"gather1": Gather([0, 3, 5, 8, 1, 7])}, {"gather2": Gather([2, 4, 6, 8, 0, 1])}),
        "outer": Residual({"relu": ReLU(), "inner": inner, "last": Linear(6, 6)}),
        "twice": Residual({}),
        "gather": Gather([5, 0, 2, 3]),
        "scale": ScaleShift(4),
        "fc": Linear(4, 3),
    }
    return initialized(layers, (1, 3, 3), dtype, seed)


def published(dtype, seed):
    return wide_resnet(np.random.default_rng(seed), 10, 1, 4, dtype, dropout=0.3, stride_on_second=seed % 2 == 0)


MAKERS = [small_resnet, two_stages, post_activation, unpadded, vectors]


@st.composite
def spoilt_networks(draw, dtypes=(np.float32, np.float64), makers=tuple(MAKERS)):
    network = draw(st.sampled_from(makers))(draw(st.sampled_from(dtypes)), draw(st.integers(0, 99)))
    layers = draw(st.sampled_from([0.0, 0.2, 0.6]))
    others = draw(st.tuples(*[st.sampled_from([0.0, 0.2, 0.5, 0.8])] * 3))
    return spoilt(network, draw(st.integers(0, 10_000)), (layers, *others))
