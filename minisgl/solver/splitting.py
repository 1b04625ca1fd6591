"""Sparse training by splitting the weights in two: W learns, V is sparse, and beta holds them together.

    F_beta(W, V) = L(W) + sum over layers l of [ group_l(W_l) + r_l(V_l) + beta/2 ||W_l - V_l||^2 ]

with L the data's loss, group_l = lam_l * group lasso, r_l = lam_l * l0 (or l1, ...). A thresholded network cannot be trained
by gradients: the penalty has none at the points of interest. Splitting gives each half of the work to the variable that can
do it. Every mini-batch makes two steps:

    W-step    g = grad L(W) + grad group(W) + beta (W - V);    W <- optimiser(W, g)
    V-step    V <- prox_{s r}(W)          s = 1/beta: V minimises F exactly; or a chosen s that sets the threshold

Sources: Bui, Park, Zhang, Qi, Xin, Front. Appl. Math. Stat. 6 (2021) 529564; Xue, Xin, arXiv 1902.07419 (relaxed variable
splitting: no group term, and the network that is kept is V).
"""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from math import prod
from typing import Self

from minisgl.backend import Array, get_array_module
from minisgl.nn import Block, Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.penalties import GroupLasso, Penalty, Separable
from minisgl.solver.blocks import trained_blocks
from minisgl.solver.group_scales import GroupScales
from minisgl.solver.protocol import Put, moved_optimizer
from minisgl.solver.schedules import StepSettings

NEGLIGIBLE = 1e-5  # below this the paper's code counts a weight of W as zero; here it is made zero before it is counted


def drop_negligible(weights: Array) -> Array:
    """A copy of the weights in which every |w| < 1e-5 is exactly 0."""
    xp = get_array_module(weights)
    return xp.where(xp.abs(weights) < NEGLIGIBLE, 0, weights)


@dataclass(frozen=True)
class LayerPenalty:
    """What one layer pays: `group` on W, `sparse` (r) on V; None for nothing."""

    group: GroupLasso | None = None
    sparse: Penalty | None = None


class Splitting:
    """W, V and the two steps. `penalties` are by layer name; a layer that is not named pays nothing, and there V is W.

    `v` (n_weights,) is V. When no layer has an r, V is W: `v` is a view of the network's weights, no coupling is added, no
    prox is called, and training is the plain loop to the last bit.

    By hand the two steps are `w_step` and `v_step`, each on the whole network; `update`, which the training loop calls, takes
    both block by block. The bytes are the same.
    """

    def __init__(self, network: Network, optimizer: Optimizer, penalties: Mapping[str, LayerPenalty]) -> None:
        self.network, self.optimizer = network, optimizer
        slots = network.layout.weights
        self._names = {slot: name for name, slot in slots.items()}
        self.groups = {slots[name]: p.group for name, p in penalties.items() if p.group is not None}
        self._scales = {slot: GroupScales.of(slot, group, network.flat) for slot, group in self.groups.items()}
        self._sparse = {slots[name]: p.sparse for name, p in penalties.items() if p.sparse is not None}
        self.splits = bool(self._sparse)
        self.v: Array = network.weights.copy() if self.splits else network.weights
        self.blocks = trained_blocks(network)
        # a prox that is not separable wants its layer whole
        self._whole = {slot for slot, penalty in self._sparse.items() if not isinstance(penalty, Separable)}
        self._of_v = set(slots.values()) - self._whole if self.splits else set()  # whose V-step is taken block by block

    # --- the two steps, by hand

    def add_gradient(self, gradient: Array, beta: float) -> None:
        """Add grad group(W) + beta (W - V) to gradient (size,), in place. Biases pay nothing."""
        self.prepare()
        for block in self.blocks:
            self._add_gradient(block, gradient, beta)

    def w_step(self, gradient: Array, lr: float, beta: float) -> None:
        """W <- optimiser(W, gradient + grad group(W) + beta (W - V)); gradient (size,) is that of the loss, and is used up."""
        self.prepare()
        self.optimizer.advance()
        for block in self.blocks:
            self.update_w(block, gradient, lr, beta)

    def v_step(self, beta: float, thresholds: Mapping[str, float] | None = None) -> None:
        """V <- prox_{s r}(W), layer by layer; s = 1/beta, or the s at which r's threshold is thresholds[layer].

        Where the threshold is 0, or the layer has no r, V is W.
        """
        steps = self.prox_steps(beta, thresholds)
        for block in self.blocks:
            if block.slot in self._of_v:
                self.update_v(block, steps)
        self._update_whole(steps)

    # --- the same, as the training loop asks for it (protocol.py)

    def start(self, settings: StepSettings) -> None:
        """V <- prox(W)."""
        self.v_step(settings.beta, settings.thresholds)

    def prepare(self, rank: int = 0, ranks: int = 1) -> None:
        """This rank's share of the group scales, from W as it is before the step."""
        for scales in self._scales.values():
            scales.update(self.network.flat, rank, ranks)

    def update(self, blocks: Iterable[Block], gradient: Array, settings: StepSettings) -> None:
        """The W-step in these blocks, and in each the V-step at once, while it is in cache, unless it wants a whole layer."""
        self.optimizer.advance()
        steps = self.prox_steps(settings.beta, settings.thresholds)
        for block in blocks:
            self.update_w(block, gradient, settings.lr, settings.beta)
            if block.slot in self._of_v:
                self.update_v(block, steps)

    def finish(self, settings: StepSettings) -> None:
        """The V-step of the layers that are wanted whole."""
        if self._whole:
            self._update_whole(self.prox_steps(settings.beta, settings.thresholds))

    # --- one block

    def _add_gradient(self, block: Block, gradient: Array, beta: float) -> None:
        w, g = block.view(self.network.flat), block.view(gradient)
        if block.slot in self._scales:
            g += w * self._scales[block.slot].for_block(block)
        if block.slot in self._sparse:
            g += beta * (w - block.view(self.v))

    def update_w(self, block: Block, gradient: Array, lr: float, beta: float) -> None:
        """The W-step for one block, the optimiser having advanced and the group scales being those of W before the step."""
        self._add_gradient(block, gradient, beta)
        self.optimizer.update(self.network.flat, gradient, lr, block.part)

    def prox_steps(self, beta: float, thresholds: Mapping[str, float] | None) -> dict[Slot, float]:
        """The s of each layer that has an r."""
        return {
            slot: 1 / beta if thresholds is None else penalty.step_for(thresholds[self._names[slot]])
            for slot, penalty in self._sparse.items()
        }

    def update_v(self, block: Block, steps: Mapping[Slot, float]) -> None:
        """The V-step for one block."""
        w, v = block.view(self.network.flat), block.view(self.v)
        if steps.get(block.slot, 0) > 0:
            x = self._sparse[block.slot].prox(w, steps[block.slot], out=v)
            if x is not v:  # a user's prox that gives an array of its own
                v[...] = x
        else:
            v[...] = w

    def _update_whole(self, steps: Mapping[Slot, float]) -> None:
        for slot in self._whole:
            for block in slot.blocks(prod(slot.shape)):  # one
                self.update_v(block, steps)

    # --- what is kept and reported

    def arrays(self) -> dict[str, Array]:
        """W with its biases, V, and the optimiser's vectors."""
        return {"parameters": self.network.flat, "v": self.v, **self.optimizer.state}

    def moved(self, put: Put) -> Self:
        """The same splitting over copies that `put` makes of its arrays."""
        other = copy(self)
        other.network = self.network.with_flat(put(self.network.flat))
        other.v = put(self.v) if self.splits else other.network.weights
        other.optimizer = moved_optimizer(self.optimizer, put)
        other._scales = {slot: scales.moved(put) for slot, scales in self._scales.items()}
        return other

    def regularizer(self, beta: float) -> float:
        """F_beta - L: group(W) + r(V) + beta/2 ||W - V||^2."""
        w = self.network.flat
        total = sum(group.value(slot.view(w)) for slot, group in self.groups.items())
        for slot, penalty in self._sparse.items():
            gap = slot.view(w) - slot.view(self.v)
            total += penalty.value(slot.view(self.v)) + beta / 2 * (gap * gap).sum().item()
        return float(total)

    def reported(self, which: str) -> Network:
        """The network "w", its weights below 1e-5 set to exactly 0, or "v", with W's biases. Both are copies.

        With no penalty on V the two are the same network.
        """
        if which == "v" and self.splits:
            return self.network.with_weights(self.v)
        return self.network.with_weights(drop_negligible(self.network.weights))
