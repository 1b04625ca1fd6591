"""Atomic file writes, and safetensors files with a checksum.

A file is written under a temporary name, flushed to the disk, and renamed over the old one in a single step, so that a killed
process or a full disk leaves the earlier file as it was. Arrays go into safetensors, never pickle. The one metadata key holds
the notes and a SHA-256 of arrays and notes, as JSON with sorted keys, so that equal contents give equal bytes.
"""

import errno
import hashlib
import json
import os
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors
import safetensors.numpy

from minisgl.errors import MinisglError
from minisgl.formats.paths import reading

REPLACE_TIMEOUT = 1.0  # seconds
METADATA_KEY = "minisgl"
MAX_HEADER = 100_000_000  # bytes, the limit of the safetensors format
ITEM_SIZE = {"F64": 8, "F32": 4, "I32": 4, "U8": 1}  # bytes per number, by safetensors' type names


def write(path: Path, content: bytes) -> None:
    """Write the whole file, or leave the earlier one. MinisglError if the disk is full or the folder is not writable."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _replace(temporary, path)
        finally:
            with suppress(OSError):  # after an error, it is the first that counts; without one, the file is gone
                temporary.unlink()
    except OSError as error:
        raise MinisglError(f"{path} cannot be written: {error.strerror or error}") from error


def _replace(temporary: Path, path: Path) -> None:
    """Rename over the old file. On Windows this fails while another program has it open: retry until REPLACE_TIMEOUT."""
    deadline = time.monotonic() + REPLACE_TIMEOUT
    while True:
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
        time.sleep(REPLACE_TIMEOUT / 50)


def write_json(path: Path, value: Any) -> None:
    """Write human-readable JSON. ValueError for NaN and infinity, which JSON does not have."""
    write(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def open_to_read(path: Path) -> BinaryIO:
    """Open the file to read bytes. OSError if that fails; for a folder IsADirectoryError, on Windows too."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():  # opening a pipe that nobody writes to would wait for ever
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return path.open("rb")


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def read_json(path: Path) -> Any:
    """Return the value in a JSON file. MinisglError if it is missing or is not JSON."""
    with reading(path), open_to_read(path) as file:
        content = file.read()
    return as_json(content, str(path))


def as_json(content: bytes, where: str) -> Any:
    """Return the value in a JSON text. MinisglError, which begins with `where`, if it is not JSON."""
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MinisglError(f"{where} is not JSON: {error}") from error


def _checksum(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any] | None = None) -> str:
    """The SHA-256 of the arrays and the notes; in files of minisgl 0.1, of the arrays alone."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    if notes is not None:
        digest.update(json.dumps(notes, sort_keys=True).encode())
    return digest.hexdigest()


def as_safetensors(arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> bytes:
    """Return named arrays and notes, JSON values, as the content of a safetensors file."""
    # safetensors would save the memory of a transposed view as it is, scrambled, without an error: convert to C order
    whole = {name: np.asarray(array, array.dtype.newbyteorder("="), order="C") for name, array in arrays.items()}
    metadata = json.dumps({**notes, "checksum": _checksum(whole, notes)}, sort_keys=True, allow_nan=False)
    return safetensors.numpy.save(whole, {METADATA_KEY: metadata})


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> None:
    """Write named arrays and notes, JSON values, as a safetensors file."""
    write(path, as_safetensors(arrays, notes))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bytes]]:
    """Yield an open safetensors file, read up to its arrays, and its header's JSON. MinisglError if it cannot be read."""
    with reading(path), open_to_read(path) as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(min(length, MAX_HEADER))
        if len(text) < length:
            raise MinisglError(f"{path} is not a safetensors file: its header ends after {len(text):,} of {length:,} bytes")
        yield file, text


def _parsed(path: Path, text: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shape and type of each array in a header, and the notes in it."""
    try:
        header = json.loads(text, parse_constant=_refuse_constant)
        metadata = header.pop("__metadata__", {})
        described = {name: (tuple(array["shape"]), str(array["dtype"])) for name, array in header.items()}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise MinisglError(f"{path} is not a safetensors file: {type(error).__name__} in its header: {error}") from error
    try:
        notes = json.loads(metadata.get(METADATA_KEY, "{}"), parse_constant=_refuse_constant)
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise MinisglError(f"{path}: its metadata is not JSON: {error}") from error
    if not isinstance(notes, dict):
        raise MinisglError(f"{path}: its metadata is not a JSON object")
    return described, notes


def read_notes(path: Path) -> dict[str, Any]:
    """Return only the notes of a safetensors file, for files whose notes describe the arrays.

    Files of other programs have none. MinisglError if the file is missing or its header is damaged.
    """
    with _opened(path) as (_, text):
        return _parsed(path, text)[1]


def _require_arrays(
    path: Path,
    described: Mapping[str, tuple[tuple[int, ...], str]],
    expected: Mapping[str, tuple[int, ...]],
    types: tuple[str, ...],
) -> None:
    """Raise MinisglError unless the arrays of a header, (shape, type) by name, are the expected ones."""
    missing, extra = sorted(expected.keys() - described.keys()), sorted(described.keys() - expected.keys())
    if missing or extra:
        raise MinisglError(f"{path} has the wrong arrays: missing {missing or 'none'}, unexpected {extra or 'none'}")
    for name, shape in expected.items():
        found, kind = described[name]
        if found != shape:
            raise MinisglError(f"{path}: {name} has shape {found}, expected {shape}")
        if kind not in types:
            raise MinisglError(f"{path}: {name} is of type {kind}, expected {' or '.join(types)}")


def read_arrays(
    path: Path, expected: Mapping[str, tuple[int, ...]], types: tuple[str, ...] = ("F32", "F64")
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and notes of a safetensors file that has exactly the expected names and shapes, in one of the types.

    types: safetensors' names, F32 and F64 for floating-point numbers, U8 for bytes. The header is checked before any array is
    read. The notes are empty in files of other programs. MinisglError if the file is missing or damaged, has other names,
    shapes or types, or contains NaN or infinite numbers.
    """
    with _opened(path) as (file, text):
        described, notes = _parsed(path, text)
        _require_arrays(path, described, expected, types)
        size = sum(prod(shape) * ITEM_SIZE[described[name][1]] for name, shape in expected.items())
        body = file.read(size + 1)  # one byte more, to detect a file that is too long
    try:
        # read, not memory-mapped: Windows cannot replace a mapped file
        arrays = safetensors.numpy.load(struct.pack("<Q", len(text)) + text + body)
    except safetensors.SafetensorError as error:
        raise MinisglError(f"{path} is not a safetensors file: {error}") from error
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise MinisglError(f"{path}: {name} has {np.count_nonzero(~np.isfinite(array))} NaN or infinite numbers")
    if "checksum" in notes and notes.pop("checksum") not in (_checksum(arrays, notes), _checksum(arrays)):
        raise MinisglError(f"{path} is damaged: its contents do not match its checksum")
    return arrays, notes
