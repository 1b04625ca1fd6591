"""What is at a path. Nothing there, and something that the system does not let us see, are different answers.

pathlib mixes them up, differently in each version of Python: `is_file` raises an OSError or returns False, `glob` skips.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minisgl.errors import MinisglError

NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
INVALID_NAME = 123  # Windows' number for a name such as a?b


def absolute(path: Path) -> Path:
    """Return the absolute path without links. It need not exist; `resolve` fails for links in a circle."""
    return Path(os.path.realpath(path))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an OSError in this context into a MinisglError: PATH cannot be read, and the system's reason."""
    try:
        yield
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror or error}") from error


def _mode(path: Path) -> int:
    """Return the mode of what is at the path, after following links; 0 if there is nothing."""
    with reading(path):
        try:
            return path.stat().st_mode
        except ValueError:  # a null character
            return 0
        except OSError as error:
            if error.errno not in NOT_THERE and getattr(error, "winerror", None) != INVALID_NAME:
                raise
    if path.is_symlink():
        raise MinisglError(f"{path} cannot be read: it is a link to {os.readlink(path)}, which does not exist")
    return 0


def is_file(path: Path) -> bool:
    """Return whether there is a regular file. MinisglError if the system does not say, or for a broken link."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Return whether there is a folder. MinisglError as for is_file."""
    return stat.S_ISDIR(_mode(path))


def exists(path: Path) -> bool:
    """Return whether there is anything. MinisglError as for is_file."""
    return _mode(path) != 0


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted; nothing if there is no folder. MinisglError if it cannot be read."""
    if not is_folder(folder):
        return []
    with reading(folder):
        return sorted(folder.iterdir())
