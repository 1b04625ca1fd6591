"""Train from Python, and read finished runs:

    run = minisgl.fit(minisgl.preset("quick", epochs=3))
    run.network, run.report, run.history, run.evaluate(images, labels), run.compress()

    run = minisgl.Run.open("runs/mnist-lenet5-l0-1")

`python -m minisgl.train` calls the same functions, with a console that shows the progress.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from minisgl import config as configuration
from minisgl import experiments, ranges
from minisgl.backend import array_module, to_device, to_host
from minisgl.config import TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError, enumerated, quoted, shown
from minisgl.experiments.arrays import as_images
from minisgl.flags import Flags, option
from minisgl.formats import files, network_file, onnx_file, paths
from minisgl.nn import Layer, Network
from minisgl.training import checkpoint, compression, environment, figures, history, origin, report, resuming
from minisgl.training.directory import RunDirectory
from minisgl.training.interrupts import deferring_interrupts
from minisgl.training.loop import Training
from minisgl.training.position import Position
from minisgl.training.processes import shareable, training_shards
from minisgl.training.progress import showing_progress
from minisgl.training.setup import make_network, make_solver
from minisgl.training.shards import running_shards


def prepare(config: TrainConfig, starting: bool = True) -> tuple[Training, LabelledImages]:
    """Return the training and the test set, on the configured device. If `starting`, --init gives the weights.

    MinisglError for any error in the configuration or the data. Nothing is written.
    """
    experiments.find(config.experiment).check(config)
    ranges.check(config)
    xp = array_module(config.backend)
    network = make_network(config)
    network_file.require_describable(network)
    if config.init is not None and starting:
        network = network_file.read_parameters(config.init, network)
    data = experiments.load(config, network)
    solver = make_solver(config, network.with_flat(to_device(network.flat, xp)))
    solver = shareable(solver, config.shards, config.threads)
    validation = data.validation.to(xp) if data.validation is not None else None
    return Training(config, solver, data.train.to(xp), validation), data.test.to(xp)


def finish(training: Training, test: LabelledImages, directory: RunDirectory, console: Console, start: Position | None) -> None:
    """Train from `start` on, then measure, save and show the result. Figures are drawn last: an error in one loses nothing."""
    config, solver = training.config, training.solver
    began = time.perf_counter() - (start.seconds if start else 0)
    size, smoothing = config.data.batch_size, config.label_smoothing
    with training_shards(config.shards, config.threads, training.solvers, size, smoothing=smoothing) as shards:
        with deferring_interrupts() as stop, showing_progress(console, training) as (on_step, on_epoch):
            training.run(shards, directory, on_step, on_epoch, stop=stop, start=start)
        earlier = start.environments if start else ()
        networks = {which: training.network(shards, which) for which in ("w", "v")}
        seconds = time.perf_counter() - began
        result = report.make(config, solver, networks, shards, test, seconds=seconds, earlier=earlier)
    network = networks[result["final"]]
    network = network.with_flat(to_host(network.flat))
    network_file.write(directory.model, network)
    files.write_json(directory.report, result)  # after the model: a run with a report is finished
    report.print_table(result, console)
    drawn = experiments.find(config.experiment).figures
    figures.save_run_figures(directory, network, drawn, test)
    say(console, f"{result['seconds']:.0f} s; everything is in {directory.path}")


def say(console: Console, text: str) -> None:
    """Print the text without Rich's markup and wrapping."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def train(config: TrainConfig, console: Console) -> RunDirectory:
    """Train as configured and return the complete run directory. MinisglError if that fails."""
    training, test = prepare(config)
    kind = config.penalty.penalty if config.is_splitting else config.method.method
    stem = f"{config.experiment}-{kind}".replace(":", "-")
    directory = RunDirectory.create(config.out, stem)
    with directory.locked():
        try:
            directory.make_folders()
            files.write_json(directory.config, configuration.as_json(config))
            finish(training, test, directory, console, None)
        except BaseException:  # Ctrl-C, too
            directory.discard_unless_checkpointed()
            raise
    return directory


def resume(path: Path, given: Flags, console: Console) -> RunDirectory:
    """Resume the run in `path`, as its config.json says. The result has the same bytes as without the interruption.

    `given` may have other threads and checkpoint_every. It must name a user's own penalty, experiment and network again: no
    module is imported because a file names it. MinisglError if resuming fails.
    """
    directory = RunDirectory(path)
    if not paths.is_file(directory.config):
        raise MinisglError(f"{path} holds no run: it has no config.json")
    changes = resuming.changes(directory, given)
    with directory.locked():
        if directory.finished:
            say(console, f"{path} is finished: there is nothing to resume")
            return directory
        config = configuration.from_json(directory.config)
        origin.require_named(path, "--penalty", config.penalty.penalty, given.penalty)
        origin.require_named(path, "--experiment", config.experiment, given.experiment)
        origin.require_named(path, "--network", config.network, given.network)
        config = replace(config, **changes)
        saved = directory.has_checkpoint
        training, test = prepare(config, starting=not saved)
        start = None
        if saved:
            recorded = history.recorded_epochs(directory.history)
            start = checkpoint.load(directory.checkpoints, training.solver, training.identity, training.extent, recorded)
        if start:
            environment.warn_if_changed(path, start.environments, training.environment)
        directory.truncate_history(start.epoch if start else 0)
        finish(training, test, directory, console, start)
    return directory


@dataclass(frozen=True)
class Run:
    """A finished run: its directory, its saved network, its report, and its experiment if that was named again."""

    path: Path
    network: Network
    report: dict[str, Any]
    experiment: str | None = None

    @classmethod
    def open(cls, path: Path | str, experiment: str | None = None, network: str | None = None) -> "Run":
        """Return the run in a directory. Name your own experiment or network again, as module:NAME or module:build.

        MinisglError if there is no finished run, a file in it is damaged, or it was trained with another name.
        """
        path = Path(path)
        before = origin.settings(path)
        for name, given in (("experiment", experiment), ("network", network)):
            if before and given is not None:
                origin.require_named(path, option(name), before.get(name), given)
        try:
            found, result = load_run(path, experiments.layer_classes(experiment, network))
        except MinisglError as error:
            own = {"network": (network, before.get("network")), "experiment": (experiment, before.get("experiment"))}
            for name, (given, was) in own.items():
                if given is None and was is not None and ":" in was:
                    raise MinisglError(f"{error}; for layers of your own give {option(name)} {quoted(was)} too") from error
            raise
        return cls(path, found, result, experiment)

    @property
    def history(self) -> list[dict[str, Any]]:
        """A record for each epoch; pandas.DataFrame(run.history) makes a table."""
        return RunDirectory(self.path).read_history()

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Return the network's error, in percent, on images (N, C, H, W) uint8 or float32 in [0, 1], labels (N,) int."""
        test = as_images((images, labels), "the test set", self.network)
        threads = min(2, os.cpu_count() or 1)
        with running_shards(threads, threads) as shards:
            return shards.error(self.network, test.images, test.labels)

    def test_set(self, data: Path | str | None = None) -> LabelledImages:
        """Return the test images, float32 in [0, 1], of the run's experiment, from `data`; None: the data it was trained on."""
        name = self.report["experiment"]
        origin.require_named(self.path, "--experiment", name, self.experiment)
        return origin.load_test(self.path, name, None if data is None else Path(data), self.network).floats()

    def compress(self, data: Path | str | None = None) -> Network:
        """Return the network without its dead units, as `python -m minisgl.compress` does, and write its files to the run.

        MinisglError if the data cannot be read, onnx is not installed, or a file cannot be written; in that case none is left.
        """
        onnx_file.require_onnx()
        return compression.compress(RunDirectory(self.path), self.network, self.test_set(data))


def fit(config: TrainConfig | None = None, progress: bool = False) -> Run:
    """Train as configured (None: as `python -m minisgl.train` without options) and return the finished run.

    Nothing is printed unless `progress` is True. The run's directory is config.out, or a new one in runs/. MinisglError for an
    error in the configuration, the data or a file, or if the training diverges.
    """
    config = config or experiments.preset()
    directory = train(config, Console(quiet=not progress))
    return Run.open(directory.path, config.experiment, config.network)


def load(path: Path | str, layers: Iterable[type[Layer]] = ()) -> tuple[Network, dict[str, Any] | None]:
    """Return a finished run's saved network and its report: `network, report = minisgl.load("runs/mnist-lenet5-l0-1")`.

    path: a run's directory, or a network's file, such as compact.safetensors; for a file the report is None. layers: the
    classes of your own layers in the network. network.forward(images) takes (N, *network.input_shape), float32 in [0, 1] or
    uint8. Raises MinisglError if the directory holds no finished run or a file is damaged.
    """
    path = Path(path)
    if paths.is_file(path):
        return network_file.read(path, layers), None
    return load_run(path, layers)


def load_run(path: Path, layers: Iterable[type[Layer]] = ()) -> tuple[Network, dict[str, Any]]:
    """Return the same as `load`, for a run's directory."""
    directory = RunDirectory(path)
    if not directory.finished:
        raise MinisglError(f"{path} holds no finished run: it has no report.json and model.safetensors")
    report = files.read_json(directory.report)
    if not isinstance(report, dict):
        raise MinisglError(f"{directory.report} is not a run's report: it must be a JSON object, but is {shown(report)}")
    name = report.get("experiment")
    if not isinstance(name, str):
        raise MinisglError(f"{directory.report} is not a run's report: experiment must be text, but is {shown(name)}")
    if "layers" in files.read_notes(directory.model):
        return network_file.read(directory.model, layers), report
    known = experiments.EXPERIMENTS
    if name not in known:
        raise MinisglError(f"{directory.report} must name an experiment, {enumerated(known, 'or')}, but has {name}")
    # a run of minisgl 0.1, whose file does not describe its network
    return network_file.read_parameters(directory.model, known[name].network(np.random.default_rng(0))), report
