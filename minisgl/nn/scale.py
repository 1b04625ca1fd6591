"""A scale and a shift of each channel: what batch normalisation is once its network has been trained.

y[c] = scale[c] * x[c] + shift[c]          dx = scale dy,      dscale = sum of dy x,      dshift = sum of dy
"""

from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module
from minisgl.nn.layer import Gradients, Layer, gradients, require_sizes
from minisgl.nn.norm import ones, zeros
from minisgl.nn.parameters import Parameter
from minisgl.nn.workspace import Workspace


class ScaleShift(Layer):
    """y = scale * x + shift for maps (C, H, W, N) or vectors (C, N); scale (C,) and shift (C,) are free parameters."""

    def __init__(self, channels: int) -> None:
        require_sizes("a scale and shift", channels=channels)
        self.channels = int(channels)
        self.parameters = (
            Parameter("scale", (self.channels,), "free", ones),
            Parameter("shift", (self.channels,), "free", zeros),
        )
        self.scale: Array = None
        self.shift: Array = None

    def settings(self) -> dict[str, Any]:
        return {"channels": self.channels}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) not in (1, 3) or shape[0] != self.channels:
            raise ValueError(f"a scale and shift of {self.channels} channels needs (C, H, W) or (C,), but got {shape}")
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
        C, rows = self.channels, y.reshape(self.channels, -1)
        get_array_module(x).multiply(x.reshape(C, -1), self.scale[:, None], out=rows)  # (C, HWN)
        rows += self.shift[:, None]
        return y, (x, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        x, ws = cache
        grads, xp, C = gradients(self, out), get_array_module(dy), self.channels
        dy2 = dy.reshape(C, -1)  # (C, HWN)
        grads["scale"][...] = xp.einsum("cm,cm->c", dy2, x.reshape(C, -1))
        grads["shift"][...] = xp.einsum("cm->c", dy2)
        if not input_gradient:
            return None, grads
        dx = self.dx_array(ws, dy.shape, dy)
        xp.multiply(dy2, self.scale[:, None], out=dx.reshape(C, -1))
        return dx, grads
