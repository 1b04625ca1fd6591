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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from minisgl.backend import Array, block_size, get_array_module
from minisgl.nn import Block, Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.penalties import GroupLasso, Penalty, Separable

PIECE = 16_384  # numbers: 64 KiB in float32, so that a piece of every vector of an update fits a 1 MiB cache

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
    """

    def __init__(self, network: Network, optimizer: Optimizer, penalties: Mapping[str, LayerPenalty]) -> None:
        self.network, self.optimizer = network, optimizer
        slots = network.layout.weights
        self._names = {slot: name for name, slot in slots.items()}
        self.groups = {slots[name]: p.group for name, p in penalties.items() if p.group is not None}
        self._sparse = {slots[name]: p.sparse for name, p in penalties.items() if p.sparse is not None}
        piece = block_size(network.flat, PIECE)
        self.w_pieces = [part for slot in (*slots.values(), network.layout.free) for part in slot.blocks(piece)]
        self.v_pieces = [piece for slot in slots.values() for piece in slot.blocks(self._v_size(slot))] if self._sparse else []
        self.v: Array = network.weights.copy() if self._sparse else network.weights

    def _v_size(self, slot: Slot) -> int:
        """How many numbers the prox may be given at a time: one that is not separable wants its layer whole."""
        piece = block_size(self.network.flat, PIECE)
        return piece if isinstance(self._sparse.get(slot), Separable | None) else prod(slot.shape)

    @property
    def splits(self) -> bool:
        """Whether V is an array of its own."""
        return bool(self._sparse)

    def place(self, put: Callable[[Array], Array]) -> None:
        """Have W, V and the optimiser's vectors where `put` copies them to; the network is another object from then on."""
        self.network = self.network.with_flat(put(self.network.flat))
        self.v = put(self.v) if self.splits else self.network.weights
        self.optimizer.state.update({name: put(array) for name, array in self.optimizer.state.items()})

    def pulls(self) -> dict[Slot, Array]:
        """What the group lasso multiplies each weight with in its gradient: one number a group."""
        return {slot: group.pull(slot.view(self.network.flat)) for slot, group in self.groups.items()}

    def _add_gradient(self, piece: Block, gradient: Array, beta: float, pulls: Mapping[Slot, Array]) -> None:
        w, g = piece.view(self.network.flat), piece.view(gradient)
        if piece.slot in pulls:
            pull = pulls[piece.slot]  # a number for each row, or for each column
            g += w * (pull[piece.rows] if len(pull) > 1 else pull)
        if piece.slot in self._sparse:
            g += beta * (w - piece.view(self.v))

    def add_gradient(self, gradient: Array, beta: float) -> None:
        """Add grad group(W) + beta (W - V) to gradient (size,), in place. Biases pay nothing."""
        pulls = self.pulls()
        for piece in self.w_pieces:
            self._add_gradient(piece, gradient, beta, pulls)

    def w_step(self, gradient: Array, lr: float, beta: float) -> None:
        """W <- optimiser(W, gradient + grad group(W) + beta (W - V)); gradient (size,) is that of the loss, and is used up."""
        pulls = self.pulls()
        self.optimizer.advance()
        for piece in self.w_pieces:
            self.update_w(piece, gradient, lr, beta, pulls)

    def update_w(self, piece: Block, gradient: Array, lr: float, beta: float, pulls: Mapping[Slot, Array]) -> None:
        """The W-step for one piece, the optimiser having advanced; `pulls` are those of W before the step."""
        self._add_gradient(piece, gradient, beta, pulls)
        self.optimizer.update(self.network.flat, gradient, lr, piece.part)

    def v_step(self, beta: float, thresholds: Mapping[str, float] | None = None) -> None:
        """V <- prox_{s r}(W), layer by layer; s = 1/beta, or the s at which r's threshold is thresholds[layer].

        Where the threshold is 0, or the layer has no r, V is W.
        """
        steps = self.prox_steps(beta, thresholds)
        for piece in self.v_pieces:
            self.update_v(piece, steps)

    def prox_steps(self, beta: float, thresholds: Mapping[str, float] | None) -> dict[Slot, float]:
        """The s of each layer that has an r."""
        return {
            slot: 1 / beta if thresholds is None else penalty.step_for(thresholds[self._names[slot]])
            for slot, penalty in self._sparse.items()
        }

    def update_v(self, piece: Block, steps: Mapping[Slot, float]) -> None:
        """The V-step for one piece."""
        w, v = piece.view(self.network.flat), piece.view(self.v)
        if steps.get(piece.slot, 0) > 0:
            x = self._sparse[piece.slot].prox(w, steps[piece.slot], out=v)
            if x is not v:  # a user's prox that gives an array of its own
                v[...] = x
        else:
            v[...] = w

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
