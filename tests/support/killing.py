"""Kill a training at random moments, go on with it, kill it again; in the end, compare every byte with an unbroken run's.

    python tests/support/killing.py DATA SCRATCH --kills 20 --seed 0

A process of its own that has everything imported forks one child per attempt, so that a kill costs no start of Python. A child
is killed by SIGKILL after a random time, the last one of a run is left alone. Prints how many kills hit a living run.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from io import StringIO
from pathlib import Path

from rich.console import Console

from minisgl import train
from minisgl.errors import MinisglError

OPTIONS = ["--epochs", "3", "--batch-size", "40", "--checkpoint-every", "4", "--threads", "1", "--holdout", "200"]
SAME = ("model.safetensors", "report.json", "history.jsonl", "config.json")


def child(words: list[str]) -> int:
    """Run the command in a child; its process id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            console = Console(file=StringIO())
            train.run(train.parse(words), console)
            status = 0
        except MinisglError as error:
            print(error, file=sys.stderr)
            status = 2
        finally:
            os._exit(status)
    return pid


def without_times(path: Path) -> object:
    """What must be equal: bytes, or JSON without the seconds and the run's path."""
    if path.suffix == ".safetensors":
        return path.read_bytes()
    text = path.read_text()
    values = [json.loads(part) for part in (text.splitlines() if path.suffix == ".jsonl" else [text])]
    return [{name: value for name, value in record.items() if name not in ("seconds", "out")} for record in values]


def ended(pid: int, seconds: float) -> int | None:
    """The exit status of a child that ends within so many seconds; else it is killed, and None."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.WEXITSTATUS(status)
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def main() -> None:
    """Train unbroken, then broken until enough kills have hit; exit 1 with a sentence at the first difference."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    common = [*OPTIONS, "--data", str(arguments.data)]

    started = time.perf_counter()
    whole = arguments.scratch / "whole"
    if os.waitpid(child([*common, "--out", str(whole)]), 0)[1] != 0:
        sys.exit("the unbroken run failed")
    duration = time.perf_counter() - started
    expected = {name: without_times(whole / name) for name in SAME}

    hits, runs = 0, 0
    while hits < arguments.kills:
        runs += 1
        broken = arguments.scratch / f"broken-{runs}"
        words = [*common, "--out", str(broken)]
        while True:
            # some are killed soon, while they are making their first files
            patience = rng.uniform(0, duration) * rng.choice([0.1, 0.5, 1]) if hits < arguments.kills else 600
            status = ended(child(words), patience)
            if status == 0:
                break
            if status is not None:
                sys.exit(f"attempt after {hits} kills ended with status {status}")
            hits += 1
            if (broken / "config.json").exists():
                words = ["--resume", str(broken)]
            elif broken.exists():  # killed before it had written what it is
                shutil.rmtree(broken)
        for name, value in expected.items():
            if without_times(broken / name) != value:
                sys.exit(f"{name} of run {runs} differs from the unbroken run's")
        leftovers = [path.name for path in broken.rglob("*.tmp")]
        print(f"run {runs}: equal, after {hits} kills in all{f', leaving {leftovers}' if leftovers else ''}")
    print(f"{hits} kills over {runs} runs, every byte as unbroken")


if __name__ == "__main__":
    main()
