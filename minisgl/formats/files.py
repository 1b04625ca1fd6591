"""Files that are whole or not there, and safetensors with a checksum: how everything is written and read.

A file is written under a temporary name, flushed to the disk, and renamed over the old one in a single step, so that a
killed process or a full disk leaves the earlier file as it was. Arrays go into safetensors, never pickle; their one metadata
key holds JSON (with sorted keys, so that equal contents are equal bytes) and the SHA-256 of the arrays.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save as to_safetensors

from minisgl.errors import MinisglError

METADATA_KEY = "minisgl"


def write(path: Path, content: bytes) -> None:
    """Write the file whole, or leave what was there. Raises MinisglError when the disk is full or the place not writable."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise MinisglError(f"{path} cannot be written: {error.strerror or error}") from error


def write_json(path: Path, value: Any) -> None:
    """Write JSON a person can read. NaN and infinity are refused (ValueError): JSON has no such numbers."""
    write(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises MinisglError when it is missing or is not JSON."""
    try:
        return json.loads(path.read_bytes(), parse_constant=_refuse)
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise MinisglError(f"{path} is not JSON: {error}") from error


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()


def as_safetensors(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> bytes:
    """Named arrays and JSON-able notes as the content of a safetensors file."""
    # safetensors saves the memory of a transposed view as it lies, silently scrambled: hand it C order only
    whole = {name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}
    metadata = json.dumps({**notes, "checksum": _checksum(whole)}, sort_keys=True, allow_nan=False)
    return to_safetensors(whole, {METADATA_KEY: metadata})


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> None:
    """Write named arrays and JSON-able notes as safetensors."""
    write(path, as_safetensors(arrays, notes))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file, its header judged and no array loaded; MinisglError when it cannot be read or is none."""
    try:
        path.open("rb").close()  # for the operating system's own words when it cannot be opened
        with safetensors.safe_open(str(path), framework="numpy") as file:
            yield file
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise MinisglError(f"{path} is not a safetensors file: {error}") from error


def _notes(path: Path, file: Any) -> dict[str, Any]:
    text = (file.metadata() or {}).get(METADATA_KEY, "{}")
    try:
        notes = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MinisglError(f"{path}: its metadata is not JSON: {error}") from error
    if not isinstance(notes, dict):
        raise MinisglError(f"{path}: its metadata is not a JSON object")
    return notes


def read_notes(path: Path) -> dict[str, Any]:
    """The notes of a safetensors file alone, for files that say themselves what arrays they hold.

    Empty for files of other programs. Raises MinisglError when the file is missing or damaged.
    """
    with _opened(path) as file:
        return _notes(path, file)


def read_arrays(
    path: Path, expected: Mapping[str, tuple[int, ...]], types: tuple[str, ...] = ("F32", "F64")
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Named arrays and notes from a safetensors file that holds exactly the expected names and shapes, in one of the types.

    types: as safetensors names them, F32 and F64 for floating-point numbers, U8 for bytes. The header is judged before any
    array is loaded. Files of other programs have no notes: they come back empty. Raises MinisglError for a file that is
    missing, damaged, of other names, shapes or types, or with NaN or infinite numbers.
    """
    with _opened(path) as file:
        names = set(file.keys())
        missing, extra = sorted(expected.keys() - names), sorted(names - expected.keys())
        if missing or extra:
            raise MinisglError(f"{path} holds other arrays: missing {missing or 'none'}, not wanted {extra or 'none'}")
        for name, shape in expected.items():
            found = file.get_slice(name)
            if tuple(found.get_shape()) != shape:
                raise MinisglError(f"{path}: {name} has shape {tuple(found.get_shape())}, wanted {shape}")
            if found.get_dtype() not in types:
                raise MinisglError(f"{path}: {name} is of type {found.get_dtype()}, wanted {' or '.join(types)}")
        arrays = {name: file.get_tensor(name) for name in expected}
        notes = _notes(path, file)
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise MinisglError(f"{path}: {name} has {np.count_nonzero(~np.isfinite(array))} NaN or infinite numbers")
    if "checksum" in notes and notes.pop("checksum") != _checksum(arrays):
        raise MinisglError(f"{path} is damaged: its arrays do not have the checksum it names")
    return arrays, notes
