"""Penalties at the ends of the floating numbers: infinite and missing entries, overflowing lengths, large steps, odd arrays."""

from math import inf, nan

import numpy as np
import pytest
from support.penalties import L1_L2, SEPARABLE, every, grouped

from minisgl.penalties import (
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    GroupL0With,
    GroupLasso,
    L1MinusL2,
    LogSum,
    Lp,
    Penalty,
    Separable,
    SparseGroupL0,
    TransformedL1,
)
from minisgl.penalties.groups import norms

COUPLED = grouped(0)
DTYPES = [np.float32, np.float64]
dtypes = pytest.mark.parametrize("dtype", DTYPES)


# ---- infinite and missing entries


@dtypes
@pytest.mark.parametrize("penalty", SEPARABLE, ids=repr)
def test_an_infinite_entry_stays_and_a_missing_one_is_missing(penalty: Separable, dtype: type) -> None:
    v = np.array([3, inf, -inf, nan, 0.1, -2], dtype)
    x = penalty.prox(v, 1.0)
    assert x[1:3].tolist() == [inf, -inf]
    assert np.isnan(x[3])
    assert np.array_equal(x[[0, 4, 5]], penalty.prox(v[[0, 4, 5]], 1.0))


@dtypes
@pytest.mark.parametrize("penalty", COUPLED + L1_L2, ids=repr)
def test_beside_an_infinite_entry_the_others_are_what_they_are_beside_a_very_long_one(penalty: Penalty, dtype: type) -> None:
    v = np.array([[3, inf, 0.1, -2, 0.5], [3, 1, 0.1, -2, 0.5]], dtype)
    long = np.where(np.isinf(v), 1e7, v).astype(dtype)
    x, limit = penalty.prox(v, 1.0), penalty.prox(long, 1.0)
    assert x[0, 1] == inf
    others = np.isfinite(v)
    assert np.allclose(x[others], limit[others], rtol=1e-5, atol=0)


@dtypes
@pytest.mark.parametrize("penalty", COUPLED, ids=repr)
def test_a_missing_entry_makes_its_whole_group_missing(penalty: Penalty, dtype: type) -> None:
    v = np.array([[3, nan, 2], [3, 1, 2], [inf, nan, 0]], dtype)
    x = penalty.prox(v, 1.0)
    assert np.isnan(x[[0, 2]]).all()
    assert np.array_equal(x[1:2], penalty.prox(v[1:2], 1.0))


@dtypes
@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_a_missing_entry_makes_the_whole_vector_of_l1_minus_l2_missing(alpha: float, dtype: type) -> None:
    assert np.isnan(L1MinusL2(0.3, alpha).prox(np.array([3, nan, 2], dtype), 1.0)).all()


def test_sparse_group_l0_beside_what_is_infinite_or_missing() -> None:
    penalty = SparseGroupL0(0.1, 0.3, 0)
    assert np.isnan(penalty.prox(np.array([[3, nan, 2.0]]), 1)).all()
    assert penalty.prox(np.array([[3, inf, 2, 0.4]]), 1).tolist() == [[3, inf, 2, 0]]


# ---- lengths at every scale


def test_group_lengths_neither_overflow_nor_underflow() -> None:
    large = np.array([[3e19, 4e19]], np.float32)
    assert GroupLasso(1.0, 0).prox(large, 1e20).tolist() == [[0, 0]]
    tiny = np.array([[3e-24, 4e-24]], np.float32)
    assert np.allclose(GroupLasso(1e-30, 0).prox(tiny, 1.0), tiny, rtol=1e-6, atol=0)


@dtypes
@pytest.mark.parametrize("exponent", [-300, -160, -44, -38, -20, 0, 20, 38, 160, 300])
def test_norms_are_right_at_every_scale(exponent: int, dtype: type) -> None:
    unit = 2.0 ** int(exponent * 3.32)
    if not float(np.finfo(dtype).smallest_subnormal) <= unit < float(np.finfo(dtype).max) / 16:
        pytest.skip("not a number of this dtype")
    w = np.array([[3, 4, 0], [0, 0, 0], [5, 0, 12]], dtype) * dtype(unit)
    assert np.allclose(norms(w, 0)[:, 0] / unit, [5, 0, 13], rtol=1e-6, atol=0)
    assert norms(w, 0).dtype == np.float64


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(5_0257, 64), (1_000_000, 2)])
def test_long_sums_of_float32_are_exact_along_every_axis(shape: tuple[int, int], axis: int) -> None:
    w = np.random.default_rng(0).normal(size=shape).astype(np.float32) + np.float32(3)
    exact = np.linalg.norm(w.astype(np.float64), axis=1 - axis, keepdims=True)
    assert np.allclose(norms(w, axis), exact, rtol=1e-12, atol=0)


def test_the_group_lassos_scales_stay_finite_for_the_shortest_groups() -> None:
    w = np.array([[1e-45, 0], [0, 0], [1e-30, 1e-30]], np.float32)
    scales = GroupLasso(1.0, 0).scale(w)
    assert np.isfinite(scales).all()
    assert scales[1] == 0
    assert np.allclose(np.linalg.norm(GroupLasso(1.0, 0).subgradient(w)[2]), 2**0.5, rtol=1e-6)


# ---- l1 - l2 is never below zero


def test_the_value_of_l1_minus_l2_keeps_the_digits_of_nearly_one_sparse_vectors() -> None:
    w = np.array([0.51286548, 1.2622937e-8, -4.1968886e-9], np.float32)
    assert L1MinusL2(1.0).value(w) == pytest.approx(1.68e-8, rel=1e-2)
    rest = np.abs(w[1:].astype(float))
    assert L1MinusL2(1.0).value(w) == pytest.approx(rest.sum() - (rest**2).sum() / 2 / float(w[0]), rel=1e-12)


@dtypes
def test_the_value_of_l1_minus_l2_is_never_negative(dtype: type) -> None:
    rng = np.random.default_rng(1)
    for _ in range(2000):
        w = (rng.normal(size=rng.integers(1, 6)) * 10.0 ** rng.integers(-12, 1)).astype(dtype)
        w[0] = rng.normal()
        assert L1MinusL2(1.0).value(w) >= 0


@dtypes
@pytest.mark.parametrize("unit", [1e-300, 1e-20, 1.0, 1e20, 1e300])
def test_the_value_of_l1_minus_l2_at_every_scale(unit: float, dtype: type) -> None:
    if float(np.finfo(dtype).tiny) <= unit < float(np.finfo(dtype).max) / 8:
        w = (np.array([3.0, -4.0, 0.0]) * unit).astype(dtype)
        assert L1MinusL2(1.0).value(w) == pytest.approx(2 * unit, rel=1e-6)
        assert L1MinusL2(1.0, 0.5).value(w) == pytest.approx(4.5 * unit, rel=1e-6)


# ---- lp far out, and for p near 1


@pytest.mark.parametrize(
    ("penalty", "v", "step", "x"),
    [
        # solved in 40 digits; see the equation in lp.py
        (Lp(16.0, 2 / 3), 3.2e7, 1.0, 31999999.9664012),
        (Lp(1.0, 2 / 3), 2.4e6, 0.5, 2399999.99751027),
        (Lp(1.0, 0.99), 1.05, 1.0, 0.02101102212),
    ],
)
def test_lp_has_all_its_digits(penalty: Lp, v: float, step: float, x: float) -> None:
    assert penalty.prox(np.array([v]), step)[0] == pytest.approx(x, rel=1e-9)
    root, L, p = float(penalty.prox(np.array([v]), step)[0]), step * penalty.lam, penalty.p
    assert root + L * p * root ** (p - 1) == pytest.approx(v, rel=4e-16)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.6, 2 / 3, 0.8, 0.9, 0.99, 1 - 1e-6])
@pytest.mark.parametrize("L", [1e-20, 1e-6, 1.0, 1e4, 1e20])
def test_lp_solves_its_equation_to_rounding(p: float, L: float) -> None:
    penalty = Lp(L, p)
    v = penalty.threshold(1.0) * (1 + np.logspace(-14, 8, 300))
    x = penalty.prox(v, 1.0)
    assert np.allclose(x + L * p * x ** (p - 1), v, rtol=1e-14, atol=0)  # of which |log x| eps is the exponent's rounding


# ---- steps beyond float32


@pytest.mark.parametrize(
    "penalty", [LogSum(1e20, 1.0), Lp(1e20, 0.5), Lp(1e20, 0.3), Lp(1e20, 2 / 3), TransformedL1(1e20)], ids=repr
)
def test_a_step_times_lam_beyond_float32_is_computed_in_float64(penalty: Separable) -> None:
    v = np.array([1e33, -3e37, 1e5, inf], np.float32)
    assert np.array_equal(penalty.prox(v, 1e20), penalty.prox(v.astype(np.float64), 1e20).astype(np.float32))
    assert penalty.prox(v, 1e20)[0] > 9e32


@pytest.mark.parametrize("penalty", [L1(1e20), L0(1e20), CappedL1(1e20, 1.0), SCAD(1e20), MCP(1e20)], ids=repr)
def test_a_threshold_beyond_float32_leaves_only_what_is_infinite(penalty: Separable) -> None:
    v = np.array([1e33, -inf], np.float32)
    exact = penalty.prox(v.astype(np.float64), 1e30)
    assert np.array_equal(penalty.prox(v, 1e30), exact.astype(np.float32))
    assert exact[1] == -inf


@every
def test_a_step_times_lam_beyond_float64_is_refused(penalty: Penalty) -> None:
    largest = [type(penalty)(1e200, *list(vars(penalty).values())[1:])] if not isinstance(penalty, GroupL0With) else []
    for each in largest:
        with pytest.raises(ValueError, match=r"step \* lam must be finite, but step is 1e\+200 and lam 1e\+200"):
            each.prox(np.ones((2, 2)), 1e200)


# ---- other arrays


@every
@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.uint8, np.complex128, np.longdouble, bool])
def test_other_dtypes_are_refused(penalty: Penalty, dtype: type) -> None:
    w = np.ones((2, 3), dtype)
    for ask in (lambda: penalty.prox(w, 1.0), lambda: penalty.value(w)):
        with pytest.raises(ValueError, match=f"float32 or float64, but this one is of {w.dtype}"):
            ask()


@every
def test_an_out_of_another_shape_or_dtype_is_refused(penalty: Penalty) -> None:
    v = np.ones((2, 3))
    for out in (np.empty((3, 2)), np.empty((2, 3), np.float32), np.empty((1, 2, 3))):
        with pytest.raises(ValueError, match="out must have v's shape"):
            penalty.prox(v, 1.0, out=out)


@every
@dtypes
def test_an_out_that_overlaps_v_in_part_is_right(penalty: Penalty, dtype: type) -> None:
    numbers = np.random.default_rng(2).normal(size=40_003).astype(dtype)
    expected = penalty.prox(numbers[:40_000].reshape(10, 4000).copy(), 1.0)
    for shift in (0, 1, 3):
        memory = numbers.copy()
        out = memory[shift : shift + 40_000].reshape(10, 4000)
        assert penalty.prox(memory[:40_000].reshape(10, 4000), 1.0, out=out) is out
        assert np.array_equal(out, expected), shift
