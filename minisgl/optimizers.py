"""Gradient descent and its relatives, each one pass over the flat parameter vector.

    SGD        u <- momentum * u + g;   w <- w - lr * u              Nesterov: w <- w - lr * (g + momentum * u)
    Adam       m <- b1 m + (1 - b1) g;   s <- b2 s + (1 - b2) g^2;   w <- w - lr * m^ / (sqrt(s^) + eps)

where m^ = m / (1 - b1^t) and s^ = s / (1 - b2^t) undo the start from zero. Adam divides each weight's step by the typical
size of its own gradient, so every weight moves by about lr a step.

"One pass" is meant literally: the vector is taken in blocks that stay in a core's cache, and a block gets all of its
arithmetic before the next one is touched. That is the difference between a dozen sweeps over memory and one.

Sources: Sutskever, Martens, Dahl, Hinton, ICML 2013 (momentum, Nesterov, in PyTorch's form); Kingma, Ba, ICLR 2015.
"""

from collections.abc import Iterator
from typing import Protocol

from minisgl.backend import Array, get_array_module

BLOCK = 32_768  # numbers: 128 KiB in float32, so that a block of each of an update's vectors fits a 1 MiB cache


def blocks(size: int) -> Iterator[slice]:
    """Slices that cover 0..size-1 in order, BLOCK numbers each and the rest last."""
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))


class Optimizer(Protocol):
    """What the W-step asks: change w in place, given the gradient g, and show your state for a checkpoint."""

    state: dict[str, Array]
    steps: int

    def update(self, w: Array, g: Array, lr: float) -> None:
        """One step of size lr on w (size,), in place; g (size,) may be used as scratch memory."""


class SGD:
    """Stochastic gradient descent, momentum in [0, 1)."""

    def __init__(self, like: Array, momentum: float = 0.0, nesterov: bool = False) -> None:
        self.momentum, self.nesterov, self.steps = momentum, nesterov, 0
        self.state = {"velocity": get_array_module(like).zeros_like(like)}  # u, (size,)

    def update(self, w: Array, g: Array, lr: float) -> None:
        """u <- momentum u + g, then w <- w - lr u (or the Nesterov form)."""
        self.steps += 1
        for block in blocks(w.size):
            wb, gb, u = w[block], g[block], self.state["velocity"][block]
            u *= self.momentum
            u += gb
            wb -= lr * (gb + self.momentum * u) if self.nesterov else lr * u


class Adam:
    """Adam with b1 = 0.9, b2 = 0.999, eps = 1e-8."""

    def __init__(self, like: Array, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> None:
        self.b1, self.b2, self.eps, self.steps = b1, b2, eps, 0
        xp = get_array_module(like)
        self.state = {"mean": xp.zeros_like(like), "mean_square": xp.zeros_like(like)}  # m and s, (size,)
        self._scratch = xp.empty(min(BLOCK, like.size), dtype=like.dtype)

    def update(self, w: Array, g: Array, lr: float) -> None:
        """w <- w - lr m^ / (sqrt(s^) + eps), with both bias corrections taken out of the loop."""
        self.steps += 1
        xp = get_array_module(w)
        root = (1 - self.b2**self.steps) ** 0.5
        rate = lr * root / (1 - self.b1**self.steps)
        for block in blocks(w.size):
            gb, m, s = g[block], self.state["mean"][block], self.state["mean_square"][block]
            scratch = self._scratch[: gb.size]
            xp.multiply(gb, 1 - self.b1, out=scratch)
            m *= self.b1
            m += scratch
            xp.multiply(gb, gb, out=scratch)
            scratch *= 1 - self.b2
            s *= self.b2
            s += scratch
            xp.sqrt(s, out=scratch)
            scratch += self.eps * root
            xp.divide(m, scratch, out=scratch)
            scratch *= rate
            w[block] -= scratch
