"""The binary activation, 1 where x > 0 and 0 elsewhere, and the coarse derivatives with which networks of it are trained.

Its derivative is 0 wherever there is one. So the gradient of every weight before it is exactly 0, and gradient descent stays
where it is. A coarse gradient puts the derivative of another function into the chain rule, here of ReLU or of the identity:

    y = 1{x > 0}        dx = dy * 1{x > 0}   (coarse = "relu")        dx = dy   (coarse = "identity")

It is not the gradient of anything. But for Gaussian inputs and one layer of weights, a step against its mean leads to the true
weights.

Source: Dinh, Xin, "Convergence of a relaxed variable splitting coarse gradient descent method for learning sparse weight
binarized activation neural networks", arXiv 1901.09731.
"""

from typing import Any, Literal, get_args

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.workspace import Workspace

Coarse = Literal["relu", "identity"]


class Binary(Layer):
    """y = 1 where x > 0, else 0, entry by entry, of any shape. backward uses the derivative of ReLU, or of the identity."""

    def __init__(self, coarse: Coarse = "relu") -> None:
        """ValueError for another coarse derivative."""
        if coarse not in get_args(Coarse):
            raise ValueError(f"the coarse derivative must be {' or '.join(get_args(Coarse))}, but is {coarse!r}")
        self.coarse = coarse

    def settings(self) -> dict[str, Any]:
        return {"coarse": self.coarse}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        y = ws.array(self, "y", x.shape, x)
        get_array_module(x).greater(x, 0, out=y)
        return y, (y, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        y, ws = cache
        dx = self.dx_array(ws, dy.shape, dy)
        if self.coarse == "identity":
            dx[...] = dy
            return dx, {}
        return get_array_module(dy).multiply(dy, y, out=dx), {}  # y is 1{x > 0}
