"""Every separable penalty: its prox against brute force, its threshold against its definition, golden and known values.

Brute force (support/penalties.py) knows a penalty only through its formula, and never a closed form of its prox. The cases name
the regimes.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.penalties import brute_force, objective, r

from minisgl.penalties import L0, L1, MCP, SCAD, CappedL1, LogSum, Lp, TransformedL1

often = settings(max_examples=30, deadline=None, derandomize=True)


def logs(low, high):
    return st.floats(np.log(low), np.log(high)).map(lambda e: float(np.exp(e)))


def family(kind, low=None, high=None, **fixed):
    """(penalty, step) of lam, one shape parameter from low to high, and step."""
    name = {TransformedL1: "a", SCAD: "a", MCP: "gamma", Lp: "p", CappedL1: "theta", LogSum: "eps"}.get(kind)
    shape = {} if low is None else {name: logs(low, high)}
    return st.tuples(st.builds(kind, lam=logs(1e-3, 10), **shape, **{k: st.just(v) for k, v in fixed.items()}), logs(1e-2, 1e3))


def tiny(kind, **fixed):
    """(penalty, step) with a step * lam that is far below the weights."""
    return st.tuples(st.builds(kind, lam=st.just(1.0), **{k: st.just(v) for k, v in fixed.items()}), logs(1e-12, 1e-3))


def scaled(kind, step_of):
    """(penalty, step) whose step is step_of(penalty, u), u from 0 to 1: one regime of the prox."""
    inner = family(kind, 1.05, 20).map(lambda pair: pair[0])
    return st.tuples(inner, st.floats(1e-3, 1)).map(lambda pair: (pair[0], step_of(*pair)))


def at_gap(kind, step_of):
    """(penalty, step) whose step is step_of(penalty, gap), gap from 1e-16 to 1e-3: beside the border of a regime."""
    return st.tuples(family(kind, 1.05, 20).map(lambda pair: pair[0]), logs(1e-16, 1e-3)).map(
        lambda pair: (pair[0], step_of(*pair))
    )


def at_level(kind, low, high, level, far=100):
    """(penalty, step) with step * lam = level(penalty) * u, u from 1/far to far: both sides of the level."""
    made = st.tuples(family(kind, low, high).map(lambda pair: pair[0]), logs(1 / far, far))
    return made.map(lambda pair: (pair[0], level(pair[0]) * pair[1] / pair[0].lam))


CASES = {
    "l1": family(L1),
    "l0": family(L0),
    "tl1, both regimes": at_level(TransformedL1, 1e-3, 1e6, lambda r: r.a**2 / (2 * (r.a + 1))),
    "tl1, beside the level": at_level(TransformedL1, 1e-3, 1e6, lambda r: r.a**2 / (2 * (r.a + 1)), 1.001),
    "tl1, any a": family(TransformedL1, 1e-3, 1e6),
    "scad, step < a - 1": scaled(SCAD, lambda r, u: (r.a - 1) * u * 0.9999),
    "scad, a - 1 <= step < a + 1": scaled(SCAD, lambda r, u: r.a - 1 + 2 * (1 - u)),
    "scad, step >= a + 1": scaled(SCAD, lambda r, u: (r.a + 1) / u),
    "scad, step just below a - 1": at_gap(SCAD, lambda r, gap: (r.a - 1) * (1 - gap)),
    "mcp, step just below gamma": at_gap(MCP, lambda r, gap: r.gamma * (1 - gap)),
    "mcp, step < gamma": scaled(MCP, lambda r, u: r.gamma * u * 0.9999),
    "mcp, step >= gamma": scaled(MCP, lambda r, u: r.gamma / u),
    "mcp, gamma < 1": family(MCP, 1e-2, 1),
    "capped l1, both regimes": at_level(CappedL1, 1e-2, 1e2, lambda r: 2 * r.theta),
    "log-sum, both regimes": at_level(LogSum, 1e-2, 1e2, lambda r: r.eps**2),
    "log-sum, beside the level": at_level(LogSum, 1e-2, 1e2, lambda r: r.eps**2, 1.002),
    "log-sum, any eps": family(LogSum, 1e-3, 1e3),
    "lp": family(Lp, 0.02, 0.98),
    "lp, p near 1": family(Lp, 0.9, 0.98),
    "lp, p nearly 1": st.tuples(
        st.builds(Lp, lam=logs(1e-3, 10), p=logs(1e-9, 1e-3).map(lambda gap: 1 - gap)), logs(1e-2, 1e3)
    ),
    "l1/2": family(Lp, p=0.5),
    "l2/3": family(Lp, p=2 / 3),
    "l1/2, tiny": tiny(Lp, p=0.5),
    "l2/3, tiny": tiny(Lp, p=2 / 3),
    "log-sum, tiny": tiny(LogSum, eps=10),
    "beside l1/2": family(Lp, 0.5 - 1e-9, 0.5 + 1e-9),
    "beside l2/3": family(Lp, 2 / 3 - 1e-9, 2 / 3 + 1e-9),
}
every = pytest.mark.parametrize("case", CASES)
AROUND = np.array([0, 0.5, -0.9, 0.999, -1 + 1e-9, 1, -1 - 1e-9, 1.001, -1.02, 1.1, -1.3, 1.7, -3, 10, -100])


def points(penalty, step, more):
    """Values around the threshold, and any others."""
    return np.concatenate([AROUND * penalty.threshold(step), more])


@every
@given(data=st.data(), more=st.lists(st.floats(-10, 10), min_size=3, max_size=3))
@often
def test_brute_force_finds_nothing_lower(case, data, more):
    penalty, step = data.draw(CASES[case])
    y = points(penalty, step, more)
    here, least = objective(penalty, step, penalty.prox(y, step), y), brute_force(penalty, step, y)
    assert (here - least <= 1e-10 * np.maximum(1, least)).all()
    visible = np.abs(y) > 1e-100  # there even relative to the objective itself
    assert (here - least <= 1e-9 * least)[visible].all()


@every
@given(data=st.data(), more=st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3))
@often
def test_float32_is_as_good_to_five_digits(case, data, more):
    penalty, step = data.draw(CASES[case])
    y = points(penalty, step, more).astype(np.float32)
    x = penalty.prox(y, step)
    assert x.dtype == np.float32
    y = y.astype(np.float64)
    here, there = objective(penalty, step, x, y), objective(penalty, step, penalty.prox(y, step), y)
    assert (here - there <= 1e-5 * there + 1e-30).all()


@every
@given(data=st.data())
@often
def test_the_threshold_is_the_least_y_at_which_some_x_beats_zero(case, data):
    """x beats 0 when y > x/2 + step r(x)/x: the threshold is the least of the right side."""
    penalty, step = data.draw(CASES[case])
    t = penalty.threshold(step)
    price = lambda x: x / 2 + step * r(penalty, x) / x  # noqa: E731
    grid = t * np.geomspace(1e-11, 4, 2001)
    on_grid = np.concatenate([[np.inf], price(grid), [np.inf]])
    valleys = np.flatnonzero((on_grid[1:-1] <= on_grid[:-2]) & (on_grid[1:-1] <= on_grid[2:]))
    leasts = []
    for valley in valleys:  # at a border between regimes two of them are nearly equally deep
        x = grid[max(valley - 1, 0) : valley + 2]
        for _ in range(5):
            x = np.linspace(x[0], x[-1], 201)
            at = price(x).argmin()
            leasts.append(price(x[at]))
            x = x[max(at - 1, 0) : at + 2]
    assert t == pytest.approx(min(leasts), rel=1e-9)


@every
@given(data=st.data())
@often
def test_the_prox_leaves_zero_at_the_threshold(case, data):
    penalty, step = data.draw(CASES[case])
    t = penalty.threshold(step)
    inside = t * np.array([0, 1e-6, 0.5, 0.99, 1 - 1e-12, 1])
    assert not penalty.prox(inside, step).any()
    assert not penalty.prox(-inside, step).any()
    outside = t * np.array([1 + 1e-9, 1.001, 2, 1e3])
    assert (penalty.prox(outside, step) > 0).all()
    assert (penalty.prox(-outside, step) < 0).all()


@every
@given(data=st.data(), t=logs(1e-3, 1e3))
@often
def test_step_for_is_the_inverse_of_threshold(case, data, t):
    penalty, step = data.draw(CASES[case])
    rel = 1e-9 if isinstance(penalty, LogSum) else 1e-12
    assert penalty.step_for(penalty.threshold(step)) == pytest.approx(step, rel=rel)
    assert penalty.threshold(penalty.step_for(t)) == pytest.approx(t, rel=rel)


@every
@given(data=st.data(), w=st.lists(st.floats(-100, 100), min_size=4, max_size=4))
@often
def test_cost_and_value_are_the_formula(case, data, w):
    penalty, _ = data.draw(CASES[case])
    w = np.array([*w, 0, penalty.lam, -1.5 * penalty.lam]).reshape(7, 1)
    assert penalty.cost(w).shape == w.shape
    assert np.allclose(penalty.cost(w), r(penalty, w), rtol=1e-12, atol=1e-12 * penalty.lam**2)
    assert penalty.value(w) == pytest.approx(penalty.cost(w).sum(), rel=1e-14)
    assert isinstance(penalty.value(w), float)
