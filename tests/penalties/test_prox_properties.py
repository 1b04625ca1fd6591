"""What every prox has in common, and what only some have: symmetry, order, limits, shapes, memory, and what is refused."""

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.penalties import L1_L2, SEPARABLE, SHAPES, every, grouped, objective, separable

from minisgl import penalties as pen

convex = pytest.mark.parametrize(
    "penalty", [pen.L1(0.3), pen.GroupLasso(0.3, 0), pen.SparseGroupLasso(0.3, 0.1, 0), pen.L1MinusL2(0.3, 0)], ids=repr
)
often = settings(max_examples=40, deadline=None, derandomize=True)
matrices = hnp.arrays(np.float64, (3, 4), elements=st.floats(-5, 5))
steps = st.sampled_from([0.1, 1, 2.9, 5, 40])


def cost(penalty, step, x, v):
    return step * penalty.value(x) + float(((x - v) ** 2).sum()) / 2


@convex
@given(u=matrices, v=matrices, step=steps)
@often
def test_firmly_nonexpansive_and_three_points_if_convex(penalty, u, v, step):
    """||Pu - Pv||^2 <= <Pu - Pv, u - v>, and the prox wins by at least ||u - Pv||^2/2 over any other point u."""
    pu, pv = penalty.prox(u, step), penalty.prox(v, step)
    assert ((pu - pv) ** 2).sum() <= ((pu - pv) * (u - v)).sum() + 1e-12
    assert cost(penalty, step, u, v) >= cost(penalty, step, pv, v) + ((u - pv) ** 2).sum() / 2 - 1e-11


@every
@given(v=matrices, step=steps)
@settings(often, max_examples=12)
def test_odd_shrinking_keeps_signs_and_beats_zero_and_v(penalty, v, step):
    x = penalty.prox(v, step)
    assert (x * v >= 0).all()
    assert (np.abs(x) <= np.abs(v) * (1 + 1e-12)).all()
    here = cost(penalty, step, x, v)
    for other in (0 * v, v, x * 0.999, x * 1.001):
        assert here <= cost(penalty, step, other, v) + 1e-10 * max(1, here)
    opposite = penalty.prox(-v, step)  # odd; of equally large entries l1 - l2 keeps the first, whatever the signs
    assert np.array_equal(opposite, -x)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zero_stays_zero_and_zero_groups_too(penalty, dtype):
    """Warnings are errors here, so neither 0/0 nor log 0 may happen on the way."""
    v = np.random.default_rng(0).standard_normal((4, 6)).astype(dtype)
    v[1], v[3] = 0, 0
    for step in (1e-6, 1, 24_000):
        assert not penalty.prox(np.zeros((4, 6), dtype), step).any()
        x = penalty.prox(v, step)
        assert np.isfinite(x).all()
        assert not x[[1, 3]].any()
    assert penalty.value(np.zeros((4, 6), dtype)) == 0
    assert penalty.prox(v, 1e-6)[0].any()


@separable
@given(v=hnp.arrays(np.float64, 30, elements=st.floats(-5, 5)), step=steps)
@often
def test_monotone_and_entry_by_entry(penalty, v, step):
    x = penalty.prox(np.sort(np.concatenate([v, np.linspace(-5, 5, 301)])), step)
    assert (np.diff(x) >= -1e-12).all()
    assert np.array_equal(penalty.prox(v, step), np.concatenate([penalty.prox(v[:7], step), penalty.prox(v[7:], step)]))
    assert isinstance(penalty, pen.Separable)


@pytest.mark.parametrize("lam", [0.01, 0.3, 4])
def test_transformed_l1_goes_from_hard_to_soft(lam):
    t = {"hard": pen.L0(lam).threshold(1), "soft": pen.L1(lam).threshold(1)}
    grid = np.linspace(-6, 6, 1201)
    hard, soft = (grid[np.abs(np.abs(grid) - t[name]) > 0.01 * t[name]] for name in ("hard", "soft"))
    for dtype in (np.float64, np.float32):
        v = hard.astype(dtype)
        assert np.allclose(pen.TransformedL1(lam, 1e-6).prox(v, 1), pen.L0(lam).prox(v, 1), rtol=0, atol=1e-4)
        v = soft.astype(dtype)
        assert np.allclose(pen.TransformedL1(lam, 1e6).prox(v, 1), pen.L1(lam).prox(v, 1), rtol=0, atol=1e-4)
    nearer = [np.abs(pen.TransformedL1(lam, a).prox(soft, 1) - pen.L1(lam).prox(soft, 1)).max() for a in (10, 100, 1e3, 1e4)]
    assert nearer == sorted(nearer, reverse=True)


@pytest.mark.parametrize(("p", "beside"), [(0.5, 0.5 + 1e-9), (0.5, 0.5 - 1e-9), (2 / 3, 2 / 3 + 1e-9), (2 / 3, 2 / 3 - 1e-9)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_closed_forms_meet_newton(p, beside, dtype):
    v = np.linspace(-8, 8, 400).astype(dtype)
    for lam in (1e-3, 0.3, 2):
        tolerance = 1e-7 if dtype == np.float64 else 1e-5
        assert np.allclose(pen.Lp(lam, p).prox(v, 1), pen.Lp(lam, beside).prox(v, 1), rtol=0, atol=tolerance)


def test_a_small_step_changes_little_and_a_huge_one_stays_finite():
    v = np.linspace(-3, 3, 61)
    for penalty in [*SEPARABLE, *L1_L2]:
        assert np.allclose(penalty.prox(v, 1e-16), v, rtol=0, atol=1e-6)
        assert np.isfinite(penalty.prox(v, 1e9)).all()


# ---- shapes and memory


def same(x, v):
    assert isinstance(x, np.ndarray)
    assert (x.shape, x.dtype) == (v.shape, v.dtype)


@every
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_shape_dtype_and_memory(penalty, shape):
    for dtype in (np.float32, np.float64):
        v = np.random.default_rng(0).standard_normal(shape).astype(dtype)
        before = v.copy()
        x = penalty.prox(v, 0.8)
        same(x, v)
        same(penalty.prox(v, np.float64(0.8)), v)  # a NumPy number as the step does not decide the dtype
        assert not np.shares_memory(x, v) or v.size == 0
        out = np.full(shape, nan, dtype)
        assert penalty.prox(v, 0.8, out=out) is out
        assert np.array_equal(out, x)
        assert np.array_equal(v, before)
        assert isinstance(penalty.value(v), float)
        assert np.allclose(x, penalty.prox(before.astype(np.float64), 0.8), rtol=0, atol=1e-5)
        assert penalty.prox(v, 0.8, out=v) is v
        assert np.array_equal(v, x)


@every
def test_non_contiguous_input_and_output(penalty):
    v = np.random.default_rng(1).standard_normal((5, 2, 3, 4))
    x = penalty.prox(v, 0.8)
    wide = np.zeros((5, 4, 3, 8))
    wide[:, ::2, :, ::-2] = v
    for other in (np.asfortranarray(v), np.ascontiguousarray(v.swapaxes(0, 2)).swapaxes(0, 2), wide[:, ::2, :, ::-2]):
        before = other.copy()
        assert np.allclose(penalty.prox(other, 0.8), x, rtol=0, atol=1e-14)
        assert np.array_equal(other, before)
        out = np.full_like(other, nan)
        assert penalty.prox(v, 0.8, out=out) is out
        assert np.allclose(out, x, rtol=0, atol=1e-14)
        assert penalty.prox(other, 0.8, out=other) is other
        assert np.allclose(other, x, rtol=0, atol=1e-14)
    assert not wide[:, 1::2].any()  # what lies between is left alone
    strided = np.full((5, 4, 3, 8), nan)
    penalty.prox(v, 0.8, out=strided[:, ::2, :, ::2])
    assert np.allclose(strided[:, ::2, :, ::2], x, rtol=0, atol=1e-14)
    assert np.isnan(strided[:, 1::2]).all()


@pytest.mark.parametrize("penalty", SEPARABLE + L1_L2 + grouped(()), ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_axes_at_all(penalty, dtype):
    v = np.array(-2.5, dtype)
    x = penalty.prox(v, 0.8)
    same(x, v)
    assert float(x) == pytest.approx(float(penalty.prox(v.reshape(1), 0.8)[0]), rel=1e-6)
    out = np.array(nan, dtype)
    assert penalty.prox(v, 0.8, out=out) is out
    assert out == x
    assert penalty.value(v) == pytest.approx(penalty.value(v.reshape(1)))


@pytest.mark.parametrize("groups", [0, 1, -1, (0, 1), (1, -1), ()], ids=str)
def test_groups_are_those_of_the_axes(groups):
    """Each group alone gives the same as all of them together."""
    v = np.random.default_rng(2).standard_normal((3, 4, 2))
    axes = {axis % 3 for axis in np.atleast_1d(groups).astype(int)}
    for penalty, alone in zip(grouped(groups), grouped(()), strict=True):
        x = penalty.prox(v, 0.9)
        for at in np.ndindex(*(v.shape[axis] if axis in axes else 1 for axis in range(3))):
            part = tuple(slice(i, i + 1) if axis in axes else slice(None) for axis, i in enumerate(at))
            assert np.allclose(x[part], alone.prox(v[part], 0.9), rtol=0, atol=1e-14)


def test_blocks_meet():
    """More numbers than a block holds, and not a multiple of it."""
    v = np.random.default_rng(3).standard_normal(70_001)
    for penalty in SEPARABLE:
        assert np.array_equal(penalty.prox(v, 1)[::997], penalty.prox(v[::997].copy(), 1))
        assert (objective(penalty, 1, penalty.prox(v, 1), v) <= v**2 / 2 + 1e-12).all()
