"""A network as a list of steps: the order in which it is computed, and what each step reads.

A step is a leaf, or the sum of a residual block. It reads outputs of earlier steps, which have the steps' names:

    leaf    y = leaf(x)                                   reads (x,)
    sum     y = body(h) + shortcut(h)                     reads (end of the body, end of the shortcut)

The image is named "". In a chain each step reads the one before. A block with the identity as its shortcut reads its h again:

    bn1  reads x        ...        conv2  reads relu2        sum  reads conv2 and x

Code that follows a network's order (shapes, FLOPs, dead channels, other formats) is then a loop over the steps, forwards or
backwards.
"""

from dataclasses import dataclass

from minisgl.errors import MinisglError
from minisgl.nn.layer import Layer
from minisgl.nn.network import Network
from minisgl.nn.residual import Residual
from minisgl.nn.sequential import Sequential

IMAGE = ""  # the name of the network's input


@dataclass(frozen=True)
class Step:
    """One step: the full name of a leaf or of a residual block, that layer, what it reads, and one image's output shape."""

    name: str
    layer: Layer
    reads: tuple[str, ...]
    shape: tuple[int, ...]

    @property
    def is_sum(self) -> bool:
        """Whether it is the sum of a residual block."""
        return type(self.layer) is Residual


def steps(network: Network) -> list[Step]:
    """Return the steps in the order of computation. The last one's output is the logits.

    MinisglError, which names the layer, for a composite layer that is neither a Sequential nor a Residual.
    """
    found: dict[str, Step] = {}

    def shape_of(value: str) -> tuple[int, ...]:
        return found[value].shape if value else network.input_shape

    def add(name: str, layer: Layer, reads: tuple[str, ...], shape: tuple[int, ...]) -> str:
        found[name] = Step(name, layer, reads, shape)
        return name

    def follow(layer: Layer, name: str, value: str) -> str:
        """Add the layer's steps, and return the name of its output. value: the name of its input."""
        # not isinstance: a subclass may compute something else
        if type(layer) is Sequential:
            for key, child in layer.children.items():
                value = follow(child, f"{name}.{key}" if name else key, value)
            return value
        if type(layer) is Residual:
            h = follow(layer.part("before"), name, value)
            ends = follow(layer.part("body"), name, h), follow(layer.part("shortcut"), name, h)
            return add(name, layer, ends, shape_of(ends[0]))
        if layer.children:
            raise not_a_tree(name, layer)
        return add(name, layer, (value,), layer.output_shape(shape_of(value)))

    follow(network.root, "", IMAGE)
    return list(found.values())


def not_a_tree(name: str, layer: Layer) -> MinisglError:
    """Return the error for a composite layer whose order of computation is not known."""
    return MinisglError(f"{name} is a {type(layer).__name__}: this needs a network that is a tree of Sequential and Residual")
