"""The experiments: for each its network, its data, what it keeps, and its presets.

    mnist-lenet5    LeNet-5 on digits: r on every layer, group lasso on W (Bui, Park, Zhang, Qi, Xin 2021)
    shaky-curves    three convolutions on words in a regular or a shaky hand: r on fc alone, no group lasso, and the network
                    is V in both regimes: relaxed variable splitting (Xue, Xin 2019)

A preset is a complete configuration. For another penalty than l0 the preset quick changes a few of its settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minisgl.config import TrainConfig
from minisgl.data import curves, mnist
from minisgl.data.labelled import LabelledImages
from minisgl.models import curve_net, lenet5
from minisgl.nn import Sequential


class Data(NamedTuple):
    """What an experiment learns from, what it watches itself on, and what it is measured on in the end."""

    train: LabelledImages
    validation: LabelledImages | None
    test: LabelledImages


@dataclass(frozen=True)
class Experiment:
    """`network(rng)` draws its network; `load(directory)` gives its data, `load_test` the test set alone.

    `kept` is the network that the paper's regime keeps, "w" or "v"; `presets` are by name, `changes` of quick by penalty.
    """

    network: Callable[[np.random.Generator], Sequential]
    load: Callable[[Path | None], Data]
    load_test: Callable[[Path | None], LabelledImages]
    kept: str
    presets: dict[str, TrainConfig]
    changes: dict[str, dict[str, Any]]


# --- LeNet-5 on MNIST ------------------------------------------------------------------------------------------------

N_TRAIN = 60_000  # MNIST's training images: the paper's lam and beta are given per training image

# Where much has to go, V would stray from W: beta is larger from the start. And few weights, trained for long, would learn the
# images by heart: they are shifted. docs/results.md lists what was tried.
_LONG = TrainConfig(beta=0.1, beta_rise=200.0, shift=1)
PRESETS: dict[str, TrainConfig] = {
    # Chosen on 5,000 held-out training images; docs/architecture.md lists what was tried.
    "quick": TrainConfig(),
    # Settings of the authors' code for LeNet-5: alpha_0 = 0.1, lam = alpha_0/N_train, beta = 25 lam.
    "paper": TrainConfig(preset="paper", epochs=200, lr=1e-3, lam=0.1 / N_TRAIN, beta=2.5 / N_TRAIN, threshold=None),
    "sparse": replace(
        _LONG,
        preset="sparse",
        epochs=100,
        refit=20,
        lr=1e-3,
        hold=0.75,
        threshold=(0.29, 0.37, 0.34, 0.27),
        group_lam=4e-6,
        ramp=0.75,
        prune=0.99643,  # at most 1,537 weights stay
    ),
    "small": replace(
        _LONG,
        preset="small",
        penalty="group-l0",
        epochs=38,
        refit=16,
        threshold=(0.45, 0.06, 0.02, 0.05),  # of a group's root mean square
        group_lam=4e-5,
        ramp=0.7,
    ),
}

# What quick changes for another r. Where r shrinks the weights it keeps, a scheduled threshold tau pulls them with a force of
# up to beta * tau, so a rising beta would crush the network; l0 and what acts like it pull only below the threshold.
GENTLE: dict[str, Any] = {"threshold": (0.005,), "beta_rise": 1.0}
QUICK_FOR: dict[str, dict[str, Any]] = dict.fromkeys(("l1", "tl1", "l1-l2", "log-sum", "lp"), GENTLE)
QUICK_FOR["group-l0"] = {"threshold": (0.02,)}  # of a whole group's root mean square


def _digits(directory: Path | None) -> Data:
    train, test = mnist.load(directory)
    return Data(train, None, test)


# --- shaky curves ----------------------------------------------------------------------------------------------------

# Chosen on the validation set; docs/shaky-curves.md lists what was tried.
_CURVES = TrainConfig(
    experiment="shaky-curves",
    sparse_layers=("fc",),
    group_lam=0.0,
    epochs=11,
    batch_size=16,
    threshold=(0.18,),
    ramp=0.4,
    beta=0.2,
    beta_rise=20.0,
)
CURVE_PRESETS: dict[str, TrainConfig] = {
    "quick": _CURVES,
    # The algorithm as published: beta stays, and so does the threshold, here sqrt(2 lam/beta) = 0.1 for l0. Settings are ours.
    "paper": replace(
        _CURVES, preset="paper", epochs=20, lr=1e-3, lr_drops=(10, 15), lam=1e-4, beta=0.02, beta_growth=1.0, threshold=None
    ),
}
# For penalties that shrink: fc's weights are far fewer than LeNet-5's and larger, and bear a stronger pull beta * tau.
FIRM: dict[str, Any] = {"threshold": (0.002,), "beta": 0.3, "beta_rise": 1.0}
CURVES_FOR: dict[str, dict[str, Any]] = dict.fromkeys(("l1", "tl1", "l1-l2", "log-sum", "lp"), FIRM)
CURVES_FOR["tl1"] = {**FIRM, "penalty_option": ("a=0.1",)}  # the weights that stay are near 0.2, where it is flat
CURVES_FOR["group-l0"] = QUICK_FOR["group-l0"]


def _curves(directory: Path | None) -> Data:
    return Data(*curves.load(counts=curves.COUNTS))  # there is no directory: they are drawn


# ---------------------------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Experiment] = {
    "mnist-lenet5": Experiment(lenet5, _digits, mnist.load_test, "w", PRESETS, QUICK_FOR),
    "shaky-curves": Experiment(curve_net, _curves, lambda directory: _curves(directory).test, "v", CURVE_PRESETS, CURVES_FOR),
}

# A GPU takes a batch whole: what a thread does for a processor its thousands of cores do anyway.
ON_A_GPU: dict[str, Any] = {"backend": "cupy", "threads": 1, "shards": 1}


def preset(name: str, penalty: str | None = None, backend: str = "numpy", experiment: str = "mnist-lenet5") -> TrainConfig:
    """The configuration of an experiment's preset for a backend and a penalty, None for its own.

    Where a name is unknown, of the default. The penalty's name is not filled in: only the settings are that follow from it.
    """
    chosen = EXPERIMENTS.get(experiment, EXPERIMENTS["mnist-lenet5"])
    config = chosen.presets.get(name, chosen.presets["quick"])
    changes = chosen.changes.get(penalty or config.penalty, {}) if config.preset == "quick" else {}
    return replace(config, **changes, **(ON_A_GPU if backend == "cupy" else {}))
