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

from collections.abc import Mapping
from dataclasses import dataclass

from minisgl.backend import Array
from minisgl.nn import Sequential
from minisgl.optimizers import Optimizer, blocks
from minisgl.penalties import GroupLasso, Penalty
from minisgl.sparsity import drop_negligible


@dataclass(frozen=True)
class LayerPenalty:
    """What one layer pays: `group` on W, `sparse` (r) on V; None for nothing."""

    group: GroupLasso | None = None
    sparse: Penalty | None = None


class Splitting:
    """W, V and the two steps. `penalties` are by layer name; a layer that is not named pays nothing, and there V is W.

    `v` (n_weights,) is V. When no layer has an r, V is W: `v` is a view of the network's weights, no coupling is added, no
    prox is called, and training is the plain loop to the last bit.
    """

    def __init__(self, network: Sequential, optimizer: Optimizer, penalties: Mapping[str, LayerPenalty]) -> None:
        self.network, self.optimizer = network, optimizer
        slots = network.layout.weights
        self._groups = [(slots[name], p.group) for name, p in penalties.items() if p.group is not None]
        self._sparse = [(name, slots[name], p.sparse) for name, p in penalties.items() if p.sparse is not None]
        named = {slot.name for _, slot, _ in self._sparse}
        self._plain = [slot for slot in slots.values() if named and slot.name not in named]
        self.v: Array = network.weights.copy() if self._sparse else network.weights

    @property
    def splits(self) -> bool:
        """Whether V is an array of its own."""
        return bool(self._sparse)

    def add_gradient(self, gradient: Array, beta: float) -> None:
        """Add grad group(W) + beta (W - V) to gradient (size,), in place. Biases pay nothing."""
        w = self.network.flat
        for slot, group in self._groups:
            part = slot.view(gradient)
            part += group.subgradient(slot.view(w))
        for _, slot, _ in self._sparse:
            for block in blocks(slot.stop - slot.start):
                wb, vb, gb = (x[slot.start : slot.stop][block] for x in (w, self.v, gradient))
                gb += beta * (wb - vb)

    def w_step(self, gradient: Array, lr: float, beta: float) -> None:
        """W <- optimiser(W, gradient + grad group(W) + beta (W - V)); gradient (size,) is that of the loss, and is used up."""
        self.add_gradient(gradient, beta)
        self.optimizer.update(self.network.flat, gradient, lr)

    def v_step(self, beta: float, thresholds: Mapping[str, float] | None = None) -> None:
        """V <- prox_{s r}(W), layer by layer; s = 1/beta, or the s at which r's threshold is thresholds[layer].

        Where the threshold is 0, or the layer has no r, V is W.
        """
        for slot in self._plain:
            self.v[slot.start : slot.stop] = self.network.flat[slot.start : slot.stop]
        for name, slot, penalty in self._sparse:
            w, v = slot.view(self.network.flat), slot.view(self.v)
            step = 1 / beta if thresholds is None else penalty.step_for(thresholds[name])
            if step > 0:
                penalty.prox(w, step, out=v)
            else:
                v[...] = w

    def regularizer(self, beta: float) -> float:
        """F_beta - L: group(W) + r(V) + beta/2 ||W - V||^2."""
        w = self.network.flat
        total = sum(group.value(slot.view(w)) for slot, group in self._groups)
        for _, slot, penalty in self._sparse:
            gap = slot.view(w) - slot.view(self.v)
            total += penalty.value(slot.view(self.v)) + beta / 2 * (gap * gap).sum().item()
        return float(total)

    def reported(self, which: str) -> Sequential:
        """The network "w", its weights below 1e-5 set to exactly 0, or "v", with W's biases. Both are copies.

        With no penalty on V the two are the same network.
        """
        if which == "v" and self.splits:
            return self.network.with_weights(self.v)
        return self.network.with_weights(drop_negligible(self.network.weights))
