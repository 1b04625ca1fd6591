"""Peak memory of a whole run, beside PyTorch: `python -m benchmarks.memory`

What a command and the processes that it starts hold at once, where they share a page each its part of it (Linux's PSS), looked
at twenty times a second. minisgl's is `python -m minisgl.train --epochs 2`, with data, evaluation, checkpoints and figures;
PyTorch's trains the same two epochs with benchmarks.peer.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = ["-m", "minisgl.train", "--epochs", "2", "--out"]
THEIRS = """
import torch
from benchmarks.epoch import torch_epoch
from minisgl.data import mnist
torch.set_num_threads(2)
epoch = torch_epoch(mnist.load()[0])
epoch(), epoch()
"""
EVERY = 0.05  # seconds between two looks


def family(pid: int) -> list[int]:
    """The process and those that it has started, and those that they have."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # gone in the meantime
        return []
    return [pid, *(each for children in lists for child in children.split() for each in family(int(child)))]


def held_kib(pid: int) -> int:
    """KiB that the process holds, its part of what it shares."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def peak_mib(*arguments: str) -> float:
    """Peak memory of `python arguments...`, in MiB (2^20 bytes)."""
    peak = 0
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(held_kib(pid) for pid in family(process.pid)))
            time.sleep(EVERY)
    if process.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {process.returncode}")
    return peak / 1024


def measure() -> dict[str, float]:
    """MiB of both sides."""
    with tempfile.TemporaryDirectory() as directory:
        ours = peak_mib(*OURS, f"{directory}/run")
    return {"memory_ours_mib": ours, "memory_torch_mib": peak_mib("-c", THEIRS)}


if __name__ == "__main__":
    print(json.dumps(measure()))
