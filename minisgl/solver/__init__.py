"""Solvers apply penalties to a network: the protocol that they share, variable splitting, and the refit."""

from minisgl.solver.protocol import Solver
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import CappedBeta, Continuation, HalfCosine, Schedule, StepSettings, Stepwise
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay

__all__ = [
    "CappedBeta",
    "Continuation",
    "HalfCosine",
    "LayerPenalty",
    "Refit",
    "Schedule",
    "Solver",
    "Splitting",
    "StepSettings",
    "Stepwise",
    "WeightDecay",
]
