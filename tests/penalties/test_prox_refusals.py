"""Parameters, steps and arrays that a penalty refuses, each in a sentence; and lam = 0, which is no penalty at all."""

import re
from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from support.penalties import every, separable

from minisgl import penalties as pen

LAM = [-0.5, nan, inf, -inf]
SCALE = [0, -1.5, 1e-31, 1e31, nan, inf]
WRONG = [  # (make, name, range, wrong numbers)
    *[(kind, "lam", ">= 0", LAM) for kind in (pen.L1, pen.L0, pen.TransformedL1, pen.SCAD, pen.MCP, pen.L1MinusL2)],
    *[(lambda lam, kind=kind: kind(lam, 0.5), "lam", ">= 0", LAM) for kind in (pen.Lp, pen.CappedL1, pen.LogSum)],
    *[(lambda lam, kind=kind: kind(lam, 0), "lam", ">= 0", LAM) for kind in (pen.GroupLasso, pen.GroupL0)],
    (lambda lam: pen.GroupL0With(pen.L1(1), lam, 0), "lam_group", ">= 0", LAM),
    (lambda lam: pen.SparseGroupLasso(lam, 1, 0), "lam_l1", ">= 0", LAM),
    (lambda lam: pen.SparseGroupLasso(1, lam, 0), "lam_group", ">= 0", LAM),
    (lambda lam: pen.SparseGroupL0(lam, 1, 0), "lam_l0", ">= 0", LAM),
    (lambda lam: pen.SparseGroupL0(1, lam, 0), "lam_group", ">= 0", LAM),
    (lambda a: pen.TransformedL1(1, a), "a", "from 1e-30 to 1e30", SCALE),
    (lambda a: pen.SCAD(1, a), "a", "above 1 and at most 1e30", [1, 0.5, 1e31, nan, inf]),
    (lambda gamma: pen.MCP(1, gamma), "gamma", "from 1e-30 to 1e30", SCALE),
    (lambda theta: pen.CappedL1(1, theta), "theta", "from 1e-30 to 1e30", SCALE),
    (lambda eps: pen.LogSum(1, eps), "eps", "from 1e-30 to 1e30", SCALE),
    (lambda p: pen.Lp(1, p), "p", "above 0 and below 1", [0, 1, -0.5, 1.5, nan, inf]),
    (lambda alpha: pen.L1MinusL2(1, alpha), "alpha", "from 0 to 1", [-0.1, 1.1, nan, inf]),
]


@pytest.mark.parametrize(("make", "name", "bounds", "wrong"), WRONG)
def test_a_wrong_parameter_is_named_with_its_range(make, name, bounds, wrong):
    for number in wrong:
        with pytest.raises(ValueError, match=rf"^{name} must be .*{bounds}.* {re.escape(str(number))}$"):
            make(number)


@every
@pytest.mark.parametrize("step", [0, -1, nan, inf])
def test_a_wrong_step_is_refused(penalty, step):
    with pytest.raises(ValueError, match=f"^step must be a number > 0, but is {step}$"):
        penalty.prox(np.ones((2, 2)), step)


@every
def test_groups_that_are_no_axes_are_refused(penalty):
    if not hasattr(penalty, "groups"):
        return
    for groups in (2, -3, (0, 0), 0.5):
        wrong = replace(penalty, groups=groups)
        with pytest.raises(ValueError, match=r"groups must be different axes of an array with 2 axes, but is "):
            wrong.prox(np.ones((2, 2)), 1)


@separable
def test_an_out_of_another_shape_is_refused(penalty):
    with pytest.raises(ValueError, match=r"out must have v's shape \(2, 3\) and dtype float64, but has \(3, 2\)"):
        penalty.prox(np.ones((2, 3)), 1, out=np.ones((3, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lam_zero_changes_no_group(dtype):
    v = np.array([[1e-30, 2e-30], [1, -3], [0, 1e-9]], dtype)
    free = [pen.GroupLasso(0, 0), pen.GroupL0(0, 0), pen.SparseGroupLasso(0, 0, 0), pen.SparseGroupL0(0, 0, 0)]
    for penalty in [*free, pen.L1MinusL2(0)]:
        assert np.array_equal(penalty.prox(v, 2), v)


def test_group_l0_needs_a_size_for_its_step_and_keeps_to_it():
    v = np.ones((3, 4))
    assert pen.GroupL0(0.5, 0).prox(v, 1).any()
    with pytest.raises(ValueError, match="depends on how many weights a group has: give GroupL0 its size"):
        pen.GroupL0(0.5, 0).step_for(0.1)
    for ask in (pen.GroupL0(0.5, 1, 4).value, lambda v: pen.GroupL0(0.5, 1, 4).prox(v, 1)):
        with pytest.raises(ValueError, match=r"groups must have the size 4, but those of an array of shape \(3, 4\) have 3"):
            ask(v)
    for size in (0, -1, 2.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"size must be a whole number >= 1, but is {size}"):
            pen.GroupL0(0.5, 0, size)
    with pytest.raises(ValueError, match="lam must be a number > 0, but is 0"):
        pen.GroupL0(0, 0, 4).step_for(0.1)


@separable
def test_lam_zero_changes_nothing_and_has_no_step_for(penalty):
    fields = {name: value for name, value in vars(penalty).items() if name != "lam"}
    free, v = type(penalty)(0, **fields), np.array([-1, 0, 1e-30, 3])
    assert np.allclose(free.prox(v, 1), v, rtol=1e-14, atol=0)
    assert (free.value(v), free.threshold(1)) == (0, 0)
    with pytest.raises(ValueError, match=r"lam must be a number > 0, but is 0"):
        free.step_for(0.1)
