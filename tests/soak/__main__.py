"""Train, sweep and grade under random faults, for some minutes; by hand, on Linux:

    python tests/soak --seed 1 --minutes 10         exit status 1, and a line for each violation, if there is one
    python tests/soak --table                       the Markdown table of summaries.jsonl

A generator with this seed chooses a command, a fault, the process that gets it, and the moment, round after round. rounds.py
says what is checked. The same seed makes the same choices, but how far a command is at a moment depends on the machine.
The program runs in a mount namespace of its own, with an empty /dev/shm; without root it leaves out full disks.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `support`

from rounds import FAULTS, ROLES, Bench, violations

from minisgl.training.interrupts import terminating

SUMMARIES = Path(__file__).with_name("summaries.jsonl")
PRIVATE = "MINISGL_SOAK_PRIVATE"  # the environment variable that is set in the namespace


def in_namespace() -> bool:
    """Start this program again in a mount namespace of its own; return whether it is there, or False if that is impossible."""
    if PRIVATE in os.environ:
        return True
    words = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/shm && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        return False
    os.execvpe(words[0], [*words, sys.executable, *sys.argv], {**os.environ, PRIVATE: "1"})


def table() -> str:
    """The summaries as Markdown."""
    lines = ["| date | seed | minutes | rounds | faults that hit | violations |", "|---|---|---|---|---|---|"]
    for text in SUMMARIES.read_text().splitlines() if SUMMARIES.exists() else []:
        each = json.loads(text)
        rounds = ", ".join(f"{count} {name}" for name, count in each["rounds"].items())
        faults = ", ".join(f"{count} {name}" for name, count in each["faults"].items())
        lines.append(f"| {each['date']} | {each['seed']} | {each['minutes']:g} | {rounds} | {faults} | {each['violations']} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the options and run rounds until the time is over."""
    parser = argparse.ArgumentParser(prog="python tests/soak", description="Train, sweep and grade under random faults.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--commands", nargs="+", choices=ROLES, default=[*ROLES])
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=[*FAULTS])
    parser.add_argument("--table", action="store_true", help="only print the table of the summaries")
    options = parser.parse_args()
    if options.table:
        print(table())
        return
    if sys.platform != "linux":
        sys.exit("the soak needs Linux")
    if not in_namespace() and "full disk" in options.faults:
        print("only root may mount a file system: no disk is filled")
        options.faults.remove("full disk")
    rng, until = random.Random(options.seed), time.monotonic() + 60 * options.minutes
    rounds, faults, missed, wrong = Counter(), Counter(), 0, 0
    with terminating(), ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="minisgl-soak-", ignore_cleanup_errors=True))
        bench = Bench(Path(folder))
        stack.callback(lambda: bench.latest and bench.latest.end())
        bench.prepare(options.commands)
        print("without a fault:", ", ".join(f"{name} {seconds:.0f} s" for name, seconds in bench.seconds.items()), flush=True)
        while time.monotonic() < until:
            number = sum(rounds.values()) + 1
            command, fault = rng.choice(options.commands), rng.choice(options.faults)
            role = rng.choice([*ROLES[command], "all"])
            if fault == "full disk" or (fault == "memory limit" and role == "tracker"):
                role = "first"
            work = Path(folder, f"round-{number}")
            hit, found = violations(bench, command, fault, role, random.Random(rng.random()), work)
            rounds[command] += 1
            faults[fault] += hit
            missed += not hit
            wrong += len(found)
            print(f"round {number}: {command}, {fault}, {role}{'' if hit else ', too late'}", flush=True)
            for each in found:
                print(f"VIOLATION, seed {options.seed}, round {number}: {each}", flush=True)
            if not found:
                shutil.rmtree(work, ignore_errors=True)
            if os.path.ismount(work):
                sys.exit(f"{work} is still mounted")
    summary = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "seed": options.seed,
        "minutes": options.minutes,
        "rounds": dict(sorted(rounds.items())),
        "faults": dict(sorted((+faults).items())),
        "too late": missed,
        "violations": wrong,
    }
    print(json.dumps(summary))
    with SUMMARIES.open("a", encoding="utf-8") as file:
        file.write(json.dumps(summary) + "\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
