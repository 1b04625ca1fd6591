"""When weights are replaced, and what share of them, at points worked out by hand."""

import pytest

from minisgl.solver.regrowth import Regrowth


@pytest.mark.parametrize(
    ("step", "done", "share"),
    [
        (100, 0.0, 0.3),
        (200, 0.25, 0.225),  # (1 + cos 60 degrees)/2 = 3/4
        (300, 0.375, 0.15),
        (400, 0.5, 0.075),
        (500, 0.75, 0.0),
        (600, 1.0, 0.0),
        (1, 0.0, 0.0),
        (99, 0.1, 0.0),
        (101, 0.1, 0.0),
    ],
)
def test_known_points(step: int, done: float, share: float) -> None:
    assert Regrowth(100, 0.3, 0.75).share(step, done) == pytest.approx(share, abs=1e-15)
