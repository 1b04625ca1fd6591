"""Which buffers of a network share memory. It needs less then, and finds more of it in the cache; the bytes are the same.

Gradients. When a layer has computed its dx, nobody reads its dy any more. So the layers of a chain write their dx into two
buffers in turn. A residual block needs its dy until both branches are done, so each branch has two buffers of its own, which
all blocks share.

Outputs. The backward passes of convolution, batch normalisation, pooling and Linear do not read the layer's output. So a ReLU
that follows directly overwrites it, and so does the sum of a residual block whose body ends with such a layer. Batch
normalisation takes over the ReLU after it, and spares two passes over the maps each way (norm.py).

This is done for trees of Sequential and Residual. Your own layers, and whatever they are made of, keep buffers of their own.
"""

from collections.abc import Iterable

from minisgl.nn.average_pooling import AvgPool2d, GlobalAvgPool2d
from minisgl.nn.conv import Conv2d
from minisgl.nn.layer import Layer
from minisgl.nn.layers import Linear, ReLU
from minisgl.nn.norm import BatchNorm2d
from minisgl.nn.normalize import Normalize
from minisgl.nn.pooling import MaxPool2d
from minisgl.nn.residual import Residual
from minisgl.nn.scale import ScaleShift
from minisgl.nn.sequential import Sequential

# Flatten, Dropout and Gather are in neither list: their dx may be a view of dy, and their output a view of their input.
WRITES_DX = {AvgPool2d, BatchNorm2d, Conv2d, GlobalAvgPool2d, Linear, MaxPool2d, Normalize, ReLU, ScaleShift}
OUTPUT_IS_FREE = {AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, ScaleShift}


def share_memory(root: Layer) -> None:
    """Set `dx_owner`, `overwrites`, `takes_relu` and `is_taken` of the tree's layers."""
    _reset(root)
    _share([root], "", 0)


def _reset(layer: Layer) -> None:
    """Remove what another network may have set: layers can be taken from one network and put into the next."""
    layer.dx_owner, layer.overwrites = None, False
    if isinstance(layer, BatchNorm2d):
        layer.takes_relu = False
    if isinstance(layer, ReLU):
        layer.is_taken = False
    for child in layer.children.values():
        _reset(child)


def _share(chain: Iterable[Layer], place: str, turn: int) -> int:
    """Do so for layers that follow each other; place: which pair of buffers, turn: which of the two comes next. Return that."""
    before: Layer | None = None
    for layer in chain:
        # not isinstance: a subclass may compute something else
        if type(layer) is Sequential:
            turn = _share(layer.children.values(), place, turn)
        elif type(layer) is Residual:
            turn = _share(layer.part("before").children.values(), place, turn)
            for name in ("body", "shortcut"):
                _share(layer.part(name).children.values(), f"{place}/{name}", 0)
            body = list(layer.part("body").children.values())
            layer.overwrites = bool(body) and type(body[-1]) in OUTPUT_IS_FREE
        elif type(layer) is ReLU:
            layer.overwrites = type(before) in OUTPUT_IS_FREE
            if type(before) is BatchNorm2d:
                before.takes_relu = layer.is_taken = True
        is_passive = type(layer) is ReLU and layer.is_taken
        if not is_passive and (type(layer) is Residual or type(layer) in WRITES_DX):
            layer.dx_owner, turn = (place, turn), 1 - turn
        before = layer
    return turn
