"""Evaluate a trained network: `python -m minisgl.evaluate RUN [--data DIR] [IMAGE...]`

    python -m minisgl.evaluate runs/mnist-lenet5-l0-1                     its error on its experiment's test set
    python -m minisgl.evaluate runs/mnist-lenet5-l0-1 --data fashion      its error on the test set in another directory
    python -m minisgl.evaluate runs/mnist-lenet5-l0-1 seven.png           the digit in a picture, with probabilities
    python -m minisgl.evaluate runs/cifar10-l0-1 cat.jpg                  the three most likely classes of a photograph

The network is the one in the run's model.safetensors. Nothing is written, except a figure for each picture with --looked-at.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from minisgl import experiments
from minisgl.analysis.occlusion import occlusion_map
from minisgl.analysis.sparsity import weight_sparsity
from minisgl.command import errors_as_sentences, read_each
from minisgl.errors import MinisglError, enumerated, require_matplotlib
from minisgl.flags import BUILD, OWN
from minisgl.formats import files, paths
from minisgl.nn import softmax
from minisgl.run import Run
from minisgl.training import figures, origin

SHOWN = 3  # how many of the most likely classes are printed, if they have names
PATCH, STRIDE = 8, 2  # pixels: the side of the patch that hides a part of a picture (a quarter of its side), and its step


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a run's network on a test set, or classify pictures."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The run directory."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="[IMAGE ...]", help_behavior_hint="")] = ()
    """For mnist-lenet5 and mnist-cnn4: pictures of single digits, dark on light or light on dark.
    For cifar10 and cifar100: photographs, PNG or JPEG of any size; the network sees the square in their middle.
    Without pictures: the error on the test set."""
    looked_at: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """With pictures: write a figure of what the network looked at in each, NAME-looked-at.png, to this directory."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """For mnist-lenet5 and mnist-cnn4: a directory with MNIST's IDX test files, or others of the same names.
    For cifar10 and cifar100: the published archive, or a folder with its files.
    Default: the data that the run was trained on."""
    experiment: OWN = None
    """If the run used your own experiment: its name, as in training."""
    network: BUILD = None
    """If the run used your own network: its name, as in training."""


def evaluate(config: EvaluateConfig) -> None:
    """Print the error, or a line for each picture. MinisglError if the run, the data or a picture cannot be read."""
    if config.images and config.data is not None:
        raise MinisglError("give pictures or --data, not both")
    if config.looked_at is not None and not config.images:
        raise MinisglError(f"--looked-at {config.looked_at} needs pictures, and there are none")
    run = Run.open(config.run, config.experiment, config.network)
    if config.images:
        classify(config, run)
        return
    test = run.test_set(config.data)
    error = run.evaluate(test.images, test.labels)
    wrong = round(error * len(test) / 100)
    print(
        f"{config.run}: {error:.2f} % error ({wrong} of {len(test):,} test images wrong), "
        f"{weight_sparsity(run.network.weights):.2f} % of the weights zero"
    )


def classify(config: EvaluateConfig, run: Run) -> None:
    """Print the most likely classes of each picture, and draw what the network looked at if that is wanted."""
    network, name = run.network, run.report["experiment"]
    origin.require_named(config.run, "--experiment", name, config.experiment)
    experiment = experiments.find(name)
    read, classes = experiment.read_picture, experiment.classes
    if read is None:
        readers = enumerated(known.name for known in experiments.EXPERIMENTS.values() if known.read_picture)
        raise MinisglError(f"pictures are for {readers}, and {config.run} is a run of {name}")
    if config.looked_at is not None and not paths.is_folder(config.looked_at):
        raise MinisglError(f"--looked-at {config.looked_at} is not a directory")
    taken = set[Path]()
    for path, picture in read_each(config.images, read):
        (p,) = softmax(network.forward(picture[None])[0])
        likely = np.argsort(-p)[: len(p) if classes is None else SHOWN]
        names = [str(label) if classes is None else classes[label] for label in likely]
        shown = "  ".join(f"{each}: {100 * p[label]:.1f} %" for each, label in zip(names, likely, strict=True))
        written = ""
        if config.looked_at is not None:
            figure = figures.free_name(config.looked_at, str(path), taken)
            importance = occlusion_map(network, picture, PATCH, STRIDE, int(likely[0]))
            draw = require_matplotlib("minisgl.plots.occlusion", "--looked-at").looked_at_figure
            title = f"{path.name}: {names[0]} ({100 * p[likely[0]]:.1f} %)"
            files.write(figure, figures.png(partial(draw, picture, importance, title, names[0]), figure))
            written = f"   {figure}"
        print(f"{path}: {names[0]}   ({shown}){written}")


def main() -> None:
    """Parse the options and evaluate. On an error print one sentence and exit with status 2."""
    with errors_as_sentences():
        evaluate(tyro.cli(EvaluateConfig, prog="python -m minisgl.evaluate", args=sys.argv[1:]))


if __name__ == "__main__":
    main()
