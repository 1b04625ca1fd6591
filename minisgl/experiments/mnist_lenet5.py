"""LeNet-5 on digits: r on every layer, group lasso on W (Bui, Park, Zhang, Qi, Xin 2021).

A preset is a complete configuration. For penalties other than l0, the preset quick changes a few of its settings.
"""

from pathlib import Path

import numpy as np

from minisgl.config import ContinuationConfig, DataConfig, PaperConfig, PenaltyConfig, RefitConfig, TrainConfig
from minisgl.data import mnist
from minisgl.experiments.experiment import Data, Experiment
from minisgl.models import lenet5

N_TRAIN = 60_000  # MNIST's training images: the paper's lam and beta are given per training image

PRESETS: dict[str, TrainConfig] = {
    # Chosen on 5,000 held-out training images; docs/results.md lists what was tried.
    "quick": TrainConfig(epochs=7, regime=ContinuationConfig(hold=0.4)),
    # Settings of the authors' code for LeNet-5: alpha_0 = 0.1, lam = alpha_0/N_train, beta = 25 lam.
    "paper": TrainConfig(
        preset="paper", epochs=200, lr=1e-3, penalty=PenaltyConfig(lam=0.1 / N_TRAIN), regime=PaperConfig(beta=2.5 / N_TRAIN)
    ),
    # With most weights removed, V would move far from W, so beta is larger from the start. Training few weights for long would
    # overfit, so the images are shifted. docs/results.md lists what was tried.
    "sparse": TrainConfig(
        preset="sparse",
        data=DataConfig(shift=1),
        penalty=PenaltyConfig(group_lam=4e-6),
        regime=ContinuationConfig(threshold=(0.29, 0.37, 0.34, 0.27), ramp=0.75, hold=0.75, beta=0.1, beta_rise=200.0),
        refit=RefitConfig(20, prune=0.99643),  # at most 1,537 weights remain
        epochs=100,
        lr=1e-3,
    ),
    "small": TrainConfig(
        preset="small",
        data=DataConfig(shift=1),
        penalty=PenaltyConfig("group-l0", group_lam=4e-5),
        # thresholds of a group's root mean square
        regime=ContinuationConfig(threshold=(0.45, 0.06, 0.02, 0.05), ramp=0.7, beta=0.1, beta_rise=200.0),
        refit=RefitConfig(16),
        epochs=38,
    ),
}


def digits(directory: Path | None) -> Data:
    """Return MNIST's images, or those in another directory."""
    train, test = mnist.load(directory)
    return Data(train, None, test)


def read_digit(path: Path) -> np.ndarray:
    """Return a user's picture of a digit, (1, 28, 28) float32."""
    from minisgl.data import pictures  # noqa: PLC0415  imports Pillow

    return pictures.read_digit(path)


MNIST_LENET5 = Experiment(
    "mnist-lenet5",
    lenet5,
    digits,
    PRESETS,
    load_test=mnist.load_test,
    read_picture=read_digit,
)
