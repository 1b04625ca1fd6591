"""Every penalty once or more, and brute force for the separable ones.

Brute force lays a grid of 400 points over [0, |y|], dense towards 0, and refines it around its best point. It knows the
penalty only through `r` below, written out once more, and never a closed form of a prox.
"""

import numpy as np
import pytest

from minisgl import penalties as pen
from minisgl.penalties import L0, L1, MCP, SCAD, CappedL1, LogSum, Lp, TransformedL1

RATIOS = np.unique(np.concatenate([[0], np.geomspace(1e-12, 1, 200), np.linspace(0, 1, 201)]))


def r(penalty, x):
    """lam r(x) of single weights, float64."""
    x, lam = np.abs(np.asarray(x, np.float64)), penalty.lam
    match penalty:
        case L1():
            price = x
        case L0():
            price = x > 0
        case TransformedL1(a=a):
            price = (a + 1) * x / (a + x)
        case SCAD(a=a):
            middle = (2 * a * lam * x - x**2 - lam**2) / (2 * (a - 1) * lam)
            price = np.where(x <= lam, x, np.where(x <= a * lam, middle, lam * (a + 1) / 2))
        case MCP(gamma=gamma):
            price = np.where(x <= gamma * lam, x - x**2 / (2 * gamma * lam), gamma * lam / 2)
        case Lp(p=p):
            price = x**p
        case CappedL1(theta=theta):
            price = np.minimum(x, theta)
        case LogSum(eps=eps):
            price = np.log1p(x / eps)
    return lam * price


def objective(penalty, step, x, y):
    """step * lam r(x) + (x - y)^2 / 2, entry by entry."""
    return step * r(penalty, x) + (np.asarray(x, np.float64) - y) ** 2 / 2


def brute_force(penalty, step, y):
    """The least objective over a refined grid, for every entry of y (n,)."""
    y = np.abs(y).astype(np.float64)[:, None]
    x, rows = y * RATIOS, np.arange(len(y))
    least = np.inf
    for _ in range(6):  # each round 20 times finer
        costs = objective(penalty, step, x, y)
        best = costs.argmin(axis=1)
        least = np.minimum(least, costs[rows, best])
        low, high = x[rows, np.maximum(best - 1, 0)], x[rows, np.minimum(best + 1, x.shape[1] - 1)]
        x = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 41)
    return least


SEPARABLE = [pen.L1(0.3), pen.L0(0.3), pen.TransformedL1(0.3, 0.2), pen.TransformedL1(0.3, 100)]
SEPARABLE += [pen.SCAD(0.3), pen.SCAD(0.3, 1.05), pen.MCP(0.3), pen.MCP(0.3, 0.1)]
SEPARABLE += [pen.Lp(0.3, p) for p in (0.2, 0.5, 2 / 3)] + [pen.CappedL1(0.3, theta) for theta in (0.05, 2)]
SEPARABLE += [pen.LogSum(0.3, eps) for eps in (0.05, 2)]


def grouped(groups):
    both = [pen.GroupL0With(sparse, 0.1, groups) for sparse in SEPARABLE]
    return [
        pen.GroupLasso(0.3, groups),
        pen.ExclusiveLasso(0.3, groups),
        pen.GroupL0(0.3, groups),
        pen.SparseGroupLasso(0.3, 0.1, groups),
        pen.SparseGroupL0(0.05, 0.1, groups),
        *both,
    ]


L1_L2 = [pen.L1MinusL2(0.3, 1), pen.L1MinusL2(0.3, 0.5), pen.L1MinusL2(0.3, 0)]
every = pytest.mark.parametrize("penalty", SEPARABLE + L1_L2 + grouped(0), ids=repr)
separable = pytest.mark.parametrize("penalty", SEPARABLE, ids=repr)
SHAPES = [(6,), (3, 2), (4, 1), (1, 5), (5, 2, 3, 3), (0,), (0, 2), (2, 0), (3, 0, 2), (0, 0)]
