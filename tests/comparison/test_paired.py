"""The tests on paired results, against their definitions: every choice of signs, and Holm's procedure step by step."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sweeps import made_up

from minisgl.comparison.paired import compare, holm, sign_flip_test, sign_test


@pytest.mark.parametrize(("positive", "negative", "zero"), [(10, 0, 0), (9, 1, 0), (5, 5, 0), (0, 3, 4), (7, 2, 1), (0, 0, 3)])
def test_the_sign_test_counts_the_likelier_halves(positive, negative, zero):
    n, most = positive + negative, max(positive, negative)
    tail = sum(comb(n, k) for k in range(most, n + 1)) / 2**n
    found = sign_test([0.1] * positive + [-2.0] * negative + [0.0] * zero)
    assert found == pytest.approx(min(2 * tail, 1.0), abs=1e-12)


@given(st.lists(st.integers(-4, 4), max_size=9))
def test_the_sign_flip_test_is_exact_for_few_differences(d):
    sums = [sum(s * x for s, x in zip(signs, d, strict=True)) for signs in product((-1, 1), repeat=len(d))]
    tails = [np.mean([total >= sum(d) for total in sums]), np.mean([total <= sum(d) for total in sums])]
    assert sign_flip_test(d) == pytest.approx(min(2 * min(tails), 1.0), abs=1e-12)


def test_with_many_differences_random_signs_come_near_the_normal_distribution():
    d = np.repeat([1, -1], [220, 180])
    exact = sign_test(d)  # all differences have one size, so that both tests are the same
    assert sign_flip_test(d, drawn=20_000) == pytest.approx(exact, rel=0.1)
    assert sign_flip_test(d, drawn=2_000) == sign_flip_test(d, drawn=2_000) != sign_flip_test(d, seed=1, drawn=2_000)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_goes_from_the_smallest_up_and_stops_where_one_is_not_significant(p):
    for level in (0.01, 0.05, 0.3):
        rejected = set[int]()
        for step, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(i)
        assert {i for i, corrected in enumerate(holm(p)) if corrected <= level} == rejected


def test_two_methods_are_compared_by_seed_and_by_image():
    ours = [made_up(seed, test_error=0.7, wrong=(1, 2, 3)) for seed in range(6)]
    theirs = [made_up(seed, test_error=0.6 if seed else 0.8, wrong=(1,)) for seed in reversed(range(6))]
    over_seeds, over_images = compare(ours, theirs)
    assert over_seeds == sign_test([-1, 1, 1, 1, 1, 1])
    assert over_images == sign_flip_test([6, 6]) == 0.5
    with pytest.raises(ValueError, match=r"\[0, 1, 2, 3, 4, 5\] and \[0, 1, 2, 3, 4\]"):
        compare(ours, [run for run in theirs if run.seed < 5])
    with pytest.raises(ValueError, match="wrong images"):
        compare(ours, [made_up(seed) for seed in range(6)])
