"""The W-step of one block on a GPU, as one launch: the gradient of the penalties and the optimiser's update.

    d = g + scale * w + beta (w - v) + decay * w;     w <- optimiser(w, d)

It is what splitting.py computes with arrays, in the same order. A term that the block does not have has the number 0.
"""

from functools import cache

from minisgl.backend import Array
from minisgl.kernels import Formula
from minisgl.nn import Block
from minisgl.nn.optimizers import Fused

COUPLED = Formula(
    "coupled",
    "T g, T w, T scale, T beta, T v, T decay",
    "T d",
    "d = g + w * scale + beta * (w - v) + decay * w;",
)

_after_coupled = cache(lambda formula: formula.after(COUPLED))


def w_step(
    optimizer: Fused,
    block: Block,
    flat: Array,
    gradient: Array,
    lr: float,
    *,
    scale: Array | float,
    beta: float,
    v: Array | float,
    decay: float,
) -> None:
    """Take the W-step in one block of flat (size,), after the optimiser has advanced; gradient (size,) is the loss's."""
    formula, numbers, outputs = optimizer.launch(flat, lr, block.view)
    _after_coupled(formula)(block.view(gradient), scale, beta, v, decay, *numbers, out=outputs)
