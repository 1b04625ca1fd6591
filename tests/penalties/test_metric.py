"""Proxes in a diagonal metric: against bisection, one group or one weight at a time, and their optimality conditions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minisgl.penalties import L0, L1, MCP, GroupLasso, Lp
from minisgl.penalties.metric import group_prox, separable_prox

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
    for _ in range(200):
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


@given(seeds, lams)
@often
def test_a_group_far_from_a_sphere_needs_more_than_two_newton_steps(seed, lam):
    u, d = random_problem(seed)
    u, d = np.tile(u, 4), np.tile(d, 4)
    x = group_prox(u, d, 0.5, lam, 0)
    n, k = np.linalg.norm(x, axis=1, keepdims=True), 0.5 * lam * np.sqrt(20)
    kept = n[:, 0] > 0
    gradient = k * x[kept] / n[kept] + d[kept] * (x - u)[kept]
    assert np.abs(gradient).max(initial=0) <= 1e-9 * np.abs(d * u).max()


# ---- one weight at a time: l0, l1, lp

RS = [L0(0.3), L1(0.3), Lp(0.3, 0.5), Lp(0.3, 2 / 3), Lp(0.3, 0.1), Lp(0.3, 0.95)]


@pytest.mark.parametrize("r", RS, ids=repr)
@given(seed=seeds)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_each_weight_has_its_own_step(r, seed):
    u, d = random_problem(seed)
    x = separable_prox(u, d, 0.5, r)
    slow = [[r.prox(np.array([a]), 0.5 / b).item() for a, b in zip(*rows, strict=True)] for rows in zip(u, d, strict=True)]
    np.testing.assert_allclose(x, slow, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(x == 0, np.array(slow) == 0)


@pytest.mark.parametrize("r", RS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_weight_on_a_grid_is_better(r, dtype):
    u, d = (array.astype(dtype) for array in random_problem(3))
    x = separable_prox(u, d, 0.5, r)
    assert x.dtype == dtype
    grid = np.linspace(-1.5, 1.5, 3001) * u[..., None]

    def costs(x):
        return 0.5 * r.cost(x) + d[..., None] * (x - u[..., None]) ** 2 / 2

    slack = 1e-6 if dtype == np.float32 else 1e-12
    assert (costs(x[..., None].astype(float))[..., 0] <= costs(grid).min(axis=-1) * (1 + slack) + slack).all()


def test_l0_leaves_the_weights_that_it_keeps_to_the_bit():
    u, d = (np.concatenate([random_problem(seed)[i] for seed in range(50)]).astype(np.float32) for i in (0, 1))  # (200, 5)
    x = separable_prox(u, d, 0.5, L0(0.1))
    assert (x == 0).any()
    assert (x != 0).any()
    np.testing.assert_array_equal(x[x != 0], u[x != 0])


@pytest.mark.parametrize("r", RS, ids=repr)
def test_a_nan_stays_in_its_weight(r):
    u, d = random_problem(2)
    u[0, 1] = d[2, 3] = np.nan
    wrong = np.isnan(separable_prox(u, d, 0.5, r))
    assert wrong[0, 1]
    assert wrong[2, 3]
    assert wrong.sum() == 2


def test_other_penalties_are_refused():
    with pytest.raises(ValueError, match="only l0, l1 and lp have a prox with a step for each weight, and this is MCP"):
        separable_prox(np.ones(3), np.ones(3), 0.5, MCP(0.3, 3.0))


@given(seeds, lams, lams)
@often
def test_first_l1_then_group_lasso_is_the_prox_of_their_sum(seed, lam_l1, lam_group):
    u, d = random_problem(seed)
    l1, group = L1(lam_l1), GroupLasso(lam_group, groups=0)
    x = group_prox(separable_prox(u, d, 0.5, l1), d, 0.5, lam_group, 0)

    def objective(x):
        return 0.5 * (l1.value(x) + group.value(x)) + np.sum(d * (x - u) ** 2) / 2

    random, least = np.random.default_rng(seed), objective(x)
    assert objective(np.zeros_like(x)) * (1 + 1e-11) >= least
    for size in (1, 1e-2, 1e-4):
        for step in (random.standard_normal(x.shape), random.standard_normal(x.shape) * (x != 0)):
            assert objective(x + size * step) * (1 + 1e-11) >= least
