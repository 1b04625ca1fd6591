"""A run from Python: train it, go on with it, and read what it saved."""

import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from minisgl import config as configuration
from minisgl import plots
from minisgl.backend import array_module, to_device, to_host
from minisgl.config import TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.experiments import EXPERIMENTS
from minisgl.formats import files, network_file
from minisgl.nn import Layer, Network
from minisgl.training import checkpoint, report
from minisgl.training.checkpoint import Position
from minisgl.training.directory import RunDirectory
from minisgl.training.interrupts import until_interrupted
from minisgl.training.loop import Training
from minisgl.training.processes import shareable, training_shards
from minisgl.training.progress import showing_progress
from minisgl.training.setup import make_splitting

WITH_RESUME = ("--resume", "--threads", "--checkpoint-every", "--penalty")


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
        network = network_file.read_parameters(config.init, network)
    data = experiment.load(config.data)
    solver = make_splitting(config, network.with_flat(to_device(network.flat, xp)))
    solver = shareable(solver, config.shards, config.threads)
    validation = data.validation.to(xp) if data.validation is not None else None
    return Training(config, solver, data.train.to(xp), validation), data.test.to(xp)


def finish(training: Training, test: LabelledImages, directory: RunDirectory, console: Console, start: Position | None) -> None:
    """Train from `start` on, then measure, save and show the result."""
    config, solver = training.config, training.solver
    began = time.perf_counter() - (start.seconds if start else 0)
    with training_shards(config.shards, config.threads, training.solvers, config.batch_size) as shards:
        with until_interrupted() as stop, showing_progress(console, training) as (tick, epoch_done):
            training.run(shards, directory, tick, epoch_done, stop=stop, start=start)
        result = report.make(config, solver, shards, test, time.perf_counter() - began)
    network = solver.reported(result["final"])
    network = network.with_flat(to_host(network.flat))
    network_file.write(directory.model, network)
    plots.save_run_figures(directory.read_history(), network, directory.figures)
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
        start = checkpoint.load(directory.checkpoints, training.solver, training.identity) if begun else None
        directory.make_folders()
        directory.cut_history(start.epoch if start else 0)
        finish(training, test, directory, console, start)
    return directory


def load(path: Path | str, layers: Iterable[type[Layer]] = ()) -> tuple[Network, dict[str, Any] | None]:
    """The network that a finished run saved, and its report: `network, report = minisgl.load("runs/mnist-lenet5-l0-1")`.

    path: a run's directory, or one network's file, such as its compact.safetensors; a file has no report, then it is None.
    layers: the classes of a user's own layers in it. network.forward(images) takes (N, *network.input_shape), float32 in [0, 1]
    or uint8. Raises MinisglError when the directory holds no finished run or a file in it is damaged.
    """
    path = Path(path)
    if path.is_file():
        return network_file.read(path, layers), None
    return load_run(path, layers)


def load_run(path: Path, layers: Iterable[type[Layer]] = ()) -> tuple[Network, dict[str, Any]]:
    """As load, of a run's directory."""
    directory = RunDirectory(path)
    try:
        finished = directory.finished
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror}") from error
    if not finished:
        raise MinisglError(f"{path} holds no finished run: it has no report.json and model.safetensors")
    report = files.read_json(directory.report)
    name = report.get("experiment") if isinstance(report, dict) else None
    if not isinstance(name, str):
        raise MinisglError(f"{directory.report} must name an experiment, and has {name}")
    if "layers" in files.read_notes(directory.model):
        return network_file.read(directory.model, layers), report
    if name not in EXPERIMENTS:
        raise MinisglError(f"{directory.report} must name an experiment, {' or '.join(EXPERIMENTS)}, and has {name}")
    # a run of minisgl 0.1, whose file does not describe its network
    return network_file.read_parameters(directory.model, EXPERIMENTS[name].network(np.random.default_rng(0))), report


def load_test(run: Path, experiment: str, data: Path | None) -> LabelledImages:
    """The test set for a run of this experiment: in the directory `data`, or None where the run had its own.

    MinisglError when the data cannot be read, or a directory is given to an experiment that has none.
    """
    if data is not None and experiment != "mnist-lenet5":
        raise MinisglError(f"--data is for mnist-lenet5, and {run} is a run of {experiment}")
    return EXPERIMENTS[experiment].load_test(data if data is not None else data_of(run))


def data_of(run: Path) -> Path | None:
    """The data directory that the run was trained on; None for data that need none. MinisglError if it is not told or gone."""
    path = RunDirectory(run).config
    told = files.read_json(path)
    if not isinstance(told, dict) or not isinstance(told.get("data", 0), str | None):
        raise MinisglError(f"{path} does not say which data the run was trained on; name them with --data")
    if told["data"] is None:
        return None
    if not Path(told["data"]).is_dir():
        raise MinisglError(f"the data of this run are no longer in {told['data']}; name their directory with --data")
    return Path(told["data"])
