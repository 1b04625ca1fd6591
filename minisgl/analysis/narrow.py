"""A small dense network: a chain with fewer channels and neurons in every layer, so that it needs at most N FLOPs.

    n -> max(1, round(f n))      for the outputs n of every convolution and linear layer but the last, one factor f for all
    f = the largest with FLOPs(f) <= N,   0 < f <= 1

Layers keep their names, kernels, strides and order. FLOPs(f) is a step function that never falls: it changes where f n is
halfway between two whole numbers, for some n. So the largest f is found among these fractions, exactly, by bisection.

The weights are drawn afresh: this is what a sparse network is compared with, a dense one of the same cost from scratch.
"""

from bisect import bisect_right
from fractions import Fraction
from math import floor

import numpy as np

from minisgl.analysis.flops import layer_flops
from minisgl.analysis.rebuild import key_of, rebuild
from minisgl.errors import MinisglError
from minisgl.nn import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Normalize,
    ReLU,
    ScaleShift,
)

SIZELESS = (AvgPool2d, Dropout, Flatten, GlobalAvgPool2d, MaxPool2d, ReLU)  # they take any number of channels


def narrow(network: Network, flops: int, rng: np.random.Generator) -> Network:
    """Return the chain narrowed to at most `flops` FLOPs for one image, and as close to them as one factor allows.

    Its parameters are drawn from rng as its layers declare them, in the network's dtype. MinisglError if the network is not a
    chain of the layers known here, or if `flops` is below the narrowest network's or above the network's own.
    """
    sizes = [_outputs(layer) for _, layer in _sized(network)[:-1]]
    factors = sorted({Fraction(2 * k - 1, 2 * n) for n in sizes for k in range(1, n + 1)} | {Fraction(1)})
    least, most = (_narrowed(network, factor)[1] for factor in (factors[0], factors[-1]))
    if not least <= flops <= most:
        raise MinisglError(
            f"--flops must be from {least:,} (one unit in each hidden layer) to {most:,} (the network's own), but is {flops:,}"
        )
    factor = factors[bisect_right(factors, flops, key=lambda factor: _narrowed(network, factor)[1]) - 1]
    layers, _ = _narrowed(network, factor)
    tree = rebuild(network, lambda name, _: {key_of(name): layers[name]})
    return Network.initialized(tree, network.input_shape, rng, network.flat.dtype)


def _sized(network: Network) -> list[tuple[str, Layer]]:
    """Return the convolutions and linear layers of a chain; the last one's outputs are the logits."""
    return [(name, layer) for name, layer in network.chain() if type(layer) in (Conv2d, Linear)]


def _outputs(layer: Layer) -> int:
    return int(layer.parameters[0].shape[0])


def _narrowed(network: Network, factor: Fraction) -> tuple[dict[str, Layer], int]:
    """Return the layers, by full name, of the network narrowed by this factor, and its FLOPs."""
    outputs = {name: max(1, floor(factor * _outputs(layer) + Fraction(1, 2))) for name, layer in _sized(network)[:-1]}
    layers: dict[str, Layer] = {}
    shape, flops = network.input_shape, 0
    for name, old in network.chain():
        new = layers[name] = _resized(name, old, shape[0], outputs.get(name))
        inputs, shape = shape[0], new.output_shape(shape)
        flops += layer_flops(name, new, shape, inputs, shape[0]).total
    return layers, flops


def _resized(name: str, layer: Layer, inputs: int, outputs: int | None) -> Layer:
    """Return the layer for this number of input channels or neurons, and with this number of outputs (None: as before)."""
    kind = type(layer)  # a subclass may compute something else
    if kind in SIZELESS or (type(layer) is Normalize and inputs == len(layer.mean)):
        return layer
    if kind is Conv2d:
        return Conv2d(**{**layer.settings(), "in_channels": inputs, "out_channels": outputs or _outputs(layer)})
    if kind is Linear:
        return Linear(inputs, outputs or _outputs(layer))
    if kind in (BatchNorm2d, ScaleShift):
        return kind(**{**layer.settings(), "channels": inputs})
    raise MinisglError(f"{name} is a {kind.__name__}: it is not known how to make it narrower")
