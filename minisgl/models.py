"""The networks of the experiments.

LeNet-5 in the sizes of the Caffe examples, as in Bui, Park, Zhang, Qi and Xin (2021), for 28 x 28 images:

    (1, 28, 28) -conv 5x5-> (20, 24, 24) -pool-> (20, 12, 12) -conv 5x5-> (50, 8, 8) -pool-> (50, 4, 4)
                -flatten-> 800 -fc1-> 500 -fc2-> 10                431,080 parameters, 430,500 of them weights

A ReLU follows each convolution and fc1. It is applied after the pooling: max and ReLU commute (both are monotone, and if a
whole window is negative, neither order passes a gradient), and after pooling there are only a quarter as many numbers. conv2
does three quarters of the arithmetic, by Winograd's method; conv1 has a single channel and would gain nothing from it.

The network for shaky curves follows the description of Xue and Xin (2019): three convolutions, each followed by max-pooling,
and one fully connected layer with most of the weights. They do not publish its sizes; these are ours, for 48 x 128 images:

    (1, 48, 128) -conv 5x5-> (16, 44, 124) -pool-> (16, 22, 62) -conv 3x3-> (8, 20, 60) -pool-> (8, 10, 30)
                 -conv 3x3-> (64, 8, 28) -pool-> (64, 4, 14) -flatten-> 3,584 -fc-> 2
                                                 13,418 parameters, 13,328 of them weights, 7,168 of these in fc

The papers' 4-layer network for 28 x 28 images, larger than LeNet-5, with dropout before fc2 (Bui et al. 2021):

    (1, 28, 28) -conv 5x5-> (32, 24, 24) -pool-> (32, 12, 12) -conv 5x5-> (64, 8, 8) -pool-> (64, 4, 4)
                -flatten-> 1024 -fc1-> 1000 -dropout, fc2-> 10            1,087,106 parameters, 1,086,000 of them weights

A small residual network for 32 x 32 colour images, in the shape of the fast networks of the DAWNBench competition (Page, "How
to train your ResNet", 2018), an eighth as wide at width 1 and a quarter at width 2. Every convolution is 3 x 3, and batch
normalisation follows it. At width 1:

    (3, 32, 32) -conv1-> (16, 32, 32) -conv2, pool-> (32, 16, 16) -block1: x + two convolutions of x
                -conv3, pool-> (64, 8, 8) -conv4, pool-> (128, 4, 4) -block2: x + two convolutions of x
                -mean of each map-> 128 -fc-> classes
                          412,954 parameters, 411,824 of them weights; 24.0 M multiply-adds

Wide ResNets of depth 6 n + 4 and width k (Zagoruyko and Komodakis, BMVC 2016), for 32 x 32 colour images:

    (3, 32, 32) -conv 3x3-> (16, 32, 32) -stage 1-> (16 k, 32, 32) -stage 2-> (32 k, 16, 16) -stage 3-> (64 k, 8, 8)
                -bn, ReLU, mean of each map-> 64 k -fc-> classes

A stage is n residual blocks in pre-activation form: x + conv(ReLU(bn(conv(ReLU(bn(x)))))), all 3 x 3. Its first block changes
the shape: both branches start from ReLU(bn1(x)), and the shortcut is a 1 x 1 convolution. Convolutions have no bias.
"""

import numpy as np

from minisgl.nn import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    ReLU,
    Residual,
    Sequential,
)
from minisgl.nn.conv import Algorithm

FC_SCALE = 0.3  # times He's standard deviation: fc sums thousands of similar inputs, and would start far from 50:50


def lenet5(
    rng: np.random.Generator,
    dtype: np.typing.DTypeLike = np.float32,
    units: tuple[int, int, int, int] = (20, 50, 500, 10),
) -> Network:
    """LeNet-5 for images (1, 28, 28), its weights drawn from rng.

    `units` are the outputs of conv1, conv2, fc1 and fc2; the default is Caffe's 20, 50, 500, 10.
    """
    k1, k2, d1, d2 = units
    layers: dict[str, Layer] = {
        "conv1": Conv2d(1, k1, 5),
        "pool1": MaxPool2d(2),
        "relu1": ReLU(),
        "conv2": Conv2d(k1, k2, 5),
        "pool2": MaxPool2d(2),
        "relu2": ReLU(),
        "flatten": Flatten(),
        "fc1": Linear(16 * k2, d1),
        "relu3": ReLU(),
        "fc2": Linear(d1, d2),
    }
    return Network.initialized(layers, (1, 28, 28), rng, dtype)


def curve_net(
    rng: np.random.Generator,
    dtype: np.typing.DTypeLike = np.float32,
    channels: tuple[int, int, int] = (16, 8, 64),
    size: tuple[int, int] = (48, 128),
) -> Network:
    """Three convolutions and the layer fc, for images (1, *size) and two classes, its weights drawn from rng.

    The initial weights of every filter sum to 0. `channels` are the outputs of conv1, conv2 and conv3.
    """
    k1, k2, k3 = channels
    layers: dict[str, Layer] = {
        "conv1": Conv2d(1, k1, 5),
        "pool1": MaxPool2d(2),
        "relu1": ReLU(),
        "conv2": Conv2d(k1, k2, 3),
        "pool2": MaxPool2d(2),
        "relu2": ReLU(),
        "conv3": Conv2d(k2, k3, 3),
        "pool3": MaxPool2d(2),
        "relu3": ReLU(),
        "flatten": Flatten(),
    }
    shape: tuple[int, ...] = (1, *size)
    for layer in layers.values():
        shape = layer.output_shape(shape)
    layers["fc"] = Linear(shape[0], 2)
    network = Network.initialized(layers, (1, *size), rng, dtype)
    for name in ("conv1", "conv2", "conv3"):
        # Blank paper, most of a picture, then adds nothing to a filter's output. Otherwise it could make the output negative
        # almost everywhere, and then the ReLU would keep this filter, one of only a few, from learning.
        weight = network.layout[f"{name}.weight"].view(network.flat)  # (K, C, R, S)
        weight -= weight.mean(axis=(1, 2, 3), keepdims=True)
    network.layout["fc.weight"].view(network.flat)[...] *= FC_SCALE
    return network


def cnn4(rng: np.random.Generator, dtype: np.typing.DTypeLike = np.float32) -> Network:
    """The 4-layer network for images (1, 28, 28), its weights drawn from rng."""
    layers: dict[str, Layer] = {
        "conv1": Conv2d(1, 32, 5),
        "pool1": MaxPool2d(2),
        "relu1": ReLU(),
        "conv2": Conv2d(32, 64, 5),
        "pool2": MaxPool2d(2),
        "relu2": ReLU(),
        "flatten": Flatten(),
        "fc1": Linear(1024, 1000),
        "relu3": ReLU(),
        "dropout": Dropout(0.5),
        "fc2": Linear(1000, 10),
    }
    return Network.initialized(layers, (1, 28, 28), rng, dtype)


def resnet9(
    rng: np.random.Generator,
    width: int = 1,
    classes: int = 10,
    dtype: np.typing.DTypeLike = np.float32,
    *,
    normalize: Layer | None = None,
) -> Network:
    """The small residual network for images (3, 32, 32), its weights drawn from rng. normalize: a layer before all others."""
    w = 16 * width
    layers: dict[str, Layer] = {} if normalize is None else {"normalize": normalize}
    layers |= {
        **_normalized_conv("1", 3, w),
        **_normalized_conv("2", w, 2 * w, pool=True),
        "block1": Residual({**_normalized_conv("1", 2 * w, 2 * w), **_normalized_conv("2", 2 * w, 2 * w)}),
        **_normalized_conv("3", 2 * w, 4 * w, pool=True),
        **_normalized_conv("4", 4 * w, 8 * w, pool=True),
        "block2": Residual({**_normalized_conv("1", 8 * w, 8 * w), **_normalized_conv("2", 8 * w, 8 * w)}),
        "pool": GlobalAvgPool2d(),
        "fc": Linear(8 * w, classes),
    }
    return Network.initialized(layers, (3, 32, 32), rng, dtype)


def _normalized_conv(number: str, inputs: int, outputs: int, pool: bool = False) -> dict[str, Layer]:
    """A 3 x 3 convolution, batch normalisation, perhaps pooling, and ReLU, which commutes with pooling."""
    layers: dict[str, Layer] = {f"conv{number}": _conv3x3(inputs, outputs), f"bn{number}": BatchNorm2d(outputs)}
    if pool:
        layers[f"pool{number}"] = MaxPool2d(2)
    return {**layers, f"relu{number}": ReLU()}


def wide_resnet(
    rng: np.random.Generator,
    depth: int = 28,
    width: int = 10,
    classes: int = 10,
    dtype: np.typing.DTypeLike = np.float32,
    *,
    dropout: float = 0.0,
    stride_on_second: bool = False,
    normalize: Layer | None = None,
) -> Network:
    """A wide residual network for images (3, 32, 32), its weights drawn from rng. ValueError unless depth is 10, 16, 22, ...

    dropout: the probability between the two convolutions of a block. stride_on_second: the second convolution of a stage's
    first block has the stride, as in the code of Bui et al., and not the first one. normalize: a layer before all others.
    """
    if depth < 10 or (depth - 4) % 6 or width < 1:
        raise ValueError(f"a wide residual network needs depth 6 n + 4 (10, 16, ...) and width >= 1, but got {depth}, {width}")
    channels = 16
    layers: dict[str, Layer] = {} if normalize is None else {"normalize": normalize}
    layers["conv1"] = _conv3x3(3, channels)
    for stage, (outputs, stride) in enumerate(((16 * width, 1), (32 * width, 2), (64 * width, 2)), 1):
        blocks: dict[str, Layer] = {}
        for i in range((depth - 4) // 6):
            strides = (1, 1) if i else ((1, stride) if stride_on_second else (stride, 1))
            blocks[str(i)] = _block(channels, outputs, strides, dropout)
            channels = outputs
        layers[f"stage{stage}"] = Sequential(blocks)
    layers |= {"bn": BatchNorm2d(channels), "relu": ReLU(), "pool": GlobalAvgPool2d(), "fc": Linear(channels, classes)}
    return Network.initialized(layers, (3, 32, 32), rng, dtype)


def _conv3x3(inputs: int, outputs: int, stride: int = 1) -> Conv2d:
    algorithm: Algorithm = "winograd" if stride == 1 and inputs >= 8 else "im2col"
    return Conv2d(inputs, outputs, 3, stride, padding=1, bias=False, algorithm=algorithm)


def _block(inputs: int, outputs: int, strides: tuple[int, int], dropout: float) -> Residual:
    """A pre-activation block; its shortcut is a convolution where the shape changes."""
    first: dict[str, Layer] = {"bn1": BatchNorm2d(inputs), "relu1": ReLU()}
    body: dict[str, Layer] = {"conv1": _conv3x3(inputs, outputs, strides[0]), "bn2": BatchNorm2d(outputs), "relu2": ReLU()}
    if dropout:
        body["dropout"] = Dropout(dropout)
    body["conv2"] = _conv3x3(outputs, outputs, strides[1])
    if inputs == outputs and strides == (1, 1):
        return Residual({**first, **body})
    return Residual(body, {"shortcut": Conv2d(inputs, outputs, 1, strides[0] * strides[1], bias=False)}, first)
