"""The configuration of a run: TrainConfig, with a small frozen dataclass for each part of the code that reads one.

    TrainConfig    size       the size of a residual network                              SizeConfig
                   data       where the images come from, and how they are batched       DataConfig
                   method     splitting, or a rival                                       those of methods.py
                   penalty    the group lasso on W and r on V                            PenaltyConfig
                   regime     how the threshold, beta and the learning rate change       those of regimes.py
                   optimizer  the optimiser of the W-step                                AdamConfig or SGDConfig
                   refit      the last epochs, without penalties                         RefitConfig

Each field has the name of its option on the command line, and no two parts of a configuration share a name. So a configuration
is also a flat table of options: `as_flags` makes it and `from_flags` reads it. config.json, a checkpoint's identity and the
configurations in results.jsonl have this form. flags.py defines the options, and ranges.py checks the values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from minisgl.backend import Backend
from minisgl.errors import MinisglError, quoted
from minisgl.formats import files, flat
from minisgl.formats.flat import as_flags, changed
from minisgl.methods import Method, SplittingMethod
from minisgl.penalties.names import has_r
from minisgl.regimes import ContinuationConfig, DecoupledConfig, PaperConfig, Regime

__all__ = [
    "MAY_CHANGE", "RESNET9", "AdamConfig", "ContinuationConfig", "DataConfig", "DecoupledConfig", "PaperConfig",
    "PenaltyConfig", "RefitConfig", "SGDConfig", "SizeConfig", "TrainConfig", "as_flags", "as_json", "changed", "from_flags",
    "from_json", "options_to_repeat",
]  # fmt: skip

RESNET9 = 9  # the depth of models.resnet9; other depths are for models.wide_resnet
VERSION = 4  # of config.json; the first version had no version number
ALL = "all"  # in sparse_layers


@dataclass(frozen=True)
class DataConfig:
    """The images: directory (None: the experiment's own), number held out, largest shift, whether mirrored, batch size."""

    data: Path | None = None
    holdout: int = 0
    shift: int = 0
    flip: bool = False
    batch_size: int = 100


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


@dataclass(frozen=True)
class SizeConfig:
    """The size of a residual network, for experiments that have one; else every field is None.

    depth: RESNET9 for models.resnet9; 10, 16, 22, ... for models.wide_resnet. Only wide_resnet has the other two: dropout
    between a block's convolutions, and stride_on, which of these two has the stride of a stage.
    """

    depth: int | None = None
    width: int | None = None
    dropout: float | None = None
    stride_on: Literal["first", "second"] | None = None


@dataclass(frozen=True)
class PenaltyConfig:
    """The penalties: r on V with weight lam, and the group lasso on W with weight group_lam.

    sparse_layers: names of the layers with an r, or shell-style patterns of them; empty, or with "all", all layers.
    group_layers: the layers with the group lasso, "all" or those of sparse_layers.
    """

    penalty: str = "l0"
    penalty_option: tuple[str, ...] = ()
    v_group: Literal["none", "lasso", "l0"] = "none"
    lam: float = 2.5e-6
    group_lam: float | None = None
    sparse_layers: tuple[str, ...] = ()
    group_layers: Literal["all", "sparse"] = "all"

    @property
    def acts_on_v(self) -> bool:
        """Whether there is an r on V. Without one, V is W."""
        return has_r(self.penalty) and self.lam > 0

    @property
    def group_weight(self) -> float:
        """The weight of the group lasso on W: 0 with penalty none."""
        if self.penalty == "none":
            return 0.0
        return self.lam if self.group_lam is None else self.group_lam

    @property
    def group_follows(self) -> bool:
        """Whether the group lasso acts on the layers of sparse_layers only."""
        return self.group_layers == "sparse" and self.group_weight > 0

    def sparse_among(self, layers: Sequence[str], must_fit: bool = False) -> list[str]:
        """Return the layers of a network that sparse_layers chooses.

        MinisglError if a name or a pattern in it fits no layer. Without must_fit it may, if this run has neither an r nor such
        a group lasso.
        """
        patterns = self.sparse_layers
        unknown = [each for each in patterns if each != ALL and not any(_fits(name, each) for name in layers)]
        if unknown and (must_fit or self.acts_on_v or self.group_follows):
            raise MinisglError(f"--sparse-layers names {', '.join(unknown)}; the layers are {', '.join(layers)}")
        every = ALL in patterns or not patterns
        return [name for name in layers if every or any(_fits(name, each) for each in patterns)]

    def penalised(self, layers: Sequence[str]) -> list[str]:
        """Return the layers of a network that have an r on V in this run: none without an r, or with lam = 0."""
        return self.sparse_among(layers) if self.acts_on_v else []


@dataclass(frozen=True)
class AdamConfig:
    """Adam. Its only setting is the learning rate, TrainConfig.lr."""

    optimizer: Literal["adam"] = "adam"


@dataclass(frozen=True)
class SGDConfig:
    """Stochastic gradient descent with momentum, 0 <= momentum < 1, or with Nesterov momentum."""

    optimizer: Literal["sgd"] = "sgd"
    momentum: float = 0.9
    nesterov: bool = False


@dataclass(frozen=True)
class RefitConfig:
    """The last `refit` epochs have no penalties; their learning rate starts at refit_lr (None: at lr).

    Before them, the fraction `prune` of the weights is set to 0: of all layers together, or of those of sparse_layers.
    """

    refit: int = 0
    prune: float = 0.0
    prune_layers: Literal["all", "sparse"] = "all"
    refit_lr: float | None = None


@dataclass(frozen=True)
class TrainConfig:
    """The configuration of a run. `minisgl.preset(...)` makes one from a preset and options named as on the command line."""

    experiment: str = "mnist-lenet5"
    network: str | None = None
    preset: str = "quick"
    size: SizeConfig = field(default_factory=SizeConfig)
    data: DataConfig = field(default_factory=DataConfig)
    method: Method = field(default_factory=SplittingMethod)
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    regime: Regime = field(default_factory=ContinuationConfig)
    optimizer: AdamConfig | SGDConfig = field(default_factory=AdamConfig)
    refit: RefitConfig = field(default_factory=RefitConfig)
    epochs: int = 9
    lr: float = 2e-3
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    seed: int = 0
    backend: Backend = "numpy"
    threads: int = 2
    shards: int = 2
    init: Path | None = None
    checkpoint_every: int = 0
    out: Path | None = None

    @property
    def sparsity(self) -> float | None:
        """The share of zeros, in V with splitting, if the regime has one instead of thresholds."""
        return self.regime.sparsity if isinstance(self.regime, ContinuationConfig) else None

    @property
    def is_decoupled(self) -> bool:
        """Whether the penalties are proxes on W in the optimiser's metric, so that V is W."""
        return isinstance(self.regime, DecoupledConfig)

    @property
    def is_splitting(self) -> bool:
        """Whether the method is splitting (or decoupled), not a rival."""
        return isinstance(self.method, SplittingMethod)

    def sparsified(self, layers: Sequence[str]) -> list[str]:
        """Return the layers of a network that have an r on V, or in which a rival removes weights."""
        chosen = self.penalty
        if "sparse_layers" not in self.method.uses:
            return []
        return chosen.penalised(layers) if self.is_splitting else chosen.sparse_among(layers, must_fit=True)


# Fields that may differ when a run is resumed: they do not affect its result. (The data are compared by their fingerprint.)
MAY_CHANGE = ("threads", "checkpoint_every", "out", "init", "data")


def options_to_repeat(config: TrainConfig) -> str:
    """Return the options to repeat with --resume, as " --network mlp:build": modules named in a file are never imported."""
    names = {"penalty": config.penalty.penalty, "experiment": config.experiment, "network": config.network}
    return "".join(f" --{option} {quoted(name)}" for option, name in names.items() if name is not None and ":" in name)


def from_flags(values: Any, where: str = "the table") -> TrainConfig:
    """Return the configuration in a flat table. MinisglError, which names the field, if one is missing or of another type."""
    return flat.from_flags(TrainConfig, values, where)


def as_json(config: TrainConfig) -> dict[str, Any]:
    """Return the content of config.json."""
    return {"version": VERSION, **as_flags(config)}


def from_json(path: Path) -> TrainConfig:
    """Return the configuration in a config.json. MinisglError if it is invalid, or another version of minisgl wrote it."""
    values = files.read_json(path)
    if isinstance(values, dict) and {"experiment", "penalty"} <= set(values) and values.get("version") != VERSION:
        version = values.get("version", 1)
        when = "an earlier" if type(version) is int and version < VERSION else "a later"
        raise MinisglError(f"{path.parent} was started by {when} version of minisgl and cannot be resumed: train it again")
    if isinstance(values, dict):
        values = {name: value for name, value in values.items() if name != "version"}
    return from_flags(values, str(path))
