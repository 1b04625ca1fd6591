"""Schedules: both regimes at points worked out by hand, and the shape of the curves between them."""

from dataclasses import replace
from itertools import pairwise
from math import cos, isclose, pi

import pytest

from minisgl.penalties import L0
from minisgl.solver.schedules import CappedBeta, Continuation, Stepwise

EPOCH = 600  # steps: 60,000 images in batches of 100
PAPER = Stepwise(lr=1e-3, lr_drops=(40, 80, 120, 160), beta=2.5 / 60_000, growth=1.25, beta_every=40)
OURS = Continuation(lr=2e-3, beta=0.01, rise=100.0, thresholds={"conv1": 0.1, "fc1": 0.2}, ramp=0.6)


def paper(epoch, step=0):
    return PAPER.at(epoch * EPOCH + step, EPOCH, 200 * EPOCH)


# ---- the paper's


@pytest.mark.parametrize("period", range(5))
def test_paper_at_the_first_and_last_step_of_every_period(period):
    for one in (paper(40 * period), paper(40 * period + 39, EPOCH - 1)):
        assert isclose(one.beta, 2.5 / 60_000 * 1.25**period, rel_tol=1e-14)
        assert isclose(one.lr, 1e-3 * 0.1**period, rel_tol=1e-14)
        assert one.thresholds is None


def test_paper_threshold_falls_as_beta_grows():
    """MATH.md: l0's threshold sqrt(2 lam/beta) goes from 0.283 to 0.181 over the run."""
    penalty = L0(0.1 / 60_000)
    assert round(penalty.threshold(1 / paper(0).beta), 3) == 0.283
    assert round(penalty.threshold(1 / paper(199, EPOCH - 1).beta), 3) == 0.181


def test_learning_rate_and_beta_keep_to_their_own_periods():
    schedule = Stepwise(lr=1.0, lr_drops=(1, 4), beta=1.0, growth=2.0, beta_every=3)
    settings = [schedule.at(7 * epoch, 7, 49) for epoch in range(7)]
    assert [m.beta for m in settings] == [1, 1, 1, 2, 2, 2, 4]
    assert [round(m.lr, 6) for m in settings] == [1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]


def test_published_settings_of_wide_residual_networks():
    """lr 0.1, x 0.2 after 60, 120 and 160 epochs."""
    schedule = Stepwise(lr=0.1, lr_drops=(60, 120, 160), beta=8e-7, growth=1.25, beta_every=20, factor=0.2)
    settings = [schedule.at(390 * epoch + 389, 390, 78_000) for epoch in (0, 59, 60, 119, 120, 159, 160, 199)]
    assert [m.lr for m in settings] == pytest.approx([0.1, 0.1, 0.02, 0.02, 0.004, 0.004, 0.0008, 0.0008], rel=1e-14)
    assert settings[-1].beta == pytest.approx(8e-7 * 1.25**9)


def test_without_drops_the_learning_rate_stays():
    schedule = Stepwise(lr=0.5, lr_drops=(), beta=1.0, growth=1.0, beta_every=1)
    assert {schedule.at(step, 2, 20)[:2] for step in range(20)} == {(0.5, 1.0)}


# ---- continuation


@pytest.mark.parametrize("steps", [1000, 4800])
@pytest.mark.parametrize(
    ("t", "height", "beta", "lr"),
    [
        (0, 0, 0.01, 2e-3),
        (0.15, 0.25, 0.01, 2e-3 * 0.9455032620941839),  # (1 + cos 27 degrees) / 2
        (0.3, 0.5, 0.01, 2e-3 * 0.7938926261462366),  # 54 degrees
        (0.5, 5 / 6, 0.01, 1e-3),
        (0.6, 1, 0.01, 2e-3 * 0.3454915028125263),  # 108 degrees
        (0.8, 1, 0.1, 2e-3 * 0.09549150281252627),  # half way up, a tenth of the rise's logarithm left
    ],
)
def test_continuation_at_known_points(steps, t, height, beta, lr):
    one = OURS.at(round(t * steps), EPOCH, steps)
    assert one.thresholds == pytest.approx({"conv1": 0.1 * height, "fc1": 0.2 * height}, rel=1e-12)
    assert one.beta == pytest.approx(beta, rel=1e-12)
    assert one.lr == pytest.approx(lr, rel=1e-12)


def test_a_held_learning_rate_falls_by_half_a_cosine_in_the_rest_of_the_run():
    held = replace(OURS, hold=0.6)
    settings = [held.at(step, EPOCH, 100) for step in range(100)]
    assert {one.lr for one in settings[:61]} == {2e-3}
    assert [settings[step].lr for step in (70, 80, 90)] == pytest.approx(
        [2e-3 * (1 + c) / 2 for c in (0.5**0.5, 0, -(0.5**0.5))]
    )
    assert settings[99].lr == pytest.approx(2e-3 * (1 - cos(pi / 40)) / 2)
    assert [one[1:] for one in settings] == [OURS.at(step, EPOCH, 100)[1:] for step in range(100)]


@pytest.mark.parametrize("hold", [0.0, 0.1, 0.2, 0.6])
def test_a_warm_up_rises_linearly_and_the_cosine_falls_from_the_later_of_its_end_and_hold(hold):
    one = replace(OURS, warmup=0.2, hold=hold)
    lrs = [one.at(step, EPOCH, 100).lr for step in range(100)]
    top = max(0.2, hold)
    assert lrs[:20] == pytest.approx([2e-3 * (k + 1) / 20 for k in range(20)], rel=1e-14)
    assert lrs[20:] == [replace(OURS, hold=top).at(step, EPOCH, 100).lr for step in range(20, 100)]
    assert max(lrs) == 2e-3 == lrs[round(100 * top)]
    assert min(lrs) > 0
    assert [one.at(step, EPOCH, 100)[1:] for step in range(100)] == [OURS.at(step, EPOCH, 100)[1:] for step in range(100)]


def test_a_warm_up_of_less_than_a_step_is_none():
    short = replace(OURS, warmup=1e-6)
    assert [short.at(step, 10, 100).lr for step in range(100)] == pytest.approx(
        [OURS.at(step, 10, 100).lr for step in range(100)], rel=1e-5
    )


def test_beta_rises_by_rise_in_all():
    """The last step is one short of t = 1: it misses the end by that step's share of the rise."""
    steps = 4800
    last, before = (OURS.at(steps - k, EPOCH, steps).beta for k in (1, 2))
    assert last * (last / before) == pytest.approx(0.01 * 100)
    assert last < 1


def test_continuation_depends_on_the_fraction_of_the_run_alone():
    assert OURS.at(300, 10, 1000) == OURS.at(300, 999, 1000) == OURS.at(600, 10, 2000)


@pytest.mark.parametrize("hold", [0.0, 0.5])
@pytest.mark.parametrize("ramp", [0.1, 0.6, 0.95])
def test_continuation_is_monotone(ramp, hold):
    schedule = Continuation(lr=1.0, beta=0.01, rise=50.0, thresholds={"a": 0.3}, ramp=ramp, hold=hold)
    settings = [schedule.at(step, 10, 400) for step in range(400)]
    for earlier, later in pairwise(settings):
        assert earlier.lr >= later.lr > 0
        assert earlier.lr > later.lr or later.lr == 1.0
        assert earlier.beta <= later.beta < 0.5 * (1 + 1e-12)
        assert earlier.thresholds["a"] <= later.thresholds["a"] <= 0.3
    ramping = [m for m in settings if m.thresholds["a"] < 0.3]
    assert {m.beta for m in ramping} == {0.01}  # beta waits for the ramp's end
    slopes = [later.thresholds["a"] - earlier.thresholds["a"] for earlier, later in pairwise(ramping)]
    assert slopes == pytest.approx([0.3 / (400 * ramp)] * len(slopes))


def test_a_schedule_does_not_change():
    first = OURS.at(10, EPOCH, 1000)
    first.thresholds["conv1"] = 99.0
    assert OURS.at(10, EPOCH, 1000).thresholds["conv1"] < 0.1


# ---- with SGD

REACHING = [replace(OURS, lr=1.0, rise=1e6), replace(PAPER, lr=500.0, beta=0.5)]  # lr beta is above 1 in some steps


@pytest.mark.parametrize("schedule", [PAPER, OURS, *REACHING], ids=str)
def test_with_sgd_beta_is_at_most_one_over_lr(schedule):
    settings = [(schedule.at(step, 10, 400), CappedBeta(schedule).at(step, 10, 400)) for step in range(400)]
    for one, capped in settings:
        assert capped == (one if one.lr * one.beta <= 1 else one._replace(beta=1 / one.lr))
    assert all(one == capped for one, capped in settings) == (schedule not in REACHING)


def test_a_capped_coupling_does_not_carry_w_beyond_v():
    lr, v = 0.5, 1.0
    for beta, beyond in ((1.9, False), (2.1, True), (100.0, True)):
        capped = CappedBeta(Stepwise(lr, (), beta, 1.0, 1)).at(0, 1, 1).beta
        for w in (0.3, 1.7):
            plain, ours = (w - lr * b * (w - v) for b in (beta, capped))
            assert ((plain - v) * (w - v) < 0) == beyond
            assert (ours - v) * (w - v) >= 0
