"""Check a hand-written gradient against finite differences of the function.

For f with many outputs, pick a random cotangent u and consider the scalar g(x) = <u, f(x)>: backward(u) should be its
gradient. Central differences estimate the gradient from values of g alone:

    dg/dx_i  =  (g(x + h e_i) - g(x - h e_i)) / (2 h)  +  O(h^2)

The differences are taken for every entry, in float64, and the two gradients are compared by

    error = ||numeric - analytic|| / (||numeric|| + ||analytic||),      about 1e-10 if right, near 1 if wrong.

The function has a kink where a ReLU's input is 0, or where the two largest entries of a pooling window are equal. A
difference across a kink does not estimate a derivative, so `require_smooth` refuses points close to one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minisgl.nn.im2col import pad, windows
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.layers import ReLU
from minisgl.nn.network import Network, map_leaves
from minisgl.nn.pooling import MaxPool2d
from minisgl.nn.workspace import Workspace


def numeric_gradient(g: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Central differences of the scalar function g at x, entry by entry. x must be float64 and is not changed."""
    if x.dtype != np.float64:
        raise ValueError(f"x must be float64, but is {x.dtype}")
    x = x.copy()
    gradient = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        centre = x[index]
        x[index] = centre + h
        above = g(x)
        x[index] = centre - h
        below = g(x)
        x[index] = centre
        gradient[index] = (above - below) / (2 * h)
    return gradient


def directional_derivative(g: Callable[[np.ndarray], float], x: np.ndarray, direction: np.ndarray, h: float = 1e-6) -> float:
    """Central difference of g at x along `direction`, to compare with <gradient, direction>."""
    return (g(x + h * direction) - g(x - h * direction)) / (2 * h)


def relative_error(numeric: np.ndarray | float, analytic: np.ndarray | float) -> float:
    """||numeric - analytic|| / (||numeric|| + ||analytic||), and 0 when both are 0."""
    a, b = np.ravel(numeric), np.ravel(analytic)
    scale = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / scale) if scale > 0 else 0.0


def distance_to_kink(layer: object, x: np.ndarray) -> float:
    """How far x (C, H, W, N) or (D, N) is from a point where the layer has no derivative; infinity for smooth layers."""
    if isinstance(layer, ReLU):
        return float(np.abs(x).min())
    if isinstance(layer, MaxPool2d):
        _, P, Q = layer.output_shape(x.shape[:3])
        padded = pad(x, layer.padding, Workspace())
        kernel = range(layer.kernel)
        stack = np.stack([windows(padded, (r, s), layer.stride, (P, Q)) for r in kernel for s in kernel])
        if len(stack) > 1:
            top = np.sort(stack, axis=0)  # (kernel^2, C, P, Q, N)
            return float((top[-1] - top[-2]).min())
    return float("inf")


class _KinkRecorder(Layer):
    """A wrapper around a layer that writes its distance to the nearest kink into `distances` at each forward pass."""

    def __init__(self, name: str, layer: Layer, distances: dict[str, float]) -> None:
        self.name, self.layer, self.distances = name, layer, distances

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.layer.output_shape(shape)

    def forward(
        self,
        x: np.ndarray,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[np.ndarray, Any]:
        self.distances[self.name] = distance_to_kink(self.layer, x)
        return self.layer.forward(x, workspace, training, rng)

    def backward(
        self, dy: np.ndarray, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[np.ndarray, Gradients]:
        return self.layer.backward(dy, cache, out, input_gradient)


def require_smooth(network: Network, images: np.ndarray, margin: float = 1e-4, training: bool = False) -> None:
    """Raise ValueError if some activation of the network at these images (N, C, H, W) is within `margin` of a kink.

    training: whether batch normalisation uses the statistics of these images.
    """
    distances: dict[str, float] = {}
    recorder = map_leaves(network.root, lambda name, leaf: _KinkRecorder(name, leaf, distances))
    recorder.forward(np.ascontiguousarray(np.moveaxis(images, 0, -1)), training=training)
    for name, distance in distances.items():
        if distance < margin:
            raise ValueError(f"{name} is {distance:.1e} from a kink, closer than {margin:.1e}: differences would cross it")
