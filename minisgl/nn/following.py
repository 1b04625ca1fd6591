"""Followers: if the output of a layer is read by exactly one other layer, that layer is its follower.

In a chain the follower is the next layer. A residual block, y = body(h) + shortcut(h) with h = before(x), has two branches:

    x     is read by the first layer of `before`; if that is empty, by both branches
    h     is read by both branches
    y     is a sum, so it is not the output of any single layer

So in a pre-activation block, conv1 -> bn2 -> relu2 -> conv2, the follower of conv1 is bn2, and conv2 has none.
"""

from minisgl.nn.layer import Layer
from minisgl.nn.network import Network
from minisgl.nn.residual import Residual
from minisgl.nn.sequential import Sequential


def followers(network: Network) -> dict[str, str]:
    """Return the name of each leaf's follower by the leaf's name, both full. Leaves without a follower are left out.

    A composite layer that is neither a Sequential nor a Residual may do anything with its children, so a follower is only
    looked for within each of them.
    """
    found: dict[str, str] = {}
    _follow(network.root, "", None, found)
    return found


def _follow(layer: Layer, name: str, last: str | None, found: dict[str, str]) -> str | None:
    """Add the followers inside the layer. Return the leaf whose output is the layer's output; None if it is no single leaf's.

    last: the leaf whose output only this layer reads, if there is one.
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
