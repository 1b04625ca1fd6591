"""Nested dataclasses as one flat table of JSON values, the form in which a configuration is written and read.

    Outer(a=1, part=Part(b=(2, 3)))    <->    {"a": 1, "b": [2, 3]}

A field that holds a dataclass is replaced by that dataclass's fields, so all field names must be different. If a field may
hold one of several dataclasses, the type of their first field decides which: it is different in each.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from minisgl.errors import MinisglError
from minisgl.formats import paths

P = TypeVar("P")


def as_flags(part: Any) -> dict[str, Any]:
    """Return a dataclass as a flat table of JSON values."""
    values: dict[str, Any] = {}
    for name in (f.name for f in fields(part)):
        value = getattr(part, name)
        if is_dataclass(value):
            values |= as_flags(value)
        elif isinstance(value, Path):  # absolute: the table may be read from another folder
            values[name] = str(paths.absolute(value))
        else:
            values[name] = _json_value(value)
    return values


def changed(part: P, values: Mapping[str, Any]) -> P:
    """Return a copy of the dataclass with new values for these fields, in any of its parts. ValueError for an unknown field.

    If a part's first field gets a value of the type it has in another kind, the part becomes that kind; common fields stay.
    """
    made = _changed(part, values)
    if unknown := sorted(set(values) - set(as_flags(made))):
        raise ValueError(f"there is no {' or '.join(unknown)} in {made}")
    return made


def _changed(part: P, values: Mapping[str, Any]) -> P:
    new = {}
    for name, hint in get_type_hints(type(part)).items():
        old = getattr(part, name)
        if is_dataclass(old):
            kind: Any = _part_kind(hint, {**as_flags(old), **{key: _json_value(value) for key, value in values.items()}})
            if kind is not type(old):
                common = {f.name for f in fields(old)[1:]} & {f.name for f in fields(kind)}
                old = kind(**{key: getattr(old, key) for key in common})
            new[name] = _changed(old, values)
        else:
            new[name] = values.get(name, old)
    return replace(part, **new)  # type: ignore[type-var]


def _json_value(value: Any) -> Any:
    """Return a field's value as JSON represents it."""
    return list(value) if isinstance(value, tuple) else value


def from_flags(kind: type[P], values: Any, where: str) -> P:
    """Return the dataclass that a flat table describes. MinisglError names the fields that are missing, unknown or wrong."""
    names = _names(kind, values) if isinstance(values, dict) else _names(kind, {})
    if not isinstance(values, dict) or set(values) != names:
        found = set(values) if isinstance(values, dict) else set()
        missing, unknown = sorted(names - found), sorted(found - names)
        raise MinisglError(f"{where} is not a configuration: missing {missing or 'nothing'}, unknown {unknown or 'nothing'}")
    made: P = _build(kind, values, where)
    return made


def _part_kind(hint: Any, values: Mapping[str, Any]) -> Any:
    """Return the dataclass that a field holds, None for a plain value. Among several, the type of the first field decides."""
    kinds = [kind for kind in get_args(hint) or (hint,) if is_dataclass(kind)]
    for kind in kinds[1:]:
        first = fields(kind)[0].name
        if first in values and fits(values[first], get_type_hints(kind)[first]):
            return kind
    return kinds[0] if kinds else None


def _names(kind: Any, values: Mapping[str, Any]) -> set[str]:
    """Return the names of all fields in a table of this kind."""
    names: set[str] = set()
    for name, hint in get_type_hints(kind).items():
        part = _part_kind(hint, values)
        names |= _names(part, values) if part else {name}
    return names


def _build(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    new = {}
    for name, hint in get_type_hints(kind).items():
        part = _part_kind(hint, values)
        new[name] = _build(part, values, where) if part else as_type(values[name], hint, f"{where}: {name}")
    return kind(**new)


def fits(value: Any, hint: Any) -> bool:
    """Whether as_type accepts the value."""
    try:
        as_type(value, hint, "")
    except MinisglError:
        return False
    return True


def as_type(value: Any, hint: Any, what: str) -> Any:
    """Return a JSON value as the field's type: X | None, Literal, tuple, Path or a plain type. Else MinisglError."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind in (UnionType, Union):  # a type or None
        return None if value is None else as_type(value, inner[0], what)
    if kind is tuple and isinstance(value, list):
        return tuple(as_type(item, inner[0], what) for item in value)
    if hint is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if value not in inner if kind is Literal else type(value) is not hint:
        names = " or ".join(map(str, inner)) if kind is Literal else getattr(hint, "__name__", hint)
        raise MinisglError(f"{what} must be {names}, but is {value!r}")
    return value
