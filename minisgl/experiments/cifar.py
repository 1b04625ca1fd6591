"""Residual networks on CIFAR-10 and CIFAR-100 (the second experiment of Bui, Park, Zhang, Qi, Xin 2021).

--depth 9 is the small network of models.resnet9. r acts on its last three convolutions, which have 89.5 % of its weights. Other
depths are wide residual networks. On those r acts on the first 3 x 3 convolution of each block, as in the paper.
"""

from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from minisgl.config import (
    RESNET9,
    ContinuationConfig,
    DataConfig,
    PaperConfig,
    PenaltyConfig,
    RefitConfig,
    SGDConfig,
    SizeConfig,
    TrainConfig,
)
from minisgl.data import cifar10, cifar100
from minisgl.experiments.experiment import SHRINKING, Data, Experiment
from minisgl.models import resnet9, wide_resnet
from minisgl.nn import Network, Normalize

N_TRAIN = 50_000

# What the preset quick changes for another r (experiment.py says why). A penalty that shrinks what it keeps would make all
# weights smaller and smaller, since batch normalisation hides their size from the loss.
QUICK_CHANGES = {name: {"beta_rise": 1.0} for name in SHRINKING}
_PHOTOGRAPHS = DataConfig(batch_size=128, shift=4, flip=True)

PRESETS: dict[str, TrainConfig] = {
    # How they were chosen on held-out images: docs/cifar.md.
    "quick": TrainConfig(
        size=SizeConfig(RESNET9, 2),
        data=_PHOTOGRAPHS,
        penalty=PenaltyConfig(group_lam=0.0),
        regime=ContinuationConfig(threshold=(), sparsity=0.9, ramp=0.5, warmup=0.2, beta=0.02, beta_rise=200.0),
        optimizer=SGDConfig(nesterov=True),
        refit=RefitConfig(0, refit_lr=0.05),
        epochs=13,
        lr=0.2,
        weight_decay=5e-4,
        label_smoothing=0.1,
    ),
    # Not tuned: as quick, but longer, with a longer ramp, and with r on conv3 too.
    "sparse": TrainConfig(
        preset="sparse",
        size=SizeConfig(RESNET9, 2),
        data=_PHOTOGRAPHS,
        penalty=PenaltyConfig(group_lam=0.0, sparse_layers=("conv3", "conv4", "block2.conv?")),
        regime=ContinuationConfig(threshold=(), sparsity=0.97, ramp=0.7, warmup=0.2, beta=0.02, beta_rise=200.0),
        optimizer=SGDConfig(nesterov=True),
        epochs=60,
        lr=0.2,
        weight_decay=5e-4,
        label_smoothing=0.1,
    ),
    # Settings of the authors' code for WRN-28-10: alpha_0 = 0.001, lam = alpha_0/N_train, beta = 40 lam.
    "paper": TrainConfig(
        preset="paper",
        size=SizeConfig(28, 10, dropout=0.3),
        data=_PHOTOGRAPHS,
        penalty=PenaltyConfig(lam=0.001 / N_TRAIN, group_layers="sparse"),
        regime=PaperConfig(lr_drops=(60, 120, 160), lr_factor=0.2, beta=0.04 / N_TRAIN, beta_every=20),
        optimizer=SGDConfig(nesterov=True),
        epochs=200,
        lr=0.1,
        weight_decay=5e-4,
    ),
}


def sparse_layers(size: SizeConfig) -> tuple[str, ...]:
    """Return the layers that r acts on by default, as patterns; the preset sparse has others at depth 9."""
    return ("conv4", "block2.conv?") if size.depth == RESNET9 else ("stage?.*.conv1",)


def _network(rng: np.random.Generator, size: SizeConfig, data: ModuleType) -> Network:
    normalize, classes, width = Normalize(data.MEAN, data.DEVIATION), len(data.CLASSES), size.width or 1
    if size.depth == RESNET9:
        return resnet9(rng, width, classes, normalize=normalize)
    return wide_resnet(
        rng,
        size.depth or RESNET9,
        width,
        classes,
        dropout=size.dropout or 0.0,
        stride_on_second=size.stride_on == "second",
        normalize=normalize,
    )


def _load(directory: Path | None, data: ModuleType) -> Data:
    train, test = data.load(directory)
    return Data(train, None, test)


def _read_picture(path: Path) -> np.ndarray:
    from minisgl.data import pictures  # noqa: PLC0415  imports Pillow

    return pictures.read_colour(path)


def _experiment(name: str, data: ModuleType) -> Experiment:
    return Experiment(
        name,
        partial(_network, data=data),
        partial(_load, data=data),
        PRESETS,
        changes=QUICK_CHANGES,
        sparse_layers=sparse_layers,
        flips=True,
        load_test=data.load_test,
        read_picture=_read_picture,
        classes=data.CLASSES,
    )


CIFAR10 = _experiment("cifar10", cifar10)
CIFAR100 = _experiment("cifar100", cifar100)
