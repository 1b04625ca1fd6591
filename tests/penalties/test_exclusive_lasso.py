"""The exclusive lasso's prox against three others: its optimality conditions, a slow minimiser in float64, and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minisgl.penalties import L1, ExclusiveLasso, GroupLasso
from minisgl.testing import check_prox

often = settings(max_examples=150, deadline=None, derandomize=True)
numbers = st.one_of(st.integers(-24, 24).map(lambda i: i / 8), st.floats(-3, 3))  # eighths make ties
vectors = st.integers(1, 8).flatmap(lambda n: hnp.arrays(np.float64, n, elements=numbers))
weights = st.one_of(st.sampled_from([0.0, 1e-12, 0.5, 1, 1e12]), st.floats(1e-3, 5))


def slow(v: np.ndarray, k: float) -> np.ndarray:
    """argmin k/2 ||x||_1^2 + ||x - v||^2/2 of one group, without sorting: bisection for the s = ||x||_1 at which it holds."""

    def x(s: float) -> np.ndarray:
        return np.maximum(np.abs(v) - k * s, 0)

    low, high = 0.0, float(np.abs(v).sum())
    for _ in range(200):  # sum x(s) falls with s
        s = (low + high) / 2
        low, high = (s, high) if x(s).sum() > s else (low, s)
    return np.sign(v) * x((low + high) / 2)


@pytest.mark.parametrize("groups", [0, 1, (0, 1), ()], ids=str)
@pytest.mark.parametrize("lam", [0.0, 0.02, 0.5, 10.0])
def test_brute_force_finds_no_better_point(lam: float, groups: int | tuple[int, ...]) -> None:
    check_prox(ExclusiveLasso(lam, groups))


@often
@given(vectors, weights)
def test_the_prox_is_that_of_the_slow_minimiser(v: np.ndarray, k: float) -> None:
    x = ExclusiveLasso(k / 2, 0).prox(v[None], 2.0)[0]
    np.testing.assert_allclose(x, slow(v, k), rtol=1e-9, atol=1e-12)
    assert np.all(x * v >= 0)
    assert np.all(np.abs(x) <= np.abs(v))


@often
@given(vectors, weights)
def test_zero_is_a_subgradient_of_the_objective(v: np.ndarray, k: float) -> None:
    """v - x is k ||x||_1 sign(x_i) where x_i is not 0, and no larger in size where it is: this and convexity prove the prox."""
    x = ExclusiveLasso(k, 0).prox(v[None], 1.0)[0]
    pull = k * np.abs(x).sum()
    tolerance = 1e-12 * (1 + k) * (1 + np.abs(v).max())
    kept = x != 0
    np.testing.assert_allclose((v - x)[kept], pull * np.sign(x[kept]), rtol=1e-9, atol=tolerance)
    assert np.all(np.abs(v[~kept]) <= pull * (1 + 1e-9) + tolerance)


@pytest.mark.parametrize("groups", [0, 1, 2, (0, 2), ()], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_group_has_its_own_threshold(groups, dtype) -> None:
    v = np.random.default_rng(1).standard_normal((4, 5, 6)).astype(dtype)
    penalty, expected, total = ExclusiveLasso(0.3, groups), np.empty(v.shape), 0.0
    numbering = (groups,) if isinstance(groups, int) else groups
    for place in np.ndindex(*(v.shape[axis] for axis in numbering)):
        index = tuple(place[numbering.index(axis)] if axis in numbering else slice(None) for axis in range(3))
        expected[index] = slow(v[index].reshape(-1).astype(float), 0.7 * 0.3).reshape(v[index].shape)
        total += 0.15 * np.abs(v[index].astype(float)).sum() ** 2
    x = penalty.prox(v, 0.7)
    assert x.dtype == dtype
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-12 if dtype == np.float64 else 2e-6)
    assert penalty.value(v) == pytest.approx(total, rel=1e-12)


def test_by_hand() -> None:
    penalty = ExclusiveLasso(1.0, 0)
    assert penalty.value(np.array([[3.0, -1.0], [0.0, 2.0]])) == (16 + 4) / 2
    # k = 1: in the first row t_1 = 3/2 and t_2 = 4/3, so one weight remains; in the second t_1 = 1 and t_2 = 4/3
    x = penalty.prox(np.array([[3.0, -1.0], [2.0, -2.0]]), 1.0)
    np.testing.assert_allclose(x, [[1.5, 0.0], [2 / 3, -2 / 3]], rtol=1e-15, atol=0)


@pytest.mark.parametrize("step", [0.1, 1.0, 1e6])
def test_no_group_becomes_zero_where_the_group_lasso_and_l1_empty_it(step: float) -> None:
    v = np.random.default_rng(2).standard_normal((6, 9))
    assert ExclusiveLasso(10.0, 0).prox(v, step).any(axis=1).all()
    assert not GroupLasso(10.0, 0).prox(v, max(step, 1)).any()
    assert not L1(10.0).prox(v, max(step, 1)).any()


@pytest.mark.parametrize("lam", [-1.0, float("inf"), float("nan")])
def test_a_weight_below_zero_is_refused(lam: float) -> None:
    with pytest.raises(ValueError, match="lam must be a number >= 0"):
        ExclusiveLasso(lam, 0)


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="groups must be different axes of an array with 2 axes, but is 2"):
        ExclusiveLasso(1.0, 2).prox(np.ones((2, 2)), 1.0)
