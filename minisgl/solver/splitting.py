"""Sparse training with two copies of the weights: W is trained, V is sparse, and beta couples them.

    F_beta(W, V) = L(W) + sum over layers l of [ group_l(W_l) + r_l(V_l) + beta/2 ||W_l - V_l||^2 ]

with L the data's loss (and the weight decay, if any), group_l = lam_l * group lasso, r_l = lam_l * l0 (or l1, ...). Gradient
descent cannot minimise r, which has no gradient where a weight is zero. So W is trained on the loss by gradients, and V takes
the penalty r by its prox. Two steps follow every mini-batch:

    W-step    g = grad L(W) + grad group(W) + beta (W - V);    W <- optimiser(W, g)
    V-step    V <- prox_{s r}(W)          s = 1/beta: V minimises F exactly; or s is chosen to set the threshold

Sources: Bui, Park, Zhang, Qi, Xin, Front. Appl. Math. Stat. 6 (2021) 529564; Xue, Xin, arXiv 1902.07419 (relaxed variable
splitting: no group term, and V is the network that is kept).
"""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from math import prod
from typing import Self, cast

from minisgl.backend import Array, get_array_module
from minisgl.kernels import has_kernels
from minisgl.nn import Block, Network, Slot
from minisgl.nn.optimizers import Fused, Optimizer
from minisgl.penalties import GroupLasso, Penalty, Separable
from minisgl.solver.blocks import trained_blocks
from minisgl.solver.fused import w_step
from minisgl.solver.group_scales import GroupScales
from minisgl.solver.protocol import Put, moved_optimizer
from minisgl.solver.quantile import threshold_for
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

NEGLIGIBLE = 1e-5  # the paper's code counts a weight of W below this as zero; here it is set to zero before counting


def drop_negligible(weights: Array) -> Array:
    """Return a copy of the weights in which every |w| < 1e-5 is exactly 0."""
    xp = get_array_module(weights)
    return xp.where(xp.abs(weights) < NEGLIGIBLE, 0, weights)


@dataclass(frozen=True)
class LayerPenalty:
    """One layer's penalties: `group` on W and `sparse` (r) on V; None for no penalty."""

    group: GroupLasso | None = None
    sparse: Penalty | None = None


class Splitting:
    """W, V and the two steps. `penalties` are by layer name; a layer without an entry has no penalty, and its V equals its W.
    `decay`: the weight decay of W and the free parameters, None for none.

    `v` (n_weights,) is V. When no layer has an r, V is W: `v` is a view of the network's weights, no coupling is added, no
    prox is called, and training gives the same bytes as the plain loop.

    `w_step` and `v_step` each take one step on the whole network; `update`, which the training loop calls, takes both block by
    block. The bytes are the same.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        penalties: Mapping[str, LayerPenalty],
        decay: WeightDecay | None = None,
    ) -> None:
        self.network, self.optimizer, self.decay = network, optimizer, decay or WeightDecay()
        slots = network.layout.weights
        self._names = {slot: name for name, slot in slots.items()}
        self.groups = {slots[name]: p.group for name, p in penalties.items() if p.group is not None}
        self._scales = {slot: GroupScales.of(slot, group, network.flat) for slot, group in self.groups.items()}
        self._sparse = {slots[name]: p.sparse for name, p in penalties.items() if p.sparse is not None}
        self.splits = bool(self._sparse)
        self.v: Array = network.weights.copy() if self.splits else network.weights
        self.blocks = trained_blocks(network)
        self._is_fused = has_kernels(network.flat) and isinstance(optimizer, Fused)
        # a prox that is not separable needs its whole layer
        self._whole = {slot for slot, penalty in self._sparse.items() if not isinstance(penalty, Separable)}
        # the other layers take the V-step block by block
        self._by_block = set(slots.values()) - self._whole if self.splits else set()

    # --- the two steps on the whole network

    def add_gradient(self, gradient: Array, beta: float) -> None:
        """Add grad group(W) + beta (W - V) and the weight decay to gradient (size,), in place. Biases have no penalty."""
        self.prepare()
        for block in self.blocks:
            self._add_gradient(block, gradient, beta)

    def w_step(self, gradient: Array, lr: float, beta: float) -> None:
        """W <- optimiser(W, gradient + grad group(W) + beta (W - V)); gradient (size,) is the loss's, and is overwritten."""
        self.prepare()
        self.optimizer.advance()
        for block in self.blocks:
            self.update_w(block, gradient, lr, beta)

    def v_step(self, beta: float, thresholds: Mapping[str, float] | None = None) -> None:
        """V <- prox_{s r}(W), layer by layer; s = 1/beta, or the s at which r's threshold is thresholds[layer].

        V is W where the threshold is 0 or the layer has no r.
        """
        steps = self.prox_steps(beta, thresholds)
        for block in self.blocks:
            if block.slot in self._by_block:
                self.update_v(block, steps, beta)
        self._update_whole(self._whole, steps, beta)

    # --- the same as the training loop calls it (protocol.py)

    def start(self, settings: StepSettings) -> None:
        """V <- prox(W)."""
        self.v_step(settings.beta, self.thresholds(settings))

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """Compute this rank's share of the group scales from W as it is before the step."""
        for scales in self._scales.values():
            scales.update(self.network.flat, rank, ranks)

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """In each block take the W-step and then, while it is in cache, the V-step, unless that needs more than the block."""
        self.optimizer.advance()
        now = self._by_block - self._in_finish(settings)
        steps = self.prox_steps(settings.beta, settings.thresholds)
        for block in blocks:
            self.update_w(block, gradient, settings.lr, settings.beta)
            if block.slot in now:
                self.update_v(block, steps, settings.beta)

    def finish(self, settings: StepSettings) -> None:
        """Take the V-step of the layers whose prox needs the whole layer, or a quantile of all weights after the W-step."""
        if slots := self._in_finish(settings):
            self._update_whole(slots, self.prox_steps(settings.beta, self.thresholds(settings)), settings.beta)

    def thresholds(self, settings: StepSettings) -> dict[str, float] | None:
        """Return the threshold of each layer with an r, None if it follows from beta.

        With a sparsity it is one number, the quantile of |W| as W is now, over all these layers together.
        """
        if settings.sparsity is None or not self._sparse:
            return settings.thresholds
        tau = threshold_for([self._thresholded(slot, settings.beta) for slot in self._sparse], settings.sparsity)
        return {self._names[slot]: tau for slot in self._sparse}

    def _in_finish(self, settings: StepSettings) -> set[Slot]:
        """Return the layers whose V-step is taken in `finish`."""
        return self._whole if settings.sparsity is None else set(self._sparse)

    # --- one block

    def _target(self, block: Block, beta: float) -> Array:
        """Return what the coupling pulls W towards in this block: V. ADMM subtracts its multiplier (admm.py)."""
        return block.view(self.v)

    def _thresholded(self, part: Block | Slot, beta: float) -> Array:
        """Return what the V-step thresholds in this block or layer: W. ADMM adds its multiplier."""
        return part.view(self.network.flat)

    def _add_gradient(self, block: Block, gradient: Array, beta: float) -> None:
        w, g = block.view(self.network.flat), block.view(gradient)
        if block.slot in self._scales:
            g += w * self._scales[block.slot].for_block(block)
        if block.slot in self._sparse:
            g += beta * (w - self._target(block, beta))
        self.decay.add_gradient(block, self.network.flat, gradient)

    def update_w(self, block: Block, gradient: Array, lr: float, beta: float) -> None:
        """Take the W-step in one block, after the optimiser has advanced; the group scales are those of W before the step."""
        if self._is_fused:
            scale = self._scales[block.slot].for_block(block) if block.slot in self._scales else 0.0
            has_r = block.slot in self._sparse
            coupling = {"beta": beta if has_r else 0.0, "v": self._target(block, beta) if has_r else 0.0}
            decay = self.decay.of(block)
            w_step(cast(Fused, self.optimizer), block, self.network.flat, gradient, lr, scale=scale, decay=decay, **coupling)
            return
        self._add_gradient(block, gradient, beta)
        self.optimizer.update(self.network.flat, gradient, lr, block.part)

    def prox_steps(self, beta: float, thresholds: Mapping[str, float] | None) -> dict[Slot, float]:
        """Return the s of each layer that has an r."""
        return {
            slot: 1 / beta if thresholds is None else penalty.step_for(thresholds[self._names[slot]])
            for slot, penalty in self._sparse.items()
        }

    def update_v(self, block: Block, steps: Mapping[Slot, float], beta: float) -> None:
        """Take the V-step in one block."""
        w, v = self._thresholded(block, beta), block.view(self.v)
        if steps.get(block.slot, 0) > 0:
            x = self._sparse[block.slot].prox(w, steps[block.slot], out=v)
            if x is not v:  # a user's prox may return a new array
                v[...] = x
        else:
            v[...] = w

    def _update_whole(self, slots: Iterable[Slot], steps: Mapping[Slot, float], beta: float) -> None:
        for slot in slots:
            for block in slot.blocks(prod(slot.shape)):  # a single block
                self.update_v(block, steps, beta)

    # --- what is kept and reported

    def arrays(self) -> dict[str, Array]:
        """Return W with its biases, V, and the optimiser's vectors."""
        return {"parameters": self.network.flat, "v": self.v, **self.optimizer.state}

    def moved(self, put: Put) -> Self:
        """Return the same splitting on copies of its arrays, made by `put`."""
        other = copy(self)
        other.network = self.network.with_flat(put(self.network.flat))
        other.v = put(self.v) if self.splits else other.network.weights
        other.optimizer = moved_optimizer(self.optimizer, put)
        other._scales = {slot: scales.moved(put) for slot, scales in self._scales.items()}
        return other

    def regularizer(self, beta: float) -> float:
        """Return what F_beta adds to the data's loss: group(W) + r(V) + beta/2 ||W - V||^2, and the weight decay."""
        w = self.network.flat
        total = self.decay.value(self.network) + sum(group.value(slot.view(w)) for slot, group in self.groups.items())
        for slot, penalty in self._sparse.items():
            gap = slot.view(w) - slot.view(self.v)
            total += penalty.value(slot.view(self.v)) + beta / 2 * (gap * gap).sum().item()
        return float(total)

    def reported(self, which: str) -> Network:
        """Return a copy of the network "w", with weights below 1e-5 set to exactly 0, or "v", with W's biases.

        With no penalty on V the two are the same network.
        """
        if which == "v" and self.splits:
            return self.network.with_weights(self.v)
        return self.network.with_weights(drop_negligible(self.network.weights))
