"""Commands that may not read everything: root without its privilege over other users' files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65534
PREFIX = ["setpriv", "--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search"]


def _possible() -> bool:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None:
        return False
    return subprocess.run([*PREFIX, "true"], capture_output=True, check=False).returncode == 0


needs_setpriv = pytest.mark.skipif(not _possible(), reason="needs root, and setpriv to give up a privilege of root's")


def close(path: Path) -> None:
    """Make a file or folder readable for another user only."""
    path.chmod(0o600)
    os.chown(path, NOBODY, NOBODY)


def run_restricted(module: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` without the privilege to read or write what others have closed."""
    words = [*PREFIX, sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
