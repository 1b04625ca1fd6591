"""A test for your own penalty: `check_prox(penalty)` compares its prox with brute force and checks how it treats arrays.

    from minisgl.testing import check_prox

    def test_my_penalty():
        check_prox(MyPenalty(0.5))

It works with any object that has `value` and `prox`, on small arrays of float64 and float32.
"""

from collections.abc import Sequence

import numpy as np

from minisgl.penalties.base import Penalty
from minisgl.penalties.brute_force import beaten

SHAPES = ((1, 1), (1, 4), (3, 2))
SIZES = (0.02, 0.5, 4.0)  # of v's entries
STEPS = (0.05, 0.7, 3.0)


def check_prox(penalty: Penalty, shapes: Sequence[tuple[int, ...]] = SHAPES, seed: int = 0) -> None:
    """Check `penalty` on nine random arrays of each shape. Raise AssertionError, which says where, at the first failure.

    - prox(v, step) costs no more than any other point that brute_force.py tries: "your prox is beaten at v = ..."
    - value is a finite float, at least 0
    - prox gives an array of v's shape and dtype, and leaves v as it is
    - with out=array it writes there and returns that array; out may be v itself
    """
    rng = np.random.default_rng(seed)
    for shape in shapes:
        for size in SIZES:
            for step in STEPS:
                v = size * rng.normal(size=shape)
                _check_interface(penalty, v.astype(np.float32), step)
                _check_interface(penalty, v, step)
                if sentence := beaten(penalty, v, step, rng):
                    raise AssertionError(sentence)


def _check_interface(penalty: Penalty, v: np.ndarray, step: float) -> None:
    before, where = v.copy(), f"at v = {v.tolist()} ({v.dtype}), step {step:g}"
    value = penalty.value(v)
    if not (isinstance(value, float) and np.isfinite(value) and value >= 0):
        raise AssertionError(f"value must be a finite float >= 0, but is {value!r} {where}")
    x = penalty.prox(v, step)
    got = f"{type(x).__name__} of {getattr(x, 'dtype', None)} and shape {np.shape(x)}"
    if not (isinstance(x, np.ndarray) and x.shape == v.shape and x.dtype == v.dtype):
        raise AssertionError(f"prox must give an array of v's shape {v.shape} and dtype {v.dtype}, but gives {got}")
    if not np.array_equal(v, before):
        raise AssertionError(f"prox must leave v as it is, but changes it {where}")
    out = np.full_like(v, 7)
    if penalty.prox(v, step, out=out) is not out or not np.array_equal(out, x, equal_nan=True):
        raise AssertionError(f"prox must write into out and return it, but does not {where}")
    if not np.array_equal(v, before):
        raise AssertionError(f"prox must leave v as it is, but changes it when out is given {where}")
    if not np.array_equal(penalty.prox(v, step, out=v), x, equal_nan=True):
        raise AssertionError(f"prox must give the same when out is v itself, but does not {where}")
