"""An experiment: a network, its data, and its presets.

    MINE = Experiment("mine", network=build, load=load)

is complete: `build(rng)` returns the network and `load(directory)` the images. docs/your-own-network.md has an example.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minisgl.config import SizeConfig, TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.nn import Network
from minisgl.penalties.names import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Build = Callable[[np.random.Generator], Network]

# What the preset quick changes for another r. An r that shrinks the weights it keeps, with a scheduled threshold tau, pulls
# them towards 0 with a force of up to beta * tau. If beta rose, that would make all weights too small. l0 and similar penalties
# pull only weights below the threshold.
FOR_SHRINKING: dict[str, Any] = {"threshold": (0.005,), "beta_rise": 1.0}
SHRINKING = tuple(name for name, penalty in NAMES.items() if penalty.shrinks)  # l1, tl1, l1-l2, lp, log-sum
QUICK_CHANGES: dict[str, dict[str, Any]] = dict.fromkeys(SHRINKING, FOR_SHRINKING)
QUICK_CHANGES["group-l0"] = {"threshold": (0.02,)}  # for the root mean square of a group


class Data(NamedTuple):
    """An experiment's images: for training, for measuring each epoch (None: none), and for the test at the end.

    Your own experiment may return pairs of arrays instead: images (N, C, H, W) uint8 or float32, and labels (N,) int.
    """

    train: LabelledImages
    validation: LabelledImages | None
    test: LabelledImages


@dataclass(frozen=True)
class Experiment:
    """`network(rng)` returns its network; `load(directory)`, with --data's directory or None, returns Data, or train and test.

    sparse_layers  for a network with a size: the layers that r acts on by default, unless the preset names some. The network
                 is then network(rng, size)
    presets      configurations by name; by default "quick" with the package's defaults
    changes      what "quick" changes for a penalty, by its name; by default a smaller threshold for those that shrink
    kept         the network that the paper's regime keeps, "w" or "v"
    load_test    loads the test set alone, if that is faster
    makes_data   the reason why it takes neither --data nor --holdout; empty if it takes both
    flips        whether a mirrored image still belongs to its class; if not, --flip is refused
    read_picture reads a user's picture (C, H, W) for `evaluate`; None if it cannot
    read_word    the same for `classify`
    classes      the names of the classes: `evaluate` then shows the three most likely; None for numbers
    figures      additional figures by file name: draw(network, test images) returns one
    """

    name: str
    network: Callable[..., Network]
    load: Callable[[Path | None], Any]
    presets: Mapping[str, TrainConfig] = field(default_factory=lambda: {"quick": TrainConfig()})
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: QUICK_CHANGES)
    sparse_layers: Callable[[SizeConfig], tuple[str, ...]] | None = None
    kept: str = "w"
    load_test: Callable[[Path | None], LabelledImages] | None = None
    makes_data: str = ""
    flips: bool = False
    read_picture: Callable[[Path], np.ndarray] | None = None
    classes: Sequence[str] | None = None
    read_word: Callable[[Path], np.ndarray] | None = None
    figures: Mapping[str, Callable[[Network, LabelledImages], "Figure"]] = field(default_factory=dict)

    def check(self, config: TrainConfig) -> None:
        """Raise MinisglError if the experiment has no such preset, or cannot use the given data."""
        if config.preset not in self.presets:
            raise MinisglError(f"there is no --preset {config.preset}: {self.name} has {', '.join(self.presets)}")
        if self.makes_data and (config.data.data is not None or config.data.holdout):
            raise MinisglError(f"--data and --holdout are {self.makes_data}")
        if config.data.flip and not self.flips:
            raise MinisglError(f"--flip mirrors the images, which {self.name} does not allow: its Experiment has flips=False")
