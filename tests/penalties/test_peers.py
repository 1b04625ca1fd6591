"""Every operator that another library has too, beside it: PyProximal, skglm, scikit-learn, CVXPY (the extra `peers`).

On random vectors of every size the two must agree. Where they do not, the objective step * value(x) + ||x - v||^2/2, computed
in 40 digits, must be lower for ours. `python tests/penalties/test_peers.py` prints how often each differs; docs/penalties.md
has that table.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minisgl.penalties import L0, L1, MCP, SCAD, GroupLasso, LogSum, Lp, Penalty, SparseGroupLasso

mpmath = pytest.importorskip("mpmath", reason="the extra peers is not installed")
os.environ.setdefault("CUPY_PYLOPS", "0")  # else PyLops, under PyProximal, imports CuPy, which fails without CUDA's libraries
pyproximal = pytest.importorskip("pyproximal", reason="the extra peers is not installed")
skglm = pytest.importorskip("skglm.utils.prox_funcs", reason="the extra peers is not installed")
linear_model = pytest.importorskip("sklearn.linear_model", reason="the extra peers is not installed")
cvxpy = pytest.importorskip("cvxpy", reason="the extra peers is not installed")

mpmath.mp.dps = 40
GROUPS, SIZE = 4, 5  # a vector is (4, 5): four groups of five
LAM, STEPS, SCALES = 0.3, (0.1, 1.0, 3.0, 30.0), (1e-4, 1e-2, 0.3, 1.0, 3.0, 1e2, 1e5)
AGREE = 1e-6  # of the largest entry

Vector = np.ndarray  # (4, 5)
Number = Any  # of mpmath


@dataclass(frozen=True)
class Peer:
    """An operator of another library: its prox of v (4, 5) by step; ours; and what the penalty costs, in mpmath's numbers."""

    name: str
    ours: Penalty
    prox: Callable[[Vector, float], Vector]
    cost: Callable[[list[list[Number]]], Number]
    rounding: float = AGREE  # CVXPY and scikit-learn iterate


def _by_entry(cost: Callable[[Number], Number]) -> Callable[[list[list[Number]]], Number]:
    return lambda rows: sum(cost(abs(x)) for row in rows for x in row)


def _lengths(rows: list[list[Number]]) -> Number:
    return sum(mpmath.sqrt(sum(x * x for x in row)) for row in rows)


def _scad(x: Number, lam: Number, a: Number) -> Number:
    if x <= lam:
        return lam * x
    return (2 * a * lam * x - x * x - lam**2) / (2 * (a - 1)) if x <= a * lam else lam**2 * (a + 1) / 2


def _mcp(x: Number, lam: Number, gamma: Number) -> Number:
    return lam * x - x * x / (2 * gamma) if x <= gamma * lam else gamma * lam**2 / 2


def _each(function: Callable[[float, float], float]) -> Callable[[Vector, float], Vector]:
    return lambda v, step: np.vectorize(lambda x: function(x, step), otypes=[float])(v)


def _flat(operator: object) -> Callable[[Vector, float], Vector]:
    return lambda v, step: np.asarray(operator.prox(v.ravel(), step)).reshape(v.shape)


def _lasso(v: Vector, step: float) -> Vector:
    """argmin ||v - w||^2/(2 n) + alpha |w|, so alpha = step lam / n."""
    model = linear_model.Lasso(step * LAM / v.size, fit_intercept=False, tol=1e-12, max_iter=100_000)
    return model.fit(np.eye(v.size), v.ravel()).coef_.reshape(v.shape)


def _multi_task_lasso(v: Vector, step: float) -> Vector:
    weight = step * LAM * SIZE**0.5 / len(v)
    model = linear_model.MultiTaskLasso(weight, fit_intercept=False, tol=1e-12, max_iter=100_000)
    return model.fit(np.eye(len(v)), v).coef_.T


def _convex(penalty: Callable[[object], object]) -> Callable[[Vector, float], Vector]:
    def prox(v: Vector, step: float) -> Vector:
        x = cvxpy.Variable(v.shape)
        cvxpy.Problem(cvxpy.Minimize(step * penalty(x) + cvxpy.sum_squares(x - v) / 2)).solve(solver=cvxpy.CLARABEL)
        return np.full(v.shape, np.nan) if x.value is None else np.asarray(x.value)  # None: it found no solution

    return prox


lam, root = mpmath.mpf(LAM), mpmath.sqrt(SIZE)
L21 = cvxpy.mixed_norm
PEERS = [
    Peer("PyProximal L1", L1(LAM), _flat(pyproximal.L1(LAM)), _by_entry(lambda x: lam * x)),
    Peer("PyProximal L0", L0(LAM), _flat(pyproximal.L0(LAM)), _by_entry(lambda x: lam * (x != 0))),
    Peer("PyProximal SCAD", SCAD(LAM), _flat(pyproximal.SCAD(LAM)), _by_entry(lambda x: _scad(x, lam, mpmath.mpf(3.7)))),
    Peer(
        "PyProximal Log",  # sigma/log(gamma + 1) log(gamma |x| + 1)
        LogSum(LAM, 0.5),
        _flat(pyproximal.Log(LAM * np.log(3.0), 2.0)),
        _by_entry(lambda x: lam * mpmath.log(1 + 2 * x)),
    ),
    Peer(
        "PyProximal L21",
        GroupLasso(LAM, 0),
        lambda v, step: pyproximal.L21(ndim=SIZE, sigma=LAM * SIZE**0.5).prox(v.T.ravel(), step).reshape(v.T.shape).T,
        lambda rows: lam * root * _lengths(rows),
    ),
    Peer("skglm L1", L1(LAM), _each(lambda x, step: skglm.ST(x, step * LAM)), _by_entry(lambda x: lam * x)),
    Peer(
        "skglm SCAD",
        SCAD(LAM),
        _each(lambda x, step: skglm.prox_SCAD(x, step, LAM, 3.7)),
        _by_entry(lambda x: _scad(x, lam, mpmath.mpf(3.7))),
    ),
    Peer(
        "skglm MCP",
        MCP(LAM),
        _each(lambda x, step: skglm.prox_MCP(x, step, LAM, 3.0)),
        _by_entry(lambda x: _mcp(x, lam, mpmath.mpf(3))),
    ),
    Peer(
        "skglm L0.5",
        Lp(LAM, 0.5),
        _each(lambda x, step: skglm.prox_05(x, step * LAM)),
        _by_entry(lambda x: lam * mpmath.sqrt(x)),
    ),
    Peer(
        "skglm L2/3",
        Lp(LAM, 2 / 3),
        _each(lambda x, step: skglm.prox_2_3(x, step * LAM)),
        _by_entry(lambda x: lam * x ** mpmath.mpf(2 / 3)),
    ),
    Peer(
        "skglm log-sum",
        LogSum(LAM, 0.5),
        _each(lambda x, step: skglm.prox_log_sum(x, step * LAM, 0.5)),
        _by_entry(lambda x: lam * mpmath.log(1 + 2 * x)),
    ),
    Peer(
        "skglm group lasso",
        GroupLasso(LAM, 0),
        lambda v, step: np.stack([skglm.BST(row, step * LAM * SIZE**0.5) for row in v]),
        lambda rows: lam * root * _lengths(rows),
    ),
    Peer("scikit-learn Lasso", L1(LAM), _lasso, _by_entry(lambda x: lam * x)),
    Peer("scikit-learn MultiTaskLasso", GroupLasso(LAM, 0), _multi_task_lasso, lambda rows: lam * root * _lengths(rows)),
    Peer("CVXPY l1", L1(LAM), _convex(lambda x: LAM * cvxpy.norm1(x)), _by_entry(lambda x: lam * x), 1e-3),
    Peer(
        "CVXPY group lasso",
        GroupLasso(LAM, 0),
        _convex(lambda x: LAM * SIZE**0.5 * L21(x, 2, 1)),
        lambda rows: lam * root * _lengths(rows),
        1e-3,
    ),
    Peer(
        "CVXPY sparse group lasso",
        SparseGroupLasso(LAM, 0.2, 0),
        _convex(lambda x: LAM * cvxpy.norm1(x) + 0.2 * SIZE**0.5 * L21(x, 2, 1)),
        lambda rows: lam * sum(abs(x) for row in rows for x in row) + mpmath.mpf(0.2) * root * _lengths(rows),
        1e-3,
    ),
]


def inputs() -> Iterator[tuple[Vector, float]]:
    """Random vectors of every size, a group of zeros among some, with every step."""
    rng = np.random.default_rng(0)
    for scale in SCALES:
        for step in STEPS:
            for i in range(3):
                v = scale * rng.normal(size=(GROUPS, SIZE))
                if i == 0:
                    v[1] = 0
                yield v, step


@dataclass
class Outcome:
    """Of all inputs: where the two differ, and which of them has the lower objective there."""

    inputs: int = 0
    differ: int = 0
    theirs_lower: int = 0


def objective(peer: Peer, x: Vector, v: Vector, step: float) -> Number:
    """step * value(x) + ||x - v||^2/2 in 40 digits; infinite where x has a NaN."""
    if not np.isfinite(x).all():
        return mpmath.inf
    rows = [[mpmath.mpf(float(entry)) for entry in row] for row in x]
    distance = sum((mpmath.mpf(float(a)) - mpmath.mpf(float(b))) ** 2 for a, b in zip(x.ravel(), v.ravel(), strict=True))
    return mpmath.mpf(step) * peer.cost(rows) + distance / 2


def compare(peer: Peer) -> Outcome:
    """Both operators on all inputs."""
    outcome = Outcome()
    for v, step in inputs():
        with warnings.catch_warnings():  # theirs: 0/0 at a zero group, overflow
            warnings.simplefilter("ignore")
            theirs = peer.prox(v.copy(), step)
        ours = peer.ours.prox(v, step)
        outcome.inputs += 1
        if not np.allclose(ours, theirs, rtol=0, atol=peer.rounding * np.abs(v).max()):
            outcome.differ += 1
            mine, other = objective(peer, ours, v, step), objective(peer, theirs, v, step)
            outcome.theirs_lower += other < mine * (1 - mpmath.mpf(10) ** -12)
    return outcome


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_where_a_peer_differs_ours_has_the_lower_objective(peer: Peer) -> None:
    outcome = compare(peer)
    assert outcome.inputs == len(SCALES) * len(STEPS) * 3
    assert outcome.theirs_lower == 0


def test_a_wrong_operator_of_ours_would_be_found() -> None:
    soft = next(peer for peer in PEERS if peer.name == "skglm L1")
    assert compare(Peer("wrong", L0(LAM), soft.prox, soft.cost)).theirs_lower > 0


if __name__ == "__main__":
    for each in PEERS:
        found = compare(each)
        print(f"| {each.name} | {found.inputs} | {found.differ} | {found.theirs_lower} |", flush=True)
