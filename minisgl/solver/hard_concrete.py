"""Hard-concrete gates: every weight, or every unit, is multiplied by a random gate that is often exactly 0 or exactly 1.

    s = sigmoid((log u - log(1 - u) + a)/b),   u uniform in (0, 1)             a soft switch, mostly near 0 or 1
    z = clip(s (zeta - gamma) + gamma, 0, 1)                                   stretched beyond 0 and 1, then cut off
    minimise over w and a    E[loss(z w)] + lam * sum over weights of P(z != 0),    P(z != 0) = sigmoid(a - b log(-gamma/zeta))

So the expected number of nonzero weights has a price, and yet everything has a derivative. One u is drawn for each gate in each
step, and the gradients follow from dL/d(zw), which the network computes at z w:

    dL/dw = z dL/d(zw),     dL/da = dz/da * sum over the gate's weights of w dL/d(zw)  +  lam n P (1 - P)

with n the number of these weights, and dz/da = (zeta - gamma) s (1 - s)/b where 0 < z < 1, else 0. Without noise

    V = w clip(sigmoid(a)(zeta - gamma) + gamma, 0, 1)

is the network in the end: its zeros are exact. W is the network z w of the next step, V the one without noise.

Rank 0 draws the noise from default_rng((seed, tag, step)): it does not depend on the ranks, and z is in the checkpoint.

Source: Louizos, Welling, Kingma, "Learning sparse neural networks through L0 regularization", ICLR 2018, arXiv 1712.01312.
"""

from collections.abc import Callable, Iterable
from copy import copy
from itertools import accumulate, pairwise
from math import log, prod
from typing import Self

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.nn import Block, Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.blocks import trained_blocks
from minisgl.solver.protocol import Put, moved_optimizer
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

B, GAMMA, ZETA = 2 / 3, -0.1, 1.1
NOISE = 0x67617465  # the tag of default_rng((seed, tag, step)), larger than any epoch's number


def sigmoid(x: Array) -> Array:
    """Return 1/(1 + exp(-x)), of the same shape, without overflow."""
    return 0.5 * (1 + get_array_module(x).tanh(0.5 * x))


def sampled_gates(a: Array, noise: Array) -> tuple[Array, Array]:
    """Return z and dz/da for a and noise = log u - log(1 - u), all (n,)."""
    s = sigmoid((noise + a) / B)
    z = s * (ZETA - GAMMA) + GAMMA
    slope = s * (1 - s) * ((ZETA - GAMMA) / B)
    return get_array_module(a).clip(z, 0, 1), slope * ((z > 0) & (z < 1))


def gates_without_noise(a: Array) -> Array:
    """Return the gates of the final network, (n,), for a (n,). They are 0 where a <= log(-gamma/zeta)."""
    return get_array_module(a).clip(sigmoid(a) * (ZETA - GAMMA) + GAMMA, 0, 1)


def probability_open(a: Array) -> Array:
    """Return P(z != 0), (n,), for a (n,)."""
    return sigmoid(a - B * log(-GAMMA / ZETA))


class HardConcrete:
    """Trains the weights w of a network and the numbers a of the gates in its layers `slots`.

    make_optimizer(a) returns the gates' own optimiser, whose learning rate is gate_lr times that of the weights. lam: the price
    of a nonzero weight, in units of the loss. by_unit: a gate for each unit instead of each weight.
    """

    splits = True

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        slots: Iterable[Slot],
        decay: WeightDecay | None,
        make_optimizer: Callable[[Array], Optimizer],
        *,
        lam: float,
        by_unit: bool = False,
        gate_lr: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.network, self.optimizer, self.decay = network, optimizer, decay or WeightDecay()
        self.lam, self.gate_lr, self.seed = lam, gate_lr, seed
        xp = get_array_module(network.flat)
        self.shapes = {slot: _gate_shape(slot, by_unit) for slot in slots}  # of its gates, to be broadcast to its weights
        ends = [0, *accumulate(map(prod, self.shapes.values()))]
        self.places = {slot: slice(*ends) for slot, ends in zip(self.shapes, pairwise(ends), strict=True)}
        self.a: Array = xp.zeros(ends[-1], network.flat.dtype)  # (n_gates,), as are z and dz/da
        self.z, self.slope = xp.ones_like(self.a), xp.zeros_like(self.a)
        self.w, self.v = network.weights.copy(), network.weights.copy()  # (n_weights,)
        self.dz: Array = xp.zeros_like(self.w)  # w dL/d(zw), (n_weights,), from phase 2 until the end of the step
        self.gate_optimizer = make_optimizer(self.a)
        self.blocks = trained_blocks(network)

    # --- the protocol

    def start(self, settings: StepSettings) -> None:
        """Draw the first step's gates."""
        self._draw()

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Do nothing: no block depends on another."""

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Update w and the free parameters in these blocks, and keep what the gates' gradients need."""
        self.optimizer.advance()
        for block in blocks:
            trained = self.network.flat
            if block.slot in self.shapes:
                trained, g = self.w, block.view(gradient)
                block.view(self.dz)[...] = g * block.view(self.w)
                g *= self._for_weights(block.slot, self.z)[block.rows]
            self.decay.add_gradient(block, trained, gradient)
            self.optimizer.update(trained, gradient, settings.lr, block.part)

    def finish(self, settings: StepSettings) -> None:
        """Update the gates, and draw those of the next step."""
        self.gate_optimizer.steps = self.optimizer.steps
        self.gate_optimizer.update(self.a, self.gate_gradient(), self.gate_lr * settings.lr)
        self._draw()

    def thresholds(self, settings: StepSettings) -> None:
        """Return None: no weight is thresholded."""

    def arrays(self) -> dict[str, Array]:
        """Return the network of the next step, w, V, the gates, and the vectors of both optimisers."""
        gates = {"gates": self.a, "gates_z": self.z, "gates_slope": self.slope}
        gates |= {f"gates_{name}": array for name, array in self.gate_optimizer.state.items()}
        return {"parameters": self.network.flat, "w": self.w, "v": self.v, **gates, **self.optimizer.state}

    def moved(self, put: Put) -> Self:
        """Return the same solver on copies of its arrays, made by `put`."""
        other = copy(self)
        other.network = self.network.with_flat(put(self.network.flat))
        for name in ("w", "v", "dz", "a", "z", "slope"):
            setattr(other, name, put(getattr(self, name)))
        other.optimizer = moved_optimizer(self.optimizer, put)
        other.gate_optimizer = moved_optimizer(self.gate_optimizer, put)
        return other

    def reported(self, which: str) -> Network:
        """Return a copy of W, with the noise of the next step, or of V, without noise."""
        return self.network.with_weights(self.v if which == "v" else self.network.weights)

    # --- the gates

    def price(self) -> Array:
        """Return lam * sum over weights of P(z != 0), a scalar on the device."""
        return self.lam * sum((self._behind(slot) * probability_open(self._of(slot, self.a))).sum() for slot in self.shapes)

    def gate_gradient(self) -> Array:
        """Return the derivatives of the loss and the price by a, (n_gates,), after the weights' update."""
        gradient = get_array_module(self.a).empty_like(self.a)
        for slot, shape in self.shapes.items():
            axes = tuple(i for i, size in enumerate(shape) if size < slot.shape[i])
            dz = slot.view(self.dz).sum(axis=axes, keepdims=True)
            p = probability_open(self._of(slot, self.a))
            self._of(slot, gradient)[...] = dz * self._of(slot, self.slope) + self.lam * self._behind(slot) * p * (1 - p)
        return gradient

    def _draw(self) -> None:
        """Draw the gates of the next step, and compute W and V from them."""
        noise = np.random.default_rng((self.seed, NOISE, self.optimizer.steps)).logistic(size=self.a.size)  # log u - log(1 - u)
        noise = to_device(noise.astype(self.a.dtype), get_array_module(self.a))
        self.z[...], self.slope[...] = sampled_gates(self.a, noise)
        final = gates_without_noise(self.a)
        for slot in self.network.layout.weights.values():
            if slot in self.shapes:
                w = slot.view(self.w)
                slot.view(self.network.flat)[...] = self._of(slot, self.z) * w
                slot.view(self.v)[...] = self._of(slot, final) * w
            else:
                slot.view(self.v)[...] = slot.view(self.network.flat)

    def _of(self, slot: Slot, gates: Array) -> Array:
        """Return the layer's part of gates (n_gates,) as a view, in the shape that is broadcast to the layer's weights."""
        return gates[self.places[slot]].reshape(self.shapes[slot])

    def _for_weights(self, slot: Slot, gates: Array) -> Array:
        """Return the layer's part of gates (n_gates,) for each of its weights, a view."""
        return get_array_module(gates).broadcast_to(self._of(slot, gates), slot.shape)

    def _behind(self, slot: Slot) -> int:
        """Return the number of weights behind each gate of the layer."""
        return prod(slot.shape) // prod(self.shapes[slot])


def _gate_shape(slot: Slot, by_unit: bool) -> tuple[int, ...]:
    if not by_unit:
        return slot.shape
    return tuple(size if axis == slot.unit_axis else 1 for axis, size in enumerate(slot.shape))
