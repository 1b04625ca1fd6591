"""What is zero: weights, units, and the arithmetic that is left.

A unit (an output channel of a convolution, an input neuron of a linear layer) is dead when all of its weights are exactly
zero. The network without its dead units costs

    convolution   P * Q * (C_alive * R * S * K_alive + K_alive)          linear   D_in_alive * D_out_alive + D_out_alive

multiply-adds plus bias additions (the convention of Tang, Adhikari, Lin, arXiv 1811.03060, table 1): a layer's live outputs are
the next layer's live inputs, except that fc1 counts its own live inputs, since single pixels of a live conv2 channel may be
dead. Biases are not counted among the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minisgl.backend import Array, get_array_module, to_host
from minisgl.nn import Sequential


@dataclass(frozen=True)
class LayerCount:
    """One layer's weights and units, and the FLOPs of its live part."""

    weights: int
    zero_weights: int
    units: int
    dead_units: int
    flops: int


def live_units(network: Sequential) -> dict[str, int]:
    """How many units of each layer have a weight that is not zero; the network lies on the host."""
    counts = {}
    for name, slot in network.layout.weights.items():
        weight, axis = slot.view(network.flat), network.layers[name].unit_axis
        others = tuple(a for a in range(weight.ndim) if a != axis)
        counts[name] = int(np.count_nonzero(np.any(weight != 0, axis=others)))
    return counts


def count(network: Sequential) -> dict[str, LayerCount]:
    """The counts of every layer that has weights, by its name."""
    network = network.with_flat(to_host(network.flat))
    live = live_units(network)
    linear = [name for name in live if network.layers[name].unit_axis == 1]
    counts: dict[str, LayerCount] = {}
    shape = network.input_shape
    channels = shape[0]  # live channels that reach the next convolution
    for name, layer in network.layers.items():
        shape = layer.output_shape(shape)
        if not layer.weight_shape:
            continue
        weight = layer.weight
        if name in linear:
            following = linear[linear.index(name) + 1 :]
            outputs = live[following[0]] if following else weight.shape[0]
            flops = live[name] * outputs + outputs
        else:
            R, S = weight.shape[2:]
            flops = shape[1] * shape[2] * (channels * R * S * live[name] + live[name])
            channels = live[name]
        units = weight.shape[layer.unit_axis]
        zeros = weight.size - int(np.count_nonzero(weight))
        counts[name] = LayerCount(weight.size, zeros, units, units - live[name], flops)
    return counts


def weight_sparsity(weights: Array) -> float:
    """Percent of exact zeros among the weights, any shape."""
    return 100.0 * (1 - int(to_host(get_array_module(weights).count_nonzero(weights))) / weights.size)


def unit_sparsity(counts: Mapping[str, LayerCount]) -> float:
    """Percent of dead units among the units of all layers."""
    return 100.0 * sum(c.dead_units for c in counts.values()) / sum(c.units for c in counts.values())
