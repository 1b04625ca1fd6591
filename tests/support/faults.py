"""Faults of the operating system, made for real: calls that fail in a command, and users who may start no more processes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

CALLS = count()  # each call of `allowing` has a user of its own: a process of the last one may still be ending


def run_python(
    *arguments: object, cwd: Path, prefix: Sequence[object] = (), stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `PREFIX python ARGUMENTS` with these additions to the environment."""
    return subprocess.run(
        [*map(str, [*prefix, sys.executable, "-W", "error", *arguments])],
        cwd=cwd,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
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
    subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", str(library), str(source)], check=True, timeout=120)
    return {"LD_PRELOAD": str(library)}


def allowing(processes: int) -> list[str]:
    """Return the words that run a command as a user who may have so many processes and threads. The test is skipped without.

    No other process runs as this user, who may read and write every file.
    """
    if sys.platform != "linux" or shutil.which("setpriv") is None or shutil.which("prlimit") is None:
        pytest.skip("a limit on processes is set with setpriv and prlimit, on Linux")
    user, files = 100_000 + 100 * os.getpid() + next(CALLS), "-all,+dac_override"
    become = [f"--reuid={user}", f"--regid={user}", "--clear-groups", f"--inh-caps={files}", f"--ambient-caps={files}"]
    words = ["setpriv", *become, "prlimit", f"--nproc={processes}"]
    done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"only root may become another user: {done.stderr}")
    return words
