"""Which buffers of a network share memory. The results are the same, but a step needs less memory, and more of it is in cache.

Gradients. When a layer has computed its dx, its dy is not needed any more. So the layers of a chain write their dx into two
buffers in turn. A residual block needs its dy until both branches are done, so the branches use other buffers: the bodies of
all blocks share two, and the shortcuts share two.

Outputs. The backward passes of convolution, batch normalisation, pooling and Linear do not read the layer's output. So a ReLU
directly after such a layer overwrites its output. So does the sum of a residual block whose body ends with such a layer.

Outputs that are computed again. A batch normalisation before a convolution, or before the two branches of a block, writes to a
buffer that all of them share. In backward it computes its output again just before that is needed. So half of the maps need not
be kept. The shortcuts share a buffer for their outputs too: each is added to the body's output immediately.

This is done for trees of Sequential and Residual. Your own layers and their children have separate buffers.
"""

from itertools import pairwise

from minisgl.nn.average_pooling import AvgPool2d, GlobalAvgPool2d
from minisgl.nn.binary import Binary
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
WRITES_DX = {AvgPool2d, BatchNorm2d, Binary, Conv2d, GlobalAvgPool2d, Linear, MaxPool2d, Normalize, ReLU, ScaleShift}
OUTPUT_IS_FREE = {AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, ScaleShift}
SHARES_OUTPUT = {BatchNorm2d, Conv2d}


def share_memory(root: Layer) -> None:
    """Set `dx_owner`, `y_owner` and `overwrites` of the tree's layers, after fusion.py."""
    _reset(root)
    _share([root], "", 0)


def _reset(layer: Layer) -> None:
    """Undo the sharing: the layers may come from another network, in which they shared other buffers."""
    layer.dx_owner = layer.y_owner = None
    layer.overwrites = False
    for child in layer.children.values():
        _reset(child)


def _share(chain: list[Layer], place: str, turn: int) -> int:
    """Share the buffers of a chain. place: the name of a pair of buffers; turn: 0 or 1, which of them the next layer writes.

    Return the turn of the layer after the chain.
    """
    before: Layer | None = None
    for layer in chain:
        # not isinstance: a subclass may compute something else
        if type(layer) is Sequential:
            turn = _share(list(layer.children.values()), place, turn)
        elif type(layer) is Residual:
            turn = _share_block(layer, place, turn)
        elif type(layer) is ReLU:
            layer.overwrites = type(before) in OUTPUT_IS_FREE
        if not layer.is_taken and (type(layer) is Residual or type(layer) in WRITES_DX):
            layer.dx_owner, turn = (place, turn), 1 - turn
        before = layer
    _share_outputs(chain, place)
    return turn


def _share_block(block: Residual, place: str, turn: int) -> int:
    """Share the buffers of a residual block; see _share."""
    first, body, shortcut = (list(block.part(name).children.values()) for name in ("before", "body", "shortcut"))
    turn = _share(first, place, turn)
    _share(body, f"{place}/body", 0)
    _share(shortcut, f"{place}/shortcut", 0)
    _share_outputs(first, place, at_end=True)
    if shortcut and type(shortcut[-1]) in SHARES_OUTPUT:
        shortcut[-1].y_owner = f"{place}/shortcut, output"
    block.overwrites = bool(body) and type(body[-1]) in OUTPUT_IS_FREE
    return turn


def _share_outputs(chain: list[Layer], place: str, at_end: bool = False) -> None:
    """Set `y_owner` of each batch normalisation that a convolution reads; at_end: also of one at the end of the chain."""
    working = [*(layer for layer in chain if not layer.is_taken), None]
    for layer, reader in pairwise(working):
        if type(layer) is BatchNorm2d and (type(reader) is Conv2d or (at_end and reader is None)):
            layer.y_owner = f"{place}/output"
