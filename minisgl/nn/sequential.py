"""Layers one after the other. Sequential is a layer like any other, so networks are trees.

forward:   x -> child 1 -> child 2 -> ... -> y           each child returns its cache
backward:  dy -> ... -> child 2 -> child 1 -> dx         the chain rule, in reverse; each child gets its cache back
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minisgl.backend import Array
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.workspace import Workspace


def require_names(layers: Mapping[str, Layer]) -> None:
    """Raise ValueError for an empty name or one with a dot: dots join the full names."""
    if bad := [name for name in layers if not name or "." in name]:
        raise ValueError(f"a layer's name must not be empty or have a dot, but is {bad[0]!r}")


def has_parameters(layer: Layer) -> bool:
    """Return whether the layer, or one that it is made of, has parameters."""
    return bool(layer.parameters) or any(map(has_parameters, layer.children.values()))


class Sequential(Layer):
    """Named layers, one after the other. ValueError for an empty name or one with a dot: dots join the full names."""

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        require_names(layers)
        self.children = dict(layers)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for layer in self.children.values():
            shape = layer.output_shape(shape)
        return shape

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        caches = []
        for layer in self.children.values():
            x, cache = layer.forward(x, workspace, training, rng)
            caches.append(cache)
        return x, caches

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        grads: dict[str, Any] = {}
        layers = list(self.children.items())
        # a layer's input gradient is needed only for the parameters of the layers before it, or by the caller
        first = 0 if input_gradient else next((i for i, (_, layer) in enumerate(layers) if has_parameters(layer)), len(layers))
        for i in reversed(range(len(layers))):
            name, layer = layers[i]
            if i < first:
                dy, grads[name] = None, {}
            else:
                layer_out = None if out is None else out.get(name)
                if not layer.is_taken:  # otherwise it has been written for the layer after
                    self.recompute(cache, i)
                dy, grads[name] = layer.backward(dy, cache[i], layer_out, input_gradient or i > first)
        return dy, grads

    def recompute(self, cache: Any, stop: int | None = None) -> None:
        """Compute the input of layer number `stop` (None: the output) again, if its memory is shared."""
        layers = list(self.children.values())[:stop]
        while layers and layers[-1].is_taken:
            layers.pop()
        if layers:
            layers[-1].recompute(cache[len(layers) - 1])
