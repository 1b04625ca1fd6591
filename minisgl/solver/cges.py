"""Combined group and exclusive sparsity (CGES): a group lasso in the first layers, and more and more an exclusive lasso.

    sum over layers l of  (1 - mu_l) * lam_G * sum_g sqrt(n_g) ||w_g||_2  +  mu_l * lam_E/2 * sum_g (sum_i |w_gi|)^2

    mu_l = l/(L + 1),  l = 1 ... L the layer's place in the network: 0.2, 0.4, 0.6, 0.8 for four layers

The groups are those of the group lasso: the weights of an output channel, or all weights that leave an input neuron. The group
lasso removes whole features; the exclusive lasso lets the weights of a feature compete, so that the features of later layers
are used in different places. W is the network, and after each step of the optimiser it takes both proxes, at the step lr:

    W <- optimiser(W, grad L(W));    W <- prox_{lr (1 - mu_l) group}(W);    W <- prox_{lr mu_l exclusive}(W)

Each prox is exact, that of the exclusive lasso by sorting (penalties/exclusive_lasso.py). One after the other they are not the
prox of the sum. The step is lr with Adam too, whose own steps are scaled for each weight. The paper's group lasso has no
sqrt(n_g), and its one weight is both lam_G and lam_E.

The weights have no given share of zeros: when the refit begins, the smallest |w| become 0 (refit.py).

Source: Yoon, Hwang, "Combined group and exclusive sparsity for deep neural networks", ICML 2017.
"""

from collections.abc import Iterable

from minisgl.nn import Network, Slot
from minisgl.nn.optimizers import Optimizer
from minisgl.penalties import ExclusiveLasso, GroupLasso
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import Splitting
from minisgl.solver.weight_decay import WeightDecay


class CGES(Splitting):
    """Splitting without any r, so that V is W, and with the two proxes after each step in the layers `slots`.

    group_lam, exclusive_lam: lam_G and lam_E, at least 0; 0 for no such term.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        slots: Iterable[Slot],
        decay: WeightDecay | None = None,
        *,
        group_lam: float,
        exclusive_lam: float,
    ) -> None:
        super().__init__(network, optimizer, {}, decay)
        layers = list(network.layout.weights.values())
        shares = {slot: depth / (len(layers) + 1) for depth, slot in enumerate(layers, start=1)}  # mu_l
        self.terms = {
            slot: (
                GroupLasso((1 - shares[slot]) * group_lam, slot.unit_axis),
                ExclusiveLasso(shares[slot] * exclusive_lam, slot.unit_axis),
            )
            for slot in slots
        }

    def finish(self, settings: StepSettings) -> None:
        """Take both proxes in every layer."""
        for slot, terms in self.terms.items():
            w = slot.view(self.network.flat)
            for term in terms:
                if term.lam > 0:
                    term.prox(w, settings.lr, out=w)

    def reported(self, which: str) -> Network:
        """Return a copy of the network. Its zeros are exact, so small weights stay as they are."""
        return self.network.with_weights(self.network.weights)
