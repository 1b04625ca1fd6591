"""A run in stages: some whole epochs each, with a solver and a schedule of its own.

The refit is a second stage. Its solver works on the arrays of the first one's, so that these are all that a checkpoint holds.
"""

from dataclasses import dataclass

from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import Schedule, StepSettings


@dataclass(frozen=True)
class Stage:
    """`epochs` epochs of a run from epoch `first` on, counted from 0, and what trains in them."""

    solver: Solver
    schedule: Schedule
    first: int
    epochs: int

    def settings(self, epoch: int, i: int, steps_per_epoch: int) -> StepSettings:
        """Those of step i of this epoch of the run; the schedule counts from the stage's first step."""
        step = (epoch - self.first) * steps_per_epoch + i
        return self.schedule.at(step, steps_per_epoch, self.epochs * steps_per_epoch)
