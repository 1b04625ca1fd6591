"""What a network asks of a layer: its shapes and parameters, one pass forward, and one backward by the chain rule.

A layer is a function y = f(x; parameters). Its backward answers one question: if the loss changes by sum(dy * change of y),
how does it change with x and with each parameter? Every layer keeps to the same two calls:

    y, cache  = layer.forward(x)
    dx, grads = layer.backward(dy, cache)

A layer holds its shapes and its parameters, never a pass: what backward needs travels in the cache. Nothing goes stale, a
pass can be repeated, and two threads can run different images through the same layer at once.

Shapes, image index last: maps (C, H, W, N), vectors (D, N); see minisgl.nn.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.nn.parameters import Parameter
from minisgl.nn.workspace import Workspace

# Of a layer: {"weight": dweight, ...}. Of a layer made of others: {"conv1": {"weight": dweight, ...}, ...}.
Gradients = Mapping[str, Any]


class Layer(ABC):
    """One layer, or several joined into one.

    `parameters` are what it declares; the network sets an attribute of each one's key to the array. A layer made of others
    names them in `children`, and has no parameters of its own. docs/your-own-network.md shows a layer of one's own.
    """

    parameters: tuple[Parameter, ...] = ()
    children: Mapping[str, "Layer"] = MappingProxyType({})

    def settings(self) -> dict[str, Any]:
        """What makes an equal layer, as JSON values: type(layer)(**settings). It is saved with a network."""
        return {}

    @abstractmethod
    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one image's output, from the shape of one image's input (no N). ValueError if they don't fit."""

    @abstractmethod
    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        """Return the output and the cache that backward needs; buffers come from the workspace, fresh ones without it.

        training, rng: for layers that work differently in training, and for those that draw random numbers then.
        """

    @abstractmethod
    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        """Return dx (None without input_gradient) and the parameters' gradients, written into `out` when given."""


def require_sizes(what: str, **sizes: Any) -> None:
    """Raise ValueError unless each of the sizes, by name, is a whole number >= 1."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"{what} has whole numbers >= 1 as its sizes, and got {name} = {size!r}")


def gradients(layer: Layer, out: Gradients | None) -> Gradients:
    """Where the gradients of a layer's own parameters go: the caller's arrays, or new ones."""
    if out is not None:
        return out
    arrays = {parameter.key: getattr(layer, parameter.key) for parameter in layer.parameters}
    return {key: get_array_module(array).empty_like(array) for key, array in arrays.items()}
