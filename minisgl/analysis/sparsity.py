"""Zero weights, dead units, and the arithmetic that remains without them.

A unit (an output channel of a convolution, an input neuron of a linear layer) is dead when all of its weights are exactly
zero. The network without its dead units costs

    convolution   P * Q * (C_alive * R * S * K_alive + K_alive)          linear   D_in_alive * D_out_alive + D_out_alive

FLOPs (flops.py): a layer's live outputs are the next layer's live inputs. Only the first linear layer counts its own live
inputs, since single pixels of a live convolution channel may be dead. Biases are not counted among the weights.

Zeros and units are counted in any network. FLOPs depend on the order of the layers, so they are counted only for a chain of
layers that flops.py knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minisgl.analysis.flops import layer_flops
from minisgl.backend import Array, get_array_module, to_host
from minisgl.errors import MinisglError
from minisgl.nn import Conv2d, Linear, Network


@dataclass(frozen=True)
class LayerCount:
    """One layer's weights and units, and the FLOPs of its live part (None if unknown)."""

    weights: int
    zero_weights: int
    units: int
    dead_units: int
    flops: int | None


def live_units(network: Network) -> dict[str, int]:
    """Return for each layer how many units have a weight that is not zero. The network must be on the host."""
    counts = {}
    for name, slot in network.layout.weights.items():
        weight = slot.view(network.flat)
        others = tuple(axis for axis in range(weight.ndim) if axis != slot.unit_axis)
        counts[name] = int(np.count_nonzero(np.any(weight != 0, axis=others)))
    return counts


def live_flops(network: Network) -> dict[str, int]:
    """Return the FLOPs of each layer's live part, by layer name. The network must be on the host.

    MinisglError, which names the layer, if the network branches or a layer's FLOPs are unknown.
    """
    live, flops = live_units(network), {}
    chain = network.chain()
    linear = [name for name, layer in chain if isinstance(layer, Linear)]
    shape = network.input_shape
    channels = shape[0]  # live channels that reach the next convolution
    for name, layer in chain:
        shape = layer.output_shape(shape)
        inputs = outputs = 0
        if isinstance(layer, Linear):
            following = linear[linear.index(name) + 1 :]
            inputs, outputs = live[name], live[following[0]] if following else shape[0]
        elif isinstance(layer, Conv2d):
            inputs, outputs = channels, live[name]
            channels = live[name]
        count = layer_flops(name, layer, shape, inputs, outputs).total
        if name in live:
            flops[name] = count
    return flops


def count(network: Network) -> dict[str, LayerCount]:
    """Return the counts of every layer with weights, by name."""
    network = network.with_flat(to_host(network.flat))
    live = live_units(network)
    try:
        flops: Mapping[str, int | None] = live_flops(network)
    except MinisglError:
        flops = dict.fromkeys(live)
    counts: dict[str, LayerCount] = {}
    for name, slot in network.layout.weights.items():
        weight, units = slot.view(network.flat), slot.shape[slot.unit_axis]
        zeros = weight.size - int(np.count_nonzero(weight))
        counts[name] = LayerCount(weight.size, zeros, units, units - live[name], flops[name])
    return counts


def empty_layers(counts: Mapping[str, LayerCount]) -> list[str]:
    """Return the layers without a nonzero weight, if the network is a chain of known layers: then its logits are constant."""
    return [name for name, layer in counts.items() if layer.zero_weights == layer.weights and layer.flops is not None]


def flops_unknown_reason(network: Network) -> str | None:
    """Return why `count` gives no FLOPs, with the layer's name; None if it does."""
    try:
        live_flops(network.with_flat(to_host(network.flat)))
    except MinisglError as error:
        return str(error)
    return None


def weight_sparsity(weights: Array) -> float:
    """Return the percentage of exact zeros among the weights (any shape); 0 if there are no weights."""
    return 100.0 * (1 - int(to_host(get_array_module(weights).count_nonzero(weights))) / weights.size) if weights.size else 0.0


def unit_sparsity(counts: Mapping[str, LayerCount]) -> float:
    """Return the percentage of dead units among the units of all layers; 0 if there are no units."""
    units = sum(c.units for c in counts.values())
    return 100.0 * sum(c.dead_units for c in counts.values()) / units if units else 0.0
