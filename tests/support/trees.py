"""A network that is a tree, with two user-defined layers: what the tests of trees share."""

import numpy as np

from minisgl.nn import Conv2d, Flatten, Layer, Linear, Network, Parameter, ReLU, Sequential, gradients


class Scale(Layer):
    """y[c] = scale[c] * x[c], and in training each image's mean of x is kept in a buffer: one parameter of each other kind."""

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.parameters = (
            Parameter("scale", (channels,), "free", lambda shape, rng: rng.uniform(0.5, 1.5, shape)),
            Parameter("mean", (channels,), "buffer", lambda shape, rng: np.zeros(shape)),
        )
        self.scale = self.mean = None

    def settings(self):
        return {"channels": self.channels}

    def output_shape(self, shape):
        return shape

    def forward(self, x, workspace=None, training=False, rng=None):
        return self.scale[:, None, None, None] * x, x

    def backward(self, dy, cache, out=None, input_gradient=True):
        grads, x = gradients(self, out), cache
        grads["scale"][...] = (dy * x).sum(axis=(1, 2, 3))
        grads["mean"][...] = x.mean(axis=(1, 2, 3))
        return self.scale[:, None, None, None] * dy if input_gradient else None, grads


class Sum(Layer):
    """y = the sum of what its children make of x: a branch."""

    def __init__(self, children):
        self.children = dict(children)

    def output_shape(self, shape):
        (found,) = {layer.output_shape(shape) for layer in self.children.values()}
        return found

    def forward(self, x, workspace=None, training=False, rng=None):
        passes = {name: layer.forward(x, workspace, training, rng) for name, layer in self.children.items()}
        return sum(y for y, _ in passes.values()), {name: cache for name, (_, cache) in passes.items()}

    def backward(self, dy, cache, out=None, input_gradient=True):
        into = out or {}
        passes = {name: layer.backward(dy, cache[name], into.get(name)) for name, layer in self.children.items()}
        return sum(dx for dx, _ in passes.values()), {name: grads for name, (_, grads) in passes.items()}


def layers() -> dict[str, Layer]:
    """For images (2, 6, 6) and three classes: a chain in a chain, and a branch."""
    body = Sequential({"conv1": Conv2d(4, 4, 3, padding=1), "relu": ReLU(), "conv2": Conv2d(4, 4, 3, padding=1)})
    stage = Sequential({"conv": Conv2d(2, 4, 3, padding=1), "scale": Scale(4)})
    branch = Sum({"body": body, "shortcut": Conv2d(4, 4, 1)})
    return {"stage": stage, "relu": ReLU(), "branch": branch, "flatten": Flatten(), "fc": Linear(4 * 6 * 6, 3)}


def tree(dtype=np.float64) -> Network:
    """The network of these layers, drawn with seed 0."""
    return Network.initialized(layers(), (2, 6, 6), np.random.default_rng(0), dtype)
