"""Penalties by their names on the command line, built for one layer at a time. r is the penalty on V.

    none           no r, no group lasso              group-lasso    group lasso on W, no r
    NAME           r on V, group lasso on W          MODULE:CLASS   a user's own r, called with lam and the options

With `--v-group` the group term moves from W into the V-step, where it makes whole groups exactly zero: group lasso together
with l1 or l0, or group l0 together with any separable r. Both are exact (penalties/sparse_group.py, penalties/group_l0.py).
A new penalty is a file of its own, and one entry in _CLASSES.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

from minisgl import penalties as pen
from minisgl.errors import MinisglError
from minisgl.own import import_object
from minisgl.penalties import own
from minisgl.penalties.base import Named

_CLASSES: tuple[type[Named], ...] = (
    pen.L1, pen.L0, pen.TransformedL1, pen.L1MinusL2, pen.SCAD, pen.MCP, pen.Lp, pen.CappedL1, pen.LogSum, pen.GroupL0
)  # fmt: skip
NAMES: dict[str, type[Named]] = {cls.name: cls for cls in _CLASSES}  # every r, in the order of error messages
WITHOUT_R = ("none", pen.GroupLasso.name)
ALL = (*WITHOUT_R, *NAMES)


def has_r(name: str) -> bool:
    """Whether the penalty acts on V."""
    return name not in WITHOUT_R


def lam_cancels(name: str) -> bool:
    """Whether prox at step_for(threshold) is the same for every lam > 0. Not for SCAD and MCP: their ranges scale with lam."""
    return name in NAMES and name not in (pen.SCAD.name, pen.MCP.name)


def parse_options(words: Sequence[str]) -> dict[str, float]:
    """Return {"a": 1.0} for ["a=1.0"]. MinisglError for a word that is not NAME=NUMBER."""
    options = {}
    for word in words:
        name, equals, number = word.partition("=")
        try:
            options[name] = float(number)
        except ValueError:
            equals = ""
        if not (name.isidentifier() and equals):
            raise MinisglError(f"--penalty-option must be NAME=NUMBER, like a=1.0, but is {word}")
    if len(options) < len(words):
        raise MinisglError(f"--penalty-option names an option twice: {' '.join(words)}")
    return options


def make_r(name: str, lam: float, options: Mapping[str, float], shape: tuple[int, ...], unit_axis: int) -> pen.Penalty:
    """Return r with weight lam for a layer of that shape. MinisglError for an unknown name, option or value."""
    if name == pen.GroupL0.name:
        if options:
            raise MinisglError(f"penalty {name} has no options, but got {', '.join(options)}")
        return pen.GroupL0(lam, unit_axis, prod(shape) // shape[unit_axis])
    if name not in NAMES and ":" not in name:
        raise MinisglError(f"--penalty must be one of {', '.join(ALL)}, or module:Class, but is {name}")
    cls: Callable[..., pen.Penalty] = NAMES[name] if name in NAMES else import_object(name, "--penalty")
    defaults = NAMES[name].options if name in NAMES else {}
    try:
        penalty = cls(lam, **{**defaults, **options})
    except (TypeError, ValueError) as error:
        raise MinisglError(f"penalty {name} with {dict(options) or 'no options'} is not possible: {error}") from error
    if name not in NAMES:
        own.try_out(name, penalty)
    return penalty


def with_group(name: str, r: pen.Penalty, v_group: str, group_lam: float, unit_axis: int) -> pen.Penalty:
    """Return r plus the group term v_group, "lasso" or "l0". MinisglError for a pair without a known exact prox."""
    if v_group == "l0" and isinstance(r, pen.Separable):
        return pen.GroupL0With(r, group_lam, unit_axis)
    if v_group == "lasso" and isinstance(r, pen.L1):
        return pen.SparseGroupLasso(r.lam, group_lam, unit_axis)
    if v_group == "lasso" and isinstance(r, pen.L0):
        return pen.SparseGroupL0(r.lam, group_lam, unit_axis)
    known = "l1 and l0" if v_group == "lasso" else "separable penalties"
    raise MinisglError(f"--v-group {v_group} has an exact V-step for {known} only, not for {name}")
