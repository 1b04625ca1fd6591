"""Peak memory of a whole run, beside PyTorch: `python -m benchmarks.memory`

The largest resident set of a process of its own, as the operating system counts it: minisgl's is `python -m minisgl.train
--epochs 2`, with data, evaluation, checkpoints and figures; PyTorch's trains the same two epochs with benchmarks.peer.
"""

import json
import subprocess
import sys
import tempfile

OURS = ["-m", "minisgl.train", "--epochs", "2", "--out"]
THEIRS = """
import torch
from benchmarks.epoch import torch_epoch
from minisgl.data import mnist
torch.set_num_threads(2)
epoch = torch_epoch(mnist.load()[0])
epoch(), epoch()
"""
# runs the rest of its arguments and prints their peak in KiB: a process of its own, so that nobody else's peak is counted
WATCHED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_mib(*arguments: str) -> float:
    """Peak resident memory of `python arguments...`, in MiB (2^20 bytes)."""
    command = [sys.executable, "-c", WATCHED, sys.executable, *arguments]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout) / 1024


def measure() -> dict[str, float]:
    """MiB of both sides."""
    with tempfile.TemporaryDirectory() as directory:
        ours = peak_mib(*OURS, f"{directory}/run")
    return {"memory_ours_mib": ours, "memory_torch_mib": peak_mib("-c", THEIRS)}


if __name__ == "__main__":
    print(json.dumps(measure()))
