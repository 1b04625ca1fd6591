"""The command line: `python -m minisgl.train` trains, shows how it goes, and writes a run directory.

    python -m minisgl.train                                   LeNet-5 on MNIST with sparse group l0, preset quick
    python -m minisgl.train --penalty l1 --threshold 0.01     another penalty, another threshold
    python -m minisgl.train --experiment shaky-curves         words in a regular hand and in a shaky one
    python -m minisgl.train --preset paper --epochs 20        the paper's settings, for fewer epochs
    python -m minisgl.train --preset sparse                   the fewest weights; small: the fewest FLOPs
    python -m minisgl.train --resume runs/mnist-lenet5-l0-1   go on with a run that was interrupted or killed
    python -m minisgl.train --help                            every option, with its unit and default

Options come from one frozen dataclass, config.TrainConfig. Whatever is wrong with them is said before anything is written.
"""

import argparse
import sys
from collections.abc import Sequence

import tyro
from rich.console import Console

from minisgl import experiments
from minisgl.command import told_in_a_sentence
from minisgl.config import TrainConfig
from minisgl.run import resume, train


def parse(arguments: Sequence[str]) -> TrainConfig:
    """The configuration that the arguments ask for: a preset, with single options replaced."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--experiment", default="mnist-lenet5", nargs="?")
    early.add_argument("--preset", default="quick", nargs="?")
    early.add_argument("--penalty", nargs="?")
    early.add_argument("--backend", default="numpy", nargs="?")
    known = early.parse_known_args(arguments)[0]
    # what is unknown is left for tyro to refuse
    default = experiments.preset(known.preset, known.penalty, known.backend, known.experiment)
    return tyro.cli(TrainConfig, prog="python -m minisgl.train", args=arguments, default=default)


def named(arguments: Sequence[str]) -> set[str]:
    """The names of the options among the arguments: {"--lr"} of ["--lr=0.1"]."""
    return {word.partition("=")[0].replace("_", "-") for word in arguments if word.startswith("--")}


def main() -> None:
    """Parse, train, and exit 2 with a sentence when something is wrong."""
    with told_in_a_sentence():
        config = parse(sys.argv[1:])
        if config.resume is None:
            train(config, Console())
        else:
            resume(config.resume, config, named(sys.argv[1:]), Console())


if __name__ == "__main__":
    main()
