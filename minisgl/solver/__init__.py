"""Where the network and the penalties meet: what a solver is, and two of them, variable splitting and the refit."""

from minisgl.solver.protocol import Solver
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import Continuation, HalfCosine, Schedule, StepSettings, Stepwise
from minisgl.solver.splitting import LayerPenalty, Splitting

__all__ = [
    "Continuation",
    "HalfCosine",
    "LayerPenalty",
    "Refit",
    "Schedule",
    "Solver",
    "Splitting",
    "StepSettings",
    "Stepwise",
]
