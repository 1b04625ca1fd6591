"""Gradient descent and its relatives, each one pass over the flat parameter vector.

    SGD        u <- momentum * u + g;   w <- w - lr * u              Nesterov: w <- w - lr * (g + momentum * u)
    Adam       m <- b1 m + (1 - b1) g;   s <- b2 s + (1 - b2) g^2;   w <- w - lr * m^ / (sqrt(s^) + eps)

where m^ = m / (1 - b1^t) and s^ = s / (1 - b2^t) undo the start from zero. Adam divides each weight's step by the typical
size of its own gradient, so every weight moves by about lr a step.

The vector is updated piece by piece: a piece stays in a core's cache and gets all of its arithmetic before the next one is
touched, which is the difference between a dozen sweeps over memory and one.

Sources: Sutskever, Martens, Dahl, Hinton, ICML 2013 (momentum, Nesterov, in PyTorch's form); Kingma, Ba, ICLR 2015.
"""

from typing import Protocol

from minisgl.backend import Array, get_array_module

EVERYTHING = slice(None)


class Optimizer(Protocol):
    """What the W-step asks: change w in place, given the gradient g, and show your state for a checkpoint.

    A step is one `advance` and then an `update` of every part.
    """

    state: dict[str, Array]
    steps: int

    def advance(self) -> None:
        """Begin the next step."""

    def update(self, w: Array, g: Array, lr: float, part: slice = EVERYTHING) -> None:
        """Move w[part] by this step of size lr, in place; w and g are (size,), and g[part] may be used as scratch memory."""


class SGD:
    """Stochastic gradient descent, momentum in [0, 1)."""

    def __init__(self, like: Array, momentum: float = 0.0, nesterov: bool = False) -> None:
        self.momentum, self.nesterov, self.steps = momentum, nesterov, 0
        self.state = {"velocity": get_array_module(like).zeros_like(like)}  # u, (size,)

    def advance(self) -> None:
        """Begin the next step."""
        self.steps += 1

    def update(self, w: Array, g: Array, lr: float, part: slice = EVERYTHING) -> None:
        """u <- momentum u + g, then w <- w - lr u (or the Nesterov form), for the numbers of `part`."""
        w, g, u = w[part], g[part], self.state["velocity"][part]
        u *= self.momentum
        u += g
        w -= lr * (g + self.momentum * u) if self.nesterov else lr * u


class Adam:
    """Adam with b1 = 0.9, b2 = 0.999, eps = 1e-8."""

    def __init__(self, like: Array, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> None:
        self.b1, self.b2, self.eps, self.steps = b1, b2, eps, 0
        xp = get_array_module(like)
        self.state = {"mean": xp.zeros_like(like), "mean_square": xp.zeros_like(like)}  # m and s, (size,)

    def advance(self) -> None:
        """Begin the next step."""
        self.steps += 1

    def update(self, w: Array, g: Array, lr: float, part: slice = EVERYTHING) -> None:
        """w <- w - lr m^ / (sqrt(s^) + eps) for the numbers of `part`, the bias corrections drawn together into `rate`."""
        xp = get_array_module(w)
        root = (1 - self.b2**self.steps) ** 0.5
        rate = lr * root / (1 - self.b1**self.steps)
        w, g, m, s = w[part], g[part], self.state["mean"][part], self.state["mean_square"][part]
        m *= self.b1
        m += (1 - self.b1) * g
        g *= g
        g *= 1 - self.b2
        s *= self.b2
        s += g
        xp.sqrt(s, out=g)  # from here g is scratch memory
        g += self.eps * root
        xp.divide(m, g, out=g)
        g *= rate
        w -= g
