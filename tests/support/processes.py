"""A training in processes of its own, and which processes of it run."""

import subprocess
import sys
import time
from pathlib import Path


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be asked for its status does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int, seconds: float = 30) -> bool:
    """Whether the process ends in this time. It closes its files, which others notice, shortly before it has ended."""
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def children(pid: int) -> list[int]:
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def started(data: Path, out: Path, *options: str) -> subprocess.Popen:
    """A training on 400 images in two processes, after its first checkpoint."""
    words = ["--data", str(data), "--out", str(out), "--batch-size", "20", "--epochs", "400", *options]
    command = [sys.executable, "-m", "minisgl.train", *words]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not list(out.glob("checkpoint/*.safetensors")):
        assert run.poll() is None, run.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.02)
    return run
