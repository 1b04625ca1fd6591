"""A user's own penalty, named module:Class on the command line, is tried once on 12 numbers.

The class is called with lam and the options, as Class(lam, a=0.5), and needs `value`, `prox` and `step_for` (base.Penalty).
docs/penalties.md shows a complete one. An error in it is reported before training starts. If its prox does not fit its value,
a warning shows a point that costs less, and training goes on.
"""

import warnings

import numpy as np

from minisgl.errors import MinisglError, MinisglWarning
from minisgl.penalties.base import Penalty
from minisgl.penalties.brute_force import beaten


def try_out(name: str, penalty: Penalty) -> None:
    """Call the methods of the penalty, as training does. MinisglError if one fails; a warning if prox does not fit value."""
    if not isinstance(penalty, Penalty):
        raise MinisglError(f"--penalty {name} is not a penalty: it must have value, prox and step_for")
    v = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    before = v.copy()
    try:
        step, out = penalty.step_for(0.1), np.empty_like(v)
        x, value = penalty.prox(v, step, out=out), penalty.value(v)
    except Exception as error:
        raise _failed(name, error) from error
    if not (np.shape(x) == v.shape and isinstance(value, float) and np.isfinite(value) and step > 0):
        got = f"step_for(0.1) = {step}, value = {value}, and a prox of shape {np.shape(x)}"
        raise MinisglError(f"--penalty {name} must give a step > 0, a value and a prox of shape (3, 4), but gives {got}")
    if not np.array_equal(v, before):
        raise MinisglError(f"--penalty {name} writes into the array v that it gets: its prox may change v only if out is v")
    rng = np.random.default_rng(0)
    try:
        sentence = beaten(penalty, rng.uniform(-0.3, 0.3, (3, 4)), step, rng)
    except Exception as error:
        raise _failed(name, error) from error
    if sentence:
        warnings.warn(f"--penalty {name}: {sentence}", MinisglWarning, stacklevel=2)


def _failed(name: str, error: Exception) -> MinisglError:
    return MinisglError(f"--penalty {name} fails on 12 numbers: {type(error).__name__}: {error}")
