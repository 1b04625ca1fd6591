"""Layers that do the work of the next one as well, while the numbers are in the core's cache.

    batch normalisation and a ReLU directly after it              norm.py; the same results
    a 5 x 5 convolution and 2 x 2 max-pooling directly after it   im2col_pooled.py, winograd_pooled.py; rounding differs

The second layer then returns its input unchanged, and in backward the gradient. For ReLU this holds in passes with a workspace,
for pooling in those of training, except on a GPU. A layer that is called alone, without a workspace, does its own work. Your
own layers and their children are not changed.
"""

from collections.abc import Iterable

from minisgl.nn.conv import Conv2d
from minisgl.nn.layer import Layer
from minisgl.nn.layers import ReLU
from minisgl.nn.norm import BatchNorm2d
from minisgl.nn.pooling import MaxPool2d
from minisgl.nn.residual import Residual
from minisgl.nn.sequential import Sequential


def fuse(root: Layer) -> None:
    """Set `takes_relu`, `takes_pool` and `is_taken` of the tree's layers."""
    _reset(root)
    _fuse([root])


def _reset(layer: Layer) -> None:
    """Remove what another network may have set: layers can be taken from one network and put into the next."""
    layer.is_taken = False
    if isinstance(layer, BatchNorm2d):
        layer.takes_relu = False
    if isinstance(layer, Conv2d):
        layer.takes_pool = None
    for child in layer.children.values():
        _reset(child)


def _fuse(chain: Iterable[Layer]) -> None:
    """Fuse the layers of a chain."""
    before: Layer | None = None
    for layer in chain:
        # not isinstance: a subclass may compute something else
        if type(layer) is Sequential:
            _fuse(layer.children.values())
        elif type(layer) is Residual:
            for part in ("before", "body", "shortcut"):
                _fuse(layer.part(part).children.values())
        elif type(layer) is ReLU and type(before) is BatchNorm2d:
            before.takes_relu = layer.is_taken = True
        elif type(layer) is MaxPool2d and type(before) is Conv2d and before.can_take(layer):
            before.takes_pool, layer.is_taken = layer, True
        before = layer
