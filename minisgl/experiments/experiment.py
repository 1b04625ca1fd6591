"""What an experiment is: a network, its data, what it keeps, and its presets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minisgl.config import TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.nn import Network


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

    network: Callable[[np.random.Generator], Network]
    load: Callable[[Path | None], Data]
    load_test: Callable[[Path | None], LabelledImages]
    kept: str
    presets: dict[str, TrainConfig]
    changes: dict[str, dict[str, Any]]
