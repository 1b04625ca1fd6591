"""Densities by layer: they add up to the wanted number of weights, none is above 1, and ERK is its definition."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisgl.solver.densities import densities, kept_by_layer

LENET5 = [(20, 1, 5, 5), (50, 20, 5, 5), (500, 800), (10, 500)]
SHAPES = st.lists(st.one_of(st.tuples(*[st.integers(1, 40)] * 2), st.tuples(*[st.integers(1, 8)] * 4)), min_size=1, max_size=6)


def by_bisection(shapes, kept: int) -> list[float]:
    """min(1, eps * raw) by the definition, with eps searched for."""
    sizes = np.array([prod(shape) for shape in shapes])
    raw = np.array([sum(shape) for shape in shapes]) / sizes
    low, high = 0.0, 1 / raw.min()
    for _ in range(200):
        eps = (low + high) / 2
        low, high = (eps, high) if (np.minimum(1, eps * raw) * sizes).sum() < kept else (low, eps)
    return list(np.minimum(1, low * raw))


@given(SHAPES, st.floats(0, 1))
def test_erk_is_its_definition(shapes, share: float) -> None:
    kept = round(share * sum(map(prod, shapes)))
    found = densities(shapes, kept, "erk")
    assert found == pytest.approx(by_bisection(shapes, kept), abs=1e-9)
    assert all(0 <= d <= 1 for d in found)


@given(SHAPES, st.floats(0.001, 0.999), st.sampled_from(["erk", "uniform"]))
def test_the_kept_weights_add_up_exactly_and_none_is_kept_twice(shapes, sparsity: float, kind: str) -> None:
    sizes = [prod(shape) for shape in shapes]
    kept = kept_by_layer(shapes, sparsity, kind)
    zeros = sum(sizes) - sum(kept)
    assert zeros - 1 < Fraction(sparsity) * sum(sizes) <= zeros or zeros == pytest.approx(sparsity * sum(sizes), rel=1e-12)
    assert all(0 <= k <= size for k, size in zip(kept, sizes, strict=True))
    for k, d, size in zip(kept, densities(shapes, sum(kept), kind), sizes, strict=True):
        assert abs(k - d * size) < 1 + 1e-6


def test_uniform_is_the_same_share_everywhere_and_erk_spares_small_layers() -> None:
    assert kept_by_layer(LENET5, 0.9, "uniform") == [50, 2500, 40000, 500]
    assert [d == 1 for d in densities(LENET5, 43_050, "erk")] == [True, False, False, True]
    assert kept_by_layer(LENET5, 0.984, "erk")[2] < 0.016 * 400_000
    # by hand: eps (10 + 10 + 17) = 12, and the density is eps times 10/16 or 17/16
    assert densities([(8, 2), (2, 8), (16, 1)], 12, "erk") == pytest.approx([12 * d / 592 for d in (10, 10, 17)])
