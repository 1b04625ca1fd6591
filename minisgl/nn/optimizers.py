"""SGD and Adam, each one pass over the flat parameter vector.

    SGD        u <- momentum * u + g;   w <- w - lr * u              Nesterov: w <- w - lr * (g + momentum * u)
    Adam       m <- b1 m + (1 - b1) g;   s <- b2 s + (1 - b2) g^2;   w <- w - lr * m^ / (sqrt(s^) + eps)

where m^ = m / (1 - b1^t) and s^ = s / (1 - b2^t) correct for the start at zero. Adam divides each weight's step by the
typical size of its own gradient, so every weight moves by about lr per step.

The vector is updated block by block. A block stays in a core's cache until all of its arithmetic is done, so that an update
reads memory once and not a dozen times. On a GPU it is one launch (kernels.py).

Sources: Sutskever, Martens, Dahl, Hinton, ICML 2013 (momentum, Nesterov, in PyTorch's form); Kingma, Ba, ICLR 2015.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from minisgl.backend import Array, get_array_module
from minisgl.kernels import Formula, has_kernels

EVERYTHING = slice(None)

# the updates for a gradient d, as one launch each
MOMENTUM = Formula("momentum", "T d, T momentum, T lr", "T w, T u", "u = u * momentum + d;\nw = w - lr * u;")
NESTEROV = Formula("nesterov", "T d, T momentum, T lr", "T w, T u", "u = u * momentum + d;\nw = w - lr * (d + momentum * u);")
ADAM = Formula(
    "adam",
    "T d, T b1, T c1, T b2, T c2, T small, T rate",
    "T w, T m, T s",
    """
    m = m * b1 + c1 * d;
    s = s * b2 + d * d * c2;
    w = w - m / (sqrt(s) + small) * rate;
    """,
)
View = Callable[[Array], Array]
Launch = tuple[Formula, tuple[float, ...], tuple[Array, ...]]  # a formula, its inputs after d, its outputs


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

    def metric(self, part: slice) -> Array:
        """Return d (n,) > 0 of the latest step, for the n numbers of `part`: a gradient g that stays is a step of lr g/d."""


@runtime_checkable
class Fused(Optimizer, Protocol):
    """An optimiser whose update is one launch on a GPU; the W-step then adds its own terms to that launch."""

    def launch(self, w: Array, lr: float, view: View) -> Launch:
        """Return the update as a launch; view(x) is the part of a vector x (size,) that it works on."""


class SGD:
    """Stochastic gradient descent, momentum in [0, 1)."""

    def __init__(self, like: Array, momentum: float = 0.0, nesterov: bool = False) -> None:
        self.momentum, self.nesterov, self.steps = momentum, nesterov, 0
        self.state = {"velocity": get_array_module(like).zeros_like(like)}  # u, (size,)

    def advance(self) -> None:
        """Begin the next step."""
        self.steps += 1

    def launch(self, w: Array, lr: float, view: View) -> Launch:
        """Return the update as a launch; view(x) is the part of a vector x (size,) that it works on."""
        formula = NESTEROV if self.nesterov else MOMENTUM
        return formula, (self.momentum, lr), (view(w), view(self.state["velocity"]))

    def update(self, w: Array, g: Array, lr: float, part: slice = EVERYTHING) -> None:
        """u <- momentum u + g, then w <- w - lr u (or the Nesterov form), for the numbers of `part`."""
        if has_kernels(w):
            _launch(self, w, g, lr, part)
            return
        w, g, u = w[part], g[part], self.state["velocity"][part]
        u *= self.momentum
        u += g
        w -= lr * (g + self.momentum * u) if self.nesterov else lr * u

    def metric(self, part: slice) -> Array:
        """Return d = 1 - momentum: u tends to g/(1 - momentum), in the Nesterov form too."""
        u = self.state["velocity"][part]
        return get_array_module(u).full_like(u, 1 - self.momentum)


class Adam:
    """Adam with b1 = 0.9, b2 = 0.999, eps = 1e-8."""

    def __init__(self, like: Array, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> None:
        self.b1, self.b2, self.eps, self.steps = b1, b2, eps, 0
        xp = get_array_module(like)
        self.state = {"mean": xp.zeros_like(like), "mean_square": xp.zeros_like(like)}  # m and s, (size,)

    def advance(self) -> None:
        """Begin the next step."""
        self.steps += 1

    def launch(self, w: Array, lr: float, view: View) -> Launch:
        """Return the update as a launch; view(x) is the part of a vector x (size,) that it works on."""
        root, rate = self._rate(lr)
        numbers = (self.b1, 1 - self.b1, self.b2, 1 - self.b2, self.eps * root, rate)
        return ADAM, numbers, (view(w), view(self.state["mean"]), view(self.state["mean_square"]))

    def update(self, w: Array, g: Array, lr: float, part: slice = EVERYTHING) -> None:
        """w <- w - lr m^ / (sqrt(s^) + eps) for the numbers of `part`."""
        if has_kernels(w):
            _launch(self, w, g, lr, part)
            return
        xp = get_array_module(w)
        root, rate = self._rate(lr)
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

    def metric(self, part: slice) -> Array:
        """Return d = sqrt(s^) + eps."""
        s = self.state["mean_square"][part]
        return get_array_module(s).sqrt(s / (1 - self.b2**self.steps)) + self.eps

    def _rate(self, lr: float) -> tuple[float, float]:
        """Return the root of s^'s correction for the start at zero, and lr with both corrections."""
        root = (1 - self.b2**self.steps) ** 0.5
        return root, lr * root / (1 - self.b1**self.steps)


def _launch(optimizer: SGD | Adam, w: Array, g: Array, lr: float, part: slice) -> None:
    """Update the numbers of `part` in one launch."""
    formula, numbers, outputs = optimizer.launch(w, lr, lambda x: x[part])
    formula(g[part], *numbers, out=outputs)
