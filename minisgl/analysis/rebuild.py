"""A network with some of its layers replaced, and its numbers given by name.

Layers that stay keep their full names. A Sequential that has become empty is removed.
"""

from collections.abc import Callable, Mapping

import numpy as np

from minisgl.nn import Layer, Network, Residual, Sequential
from minisgl.nn.step import not_a_tree

# Takes the full name and the leaf, or the residual block whose layers are already replaced; returns its replacement, by key.
Change = Callable[[str, Layer], Mapping[str, Layer]]


def rebuild(network: Network, change: Change) -> dict[str, Layer]:
    """Return the layers at the top of the new tree.

    MinisglError, which names the layer, for a composite layer that is neither a Sequential nor a Residual.
    """
    return _children(network.root, "", change)


def key_of(name: str) -> str:
    """Return the last part of a full name."""
    return name.rpartition(".")[2]


def with_arrays(layers: Mapping[str, Layer], like: Network, arrays: Mapping[str, np.ndarray]) -> Network:
    """Return a network of these layers for the images of `like` and of its dtype; arrays: the parameters by full name."""
    layout = Network.plan(layers)
    flat = np.empty(layout.size, like.flat.dtype)
    for slot in layout.slots:
        slot.view(flat)[...] = arrays[slot.name]
    return Network(layers, like.input_shape, flat)


def _children(layer: Layer, name: str, change: Change) -> dict[str, Layer]:
    found: dict[str, Layer] = {}
    for key, child in layer.children.items():
        found |= _replaced(child, f"{name}.{key}" if name else key, change)
    return found


def _replaced(layer: Layer, name: str, change: Change) -> Mapping[str, Layer]:
    # not isinstance: a subclass may compute something else
    if type(layer) is Sequential:
        children = _children(layer, name, change)
        return {key_of(name): Sequential(children)} if children else {}
    if type(layer) is Residual:
        return change(name, Residual(*(_children(layer.part(part), name, change) for part in ("body", "shortcut", "before"))))
    if layer.children:
        raise not_a_tree(name, layer)
    return change(name, layer)
