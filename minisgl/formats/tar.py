"""Files of a .tar.gz archive, read by name into memory. Nothing is unpacked to the disk.

The archive is read once, from its first byte to its last, so gzip's checksum covers whatever is taken from it. A member counts
only if its name is exactly one of those asked for and if it is a regular file: a link could lead anywhere.
"""

import gzip
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path

from minisgl.errors import MinisglError
from minisgl.formats import files, paths

MAX_SIZE = 1 << 32  # bytes, of all members together: a small archive must not ask for terabytes
CHUNK = 1 << 20  # bytes read at a time
PADDING = 1 << 20  # bytes that may follow the end of an archive


def read(path: Path, names: Collection[str]) -> dict[str, bytearray]:
    """Return the content of each file in the archive that has one of these names; names that it does not have are left out.

    MinisglError if the archive is missing or damaged, or unpacks to more than MAX_SIZE bytes, or if one of these names is not
    a regular file or appears twice.
    """
    try:
        with paths.reading(path), files.open_to_read(path) as raw, gzip.open(raw) as unzipped:
            with tarfile.open(fileobj=unzipped, mode="r|") as archive:
                found = _members(path, archive, names)
            if len(unzipped.read(PADDING + 1)) > PADDING:  # to the last byte: only there gzip compares its checksum
                raise MinisglError(f"{path} is damaged: more than {PADDING:,} bytes follow the end of the archive")
            return found
    except (EOFError, zlib.error, tarfile.TarError) as error:
        raise MinisglError(f"{path} is a damaged .tar.gz file: {error}") from error


def _members(path: Path, archive: tarfile.TarFile, names: Collection[str]) -> dict[str, bytearray]:
    found: dict[str, bytearray] = {}
    total = 0
    for member in archive:
        total += member.size
        if total > MAX_SIZE:
            raise MinisglError(f"{path} unpacks to at least {total:,} bytes; at most {MAX_SIZE:,} are allowed")
        if member.name not in names:
            continue
        if not member.isreg() or member.issparse():
            raise MinisglError(f"{path}: {member.name} must be a regular file")
        if member.name in found:
            raise MinisglError(f"{path} has {member.name} twice")
        found[member.name] = _content(path, archive, member)
    return found


def _content(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytearray:
    file, content = archive.extractfile(member), bytearray()
    assert file is not None  # a regular file has a content
    try:
        while chunk := file.read(CHUNK):  # the memory used depends on the real size, not on the one in the header
            content += chunk
    except MemoryError as error:
        raise MinisglError(f"there is not enough memory for {member.name} in {path}, {member.size:,} bytes") from error
    if len(content) != member.size:
        raise MinisglError(f"{path} ends in {member.name}, after {len(content):,} of {member.size:,} bytes")
    return content
