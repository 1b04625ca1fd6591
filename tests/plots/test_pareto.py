"""The figure of a sweep: a place for every point, and names that do not overlap."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg

from minisgl.comparison import grid
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


def test_a_network_that_died_has_a_place_on_a_log_axis():
    nothing = Spread(0, 0, 0)
    for axes in pareto([Point("l1", "paper", Spread(90.2, 90.2, 90.2), nothing, nothing)]).axes:
        assert axes.containers[0].lines[0].get_xdata() == [1]
