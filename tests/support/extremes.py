"""Every kind of penalty, with parameters on both sides of each of its cases, on arrays with groups along axis 0."""

from minisgl.penalties import (
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    GroupL0,
    GroupL0With,
    GroupLasso,
    L1MinusL2,
    LogSum,
    Lp,
    Penalty,
    Separable,
    SparseGroupL0,
    SparseGroupLasso,
    TransformedL1,
)

SEPARABLE: list[Separable] = [
    L1(0.3),
    L0(0.3),
    TransformedL1(0.3),
    TransformedL1(0.3, 100.0),
    SCAD(0.3),
    SCAD(0.3, 1.05),
    MCP(0.3),
    MCP(0.3, 0.1),
    Lp(0.3, 0.2),
    Lp(0.3, 0.5),
    Lp(0.3, 2 / 3),
    Lp(0.3, 0.999),
    CappedL1(0.3, 0.05),
    CappedL1(0.3, 2.0),
    LogSum(0.3, 0.05),
    LogSum(0.3, 2.0),
]
COUPLED: list[Penalty] = [
    GroupLasso(0.3, 0),
    GroupL0(0.3, 0),
    SparseGroupLasso(0.3, 0.2, 0),
    SparseGroupL0(0.3, 0.2, 0),
    *[GroupL0With(r, 0.2, 0) for r in SEPARABLE],
]
EVERY = [*SEPARABLE, *COUPLED, L1MinusL2(0.3), L1MinusL2(0.3, 0.5)]
