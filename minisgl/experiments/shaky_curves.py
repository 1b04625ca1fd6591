"""Three convolutions on words in a regular or a shaky hand: r on fc alone, no group lasso.

The network is V in both regimes: relaxed variable splitting (Xue, Xin 2019).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.config import ContinuationConfig, DataConfig, PaperConfig, PenaltyConfig, TrainConfig
from minisgl.experiments.experiment import QUICK_FOR, SHRINK, Data, Experiment
from minisgl.models import curve_net

# Chosen on the validation set; docs/shaky-curves.md lists what was tried.
_PENALTY = PenaltyConfig(group_lam=0.0, sparse_layers=("fc",))
_BATCHES = DataConfig(batch_size=16)
CURVE_PRESETS: dict[str, TrainConfig] = {
    "quick": TrainConfig(
        experiment="shaky-curves",
        data=_BATCHES,
        penalty=_PENALTY,
        regime=ContinuationConfig(threshold=(0.18,), ramp=0.4, beta=0.2, beta_rise=20.0),
        epochs=11,
    ),
    # The algorithm as published: beta stays, and so does the threshold, here sqrt(2 lam/beta) = 0.1 for l0. Settings are ours.
    "paper": TrainConfig(
        experiment="shaky-curves",
        preset="paper",
        data=_BATCHES,
        penalty=replace(_PENALTY, lam=1e-4),
        regime=PaperConfig(lr_drops=(10, 15), beta=0.02, beta_growth=1.0),
        epochs=20,
        lr=1e-3,
    ),
}
# For penalties that shrink: fc's weights are far fewer than LeNet-5's and larger, and bear a stronger pull beta * tau.
FIRM: dict[str, Any] = {"threshold": (0.002,), "beta": 0.3, "beta_rise": 1.0}
CURVES_FOR: dict[str, dict[str, Any]] = dict.fromkeys(SHRINK, FIRM)
CURVES_FOR["tl1"] = {**FIRM, "penalty_option": ("a=0.1",)}  # the weights that stay are near 0.2, where it is flat
CURVES_FOR["group-l0"] = QUICK_FOR["group-l0"]


def _curves(directory: Path | None) -> Data:
    from minisgl.data import curves  # noqa: PLC0415  it brings the packages with the fonts

    return Data(*curves.load(counts=curves.COUNTS))  # there is no directory: they are drawn


def _read_word(path: Path) -> np.ndarray:
    from minisgl.data import word_pictures  # noqa: PLC0415  as above

    return word_pictures.read_word(path)


SHAKY_CURVES = Experiment(
    "shaky-curves",
    curve_net,
    _curves,
    CURVE_PRESETS,
    CURVES_FOR,
    kept="v",
    makes_data="for mnist-lenet5: shaky-curves draws its pictures, a validation set among them",
    read_word=_read_word,
)
