"""Penalties by the names that the command line gives them, for one layer at a time.

    none           no r, no group lasso              group-lasso    group lasso on W, no r
    NAME           r on V, group lasso on W          MODULE:CLASS   a user's own r, called with lam and the options

With `--v-group` the group term moves from W into the V-step, where it makes whole groups exactly zero: group lasso together
with l1 or l0, or group l0 together with any separable r. Both are exact (penalties/sparse_group.py, penalties/group_l0.py).
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from minisgl.errors import MinisglError
from minisgl.penalties import (
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    GroupL0,
    GroupL0With,
    L1MinusL2,
    LogSum,
    Lp,
    Penalty,
    Separable,
    SparseGroupL0,
    SparseGroupLasso,
    TransformedL1,
)

# Each with the options that it has no default of its own for.
NAMES: dict[str, tuple[Callable[..., Penalty], dict[str, float]]] = {
    "l1": (L1, {}),
    "l0": (L0, {}),
    "tl1": (TransformedL1, {}),
    "l1-l2": (L1MinusL2, {}),
    "scad": (SCAD, {}),
    "mcp": (MCP, {}),
    "lp": (Lp, {"p": 0.5}),
    "capped-l1": (CappedL1, {"theta": 0.1}),
    "log-sum": (LogSum, {"eps": 0.1}),
}
WITHOUT_R = ("none", "group-lasso")
ALL = (*WITHOUT_R, *NAMES, "group-l0")


def has_r(name: str) -> bool:
    """Whether the penalty acts on V."""
    return name not in WITHOUT_R


def parse_options(words: Sequence[str]) -> dict[str, float]:
    """{"a": 1.0} of ["a=1.0"]. MinisglError for a word that is not NAME=NUMBER."""
    options = {}
    for word in words:
        name, equals, number = word.partition("=")
        try:
            options[name] = float(number)
        except ValueError:
            equals = ""
        if not (name.isidentifier() and equals):
            raise MinisglError(f"--penalty-option must be NAME=NUMBER, like a=1.0, and is {word}")
    if len(options) < len(words):
        raise MinisglError(f"--penalty-option names an option twice: {' '.join(words)}")
    return options


def _class(name: str) -> tuple[Callable[..., Penalty], dict[str, float]]:
    if name in NAMES:
        return NAMES[name]
    module, colon, cls = name.partition(":")
    if not colon:
        raise MinisglError(f"--penalty must be one of {', '.join(ALL)}, or module:Class, and is {name}")
    try:
        return getattr(importlib.import_module(module), cls), {}
    except Exception as error:  # a user's module: what can go wrong in it nobody knows
        raise MinisglError(f"--penalty {name} cannot be imported: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class LayerGroupL0(GroupL0):
    """Group l0 on a layer whose groups have `size` weights each, so that it can answer for a threshold."""

    size: int = 1

    def step_for(self, threshold: float) -> float:
        """The step at which every group whose root mean square is up to `threshold` becomes 0."""
        return threshold * threshold * self.size**0.5 / (2 * self.lam)  # ||w_g||^2 = n t^2 = 2 step lam sqrt(n)


def make_r(name: str, lam: float, options: Mapping[str, float], shape: tuple[int, ...], unit_axis: int) -> Penalty:
    """r with weight lam for a layer of that shape. MinisglError for an unknown name, option or value."""
    if name == "group-l0":
        if options:
            raise MinisglError(f"penalty group-l0 has no options, and got {', '.join(options)}")
        return LayerGroupL0(lam, unit_axis, prod(shape) // shape[unit_axis])
    cls, defaults = _class(name)
    try:
        penalty = cls(lam, **{**defaults, **options})
    except (TypeError, ValueError) as error:
        raise MinisglError(f"penalty {name} with {dict(options) or 'no options'} is not possible: {error}") from error
    if name not in NAMES:
        _try_out(name, penalty)
    return penalty


def _try_out(name: str, penalty: Penalty) -> None:
    """Ask a user's penalty once for what training will ask of it. MinisglError if it cannot answer."""
    if not isinstance(penalty, Penalty):
        raise MinisglError(f"--penalty {name} is no penalty: it must have value, prox and step_for")
    v = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    before = v.copy()
    try:
        step, out = penalty.step_for(0.1), np.empty_like(v)
        x, value = penalty.prox(v, step, out=out), penalty.value(v)
    except Exception as error:
        raise MinisglError(f"--penalty {name} fails on 12 numbers: {type(error).__name__}: {error}") from error
    if not (np.shape(x) == v.shape and isinstance(value, float) and np.isfinite(value) and step > 0):
        got = f"step_for(0.1) = {step}, value = {value}, and a prox of shape {np.shape(x)}"
        raise MinisglError(f"--penalty {name} must give a step > 0, a value and a prox of shape (3, 4), and gives {got}")
    if not np.array_equal(v, before):
        raise MinisglError(f"--penalty {name} writes into the array it is given: its prox must leave v alone, unless out is v")


def with_group(name: str, r: Penalty, v_group: str, group_lam: float, unit_axis: int) -> Penalty:
    """r together with the group term v_group, "lasso" or "l0". MinisglError for a pair whose prox is not known exactly."""
    if v_group == "l0" and isinstance(r, Separable):
        return GroupL0With(r, group_lam, unit_axis)
    if v_group == "lasso" and isinstance(r, L1):
        return SparseGroupLasso(r.lam, group_lam, unit_axis)
    if v_group == "lasso" and isinstance(r, L0):
        return SparseGroupL0(r.lam, group_lam, unit_axis)
    known = "l1 and l0" if v_group == "lasso" else "separable penalties"
    raise MinisglError(f"--v-group {v_group} has an exact V-step for {known} only, not for {name}")
