"""Decoupled penalties: after each step of the optimiser, W takes the penalties' prox in the optimiser's metric.

    F(W) = L(W) + sum over layers l of [ group_l(W_l) + r_l(W_l) ]

    u = W - lr m/d                                                           the optimiser's step for the loss alone
    W <- argmin_x  lr (group(x) + r(x)) + 1/2 sum_i d_i (x_i - u_i)^2        the prox in the metric d, layer by layer

d is sqrt(v_hat) + eps for Adam, and 1 - momentum for SGD, whose velocity tends to gradient/(1 - momentum). A point stays where
it is if -g_i, with g the gradient of the loss, is a subgradient of group + r: d cancels. So these points are those of F for
every d, and lam means the same for all optimisers. docs/decoupled.md derives this, and says for which steps F falls.

In splitting the group lasso is in the gradient, Adam divides it by its own size, and no weight becomes exactly 0. Here the
zeros of the proxes are W's own zeros: V is W, and there is no beta.

Sources: the decoupling is that of Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019; the metric's prox
step that of Duchi, Hazan, Singer, "Adaptive subgradient methods", J. Mach. Learn. Res. 12 (2011), there for l1.
"""

from collections.abc import Mapping

from minisgl.errors import MinisglError
from minisgl.nn import Network
from minisgl.nn.optimizers import Optimizer
from minisgl.penalties import L1
from minisgl.penalties.metric import group_prox, power, separable_prox
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay


class Decoupled(Splitting):
    """Splitting without any coupling, so that V is W; the penalties of each layer, by its name, are proxes on W.

    MinisglError for penalties without an exact prox in a metric: r must be l0, l1 or lp, and l1 beside a group lasso.
    """

    def __init__(
        self,
        network: Network,
        optimizer: Optimizer,
        penalties: Mapping[str, LayerPenalty],
        decay: WeightDecay | None = None,
    ) -> None:
        super().__init__(network, optimizer, {}, decay)
        self.penalties = {network.layout.weights[name]: penalty for name, penalty in penalties.items()}
        for penalty in self.penalties.values():
            _require_exact(penalty)

    def finish(self, settings: StepSettings) -> None:
        """Take the proxes in every layer: r's, then that of group lasso."""
        for slot, penalty in self.penalties.items():
            w = slot.view(self.network.flat)
            if penalty.group is None and penalty.sparse is None:
                continue
            d = self.optimizer.metric(slice(slot.start, slot.stop)).reshape(slot.shape)
            if penalty.sparse is not None:
                w[...] = separable_prox(w, d, settings.lr, penalty.sparse)
            if penalty.group is not None:
                w[...] = group_prox(w, d, settings.lr, penalty.group.lam, penalty.group.groups)

    def regularizer(self, beta: float = 0.0) -> float:
        """Return what F adds to the data's loss: group(W) + r(W), and the weight decay. There is no beta."""
        terms = [
            term.value(slot.view(self.network.flat))
            for slot, penalty in self.penalties.items()
            for term in (penalty.group, penalty.sparse)
            if term is not None
        ]
        return self.decay.value(self.network) + sum(terms)

    def reported(self, which: str) -> Network:
        """Return a copy of the network. Its zeros are exact, so small weights stay as they are."""
        return self.network.with_weights(self.network.weights)


def _require_exact(penalty: LayerPenalty) -> None:
    """Raise MinisglError unless the penalties have an exact prox in a metric."""
    r, group = penalty.sparse, penalty.group
    if r is None:
        return
    name = getattr(r, "name", type(r).__name__)
    if power(r) is None:
        raise MinisglError(f"--decoupled has exact proxes for l0, l1, lp and group-lasso, and the penalty is {name}")
    if group is not None and not isinstance(r, L1):
        together = f"{name} and the group lasso (weight {group.lam:g}) together"
        raise MinisglError(f"--decoupled has no exact prox for {together}: give --group-lam 0 too, or --penalty l1")
