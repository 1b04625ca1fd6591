"""The stages of a run. Each has a number of whole epochs, a solver and a schedule.

The refit is a second stage. Its solver works on the arrays of the first stage's solver, so a checkpoint needs no others.
"""

from dataclasses import dataclass

from minisgl.solver.protocol import Solver
from minisgl.solver.schedules import Schedule, StepSettings


@dataclass(frozen=True)
class Stage:
    """`epochs` epochs of a run, from epoch `first` on (counted from 0), and their solver and schedule."""

    solver: Solver
    schedule: Schedule
    first: int
    epochs: int

    def settings(self, epoch: int, i: int, steps_per_epoch: int) -> StepSettings:
        """Return the settings of step i of this epoch of the run. The schedule counts from the stage's first step."""
        step = (epoch - self.first) * steps_per_epoch + i
        return self.schedule.at(step, steps_per_epoch, self.epochs * steps_per_epoch)
