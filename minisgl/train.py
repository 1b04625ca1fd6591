"""The command line: `python -m minisgl.train` trains, shows how it goes, and writes a run directory.

    python -m minisgl.train                                   LeNet-5 on MNIST with sparse group l0, preset quick
    python -m minisgl.train --penalty l1 --threshold 0.01     another penalty, another threshold
    python -m minisgl.train --preset paper --epochs 20        the paper's settings, for fewer epochs
    python -m minisgl.train --help                            every option, with its unit and default

Options come from one frozen dataclass, config.TrainConfig. Whatever is wrong with them is said before anything is written.
"""

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np
import tyro
from rich.console import Console

from minisgl import config as configuration
from minisgl import files, plots, report
from minisgl.backend import array_module, to_device, to_host
from minisgl.command import told_in_a_sentence
from minisgl.config import TrainConfig
from minisgl.data import mnist
from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.progress import showing_progress
from minisgl.runs import RunDirectory, read_model, write_model
from minisgl.shards import running_shards
from minisgl.training import Training, make_splitting


def parse(arguments: Sequence[str]) -> TrainConfig:
    """The configuration that the arguments ask for: a preset, with single options replaced."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", default="quick", nargs="?")
    early.add_argument("--penalty", default="l0", nargs="?")
    early.add_argument("--backend", default="numpy", nargs="?")
    known = early.parse_known_args(arguments)[0]
    default = configuration.preset(known.preset, known.penalty, known.backend)  # what is unknown is left for tyro to refuse
    return tyro.cli(TrainConfig, prog="python -m minisgl.train", args=arguments, default=default)


def train(config: TrainConfig, console: Console) -> RunDirectory:
    """Train as configured and return the run directory, complete. MinisglError when something is wrong."""
    configuration.check(config)
    xp = array_module(config.backend)
    network = lenet5(np.random.default_rng(config.seed))
    if config.init is not None:
        network = read_model(config.init, network)
    train_digits, test_digits = mnist.load(config.data)
    splitting = make_splitting(config, network.with_flat(to_device(network.flat, xp)))
    training = Training(config, splitting, train_digits.to(xp))

    directory = RunDirectory.create(config.out, stem=f"{config.experiment}-{config.penalty.replace(':', '-')}")
    started = time.perf_counter()
    with running_shards(config.shards, config.threads) as shards:
        try:
            files.write_json(directory.config, configuration.as_json(config))
            with showing_progress(console, training) as (tick, epoch_done):
                training.run(shards, directory, tick, epoch_done)
        except MinisglError:
            directory.discard_unless_checkpointed()
            raise
        result = report.make(config, splitting, shards, test_digits.to(xp), time.perf_counter() - started)
    network = splitting.reported(result["final"])
    network = network.with_flat(to_host(network.flat))
    write_model(directory.model, network)
    files.write_json(directory.report, result)
    plots.save_run_figures(directory, network)
    report.print_table(result, console)
    console.print(
        f"{result['seconds']:.0f} s; everything is in {directory.path}", highlight=False, markup=False, soft_wrap=True
    )
    return directory


def main() -> None:
    """Parse, train, and exit 2 with a sentence when something is wrong."""
    with told_in_a_sentence():
        train(parse(sys.argv[1:]), Console())


if __name__ == "__main__":
    main()
