"""The figure of a sweep: a place for every point, and names that do not overlap."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

from minisgl.comparison import grid, results, tables
from minisgl.plots.equal_zeros import errors
from minisgl.plots.sweep import PUBLISHED, Point, Spread, pareto


def test_the_figure_has_every_point_and_every_published_name_apart():
    spread = Spread(0.8, 0.7, 0.9)
    weights, flops = Spread(17_000, 16_000, 18_000), Spread(600e3, 590e3, 610e3)
    points = [Point(m, r, spread, weights, flops) for m, r in grid.SETTINGS]
    figure = pareto(points)
    FigureCanvasAgg(figure).draw()
    for axes, wanted in zip(figure.axes, ("fewer", "flops"), strict=True):
        assert len(axes.containers) == len(points)
        names = {text.get_text(): text.get_window_extent() for text in axes.texts}
        published = [other.short for other in PUBLISHED if getattr(other, wanted)]
        assert set(published) <= set(names)
        for one, other in combinations(published, 2):
            assert not names[one].overlaps(names[other]), (one, other)


def test_the_bars_reach_from_the_least_to_the_most():
    error, weights, flops = Spread(1.5, 1.0, 4.0), Spread(60, 50, 90), Spread(600, 200, 700)
    for axes, x in zip(pareto([Point("l0", "paper", error, weights, flops)]).axes, (weights, flops), strict=True):
        (container,) = axes.containers
        marker, _, (across, upright) = container.lines
        np.testing.assert_allclose(marker.get_xydata(), [[x.mean, error.mean]])
        np.testing.assert_allclose(across.get_segments(), [[[x.least, error.mean], [x.most, error.mean]]])
        np.testing.assert_allclose(upright.get_segments(), [[[x.mean, error.least], [x.mean, error.most]]])


def test_a_network_that_died_has_a_place_on_a_log_axis():
    nothing = Spread(0, 0, 0)
    for axes in pareto([Point("l1", "paper", Spread(90.2, 90.2, 90.2), nothing, nothing)]).axes:
        assert axes.containers[0].lines[0].get_xdata() == [1]


def test_the_axis_has_the_weights_of_the_network_that_was_trained():
    point = Point("l0", "paper", Spread(1, 1, 1), Spread(60, 50, 70), Spread(600, 500, 700))
    left, right = pareto([point], 13_328, with_published=False).axes
    assert left.get_xlabel() == "weights that are not zero, of 13,328"
    for axes in (left, right):
        assert not {text.get_text() for text in axes.texts} & {other.short for other in PUBLISHED}
    assert pareto([point], None).axes[0].get_xlabel() == "weights that are not zero"


def test_the_weights_of_the_network_are_those_of_the_results():
    runs = results.read(Path(__file__).parents[2] / "docs" / "results.jsonl")
    assert tables.total(runs) == 430_500
    assert tables.like(runs)
    assert tables.total([replace(runs[0], weights_left=3_332, zeros=75.0)]) == 13_328
    assert tables.total([replace(runs[0], weights_left=0, zeros=100.0)]) is None
    assert not tables.like([replace(runs[0], config={**runs[0].config, "experiment": "shaky-curves"})])
    assert not tables.like([replace(runs[0], config={**runs[0].config, "data": "fashion"})])


def test_where_all_runs_have_as_many_zeros_every_run_is_a_dot_and_the_best_method_is_on_top():
    figure = errors({"l1": [12.0, 11.0], "l0": [10.0, 11.0]}, "90 % are zero.")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["l0", "l1"]
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    means, runs = drawn[::2], drawn[1::2]
    assert [x for x, _ in means] == [[10.5, 10.5], [11.5, 11.5]]
    assert runs == [([10.0, 11.0], [0, 0]), ([12.0, 11.0], [1, 1])]
    assert [text.get_text() for text in axes.texts] == ["10.50", "11.50"]
    assert axes.yaxis_inverted()
    assert axes.get_title(loc="left") == "90 % are zero."
