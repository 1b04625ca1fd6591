"""Faults of the operating system, made for real: calls that fail in a command, and users who may start no more processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def run_with(
    module: str, *arguments: object, cwd: Path, prefix: tuple[object, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `PREFIX python -m MODULE ARGUMENTS` with these additions to the environment."""
    words = [*prefix, sys.executable, "-W", "error", "-m", module, *arguments]
    return subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def failing_calls(folder: Path, **numbers: int) -> dict[str, str]:
    """Return the environment in which these calls of the C library fail, each with its error number: fsync=errno.EIO.

    They are replaced by a small library that is compiled in the folder. The test is skipped where that cannot be done.
    """
    if sys.platform != "linux" or shutil.which("gcc") is None:
        pytest.skip("calls of the C library are replaced with gcc, on Linux")
    source, library = folder / "failing.c", folder / "failing.so"
    functions = "".join(f"int {name}() {{ errno = {number}; return -1; }}\n" for name, number in numbers.items())
    source.write_text("#include <errno.h>\n" + functions)
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return {"LD_PRELOAD": str(library)}
