"""The experiments, by name. Each has a file with its network, its data and its presets.

mnist-lenet5    LeNet-5 on digits: r on every layer, group lasso on W (Bui, Park, Zhang, Qi, Xin 2021)
mnist-cnn4      four layers, larger than LeNet-5, on digits (Bui et al. 2021)
cifar10         residual networks on colour photographs: r and group lasso on some of the convolutions (Bui et al. 2021)
cifar100        the same for a hundred classes
shaky-curves    three convolutions on words in regular or shaky handwriting: r on fc only (Xue, Xin 2019)
module:NAME     a user's own Experiment
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.config import SizeConfig, TrainConfig, as_flags, changed
from minisgl.configure import configure
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.experiments import own
from minisgl.experiments.arrays import as_data, as_images
from minisgl.experiments.cifar import CIFAR10, CIFAR100
from minisgl.experiments.experiment import QUICK_CHANGES, Data, Experiment
from minisgl.experiments.mnist_cnn4 import MNIST_CNN4
from minisgl.experiments.mnist_lenet5 import MNIST_LENET5, PRESETS
from minisgl.experiments.shaky_curves import SHAKY_CURVES
from minisgl.flags import Flags, flags
from minisgl.formats import network_file
from minisgl.nn import Layer, Network
from minisgl.own import import_object

__all__ = [
    "EXPERIMENTS",
    "ON_A_GPU",
    "PRESETS",
    "QUICK_CHANGES",
    "Data",
    "Experiment",
    "build",
    "configured",
    "find",
    "layer_classes",
    "load",
    "load_test",
    "preset",
]

ALL = (MNIST_LENET5, MNIST_CNN4, CIFAR10, CIFAR100, SHAKY_CURVES)
EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in ALL}

# On a GPU a batch is one shard: the GPU computes the images in parallel anyway.
ON_A_GPU: dict[str, Any] = {"backend": "cupy", "threads": 1, "shards": 1}


def find(name: str) -> Experiment:
    """Return the experiment with that name, or a user's module:NAME. MinisglError if there is none."""
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    if ":" not in name:
        raise MinisglError(f"--experiment must be one of {', '.join(EXPERIMENTS)}, or module:NAME, but is {name}")
    found = import_object(name, "--experiment")
    if not isinstance(found, Experiment):
        raise MinisglError(f"--experiment {name} must be a minisgl.experiments.Experiment, but is a {type(found).__name__}")
    return found


def configured(given: Flags) -> TrainConfig:
    """Return the configuration for these options: the preset's, changed by those given. MinisglError if there is none."""
    name, chosen = given.experiment or MNIST_LENET5.name, given.preset or "quick"
    experiment = find(name)
    if chosen not in experiment.presets:
        raise MinisglError(f"there is no --preset {chosen}: {name} has {', '.join(experiment.presets)}")
    config = replace(experiment.presets[chosen], experiment=name, preset=chosen)
    changes = dict(experiment.changes.get(given.penalty or config.penalty.penalty, {})) if chosen == "quick" else {}
    if given.network is not None:
        config = replace(config, size=SizeConfig())
    elif experiment.sparse_layers:
        asked = {name: value for name, value in given.given().items() if name in as_flags(config.size)}
        size = changed(config.size, asked)
        if not config.penalty.sparse_layers or size.depth != config.size.depth:  # else the preset names layers that are there
            changes["sparse_layers"] = experiment.sparse_layers(size)
    return configure(changed(config, changes | (ON_A_GPU if given.backend == "cupy" else {})), given)


def preset(name: str = "quick", experiment: str = "mnist-lenet5", penalty: str | None = None, **options: Any) -> TrainConfig:
    """Return the configuration of an experiment's preset, with the defaults of `python -m minisgl.train`.

    penalty: as --penalty; None for the preset's own. Other options have their names on the command line, with _ for -:
    preset("quick", penalty="l1", epochs=3, data="fashion"). Raises MinisglError for an unknown name, a value of another type,
    or an option that such a run would not use.
    """
    return configured(flags(preset=name, experiment=experiment, penalty=penalty, **options))


def build(config: TrainConfig, rng: np.random.Generator) -> Network:
    """Return the network of a configuration, with weights drawn from rng: that of --network, or its experiment's."""
    if config.network is not None:
        return own.builder(config.network)(rng)
    experiment = find(config.experiment)
    make = partial(experiment.network, size=config.size) if experiment.sparse_layers else experiment.network
    return own.call(config.experiment, make, rng, f"the network of {config.experiment}")


def layer_classes(experiment: str | None, network: str | None) -> set[type[Layer]]:
    """Return the layers' classes in a user's own network, given by --network or --experiment; empty for a built-in one."""
    if network is None and (experiment is None or ":" not in experiment):
        return set()
    built = build(TrainConfig(experiment=experiment or MNIST_LENET5.name, network=network), np.random.default_rng(0))
    return set(network_file.custom_layers(built))


def load(config: TrainConfig, network: Network) -> Data:
    """Return the data of a configuration. MinisglError if they cannot be read, or do not fit the network."""
    name, experiment = config.experiment, find(config.experiment)
    return as_data(own.call(name, experiment.load, config.data.data, f"load of {name}"), name, network)


def load_test(name: str, directory: Path | None, network: Network) -> LabelledImages:
    """Return the test set of the experiment with that name. MinisglError as from load."""
    experiment = find(name)
    if experiment.load_test is None:
        return as_data(own.call(name, experiment.load, directory, f"load of {name}"), name, network).test
    return as_images(own.call(name, experiment.load_test, directory, f"load_test of {name}"), f"{name}: the test set", network)
