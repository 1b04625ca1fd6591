"""What does a trained network say? `python -m minisgl.evaluate RUN [--data DIR] [IMAGE...]`

    python -m minisgl.evaluate runs/mnist-lenet5-l0-1                     its error on its experiment's test set
    python -m minisgl.evaluate runs/mnist-lenet5-l0-1 --data fashion      its error on the test set in another directory
    python -m minisgl.evaluate runs/mnist-lenet5-l0-1 seven.png           the digit in a picture, with its probabilities

The network is the one in the run's model.safetensors. Nothing is written.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from minisgl.analysis.sparsity import weight_sparsity
from minisgl.command import told_in_a_sentence
from minisgl.data import pictures
from minisgl.errors import MinisglError
from minisgl.nn import softmax
from minisgl.run import load_run, load_test
from minisgl.training.shards import running_shards


@dataclass(frozen=True)
class EvaluateConfig:
    """Measure a run's network on a test set, or ask it for the digits in pictures."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The run directory."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGE")] = ()
    """For mnist-lenet5: pictures of single digits, dark on light or light on dark. None given: the error on the test set."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """For mnist-lenet5: a directory with IDX test files of MNIST's names. None: the data the run was trained on."""


def evaluate(config: EvaluateConfig) -> None:
    """Print the error, or a line a picture. MinisglError when the run, the data or a picture cannot be read."""
    if config.images and config.data is not None:
        raise MinisglError("give pictures or --data, not both")
    network, report = load_run(config.run)
    name = report["experiment"]
    if config.images:
        if name != "mnist-lenet5":
            raise MinisglError(f"pictures of digits are for mnist-lenet5, and {config.run} is a run of {name}")
        batch = np.stack([pictures.read_digit(path) for path in config.images])  # (N, 1, 28, 28)
        for path, p in zip(config.images, softmax(network.forward(batch)[0]), strict=True):
            others = "  ".join(f"{digit}: {100 * p[digit]:.1f} %" for digit in np.argsort(-p))
            print(f"{path}: {p.argmax()}   ({others})")
        return
    test = load_test(config.run, name, config.data)
    threads = min(2, os.cpu_count() or 1)
    with running_shards(threads, threads) as shards:
        error = shards.error(network, test.images, test.labels)
    wrong = round(error * len(test) / 100)
    print(
        f"{config.run}: {error:.2f} % error ({wrong} of {len(test):,} test images wrong), "
        f"{weight_sparsity(network.weights):.2f} % of the weights zero"
    )


def main() -> None:
    """Parse, evaluate, and exit 2 with a sentence when something is wrong."""
    with told_in_a_sentence():
        evaluate(tyro.cli(EvaluateConfig, prog="python -m minisgl.evaluate", args=sys.argv[1:]))


if __name__ == "__main__":
    main()
