"""Which units of a network affect its logits, found by following the zeros, once forwards and once backwards.

Many units of a sparse network have the same value for every image, and many others affect no logit. A unit is a channel of maps
or an entry of a vector. For a layer y = weight x + bias write

    reads[k, c] = [ some weight from input c to output k is not zero ].

Forwards, from the image: does a unit vary with the image, or is it constant, the same number for all images?

    varies(image) = true        varies(y_k) = any over c of reads[k, c] and varies(x_c)        max-pooling, ReLU: unchanged

A constant unit's value is known. A layer's constant inputs add the same to the output for every image, so they are moved into
its bias. The value of a constant output is then this bias:

    bias'_k = bias_k + sum over constant c of total[k, c] * value(x_c)        value(y_k) = bias'_k

total[k, c] is the weight of a linear layer, or the sum of a kernel's R S weights in a convolution: a constant channel is a map
with one number everywhere, so every weight of the kernel multiplies this number. ReLU changes a value to max(value, 0), a scale
and shift to scale * value + shift, Normalize to (value - mean) / deviation; pooling does not change it, and Flatten copies it
to each position.

This does not hold for a padded convolution. A window at the border reads zeros instead of the map's number, so a constant adds
less there than inside, which no bias can express. So a constant input of a padded convolution is kept, and counted as varying,
unless it is 0, like the padding.

Backwards, from the logits: is a unit needed, that is, does a chain of weights lead from it to a logit?

    needed(logits) = true       needed(x_c) = varies(x_c) and any over k of reads[k, c] and needed(y_k)
                                needed(channel before Flatten) = any over its positions

A unit that several layers read is needed if one of them needs it. The sum y = a + b of a residual block:

    varies(y_c) = varies(a_c) or varies(b_c)        value(y_c) = value(a_c) + value(b_c)
    needed(a_c) = needed(y_c)                       needed(b_c) likewise
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from minisgl.nn import Conv2d, Flatten, Gather, Linear, Network, Normalize, ReLU, ScaleShift, Step
from minisgl.nn.step import IMAGE


@dataclass
class Liveness:
    """What is known of each step's output, by the step's name: arrays with one entry a unit."""

    varies: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[str, np.ndarray] = field(default_factory=dict)  # those of units that vary mean nothing
    needed: dict[str, np.ndarray] = field(default_factory=dict)
    biases: dict[str, np.ndarray] = field(default_factory=dict)  # bias' of each layer with weights, in float64
    inputs: dict[str, np.ndarray] = field(default_factory=dict)  # which of its inputs such a layer needs


def follow(network: Network, order: Sequence[Step]) -> Liveness:
    """Return what affects the logits of a network of these steps; layers that are not named here leave a constant unchanged."""
    found = Liveness()
    seen = _follow_the_image(network, order, found)
    _follow_the_logits(network, order, found, seen)
    return found


def _follow_the_image(network: Network, order: Sequence[Step], found: Liveness) -> dict[str, np.ndarray]:
    """Fill in `varies`, `values` and `biases`; return for each layer with weights which of its inputs count as varying."""
    channels, seen = network.input_shape[0], {}
    found.varies[IMAGE], found.values[IMAGE] = np.ones(channels, bool), np.zeros(channels)
    for step in order:
        layer, before = step.layer, step.reads[0]
        varies, value = found.varies[before], found.values[before]
        match layer:
            case _ if step.is_sum:
                varies, value = varies | found.varies[step.reads[1]], value + found.values[step.reads[1]]
            case Conv2d() | Linear():
                if isinstance(layer, Conv2d) and layer.padding:
                    varies = varies | (value != 0)
                seen[step.name] = varies
                total = by_pair(layer.weight).sum(axis=2, dtype=np.float64)  # (units out, units in)
                bias = np.zeros(len(total)) if layer.bias is None else layer.bias
                found.biases[step.name] = value = bias + total @ np.where(varies, 0, value)
                varies = (reads(layer) & varies).any(axis=1)
            case ScaleShift():
                value = layer.scale.astype(np.float64) * np.where(varies, 0, value) + layer.shift
                varies = varies & (layer.scale != 0)
            case Normalize():
                value = (value - layer.mean) / layer.deviation
            case ReLU():
                value = np.maximum(value, 0)
            case Flatten():
                positions = step.shape[0] // len(varies)
                varies, value = varies.repeat(positions), value.repeat(positions)
            case Gather():
                varies, value = varies[layer.index], value[layer.index]
        found.varies[step.name], found.values[step.name] = varies, value
    return seen


def _follow_the_logits(network: Network, order: Sequence[Step], found: Liveness, seen: dict[str, np.ndarray]) -> None:
    """Fill in `needed` and `inputs`; seen: which inputs of a layer with weights count as varying."""
    found.needed.update({name: np.zeros(len(varies), bool) for name, varies in found.varies.items()})
    found.needed[order[-1].name][:] = True
    for step in reversed(order):
        layer, needed = step.layer, found.needed[step.name]
        for before in step.reads:
            match layer:
                case Conv2d() | Linear():
                    reached = found.inputs[step.name] = seen[step.name] & reads(layer)[needed].any(axis=0)
                case ScaleShift():
                    reached = needed & found.varies[before] & (layer.scale != 0)
                case Flatten():
                    reached = needed.reshape(len(found.varies[before]), -1).any(axis=1)
                case Gather():
                    reached = np.isin(np.arange(len(found.varies[before])), layer.index[needed])
                case _:
                    reached = needed
            found.needed[before] |= reached


def by_pair(weight: np.ndarray) -> np.ndarray:
    """Return the weights as (units out, units in, n): n is R S for a convolution and 1 for a linear layer."""
    return weight.reshape(*weight.shape[:2], -1)


def reads(layer: Conv2d | Linear) -> np.ndarray:
    """Return reads[k, c] of the module's docstring, (units out, units in)."""
    return (by_pair(layer.weight) != 0).any(axis=2)
