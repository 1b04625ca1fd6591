"""Train from Python, and read what was trained:

    run = minisgl.fit(minisgl.preset("quick", epochs=3))
    run.network, run.report, run.history, run.evaluate(images, labels), run.compress()

    run = minisgl.Run.open("runs/mnist-lenet5-l0-1")

`python -m minisgl.train` calls the same functions, with a console that shows how it goes.
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
from minisgl import experiments
from minisgl.backend import array_module, to_device, to_host
from minisgl.config import TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.experiments.arrays import as_images
from minisgl.flags import Flags, option
from minisgl.formats import files, network_file, onnx_file
from minisgl.nn import Layer, Network
from minisgl.training import checkpoint, compression, figures, origin, report
from minisgl.training.checkpoint import Position
from minisgl.training.directory import RunDirectory
from minisgl.training.interrupts import until_interrupted
from minisgl.training.loop import Training
from minisgl.training.processes import shareable, training_shards
from minisgl.training.progress import showing_progress
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

WITH_RESUME = ("resume", "threads", "checkpoint_every", "penalty", "experiment", "network")


def prepare(config: TrainConfig, starting: bool = True) -> tuple[Training, LabelledImages]:
    """What is trained and the test set, where the configuration wants them; `starting` from --init, if it is given.

    MinisglError for whatever is wrong with the configuration or the data: nothing has been written yet.
    """
    experiments.find(config.experiment).check(config)
    configuration.check(config)
    xp = array_module(config.backend)
    network = experiments.build(config, np.random.default_rng(config.seed))
    network_file.require_describable(network)
    if config.init is not None and starting:
        network = network_file.read_parameters(config.init, network)
    data = experiments.load(config, network)
    solver = make_splitting(config, network.with_flat(to_device(network.flat, xp)))
    solver = shareable(solver, config.shards, config.threads)
    validation = data.validation.to(xp) if data.validation is not None else None
    return Training(config, solver, data.train.to(xp), validation), data.test.to(xp)


def finish(training: Training, test: LabelledImages, directory: RunDirectory, console: Console, start: Position | None) -> None:
    """Train from `start` on, then measure, save and show the result. The figures come last: no run is lost by one."""
    config, solver = training.config, training.solver
    began = time.perf_counter() - (start.seconds if start else 0)
    with training_shards(config.shards, config.threads, training.solvers, config.data.batch_size) as shards:
        with until_interrupted() as stop, showing_progress(console, training) as (tick, epoch_done):
            training.run(shards, directory, tick, epoch_done, stop=stop, start=start)
        result = report.make(config, solver, shards, test, time.perf_counter() - began)
    network = solver.reported(result["final"])
    network = network.with_flat(to_host(network.flat))
    network_file.write(directory.model, network)
    files.write_json(directory.report, result)  # after the model: it says that the run is finished
    report.print_table(result, console)
    drawn = experiments.find(config.experiment).figures
    figures.save_run_figures(directory, network, drawn, test)
    say(console, f"{result['seconds']:.0f} s; everything is in {directory.path}")


def say(console: Console, words: str) -> None:
    """Print the words as they are."""
    console.print(words, highlight=False, markup=False, soft_wrap=True)


def train(config: TrainConfig, console: Console) -> RunDirectory:
    """Train as configured and return the run directory, complete. MinisglError when something is wrong."""
    training, test = prepare(config)
    stem = f"{config.experiment}-{config.penalty.penalty}".replace(":", "-")
    directory = RunDirectory.create(config.out, stem)
    with directory.locked():
        try:
            files.write_json(directory.config, configuration.as_json(config))
            finish(training, test, directory, console, None)
        except MinisglError:
            directory.discard_unless_checkpointed()
            raise
    return directory


def resume(path: Path, given: Flags, console: Console) -> RunDirectory:
    """Go on with the run in `path`, as its config.json says, to the very bytes that it would have had unbroken.

    `given` may hold other threads and checkpoint_every, and names what is a user's own: penalty, experiment and network, whose
    modules are never imported because a file names them. MinisglError when something is wrong.
    """
    if other := sorted(option(name) for name in given.given() if name not in WITH_RESUME):
        raise MinisglError(f"--resume goes on as the run began: {' and '.join(other)} cannot be given with it")
    directory = RunDirectory(path)
    if not directory.config.is_file():
        raise MinisglError(f"{path} holds no run: it has no config.json")
    with directory.locked():
        if directory.finished:
            say(console, f"{path} is finished: there is nothing to go on with")
            return directory
        config = configuration.from_json(directory.config)
        origin.named_again(path, "--penalty", config.penalty.penalty, given.penalty)
        origin.named_again(path, "--experiment", config.experiment, given.experiment)
        origin.named_again(path, "--network", config.network, given.network)
        now = {name: value for name, value in given.given().items() if name in ("threads", "checkpoint_every")}
        config = replace(config, **now)
        begun = directory.has_checkpoint
        training, test = prepare(config, starting=not begun)
        start = checkpoint.load(directory.checkpoints, training.solver, training.identity) if begun else None
        directory.make_folders()
        directory.cut_history(start.epoch if start else 0)
        finish(training, test, directory, console, start)
    return directory


@dataclass(frozen=True)
class Run:
    """A finished run: where it lies, the network that it saved, its report, and its experiment if that was named again."""

    path: Path
    network: Network
    report: dict[str, Any]
    experiment: str | None = None

    @classmethod
    def open(cls, path: Path | str, experiment: str | None = None, network: str | None = None) -> "Run":
        """The run in a directory. An experiment or a network of your own is named again, as module:NAME and module:build.

        MinisglError when it holds no finished run, a file in it is damaged, or the names are others.
        """
        path = Path(path)
        before = origin.settings(path)
        for name, given in (("experiment", experiment), ("network", network)):
            if before and given is not None:
                origin.named_again(path, option(name), before.get(name), given)
        try:
            found, result = load_run(path, experiments.layer_classes(experiment, network))
        except MinisglError as error:
            own = {"network": (network, before.get("network")), "experiment": (experiment, before.get("experiment"))}
            for name, (given, was) in own.items():
                if given is None and was is not None and ":" in was:
                    raise MinisglError(f"{error}; for layers of your own give {option(name)} {was} too") from error
            raise
        return cls(path, found, result, experiment)

    @property
    def history(self) -> list[dict[str, Any]]:
        """A record for each epoch: pandas.DataFrame(run.history)."""
        return RunDirectory(self.path).read_history()

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> float:
        """The network's error, in percent, on images (N, C, H, W) uint8 or float32 in [0, 1] with labels (N,) int."""
        test = as_images((images, labels), "the test set", self.network)
        threads = min(2, os.cpu_count() or 1)
        with running_shards(threads, threads) as shards:
            return shards.error(self.network, test.images, test.labels)

    def test_set(self, data: Path | str | None = None) -> LabelledImages:
        """The test images of the run's experiment: in the directory `data`, None for the data that it was trained on."""
        name = self.report["experiment"]
        origin.named_again(self.path, "--experiment", name, self.experiment)
        return origin.load_test(self.path, name, None if data is None else Path(data), self.network)

    def compress(self, data: Path | str | None = None) -> Network:
        """The network without its dead units, as `python -m minisgl.compress` makes it; its files go into the run's directory.

        MinisglError when the data cannot be read, onnx is not installed, or a file cannot be written: then none is there.
        """
        onnx_file.require_onnx()
        return compression.compress(RunDirectory(self.path), self.network, self.test_set(data))


def fit(config: TrainConfig | None = None, progress: bool = False) -> Run:
    """Train as configured (None: as `python -m minisgl.train` without options) and return the finished run.

    Nothing is printed unless `progress` is asked for. The run's directory is config.out, or a new one in runs/. MinisglError
    when something is wrong with the configuration, the data or a file, or the training diverges.
    """
    config = config or experiments.preset()
    directory = train(config, Console(quiet=not progress))
    return Run.open(directory.path, config.experiment, config.network)


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
    known = experiments.EXPERIMENTS
    if name not in known:
        raise MinisglError(f"{directory.report} must name an experiment, {' or '.join(known)}, and has {name}")
    # a run of minisgl 0.1, whose file does not describe its network
    return network_file.read_parameters(directory.model, known[name].network(np.random.default_rng(0))), report
