"""Group lasso's prox in a diagonal metric: against bisection, one group at a time, and its optimality conditions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisgl.penalties import GroupLasso
from minisgl.penalties.metric import group_prox

often = settings(max_examples=100, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
lams = st.floats(0.001, 3)


def random_problem(seed):
    """Return u and d, (4, 5): d spans six powers of ten."""
    random = np.random.default_rng(seed)
    return random.standard_normal((4, 5)), 10 ** random.uniform(-3, 3, (4, 5))


def by_bisection(u, d, k):
    """The prox of k ||x|| of one group: bisection for n = ||x|| where x_i = d_i u_i n/(d_i n + k)."""
    if np.sum((d * u) ** 2) <= k * k:
        return np.zeros_like(u)
    low, high = 0.0, np.linalg.norm(u)
    for _ in range(2000):
        n = (low + high) / 2
        low, high = (n, high) if np.sum((d * u / (d * n + k)) ** 2) > 1 else (low, n)
    return d * u * n / (d * n + k)


@given(seeds, lams)
@often
def test_equals_bisection(seed, lam):
    u, d = random_problem(seed)
    slow = [by_bisection(row, row_d, 0.5 * lam * np.sqrt(5)) for row, row_d in zip(u, d, strict=True)]
    np.testing.assert_allclose(group_prox(u, d, 0.5, lam, 0), slow, rtol=1e-9, atol=1e-12)


@given(seeds, lams)
@often
def test_no_point_nearby_or_at_zero_is_better(seed, lam):
    u, d = random_problem(seed)
    x = group_prox(u, d, 0.5, lam, 0)

    def objective(x):
        return 0.5 * GroupLasso(lam, groups=0).value(x) + np.sum(d * (x - u) ** 2) / 2

    least = objective(x) * (1 + 1e-12)
    random = np.random.default_rng(seed)
    assert objective(np.zeros_like(x)) >= least * (1 - 1e-11)
    for size in (1, 1e-2, 1e-4):
        assert objective(x + size * random.standard_normal(x.shape)) * (1 + 1e-11) >= least


@given(seeds, lams)
@often
def test_a_constant_metric_gives_block_soft_thresholding(seed, lam):
    u, _ = random_problem(seed)
    plain = GroupLasso(lam, groups=0).prox(u, 0.5 / 3)
    np.testing.assert_allclose(group_prox(u, np.full_like(u, 3), 0.5, lam, 0), plain, rtol=1e-9, atol=1e-12)


def test_a_group_of_one_weight_is_soft_thresholded():
    u, d = np.array([[1.0], [-1.0], [0.1]]), np.array([[2.0], [4.0], [1.0]])
    np.testing.assert_allclose(group_prox(u, d, 0.5, 1, 0), [[0.75], [-0.875], [0]], rtol=1e-15)


@pytest.mark.parametrize("name", ["u", "d"])
def test_a_nan_stays_in_its_group(name):
    arrays = {"u": np.ones((2, 3)), "d": np.ones((2, 3))}
    arrays[name][0, 1] = np.nan
    x = group_prox(arrays["u"], arrays["d"], 0.1, 1, 0)
    assert np.isnan(x[0]).all()
    assert np.isfinite(x[1]).all()


def test_zeros_and_a_weight_of_zero():
    u = np.array([[0.0, 0], [3, 4]], np.float32)
    np.testing.assert_array_equal(group_prox(u, np.ones_like(u), 0.1, 0, 0), u)
