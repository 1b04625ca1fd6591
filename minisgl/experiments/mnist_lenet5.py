"""LeNet-5 on digits: r on every layer, group lasso on W (Bui, Park, Zhang, Qi, Xin 2021).

A preset is a complete configuration. For another penalty than l0 the preset quick changes a few of its settings.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from minisgl.config import TrainConfig
from minisgl.data import mnist
from minisgl.experiments.experiment import Data, Experiment
from minisgl.models import lenet5

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


MNIST_LENET5 = Experiment(lenet5, _digits, mnist.load_test, "w", PRESETS, QUICK_FOR)
