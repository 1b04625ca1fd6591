"""From options to a configuration: `configure` takes the preset's configuration and changes it as the given options say.

It refuses every option that the run would not use, with a sentence that says why:

    configure(paper, Flags(ramp=0.9))  ->  --ramp is an option of continuation, and preset paper has no thresholds to ramp
"""

from collections.abc import Mapping
from typing import Any

from minisgl import methods
from minisgl.config import RESNET9, AdamConfig, ContinuationConfig, PaperConfig, RefitConfig, TrainConfig, as_flags, changed
from minisgl.errors import MinisglError, enumerated
from minisgl.flags import Flags, option
from minisgl.penalties.names import has_r, lam_cancels, parse_options
from minisgl.ranges import BOTH

# The options of each regime, and what the other regime does instead.
CONTINUATION_OPTIONS = {
    "sparsity": "takes its threshold from lam and beta",
    "ramp": "has no thresholds to ramp",
    "hold": "lowers the learning rate by --lr-drops",
    "warmup": "begins with the full learning rate",
    "beta_rise": "raises beta by --beta-growth",
}
PAPER_OPTIONS = {
    "lr_drops": "lowers the learning rate along a cosine",
    "lr_factor": "lowers the learning rate along a cosine",
    "beta_growth": "raises beta by --beta-rise",
    "beta_every": "raises beta by --beta-rise",
}
# Without V there is nothing to couple, and no threshold to choose.
V_OPTIONS = ("threshold", "sparsity", "ramp", "beta", "beta_rise", "v_group")
SGD_OPTIONS = ("momentum", "nesterov")
NEED_R = (
    "threshold",
    "sparsity",
    "ramp",
    "beta",
    "beta_rise",
    "beta_growth",
    "beta_every",
    "sparse_layers",
    "v_group",
    "penalty_option",
)
# What a rival changes in a preset: it has no penalty, and its own way to the zeros.
WITHOUT_SPLITTING: dict[str, Any] = {
    "penalty": "none",
    "penalty_option": (),
    "v_group": "none",
    "group_lam": None,
    "group_layers": "all",
    "threshold": (),
    "prune": 0.0,
    "prune_layers": "all",
}


def configure(preset: TrainConfig, flags: Flags) -> TrainConfig:
    """Return the preset's configuration, changed by the given options. A threshold makes preset paper a continuation.

    MinisglError, with the option's name, for an option that this run would not use.
    """
    given = flags.given()
    given.pop("resume", None)
    if "threshold" in given and "sparsity" in given:
        raise MinisglError(BOTH)
    if not given.get("decoupled", True):
        del given["decoupled"]  # --no-decoupled
    methods.require_known(given.get("method", preset.method.method))
    # decoupled penalties and a threshold choose the regime; the optimizer and the method bring their own settings
    regime = "decoupled" if "decoupled" in given else "threshold"
    preset = changed(preset, {name: given[name] for name in (regime, "optimizer", "method") if name in given})
    if not preset.is_splitting and isinstance(preset.regime, ContinuationConfig):
        preset = changed(preset, WITHOUT_SPLITTING)
    if isinstance(preset.regime, ContinuationConfig):  # a threshold replaces the preset's sparsity, and the other way round
        replaced = {"sparsity": None} if "threshold" in given else {"threshold": ()} if "sparsity" in given else {}
        preset = changed(preset, replaced)
    config = changed(preset, {name: value for name, value in given.items() if name in as_flags(preset)})
    for name, value in given.items():
        reasons = (
            _wrong_size(name, preset, config),
            _wrong_method(name, config),
            _beside_decoupled(name, config) if config.is_decoupled else "",
            _wrong_regime_or_optimizer(name, config, given),
            _without_penalty(name, value, config) if config.is_splitting else "",
            _without_refit(name, value, config.refit),
            _lam_without_effect(name, config),
        )
        if reason := next(filter(None, reasons), None):
            raise MinisglError(reason)
    return config


def _wrong_size(name: str, preset: TrainConfig, config: TrainConfig) -> str:
    """Return the message for a size that this configuration's network does not have; "" if it does."""
    if name not in as_flags(preset.size):
        return ""
    if preset.size.depth is None:
        return f"{option(name)} is for residual networks, and {config.network or config.experiment} has a fixed size"
    if name in ("dropout", "stride_on") and config.size.depth == RESNET9:
        return f"{option(name)} is for wide residual networks, and --depth is {RESNET9}: give --depth 10, 16, 22, ... too"
    return ""


def _wrong_method(name: str, config: TrainConfig) -> str:
    """Return the message for an option that this configuration's method does not read; "" if it does."""
    method = config.method.method
    if name == "method" and not config.is_splitting and isinstance(config.regime, PaperConfig):
        return f"--method {method} needs a preset of continuation, such as quick, and preset {config.preset} is none"
    readers = methods.users(name)
    if not readers or method in readers:
        return ""
    return f"{option(name)} is for --method {enumerated(readers, 'or')}, and the method is {method}"


def _beside_decoupled(name: str, config: TrainConfig) -> str:
    """Return the message for an option that this run with decoupled penalties would not use; "" if it would."""
    if name == "decoupled" and not (config.penalty.acts_on_v or config.penalty.group_weight):
        return "--decoupled needs a penalty with a weight above 0, and there is none"
    if name in V_OPTIONS:
        return f"{option(name)} is for splitting, and with --decoupled the penalties act on W with their own weights"
    if name in PAPER_OPTIONS:
        return f"{option(name)} is an option of the paper's regime, and --decoupled {PAPER_OPTIONS[name]}"
    return ""


def _wrong_regime_or_optimizer(name: str, config: TrainConfig, given: Mapping[str, Any]) -> str:
    """Return the message for an option of a regime or optimiser that this configuration does not use; "" if it does."""
    chosen = "--threshold chooses continuation, which" if "threshold" in given else f"preset {config.preset}"
    if name in CONTINUATION_OPTIONS and isinstance(config.regime, PaperConfig):
        return f"{option(name)} is an option of continuation, and {chosen} {CONTINUATION_OPTIONS[name]}"
    if name in PAPER_OPTIONS and isinstance(config.regime, ContinuationConfig):
        return f"{option(name)} is an option of the paper's regime, and {chosen} {PAPER_OPTIONS[name]}"
    if name == "lr_factor" and isinstance(config.regime, PaperConfig) and not config.regime.lr_drops:
        return f"--lr-factor {config.regime.lr_factor:g} needs --lr-drops, and there are none"
    if name in SGD_OPTIONS and isinstance(config.optimizer, AdamConfig):
        return f"{option(name)} is an option of sgd, and the optimizer is adam: give --optimizer sgd too"
    return ""


def _without_refit(name: str, value: Any, refit: RefitConfig) -> str:
    """Return the message for an option that a run with this refit would not use; "" if it would."""
    if name == "refit_lr" and not refit.refit:
        return f"--refit-lr {value:g} needs a refit, and there is none: give --refit too"
    if name == "prune_layers" and not refit.prune:
        return f"--prune-layers {value} is for --prune, which is 0"
    return ""


def _without_penalty(name: str, value: Any, config: TrainConfig) -> str:
    """Return the message for an option that a run with these penalties would not use; "" if it would."""
    penalty, pruned = config.penalty, config.refit.prune > 0 and config.refit.prune_layers == "sparse"
    if name == "penalty_option" and not has_r(penalty.penalty):
        return f"penalty {penalty.penalty} has no options, but got {', '.join(parse_options(value))}"
    used = penalty.acts_on_v or (name == "sparse_layers" and (penalty.group_follows or pruned))
    if name in NEED_R and value != "none" and not used:
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
        reason = "--lam is 0" if has_r(penalty.penalty) else f"penalty {penalty.penalty} has no r"
        return f"{option(name)} {shown} needs an r with lam > 0, and {reason}"
    if name in ("lam", "group_lam") and penalty.penalty == "none":
        return f"{option(name)} is the weight of a penalty, and the penalty is none"
    if name == "group_layers" and not penalty.group_weight:
        return f"--group-layers {value} is for the group lasso, whose weight is 0"
    if name == "lam" and penalty.penalty == "group-lasso" and penalty.group_lam is not None:
        return f"--lam is the weight of r, and penalty group-lasso has no r; its weight is --group-lam, {penalty.group_lam:g}"
    return ""


def _lam_without_effect(name: str, config: TrainConfig) -> str:
    """Return the message for a --lam that would change no weight: there are a threshold and a --group-lam; "" if it would."""
    penalty, regime = config.penalty, config.regime
    if name != "lam" or not isinstance(regime, ContinuationConfig) or penalty.group_lam is None or not penalty.acts_on_v:
        return ""
    if penalty.v_group != "none" or not lam_cancels(penalty.penalty):
        return ""
    is_given = f"is {' '.join(f'{t:g}' for t in regime.threshold)}"
    if regime.sparsity is not None:
        is_given = f"follows from --sparsity, {regime.sparsity:g}"
    return (
        f"--lam {penalty.lam:g} would change no weight: the threshold of {penalty.penalty} {is_given}, "
        f"and the group lasso has its own weight, {penalty.group_lam:g}"
    )
