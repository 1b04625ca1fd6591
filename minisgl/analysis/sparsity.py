"""Zero weights, dead units, and the arithmetic that remains without them.

A unit (an output channel of a convolution, an input neuron of a linear layer) is dead when all of its weights are exactly
zero. The network without its dead units costs

    convolution   P * Q * (C_alive * R * S * K_alive + K_alive)          linear   D_in_alive * D_out_alive + D_out_alive

FLOPs (flops.py): a layer's live outputs are the next layer's live inputs. A channel of a residual block's sum lives if it lives
in either branch. Only a linear layer counts its own live inputs, since single pixels of a live convolution channel may be dead.
Biases are not counted among the weights.

Zeros and units are counted in any network. FLOPs depend on the order of the layers, so they are counted only for trees of
Sequential and Residual with layers that flops.py knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from minisgl.analysis.flops import layer_flops
from minisgl.backend import Array, get_array_module, to_host
from minisgl.errors import MinisglError
from minisgl.nn import Conv2d, Gather, Linear, Network, Step, steps
from minisgl.nn.step import IMAGE


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

    MinisglError, which names the layer, if the network is not a tree of Sequential and Residual or a layer's FLOPs are unknown.
    """
    live, flops, order = live_units(network), {}, steps(network)
    channels, read = _live_channels(network, order), _read_entries(network, order)
    for step in order:
        inputs = outputs = 0
        if isinstance(step.layer, Linear):
            inputs, outputs = live[step.name], int(read[step.name].sum())
        elif isinstance(step.layer, Conv2d):
            inputs, outputs = int(channels[step.reads[0]].sum()), live[step.name]
        count = layer_flops(step.name, step.layer, step.shape, inputs, outputs).total
        if step.name in live:
            flops[step.name] = count
    return flops


def _live_channels(network: Network, order: list[Step]) -> dict[str, np.ndarray]:
    """Return which channels of each step's output live, (C,): those of a convolution's live units, in any branch of a sum."""
    channels: dict[str, np.ndarray] = {IMAGE: np.ones(network.input_shape[0], bool)}
    for step in order:
        before = [channels[name] for name in step.reads]
        if step.is_sum:
            channels[step.name] = before[0] | before[1]
        elif isinstance(step.layer, Conv2d):
            channels[step.name] = (step.layer.weight != 0).any(axis=(1, 2, 3))
        else:
            same = len(before[0]) == step.shape[0]
            channels[step.name] = before[0] if same else np.ones(step.shape[0], bool)
    return channels


def _read_entries(network: Network, order: list[Step]) -> dict[str, np.ndarray]:
    """Return which entries of each step's output, (C,) or (D,), are live inputs of a linear layer or logits, or may be."""
    shapes = {IMAGE: network.input_shape} | {step.name: step.shape for step in order}
    read = {name: np.zeros(shape[0], bool) for name, shape in shapes.items()}
    read[order[-1].name][:] = True
    for step in reversed(order):
        for name in step.reads:
            if isinstance(step.layer, Linear):
                read[name] |= (step.layer.weight != 0).any(axis=0)
            elif isinstance(step.layer, Gather):
                read[name][step.layer.index[read[step.name]]] = True
            elif shapes[name][0] == step.shape[0]:
                read[name] |= read[step.name]
            else:
                read[name][:] = True
    return read


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


def empty_layers(network: Network, counts: Mapping[str, LayerCount]) -> list[str]:
    """Return the layers without a nonzero weight, if the network is a chain of known layers: then its logits are constant."""
    try:
        network.chain()
    except MinisglError:
        return []
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
