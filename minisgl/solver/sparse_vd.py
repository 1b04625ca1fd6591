"""Sparse variational dropout: every weight is Gaussian, and those whose noise is much larger than they are become 0.

    w ~ N(W, sigma^2),   alpha = sigma^2/W^2                                    W and log sigma^2 are trained
    minimise    E[loss(w)] + lam * sum over weights of KL(alpha)
    -KL(alpha) = k1 sigmoid(k2 + k3 log alpha) - 1/2 log(1 + 1/alpha) - k1,     k1 = 0.63576, k2 = 1.8732, k3 = 1.48695
    V = W where log alpha <= 3, else 0

KL is the divergence of the weight from the log-uniform prior (an approximation of it). It falls as alpha grows, so a weight
that the loss does not need gets so much noise that it carries nothing. With lam = 1/(number of training images) this is
variational inference. lam rises from 0 along a line in the first part of the run, otherwise weights are lost before they have
learnt anything. The derivatives of KL, with s = sigmoid(k2 + k3 log alpha):

    dKL/d log sigma^2 = -D,    dKL/dW = 2 D/W,     D = k1 k3 s (1 - s) + 1/2 sigmoid(-log alpha)

The solver's network is the given one with noisy layers (nn/noisy.py), which have the log sigma^2 among their parameters.

Source: Molchanov, Ashukha, Vetrov, "Variational dropout sparsifies deep neural networks", ICML 2017, arXiv 1701.05369.
"""

from collections.abc import Iterable
from copy import copy
from typing import Self

import numpy as np

from minisgl.backend import Array, block_size, get_array_module
from minisgl.errors import MinisglError
from minisgl.nn import Block, Conv2d, Layer, Linear, Network, Slot
from minisgl.nn.network import map_leaves
from minisgl.nn.noisy import LOG_VARIANCE, START, NoisyConv2d, NoisyLinear
from minisgl.nn.optimizers import Optimizer
from minisgl.solver.blocks import BLOCK_SIZE, trained_blocks
from minisgl.solver.hard_concrete import sigmoid
from minisgl.solver.protocol import Put, moved_optimizer
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

K1, K2, K3 = 0.63576, 1.8732, 1.48695
LOG_ALPHA = 3.0  # weights with a larger log alpha are 0 in V
SILENT = -1000.0  # log sigma^2 in the refit: sigma^2 is then exactly 0, even if momentum still moves this number a little


def log_alpha(w: Array, log_variance: Array) -> Array:
    """Return log(sigma^2/w^2), of the same shape, and a large number where w = 0."""
    return log_variance - get_array_module(w).log(w * w + np.finfo(w.dtype).tiny)


def kl(w: Array, log_variance: Array) -> Array:
    """Return KL for each weight, of the same shape: at least 0 up to the approximation, and nearly 0 where alpha is large."""
    x = log_alpha(w, log_variance)
    return K1 - K1 * sigmoid(K2 + K3 * x) + 0.5 * get_array_module(w).logaddexp(0 * x, -x)


def kl_gradient(w: Array, log_variance: Array) -> tuple[Array, Array]:
    """Return dKL/dw and dKL/d log sigma^2, of the same shape."""
    x = log_alpha(w, log_variance)
    s = sigmoid(K2 + K3 * x)
    slope = K1 * K3 * s * (1 - s) + 0.5 * sigmoid(-x)
    return 2 * slope / get_array_module(w).where(w == 0, 1, w), -slope


def noisy_network(network: Network, names: Iterable[str]) -> Network:
    """Return the network, over a copy of its parameters, with noisy layers in the place of those named.

    MinisglError for a layer that is neither a Conv2d nor a Linear.
    """
    names = set(names)

    def change(name: str, layer: Layer) -> Layer:
        if name not in names:
            return layer
        if type(layer) is Conv2d:  # a subclass may compute something else
            return NoisyConv2d(**layer.settings())
        if type(layer) is Linear:
            return NoisyLinear(**layer.settings())
        raise MinisglError(f"{name} is a {type(layer).__name__}: --method sparse-vd needs Conv2d or Linear there")

    layers = map_leaves(network.root, change).children
    flat = get_array_module(network.flat).full(Network.plan(layers).size, START, network.flat.dtype)
    noisy = Network(layers, network.input_shape, flat)
    for slot in network.layout.slots:
        noisy.layout[slot.name].view(flat)[...] = slot.view(network.flat)
    return noisy


class SparseVD:
    """Trains the means and variances of the weights in the layers `slots`. lam: KL's weight, in units of the loss.

    network: with noisy layers there, as `noisy_network` makes it; plain: the one without. ramp: the fraction of the run after
    which lam has its full value, 0 < ramp < 1.
    """

    splits = True

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        slots: Iterable[Slot],
        decay: WeightDecay | None = None,
        *,
        plain: Network,
        lam: float,
        ramp: float,
    ) -> None:
        self.network, self.plain, self.optimizer, self.decay = network, plain, optimizer, decay or WeightDecay()
        self.lam, self.ramp = lam, ramp
        layout, xp = network.layout, get_array_module(network.flat)
        self.variances = {slot: layout[f"{slot.name.removesuffix('.weight')}.{LOG_VARIANCE}"] for slot in slots}
        self.v: Array = network.weights.copy()
        self.kl: Array = xp.zeros_like(network.flat)  # KL's gradient, (size,), of this step
        self.decays: Array = xp.ones_like(network.flat)  # 0 for the variances, which do not decay
        for slot in self.variances.values():
            slot.view(self.decays)[...] = 0
        self.blocks = trained_blocks(network)
        size = block_size(network.flat, BLOCK_SIZE)
        self._noisy = [block for slot in self.variances for block in slot.blocks(size)]

    def start(self, settings: StepSettings) -> None:
        """Compute V."""
        self._threshold()

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Phase 1: compute KL's gradient in this rank's share of the weights."""
        flat = self.network.flat
        for block in self._noisy[rank::ranks]:
            variance = Block(self.variances[block.slot], block.rows)
            block.view(self.kl)[...], variance.view(self.kl)[...] = kl_gradient(block.view(flat), variance.view(flat))

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """Phase 2: the optimiser's step with the gradients of the loss and of KL."""
        self.optimizer.advance()
        lam = self.lam * min(settings.done / self.ramp, 1.0)
        for block in blocks:
            part, flat = block.part, self.network.flat
            gradient[part] += lam * self.kl[part]
            if decay := self.decay.of(block):
                gradient[part] += decay * self.decays[part] * flat[part]
            self.optimizer.update(flat, gradient, settings.lr, part)

    def finish(self, settings: StepSettings) -> None:
        """Compute V."""
        self._threshold()

    def thresholds(self, settings: StepSettings) -> None:
        """Return None: no weight is thresholded by its size alone."""

    def arrays(self) -> dict[str, Array]:
        """Return the means, the variances and all other parameters, V, and the optimiser's vectors."""
        return {"parameters": self.network.flat, "v": self.v, **self.optimizer.state}

    def moved(self, put: Put) -> Self:
        """Return the same solver on copies of its arrays, made by `put`."""
        other = copy(self)
        other.network = self.network.with_flat(put(self.network.flat))
        other.v, other.kl, other.decays = put(self.v), put(self.kl), put(self.decays)
        other.optimizer = moved_optimizer(self.optimizer, put)
        return other

    def reported(self, which: str) -> Network:
        """Return W, the means, or V as a network without noise."""
        flat = self.plain.flat.copy()
        for slot in self.plain.layout.slots:
            slot.view(flat)[...] = self.network.layout[slot.name].view(self.network.flat)
        network = self.plain.with_flat(flat)
        return network.with_weights(self.v) if which == "v" else network

    def silence(self) -> None:
        """Set all variances to 0: the weights have no noise any more. They stay 0: their gradients are 0, too."""
        for slot in self.variances.values():
            slot.view(self.network.flat)[...] = SILENT

    def _threshold(self) -> None:
        """Write W to V, and 0 where log alpha is too large."""
        flat = self.network.flat
        self.v[...] = self.network.weights
        for slot, variance in self.variances.items():
            v = slot.view(self.v)
            v *= log_alpha(slot.view(flat), variance.view(flat)) <= LOG_ALPHA


class QuietRefit(Refit):
    """A refit after sparse variational dropout: the weights that remain are trained without noise."""

    def start(self, settings: StepSettings | None = None) -> None:
        """Set W and V to the network to refit, as `Refit` does, and end the noise."""
        super().start(settings)
        assert isinstance(self.solver, SparseVD)
        self.solver.silence()
