"""Files that are whole or not there, and safetensors with a checksum: how everything is written and read.

A file is written under a temporary name, flushed to the disk, and renamed over the old one in a single step, so that a
killed process or a full disk leaves the earlier file as it was. Arrays go into safetensors, never pickle; their one metadata
key holds JSON (with sorted keys, so that equal contents are equal bytes) with a SHA-256 of the arrays and of the JSON itself.
"""

import errno
import hashlib
import json
import os
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors
import safetensors.numpy

from minisgl.errors import MinisglError

PATIENCE = 1.0  # seconds
METADATA_KEY = "minisgl"
LONGEST_HEADER = 100_000_000  # bytes, as the format has it
BYTES = {"F64": 8, "F32": 4, "I32": 4, "U8": 1}  # of a number, by the format's names of types


def write(path: Path, content: bytes) -> None:
    """Write the file whole, or leave what was there. Raises MinisglError when the disk is full or the place not writable."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise MinisglError(f"{path} cannot be written: {error.strerror or error}") from error


def _replace(temporary: Path, path: Path) -> None:
    """Rename over the old file; on Windows, where it must not be open in another program, try for a second."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > until:
                raise
        time.sleep(PATIENCE / 50)


def write_json(path: Path, value: Any) -> None:
    """Write JSON a person can read. NaN and infinity are refused (ValueError): JSON has no such numbers."""
    write(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def open_to_read(path: Path) -> BinaryIO:
    """The file, opened for reading bytes. OSError when it cannot be; for a folder IsADirectoryError, on Windows too."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return path.open("rb")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises MinisglError when it is missing or is not JSON."""
    try:
        with open_to_read(path) as file:
            return json.loads(file.read(), parse_constant=_refuse)
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise MinisglError(f"{path} is not JSON: {error}") from error


def _checksum(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any] | None = None) -> str:
    """Of the arrays and the notes; files of minisgl 0.1 have that of the arrays alone."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    if notes is not None:
        digest.update(json.dumps(notes, sort_keys=True).encode())
    return digest.hexdigest()


def as_safetensors(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> bytes:
    """Named arrays and JSON-able notes as the content of a safetensors file."""
    # safetensors saves the memory of a transposed view as it lies, silently scrambled: hand it C order only
    whole = {name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}
    metadata = json.dumps({**notes, "checksum": _checksum(whole, notes)}, sort_keys=True, allow_nan=False)
    return safetensors.numpy.save(whole, {METADATA_KEY: metadata})


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> None:
    """Write named arrays and JSON-able notes as safetensors."""
    write(path, as_safetensors(arrays, notes))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bytes]]:
    """A safetensors file and the JSON of its header, which has been read; MinisglError when it cannot be read or is none."""
    try:
        with open_to_read(path) as file:
            length = int.from_bytes(file.read(8), "little")
            text = file.read(min(length, LONGEST_HEADER))
            if len(text) < length:
                raise MinisglError(f"{path} is not a safetensors file: its header ends after {len(text):,} of {length:,} bytes")
            yield file, text
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror or error}") from error


def _parsed(path: Path, text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a header says of each array, and the notes in it."""
    try:
        header = json.loads(text, parse_constant=_refuse)
        metadata = header.pop("__metadata__", {})
        described = {name: (tuple(array["shape"]), str(array["dtype"])) for name, array in header.items()}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise MinisglError(f"{path} is not a safetensors file: {type(error).__name__} in its header: {error}") from error
    try:
        notes = json.loads(metadata.get(METADATA_KEY, "{}"), parse_constant=_refuse)
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise MinisglError(f"{path}: its metadata is not JSON: {error}") from error
    if not isinstance(notes, dict):
        raise MinisglError(f"{path}: its metadata is not a JSON object")
    return described, notes


def read_notes(path: Path) -> dict[str, Any]:
    """The notes of a safetensors file alone, for files that say themselves what arrays they hold.

    Empty for files of other programs. Raises MinisglError when the file is missing or its header damaged.
    """
    with _opened(path) as (_, text):
        return _parsed(path, text)[1]


def _judge(
    path: Path,
    described: Mapping[str, tuple[tuple[int, ...], str]],
    expected: Mapping[str, tuple[int, ...]],
    types: tuple[str, ...],
) -> None:
    """MinisglError unless the arrays of a header, (shape, type) by name, are those that are expected."""
    missing, extra = sorted(expected.keys() - described.keys()), sorted(described.keys() - expected.keys())
    if missing or extra:
        raise MinisglError(f"{path} holds other arrays: missing {missing or 'none'}, not wanted {extra or 'none'}")
    for name, shape in expected.items():
        found, kind = described[name]
        if found != shape:
            raise MinisglError(f"{path}: {name} has shape {found}, wanted {shape}")
        if kind not in types:
            raise MinisglError(f"{path}: {name} is of type {kind}, wanted {' or '.join(types)}")


def read_arrays(
    path: Path, expected: Mapping[str, tuple[int, ...]], types: tuple[str, ...] = ("F32", "F64")
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Named arrays and notes from a safetensors file that holds exactly the expected names and shapes, in one of the types.

    types: as safetensors names them, F32 and F64 for floating-point numbers, U8 for bytes. The header is judged before any
    array is read. Files of other programs have no notes: they come back empty. Raises MinisglError for a file that is
    missing, damaged, of other names, shapes or types, or with NaN or infinite numbers.
    """
    with _opened(path) as (file, text):
        described, notes = _parsed(path, text)
        _judge(path, described, expected, types)
        size = sum(prod(shape) * BYTES[described[name][1]] for name, shape in expected.items())
        body = file.read(size + 1)  # a byte more, so that a longer file shows itself
    try:
        # read, not mapped: Windows replaces no file that is mapped somewhere
        arrays = safetensors.numpy.load(struct.pack("<Q", len(text)) + text + body)
    except safetensors.SafetensorError as error:
        raise MinisglError(f"{path} is not a safetensors file: {error}") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise MinisglError(f"{path}: {name} has {np.count_nonzero(~np.isfinite(array))} NaN or infinite numbers")
    if "checksum" in notes and notes.pop("checksum") not in (_checksum(arrays, notes), _checksum(arrays)):
        raise MinisglError(f"{path} is damaged: its contents do not have the checksum it names")
    return arrays, notes
