"""Known mistakes in a receptive field, the number of pixels that a unit sees, each by the sentence that names it."""

from collections.abc import Callable
from math import prod

Layers = list[tuple[int, int]]  # kernel and stride


def _forward(layers: Layers, start: int = 1, overlap: int = 1, late: bool = True) -> int:
    """The rule, with mistakes: where it starts, what it subtracts from a window, and whether a stride acts only later."""
    field, apart = start, 1
    for kernel, stride in layers:
        field += (kernel - overlap) * (apart if late else apart * stride)
        apart *= stride
    return field


def _strides_added(layers: Layers) -> int:
    strides = [0, *(stride for _, stride in layers)]
    return 1 + sum((kernel - 1) * max(sum(strides[: i + 1]), 1) for i, (kernel, _) in enumerate(layers))


def _last_stride(layers: Layers) -> int:
    strides = [1, *(stride for _, stride in layers)]
    return 1 + sum((kernel - 1) * strides[i] for i, (kernel, _) in enumerate(layers))


def _backwards(layers: Layers) -> int:
    field = 1
    for kernel, stride in layers:
        field = (field - 1) * stride + kernel
    return field


RECEPTIVE_FIELD: dict[str, Callable[[Layers], int]] = {
    "you treat all strides as 1. After a stride of 2, how many pixels are neighbours apart?": lambda layers: (
        1 + sum(kernel - 1 for kernel, _ in layers)
    ),
    "a layer's own stride comes too early: it determines how far apart its units are, not what each of them sees.": (
        lambda layers: _forward(layers, late=False)
    ),
    "the first unit of each window is counted twice: by how many units does a window of k reach beyond one?": (
        lambda layers: _forward(layers, overlap=0)
    ),
    "a whole window is added for each layer. A unit of the layer before is in it already.": lambda layers: _forward(
        layers, start=0, overlap=0
    ),
    "one is missing: without any layer, a unit is a pixel, and sees itself.": lambda layers: _forward(layers, start=0),
    "strides are added up. Behind two strides of 3, a step is a step of 3 steps of 3 pixels.": _strides_added,
    "only the stride of the layer just before is in it: its steps are made of earlier ones.": _last_stride,
    "your rule starts at the wrong end: it is right for the layers in the opposite order.": _backwards,
    "that is how far apart two neighbours are: how many pixels does one of them see?": lambda layers: prod(
        stride for _, stride in layers
    ),
    "you add up the windows. The windows of one layer overlap: how many pixels does each add?": lambda layers: sum(
        kernel for kernel, _ in layers
    ),
    "the last layer is not counted.": lambda layers: _forward(layers[:-1]),
}
