"""Make the parts of a run from its configuration: the network, the optimiser, the solver, the schedule, and the stages."""

from functools import partial

import numpy as np

from minisgl import experiments
from minisgl.analysis.narrow import narrow
from minisgl.backend import Array
from minisgl.config import AdamConfig, ContinuationConfig, DecoupledConfig, PaperConfig, SGDConfig, TrainConfig
from minisgl.errors import MinisglError
from minisgl.methods import (
    ADMMMethod,
    AGPMethod,
    CGESMethod,
    DenseSmallMethod,
    HardConcreteMethod,
    OneShotMethod,
    RandomMethod,
    RigLMethod,
    SETMethod,
    SparseVDMethod,
    SplittingMethod,
)
from minisgl.nn import Network, Slot
from minisgl.nn.optimizers import SGD, Adam, Optimizer
from minisgl.penalties import GroupLasso, L1MinusL2, Penalty, Separable
from minisgl.penalties.names import has_r, make_r, parse_options, with_group
from minisgl.solver.admm import ADMM
from minisgl.solver.agp import AGP
from minisgl.solver.cges import CGES
from minisgl.solver.decoupled import Decoupled
from minisgl.solver.hard_concrete import HardConcrete
from minisgl.solver.masked import Masked
from minisgl.solver.protocol import Solver
from minisgl.solver.quantile import count_for
from minisgl.solver.random_mask import RandomMask
from minisgl.solver.refit import Refit
from minisgl.solver.regrowth import Regrowth
from minisgl.solver.rigl import RigL
from minisgl.solver.schedules import CappedBeta, Continuation, HalfCosine, Schedule, Stepwise
from minisgl.solver.sparse_evolution import SET
from minisgl.solver.sparse_vd import QuietRefit, SparseVD, noisy_network
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay
from minisgl.training.stages import Stage


def make_network(config: TrainConfig) -> Network:
    """Return the network of a configuration, with weights drawn from the seed; dense-small narrows it.

    MinisglError if the network cannot be built, or cannot be narrowed.
    """
    network = experiments.build(config, np.random.default_rng(config.seed))
    if isinstance(config.method, DenseSmallMethod):
        assert config.method.flops is not None  # ranges.py requires it
        return narrow(network, config.method.flops, np.random.default_rng(config.seed))
    return network


def make_solver(config: TrainConfig, network: Network) -> Solver:  # noqa: PLR0911 (one for each method)
    """Return the solver of the configured method for this network: one case for each method of methods.py."""
    match config.method:
        case SplittingMethod() | OneShotMethod():  # one-shot has no penalty and trains all weights; its refit removes some
            return make_splitting(config, network)
        case AGPMethod() as own:
            ramp = own.ramp_from, _continuation(config).ramp
            return AGP(*_parts(config, network), _share(config), ramp=ramp, by_layer=own.sparsity_of == "layer")
        case RandomMethod() as own:
            return RandomMask(*_parts(config, network), _share(config), densities=own.densities, seed=config.seed)
        case SETMethod() | RigLMethod() as own:
            kind = SET if isinstance(own, SETMethod) else RigL
            regrowth = Regrowth(own.regrow_every, own.regrow_share, own.regrow_until)
            share, seed = _share(config), config.seed
            return kind(*_parts(config, network), share, densities=own.densities, seed=seed, regrowth=regrowth)
        case ADMMMethod() as own:  # the schedule has the share of zeros
            by_layer = own.sparsity_of == "layer"
            return ADMM(*_parts(config, network), every=own.multiplier_every, by_layer=by_layer, v_step_by=own.admm_step)
        case CGESMethod() as own:
            group_lam = own.exclusive_lam if config.penalty.group_lam is None else config.penalty.group_lam
            return CGES(*_parts(config, network), group_lam=group_lam, exclusive_lam=own.exclusive_lam)
        case HardConcreteMethod() as own:
            return HardConcrete(
                *_parts(config, network),
                partial(make_optimizer, config),
                lam=config.penalty.lam,
                by_unit=own.gates == "units",
                gate_lr=own.gate_lr,
                seed=config.seed,
            )
        case SparseVDMethod():
            noisy = noisy_network(network, config.sparsified(list(network.layout.weights)))
            until = _continuation(config).ramp
            return SparseVD(*_parts(config, noisy), plain=network, lam=config.penalty.lam, ramp=until)
        case DenseSmallMethod():
            return Masked(*_parts(config, network))


def _parts(config: TrainConfig, network: Network) -> tuple[Network, Optimizer, list[Slot], WeightDecay]:
    """Return what all rivals' solvers are made of: the slots are those of the layers in which weights are removed."""
    weights = network.layout.weights
    slots = [weights[name] for name in config.sparsified(list(weights))]
    return network, make_optimizer(config, network.flat), slots, make_decay(config, network)


def _continuation(config: TrainConfig) -> ContinuationConfig:
    assert isinstance(config.regime, ContinuationConfig)  # ranges.py requires it of the rivals
    return config.regime


def _share(config: TrainConfig) -> float:
    assert config.sparsity is not None  # this too
    return config.sparsity


def make_optimizer(config: TrainConfig, parameters: Array) -> Optimizer:
    """Return the configured optimiser for these parameters (size,)."""
    match config.optimizer:
        case AdamConfig():
            return Adam(parameters)
        case SGDConfig(momentum=momentum, nesterov=nesterov):
            return SGD(parameters, momentum, nesterov)


def make_splitting(config: TrainConfig, network: Network) -> Splitting:
    """Return the network with its penalties (group lasso on W, r on V, by layer) and its optimiser, as configured.

    Decoupled penalties are both on W.
    """
    chosen = config.penalty
    name, lam, group_lam = chosen.penalty, chosen.lam, chosen.group_weight
    options = parse_options(chosen.penalty_option)
    if options and not has_r(name):
        raise MinisglError(f"penalty {name} has no options, but got {', '.join(options)}")
    sparse_layers, penalties = chosen.sparse_among(list(network.layout.weights)), {}
    for layer, slot in network.layout.weights.items():
        axis = slot.unit_axis
        grouped = chosen.group_layers == "all" or layer in sparse_layers
        group = GroupLasso(group_lam, axis) if group_lam > 0 and grouped else None
        sparse = make_r(name, lam, options, slot.shape, axis) if has_r(name) else None
        if lam == 0 or layer not in sparse_layers:
            sparse = None  # make_r above still checks the name and the options
        if chosen.v_group != "none" and layer in sparse_layers:
            if sparse is None:
                raise MinisglError(f"--v-group {chosen.v_group} needs an r with lam > 0, and penalty {name} has no r")
            group, sparse = None, with_group(name, sparse, chosen.v_group, group_lam, axis)
        _require_threshold(config, sparse)
        penalties[layer] = LayerPenalty(group, sparse)
    kind = Decoupled if config.is_decoupled else Splitting
    return kind(network, make_optimizer(config, network.flat), penalties, make_decay(config, network))


def _require_threshold(config: TrainConfig, r: Penalty | None) -> None:
    """Raise MinisglError if a sparsity is given and r has no threshold for single weights."""
    chosen, share = config.penalty, config.sparsity
    if share is not None and r is not None and not isinstance(r, Separable | L1MinusL2):
        group = f" with --v-group {chosen.v_group}" if chosen.v_group != "none" else ""
        raise MinisglError(
            f"--sparsity {share:g} needs a penalty on single weights, such as l0, and {chosen.penalty}{group} is not one: "
            "give --threshold instead"
        )


def make_decay(config: TrainConfig, network: Network) -> WeightDecay:
    """Return the weight decay, which leaves out the layers that r acts on. It is the same before and in the refit."""
    weights = network.layout.weights
    return WeightDecay(config.weight_decay, frozenset(weights[name] for name in config.penalty.penalised(list(weights))))


def make_stages(config: TrainConfig, solver: Solver) -> list[Stage]:
    """Return the solver's own stage, and the refit at the end if there is one."""
    refit, weights = config.refit.refit, solver.network.layout.weights
    prune, pruned = _pruning(config, solver.network)
    before = config.epochs - refit
    stages = [Stage(solver, make_schedule(config, list(weights)), 0, before)]
    if refit:
        decay = make_decay(config, solver.network)
        lr = config.lr if config.refit.refit_lr is None else config.refit.refit_lr
        # the quantile counts the zeros, and a penalty that shrinks leaves many of the others tiny
        keep_small = config.sparsity is not None
        kind = QuietRefit if isinstance(solver, SparseVD) else Refit
        stages.append(Stage(kind(solver, prune, decay, pruned, keep_small), HalfCosine(lr), before, refit))
    return stages


def _pruning(config: TrainConfig, network: Network) -> tuple[float, list[Slot]]:
    """Return the fraction of the weights that the refit sets to 0 when it begins, and the layers that these weights are in."""
    weights, prune = network.layout.weights, config.refit.prune
    prunes = isinstance(config.method, OneShotMethod | CGESMethod | HardConcreteMethod | SparseVDMethod)
    if prunes and config.sparsity is not None:
        names = config.sparsified(list(weights))
        n = sum(weights[name].stop - weights[name].start for name in names)
        prune = count_for(_share(config), n) / n  # as many as the other methods remove
    elif config.refit.prune_layers == "sparse":
        names = config.penalty.sparse_among(list(weights))
    else:
        names = list(weights)
    if prune and not names:
        named = " ".join(config.penalty.sparse_layers)
        raise MinisglError(f"--prune {prune:g}: there is no layer {named}; the layers are {', '.join(weights)}")
    return prune, [weights[name] for name in names]


def make_schedule(config: TrainConfig, layers: list[str]) -> Schedule:
    """Return the regime's schedule; with SGD, beta is at most 1/lr.

    MinisglError unless continuation has a sparsity, one threshold, or one for each layer with an r.
    """
    schedule = _regime_schedule(config, layers)
    return CappedBeta(schedule) if isinstance(config.optimizer, SGDConfig) else schedule


def _regime_schedule(config: TrainConfig, layers: list[str]) -> Schedule:
    """Return the regime's schedule; rivals have no thresholds in it. MinisglError as from `_thresholds`."""
    regime = config.regime
    if isinstance(regime, PaperConfig):
        factor, every = regime.lr_factor, regime.beta_every
        return Stepwise(config.lr, regime.lr_drops, regime.beta, regime.beta_growth, every, factor)
    if isinstance(regime, DecoupledConfig):
        return Continuation(config.lr, 0.0, 1.0, None, 0.5, regime.hold, regime.warmup)  # only a learning rate
    rest = (regime.ramp, regime.hold, regime.warmup, regime.sparsity)
    if isinstance(config.method, ADMMMethod):
        return Continuation(config.lr, regime.beta, regime.beta_rise, None, *rest)
    if not config.is_splitting:  # the other rivals compute their shares of zeros themselves
        return Continuation(config.lr, 0.0, 1.0, None, *rest[:3])
    layers = config.penalty.sparse_among(layers)
    each = _thresholds(regime.threshold, layers) if regime.sparsity is None else None
    return Continuation(config.lr, regime.beta, regime.beta_rise, each, *rest)


def _thresholds(given: tuple[float, ...], layers: list[str]) -> dict[str, float]:
    """Return the threshold of each of the layers. MinisglError unless there is one number, or one for each."""
    thresholds = given * len(layers) if len(given) == 1 else given
    if len(thresholds) != len(layers):
        raise MinisglError(
            f"--threshold has {len(thresholds)} numbers; give one, or {len(layers)}, one for each of {', '.join(layers)}"
        )
    return dict(zip(layers, thresholds, strict=True))
