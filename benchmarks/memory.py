"""Peak memory of a whole run, compared with PyTorch: `python -m benchmarks.memory`

The memory of a command and of the processes that it starts, measured twenty times per second. A shared page is divided among
the processes that share it (Linux's PSS). minisgl runs `python -m minisgl.train --epochs 2`, with data, evaluation, checkpoints
and figures; PyTorch trains the same two epochs with benchmarks.peer.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = ["-m", "minisgl.train", "--epochs", "2", "--out"]
TORCH = """
import torch
from benchmarks.epoch import torch_epoch
from minisgl.data import mnist
torch.set_num_threads(2)
epoch = torch_epoch(mnist.load()[0])
epoch(), epoch()
"""
EVERY = 0.05  # seconds between two measurements


def process_tree(pid: int) -> list[int]:
    """Return the ids of the process and all its descendants."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # the process has ended
        return []
    return [pid, *(each for children in lists for child in children.split() for each in process_tree(int(child)))]


def held_kib(pid: int) -> int:
    """Return the process's memory in KiB, including its share of shared pages."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def peak_mib(*arguments: str) -> float:
    """Return the peak memory of `python arguments...`, in MiB (2^20 bytes)."""
    peak = 0
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(held_kib(pid) for pid in process_tree(process.pid)))
            time.sleep(EVERY)
    if process.returncode:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {process.returncode}")
    return peak / 1024


def measure() -> dict[str, float]:
    """Return the peak memory of both, in MiB."""
    with tempfile.TemporaryDirectory() as directory:
        ours = peak_mib(*OURS, f"{directory}/run")
    return {"memory_ours_mib": ours, "memory_torch_mib": peak_mib("-c", TORCH)}


if __name__ == "__main__":
    print(json.dumps(measure()))
