"""Nested dataclasses as one flat table of JSON values: how a configuration is written and read.

    Outer(a=1, part=Part(b=(2, 3)))    <->    {"a": 1, "b": [2, 3]}

A field that holds a dataclass gives its own fields to the table, so their names differ from all others. Where one of several
dataclasses may stand, the first field tells them apart: each has another type of it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from minisgl.errors import MinisglError

P = TypeVar("P")


def as_flags(part: Any) -> dict[str, Any]:
    """A dataclass as a flat table of JSON values."""
    values: dict[str, Any] = {}
    for name in (f.name for f in fields(part)):
        value = getattr(part, name)
        if is_dataclass(value):
            values |= as_flags(value)
        elif isinstance(value, Path):  # whole: the table is read from other folders than it was written from
            values[name] = str(value.resolve())
        else:
            values[name] = _plain(value)
    return values


def changed(part: P, values: Mapping[str, Any]) -> P:
    """The dataclass with other values of these fields, by their names in whichever part they are. ValueError for others.

    Where the first field of a part gets a value of another kind's type, the part becomes that kind, and keeps what both have.
    """
    made = _changed(part, values)
    if unknown := sorted(set(values) - set(as_flags(made))):
        raise ValueError(f"there is no {' or '.join(unknown)} in {made}")
    return made


def _changed(part: P, values: Mapping[str, Any]) -> P:
    new = {}
    for name, wanted in get_type_hints(type(part)).items():
        old = getattr(part, name)
        if is_dataclass(old):
            now: Any = _part(wanted, {**as_flags(old), **{key: _plain(value) for key, value in values.items()}})
            if now is not type(old):
                both = {f.name for f in fields(old)[1:]} & {f.name for f in fields(now)}
                old = now(**{key: getattr(old, key) for key in both})
            new[name] = _changed(old, values)
        else:
            new[name] = values.get(name, old)
    return replace(part, **new)  # type: ignore[type-var]


def _plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def from_flags(kind: type[P], values: Any, where: str) -> P:
    """The dataclass of this kind in a flat table, with every field there and of its type; else MinisglError that says which."""
    names = _names(kind, values) if isinstance(values, dict) else _names(kind, {})
    if not isinstance(values, dict) or set(values) != names:
        found = set(values) if isinstance(values, dict) else set()
        missing, unknown = sorted(names - found), sorted(found - names)
        raise MinisglError(f"{where} is no configuration: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")
    made: P = _built(kind, values, where)
    return made


def _part(wanted: Any, values: Mapping[str, Any]) -> Any:
    """The dataclass that a field holds, None for a plain value. Of several, the one whose first field has the value's type."""
    kinds = [kind for kind in get_args(wanted) or (wanted,) if is_dataclass(kind)]
    for kind in kinds[1:]:
        first = fields(kind)[0].name
        if first in values and fits(values[first], get_type_hints(kind)[first]):
            return kind
    return kinds[0] if kinds else None


def _names(kind: Any, values: Mapping[str, Any]) -> set[str]:
    """The names of all fields in a table of this kind."""
    names: set[str] = set()
    for name, wanted in get_type_hints(kind).items():
        part = _part(wanted, values)
        names |= _names(part, values) if part else {name}
    return names


def _built(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    new = {}
    for name, wanted in get_type_hints(kind).items():
        part = _part(wanted, values)
        new[name] = _built(part, values, where) if part else as_type(values[name], wanted, f"{where}: {name}")
    return kind(**new)


def fits(value: Any, wanted: Any) -> bool:
    """Whether as_type takes the value."""
    try:
        as_type(value, wanted, "")
    except MinisglError:
        return False
    return True


def as_type(value: Any, wanted: Any, what: str) -> Any:
    """A JSON value as the field's type: a union, a Literal, a tuple, a Path, or a plain type. MinisglError if it is none."""
    kind, inner = get_origin(wanted), get_args(wanted)
    if kind in (UnionType, Union):  # of a type and None
        return None if value is None else as_type(value, inner[0], what)
    if kind is tuple and isinstance(value, list):
        return tuple(as_type(item, inner[0], what) for item in value)
    if wanted is Path and isinstance(value, str):
        return Path(value)
    if wanted is float and type(value) is int:
        return float(value)
    if value not in inner if kind is Literal else type(value) is not wanted:
        names = " or ".join(map(str, inner)) if kind is Literal else getattr(wanted, "__name__", wanted)
        raise MinisglError(f"{what} must be {names}, and is {value!r}")
    return value
