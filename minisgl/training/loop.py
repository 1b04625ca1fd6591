"""The training loop: a step of the solver for each mini-batch, and a measurement of W and V after each epoch.

    for every epoch e:  shuffle the images with default_rng((seed, e)), and shift them if --shift is given
        for every batch:  g = gradient of the batch's loss at W;  the solver's step with g (splitting: W-step, V-step)
        measure W and V on held-out (or training) images, write the history, write a checkpoint

The test set is not used here: report.py uses it once, after the last epoch.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisgl.analysis import sparsity
from minisgl.backend import Array, get_array_module, to_host
from minisgl.config import MAY_CHANGE, TrainConfig, as_flags, options_to_repeat
from minisgl.data.batches import batches
from minisgl.data.labelled import LabelledImages as Images
from minisgl.errors import Interrupted, MinisglError, quoted
from minisgl.nn import Network
from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import StepSettings
from minisgl.training import checkpoint, empty_layers, measured
from minisgl.training.checkpoint import StoppedError
from minisgl.training.directory import RunDirectory
from minisgl.training.environment import Environment, continued, environment
from minisgl.training.metrics import EpochMetrics
from minisgl.training.position import Extent, Position
from minisgl.training.setup import make_stages
from minisgl.training.shards import Shards
from minisgl.training.stages import Stage

FETCH_EVERY = 10  # steps between two fetches of the losses
MEASURED = 5_000  # training images on which the epoch's error is measured when none are held out

AfterStep = Callable[[int, EpochMetrics], None]


@dataclass(frozen=True)
class StepProgress:
    """What a progress bar shows: `step` of `steps` in the run, the epoch (from 1), its running means, V's zeros in percent.

    The means and zeros are updated at every tenth step and at the end of the epoch.
    """

    epoch: int
    step: int
    steps: int
    loss: float
    error: float
    sparsity: float


OnStep = Callable[[StepProgress], None]


class Training:
    """The state of a run: the solver, and the stages of the run, which all work on this solver's arrays.

    `train` has the training images; `measured` has those on which each epoch's error is measured, named by `measured_on`.
    """

    def __init__(self, config: TrainConfig, solver: Solver, images: Images, validation: Images | None = None) -> None:
        holdout = config.data.holdout
        if holdout > len(images) - 1:
            raise MinisglError(f"--holdout {holdout} leaves nothing to train on: the training set has {len(images)} images")
        self.config, self.solver = config, solver
        self.train = images[: len(images) - holdout]
        self.measured = images[len(images) - holdout :] if holdout else images[:MEASURED]
        self.measured_on = "held-out" if holdout else "training"
        if validation is not None:
            if holdout:
                raise MinisglError(
                    f"--holdout {holdout} is for data without a validation set; this data has one, of {len(validation)} images"
                )
            self.measured, self.measured_on = validation, "validation"
        if (size := config.data.batch_size) > len(self.train):
            raise MinisglError(f"--batch-size {size} is larger than the training set of {len(self.train)} images")
        if config.data.shift >= min(sides := self.train.images.shape[2:]):
            raise MinisglError(f"--shift {config.data.shift} is too large for images of {sides[0]} x {sides[1]} pixels")
        self.stages = make_stages(config, solver)
        self.extent = Extent(config.epochs, len(self.train), size)
        self.steps_per_epoch = self.extent.steps_per_epoch
        self.steps = self.steps_per_epoch * config.epochs

    @property
    def solvers(self) -> list[Solver]:
        """The solver of each stage: shards must be able to take steps with all of them."""
        return [stage.solver for stage in self.stages]

    def _stage(self, epoch: int) -> Stage:
        return next(stage for stage in reversed(self.stages) if stage.first <= epoch)

    def settings(self, epoch: int, i: int) -> StepSettings:
        """Return the settings of step i of an epoch, both counted from 0."""
        return self._stage(epoch).settings(epoch, i, self.steps_per_epoch)

    def step(self, shards: Shards, epoch: int, i: int, images: Array, labels: Array) -> tuple[Array, Array]:
        """Take one step on a batch. Return its mean loss and number of wrong answers, on the device."""
        stage, settings = self._stage(epoch), self.settings(epoch, i)
        if epoch == stage.first and i == 0:
            stage.solver.start(settings)
        return shards.step(stage.solver, settings, images, labels, (self.config.seed, epoch, i))

    def _diverged(self, what: str, epoch: int, i: int) -> StoppedError:
        lr = self.settings(epoch, i).lr
        if epoch == i == 0 and self.config.init is not None:
            cause = f"the weights of {self.config.init} are too large"
        elif (weight := self.config.penalty.group_weight) > 1:
            cause = f"the learning rate {lr:.3g} or the group lasso's weight {weight:.3g} is too large"
        else:
            cause = f"the learning rate {lr:.3g} is too large"
        return StoppedError(f"{what} in epoch {epoch + 1}, step {i + 1} of {self.steps_per_epoch}; most likely {cause}")

    def _fetch(self, metrics: EpochMetrics, epoch: int) -> None:
        if bad := metrics.fetch():
            raise self._diverged(f"the loss became {bad[1]}", epoch, bad[0])

    def _require_finite(self, epoch: int, i: int) -> None:
        for name, array in {"weights": self.solver.network.flat, **self.solver.optimizer.state}.items():
            if not to_host(get_array_module(array).isfinite(array).all()):
                raise self._diverged(f"the {name.replace('_', ' ')} became infinite or NaN", epoch, i)

    def run_epoch(
        self,
        shards: Shards,
        epoch: int,
        on_step: OnStep,
        after_step: AfterStep | None = None,
        metrics: EpochMetrics | None = None,
    ) -> dict[str, Any]:
        """Train one epoch, counted from 0, and return its record for the history.

        `metrics`: the sums of an epoch to continue, if any. after_step(i, metrics) is called after every step but the last.
        """
        started = time.perf_counter()
        metrics, zeros, data = metrics or EpochMetrics(), 0.0, self.config.data
        drawn: dict[str, Any] = {"seed": self.config.seed, "epoch": epoch, "shift": data.shift, "flip": data.flip}
        todo = batches(self.train, data.batch_size, first=metrics.steps, **drawn)
        for i, batch in enumerate(todo, metrics.steps):
            metrics.add(*self.step(shards, epoch, i, batch.images, batch.labels), len(batch))
            if i % FETCH_EVERY == 0 or i == self.steps_per_epoch - 1:  # fetching at every step would take noticeable time
                self._fetch(metrics, epoch)
                zeros = sparsity.weight_sparsity(self.solver.v)
            done = epoch * self.steps_per_epoch + i + 1
            on_step(StepProgress(epoch + 1, done, self.steps, metrics.loss, metrics.error, zeros))
            if after_step is not None and i < self.steps_per_epoch - 1:
                after_step(i, metrics)
        self._require_finite(epoch, i)
        last = self.settings(epoch, i)
        w = self._measure(shards, "w")
        return {
            "epoch": epoch + 1,
            "loss": metrics.loss,
            "error": metrics.error,
            "lr": last.lr,
            "beta": last.beta,
            "thresholds": self._stage(epoch).solver.thresholds(last),
            "measured_on": self.measured_on,
            "w": w,
            "v": self._measure(shards, "v") if self.solver.splits else w,
            "seconds": time.perf_counter() - started,
        }

    def network(self, shards: Shards, which: str) -> Network:
        """Return a copy of the network "w" or "v" as it is measured and saved."""
        return measured.network(self.solver, which, shards, lambda: measured.images_as_in_training(self.train, self.config))

    def _measure(self, shards: Shards, which: str) -> dict[str, Any]:
        return measured.record(self.network(shards, which), shards, self.measured)

    @property
    def identity(self) -> dict[str, Any]:
        """What must equal that of a checkpoint to resume from it: the configuration, and the fingerprint of the data."""
        settings = {name: value for name, value in as_flags(self.config).items() if name not in MAY_CHANGE}
        return {**settings, "data": self.train.fingerprint()}

    @property
    def environment(self) -> Environment:
        """The versions and the processor of this process; see environment.py."""
        return environment(get_array_module(self.solver.network.flat))

    def run(
        self,
        shards: Shards,
        directory: RunDirectory,
        on_step: OnStep,
        on_epoch: Callable[[dict[str, Any]], None],
        *,
        stop: Callable[[], int] = lambda: 0,
        start: Position | None = None,
    ) -> None:
        """Train all epochs, from `start` on if it is given. Each ends with a line in the history and a checkpoint.

        A checkpoint is also written every --checkpoint-every steps, and after the first step at which stop() is not 0, but the
        number of a signal; then Interrupted is raised. MinisglError if the training diverges or loses a layer.
        """
        directory.make_folders()
        start = start or Position()
        identity, environments = self.identity, continued(start.environments, self.environment)
        before = empty_layers.recorded(directory.read_history()[start.epoch - 1]) if start.epoch else {}
        began = time.perf_counter() - start.seconds

        def save(epoch: int, metrics: EpochMetrics) -> None:
            seconds = time.perf_counter() - began
            position = Position(epoch, metrics.steps, metrics.loss_sum, metrics.wrong, metrics.seen, seconds, environments)
            checkpoint.save(directory.checkpoints, self.solver, position, identity)

        def raise_if_stopped(epoch: int, step: int) -> None:
            done = epoch * self.steps_per_epoch + step
            if (number := stop()) and done < self.steps:
                how = f"python -m minisgl.train --resume {quoted(directory.path)}{options_to_repeat(self.config)}"
                raise Interrupted(number, f"after step {done:,} of {self.steps:,}; to resume: {how}")

        # the checks above report a diverging run, so NumPy need not warn
        kept = checkpoint.naming_the_kept(directory.checkpoints, self.steps_per_epoch)
        with kept, np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(start.epoch, self.config.epochs):

                def after_step(i: int, metrics: EpochMetrics, epoch: int = epoch) -> None:
                    every = self.config.checkpoint_every
                    if stop() or (every and (epoch * self.steps_per_epoch + i + 1) % every == 0):
                        self._fetch(metrics, epoch)
                        self._require_finite(epoch, i)
                        save(epoch, metrics)
                        raise_if_stopped(epoch, i + 1)

                metrics = (
                    EpochMetrics(start.step, start.loss_sum, start.wrong, start.seen)
                    if epoch == start.epoch
                    else EpochMetrics()
                )
                record = self.run_epoch(shards, epoch, on_step, after_step, metrics)
                if empty := empty_layers.find(self.config, self.solver, record, before):
                    record["empty_layers"] = empty
                directory.append_history(record)
                empty_layers.stop_if_lost(self.config, self.solver, epoch, empty or {}, before)
                before = empty or {}
                save(epoch + 1, EpochMetrics())
                on_epoch(record)
                raise_if_stopped(epoch + 1, 0)
