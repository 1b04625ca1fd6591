"""Dropout: in training each number becomes 0 with probability p, and the others are scaled up so that their mean is unchanged.

    y = x * mask / (1 - p),   mask = 1 with probability 1 - p, else 0            dx = dy * mask / (1 - p)

In evaluation y = x. A network that cannot rely on any single unit overfits less.

The mask is drawn on the host from the generator that is passed to forward. A training step makes one for each shard, from the
seed, the epoch, the step and the shard's number; the layers draw from it in walk order. So a mask does not depend on the number
of threads or on the array module, and a resumed run draws the same masks.

Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, JMLR 15 (2014).
"""

from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.nn.layer import Gradients, Layer
from minisgl.nn.workspace import Workspace


class Dropout(Layer):
    """Dropout of single numbers with probability 0 <= p < 1, for inputs of any shape."""

    random = True

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"a dropout probability must be at least 0 and below 1, but is {p}")
        self.p = float(p)

    def settings(self) -> dict[str, Any]:
        return {"p": self.p}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape

    def forward(
        self,
        x: Array,
        workspace: Workspace | None = None,
        training: bool = False,
        rng: np.random.Generator | None = None,
    ) -> tuple[Array, Any]:
        """ValueError in training without an rng."""
        ws, xp = workspace or Workspace(), get_array_module(x)
        if not training or self.p == 0:
            return x, (None, ws)
        if rng is None:
            raise ValueError("dropout needs a generator in training: forward(x, training=True, rng=...)")
        kept = rng.random(x.shape, np.float32) >= self.p
        mask = ws.array(self, "mask", x.shape, x)
        mask[...] = to_device(kept, xp)
        mask /= 1 - self.p
        return xp.multiply(x, mask, out=ws.array(self, "y", x.shape, x)), (mask, ws)

    def backward(
        self, dy: Array, cache: Any, out: Gradients | None = None, input_gradient: bool = True
    ) -> tuple[Array, Gradients]:
        mask, ws = cache
        if mask is None:
            return dy, {}
        return get_array_module(dy).multiply(dy, mask, out=ws.array(self, "dx", dy.shape, dy)), {}
