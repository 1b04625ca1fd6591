"""The experiments by name; one file each has its network, its data and its presets.

mnist-lenet5    LeNet-5 on digits: r on every layer, group lasso on W (Bui, Park, Zhang, Qi, Xin 2021)
shaky-curves    three convolutions on words in a regular or a shaky hand: r on fc alone (Xue, Xin 2019)
"""

from dataclasses import replace
from typing import Any

from minisgl.config import TrainConfig
from minisgl.experiments.experiment import Data, Experiment
from minisgl.experiments.mnist_lenet5 import MNIST_LENET5, PRESETS, QUICK_FOR
from minisgl.experiments.shaky_curves import SHAKY_CURVES

__all__ = ["EXPERIMENTS", "ON_A_GPU", "PRESETS", "QUICK_FOR", "Data", "Experiment", "preset"]

EXPERIMENTS: dict[str, Experiment] = {"mnist-lenet5": MNIST_LENET5, "shaky-curves": SHAKY_CURVES}

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
