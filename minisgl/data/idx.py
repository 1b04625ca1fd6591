"""The IDX format of MNIST, read strictly: a file that differs from its header is refused.

    bytes 0-1  zero          byte 2  type, 0x08 = unsigned byte          byte 3  number of dimensions
    then one big-endian 32-bit size per dimension, then the numbers, last dimension fastest, and nothing after them

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from minisgl.errors import MinisglError
from minisgl.formats import files, paths

MAX_SIZE = 1 << 32  # bytes: a forged header must not ask for terabytes
CHUNK = 1 << 20  # bytes read at a time


def read(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array in an IDX file, raw or gzipped (by its first bytes, not by its name).

    MinisglError if the file is missing, damaged, not IDX, not of unsigned bytes, or does not have that many dimensions, or if
    there is too little memory for the array.
    """
    with _opened(path) as file:
        shape = _parse_header(file, path, dimensions)
        try:
            return _read_body(file, path, shape)
        except MemoryError as error:
            raise MinisglError(f"there is not enough memory for {path}, {prod(shape):,} bytes, shape {shape}") from error


def read_shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """Return the shape in the header of an IDX file; nothing else is read. MinisglError as from `read`."""
    with _opened(path) as file:
        return _parse_header(file, path, dimensions)


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile | BinaryIO]:
    try:
        with paths.reading(path):  # gzip's BadGzipFile is an OSError, too
            with files.open_to_read(path) as raw:
                zipped = raw.read(2) == b"\x1f\x8b"
            with gzip.open(path, "rb") if zipped else path.open("rb") as file:
                yield file
    except (EOFError, zlib.error) as error:
        raise MinisglError(f"{path} is a damaged gzip file: {error}") from error


def _parse_header(file: gzip.GzipFile | BinaryIO, path: Path, dimensions: int) -> tuple[int, ...]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08":
        raise MinisglError(f"{path} is not an IDX file of unsigned bytes: it starts with {magic.hex(' ') or 'nothing'}")
    if magic[3] != dimensions:
        raise MinisglError(f"{path} must have {dimensions} dimensions, but has {magic[3]}")
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise MinisglError(f"{path} ends within its header, after {4 + len(header)} of {4 + 4 * dimensions} bytes")
    shape = tuple(int(size) for size in np.frombuffer(header, dtype=">u4"))
    if prod(max(n, 1) for n in shape) > MAX_SIZE:
        raise MinisglError(f"the header of {path} gives {prod(shape)} bytes, shape {shape}; at most {MAX_SIZE} are allowed")
    return shape


def _read_body(file: gzip.GzipFile | BinaryIO, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    size = prod(shape)
    # Read in chunks, so that the memory used depends on the file's real size and not on its header. Read one byte more than
    # the header says, to detect a file that is too long, such as a gzip bomb, without reading all of it.
    body = bytearray()
    while chunk := file.read(min(CHUNK, size + 1 - len(body))):
        body += chunk
    if len(body) != size:
        found = "more" if len(body) > size else str(len(body))
        raise MinisglError(f"the header of {path} gives {size} bytes, shape {shape}, but there are {found}")
    return np.frombuffer(body, np.uint8).reshape(shape)
