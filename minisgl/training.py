"""The loop: epochs of mini-batches, each a W-step and a V-step, with a look at both networks after every epoch.

    for every epoch e:  shuffle the images with default_rng((seed, e))
        for every batch:  g = gradient of the batch's loss at W;  W-step with g;  V-step
        measure W and V on held-out (or training) images, write the history, write a checkpoint

The test set does not appear here: it is looked at once, after the last epoch, by report.py.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisgl import checkpoint, sparsity
from minisgl.config import TrainConfig
from minisgl.data.mnist import Digits
from minisgl.errors import MinisglError
from minisgl.nn import Sequential
from minisgl.optimizers import SGD, Adam, Optimizer
from minisgl.penalties import GroupLasso
from minisgl.penalty_names import has_r, make_r, parse_options, with_group
from minisgl.runs import RunDirectory
from minisgl.schedules import Continuation, Moment, Stepwise
from minisgl.shards import Shards
from minisgl.splitting import LayerPenalty, Splitting

MEASURED = 5_000  # training images on which the epoch's error is measured when none are held out


@dataclass(frozen=True)
class Tick:
    """What a progress bar shows: `step` of `steps` in the run, the epoch (from 1), its running means, V's zeros in percent."""

    epoch: int
    step: int
    steps: int
    loss: float
    error: float
    sparsity: float


def make_splitting(config: TrainConfig, network: Sequential) -> Splitting:
    """The network with its penalties (group lasso on W, r on V, by layer) and its optimiser, as configured."""
    optimizer: Optimizer
    match config.optimizer:
        case "adam":
            optimizer = Adam(network.flat)
        case "sgd":
            optimizer = SGD(network.flat, config.momentum, config.nesterov)
    options = parse_options(config.penalty_option)
    penalties = {}
    for name, slot in network.layout.weights.items():
        axis = network.layers[name].unit_axis
        group = GroupLasso(config.group_weight, axis) if config.group_weight > 0 else None
        sparse = make_r(config.penalty, config.lam, options, slot.shape, axis) if has_r(config.penalty) else None
        if config.lam == 0:
            sparse = None  # made all the same, so that a wrong name or option is refused
        if config.v_group != "none":
            if sparse is None:
                raise MinisglError(f"--v-group {config.v_group} needs an r with lam > 0, and penalty {config.penalty} has none")
            group, sparse = None, with_group(config.penalty, sparse, config.v_group, config.group_weight, axis)
        penalties[name] = LayerPenalty(group, sparse)
    return Splitting(network, optimizer, penalties)


def make_schedule(config: TrainConfig, layers: list[str]) -> Stepwise | Continuation:
    """The regime: continuation when thresholds are given, one or one per layer (else MinisglError), or the paper's."""
    if config.threshold is None:
        return Stepwise(config.lr, config.lr_drops, config.beta, config.beta_growth, config.beta_every)
    thresholds = config.threshold * len(layers) if len(config.threshold) == 1 else config.threshold
    if len(thresholds) != len(layers):
        raise MinisglError(
            f"--threshold has {len(thresholds)} numbers; give one, or {len(layers)}, one for each of {', '.join(layers)}"
        )
    return Continuation(config.lr, config.beta, config.beta_rise, dict(zip(layers, thresholds, strict=True)), config.ramp)


class Training:
    """One run's state: the splitting, its schedule, and how far it has come.

    `train` are the images it learns from; `measured` those on which each epoch's error is measured, `measured_on` their name.
    """

    def __init__(self, config: TrainConfig, splitting: Splitting, digits: Digits) -> None:
        held = config.holdout
        if held > len(digits) - 1:
            raise MinisglError(f"--holdout {held} leaves nothing to train on: the training set has {len(digits)} images")
        self.config, self.splitting = config, splitting
        self.train = digits[: len(digits) - held]
        self.measured = digits[len(digits) - held :] if held else digits[:MEASURED]
        self.measured_on = "held-out" if held else "training"
        if config.batch_size > len(self.train):
            raise MinisglError(f"--batch-size {config.batch_size} is larger than the training set of {len(self.train)} images")
        self.schedule = make_schedule(config, list(splitting.network.layout.weights))
        self.steps_per_epoch = -(-len(self.train) // config.batch_size)
        self.steps = self.steps_per_epoch * config.epochs

    def step(self, shards: Shards, epoch: int, i: int, images: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
        """Both steps on one batch; the batch's mean loss and number of wrong answers. MinisglError if the loss is no number."""
        moment = self.schedule.at(epoch * self.steps_per_epoch + i, self.steps_per_epoch, self.steps)
        loss, wrong, gradient = shards.gradient(self.splitting.network, images, labels)
        if not np.isfinite(loss):
            raise self._diverged(f"the loss became {loss}", epoch, i, moment)
        self.splitting.w_step(gradient, moment.lr, moment.beta, shards.share_out)
        self.splitting.v_step(moment.beta, moment.thresholds, shards.share_out)
        return loss, wrong

    def _diverged(self, what: str, epoch: int, i: int, moment: Moment) -> MinisglError:
        if epoch == i == 0 and self.config.init is not None:
            cause = f"the weights of {self.config.init} are too large"
        elif self.config.group_weight > 1:
            cause = f"the learning rate {moment.lr:.3g} or the group lasso's weight {self.config.group_weight:.3g} is too large"
        else:
            cause = f"the learning rate {moment.lr:.3g} is too large"
        kept = f"the checkpoint after epoch {epoch} is kept" if epoch else "no checkpoint had been written yet"
        return MinisglError(f"{what} in epoch {epoch + 1}, step {i + 1} of {self.steps_per_epoch}; most likely {cause}; {kept}")

    def run_epoch(self, shards: Shards, epoch: int, tick: Callable[[Tick], None]) -> dict[str, Any]:
        """Train one epoch, counted from 0, and return its record for the history."""
        started = time.perf_counter()
        batch = self.config.batch_size
        order = np.random.default_rng((self.config.seed, epoch)).permutation(len(self.train))
        loss_sum, wrong_sum, seen, zeros = 0.0, 0, 0, 0.0
        for i in range(self.steps_per_epoch):
            chosen = self.train[order[i * batch : (i + 1) * batch]]
            loss, wrong = self.step(shards, epoch, i, chosen.images, chosen.labels)
            seen += len(chosen)
            loss_sum += loss * len(chosen)
            wrong_sum += wrong
            done = epoch * self.steps_per_epoch + i + 1
            if i % 10 == 0:  # counting zeros at every step would be seen in the time
                zeros = sparsity.weight_sparsity(self.splitting.v)
            tick(Tick(epoch + 1, done, self.steps, loss_sum / seen, 100 * wrong_sum / seen, zeros))
        last = self.schedule.at(done - 1, self.steps_per_epoch, self.steps)
        for name, array in {"weights": self.splitting.network.flat, **self.splitting.optimizer.state}.items():
            if not np.isfinite(array).all():
                raise self._diverged(f"the {name.replace('_', ' ')} became infinite or NaN", epoch, i, last)
        w = self._measure(shards, "w")
        return {
            "epoch": epoch + 1,
            "loss": loss_sum / seen,
            "error": 100 * wrong_sum / seen,
            "lr": last.lr,
            "beta": last.beta,
            "thresholds": last.thresholds,
            "measured_on": self.measured_on,
            "w": w,
            "v": self._measure(shards, "v") if self.splitting.splits else w,
            "seconds": time.perf_counter() - started,
        }

    def _measure(self, shards: Shards, which: str) -> dict[str, float]:
        network = self.splitting.reported(which)
        return {
            "error": shards.error(network, self.measured.images, self.measured.labels),
            "weight_sparsity": sparsity.weight_sparsity(network.weights),
            "unit_sparsity": sparsity.unit_sparsity(sparsity.count(network)),
        }

    def run(
        self,
        shards: Shards,
        directory: RunDirectory,
        tick: Callable[[Tick], None],
        epoch_done: Callable[[dict[str, Any]], None],
    ) -> None:
        """All epochs, each ending with a line in the history and a checkpoint. MinisglError when the training diverges."""
        first = self.schedule.at(0, self.steps_per_epoch, self.steps)
        self.splitting.v_step(first.beta, first.thresholds)  # V starts as prox(W)
        # a diverging run is told in a sentence, by the checks above, not in NumPy's warnings
        with np.errstate(over="ignore", invalid="ignore"):
            for epoch in range(self.config.epochs):
                record = self.run_epoch(shards, epoch, tick)
                directory.append_history(record)
                checkpoint.save(directory.checkpoints, self.splitting, epoch + 1)
                epoch_done(record)
