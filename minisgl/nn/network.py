"""A network: a tree of named layers over one flat parameter vector.

A Network is a Sequential that ends in logits, and owns the flat vector. Outside it, images are (N, C, H, W) and logits are
(N, classes): the network moves the image index to the end once, at its input, and back once, at its output.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minisgl.backend import Array, get_array_module
from minisgl.errors import MinisglError
from minisgl.kernels import Formula, has_kernels
from minisgl.nn.fusion import fuse
from minisgl.nn.layer import Layer
from minisgl.nn.memory import share_memory
from minisgl.nn.parameters import MOMENTUM, Layout
from minisgl.nn.sequential import Sequential
from minisgl.nn.workspace import Workspace

EVALUATION_BATCH = 100  # images per pass when only the logits are needed
MOVE_BUFFERS = Formula("move_buffers", "T batch, T momentum", "T running", "running = running + momentum * (batch - running);")

Tape = Any


def walk(layer: Layer, name: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield the full name and layer of every leaf of the tree below `layer`, in the order of its children.

    ValueError if a composite layer has parameters of its own: they must belong to one of its children.
    """
    if not layer.children:
        yield name, layer
    elif layer.parameters:
        raise ValueError(f"{name or 'the network'} is made of other layers: its parameters must belong to one of them")
    for key, child in layer.children.items():
        yield from walk(child, f"{name}.{key}" if name else key)


def map_leaves(layer: Layer, change: Callable[[str, Layer], Layer], name: str = "") -> Layer:
    """Return a copy of the tree below `layer` with each leaf replaced by change(full name, leaf)."""
    if not layer.children:
        return change(name, layer)
    new = copy(layer)
    new.children = {key: map_leaves(child, change, f"{name}.{key}" if name else key) for key, child in layer.children.items()}
    return new


class Network:
    """A tree of layers over one flat parameter vector.

    `flat` (size,) holds all parameters, `weights` (n_weights,) is the view of its weight part, `layout` says where each
    parameter is in it. `input_shape` is one image's (C, H, W), `classes` the number of logits, and `random` whether a layer
    draws random numbers in training. ValueError if the layers do not fit each other.
    """

    def __init__(self, layers: Mapping[str, Layer], input_shape: tuple[int, ...], flat: Array) -> None:
        self.input_shape = tuple(input_shape)
        self.layout = self.plan(layers)
        if flat.shape != (self.layout.size,):
            raise ValueError(f"this network has {self.layout.size} parameters, but the vector's shape is {flat.shape}")
        self.flat = flat
        self.root = map_leaves(Sequential(layers), self._with_views)
        fuse(self.root)
        share_memory(self.root)
        shape = self.root.output_shape(self.input_shape)
        if len(shape) != 1:
            raise ValueError(f"a network must end in one number per class, not in maps {shape}: add Flatten and Linear")
        (self.classes,) = shape
        self.random = any(leaf.random for _, leaf in self.walk())

    @classmethod
    def initialized(
        cls, layers: Mapping[str, Layer], input_shape: tuple[int, ...], rng: np.random.Generator, dtype: DTypeLike = np.float32
    ) -> "Network":
        """Return a network whose parameters are drawn from rng in walk order, as the layers declare them."""
        network = cls(layers, input_shape, np.empty(cls.plan(layers).size, dtype))
        for name, layer in network.walk():
            for parameter in layer.parameters:
                drawn = parameter.initial(parameter.shape, rng)
                network.layout[f"{name}.{parameter.key}"].view(network.flat)[...] = drawn
        return network

    @staticmethod
    def plan(layers: Mapping[str, Layer]) -> Layout:
        """The layout of the layers' parameters."""
        return Layout((name, parameter) for name, leaf in walk(Sequential(layers)) for parameter in leaf.parameters)

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The layers at the top of the tree, by name."""
        return self.root.children

    @property
    def weights(self) -> Array:
        """All weights (n_weights,), a view of `flat`."""
        return self.flat[: self.layout.n_weights]

    def with_flat(self, flat: Array) -> "Network":
        """Return a network of the same layers over another parameter vector."""
        return Network(self.layers, self.input_shape, flat)

    def with_weights(self, weights: Array) -> "Network":
        """Return a separate network with these weights (n_weights,) and a copy of this one's other parameters."""
        if weights.shape != self.weights.shape:
            raise ValueError(f"this network has {self.layout.n_weights} weights, but got an array {weights.shape}")
        flat = self.flat.copy()
        flat[: self.layout.n_weights] = weights
        return self.with_flat(flat)

    def walk(self) -> Iterator[tuple[str, Layer]]:
        """Yield the full name and layer of every leaf. Within each kind, the flat vector has the same order."""
        return walk(self.root)

    def chain(self) -> list[tuple[str, Layer]]:
        """Return the pairs of walk as a list. MinisglError, which names the layer, if the network is not one chain."""
        return list(_chain(self.root, ""))

    def forward(
        self,
        images: Array,
        training: bool = False,
        rng: np.random.Generator | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[Array, Tape]:
        """Return the logits (N, classes) of images (N, C, H, W), uint8 (divided by 255) or float, and the tape for backward.

        With a workspace both are valid until its next forward. training, rng: see Layer.forward.
        """
        if images.shape[1:] != self.input_shape:
            raise ValueError(f"the network needs images {self.input_shape}, but got {tuple(images.shape[1:])}")
        xp = get_array_module(images)
        if len(images) == 0:
            return xp.empty((0, self.classes), self.flat.dtype), None
        ws = workspace or Workspace()
        x = ws.array(self, "x", (*self.input_shape, images.shape[0]), self.flat)  # (C, H, W, N)
        x[...] = xp.moveaxis(images, 0, -1)
        if images.dtype == np.uint8:
            x /= 255
        logits, tape = self.root.forward(x, ws, training, rng)
        return logits.T, tape

    def backward(
        self, dlogits: Array, tape: Tape, out: Array | None = None, input_gradient: bool = False
    ) -> tuple[Array, Array]:
        """Return the gradient (size,) in the layout of `flat`, and that of the images (N, C, H, W) if asked for, else None.

        dlogits (N, classes) is the loss's gradient; the gradient (size,) is written into `out` if given.
        """
        xp = get_array_module(dlogits)
        gradient = xp.empty_like(self.flat) if out is None else out
        if len(dlogits) == 0:
            gradient[...] = 0
            return gradient, xp.empty((0, *self.input_shape), self.flat.dtype) if input_gradient else None
        dy = xp.ascontiguousarray(dlogits.T)  # (classes, N)
        dx, _ = self.root.backward(dy, tape, self._views(gradient), input_gradient)
        return gradient, xp.moveaxis(dx, -1, 0) if input_gradient else None

    def update_buffers(self, gradient: Array) -> None:
        """Move the buffers towards the batch's statistics, which are in the gradient (size,) of a pass with training=True."""
        buffers = slice(self.layout.n_trained, None)
        if has_kernels(self.flat):
            MOVE_BUFFERS(gradient[buffers], MOMENTUM, out=self.flat[buffers])
            return
        self.flat[buffers] += MOMENTUM * (gradient[buffers] - self.flat[buffers])

    def logits(self, images: Array, workspace: Workspace | None = None) -> Array:
        """Return the logits (N, classes) of any number of images, EVALUATION_BATCH per pass, as a new array."""
        ws = workspace or Workspace()
        logits = get_array_module(images).empty((len(images), self.classes), self.flat.dtype)
        for start in range(0, len(images), EVALUATION_BATCH):
            batch = slice(start, start + EVALUATION_BATCH)
            logits[batch] = self.forward(images[batch], workspace=ws)[0]
        return logits

    def predict(self, images: Array, workspace: Workspace | None = None) -> Array:
        """Return the most likely class (N,) of each image."""
        return self.logits(images, workspace).argmax(axis=1)

    def _with_views(self, name: str, leaf: Layer) -> Layer:
        """Return a copy of the leaf with views of this network's vector: several networks may be built from the same layers."""
        new = copy(leaf)
        for parameter in leaf.parameters:
            setattr(new, parameter.key, self.layout[f"{name}.{parameter.key}"].view(self.flat))
        return new

    def _views(self, gradient: Array) -> dict[str, Any]:
        """Return the parts of a gradient (size,) by layer and key: {"conv1": {"weight": ..., "bias": ...}}."""
        tree: dict[str, Any] = {}
        for slot in self.layout.slots:
            *path, key = slot.name.split(".")
            branch = tree
            for name in path:
                branch = branch.setdefault(name, {})
            branch[key] = slot.view(gradient)
        return tree


def _chain(layer: Layer, name: str) -> Iterator[tuple[str, Layer]]:
    # not isinstance: a subclass may add a branch
    if not layer.children and type(layer) is not Sequential:
        yield name, layer
    elif type(layer) is not Sequential:
        raise MinisglError(f"{name} is a {type(layer).__name__}: this needs a network that is one chain of layers")
    for key, child in layer.children.items():
        yield from _chain(child, f"{name}.{key}" if name else key)
