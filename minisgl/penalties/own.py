"""A penalty of a user's own, named module:Class on the command line: tried out on 12 numbers before training starts.

The class is called with lam and the options, as Class(lam, a=0.5), and needs `value`, `prox` and `step_for` (base.Penalty).
docs/penalties.md shows one in full. One that cannot answer is refused. One whose prox does not fit its value gets a warning,
with a point that costs less: it may still be what its author wants.
"""

import warnings

import numpy as np

from minisgl.errors import MinisglError, MinisglWarning
from minisgl.penalties.base import Penalty
from minisgl.penalties.brute_force import beaten


def try_out(name: str, penalty: Penalty) -> None:
    """Ask the penalty for what training will ask of it. MinisglError if it cannot answer; a warning if its prox is beaten."""
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
        raise MinisglError(f"--penalty {name} must give a step > 0, a value and a prox of shape (3, 4), and gives {got}")
    if not np.array_equal(v, before):
        raise MinisglError(f"--penalty {name} writes into the array it is given: its prox must leave v alone, unless out is v")
    rng = np.random.default_rng(0)
    try:
        sentence = beaten(penalty, rng.uniform(-0.3, 0.3, (3, 4)), step, rng)
    except Exception as error:
        raise _failed(name, error) from error
    if sentence:
        warnings.warn(f"--penalty {name}: {sentence}", MinisglWarning, stacklevel=2)


def _failed(name: str, error: Exception) -> MinisglError:
    return MinisglError(f"--penalty {name} fails on 12 numbers: {type(error).__name__}: {error}")
