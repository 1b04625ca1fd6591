"""Known numbers: the golden values of the papers' formulas, values and thresholds by hand, and float32 at its ends."""

from math import sqrt

import numpy as np
import pytest

from minisgl.penalties import L0, L1, MCP, SCAD, CappedL1, L1MinusL2, LogSum, Lp, TransformedL1

HALF, THIRDS = Lp(1, 0.5), Lp(1, 2 / 3)
GOLDEN = [  # (penalty, step, y, prox), from MATH.md
    (TransformedL1(0.2, 1), 1, [1.3], [1.2187459865]),
    (TransformedL1(0.5, 1), 1, [1.6, 0.9], [1.4307541953, 0]),
    (HALF, 1, [2], [1.6053779405]),
    (THIRDS, 1, [2, 1.47], [1.4047345873, 0]),
    (SCAD(0.5, 3.7), 1, [0.8, 1.2, 2], [0.3, 0.8176470588, 2]),
    (SCAD(0.5, 3.7), 0.4, [1.2], [1.0869565217]),
    (MCP(0.5, 3), 1, [0.4, 1.2, 2], [0, 1.05, 2]),
    (CappedL1(0.5, 1), 1, [1.2, 1.3], [0.7, 1.3]),
    (LogSum(0.5, 0.5), 1, [1.5], [1.2071067812]),
    (L1(0.5), 0.5, [0.25, 0.5, 2], [0, 0.25, 1.75]),  # these two by hand
    (L0(0.5), 0.25, [0.5, 0.51], [0, 0.51]),
]


@pytest.mark.parametrize(("penalty", "step", "y", "x"), GOLDEN, ids=repr)
def test_golden_values(penalty, step, y, x):
    assert np.allclose(penalty.prox(np.array(y, float), step), x, rtol=0, atol=1e-9)
    assert np.allclose(penalty.prox(-np.array(y, np.float32), step), -np.array(x), rtol=0, atol=1e-6)


VALUES = [  # (penalty, w, value), by hand
    (L1(0.5), [3, -4, 0], 3.5),
    (L0(0.5), [3, -4, 0, 1e-30], 1.5),
    (TransformedL1(0.5, 1), [1, -3, 0], 0.5 * (1 + 1.5)),  # r(1) = 1 for every a
    (TransformedL1(2, 1e-3), [1, -1], 4),
    (SCAD(1, 3), [0.5, -2, 3, -9], 0.5 + 7 / 4 + 2 + 2),
    (MCP(1, 2), [1, -2, 9], 0.75 + 1 + 1),
    (Lp(3, 0.5), [4, -9, 0], 15),
    (Lp(3, 2 / 3), [8, -27], 3 * (4 + 9)),
    (CappedL1(2, 1.5), [1, -4, 0], 5),
    (LogSum(2, 0.5), [0.5 * (np.e - 1), 0], 2),
]


@pytest.mark.parametrize(("penalty", "w", "value"), VALUES, ids=repr)
def test_value_at_known_points(penalty, w, value):
    assert penalty.value(np.array(w, float)) == pytest.approx(value, rel=1e-14)


THRESHOLDS = [  # (penalty, step, threshold): the paper's, at beta = 25 lam, and large steps
    (L1(0.1), 0.4, 0.04),
    (L0(0.1), 0.4, sqrt(0.08)),
    (TransformedL1(0.1, 1), 0.4, 0.08),
    (SCAD(1e-4, 3.7), 24_000, 1e-4 * sqrt(24_000 * 4.7)),
    (MCP(1e-4, 3), 24_000, 1e-4 * sqrt(24_000 * 3)),
    (Lp(1, 0.5), 1, 1.5),
    (Lp(1, 2 / 3), 1, 2 * (2 / 3) ** 0.75),
    (CappedL1(1, 0.25), 8, 2),
]


@pytest.mark.parametrize(("penalty", "step", "threshold"), THRESHOLDS, ids=repr)
def test_known_thresholds(penalty, step, threshold):
    assert penalty.threshold(step) == pytest.approx(threshold, rel=1e-12)


HUGE = [
    TransformedL1(0.3, 1e30),
    TransformedL1(0.3),
    LogSum(0.3, 1e30),
    LogSum(0.3, 1),
    Lp(0.3, 0.5),
    Lp(0.3, 2 / 3),
    Lp(0.3, 0.3),
]


@pytest.mark.parametrize("penalty", HUGE, ids=repr)
def test_float32_stays_in_range_where_squares_would_not(penalty):
    v = np.array([0, 1, -5, 1e20, -1e30], np.float32)
    x = penalty.prox(v, 1.0)
    assert np.isfinite(x).all()
    np.testing.assert_allclose(x, penalty.prox(v.astype(np.float64), 1.0), rtol=1e-5)


def test_the_length_of_tiny_weights_does_not_underflow():
    tiny = np.array([3e-25, 4e-25], np.float32)  # their squares are below every float32
    assert L1MinusL2(1.0).value(tiny) == pytest.approx(2e-25, rel=1e-5)
