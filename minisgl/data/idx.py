"""The IDX format of MNIST, read strictly: a file that differs from its header is refused.

    bytes 0-1  zero          byte 2  type, 0x08 = unsigned byte          byte 3  number of dimensions
    then one big-endian 32-bit size per dimension, then the numbers, last dimension fastest, and nothing after them

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np

from minisgl.errors import MinisglError
from minisgl.formats import files

MAX_SIZE = 1 << 32  # bytes: a forged header must not ask for terabytes
CHUNK = 1 << 20  # bytes read at a time


def read(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array in an IDX file, raw or gzipped (by its first bytes, not by its name).

    MinisglError if the file is missing, damaged, not IDX, not of unsigned bytes, or does not have that many dimensions.
    """
    try:
        with files.open_to_read(path) as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            return _parse(file, path, dimensions)
    except OSError as error:  # BadGzipFile is one
        raise MinisglError(f"{path} cannot be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise MinisglError(f"{path} is a damaged gzip file: {error}") from error


def _parse(file, path: Path, dimensions: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08":
        raise MinisglError(f"{path} is not an IDX file of unsigned bytes: it starts with {magic.hex(' ') or 'nothing'}")
    if magic[3] != dimensions:
        raise MinisglError(f"{path} must have {dimensions} dimensions, but has {magic[3]}")
    header = file.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise MinisglError(f"{path} ends within its header, after {4 + len(header)} of {4 + 4 * dimensions} bytes")
    shape = tuple(int(size) for size in np.frombuffer(header, dtype=">u4"))
    size = prod(shape)
    if prod(max(n, 1) for n in shape) > MAX_SIZE:
        raise MinisglError(f"the header of {path} gives {size} bytes, shape {shape}; at most {MAX_SIZE} are allowed")
    # Read in chunks, so that the memory used depends on the file's real size and not on its header. Read one byte more than
    # the header says, to detect a file that is too long, such as a gzip bomb, without reading all of it.
    body = bytearray()
    while chunk := file.read(min(CHUNK, size + 1 - len(body))):
        body += chunk
    if len(body) != size:
        found = "more" if len(body) > size else str(len(body))
        raise MinisglError(f"the header of {path} gives {size} bytes, shape {shape}, but there are {found}")
    return np.frombuffer(body, np.uint8).reshape(shape)
