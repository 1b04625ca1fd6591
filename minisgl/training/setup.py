"""From a configuration to what trains: the network's penalties, its optimiser, the schedule, and the stages of the run."""

from minisgl.config import TrainConfig
from minisgl.errors import MinisglError
from minisgl.nn import Network
from minisgl.nn.optimizers import SGD, Adam, Optimizer
from minisgl.penalties import GroupLasso
from minisgl.penalties.names import has_r, make_r, parse_options, with_group
from minisgl.solver.protocol import Solver
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import Continuation, HalfCosine, Schedule, Stepwise
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training.stages import Stage


def make_splitting(config: TrainConfig, network: Network) -> Splitting:
    """The network with its penalties (group lasso on W, r on V, by layer) and its optimiser, as configured."""
    optimizer: Optimizer
    match config.optimizer:
        case "adam":
            optimizer = Adam(network.flat)
        case "sgd":
            optimizer = SGD(network.flat, config.momentum, config.nesterov)
    options = parse_options(config.penalty_option)
    if options and not has_r(config.penalty):
        raise MinisglError(f"penalty {config.penalty} has no options, and got {', '.join(options)}")
    chosen, penalties = config.sparse_among(list(network.layout.weights)), {}
    for name, slot in network.layout.weights.items():
        axis = slot.unit_axis
        group = GroupLasso(config.group_weight, axis) if config.group_weight > 0 else None
        sparse = make_r(config.penalty, config.lam, options, slot.shape, axis) if has_r(config.penalty) else None
        if config.lam == 0 or name not in chosen:
            sparse = None  # made all the same, so that a wrong name or option is refused
        if config.v_group != "none" and name in chosen:
            if sparse is None:
                raise MinisglError(f"--v-group {config.v_group} needs an r with lam > 0, and penalty {config.penalty} has none")
            group, sparse = None, with_group(config.penalty, sparse, config.v_group, config.group_weight, axis)
        penalties[name] = LayerPenalty(group, sparse)
    return Splitting(network, optimizer, penalties)


def make_stages(config: TrainConfig, solver: Solver) -> list[Stage]:
    """The solver's own stage, and the refit at the end, if there is one."""
    before = config.epochs - config.refit
    stages = [Stage(solver, make_schedule(config, list(solver.network.layout.weights)), 0, before)]
    if config.refit:
        stages.append(Stage(Refit(solver, config.prune), HalfCosine(config.lr), before, config.refit))
    return stages


def make_schedule(config: TrainConfig, layers: list[str]) -> Schedule:
    """The regime: continuation when thresholds are given, one or one per layer (else MinisglError), or the paper's."""
    if config.threshold is None:
        return Stepwise(config.lr, config.lr_drops, config.beta, config.beta_growth, config.beta_every)
    layers = config.sparse_among(layers)
    thresholds = config.threshold * len(layers) if len(config.threshold) == 1 else config.threshold
    if len(thresholds) != len(layers):
        raise MinisglError(
            f"--threshold has {len(thresholds)} numbers; give one, or {len(layers)}, one for each of {', '.join(layers)}"
        )
    each = dict(zip(layers, thresholds, strict=True))
    return Continuation(config.lr, config.beta, config.beta_rise, each, config.ramp, config.hold)
