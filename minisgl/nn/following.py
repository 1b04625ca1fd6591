"""Which layer reads the output of which: for each layer whose output only one other layer reads, the name of that layer.

In a chain each layer is read by the next one. A residual block, y = body(h) + shortcut(h) with h = before(x), branches twice:

    x     is read by the first layer of `before`; without any, by both branches
    h     is read by both branches
    y     is a sum, so it is not the output of any single layer

So in a pre-activation block, conv1 -> bn2 -> relu2 -> conv2, bn2 follows conv1 alone, and nothing follows conv2.
"""

from minisgl.nn.layer import Layer
from minisgl.nn.network import Network
from minisgl.nn.residual import Residual
from minisgl.nn.sequential import Sequential


def followers(network: Network) -> dict[str, str]:
    """Return, by full name, the leaf that alone reads a leaf's output; a leaf that is read by none or by several is left out.

    Nothing is known of what other composite layers than Sequential and Residual do with their input, their children and their
    output: their children have no followers outside themselves.
    """
    found: dict[str, str] = {}
    _follow(network.root, "", None, found)
    return found


def _follow(layer: Layer, name: str, last: str | None, found: dict[str, str]) -> str | None:
    """Add what is known inside the layer, and return the leaf whose output is the layer's output, if it is one leaf's alone.

    last: the leaf, if it is one, whose output only this layer reads.
    """
    # not isinstance: a subclass may branch in another way
    if type(layer) is Sequential:
        for key, child in layer.children.items():
            last = _follow(child, f"{name}.{key}" if name else key, last, found)
        return last
    if type(layer) is Residual:
        _follow(layer.part("before"), name, last, found)
        for branch in ("body", "shortcut"):
            _follow(layer.part(branch), name, None, found)
        return None
    if layer.children:
        for key, child in layer.children.items():
            _follow(child, f"{name}.{key}" if name else key, None, found)
        return None
    if last is not None:
        found[last] = name
    return name
