"""Three convolutions on words in regular or shaky handwriting: r on fc only, no group lasso.

V is the network in both regimes: relaxed variable splitting (Xue, Xin 2019).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.config import ContinuationConfig, DataConfig, PaperConfig, PenaltyConfig, TrainConfig
from minisgl.errors import require_matplotlib
from minisgl.experiments.experiment import QUICK_CHANGES, SHRINKING, Data, Experiment
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
    # The published algorithm: beta and the threshold, here sqrt(2 lam/beta) = 0.1 for l0, are constant. The settings are ours.
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
# For penalties that shrink: fc has far fewer and larger weights than LeNet-5, which allow a stronger pull beta * tau.
FOR_SHRINKING: dict[str, Any] = {"threshold": (0.002,), "beta": 0.3, "beta_rise": 1.0}
CURVE_CHANGES: dict[str, dict[str, Any]] = dict.fromkeys(SHRINKING, FOR_SHRINKING)
CURVE_CHANGES["tl1"] = {**FOR_SHRINKING, "penalty_option": ("a=0.1",)}  # the remaining weights are near 0.2, where it is flat
CURVE_CHANGES["group-l0"] = QUICK_CHANGES["group-l0"]


def _curves(directory: Path | None) -> Data:
    curves = require_matplotlib("minisgl.data.curves", "drawing words")
    return Data(*curves.load(counts=curves.COUNTS))  # drawn, not read from a directory


def _read_word(path: Path) -> np.ndarray:
    word: np.ndarray = require_matplotlib("minisgl.data.word_pictures", "reading words").read_word(path)
    return word


SHAKY_CURVES = Experiment(
    "shaky-curves",
    curve_net,
    _curves,
    CURVE_PRESETS,
    CURVE_CHANGES,
    kept="v",
    makes_data="not for shaky-curves, which draws its own pictures and validation set",
    read_word=_read_word,
)
