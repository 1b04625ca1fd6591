"""The options of `python -m minisgl.train`, with their help texts.

`Flags` is flat. An option that was not given is None; the presets have the defaults. configure.py puts the given options into
the preset's configuration.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import tyro

from minisgl.backend import Backend
from minisgl.errors import MinisglError
from minisgl.formats.flat import as_type


def _option(kind: Any, metavar: str | None = None) -> Any:
    """Declare an option that takes a value of this type, but not "None". Its default is not printed."""
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
    """Train a sparse convolutional network and write a run directory.

    Without options: LeNet-5 on MNIST with l0, preset quick.

    The defaults listed are those of mnist-lenet5.
    """

    experiment: Text = None
    """The network and the data.
    mnist-lenet5: LeNet-5 on digits.
    mnist-cnn4: four layers, larger than LeNet-5 and with dropout, on digits.
    cifar10, cifar100: residual networks, on colour photographs.
    shaky-curves: three convolutions and one linear layer (fc), on words in regular or shaky handwriting.
    module:NAME: your own experiment.
    Default: mnist-lenet5."""
    network: BUILD = None
    """Your own network for the experiment's images; build(rng) returns it. Default: the experiment's network."""
    depth: Whole = None
    """cifar10, cifar100: 9 for the small residual network, or 10, 16, 22, ... (6 n + 4) for a wide one.
    Default: 9; paper: 28."""
    width: Whole = None
    """cifar10, cifar100: factor for the numbers of channels. Default: 2; paper: 10."""
    dropout: Number = None
    """cifar10, cifar100 with a depth of 6 n + 4: probability that an input of a block's second convolution is set to 0.
    Default: 0; paper: 0.3."""
    stride_on: Annotated[Literal["first", "second"] | None, _option(Literal["first", "second"])] = None
    """cifar10, cifar100 with a depth of 6 n + 4: which convolution of a stage's first block has the stride of 2.
    Default: first."""
    penalty: Text = None
    """The penalty r on V: l1, l0, tl1, l1-l2, scad, mcp, lp, capped-l1, log-sum, group-l0, or your own module:Class.
    group-lasso: only the group lasso on W. none: no penalty. Default: l0; small: group-l0."""
    penalty_option: Annotated[tuple[str, ...] | None, _numbers("NAME=NUMBER [NAME=NUMBER ...]")] = None
    """Parameters of r: a (tl1, scad), alpha (l1-l2), gamma (mcp), p (lp), theta (capped-l1), eps (log-sum)."""
    v_group: Annotated[Literal["none", "lasso", "l0"] | None, _option(Literal["none", "lasso", "l0"])] = None
    """Move the group penalty from W to V: lasso (with l1 and l0) or l0 (with every separable r). Default: none."""
    decoupled: Annotated[bool | None, _option(bool)] = None
    """Penalties act on W as proxes in the optimiser's metric, with their own weights: no V, no beta, no threshold.
    For group-lasso, or l1 with or without it, or l0 and lp with --group-lam 0; docs/decoupled.md. Default: no."""
    method: Text = None
    """How weights become zero; docs/rivals.md describes the methods.
    splitting: variable splitting, with the penalties below.
    agp: gradual magnitude pruning. one-shot: magnitude pruning when the refit begins. random: a random mask.
    set: a random mask, changed at random. rigl: a random mask, changed by gradients.
    admm: splitting with multipliers. cges: group and exclusive lasso, then as one-shot.
    All these but splitting need --sparsity and have no penalty r.
    hard-concrete: random gates with the price --lam. sparse-vd: sparse variational dropout.
    dense-small: a narrower network without zeros. Default: splitting."""
    ramp_from: Number = None
    """agp: fraction of the run (without the refit) after which the share of zeros rises, until --ramp; at least 0.
    Default: 0.1."""
    sparsity_of: Annotated[Literal["network", "layer"] | None, _option(Literal["network", "layer"])] = None
    """agp, admm: whether --sparsity is the share of all layers together, or of each layer. Default: network."""
    densities: Annotated[Literal["erk", "uniform"] | None, _option(Literal["erk", "uniform"])] = None
    """random, set, rigl: how the weights that are not zero are divided among the layers.
    erk: small layers keep a larger share (Erdos-Renyi kernel). uniform: all layers keep the same share. Default: erk."""
    regrow_every: Whole = None
    """set, rigl: steps between two changes of the mask. Default: 100."""
    regrow_share: Number = None
    """set, rigl: share of each layer's nonzero weights that are replaced at first; it falls along a cosine. Default: 0.3."""
    regrow_until: Number = None
    """set, rigl: fraction of the run (without the refit) after which the mask stays; above 0, up to 1. Default: 0.75."""
    multiplier_every: Whole = None
    """admm: steps between two updates of the multipliers. 0: none, which is splitting. Default: 100."""
    admm_step: Annotated[Literal["projection", "l1", "tl1"] | None, _option(Literal["projection", "l1", "tl1"])] = None
    """admm: what V becomes. projection: W + U with the smallest weights at 0. l1, tl1: the prox of that penalty at W + U.
    Default: projection."""
    exclusive_lam: Number = None
    """cges: weight of the exclusive lasso, in units of the loss; --group-lam is that of the group lasso. Not tuned. 0: none.
    Default: 0.03."""
    gates: Annotated[Literal["weights", "units"] | None, _option(Literal["weights", "units"])] = None
    """hard-concrete: a gate for each weight, or for each unit (output channel, input neuron). Default: weights."""
    gate_lr: Number = None
    """hard-concrete: learning rate of the gates, in units of --lr; above 0. Default: 1."""
    flops: Whole = None
    """dense-small: the most FLOPs of the network for one image; all its layers are narrowed by one factor. Default: none."""
    preset: Text = None
    """The defaults of all other options.
    quick: continuation; V is the final network.
    paper: the paper's settings; W is the final network.
    sparse: a longer continuation, for the fewest weights. On cifar10 and cifar100 its settings are not tuned.
    small: a longer continuation with group-l0, for the fewest FLOPs.
    mnist-cnn4 has only quick, with LeNet-5's settings, not tuned for it, and paper.
    Default: quick."""
    backend: Annotated[Backend | None, _option(Backend)] = None
    """Array library: numpy on the CPU, cupy on an NVIDIA GPU. Default: numpy."""
    threads: Whole = None
    """Number of CPU cores to use. Changes the time, never the result. Default: 2; cupy: 1."""
    shards: Whole = None
    """Number of shards that each batch is split into. Default: 2; cupy: 1."""
    epochs: Whole = None
    """Passes over the training images. Default: quick 7, paper 200, sparse 100, small 38; quick elsewhere 9."""
    batch_size: Whole = None
    """Images per mini-batch. Default: 100."""
    shift: Whole = None
    """Each training image is shifted vertically and horizontally by up to this many pixels, differently in each epoch.
    Default: 0; sparse and small: 1."""
    flip: Annotated[bool | None, _option(bool)] = None
    """Mirror each training image with probability 1/2, differently in each epoch. Not for digits and words. Default: no."""
    optimizer: Annotated[Literal["adam", "sgd"] | None, _option(Literal["adam", "sgd"])] = None
    """Optimizer of the W-step. Default: adam."""
    lr: Number = None
    """Initial learning rate. Default: 0.002; paper and sparse: 0.001."""
    lr_drops: Annotated[tuple[int, ...] | None, _numbers("INT [INT ...]")] = None
    """Paper regime: epochs after which lr is multiplied by --lr-factor. Default: 40 80 120 160."""
    lr_factor: Number = None
    """Paper regime: what lr is multiplied by after each of --lr-drops, above 0 and at most 1. Default: 0.1."""
    momentum: Number = None
    """Momentum of sgd, at least 0 and below 1. Default: 0.9."""
    nesterov: Annotated[bool | None, _option(bool)] = None
    """Use Nesterov momentum with sgd. Default: no."""
    weight_decay: Number = None
    """This number times w is added to the gradient of every weight or bias w, except for weights that r acts on. At least 0.
    It applies in the refit too. Default: 0."""
    label_smoothing: Number = None
    """This share of each training image's target is divided equally among all classes; at least 0 and below 1.
    The loss shown includes it. Default: 0."""
    lam: Number = None
    """Weight of r on V, in units of the loss. 0: no r, and V is W.
    In continuation the threshold or the sparsity replaces it, except for scad, mcp and with --v-group.
    hard-concrete: price of a weight that is not zero. sparse-vd: weight of KL; 1 / training images is the paper's.
    Default: 2.5e-06; paper: 1.66667e-06."""
    group_lam: Number = None
    """Weight of the group lasso on W, in units of the loss. 0: no group lasso.
    Default: the value of --lam; sparse: 4e-06; small: 4e-05. cges: the value of --exclusive-lam."""
    beta: Number = None
    """Initial weight of the coupling between W and V, beta/2 * |W - V|^2, in units of the loss.
    With sgd it is at most 1/lr in every step, so that W does not move beyond V.
    Default: 0.02; paper: 4.16667e-05; sparse and small: 0.1."""
    beta_growth: Number = None
    """Paper regime: beta is multiplied by this every --beta-every epochs. Default: 1.25."""
    beta_every: Whole = None
    """Paper regime: epochs between two increases of beta. Default: 40."""
    beta_rise: Number = None
    """Continuation: beta at the end divided by beta at the start; it rises after the ramp.
    Default: quick 1000, but 1 for penalties that shrink the weights they keep; sparse and small: 200."""
    threshold: Annotated[tuple[float, ...] | None, _numbers("FLOAT [FLOAT ...]")] = None
    """Continuation: weights of V up to this size are zero after the ramp. One number, or one per layer.
    With preset paper this option chooses continuation.
    Default: quick 0.1, but 0.005 for penalties that shrink the weights they keep, and 0.02 for group-l0;
    sparse 0.29 0.37 0.34 0.27; small 0.45 0.06 0.02 0.05; paper: it follows from lam and beta."""
    sparsity: Number = None
    """Continuation, instead of --threshold: share of zeros in V after the ramp, among the weights that r acts on.
    Above 0 and below 1. In each step V's threshold, one for all layers, is that quantile of |W|.
    Only for penalties on single weights. With another --method: share of zeros in the saved network.
    hard-concrete and sparse-vd need none; with one, the refit begins with at least this share of zeros.
    Default: none."""
    sparse_layers: Annotated[tuple[str, ...] | None, _numbers("LAYER [LAYER ...]")] = None
    """Layers that r acts on, or in which other methods remove weights: names, or patterns such as "stage*.conv1" (in
    quotation marks), or all.
    Default: all; shaky-curves: fc."""
    group_layers: Annotated[Literal["all", "sparse"] | None, _option(Literal["all", "sparse"])] = None
    """Layers whose W has the group lasso. sparse: those of --sparse-layers. Default: all."""
    ramp: Number = None
    """Continuation, agp, admm, sparse-vd: fraction of the run (without the refit) in which the threshold, the sparsity or the
    weight of KL rises; between 0 and 1. Default: quick 0.5, sparse 0.75, small 0.7."""
    hold: Number = None
    """Continuation: fraction of the run (without the refit) after which the learning rate falls; at least 0 and below 1.
    Default: quick of mnist-lenet5 0.4, sparse 0.75; else 0."""
    warmup: Number = None
    """Continuation: fraction of the run (without the refit) in which the learning rate rises linearly to --lr.
    At least 0 and below 1. The rate falls after that, or after --hold if that is later. Default: 0."""
    refit: Whole = None
    """Number of epochs at the end that train only the weights that are nonzero in V, without any penalty.
    Default: 0; sparse: 20; small: 16."""
    prune: Number = None
    """Fraction of the weights to set to zero when the refit begins, smallest first.
    With penalty none this is magnitude pruning. Default: 0; sparse: 0.99643."""
    prune_layers: Annotated[Literal["all", "sparse"] | None, _option(Literal["all", "sparse"])] = None
    """Layers that --prune acts on. sparse: those of --sparse-layers. Default: all."""
    refit_lr: Number = None
    """Initial learning rate of the refit. Default: the value of --lr."""
    holdout: Whole = None
    """Hold out the last INT training images, to measure the error during training. Default: 0."""
    seed: Whole = None
    """Seed of the initial weights, and of the order and the shifts of the images. Default: 0."""
    out: Folder = None
    """The run directory. Default: runs/<experiment>-<penalty>-<n>, or with another method runs/<experiment>-<method>-<n>."""
    data: Folder = None
    """A directory with MNIST's four IDX files, or others with the same names; .gz or raw. Default: the bundled MNIST.
    cifar10, cifar100: the published .tar.gz, or a folder with its binary files. Default: downloaded once from the publisher."""
    init: Annotated[Path | None, _option(Path, "FILE")] = None
    """Start from the weights in this model.safetensors (PyTorch's layout). Default: random weights."""
    checkpoint_every: Whole = None
    """Also write a checkpoint after every INT steps. 0: only after each epoch. Default: 0."""
    resume: Folder = None
    """Continue the run in this directory. Only --threads and --checkpoint-every can be changed.
    If the run used your own --penalty, --experiment or --network, give them again."""

    def given(self) -> dict[str, Any]:
        """Return the options that were given, by name."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


def option(name: str) -> str:
    """Return the option's name on the command line: "--batch-size" for "batch_size"."""
    return f"--{name.replace('_', '-')}"


def flags(**values: Any) -> Flags:
    """Return Flags from Python values. A path may be str or Path, and one number stands for a list of it; None means not given.

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
