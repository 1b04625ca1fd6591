"""Everything a run is told, in one frozen dataclass: the command line, config.json and the presets are all this.

A preset is a complete configuration (experiments.py has them); options on the command line replace single fields of it. The
regime follows from `threshold`: numbers schedule the threshold itself (continuation), None derives it from beta (the paper).
See schedules.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import log10
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from minisgl.backend import Backend
from minisgl.errors import MinisglError
from minisgl.formats import files
from minisgl.penalties.names import has_r

ExperimentName = Literal["mnist-lenet5", "shaky-curves"]
Preset = Literal["quick", "paper", "sparse", "small"]


@dataclass(frozen=True)
class TrainConfig:
    """Train a sparse convolutional network by two-step variable splitting, and write a run directory.

    With no option: LeNet-5 on MNIST with sparse group l0, preset quick.
    """

    experiment: ExperimentName = "mnist-lenet5"
    """What is trained, on what: LeNet-5 on digits, or three convolutions and fc on words in a regular or a shaky hand."""
    penalty: str = "l0"
    """r, on V: l1, l0, tl1, l1-l2, scad, mcp, lp, capped-l1, log-sum, group-l0, your own module:Class; group-lasso; none."""
    penalty_option: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=NUMBER")] = ()
    """Parameters of r: a (tl1, scad), alpha (l1-l2), gamma (mcp), p (lp), theta (capped-l1), eps (log-sum)."""
    v_group: Literal["none", "lasso", "l0"] = "none"
    """Moves the group term from W into the V-step: lasso (with l1 and l0), or group l0 (with every separable r)."""
    preset: Preset = "quick"
    """Defaults of all other options. quick: continuation, V is the network. paper: the paper's settings, W is the network.
    sparse: quick at more length, for the fewest weights. small: the same with group-l0, for the fewest FLOPs."""
    backend: Backend = "numpy"
    """The array module that computes: numpy on the processor, cupy on an NVIDIA GPU."""
    threads: int = 2
    """Cores that run the shards of a batch, on Linux by a process each. Changes the time, never the result. 1 with cupy."""
    shards: int = 2
    """Pieces into which each batch is cut. 1 with cupy."""
    epochs: int = 9
    """Passes over the training images."""
    batch_size: int = 100
    """Images per mini-batch."""
    shift: int = 0
    """Pixels by which each training image is moved at most, up or down and left or right, anew in every epoch."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """How the W-step uses its gradient."""
    lr: float = 2e-3
    """Learning rate at the start."""
    lr_drops: tuple[int, ...] = (40, 80, 120, 160)
    """Paper regime: lr is multiplied by 0.1 after each of these numbers of epochs."""
    momentum: float = 0.9
    """Momentum of sgd, 0 <= momentum < 1."""
    nesterov: bool = False
    """Nesterov's form of momentum, for sgd."""
    lam: float = 2.5e-6
    """Weight of r on V, in units of the loss. 0: no r, and V is W. A given threshold takes its place, but for scad and mcp."""
    group_lam: float | None = None
    """Weight of the group lasso on W, in units of the loss. None: the same as lam. 0: no group lasso."""
    beta: float = 0.02
    """Coupling between W and V at the start: beta/2 * |W - V|^2, in units of the loss."""
    beta_growth: float = 1.25
    """Paper regime: beta is multiplied by this every --beta-every epochs."""
    beta_every: int = 40
    """Paper regime: epochs between two growths of beta."""
    beta_rise: float = 1000.0
    """Continuation: beta at the end over beta at the start; it rises after the ramp."""
    threshold: tuple[float, ...] | None = (0.1,)
    """Size up to which weights of V are zero once the ramp has ended; one number, or one per layer. None: from lam and beta."""
    sparse_layers: Annotated[tuple[str, ...], tyro.conf.arg(metavar="LAYER")] = ()
    """Layers that r acts on, by name. None given: all."""
    ramp: float = 0.5
    """Continuation: the fraction of the run before the refit, between 0 and 1, after which the threshold is at its end."""
    hold: float = 0.0
    """Continuation: the fraction of the run before the refit, 0 or more and below 1, from which on the learning rate falls."""
    refit: int = 0
    """Epochs at the end, among --epochs, in which the weights that V has left are trained alone, without any penalty."""
    prune: float = 0.0
    """Fraction of the weights, the smallest, that are made zero when the refit begins. With penalty none: magnitude pruning."""
    holdout: int = 0
    """Training images, the last ones, held out to measure the error during training."""
    seed: int = 0
    """Seed of the starting weights, and of the order and the shifts of the images."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The run directory. None: runs/<experiment>-<penalty>-<n>."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A directory with four IDX files of MNIST's names, .gz or raw. None: the bundled MNIST."""
    init: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Start from the weights of this model.safetensors (PyTorch's layout). None: draw them."""
    checkpoint_every: int = 0
    """Write a checkpoint after every so many steps too. 0: after each epoch only."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Go on with the run in this directory; only --threads, --checkpoint-every and --penalty module:Class may be given too."""

    @property
    def group_weight(self) -> float:
        """lam of the group lasso on W: 0 with penalty none."""
        if self.penalty == "none":
            return 0.0
        return self.lam if self.group_lam is None else self.group_lam

    def sparse_among(self, layers: Sequence[str]) -> list[str]:
        """Which of a network's layers r acts on. MinisglError when sparse_layers names others."""
        if unknown := [name for name in self.sparse_layers if name not in layers]:
            raise MinisglError(f"--sparse-layers names {', '.join(unknown)}; the layers are {', '.join(layers)}")
        return [name for name in layers if name in self.sparse_layers or not self.sparse_layers]


# Fields that may differ between a run and its continuation: they change nothing in what comes out.
MAY_CHANGE = ("threads", "checkpoint_every", "out", "init", "data")


def check(config: TrainConfig) -> None:
    """Raise MinisglError, one sentence that names the option, its value and its range, unless every value is in range."""

    def require(holds: bool, option: str, wanted: str, value: object = None) -> None:
        if not holds:
            shown = getattr(config, option) if value is None else value
            raise MinisglError(f"--{option.replace('_', '-')} must be {wanted}, and is {shown}")

    for option in ("threads", "shards", "epochs", "batch_size", "beta_every"):
        require(getattr(config, option) >= 1, option, "a whole number >= 1")
    require(config.shards <= config.batch_size, "shards", f"at most the batch size, {config.batch_size}")
    for option in ("shift", "holdout", "seed", "checkpoint_every"):
        require(getattr(config, option) >= 0, option, "a whole number >= 0")
    require(0 < config.lr <= 1e9, "lr", "a number above 0, up to 1e9")
    for option, largest in (("lam", 1e6), ("group_lam", 1e6), ("beta", 1e12)):
        value = getattr(config, option)
        # the smallest keep 1/beta and threshold^2/lam finite
        require(value is None or value == 0 or 1e-30 <= value <= largest, option, f"0, or from 1e-30 to {largest:g}")
    for option in ("beta_growth", "beta_rise"):
        require(1e-12 <= getattr(config, option) <= 1e12, option, "a number from 1e-12 to 1e12")
    if config.beta > 0:
        growths = (config.epochs - 1) // config.beta_every if config.threshold is None else 0
        end = log10(config.beta) + growths * log10(config.beta_growth)
        require(abs(end) <= 30, "beta_growth", f"such that beta ends between 1e-30 and 1e30, after growing {growths} times")
    require(0 <= config.momentum < 1, "momentum", "at least 0 and below 1")
    require(0 < config.ramp < 1, "ramp", "between 0 and 1")
    require(0 <= config.hold < 1, "hold", "at least 0 and below 1")
    require(0 <= config.refit < config.epochs, "refit", f"a whole number >= 0, below the epochs, {config.epochs}")
    require(0 <= config.prune < 1, "prune", "at least 0 and below 1")
    require(config.prune == 0 or config.refit > 0, "prune", "0 without a refit (--refit), before which it is done")
    for epoch in config.lr_drops:
        require(epoch >= 1, "lr_drops", "whole numbers >= 1", epoch)
    for threshold in config.threshold or ():
        require(0 <= threshold <= 1e6, "threshold", "0 or more, up to 1e6", threshold)
    if config.experiment == "shaky-curves" and (config.data is not None or config.holdout):
        raise MinisglError(
            "--data and --holdout are for mnist-lenet5: shaky-curves draws its pictures, a validation set among them"
        )
    if has_r(config.penalty) and config.lam > 0 and config.beta == 0:
        raise MinisglError(f"--beta 0 would leave V to itself: penalty {config.penalty} needs a coupling beta > 0")


def as_json(config: TrainConfig) -> dict[str, object]:
    """The configuration as JSON values; not `resume`, which is no part of a run."""
    values = {field.name: getattr(config, field.name) for field in fields(config) if field.name != "resume"}
    for name, value in values.items():
        if isinstance(value, Path):  # whole: the file is read from other folders than it was written from
            values[name] = str(value.resolve())
        elif isinstance(value, tuple):
            values[name] = list(value)
    return values


def from_json(path: Path) -> TrainConfig:
    """The configuration in a config.json, with every field there and of its type; else MinisglError that says which."""
    told = files.read_json(path)
    names = [field.name for field in fields(TrainConfig) if field.name != "resume"]
    if not isinstance(told, dict) or set(told) != set(names):
        found = set(told) if isinstance(told, dict) else set()
        missing, unknown = sorted(set(names) - found), sorted(found - set(names))
        raise MinisglError(f"{path} is no configuration: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")
    types = get_type_hints(TrainConfig)
    return TrainConfig(**{name: _as_type(told[name], types[name], f"{path}: {name}") for name in names})


def _as_type(value: Any, wanted: Any, what: str) -> Any:
    """A JSON value as the field's type: a union, a Literal, a tuple, a Path, or a plain type. MinisglError if it is none."""
    kind, inner = get_origin(wanted), get_args(wanted)
    if kind is UnionType:  # of a type and None
        return None if value is None else _as_type(value, inner[0], what)
    if kind is tuple and isinstance(value, list):
        return tuple(_as_type(item, inner[0], what) for item in value)
    if wanted is Path and isinstance(value, str):
        return Path(value)
    if wanted is float and type(value) is int:
        return float(value)
    if value not in inner if kind is Literal else type(value) is not wanted:
        names = " or ".join(map(str, inner)) if kind is Literal else getattr(wanted, "__name__", wanted)
        raise MinisglError(f"{what} must be {names}, and is {value!r}")
    return value
