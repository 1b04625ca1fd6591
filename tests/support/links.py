"""Symbolic links, where the system has them."""

import os
from pathlib import Path

import pytest


def link(path: Path, target: Path | str) -> None:
    """Make `path` a symbolic link to `target`. Skip the test where the user may make none, or none is made."""
    try:
        os.symlink(target, path)
    except OSError:
        pytest.skip("this user may not make symbolic links")
    if not path.is_symlink():
        pytest.skip("this system reports a link, but makes none")  # Wine 8
