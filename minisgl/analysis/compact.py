"""A smaller dense network with the same logits: every unit that does not affect them is removed.

Many units of a sparse network have the same value for every image, and many others affect no logit. Both kinds are found by
following the zeros, once forwards and once backwards. For a layer y = weight x + bias write

    reads[k, c] = [ some weight from input c to output k is not zero ].

Forwards, from the image: does a unit vary with the image, or is it constant, the same number for all images?

    varies(image) = true        varies(y_k) = any over c of reads[k, c] and varies(x_c)     pooling, ReLU, Normalize: unchanged

A constant unit's value is known. A layer's constant inputs add the same to the output for every image, so they are moved into
its bias. The value of a constant output is then this bias:

    bias'_k = bias_k + sum over constant c of total[k, c] * value(x_c)        value(y_k) = bias'_k

total[k, c] is the weight of a linear layer, or the sum of a kernel's R S weights in a convolution: a constant channel is a map
with one number everywhere, so every weight of the kernel multiplies this number. ReLU changes a value to max(value, 0),
max-pooling does not change it, Normalize shifts and scales it, and Flatten copies it to each position.

This does not hold for a padded convolution. A window at the border reads zeros instead of the map's number, so a constant adds
less there than inside, which no bias can express. So a constant input of a padded convolution is kept, and counted as varying,
unless it is 0, like the padding.

Backwards, from the logits: is a unit needed, that is, does a chain of weights lead from it to a logit?

    needed(logits) = true       needed(x_c) = varies(x_c) and any over k of reads[k, c] and needed(y_k)
                                needed(channel before Flatten) = any over its positions

Exactly the needed units are kept. One pass each way is enough, and repeating both would remove nothing more. Constant units
read no varying unit, so removing them does not change `needed`. Needed units still read the same varying units, so removing the
others does not change `varies`. After Flatten only some positions of a channel may remain; a Gather layer selects them. A
Gather that the network has already is followed both ways, and selects what remains.

The logits are the same sums without the zeros, so they are equal up to rounding. All logits are kept, even constant ones. If a
layer would have no unit left, one placeholder unit is kept, with zero weights to and from it.
"""

from collections.abc import Container
from math import prod
from typing import Any

import numpy as np

from minisgl.backend import Array, to_host
from minisgl.errors import MinisglError
from minisgl.nn import Conv2d, Flatten, Gather, Layer, Linear, MaxPool2d, Network, Normalize, ReLU, Sequential

GATHER = "gather"  # the layer after Flatten that selects the remaining part of its output
KNOWN = (Conv2d, Flatten, Gather, Linear, MaxPool2d, Normalize, ReLU)


def compact(network: Network) -> Network:
    """Return a new network on the host without the units that do not affect the logits. Layers keep their names.

    network: a chain of layers of the types in KNOWN; MinisglError, which names the layer, for any other type.
    A layer named "gather" is added after Flatten if it is needed.
    """
    network = network.with_flat(to_host(network.flat))
    chain = network.chain()
    for name, layer in chain:
        if type(layer) not in KNOWN:  # a subclass may compute something else
            raise MinisglError(f"{name} is a {type(layer).__name__}: compact does not know how zeros pass through it")
    varies, biases = _follow_the_image(network, chain)
    inputs, outputs = _follow_the_logits(network, chain, varies)
    smaller: list[tuple[str, Layer]] = []
    weights: list[np.ndarray] = []
    shape = network.input_shape
    kept = np.arange(shape[0])  # which of the units after the previous layer are kept: at first all channels of the image
    for (name, layer), (_, next_layer) in zip(chain, [*chain[1:], ("", None)], strict=True):
        following: Layer | None = layer
        if isinstance(layer, Conv2d | Linear):
            before, kept = kept, _kept(outputs[name])
            weight = layer.weight.copy()
            weight[:, ~inputs[name]] = 0  # weights from a placeholder, or from a channel of the image that is not needed
            weights.append(weight[kept][:, before])
            biases[name] = biases[name][kept]
            following = _of_size(layer, inputs=len(before), outputs=len(kept))
        if isinstance(layer, Normalize):
            following = Normalize(layer.mean[kept], layer.deviation[kept])
        if isinstance(layer, Gather):
            before, kept = kept, _kept(outputs[name])
            following = _gather(before, layer.index[kept] if outputs[name].any() else before[:1])
        if following is not None:
            smaller.append((name, following))
        if isinstance(layer, Flatten):
            flattened = np.arange(prod(shape)).reshape(shape)[kept].ravel()  # the positions of the channels that are kept
            # if a Gather follows, it selects the positions
            kept = flattened if isinstance(next_layer, Gather) else _kept(outputs[name])
            if gather := _gather(flattened, kept):
                smaller.append((_free_name(name, dict(chain)), gather))
        shape = layer.output_shape(shape)
    numbers = [array.ravel() for array in (*weights, *biases.values())]  # in the order of nn/parameters.py
    return Network(_nested(smaller), network.input_shape, np.concatenate(numbers).astype(network.flat.dtype))


def _gather(units: np.ndarray, wanted: np.ndarray) -> Gather | None:
    """Return the layer that selects `wanted` from `units`, both unit numbers; None if they are the same."""
    return None if np.array_equal(units, wanted) else Gather(np.searchsorted(units, wanted).astype(np.int32))


def _free_name(flatten: str, names: Container[str]) -> str:
    """Return an unused full name for the layer after Flatten, in the same Sequential."""
    name = f"{flatten.rpartition('.')[0]}.{GATHER}".lstrip(".")
    while name in names:
        name += "_"
    return name


def _of_size(layer: Conv2d | Linear, inputs: int, outputs: int) -> Layer:
    """Return the same layer with these numbers of units."""
    if isinstance(layer, Conv2d):
        return Conv2d(**{**layer.settings(), "in_channels": inputs, "out_channels": outputs})
    return Linear(inputs, outputs)


def _nested(leaves: list[tuple[str, Layer]]) -> dict[str, Layer]:
    """Return the layers as a tree of Sequentials, built from their full names."""
    tree: dict[str, Any] = {}
    for name, layer in leaves:
        head, dot, rest = name.partition(".")
        if dot:
            tree.setdefault(head, []).append((rest, layer))
        else:
            tree[head] = layer
    return {name: Sequential(_nested(part)) if isinstance(part, list) else part for name, part in tree.items()}


def _follow_the_image(network: Network, chain: list[tuple[str, Layer]]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return for each layer with weights which of its inputs vary (units in,), and its bias' (units out,) in float64."""
    shape = network.input_shape
    varies: Array = np.ones(shape[0], bool)
    value: Array = np.zeros(shape[0])  # the values of constant units; those of other units are not used
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
            case Normalize():
                value = (value - layer.mean) / layer.deviation
            case Flatten():
                positions = prod(shape[1:])
                varies, value = varies.repeat(positions), value.repeat(positions)
            case Gather():
                varies, value = varies[layer.index], value[layer.index]
        shape = layer.output_shape(shape)
    return found, biases


def _follow_the_logits(
    network: Network, chain: list[tuple[str, Layer]], varies: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return which inputs and outputs of each layer with weights are needed, and which outputs (positions) of Flatten."""
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
        if isinstance(layer, Gather):
            needed = np.isin(np.arange(shapes[name][0]), layer.index[needed])
    return inputs, outputs


def _by_pair(weight: np.ndarray) -> np.ndarray:
    """Return the weights as (units out, units in, n): n is R S for a convolution and 1 for a linear layer."""
    return weight.reshape(*weight.shape[:2], -1)


def _reads(layer: Conv2d | Linear) -> np.ndarray:
    """Return reads[k, c] of the module's docstring, (units out, units in)."""
    return (_by_pair(layer.weight) != 0).any(axis=2)


def _kept(needed: np.ndarray) -> np.ndarray:
    """Return the indices of the needed units, or that of one placeholder if there are none."""
    return np.flatnonzero(needed) if needed.any() else np.array([0])
