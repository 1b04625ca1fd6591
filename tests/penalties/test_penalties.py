"""Penalties: every prox against brute force, and every property its docstring claims.

Brute force minimises step * value(x) + (x - v)^2 / 2 on a grid that is refined around its best point; the penalty's value is
written out once more here, so that a prox and a value that are wrong together are found out too.
"""

from math import inf, nan, nextafter, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.penalties import L0, L1, GroupLasso

BY_HAND = {L1: np.abs, L0: lambda x: (x != 0).astype(float)}  # r(x) of a single weight
PAIRS = GroupLasso(0.7, 0)  # on (n, 2): each row a group

separable = pytest.mark.parametrize("kind", [L1, L0])
every = pytest.mark.parametrize("penalty", [L1(0.7), L0(0.7), PAIRS], ids=["l1", "l0", "group"])
convex = pytest.mark.parametrize("penalty", [L1(0.7), PAIRS], ids=["l1", "group"])

numbers = st.floats(-10, 10)
weights = st.floats(1e-4, 10)
steps = st.floats(1e-3, 1e3)
matrices = hnp.arrays(np.float64, (4, 2), elements=numbers)
often = settings(max_examples=60, deadline=None, derandomize=True)


def objective(penalty, step, x, v):
    return step * penalty.value(x) + 0.5 * float(np.sum((x - v) ** 2))


# ---- brute force


@separable
@given(v=numbers, lam=weights, step=steps)
@often
def test_separable_prox_beats_brute_force(kind, v, lam, step):
    def cost(x):
        return step * lam * BY_HAND[kind](x) + (x - v) ** 2 / 2

    best, width = 0.0, 12.0
    for _ in range(12):  # each round 100 times finer
        grid = np.concatenate([np.linspace(best - width, best + width, 201), [0, v, best]])
        best, width = grid[cost(grid).argmin()], width / 100
    x = kind(lam).prox(np.array([v]), step)
    assert cost(x)[0] - cost(np.array([best]))[0] <= 1e-10


@given(v=hnp.arrays(np.float64, 2, elements=numbers), lam=weights, step=steps)
@often
def test_group_prox_beats_brute_force_in_the_plane(v, lam, step):
    """The problem is convex: the grid may follow its best point."""

    def cost(x):  # x (..., 2)
        return step * lam * sqrt(2) * np.hypot(x[..., 0], x[..., 1]) + ((x - v) ** 2).sum(axis=-1) / 2

    best, width = np.zeros(2), 12.0
    for _ in range(20):
        ticks = np.linspace(-width, width, 31)
        grid = best + np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
        grid = np.concatenate([grid, [v, best, (0, 0)]])
        best, width = grid[cost(grid).argmin()], width / 4
    x = GroupLasso(lam, 0).prox(v[None], step)
    assert cost(x)[0] - cost(best) <= 1e-10


@given(v=hnp.arrays(np.float64, (3, 2, 2), elements=numbers), lam=weights, step=steps, seed=st.integers(0, 99))
@often
def test_group_prox_beats_its_neighbours(v, lam, step, seed):
    penalty, rng = GroupLasso(lam, 1), np.random.default_rng(seed)
    x = penalty.prox(v, step)
    least = objective(penalty, step, x, v)
    for scale in (1e-6, 1e-3, 1):
        assert objective(penalty, step, x + scale * rng.standard_normal(v.shape), v) >= least - 1e-10 * (1 + least)


# ---- known points


def test_known_points():
    v = np.array([-2, -0.5, 0, 0.3, 0.5, 0.75, 2])
    assert np.array_equal(L1(0.25).prox(v, 2), [-1.5, 0, 0, 0, 0, 0.25, 1.5])
    assert np.array_equal(L0(0.0625).prox(v, 2), [-2, 0, 0, 0, 0, 0.75, 2])  # threshold sqrt(2 * 2 / 16) = 0.5: a tie gives 0
    assert L1(0.25).value(v) == 0.25 * 6.05
    assert L0(0.25).value(v.reshape(7, 1)) == 0.25 * 6
    group = GroupLasso(1 / sqrt(2), 0)  # lam sqrt(n) = 1: (3, 4) of length 5 becomes 4/5 of itself
    assert np.allclose(group.prox(np.array([[3.0, 4], [0.6, 0.8], [0, 0]]), 1), [[2.4, 3.2], [0, 0], [0, 0]], atol=1e-15)


@pytest.mark.parametrize(("kind", "threshold"), [(L0, 0.2828427125), (L1, 0.04)])
@pytest.mark.parametrize("alpha_0", [0.1, 1])
def test_the_papers_thresholds_do_not_depend_on_alpha(kind, threshold, alpha_0):
    lam = alpha_0 / 60_000
    assert kind(lam).threshold(1 / (25 * lam)) == pytest.approx(threshold, rel=1e-9)


def test_group_values_by_hand():
    conv = np.zeros((2, 1, 2, 2))
    conv[0], conv[1, 0, 0] = 1, [3, 4]  # lengths 2 and 5, four weights each
    assert GroupLasso(0.5, 0).value(conv) == pytest.approx(0.5 * 2 * (2 + 5))
    linear = np.array([[3.0, 0, 1], [4, 0, 0]])  # columns of lengths 5, 0, 1, two weights each
    for axis in (1, -1, (1,)):
        assert GroupLasso(0.5, axis).value(linear) == pytest.approx(0.5 * sqrt(2) * 6)
    assert GroupLasso(2, (0, 1)).value(linear) == pytest.approx(2 * 8)  # groups of one: the l1 norm
    assert GroupLasso(2, (0, -3)).value(conv) == pytest.approx(2 * 2 * (2 + 5))  # axes 0 and 1 of four
    assert GroupLasso(2, ()).value(linear) == pytest.approx(2 * sqrt(6) * sqrt(26))  # one group: everything


@given(v=matrices, lam=weights)
@often
def test_groups_of_one_weight_are_l1(v, lam):
    assert np.allclose(GroupLasso(lam, (0, 1)).prox(v, 0.5), L1(lam).prox(v, 0.5), atol=1e-14)


# ---- threshold and step_for


@separable
@given(lam=weights, step=steps)
@often
def test_the_threshold_is_where_the_prox_becomes_zero(kind, lam, step):
    penalty = kind(lam)
    t = penalty.threshold(step)
    assert not penalty.prox(np.array([t, -t, nextafter(t, 0)]), step).any()
    beyond = nextafter(t, inf)
    assert penalty.prox(np.array([beyond, -beyond]), step).all()
    assert penalty.step_for(t) == pytest.approx(step, rel=1e-14)
    assert penalty.threshold(penalty.step_for(step)) == pytest.approx(step, rel=1e-14)
    assert penalty.step_for(0) == 0


# ---- what holds for every prox


@every
@given(v=matrices, step=steps)
@often
def test_odd_zero_at_zero_and_the_limit_of_no_step(penalty, v, step):
    x = penalty.prox(v, step)
    assert np.array_equal(penalty.prox(-v, step), -x)
    assert not penalty.prox(np.zeros((4, 2)), step).any()
    assert np.allclose(penalty.prox(v, 1e-18), v, rtol=0, atol=2e-9)
    assert (np.abs(x) <= np.abs(v)).all()


@separable
@given(v=hnp.arrays(np.float64, 20, elements=numbers), lam=weights, step=steps)
@often
def test_monotone(kind, v, lam, step):
    assert (np.diff(kind(lam).prox(np.sort(v), step)) >= 0).all()


@convex
@given(u=matrices, v=matrices, step=steps)
@often
def test_firmly_nonexpansive(penalty, u, v, step):
    moved = penalty.prox(u, step) - penalty.prox(v, step)
    assert np.sum(moved**2) <= np.sum(moved * (u - v)) + 1e-10


@convex
@given(v=matrices, z=matrices, step=steps)
@often
def test_three_point_inequality(penalty, v, z, step):
    """The prox wins by at least ||z - x||^2 / 2 over any other point z: its objective is strongly convex."""
    x = penalty.prox(v, step)
    there = objective(penalty, step, z, v)
    assert there >= objective(penalty, step, x, v) + 0.5 * np.sum((z - x) ** 2) - 1e-11 * (1 + there)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 2), (5, 2, 3, 3), (0, 2), (1, 1)])
def test_shape_dtype_and_memory(penalty, dtype, shape):
    v = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    before = v.copy()
    x = penalty.prox(v, 0.8)
    assert (x.shape, x.dtype) == (shape, dtype)
    assert not np.shares_memory(x, v)
    out = np.full(shape, nan, dtype)
    assert penalty.prox(v, 0.8, out=out) is out
    assert np.array_equal(out, x)
    assert np.array_equal(v, before)
    across = np.ascontiguousarray(v.swapaxes(0, -1)).swapaxes(0, -1)  # another memory order
    assert np.allclose(penalty.prox(across, 0.8), x, atol=1e-6)
    assert penalty.prox(v, 0.8, out=v) is v
    assert np.array_equal(v, x)
    assert np.allclose(x, penalty.prox(before.astype(np.float64), 0.8), atol=1e-6)
    assert isinstance(penalty.value(v), float)


@pytest.mark.parametrize("lam", [-0.5, nan, inf, -inf])
@pytest.mark.parametrize("make", [L1, L0, lambda lam: GroupLasso(lam, 0)])
def test_a_wrong_lam_is_named(make, lam):
    with pytest.raises(ValueError, match=rf"lam .*{lam}"):
        make(lam)


@separable
def test_lam_zero_changes_nothing_and_has_no_step_for(kind):
    v = np.array([-1.0, 0, 1e-300])
    assert np.array_equal(kind(0).prox(v, 1), v)
    assert kind(0).value(v) == 0
    assert np.array_equal(GroupLasso(0, 0).prox(v[:2, None], 1), v[:2, None])
    with pytest.raises(ValueError, match=r"lam .*0"):
        kind(0).step_for(0.1)


# ---- the group lasso's subgradient


@pytest.mark.parametrize(("shape", "groups"), [((3, 2, 2, 2), 0), ((3, 4), 1), ((2, 3, 2), (0, -1))])
def test_subgradient_is_the_slope_of_the_value(shape, groups):
    penalty, w = GroupLasso(0.3, groups), np.random.default_rng(1).standard_normal(shape)
    assert relative_error(numeric_gradient(penalty.value, w), penalty.subgradient(w)) <= 1e-7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_and_tiny_groups_stay_finite(dtype):
    """Warnings are errors here: neither 0/0 nor an overflow may happen on the way."""
    tiny = np.finfo(dtype).smallest_subnormal
    w = np.ones((8, 100), dtype)
    w[0] = 0
    for row, size in enumerate((tiny, sqrt(tiny), sqrt(tiny) / 2, np.finfo(dtype).tiny, 1e-19), start=1):
        w[row] = size
    penalty = GroupLasso(0.5, 0)
    g, x = penalty.subgradient(w), penalty.prox(w, 24_000)
    assert g.dtype == x.dtype == dtype
    assert np.isfinite(g).all()
    assert not g[0].any()
    assert np.linalg.norm(g[6:].astype(float), axis=1) == pytest.approx(0.5 * 10)  # elsewhere its length is lam sqrt(n)
    assert not x.any()
    assert np.array_equal(penalty.prox(w, 1e-9)[0], w[0])
    assert penalty.value(w[:1]) == 0
