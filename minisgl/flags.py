"""The options of `python -m minisgl.train`, and the one function that makes a configuration of them.

`Flags` is flat, and None stands wherever an option was not given: the presets have the defaults. `configure` puts what was
given into the preset's nested configuration, and refuses every option that this run would not use:

    configure(paper, Flags(ramp=0.9))  ->  --ramp is of continuation, and preset paper has no thresholds to ramp
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import tyro

from minisgl.backend import Backend
from minisgl.config import AdamConfig, ContinuationConfig, PaperConfig, PenaltyConfig, TrainConfig, as_flags, changed
from minisgl.errors import MinisglError
from minisgl.formats.flat import as_type
from minisgl.penalties.names import has_r, lam_cancels, parse_options


def _option(kind: Any, metavar: str | None = None) -> Any:
    """An option that is given with a value of this type, or not at all: "None" is no value, and no default is printed."""
    return tyro.conf.arg(constructor=kind, metavar=metavar, help_behavior_hint="")


def _numbers(metavar: str) -> Any:
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


Text = Annotated[str | None, _option(str, "NAME")]
Whole = Annotated[int | None, _option(int)]
Number = Annotated[float | None, _option(float)]
OWN = Annotated[str | None, _option(str, "MODULE:NAME")]
BUILD = Annotated[str | None, _option(str, "MODULE:BUILD")]
Folder = Annotated[Path | None, _option(Path, "DIR")]


@dataclass(frozen=True)
class Flags:
    """Train a sparse convolutional network by two-step variable splitting, and write a run directory.

    With no option: LeNet-5 on MNIST with sparse group l0, preset quick. Defaults below are mnist-lenet5's.
    """

    experiment: Text = None
    """What is trained, on what. mnist-lenet5: LeNet-5 on digits. shaky-curves: three convolutions and fc on words in a regular
    or a shaky hand. module:NAME: an experiment of your own. Default: mnist-lenet5."""
    network: BUILD = None
    """A network of your own for the experiment's images: build(rng) makes it. Default: the experiment's."""
    penalty: Text = None
    """r, on V: l1, l0, tl1, l1-l2, scad, mcp, lp, capped-l1, log-sum, group-l0, your own module:Class; group-lasso; none.
    Default: l0; small: group-l0."""
    penalty_option: Annotated[tuple[str, ...] | None, _numbers("NAME=NUMBER [NAME=NUMBER ...]")] = None
    """Parameters of r: a (tl1, scad), alpha (l1-l2), gamma (mcp), p (lp), theta (capped-l1), eps (log-sum)."""
    v_group: Annotated[Literal["none", "lasso", "l0"] | None, _option(Literal["none", "lasso", "l0"])] = None
    """Moves the group term from W into the V-step: lasso (with l1 and l0), or l0 (with every separable r). Default: none."""
    preset: Text = None
    """Defaults of all other options. quick: continuation, V is the network. paper: the paper's settings, W is the network.
    sparse: quick at more length, for the fewest weights. small: the same with group-l0, for the fewest FLOPs. Default:
    quick."""
    backend: Annotated[Backend | None, _option(Backend)] = None
    """The array module that computes: numpy on the processor, cupy on an NVIDIA GPU. Default: numpy."""
    threads: Whole = None
    """Cores that run the shards of a batch, on Linux by a process each. Changes the time, never the result. Default: 2;
    cupy: 1."""
    shards: Whole = None
    """Shards that each batch is split into. Default: 2; cupy: 1."""
    epochs: Whole = None
    """Passes over the training images. Default: quick 9, paper 200, sparse 100, small 38."""
    batch_size: Whole = None
    """Images per mini-batch. Default: 100."""
    shift: Whole = None
    """Pixels by which each training image is moved at most, up or down and left or right, anew in every epoch. Default: 0;
    sparse and small: 1."""
    optimizer: Annotated[Literal["adam", "sgd"] | None, _option(Literal["adam", "sgd"])] = None
    """How the W-step uses its gradient. Default: adam."""
    lr: Number = None
    """Learning rate at the start. Default: 0.002; paper and sparse: 0.001."""
    lr_drops: Annotated[tuple[int, ...] | None, _numbers("INT [INT ...]")] = None
    """Paper regime: lr is multiplied by 0.1 after each of these numbers of epochs. Default: 40 80 120 160."""
    momentum: Number = None
    """Momentum of sgd, 0 <= momentum < 1. Default: 0.9."""
    nesterov: Annotated[bool | None, _option(bool)] = None
    """Nesterov's form of momentum, for sgd. Default: no."""
    lam: Number = None
    """Weight of r on V, in units of the loss. 0: no r, and V is W. A threshold takes its place, but for scad, mcp and
    --v-group. Default: 2.5e-06; paper: 1.66667e-06."""
    group_lam: Number = None
    """Weight of the group lasso on W, in units of the loss. 0: no group lasso. Default: lam; sparse: 4e-06; small: 4e-05."""
    beta: Number = None
    """Coupling between W and V at the start: beta/2 * |W - V|^2, in units of the loss. Default: 0.02; paper: 4.16667e-05;
    sparse and small: 0.1."""
    beta_growth: Number = None
    """Paper regime: beta is multiplied by this every --beta-every epochs. Default: 1.25."""
    beta_every: Whole = None
    """Paper regime: epochs between two growths of beta. Default: 40."""
    beta_rise: Number = None
    """Continuation: beta at the end over beta at the start; it rises after the ramp. Default: quick 1000, but 1 for penalties
    that shrink what they keep; sparse and small: 200."""
    threshold: Annotated[tuple[float, ...] | None, _numbers("FLOAT [FLOAT ...]")] = None
    """Size up to which weights of V are zero once the ramp has ended; one number, or one per layer. With preset paper it
    chooses continuation. Default: quick 0.1, but 0.005 for penalties that shrink what they keep, and 0.02 for group-l0; sparse
    0.29 0.37 0.34 0.27; small 0.45 0.06 0.02 0.05; paper: it follows from lam and beta."""
    sparse_layers: Annotated[tuple[str, ...] | None, _numbers("LAYER [LAYER ...]")] = None
    """Layers that r acts on, by name. Default: all; shaky-curves: fc."""
    ramp: Number = None
    """Continuation: the fraction of the run before the refit, between 0 and 1, after which the threshold is at its end.
    Default: quick 0.5, sparse 0.75, small 0.7."""
    hold: Number = None
    """Continuation: the fraction of the run before the refit, 0 or more and below 1, from which on the learning rate falls.
    Default: 0; sparse: 0.75."""
    refit: Whole = None
    """Epochs at the end, among --epochs, in which the weights that V has left are trained alone, without any penalty.
    Default: 0; sparse: 20; small: 16."""
    prune: Number = None
    """Fraction of the weights, the smallest, that are made zero when the refit begins. With penalty none: magnitude pruning.
    Default: 0; sparse: 0.99643."""
    holdout: Whole = None
    """Training images, the last ones, held out to measure the error during training. Default: 0."""
    seed: Whole = None
    """Seed of the starting weights, and of the order and the shifts of the images. Default: 0."""
    out: Folder = None
    """The run directory. Default: runs/<experiment>-<penalty>-<n>."""
    data: Folder = None
    """A directory with four IDX files of MNIST's names, .gz or raw. Default: the bundled MNIST."""
    init: Annotated[Path | None, _option(Path, "FILE")] = None
    """Start from the weights of this model.safetensors (PyTorch's layout). Default: draw them."""
    checkpoint_every: Whole = None
    """Write a checkpoint after every so many steps too. 0: after each epoch only. Default: 0."""
    resume: Folder = None
    """Go on with the run in this directory; only --threads, --checkpoint-every, and what is your own (--penalty, --experiment,
    --network) may be given too."""

    def given(self) -> dict[str, Any]:
        """What was given, by name."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


def option(name: str) -> str:
    """ "--batch-size" of "batch_size"."""
    return f"--{name.replace('_', '-')}"


def flags(**values: Any) -> Flags:
    """Flags from Python values: paths as text or Path, one number for a list of one; None is as if it were not given.

    MinisglError for an unknown name, or a value of another type.
    """
    types = get_type_hints(Flags)
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name not in types:
            raise MinisglError(f"there is no option {option(name)}; python -m minisgl.train --help lists them")
        wanted = next(kind for kind in get_args(types[name]) if kind is not type(None))
        if str(wanted).startswith("tuple") and value is not None:
            value = [value] if isinstance(value, str | int | float) else list(value)  # noqa: PLW2901
        made[name] = value if isinstance(value, Path) and wanted is Path else as_type(value, types[name], option(name))
    return Flags(**made)


# Options of one regime, and what the other one has instead.
OF_CONTINUATION = {
    "ramp": "has no thresholds to ramp",
    "hold": "lowers the learning rate by --lr-drops",
    "beta_rise": "raises beta by --beta-growth",
}
OF_THE_PAPER = {
    "lr_drops": "lowers the learning rate along a cosine",
    "beta_growth": "raises beta by --beta-rise",
    "beta_every": "raises beta by --beta-rise",
}
OF_SGD = ("momentum", "nesterov")
OF_R = ("threshold", "ramp", "beta", "beta_rise", "beta_growth", "beta_every", "sparse_layers", "v_group", "penalty_option")


def configure(preset: TrainConfig, flags: Flags) -> TrainConfig:
    """The preset's configuration with what was given in its place. A threshold chooses continuation in the paper's preset too.

    MinisglError, a sentence that names the option, for one that this run would not use.
    """
    given = flags.given()
    given.pop("resume", None)
    # a threshold chooses the regime, and the optimizer brings its own settings
    preset = changed(preset, {name: given[name] for name in ("threshold", "optimizer") if name in given})
    config = changed(preset, {name: value for name, value in given.items() if name in as_flags(preset)})
    for name, value in given.items():
        reasons = (
            _of_the_other(name, config, given),
            _without_penalty(name, value, config.penalty),
            _lam_cancels(name, config),
        )
        if reason := next(filter(None, reasons), None):
            raise MinisglError(reason)
    return config


def _of_the_other(name: str, config: TrainConfig, given: Mapping[str, Any]) -> str:
    """The sentence about an option of another regime or optimiser than this configuration's; "" if it is not one."""
    chosen = "--threshold chooses continuation, which" if "threshold" in given else f"preset {config.preset}"
    if name in OF_CONTINUATION and isinstance(config.regime, PaperConfig):
        return f"{option(name)} is of continuation, and {chosen} {OF_CONTINUATION[name]}"
    if name in OF_THE_PAPER and isinstance(config.regime, ContinuationConfig):
        return f"{option(name)} is of the paper's regime, and {chosen} {OF_THE_PAPER[name]}"
    if name in OF_SGD and isinstance(config.optimizer, AdamConfig):
        return f"{option(name)} is of sgd, and the optimizer is adam: give --optimizer sgd too"
    return ""


def _without_penalty(name: str, value: Any, penalty: PenaltyConfig) -> str:
    """The sentence about an option that a run with these penalties would not use; "" if it would."""
    if name == "penalty_option" and not has_r(penalty.penalty):
        return f"penalty {penalty.penalty} has no options, and got {', '.join(parse_options(value))}"
    if name in OF_R and value != "none" and not penalty.acts_on_v:
        shown = " ".join(map(str, value)) if isinstance(value, tuple) else value
        why = "--lam is 0" if has_r(penalty.penalty) else f"penalty {penalty.penalty} has none"
        return f"{option(name)} {shown} needs an r with lam > 0, and {why}"
    if name in ("lam", "group_lam") and penalty.penalty == "none":
        return f"{option(name)} is the weight of a penalty, and the penalty is none"
    if name == "lam" and penalty.penalty == "group-lasso" and penalty.group_lam is not None:
        return f"--lam is of r on V, and penalty group-lasso has none; its weight is --group-lam, {penalty.group_lam:g}"
    return ""


def _lam_cancels(name: str, config: TrainConfig) -> str:
    """The sentence about a --lam that would change no weight: the threshold is chosen, the group lasso has its own weight."""
    penalty, regime = config.penalty, config.regime
    if name != "lam" or isinstance(regime, PaperConfig) or penalty.group_lam is None or not penalty.acts_on_v:
        return ""
    if penalty.v_group != "none" or not lam_cancels(penalty.penalty):
        return ""
    threshold = " ".join(f"{t:g}" for t in regime.threshold)
    return (
        f"--lam {penalty.lam:g} would change no weight: the threshold of {penalty.penalty} is {threshold}, "
        f"and the group lasso has its own weight, {penalty.group_lam:g}"
    )
