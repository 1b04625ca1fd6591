"""The position in a run that a checkpoint records, and which positions are possible."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from minisgl.training.environment import Environment

LARGEST_LOSS = float(np.finfo(np.float32).max)  # the mean loss of a batch is a float32


@dataclass(frozen=True)
class Position:
    """The position in a run: finished epochs, steps of the next one with their sums (see metrics.py), and seconds.

    `environments` are those that the run was trained in so far; empty if the checkpoint does not say.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    wrong: int = 0
    seen: int = 0
    seconds: float = 0.0
    environments: tuple[Environment, ...] = ()


@dataclass(frozen=True)
class Extent:
    """The size of a run: its epochs, the training images in each, and the images in a batch."""

    epochs: int
    images: int
    batch_size: int

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch; the last one may be smaller."""
        return -(-self.images // self.batch_size)


def parse(values: Any) -> Position:
    """Return the position in a checkpoint's notes. TypeError or ValueError if a field is missing or of another type."""
    position = Position(**values)
    for number in (position.epoch, position.step, position.wrong, position.seen):
        if type(number) is not int or number < 0:
            raise ValueError
    if not all(type(number) in (int, float) for number in (position.loss_sum, position.seconds)):
        raise TypeError
    environments = tuple(position.environments)
    if not all(isinstance(each, dict) and all(isinstance(value, str) for value in each.values()) for each in environments):
        raise TypeError
    return replace(position, loss_sum=float(position.loss_sum), seconds=float(position.seconds), environments=environments)


def impossible(position: Position) -> str | None:
    """Return what no run can have at a position: "wrong must be ..., but is ..."; None if there is nothing."""
    most = position.seen * LARGEST_LOSS
    for name, value, wanted, holds in (
        ("wrong", position.wrong, f"at most the {position.seen} images seen", position.wrong <= position.seen),
        ("loss_sum", position.loss_sum, f"from 0 to {most:g}", 0 <= position.loss_sum <= most),
        ("seconds", position.seconds, "a finite number >= 0", isfinite(position.seconds) and position.seconds >= 0),
    ):
        if not holds:
            return f"its {name} must be {wanted}, but is {value}"
    return None


def outside(position: Position, steps: int, extent: Extent) -> str | None:
    """Return how a position and its number of steps do not fit a run of this extent; None if they do."""
    per_epoch = extent.steps_per_epoch
    last = per_epoch - 1 if position.epoch < extent.epochs else 0
    for name, value, wanted, holds in (
        ("epoch", position.epoch, f"at most {extent.epochs}", position.epoch <= extent.epochs),
        ("step", position.step, f"at most {last} after {position.epoch} epochs", position.step <= last),
        ("seen", position.seen, position.step * extent.batch_size, position.seen == position.step * extent.batch_size),
        ("steps", steps, position.epoch * per_epoch + position.step, steps == position.epoch * per_epoch + position.step),
    ):
        if not holds:
            return f"its {name} must be {wanted}, but is {value}"
    return None
