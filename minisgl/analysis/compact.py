"""A smaller dense network with the same logits: every unit that plays no part is taken out, exactly.

A sparse network is full of units that no image can make a difference to, and of units that make no difference to any logit.
Both are found by following the zeros, once forwards and once backwards. For a layer y = weight x + bias write

    reads[k, c] = [ some weight from input c to output k is not zero ].

Forwards, from the image: does a unit vary with the image, or is it constant, the same number for all images?

    varies(image) = true        varies(y_k) = any over c of reads[k, c] and varies(x_c)        max-pooling, ReLU: as before

A constant unit has a value that can be carried along. A layer's constant inputs add the same to every image's output, so
they belong into its bias; and a constant output's value is all in that bias:

    bias'_k = bias_k + sum over constant c of total[k, c] * value(x_c)        value(y_k) = bias'_k

total[k, c] is the weight of a linear layer, and the sum of a kernel's R S weights in a convolution: a constant channel is a
map of one number everywhere, so every window gives it to the whole kernel. ReLU makes max(value, 0) of a value, max-pooling
leaves it, Flatten copies it to each position.

Padding breaks the argument. At the border a window sees zeros where the map's number should be, so the constant adds less
there than inside, and no bias can say that. So a constant other than 0 stays a channel in front of a padded convolution,
and counts as varying from there on. (A constant 0 goes: zeros beside zeros.)

Backwards, from the logits: is a unit needed, does a chain of weights lead from it to a logit?

    needed(logits) = true       needed(x_c) = varies(x_c) and any over k of reads[k, c] and needed(y_k)
                                needed(channel before Flatten) = any over its positions

What is needed is kept, and nothing else. One pass each way already is the fixed point of removing unit after unit: nothing
that varies is read by a constant unit, so removing those changes no `needed`; and what is needed reads the varying units it
always read, so removing the others changes no `varies`. After Flatten single positions of a channel may be left: Gather
picks them.

The logits are the same sums with zeros left out: equal but for rounding. All logits are kept, constant or not. If a layer
would have no unit left, one that is fed and read by zeros stands in, so that every layer stays a layer.
"""

from collections.abc import Container
from math import prod
from typing import Any

import numpy as np

from minisgl.backend import Array, to_host
from minisgl.errors import MinisglError
from minisgl.nn import Conv2d, Flatten, Gather, Layer, Linear, MaxPool2d, Network, ReLU, Sequential

GATHER = "gather"  # the layer that follows Flatten where not all of its output is left
KNOWN = (Conv2d, Flatten, Linear, MaxPool2d, ReLU)


def compact(network: Network) -> Network:
    """The network without the units that play no part; a network of its own, on the host, with the same layers' names.

    network: one chain of Conv2d, MaxPool2d, ReLU, Flatten and Linear in any order that fits; MinisglError, which names
    it, for another layer. Behind Flatten a layer named "gather" is added if it is needed.
    """
    network = network.with_flat(to_host(network.flat))
    chain = network.chain()
    for name, layer in chain:
        if type(layer) not in KNOWN:  # not a subclass either, which may compute something else
            raise MinisglError(f"{name} is a {type(layer).__name__}: compact does not know how a zero passes through it")
    varies, biases = _follow_the_image(network, chain)
    inputs, outputs = _follow_the_logits(network, chain, varies)
    smaller: list[tuple[str, Layer]] = []
    weights: list[np.ndarray] = []
    shape = network.input_shape
    kept = np.arange(shape[0])  # of the units at this place in the network, those that the smaller one has: all of the image's
    for name, layer in chain:
        following = layer
        if isinstance(layer, Conv2d | Linear):
            before, kept = kept, _kept(outputs[name])
            weight = layer.weight.copy()
            weight[:, ~inputs[name]] = 0  # what reads a stand-in, or a channel of the image that is not needed
            weights.append(weight[kept][:, before])
            biases[name] = biases[name][kept]
            following = _of_size(layer, inputs=len(before), outputs=len(kept))
        smaller.append((name, following))
        if isinstance(layer, Flatten):
            flattened = np.arange(prod(shape)).reshape(shape)[kept].ravel()  # the positions of the channels that are kept
            kept = _kept(outputs[name])
            if len(kept) < len(flattened):
                smaller.append((_free_name(name, dict(chain)), Gather(np.searchsorted(flattened, kept).astype(np.int32))))
        shape = layer.output_shape(shape)
    numbers = [array.ravel() for array in (*weights, *biases.values())]  # in the order of nn/parameters.py
    return Network(_nested(smaller), network.input_shape, np.concatenate(numbers).astype(network.flat.dtype))


def _free_name(flatten: str, names: Container[str]) -> str:
    """The full name of the layer that follows Flatten: beside it, and no other's."""
    name = f"{flatten.rpartition('.')[0]}.{GATHER}".lstrip(".")
    while name in names:
        name += "_"
    return name


def _of_size(layer: Conv2d | Linear, inputs: int, outputs: int) -> Layer:
    """The same layer with so many units."""
    if isinstance(layer, Conv2d):
        return Conv2d(**{**layer.settings(), "in_channels": inputs, "out_channels": outputs})
    return Linear(inputs, outputs)


def _nested(leaves: list[tuple[str, Layer]]) -> dict[str, Layer]:
    """The layers as a tree of Sequentials, from their full names."""
    tree: dict[str, Any] = {}
    for name, layer in leaves:
        head, dot, rest = name.partition(".")
        if dot:
            tree.setdefault(head, []).append((rest, layer))
        else:
            tree[head] = layer
    return {name: Sequential(_nested(part)) if isinstance(part, list) else part for name, part in tree.items()}


def _follow_the_image(network: Network, chain: list[tuple[str, Layer]]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """For each layer with weights: which of its inputs vary (units in,), and bias' (units out,) in float64."""
    shape = network.input_shape
    varies: Array = np.ones(shape[0], bool)
    value: Array = np.zeros(shape[0])  # of the constant units; of the others it is never used
    found, biases = {}, {}
    for name, layer in chain:
        match layer:
            case Conv2d() | Linear():
                if isinstance(layer, Conv2d) and layer.padding:
                    varies = varies | (value != 0)
                total = _by_pair(layer.weight).sum(axis=2, dtype=np.float64)  # (units out, units in)
                found[name] = varies
                biases[name] = value = layer.bias + total @ np.where(varies, 0, value)
                varies = (_reads(layer) & varies).any(axis=1)
            case ReLU():
                value = np.maximum(value, 0)
            case Flatten():
                positions = prod(shape[1:])
                varies, value = varies.repeat(positions), value.repeat(positions)
        shape = layer.output_shape(shape)
    return found, biases


def _follow_the_logits(
    network: Network, chain: list[tuple[str, Layer]], varies: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Which inputs and which outputs are needed, of each layer with weights; outputs also of Flatten, by position."""
    shapes, shape = {}, network.input_shape
    for name, layer in chain:
        shapes[name] = shape
        shape = layer.output_shape(shape)
    needed: Array = np.ones(shape, bool)
    inputs, outputs = {}, {}
    for name, layer in reversed(chain):
        outputs[name] = needed
        if isinstance(layer, Conv2d | Linear):
            needed = inputs[name] = varies[name] & _reads(layer)[needed].any(axis=0)
        if isinstance(layer, Flatten):
            needed = needed.reshape(shapes[name]).any(axis=(1, 2))
    return inputs, outputs


def _by_pair(weight: np.ndarray) -> np.ndarray:
    """(units out, units in, numbers): R S numbers for each pair of channels, one for each pair of neurons."""
    return weight.reshape(*weight.shape[:2], -1)


def _reads(layer: Conv2d | Linear) -> np.ndarray:
    """reads[k, c] of the docstring, (units out, units in)."""
    return (_by_pair(layer.weight) != 0).any(axis=2)


def _kept(needed: np.ndarray) -> np.ndarray:
    """The numbers of the units that are needed, or of one stand-in if none is."""
    return np.flatnonzero(needed) if needed.any() else np.array([0])
