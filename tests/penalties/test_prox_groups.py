"""The penalties that are not separable: each prox against enumerated supports, a grid in the plane, and its neighbours.

Per support the best point lies along one known direction, so a grid over its length, refined, is brute force. For l1 - l2
it does not: there -||x|| = min over unit u of -<x, u> gives, from any start, steps that never raise the objective, so
that the points they reach from all supports are good candidates.
"""

from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.penalties import brute_force, r

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
    SparseGroupL0,
    SparseGroupLasso,
    TransformedL1,
)

often = settings(max_examples=60, deadline=None, derandomize=True)
# eighths make ties and |v_i| = L happen; the others are anywhere
numbers = st.one_of(st.integers(-24, 24).map(lambda i: i / 8), st.floats(-3, 3))
vectors = st.integers(1, 6).flatmap(lambda n: hnp.arrays(np.float64, (1, n), elements=numbers))  # one group, a row
weights = st.one_of(st.sampled_from([0.0, 0.125, 0.5, 1]), st.floats(0, 2))
steps = st.sampled_from([0.25, 0.8, 1, 3])
SEPARABLE = [L1(0.3), L0(0.3), TransformedL1(0.3, 0.5), SCAD(0.3), MCP(0.3), Lp(0.3, 0.5), CappedL1(0.3, 1), LogSum(0.3, 0.5)]


def value(penalty, x):
    """The penalty of points x (..., n), each one group, written out once more."""
    x = np.abs(x)
    length, any_left, root = np.sqrt((x**2).sum(axis=-1)), x.any(axis=-1), sqrt(x.shape[-1])
    match penalty:
        case L1MinusL2(lam=lam, alpha=alpha):
            return lam * (x.sum(axis=-1) - alpha * length)
        case GroupLasso(lam=lam):
            return lam * root * length
        case GroupL0(lam=lam):
            return lam * root * any_left
        case GroupL0With(sparse=sparse, lam_group=lam):
            return r(sparse, x).sum(axis=-1) + lam * root * any_left
        case SparseGroupLasso(lam_l1=lam, lam_group=group):
            return lam * x.sum(axis=-1) + group * root * length
    return penalty.lam_l0 * (x > 0).sum(axis=-1) + penalty.lam_group * root * length  # SparseGroupL0


def objective(penalty, step, x, v):
    return step * value(penalty, x) + ((np.asarray(x, np.float64) - v) ** 2).sum(axis=-1) / 2


def holds(penalty, step, v, least):
    """The prox of v (1, n) costs no more than `least`, float32 as far as its digits go; value() agrees."""
    x = penalty.prox(v, step)
    here = objective(penalty, step, x, v)[0]
    assert here - least <= 1e-10 * max(1, least)
    assert penalty.value(x) == pytest.approx(value(penalty, x)[0], rel=1e-12, abs=1e-14)
    v32 = v.astype(np.float32)
    x32, v64 = penalty.prox(v32, step), v32.astype(np.float64)
    assert x32.dtype == np.float32
    there = objective(penalty, step, penalty.prox(v64, step), v64)[0]
    assert objective(penalty, step, x32, v64)[0] - there <= 1e-5 * there + 1e-12


def supports(n):
    return np.array(list(product([0, 1], repeat=n)))[1:]


def along(penalty, step, v, directions):
    """The least objective over 0 and all lengths along the directions (S, n): a grid, refined around the best of each."""
    size = np.linalg.norm(directions, axis=1, keepdims=True)
    units, rows = directions[size[:, 0] > 0] / size[size[:, 0] > 0][:, :1], np.arange((size > 0).sum())
    low, high = np.zeros(len(units)), np.full(len(units), np.linalg.norm(v))
    least = objective(penalty, step, np.zeros_like(v), v)[0]
    for _ in range(8 if len(units) else 0):  # each round 15 times finer
        lengths = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 31)
        costs = objective(penalty, step, lengths[..., None] * units[:, None], v)
        best = costs.argmin(axis=1)
        least = min(least, costs.min())
        low, high = lengths[rows, np.maximum(best - 1, 0)], lengths[rows, np.minimum(best + 1, 30)]
    return least


@given(v=vectors, lam=weights, group=weights, step=steps)
@often
def test_sparse_group_l0_against_every_support(v, lam, group, step):
    """On a support the penalty depends on the length only, so the best point there lies along v."""
    penalty = SparseGroupL0(lam, group, 0)
    holds(penalty, step, v, along(penalty, step, v, supports(v.size) * v))


@given(v=vectors, lam=weights, group=weights, step=steps)
@often
def test_sparse_group_lasso_against_every_support(v, lam, group, step):
    """For a given length and v's signs the l1 term and -<x, v> are least along (|v| - L)_+, on some support."""
    penalty = SparseGroupLasso(lam, group, 0)
    direction = np.sign(v) * np.maximum(np.abs(v) - step * lam, 0)
    holds(penalty, step, v, along(penalty, step, v, supports(v.size) * direction))


@given(v=vectors, lam=weights, step=steps)
@often
def test_group_lasso_and_group_l0_along_v(v, lam, step):
    for penalty in (GroupLasso(lam, 0), GroupL0(lam, 0)):
        holds(penalty, step, v, along(penalty, step, v, v))


@pytest.mark.parametrize("groups", [0, 1, (0, 1)])
def test_group_l0_with_a_size_is_a_whole_penalty(groups):
    v = np.random.default_rng(0).standard_normal((6, 5, 4))
    inner = tuple({0, 1, 2} - set(np.atleast_1d(groups).tolist()))
    rms = np.sqrt((v**2).mean(axis=inner))
    tau = float(np.median(rms)) * (1 + 1e-12)
    penalty = GroupL0(0.7, groups, v.size // rms.size)
    assert isinstance(penalty, Penalty)
    assert np.array_equal((penalty.prox(v, penalty.step_for(tau)) != 0).any(axis=inner), rms > tau)
    assert penalty.value(v) == GroupL0(0.7, groups).value(v)
    assert np.array_equal(penalty.prox(v, 2), GroupL0(0.7, groups).prox(v, 2))


@pytest.mark.parametrize("sparse", SEPARABLE, ids=repr)
@given(v=vectors, group=weights, step=st.sampled_from([0.25, 1, 3, 6]))
@often
def test_group_l0_with_any_separable_penalty(sparse, v, group, step):
    """Zero, or the separable problem's least plus the group's price."""
    penalty = GroupL0With(sparse, group, 0)
    alive = brute_force(sparse, step, v[0]).sum() + step * group * sqrt(v.size)
    holds(penalty, step, v, min(alive, (v**2).sum() / 2))
    x = penalty.prox(v, step)
    assert np.array_equal(x, sparse.prox(v, step)) or not x.any()


@given(v=vectors, lam=weights, alpha=st.sampled_from([0, 0.125, 0.5, 0.9, 1]), step=steps)
@often
@example(v=np.array([[1.0, 1, 1]]), lam=1, alpha=1, step=1)
@example(v=np.array([[1.0, -1, 0.5]]), lam=0.75, alpha=0.5, step=1)
@example(v=np.zeros((1, 4)), lam=0.75, alpha=1, step=1)
def test_l1_minus_l2_against_every_support(v, lam, alpha, step):
    penalty, L = L1MinusL2(lam, alpha), step * lam
    y, masks = np.abs(v), supports(v.size)
    starts = np.concatenate([masks, masks * y, masks * np.maximum(y - L, 0), np.random.default_rng(0).random((20, v.size))])
    x = starts.astype(np.float64)
    for _ in range(150):
        length = np.linalg.norm(x, axis=1, keepdims=True)
        x = np.maximum(y - L + alpha * L * np.divide(x, length, out=np.zeros_like(x), where=length > 0), 0)
    rivals = np.concatenate([x, masks * y, np.zeros_like(y)])
    holds(penalty, step, v, objective(penalty, step, rivals, y).min())


PLANE = {
    "l1 - l2": lambda lam, u: L1MinusL2(lam, min(u, 1)),
    "group l0 with tl1": lambda lam, u: GroupL0With(TransformedL1(lam + 0.01, 0.5), u, 0),
    "sparse group lasso": lambda lam, u: SparseGroupLasso(lam, u, 0),
    "sparse group l0": lambda lam, u: SparseGroupL0(lam, u, 0),
}


@pytest.mark.parametrize("name", PLANE)
@given(
    v=hnp.arrays(np.float64, (1, 2), elements=numbers), lams=st.tuples(weights, weights), step=steps, seed=st.integers(0, 99)
)
@settings(often, max_examples=30)
def test_a_grid_in_the_plane_and_neighbours_are_no_better(name, v, lams, step, seed):
    penalty = PLANE[name](*lams)
    centre, width, least = np.zeros(2), 3.0, np.inf
    for _ in range(10):
        ticks = np.linspace(-width, width, 31)
        grid = centre + np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
        grid = np.concatenate([grid, grid * [1, 0], grid * [0, 1], [centre, v[0]]])
        costs = objective(penalty, step, grid, v)
        centre, width, least = grid[costs.argmin()], width / 5, min(least, costs.min())
    x = penalty.prox(v, step)
    sizes = np.array([1e-6, 1e-3, 0.1, 1]).repeat(25)[:, None]
    moves = sizes * np.random.default_rng(seed).standard_normal((100, 2))
    near = np.concatenate([x + moves, x * np.linspace(0, 2, 41)[:, None]])
    holds(penalty, step, v, min(least, objective(penalty, step, near, v).min()))


L1_L2 = [  # (lam, alpha, v, prox); the first five are MATH.md's or follow from it by hand
    (1, 1, [-0.9, 0.4, 0.1], [-0.9, 0, 0]),
    (1, 0.5, [-0.9, 0.4, 0.1], [-0.4, 0, 0]),
    (1, 0, [-0.9, 0.4, 0.1], [0, 0, 0]),
    (1, 1, [3, -1, 0.5], [3, 0, 0]),
    (1, 1, [4, -5, 0.5], [3 * 1.2, -4 * 1.2, 0]),  # z = (3, -4, 0), of length 5
    (1, 1, [-1, 0.5], [-1, 0]),  # m = L exactly
    (1, 1, [1, -1, 1], [1, 0, 0]),  # ties at L: the first
    (1, 0.5, [0.25, -0.75, 0.75, 0.75], [0, -0.25, 0, 0]),  # ties between: the first
    (1, 0.5, [0.25, 0.75, -0.75], [0, 0.25, 0]),
    (1, 0.5, [-0.5, 0.5], [0, 0]),  # m = (1 - alpha) L exactly
    (1, 1, [2, -2], [1 + sqrt(0.5), -1 - sqrt(0.5)]),  # ties beyond L stay together
    (1, 1, [0, 0, 0], [0, 0, 0]),
    (1, 1, [-0.25], [-0.25]),  # n = 1: value is 0 at alpha = 1
    (1, 0.5, [2], [1.5]),
    (0, 1, [2, -0.5], [2, -0.5]),
]


@pytest.mark.parametrize(("lam", "alpha", "v", "x"), L1_L2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_case_of_l1_minus_l2(lam, alpha, v, x, dtype):
    tolerance = 1e-9 if dtype == np.float64 else 1e-6
    penalty, v = L1MinusL2(lam / 2, alpha), np.array(v, dtype)
    assert np.allclose(penalty.prox(v, 2), x, rtol=0, atol=tolerance)
    assert np.array_equal(penalty.prox(v, 2) != 0, np.array(x) != 0)
    assert np.array_equal(penalty.prox(v[:, None], 2)[:, 0], penalty.prox(v, 2))


def test_known_values():
    w = np.array([[3.0, -4], [0, 0], [0, 2]])
    assert L1MinusL2(0.5, 1).value(w[:1]) == pytest.approx(0.5 * (7 - 5), rel=1e-14)
    assert L1MinusL2(0.5, 1).value(w[2]) == 0
    assert GroupL0(0.5, 0).value(w) == pytest.approx(0.5 * sqrt(2) * 2)
    assert GroupL0(0.5, 1).value(w) == pytest.approx(0.5 * sqrt(3) * 2)
    assert GroupL0With(L1(2), 0.5, 0).value(w) == pytest.approx(2 * 9 + 0.5 * sqrt(2) * 2)
    assert SparseGroupLasso(2, 0.5, 0).value(w) == pytest.approx(2 * 9 + 0.5 * sqrt(2) * 7)
    assert SparseGroupL0(2, 0.5, 0).value(w) == pytest.approx(2 * 3 + 0.5 * sqrt(2) * 7)


@pytest.mark.parametrize(("lam_l0", "lam_group", "v"), [(0.5, 0.5, [1.2, 1.1]), (0.3, 1, [2, 0.85, 0.7]), (0.1, 0.4, [1, 0.5])])
def test_hard_then_block_soft_is_not_the_prox(lam_l0, lam_group, v):
    penalty, v = SparseGroupL0(lam_l0, lam_group, 0), np.array([v], float)
    one_after_the_other = GroupLasso(lam_group, 0).prox(L0(lam_l0).prox(v, 1), 1)
    ours = objective(penalty, 1, penalty.prox(v, 1), v)[0]
    assert ours < objective(penalty, 1, one_after_the_other, v)[0] - 1e-3


def test_at_a_tie_the_fewest():
    v = np.array([[1.0, -1], [1, 0.5], [1.25, 1]])
    assert np.array_equal(SparseGroupL0(0.5, 0, 0).prox(v, 1), [[0, 0], [0, 0], [1.25, 0]])
    assert not GroupL0(1, 0).prox(np.array([[2.0, 0, 0, 0]]), 1).any()  # ||v||^2/2 = k = 2
    assert not GroupL0With(L0(0.25), 0.5, 0).prox(np.ones((1, 4)), 1).any()  # m = 1, k = 1


@given(v=hnp.arrays(np.float64, (3, 2, 4), elements=numbers), lam=weights, step=steps)
@often
def test_with_one_part_switched_off(v, lam, step):
    assert np.array_equal(L1MinusL2(lam, 0).prox(v, step), L1(lam).prox(v, step))
    assert np.allclose(SparseGroupLasso(lam, 0, 1).prox(v, step), L1(lam).prox(v, step), rtol=1e-14, atol=0)
    assert np.allclose(SparseGroupLasso(0, lam, 1).prox(v, step), GroupLasso(lam, 1).prox(v, step), rtol=1e-14, atol=0)
    # what is far below its group's length may be dropped: the objectives agree; and away from ties the points do
    for mixed, alone in ((SparseGroupL0(lam, 0, 1), L0(lam)), (SparseGroupL0(0, lam, 1), GroupLasso(lam, 1))):
        ours, theirs = (step * alone.value(x) + ((x - v) ** 2).sum() / 2 for x in (mixed.prox(v, step), alone.prox(v, step)))
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-14)
        normal = np.random.default_rng(4).standard_normal((6, 5, 4))
        assert np.allclose(mixed.prox(normal, step), alone.prox(normal, step), rtol=0, atol=1e-14)
    for sparse in SEPARABLE:
        assert np.allclose(GroupL0With(sparse, 0, 1).prox(v, step), sparse.prox(v, step), rtol=1e-14, atol=0)
