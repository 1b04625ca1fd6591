"""Normalize: each channel shifted and scaled by constants, most often the training images' mean and standard deviation.

    y[c] = (x[c] - mean[c]) / deviation[c]              dx[c] = dy[c] / deviation[c]

As a network's first layer it makes channels equally large on average, which helps training, while everything outside the
network (files, other programs, a user's pictures) has pixels in [0, 1]. The constants are settings: no step changes them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minisgl.backend import Array, get_array_module, to_device
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.workspace import Workspace


class Normalize(Layer):
    """y = (x - mean) / deviation for maps (C, H, W, N), with one number a channel.

    ValueError unless both are C finite numbers in float32, C >= 1, and the deviations are > 0.
    """

    def __init__(self, mean: ArrayLike, deviation: ArrayLike) -> None:
        self.mean, self.deviation = _numbers(mean), _numbers(deviation)
        if len(self.mean) != len(self.deviation):
            raise ValueError(f"Normalize needs as many means as deviations, but got {len(self.mean)} and {len(self.deviation)}")
        with np.errstate(under="ignore"):
            if not (self.deviation.astype(np.float32) > 0).all():
                raise ValueError(f"Normalize's deviations must be > 0, but are {self.deviation.tolist()}")

    def settings(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3 or shape[0] != len(self.mean):
            raise ValueError(f"Normalize has {len(self.mean)} channels and needs maps (C, H, W) with as many, but got {shape}")
        return shape

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        ws = workspace or Workspace()
        xp = get_array_module(x)
        y = ws.array(self, "y", (*self.output_shape(x.shape[:3]), x.shape[3]), x)
        xp.subtract(x, self._on_device("mean", x, ws), out=y)
        y /= self._on_device("deviation", x, ws)
        return y, ws

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        if not input_gradient:
            return None, {}
        ws = cache
        dx = self.dx_array(ws, dy.shape, dy)
        return get_array_module(dy).divide(dy, self._on_device("deviation", dy, ws), out=dx), {}

    def _on_device(self, which: str, like: Array, ws: Workspace) -> Array:
        """Return the constants as an array (C, 1, 1, 1) of the module and dtype of `like`."""

        def make() -> Array:
            return to_device(getattr(self, which).astype(like.dtype)[:, None, None, None], get_array_module(like))

        return ws.once(self, f"{which} {like.dtype}", make)


def _numbers(values: ArrayLike) -> np.ndarray:
    """Return one finite float64 for each channel."""
    found = np.asarray(values)
    if found.ndim != 1 or found.size == 0 or found.dtype.kind not in "fiu":
        raise ValueError(f"Normalize needs a list of numbers, one a channel, but got {values!r}")
    if not (np.abs(found) <= np.finfo(np.float32).max).all():
        raise ValueError(f"Normalize needs finite numbers, but got {found.tolist()}")
    return found.astype(np.float64)
