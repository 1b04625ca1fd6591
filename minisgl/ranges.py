"""The range of every value in a configuration.

`check` is called before a run starts, and before one is resumed: config.json may have been edited.
"""

from collections.abc import Callable, Sequence
from math import log10

from minisgl.config import RESNET9, ContinuationConfig, DecoupledConfig, PaperConfig, SGDConfig, TrainConfig, as_flags
from minisgl.errors import MinisglError
from minisgl.methods import (
    ADMMMethod,
    AGPMethod,
    CGESMethod,
    DenseSmallMethod,
    HardConcreteMethod,
    OneShotMethod,
    RigLMethod,
    SETMethod,
    SparseVDMethod,
)

BOTH = "--threshold and --sparsity both decide which weights of V are zero: give one of them"


def check(config: TrainConfig) -> None:
    """Raise MinisglError, which names the option, its value and its range, unless every value is in range."""
    values = as_flags(config)

    def require(holds: bool, option: str, wanted: str, value: object = None) -> None:
        if not holds:
            shown = values[option] if value is None else value
            raise MinisglError(f"--{option.replace('_', '-')} must be {wanted}, but is {shown}")

    def require_each(options: Sequence[str], least: float, most: float, wanted: str) -> None:
        for option in options:
            require(option not in values or least <= values[option] <= most, option, wanted)

    require_each(("threads", "shards", "epochs", "batch_size", "beta_every"), 1, float("inf"), "a whole number >= 1")
    require(config.shards <= config.data.batch_size, "shards", f"at most the batch size, {config.data.batch_size}")
    require_each(("shift", "holdout", "seed", "checkpoint_every"), 0, float("inf"), "a whole number >= 0")
    require(0 < config.lr <= 1e9, "lr", "a number above 0, up to 1e9")
    for option, largest in (("lam", 1e6), ("group_lam", 1e6), ("exclusive_lam", 1e6), ("weight_decay", 1e6), ("beta", 1e12)):
        value = values.get(option)
        # the lower bound keeps 1/beta and threshold^2/lam finite
        require(value is None or value == 0 or 1e-30 <= value <= largest, option, f"0, or from 1e-30 to {largest:g}")
    require(0 <= config.label_smoothing < 1, "label_smoothing", "at least 0 and below 1")
    require_each(("beta_growth", "beta_rise"), 1e-12, 1e12, "a number from 1e-12 to 1e12")
    size = config.size
    if size.depth is not None:
        wide = size.depth >= 10 and (size.depth - 4) % 6 == 0
        require(size.depth == RESNET9 or wide, "depth", f"{RESNET9}, or 6 n + 4, as 10, 16, 22, 28")
        require(size.width is not None and size.width >= 1, "width", "a whole number >= 1")
        require(size.dropout is None or 0 <= size.dropout < 1, "dropout", "at least 0 and below 1")
    for option in ("hold", "warmup"):
        require(0 <= values.get(option, 0) < 1, option, "at least 0 and below 1")
    match config.regime:
        case ContinuationConfig(threshold=thresholds, sparsity=share, ramp=ramp):
            require(share is None or 0 < share < 1, "sparsity", "between 0 and 1")
            if share is not None and thresholds:
                raise MinisglError(BOTH)
            require(0 < ramp < 1, "ramp", "between 0 and 1")
            for threshold in thresholds:
                require(0 <= threshold <= 1e6, "threshold", "0 or more, up to 1e6", threshold)
        case PaperConfig(lr_drops=drops, lr_factor=factor, beta=beta, beta_growth=growth, beta_every=every):
            for epoch in drops:
                require(epoch >= 1, "lr_drops", "whole numbers >= 1", epoch)
            require(1e-12 <= factor <= 1, "lr_factor", "a number from 1e-12 to 1")
            growths = (config.epochs - 1) // every
            end = log10(beta) + growths * log10(growth) if beta > 0 else 0
            require(abs(end) <= 30, "beta_growth", f"such that beta ends between 1e-30 and 1e30 after {growths} increases")
    _check_method(config, require)
    if isinstance(config.optimizer, SGDConfig):
        require(0 <= config.optimizer.momentum < 1, "momentum", "at least 0 and below 1")
    refit, prune = config.refit.refit, config.refit.prune
    require(0 <= refit < config.epochs, "refit", f"a whole number >= 0, below the epochs, {config.epochs}")
    require(0 <= prune < 1, "prune", "at least 0 and below 1")
    require(prune == 0 or refit > 0, "prune", "0 without a refit (--refit)")
    refit_lr = config.refit.refit_lr
    require(refit_lr is None or 0 < refit_lr <= 1e9, "refit_lr", "a number above 0, up to 1e9")
    if config.penalty.acts_on_v and values.get("beta") == 0:
        raise MinisglError(f"--beta 0 would decouple V from W: penalty {config.penalty.penalty} needs a coupling beta > 0")


def _check_method(config: TrainConfig, require: Callable[[bool, str, str], None]) -> None:
    """Raise MinisglError if a rival lacks what it needs, or has a value out of range."""
    method, name = config.method, config.method.method
    if config.is_splitting:
        return
    if isinstance(config.regime, DecoupledConfig):
        raise MinisglError(f"--decoupled is for --method splitting, and the method is {name}")
    if "penalty" not in method.uses and config.penalty.penalty != "none":
        raise MinisglError(f"--method {name} has no penalty, and the penalty is {config.penalty.penalty}: it must be none")
    if "sparsity" in method.uses and config.sparsity is None and not isinstance(method, HardConcreteMethod | SparseVDMethod):
        raise MinisglError(f"--method {name} needs --sparsity, the share of the weights that are zero in the end")
    match method:
        case AGPMethod(ramp_from=start):
            end = as_flags(config)["ramp"]
            require(0 <= start < end, "ramp_from", f"at least 0 and below --ramp, {end:g}")
        case ADMMMethod(multiplier_every=every):
            require(every >= 0, "multiplier_every", "a whole number >= 0")
            require(config.regime.beta > 0, "beta", "above 0, since it couples V to W")
        case OneShotMethod() | CGESMethod() | HardConcreteMethod() | SparseVDMethod() if (
            config.sparsity is not None and not config.refit.refit
        ):
            raise MinisglError(
                f"with --sparsity, --method {name} removes weights when the refit begins, and there is none: give --refit too"
            )
        case DenseSmallMethod(flops=flops):
            if flops is None:
                raise MinisglError(f"--method {name} needs --flops, the most FLOPs of the network for one image")
            require(flops >= 1, "flops", "a whole number >= 1")
        case HardConcreteMethod(gate_lr=gate_lr):
            require(0 < gate_lr <= 1e6, "gate_lr", "a number above 0, up to 1e6")
        case (
            SETMethod(regrow_every=every, regrow_share=share, regrow_until=until)
            | RigLMethod(regrow_every=every, regrow_share=share, regrow_until=until)
        ):
            require(every >= 1, "regrow_every", "a whole number >= 1")
            require(0 < share < 1, "regrow_share", "between 0 and 1")
            require(0 < until <= 1, "regrow_until", "above 0, up to 1")
