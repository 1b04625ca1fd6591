"""A chain of layers: forward applies them in order, backward applies the chain rule in reverse.

    forward:   x -> layer 1 -> layer 2 -> ... -> logits           each layer leaves its cache on the tape
    backward:  dlogits -> ... -> layer 2 -> layer 1 -> dx         each layer takes its cache from the tape

Users' images are (N, C, H, W) and logits are (N, classes); the network turns the image index to the end once, at its
entry, and back once, at its exit.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from minisgl.backend import Array, get_array_module
from minisgl.nn.layers import Layer
from minisgl.nn.parameters import Layout
from minisgl.nn.workspace import Workspace

EVALUATION_BATCH = 100  # images a pass when only the logits are wanted

Tape = list[Any]


class Sequential:
    """Named layers over one flat parameter vector.

    `flat` (size,) holds all parameters, `weights` (n_weights,) is the view of its weight part, `layout` says which number
    is whose. `input_shape` is one image's (C, H, W). Raises ValueError when consecutive layers do not fit each other.
    """

    def __init__(self, layers: Mapping[str, Layer], input_shape: tuple[int, ...], flat: Array) -> None:
        self.input_shape = input_shape
        self.layout = self.plan(layers)
        if flat.shape != (self.layout.size,):
            raise ValueError(f"this network has {self.layout.size} parameters, and the vector's shape is {flat.shape}")
        self.flat = flat
        # the layers are copied, so that the same description may serve several vectors
        self.layers: dict[str, Layer] = {name: copy(layer) for name, layer in layers.items()}
        shape = input_shape
        for name, layer in self.layers.items():
            shape = layer.output_shape(shape)
            if layer.weight_shape:
                layer.weight = self.layout.weights[name].view(flat)
                layer.bias = self.layout.biases[name].view(flat)
        if len(shape) != 1:
            raise ValueError(f"a network ends in one number per class, and this one in maps {shape}: add Flatten and Linear")

    @staticmethod
    def plan(layers: Mapping[str, Layer]) -> Layout:
        """The layout of the layers' parameters."""
        shapes = {name: layer.weight_shape for name, layer in layers.items() if layer.weight_shape}
        return Layout(shapes, {name: shape[:1] for name, shape in shapes.items()})

    @property
    def weights(self) -> Array:
        """All weights (n_weights,), a view of `flat`."""
        return self.flat[: self.layout.n_weights]

    def with_flat(self, flat: Array) -> "Sequential":
        """The same layers over another parameter vector."""
        return Sequential(self.layers, self.input_shape, flat)

    def with_weights(self, weights: Array) -> "Sequential":
        """A network of its own with these weights (n_weights,) and a copy of this one's biases."""
        if weights.shape != self.weights.shape:
            raise ValueError(f"this network has {self.layout.n_weights} weights, and got an array {weights.shape}")
        flat = self.flat.copy()
        flat[: self.layout.n_weights] = weights
        return self.with_flat(flat)

    def forward(self, images: Array, workspace: Workspace | None = None) -> tuple[Array, Tape]:
        """Logits (N, classes) of images (N, C, H, W), and the tape for backward.

        With a workspace both are valid until its next forward.
        """
        if images.shape[1:] != self.input_shape:
            raise ValueError(f"the network wants images {self.input_shape} and got {tuple(images.shape[1:])}")
        ws = workspace or Workspace()
        x = ws.array(self, "x", (*self.input_shape, images.shape[0]), self.flat)  # (C, H, W, N)
        x[...] = get_array_module(images).moveaxis(images, 0, -1)
        tape: Tape = []
        for layer in self.layers.values():
            x, cache = layer.forward(x, ws)
            tape.append(cache)
        return x.T, tape

    def backward(
        self, dlogits: Array, tape: Tape, out: Array | None = None, input_gradient: bool = False
    ) -> tuple[Array, Array]:
        """The gradient (size,) in the layout of `flat`, and with input_gradient that of the images (N, C, H, W), else None.

        dlogits (N, classes) is the loss's gradient; the result is written into `out` when given.
        """
        xp = get_array_module(dlogits)
        gradient = xp.empty_like(self.flat) if out is None else out
        first = next(iter(self.layers))
        dy = xp.ascontiguousarray(dlogits.T)  # (classes, N)
        for (name, layer), cache in zip(reversed(self.layers.items()), reversed(tape), strict=True):
            into = None
            if layer.weight_shape:
                into = {
                    "weight": self.layout.weights[name].view(gradient),
                    "bias": self.layout.biases[name].view(gradient),
                }
            dy, _ = layer.backward(dy, cache, into, input_gradient or name != first)
        return gradient, xp.moveaxis(dy, -1, 0) if input_gradient else None
