"""The interface of a layer: its shapes, its parameters, a forward pass, and a backward pass by the chain rule.

A layer is a function y = f(x; parameters). Its backward answers one question: if the loss changes by sum(dy * change of y),
how does it change with x and with each parameter? Every layer has the same two calls:

    y, cache  = layer.forward(x)
    dx, grads = layer.backward(dy, cache)

A layer stores its shapes and its parameters, but nothing of a pass: the cache holds what backward needs. So a pass can be
repeated, and two threads can run different images through the same layer at once.

Shapes, image index last: maps (C, H, W, N), vectors (D, N); see minisgl.nn.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.kernels import has_kernels
from minisgl.nn.parameters import Parameter
from minisgl.nn.workspace import Workspace

# Of a single layer: {"weight": dweight, ...}. Of a composite layer: {"conv1": {"weight": dweight, ...}, ...}.
Gradients = Mapping[str, Any]


class Layer(ABC):
    """A single layer, or a composite of several.

    `parameters` declares its arrays; the network assigns each array to the attribute named by the parameter's key. A composite
    layer has `children`, by name, and no parameters of its own. `random` says that forward draws random numbers in training.
    docs/your-own-network.md shows how to write a layer.
    """

    parameters: tuple[Parameter, ...] = ()
    children: Mapping[str, "Layer"] = MappingProxyType({})
    random: bool = False
    dx_owner: Hashable | None = None  # whose buffer dx is written to (memory.py); None for a separate one
    y_owner: Hashable | None = None  # the same for the output
    is_taken: bool = False  # whether the layer before has done this one's work, in a pass with a workspace: fusion.py
    overwrites: bool = False  # whether forward, with a workspace, may overwrite an input that nobody else reads: memory.py

    def dx_array(self, ws: Workspace, shape: tuple[int, ...], like: Array) -> Array:
        """Return an uninitialised array for dx."""
        return ws.array(self.dx_owner or self, "dx", shape, like)

    def y_array(self, ws: Workspace, shape: tuple[int, ...], like: Array) -> Array:
        """Return an uninitialised array for the output. Only convolution and batch normalisation may share it."""
        return ws.array(self.y_owner or self, "y", shape, like)

    def recompute(self, cache: Any) -> None:  # noqa: B027 (most layers have an output of their own)
        """Write forward's output again, if its memory is shared: memory.py."""

    def settings(self) -> dict[str, Any]:
        """Return the arguments that rebuild an equal layer, type(layer)(**settings), as JSON values, saved with a network."""
        return {}

    @abstractmethod
    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one image's output (no N) for the shape of its input. ValueError if that does not fit."""

    @abstractmethod
    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        """Return the output and the cache that backward needs; buffers come from the workspace, or are new without one.

        training: for layers that behave differently in training. rng: for layers that then draw random numbers; None if no
        layer of the network does.
        """

    @abstractmethod
    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        """Return dx (None without input_gradient) and the parameters' gradients, written into `out` if given."""


def is_fused(x: Array, workspace: Workspace | None, training: bool) -> bool:
    """Whether convolution and pooling are one computation in a pass: in training, with a workspace, unless on a GPU."""
    return training and workspace is not None and not has_kernels(x)


def require_sizes(what: str, **sizes: Any) -> None:
    """Raise ValueError unless each of the sizes, by name, is a whole number >= 1."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
            raise ValueError(f"the sizes of {what} must be whole numbers >= 1, and {name} is {size!r}")


def gradients(layer: Layer, out: Gradients | None) -> Gradients:
    """Return the arrays for the gradients of a layer's own parameters: the caller's, or new ones."""
    if out is not None:
        return out
    arrays = {parameter.key: getattr(layer, parameter.key) for parameter in layer.parameters}
    return {key: get_array_module(array).empty_like(array) for key, array in arrays.items()}
