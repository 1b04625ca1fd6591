"""Sparsity penalties, one per file, each with its value and its proximal operator, derived in its docstring.

    prox(v, step) = argmin over x of   step * value(x) + ||x - v||^2 / 2

is the best compromise between a small penalty and a small distance to v. A penalty has its weight lam; the caller passes the
step. Penalties know nothing about networks: they take arrays of any shape, of float32 or float64, of any array module.
docs/penalties.md compares them and shows how to add another.
"""

from minisgl.penalties.base import Penalty, Separable
from minisgl.penalties.capped_l1 import CappedL1
from minisgl.penalties.exclusive_lasso import ExclusiveLasso
from minisgl.penalties.group_l0 import GroupL0, GroupL0With
from minisgl.penalties.group_lasso import GroupLasso
from minisgl.penalties.l0 import L0
from minisgl.penalties.l1 import L1
from minisgl.penalties.l1_minus_l2 import L1MinusL2
from minisgl.penalties.log_sum import LogSum
from minisgl.penalties.lp import Lp
from minisgl.penalties.mcp import MCP
from minisgl.penalties.scad import SCAD
from minisgl.penalties.sparse_group import SparseGroupL0, SparseGroupLasso
from minisgl.penalties.transformed_l1 import TransformedL1

__all__ = [
    "L0",
    "L1",
    "MCP",
    "SCAD",
    "CappedL1",
    "ExclusiveLasso",
    "GroupL0",
    "GroupL0With",
    "GroupLasso",
    "L1MinusL2",
    "LogSum",
    "Lp",
    "Penalty",
    "Separable",
    "SparseGroupL0",
    "SparseGroupLasso",
    "TransformedL1",
]
