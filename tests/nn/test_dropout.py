"""Dropout: what is kept keeps its mean, masks come from the generator alone, and evaluation changes nothing."""

import numpy as np
import pytest

from minisgl.nn import Dropout, Workspace


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_numbers_are_dropped_or_scaled(p):
    x, dy = rng().uniform(1, 2, (20, 10, 10, 5)), rng().standard_normal((20, 10, 10, 5))
    y, cache = Dropout(p).forward(x, training=True, rng=rng())
    kept = y != 0
    np.testing.assert_allclose(y[kept], x[kept] / (1 - p))
    assert abs(kept.mean() - (1 - p)) < 4 * np.sqrt(p * (1 - p) / x.size)
    np.testing.assert_allclose(Dropout(p).backward(dy, cache)[0], np.where(kept, dy / (1 - p), 0))


def test_the_mask_depends_on_the_generator_alone():
    x = np.ones((3, 4, 4, 2))
    y, _ = Dropout().forward(x, training=True, rng=rng())
    for other in (x.astype(np.float32), 2 * x):
        found, _ = Dropout().forward(other, Workspace(), training=True, rng=rng())
        np.testing.assert_array_equal(found != 0, y != 0)
    found, _ = Dropout().forward(x, training=True, rng=np.random.default_rng(4))
    assert (found != y).any()


@pytest.mark.parametrize(("p", "training"), [(0.5, False), (0.0, True)])
def test_nothing_is_dropped(p, training):
    x = rng().standard_normal((3, 2))
    y, cache = Dropout(p).forward(x, training=training)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(Dropout(p).backward(x, cache)[0], x)


def test_training_needs_a_generator():
    with pytest.raises(ValueError, match=r"dropout needs a generator in training: forward\(x, training=True, rng="):
        Dropout().forward(np.ones((2, 2)), training=True)


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_bad_probabilities_are_refused(p):
    with pytest.raises(ValueError, match="a dropout probability must be at least 0 and below 1, but is"):
        Dropout(p)
