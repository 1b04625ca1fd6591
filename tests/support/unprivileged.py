"""Commands as a user who is not root: root can read everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65534
needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can run a command as another user"
)


def copy_readable(source: Path, target: Path) -> Path:
    """Return a copy of a folder that belongs to the other user."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return target


def run_as_nobody(module: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` as another user in the folder cwd, which becomes that user's."""
    os.chown(cwd, NOBODY, NOBODY)
    for folder in cwd.parents:
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)  # pytest's folders are closed to others
    code = (  # the module is imported while still root: the checkout may be closed to others
        "import os, sys, runpy\n"
        f"runpy.run_module({module!r}, run_name='imported')\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"sys.argv = [{module!r}, *sys.argv[1:]]\n"
        f"runpy.run_module({module!r}, run_name='__main__')\n"
    )
    words = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "HOME": str(cwd), "MPLCONFIGDIR": str(cwd)}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
