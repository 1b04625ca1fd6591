"""What an experiment is: a network, its data, what it keeps, and its presets.

    MINE = Experiment("mine", network=build, load=load)

is a whole one: `build(rng)` gives the network and `load(directory)` the images. docs/your-own-network.md has an example.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minisgl.config import TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.nn import Network
from minisgl.penalties.names import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Build = Callable[[np.random.Generator], Network]

# What quick changes for another r. Where r shrinks the weights it keeps, a scheduled threshold tau pulls them with a force of
# up to beta * tau, so a rising beta would crush the network; l0 and what acts like it pull only below the threshold.
GENTLE: dict[str, Any] = {"threshold": (0.005,), "beta_rise": 1.0}
SHRINK = tuple(name for name, penalty in NAMES.items() if penalty.shrinks)  # l1, tl1, l1-l2, lp, log-sum
QUICK_FOR: dict[str, dict[str, Any]] = dict.fromkeys(SHRINK, GENTLE)
QUICK_FOR["group-l0"] = {"threshold": (0.02,)}  # of a whole group's root mean square


class Data(NamedTuple):
    """What an experiment learns from, what it watches itself on, and what it is measured on in the end.

    An experiment of your own may give pairs of arrays, images (N, C, H, W) uint8 or float32 and labels (N,) int.
    """

    train: LabelledImages
    validation: LabelledImages | None
    test: LabelledImages


@dataclass(frozen=True)
class Experiment:
    """`network(rng)` draws its network; `load(directory)` gives its data, Data or train and test, where directory is --data's.

    presets      configurations by name; without any, the package's defaults are "quick"
    changes      what "quick" changes for a penalty, by the penalty's name; by default a small threshold where it shrinks
    kept         the network that the paper's regime keeps, "w" or "v"
    load_test    the test set alone, where that is quicker
    makes_data   why it takes neither --data nor --holdout; empty where it takes both
    read_picture reads a user's picture (C, H, W) for `evaluate`; None where it has no pictures
    read_word    the same for `classify`
    figures      own figures by their files' names: draw(network, test images) gives one
    """

    name: str
    network: Build
    load: Callable[[Path | None], Any]
    presets: Mapping[str, TrainConfig] = field(default_factory=lambda: {"quick": TrainConfig()})
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: QUICK_FOR)
    kept: str = "w"
    load_test: Callable[[Path | None], LabelledImages] | None = None
    makes_data: str = ""
    read_picture: Callable[[Path], np.ndarray] | None = None
    read_word: Callable[[Path], np.ndarray] | None = None
    figures: Mapping[str, Callable[[Network, LabelledImages], "Figure"]] = field(default_factory=dict)

    def check(self, config: TrainConfig) -> None:
        """MinisglError if the experiment has no such preset, or cannot use the data that are asked for."""
        if config.preset not in self.presets:
            raise MinisglError(f"there is no --preset {config.preset}: {self.name} has {' and '.join(self.presets)}")
        if self.makes_data and (config.data.data is not None or config.data.holdout):
            raise MinisglError(f"--data and --holdout are {self.makes_data}")
