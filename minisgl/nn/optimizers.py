"""SGD and Adam, each one pass over the flat parameter vector.

    SGD        u <- momentum * u + g;   w <- w - lr * u              Nesterov: w <- w - lr * (g + momentum * u)
    Adam       m <- b1 m + (1 - b1) g;   s <- b2 s + (1 - b2) g^2;   w <- w - lr * m^ / (sqrt(s^) + eps)

where m^ = m / (1 - b1^t) and s^ = s / (1 - b2^t) correct for the start at zero. Adam divides each weight's step by the
typical size of its own gradient, so every weight moves by about lr per step.

The vector is updated block by block. A block stays in a core's cache until all of its arithmetic is done, so that an update
reads memory once and not a dozen times.

Sources: Sutskever, Martens, Dahl, Hinton, ICML 2013 (momentum, Nesterov, in PyTorch's form); Kingma, Ba, ICLR 2015.
"""

from typing import Protocol

from minisgl.backend import Array, get_array_module

EVERYTHING = slice(None)


class Optimizer(Protocol):
    """What the W-step needs: an update of w in place for a gradient g, and the state that a checkpoint saves.

    A step is one call of `advance`, then one call of `update` for each part of the vector.
    """

    state: dict[str, Array]
    steps: int

    def advance(self) -> None:
        """Begin the next step."""

    def update(self, w: Array, g: Array, lr: float, part: slice = EVERYTHING) -> None:
        """Update w[part] in place with step size lr; w and g are (size,), and g[part] may be used as scratch memory."""


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
        """w <- w - lr m^ / (sqrt(s^) + eps) for the numbers of `part`; `rate` combines both bias corrections."""
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
