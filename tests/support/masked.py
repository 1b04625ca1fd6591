"""The slow twin of training with a mask: one number at a time, in lists; and a tiny network in float64 to compare it on."""

from collections.abc import Sequence

import numpy as np

from minisgl.nn import Conv2d, Flatten, Linear, Network, ReLU, Slot
from minisgl.nn.optimizers import Adam
from minisgl.solver.masked import Masked
from minisgl.solver.schedules import StepSettings

LR = 0.05


def tiny_network(seed: int = 0, dtype: type = np.float64) -> Network:
    """A convolution and two linear layers: 36, 108 and 18 weights."""
    layers = {"conv": Conv2d(2, 2, 3), "relu": ReLU(), "flatten": Flatten(), "fc1": Linear(18, 6), "fc2": Linear(6, 3)}
    return Network.initialized(layers, (2, 5, 5), np.random.default_rng(seed), dtype)


def parts(network: Network, *layers: str) -> tuple[Network, Adam, list[Slot]]:
    """What a solver is made of, with the masked layers (none named: all)."""
    weights = network.layout.weights
    return network, Adam(network.flat), [weights[name] for name in layers or weights]


def gradients(network: Network, steps: int) -> list[np.ndarray]:
    return list(np.random.default_rng(5).standard_normal((steps, network.flat.size)).astype(network.flat.dtype))


def take(solver: Masked, gradient: np.ndarray, done: float) -> None:
    """One step of the solver, its blocks in another order."""
    settings = StepSettings(LR, done=done)
    solver.prepare()
    solver.update(reversed(solver.blocks), gradient.copy(), settings)
    solver.finish(settings)


class Twin:
    """Adam on every number whose mask is True, as the definition says. Weights come first in the lists."""

    def __init__(self, flat: Sequence[float]) -> None:
        self.w, self.mask = list(map(float, flat)), [True] * len(flat)
        self.m, self.s, self.t = [0.0] * len(flat), [0.0] * len(flat), 0

    def step(self, gradient: Sequence[float]) -> None:
        self.t += 1
        for i, g in enumerate(map(float, gradient)):
            if self.mask[i]:
                self.m[i] = 0.9 * self.m[i] + 0.1 * g
                self.s[i] = 0.999 * self.s[i] + 0.001 * g * g
                root = (self.s[i] / (1 - 0.999**self.t)) ** 0.5
                self.w[i] -= LR * self.m[i] / (1 - 0.9**self.t) / (root + 1e-8)

    def remove(self, i: int) -> None:
        self.w[i] = self.m[i] = self.s[i] = 0.0
        self.mask[i] = False

    def smallest(self, places: range, count: int) -> list[int]:
        """The places of the `count` smallest weights that are trained."""
        return sorted((i for i in places if self.mask[i]), key=lambda i: (abs(self.w[i]), i))[:count]

    def masked(self, places: range) -> int:
        return sum(not self.mask[i] for i in places)

    def assert_like(self, solver: Masked) -> None:
        n = len(solver.mask)
        np.testing.assert_array_equal(solver.mask == 1, self.mask[:n])
        assert set(np.unique(solver.mask)) <= {0.0, 1.0}
        np.testing.assert_allclose(solver.network.flat, self.w, rtol=1e-9, atol=1e-12)
        for array, mine in zip(solver.optimizer.state.values(), (self.m, self.s), strict=True):
            np.testing.assert_allclose(array, mine, rtol=1e-9, atol=1e-15)
            assert not array[:n][solver.mask == 0].any()
        assert not solver.network.weights[solver.mask == 0].any()
