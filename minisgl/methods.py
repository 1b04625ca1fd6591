"""The methods that make a network sparse: variable splitting, and its rivals from the literature.

    splitting      V takes the penalty r, and a coupling pulls W towards it             solver/splitting.py
    agp            the smallest weights are removed little by little                    solver/agp.py
    one-shot       dense training; the refit begins with the smallest weights at 0      solver/refit.py
    random         a random mask, drawn once                                            solver/random_mask.py
    set            some weights are replaced by random others every few steps           solver/sparse_evolution.py
    rigl           the same, but those with the largest gradients grow                  solver/rigl.py
    admm           splitting with multipliers                                           solver/admm.py
    cges           group lasso in the first layers, exclusive lasso in the last         solver/cges.py
    hard-concrete  random gates, and a price for those that are open                    solver/hard_concrete.py
    sparse-vd      Gaussian weights; those with much more noise than size become 0      solver/sparse_vd.py
    dense-small    no zeros: a narrower dense network with as many FLOPs                analysis/narrow.py

Each method has a small dataclass with the options that are its own. `uses` names the options in other parts of the
configuration that it reads, of those that not every method reads; configure.py refuses all others. So a new method is a solver,
a dataclass here that is named in `Method`, and a case of `make_solver` in training/setup.py.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from minisgl.errors import MinisglError

MASK = ("sparsity", "sparse_layers")  # what every method with a given share of zeros uses


@dataclass(frozen=True)
class SplittingMethod:
    """Variable splitting, or decoupled penalties. Its options are those of the penalties and of the regimes."""

    method: Literal["splitting"] = "splitting"

    uses = (
        *MASK,
        "penalty",
        "penalty_option",
        "v_group",
        "decoupled",
        "lam",
        "group_lam",
        "group_layers",
        "beta",
        "beta_growth",
        "beta_every",
        "beta_rise",
        "threshold",
        "ramp",
        "prune",
        "prune_layers",
    )


@dataclass(frozen=True)
class AGPMethod:
    """Gradual magnitude pruning: the zeros increase from the fraction ramp_from of the run until the fraction ramp.

    sparsity_of: whether the share of zeros is that of the network, in all its layers together, or of each layer.
    """

    method: Literal["agp"] = "agp"
    ramp_from: float = 0.1
    sparsity_of: Literal["network", "layer"] = "network"

    uses = (*MASK, "ramp")


@dataclass(frozen=True)
class OneShotMethod:
    """Magnitude pruning at once, when the refit begins."""

    method: Literal["one-shot"] = "one-shot"

    uses = MASK


@dataclass(frozen=True)
class RandomMethod:
    """A random mask. densities: how the remaining weights are divided among the layers; see solver/densities.py."""

    method: Literal["random"] = "random"
    densities: Literal["erk", "uniform"] = "erk"

    uses = MASK


@dataclass(frozen=True)
class SETMethod:
    """Sparse evolutionary training; see solver/regrowth.py for the last three."""

    method: Literal["set"] = "set"
    densities: Literal["erk", "uniform"] = "erk"
    regrow_every: int = 100
    regrow_share: float = 0.3
    regrow_until: float = 0.75

    uses = MASK


@dataclass(frozen=True)
class RigLMethod:
    """RigL, with the options of set."""

    method: Literal["rigl"] = "rigl"
    densities: Literal["erk", "uniform"] = "erk"
    regrow_every: int = 100
    regrow_share: float = 0.3
    regrow_until: float = 0.75

    uses = MASK


@dataclass(frozen=True)
class ADMMMethod:
    """ADMM. multiplier_every: steps between two updates of the multipliers, 0 for none. admm_step: what V becomes."""

    method: Literal["admm"] = "admm"
    sparsity_of: Literal["network", "layer"] = "network"
    multiplier_every: int = 100
    admm_step: Literal["projection", "l1", "tl1"] = "projection"

    uses = (*MASK, "ramp", "beta", "beta_rise")


@dataclass(frozen=True)
class CGESMethod:
    """Combined group and exclusive sparsity. exclusive_lam: the weight of the exclusive lasso; group_lam: the other's."""

    method: Literal["cges"] = "cges"
    exclusive_lam: float = 0.03

    uses = (*MASK, "group_lam")


@dataclass(frozen=True)
class HardConcreteMethod:
    """Hard-concrete gates. gates: one for each weight or each unit. gate_lr: their learning rate, in units of the weights'.

    Without a sparsity lam alone decides how many weights are zero; with one, the refit begins with at least that share.
    """

    method: Literal["hard-concrete"] = "hard-concrete"
    gates: Literal["weights", "units"] = "weights"
    gate_lr: float = 1.0

    uses = (*MASK, "lam")


@dataclass(frozen=True)
class SparseVDMethod:
    """Sparse variational dropout. lam is the weight of KL, after the fraction ramp of the run. Sparsity as hard-concrete."""

    method: Literal["sparse-vd"] = "sparse-vd"

    uses = (*MASK, "lam", "ramp")


@dataclass(frozen=True)
class DenseSmallMethod:
    """Dense training of a narrower network from scratch. flops: the most FLOPs that it may need for one image."""

    method: Literal["dense-small"] = "dense-small"
    flops: int | None = None

    uses = ()


Method = (
    SplittingMethod
    | AGPMethod
    | OneShotMethod
    | RandomMethod
    | SETMethod
    | RigLMethod
    | ADMMMethod
    | CGESMethod
    | HardConcreteMethod
    | SparseVDMethod
    | DenseSmallMethod
)
METHODS: dict[str, Any] = {kind.method: kind for kind in get_args(Method)}  # the dataclasses, by name


def require_known(name: str) -> None:
    """Raise MinisglError unless there is a method of that name."""
    if name not in METHODS:
        raise MinisglError(f"--method must be one of {', '.join(METHODS)}, but is {name}")


def users(option: str) -> list[str]:
    """Return the methods that read an option, if it is one that not every method reads; else none."""
    found = [name for name, kind in METHODS.items() if option in (*kind.uses, *(f.name for f in fields(kind)[1:]))]
    return found if len(found) < len(METHODS) else []
