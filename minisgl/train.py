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
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro
from rich.console import Console

from minisgl import checkpoint, experiments, files, plots, report
from minisgl import config as configuration
from minisgl.backend import array_module, to_device, to_host
from minisgl.checkpoint import Position
from minisgl.command import told_in_a_sentence, until_interrupted
from minisgl.config import TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.experiments import EXPERIMENTS
from minisgl.processes import training_shards
from minisgl.progress import showing_progress
from minisgl.runs import RunDirectory, read_model, write_model
from minisgl.training import Training, make_splitting

WITH_RESUME = ("--resume", "--threads", "--checkpoint-every", "--penalty")


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


def prepare(config: TrainConfig, starting: bool = True) -> tuple[Training, LabelledImages]:
    """What is trained and the test set, where the configuration wants them; `starting` from --init, if it is given.

    MinisglError for whatever is wrong with the configuration or the data: nothing has been written yet.
    """
    experiment = EXPERIMENTS[config.experiment]
    if config.preset not in experiment.presets:
        raise MinisglError(f"there is no --preset {config.preset}: {config.experiment} has {' and '.join(experiment.presets)}")
    configuration.check(config)
    xp = array_module(config.backend)
    network = experiment.network(np.random.default_rng(config.seed))
    if config.init is not None and starting:
        network = read_model(config.init, network)
    data = experiment.load(config.data)
    splitting = make_splitting(config, network.with_flat(to_device(network.flat, xp)))
    validation = data.validation.to(xp) if data.validation is not None else None
    return Training(config, splitting, data.train.to(xp), validation), data.test.to(xp)


def finish(training: Training, test: LabelledImages, directory: RunDirectory, console: Console, start: Position | None) -> None:
    """Train from `start` on, then measure, save and show the result."""
    config, splitting = training.config, training.splitting
    began = time.perf_counter() - (start.seconds if start else 0)
    with training_shards(config.shards, config.threads, splitting, config.batch_size) as shards:
        with until_interrupted() as stop, showing_progress(console, training) as (tick, epoch_done):
            training.run(shards, directory, tick, epoch_done, stop=stop, start=start)
        result = report.make(config, splitting, shards, test, time.perf_counter() - began)
    network = splitting.reported(result["final"])
    network = network.with_flat(to_host(network.flat))
    write_model(directory.model, network)
    plots.save_run_figures(directory, network)
    files.write_json(directory.report, result)  # last: it says that all the rest is there
    report.print_table(result, console)
    console.print(
        f"{result['seconds']:.0f} s; everything is in {directory.path}", highlight=False, markup=False, soft_wrap=True
    )


def train(config: TrainConfig, console: Console) -> RunDirectory:
    """Train as configured and return the run directory, complete. MinisglError when something is wrong."""
    training, test = prepare(config)
    directory = RunDirectory.create(config.out, stem=f"{config.experiment}-{config.penalty.replace(':', '-')}")
    with directory.locked():
        try:
            files.write_json(directory.config, configuration.as_json(config))
            finish(training, test, directory, console, None)
        except MinisglError:
            directory.discard_unless_checkpointed()
            raise
    return directory


def resume(path: Path, given: TrainConfig, options: Collection[str], console: Console) -> RunDirectory:
    """Go on with the run in `path`, as its config.json says, to the very bytes that it would have had unbroken.

    `given` and the names of its `options` replace what may be: threads, checkpoint_every, and a penalty of the user's own,
    whose module is never imported because a file says so. MinisglError when something is wrong.
    """
    if other := sorted(set(options) - set(WITH_RESUME)):
        raise MinisglError(f"--resume goes on as the run began: {' and '.join(other)} cannot be given with it")
    directory = RunDirectory(path)
    if not directory.config.is_file():
        raise MinisglError(f"{path} holds no run: it has no config.json")
    with directory.locked():
        config = configuration.from_json(directory.config)
        if directory.finished:
            console.print(f"{path} is finished: there is nothing to go on with", highlight=False, markup=False, soft_wrap=True)
            return directory
        if "--penalty" in options and given.penalty != config.penalty:
            raise MinisglError(f"{path} was trained with --penalty {config.penalty}, and cannot go on with {given.penalty}")
        if ":" in config.penalty and "--penalty" not in options:
            raise MinisglError(f"{path} was trained with a penalty of your own: name it again with --penalty {config.penalty}")
        changes = {
            name: getattr(given, name) for name in ("threads", "checkpoint_every") if f"--{name}".replace("_", "-") in options
        }
        config = replace(config, **changes)
        begun = directory.has_checkpoint
        training, test = prepare(config, starting=not begun)
        start = checkpoint.load(directory.checkpoints, training.splitting, training.identity) if begun else None
        directory.make_folders()
        directory.cut_history(start.epoch if start else 0)
        finish(training, test, directory, console, start)
    return directory


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
