"""The runs that `python -m minisgl.sweep` compares: methods x regimes x seeds, each with its complete configuration.

    l0  tl1  l1-l2  l1    r on V, and the group lasso on W
    group-lasso           the group lasso on W alone: there is no V
    magnitude             no penalty: when the refit begins, the smallest weights are set to 0, as many as l0 has with this seed
    agp  random  ...      the rivals of methods.py, with as many zeros as l0 has with this seed
    dense-small           no zeros, and at most as many FLOPs as l0's compact network has with this seed
    sparse  small         the presets with these names

The regimes (schedules.py) are these. All runs train on all training images except those that are held out.

    continuation    the preset quick with --hold 0; the last fifth of the epochs is the refit of the nonzero weights
    paper           the preset paper, with its schedule of 200 epochs scaled to --epochs; no refit, as in the paper
    preset          sparse or small unchanged, with its own epochs

Magnitude pruning and the rivals run only in continuation, with its learning rate; sparse and small run only as presets.

If the preset quick has a sparsity, as for cifar10, every method gets as many zeros: methods with an r and the rivals by the
sparsity, and group-lasso and magnitude by pruning the same layers when the refit begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from minisgl import config as configuration
from minisgl import ranges
from minisgl.config import ContinuationConfig, PaperConfig, TrainConfig, changed
from minisgl.errors import MinisglError
from minisgl.experiments import PRESETS, find, preset
from minisgl.methods import METHODS as RIVAL_CLASSES

Method = Literal[
    "l0", "tl1", "l1-l2", "l1", "group-lasso", "magnitude", "sparse", "small",
    "agp", "random", "set", "rigl", "admm", "cges", "hard-concrete", "hard-concrete-units", "sparse-vd", "dense-small",
]  # fmt: skip
Regime = Literal["continuation", "paper", "preset"]
METHODS: tuple[Method, ...] = get_args(Method)
REGIMES: tuple[Regime, ...] = get_args(Regime)
# The rivals' options.
RIVALS: dict[Method, dict[str, Any]] = {method: {"method": method} for method in METHODS if method in RIVAL_CLASSES}
RIVALS["hard-concrete-units"] = {"method": "hard-concrete", "gates": "units"}
DEFAULT = tuple(method for method in METHODS if method not in RIVALS)  # the methods of a sweep without options

# What each method changes in its regime's preset.
SETTINGS: dict[tuple[Method, Regime], dict[str, Any]] = {
    ("l0", "continuation"): {"threshold": (0.1,), "group_lam": 1e-5},
    ("l0", "paper"): {},
    ("tl1", "continuation"): {"threshold": (0.005,), "group_lam": 1e-5},
    ("tl1", "paper"): {},
    ("l1-l2", "continuation"): {"threshold": (0.005,), "group_lam": 1e-5},
    ("l1-l2", "paper"): {},
    ("l1", "continuation"): {"threshold": (0.005,), "group_lam": 1e-5},
    ("l1", "paper"): {},
    ("group-lasso", "continuation"): {"group_lam": 1e-5},
    ("group-lasso", "paper"): {"group_lam": 1e-5},
    ("magnitude", "continuation"): {"penalty": "none"},
    ("sparse", "preset"): {},
    ("small", "preset"): {},
    **{(method, "continuation"): options for method, options in RIVALS.items()},
}
# What a method's share of zeros, or FLOPs, are until l0's run has ended.
UNKNOWN = {"prune": 0.0, "sparsity": 0.5, "flops": 1_000_000}
GROUP_LAM_WITH_SPARSITY = 3e-5  # of group lasso, if the preset has a sparsity; docs/cifar.md has the trials
REFIT = 5  # the last 1/5 of the epochs are the refit

# Settings that two runs with the same result may differ in: where a run is, and how it was computed.
NOT_RECORDED = ("out", "threads", "checkpoint_every", "init")
# Settings that older results do not record, with the values that their runs had.
ADDED: dict[str, Any] = {
    "weight_decay": 0.0,
    "label_smoothing": 0.0,
    "lr_factor": 0.1,
    "warmup": 0.0,
    "sparsity": None,
    "group_layers": "all",
    "flip": False,
    "prune_layers": "all",
    "refit_lr": None,
    "depth": None,
    "width": None,
    "dropout": None,
    "stride_on": None,
    "method": "splitting",
}


@dataclass(frozen=True)
class Entry:
    """One run of the grid or of a study, in the run directory `out`. A user's own modules are searched for in `folder`.

    regime: one of REGIMES, or of a study (study.py). zeros_from: the name of the run that must end before this one, which gets
    as many zeros; None if it needs no other.
    """

    method: Method
    regime: str
    seed: int
    out: Path
    config: TrainConfig
    folder: Path
    zeros_from: str | None = None

    @property
    def name(self) -> str:
        """The run's unique name, which its directory has too."""
        return f"{self.method}-{self.regime}-{self.seed}"


def dial(method: Method) -> str:
    """Return the option that sets the share of zeros of magnitude pruning or a rival, or the size of a small dense network."""
    return "prune" if method == "magnitude" else "flops" if method == "dense-small" else "sparsity"


def scaled(epochs: int, paper: TrainConfig = PRESETS["paper"]) -> dict[str, Any]:
    """Return the schedule of a paper-regime preset scaled to this many epochs: lr falls and beta grows at the same fractions.

    These are rounded to whole epochs, at least one apart.
    """
    regime, drops = paper.regime, [0]
    if not isinstance(regime, PaperConfig):
        raise ValueError(f"preset {paper.preset} does not use the paper's regime")
    for drop in regime.lr_drops:
        drops.append(max(round(drop * epochs / paper.epochs), drops[-1] + 1))
    every = max(round(regime.beta_every * epochs / paper.epochs), 1)
    return {"epochs": epochs, "lr_drops": tuple(drops[1:]), "beta_every": every}


def _start(method: Method, regime: Regime, experiment: str, epochs: int) -> TrainConfig | None:
    """Return a method's configuration in a regime, without seed and data; None if the experiment lacks the preset."""
    name = {"continuation": "quick", "paper": "paper", "preset": method}[regime]
    kind = PaperConfig if regime == "paper" else ContinuationConfig
    presets = find(experiment).presets
    if name not in presets or not isinstance(presets[name].regime, kind):
        return None
    if regime == "preset":
        return preset(name, experiment)
    if method in RIVALS:
        has_share = presets[name].sparsity is not None
        if has_share and method == "dense-small":  # it has FLOPs instead, and residual networks cannot be narrowed
            return None
        given: dict[str, Any] = {} if has_share else {dial(method): UNKNOWN[dial(method)]}
        return changed(preset(name, experiment, **RIVALS[method], **given), _split(epochs))
    start = preset(name, experiment, SETTINGS[method, regime].get("penalty", method))
    schedule = scaled(epochs, start) if regime == "paper" else _split(epochs)
    settings = SETTINGS[method, regime]
    if (sparsity := start.sparsity) is not None:
        settings = _of_a_sparsity(method, sparsity)
    return changed(start, {**schedule, **settings})


def _split(epochs: int) -> dict[str, Any]:
    """Return how many epochs a run of continuation has, and how many of them are its refit.

    Its learning rate falls from the start on. That of LeNet-5's preset quick, which is shorter, does not.
    """
    return {"epochs": epochs, "refit": max(epochs // REFIT, 1), "hold": 0.0}


def _of_a_sparsity(method: Method, sparsity: float) -> dict[str, Any]:
    """Return what a method changes in a preset with a sparsity: methods without an r are pruned to as many zeros."""
    if method == "magnitude":
        return {"penalty": "none", "prune": sparsity, "prune_layers": "sparse"}
    if method == "group-lasso":
        group = {"group_lam": GROUP_LAM_WITH_SPARSITY, "group_layers": "sparse"}
        return {**group, "prune": sparsity, "prune_layers": "sparse"}
    return {}


def entries(
    methods: Sequence[Method],
    regimes: Sequence[Regime],
    seeds: int,
    *,
    epochs: int,
    holdout: int,
    out: Path,
    data: Path | None,
    experiment: str = TrainConfig().experiment,
    network: str | None = None,
) -> tuple[Entry, ...]:
    """Return the grid, seed by seed, so that an early stop leaves complete comparisons.

    The l0 runs that magnitude and the rivals need are included. Presets that the experiment lacks are left out. MinisglError
    for a value out of range.
    """
    wanted = {(method, regime) for method in methods for regime in regimes}
    needs_l0 = {method for method, regime in wanted if regime == "continuation" and method in ("magnitude", *RIVALS)}
    quick = find(experiment).presets.get("quick")
    if quick is None or not isinstance(quick.regime, ContinuationConfig) or quick.sparsity is not None:
        needs_l0 = set()
    if needs_l0:
        wanted.add(("l0", "continuation"))
    grid = []
    for seed in range(seeds):
        for method, regime in (key for key in SETTINGS if key in wanted):
            if (start := _start(method, regime, experiment, epochs)) is None:
                continue
            place = out / f"{method}-{regime}-{seed}"
            common = {"network": network, "seed": seed, "holdout": holdout, "threads": 1, "data": data, "out": place}
            config = changed(start, common)
            find(experiment).check(config)
            ranges.check(config)
            zeros_from = f"l0-continuation-{seed}" if method in needs_l0 else None
            grid.append(Entry(method, regime, seed, place, config, Path.cwd(), zeros_from))
    return tuple(grid)


def with_zeros(entry: Entry, zeros: float, flops: int | None = None) -> Entry:
    """Return the entry, which needs no other run any more, with this percentage of zeros or, for dense-small, these FLOPs."""
    option = dial(entry.method)
    return replace(entry, config=changed(entry.config, {option: flops if option == "flops" else zeros / 100}), zeros_from=None)


def recorded(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that identify a run, as JSON values. The data are named without their path."""
    values = {name: value for name, value in configuration.as_flags(config).items() if name not in NOT_RECORDED}
    return {**values, "data": _name_of(values["data"])}


def _name_of(data: Any) -> Any:
    """Return the last part of a path; None, the experiment's own data, as it is."""
    return Path(data).name if isinstance(data, str) else data


def require_same(found: dict[str, Any], entry: Entry, where: Path) -> None:
    """Raise MinisglError, which says what differs, unless `found`, read from `where`, is the entry's configuration."""
    wanted, found = recorded(entry.config), {**ADDED, **found}
    found = {**found, "data": _name_of(found.get("data"))}  # older results have the whole path
    if entry.zeros_from is not None:  # the entry's share of zeros is not known yet
        option = dial(entry.method)
        found = {**found, option: wanted[option]}
    if names := [name for name in wanted if found.get(name) != wanted[name]]:
        differ = "; ".join(f"{name} is {found.get(name)} there, {wanted[name]} here" for name in names)
        raise MinisglError(f"{where} holds another {entry.name}: {differ}; name another directory with --out")
