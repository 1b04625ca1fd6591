"""A user's own objects, named module:NAME on the command line: a penalty's class, an experiment, a network's function.

The module is found as with `python -m`: the working folder is on the path. A name is imported only if the user has typed it,
never because a file of a run contains it.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minisgl.errors import MinisglError


@contextmanager
def working_folder_on_path() -> Iterator[None]:
    """A context in which modules of the working folder can be imported."""
    before, here = list(sys.path), str(Path.cwd())
    if here not in before and "" not in before:
        sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path[:] = before


def import_object(name: str, option: str) -> Any:
    """Return the object module:NAME that was given to this option. MinisglError if it cannot be imported."""
    module, _, attribute = name.partition(":")
    with working_folder_on_path():
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a user's module: anything can go wrong in it
            raise MinisglError(f"{option} {name} cannot be imported: {type(error).__name__}: {error}") from error
