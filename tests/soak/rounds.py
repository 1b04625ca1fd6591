"""One round of the soak: a command gets a fault at a random moment, is checked, and is then repeated without a fault."""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook
from support.digits import write_digits
from support.killing import SAME, without_times

from minisgl.data import mnist

LIMIT = 900  # seconds that a command may take
QUIET = 10  # seconds after which none of its processes may run
MARK = "MINISGL_SOAK"  # the environment variable that all processes of a command have
# The victims of each command, besides all of its processes together: the first process, and words in the others' command lines.
ROLES = {
    "train": {"first": "", "helper": "minisgl.train"},
    "sweep": {"first": "", "worker": "spawn_main", "tracker": "resource_tracker"},
    "grade": {"first": "", "pytest": "-m pytest", "kernel": "ipykernel"},
}
TRAIN = ["--epochs", "3", "--batch-size", "40", "--checkpoint-every", "4", "--shards", "2", "--threads", "2"]
SWEEP = ["--methods", "l0", "tl1", "--seeds", "1", "--regimes", "continuation", "--epochs", "2", "--jobs", "2"]
FAULTS = ("kill", "terminate", "interrupt", "stop", "stop and kill", "full disk", "memory limit")
NUMBERS = {"kill": signal.SIGKILL, "terminate": signal.SIGTERM, "interrupt": signal.SIGINT}


@dataclass
class Bench:
    """The inputs, and what each command produces without a fault, and in how many seconds."""

    folder: Path
    results: dict[str, object] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    latest: "Run | None" = None

    def prepare(self, commands: list[str]) -> None:
        """Write small inputs, and run each of these commands once."""
        for name in ("digits", "exercises", "class/ada", "class/bob"):
            (self.folder / name).mkdir(parents=True)
        train, test = mnist.load()
        write_digits(self.folder / "digits", "train", train[:600])
        write_digits(self.folder / "digits", "t10k", test[:100])
        for name, answer in (("exercises", "raise NotImplementedError"), ("class/ada", "x = 1"), ("class/bob", "x = 0")):
            texts = {"answer": answer, "check": "import time\ntime.sleep(1)\nassert x"}
            cells = [new_code_cell(text, id=f"07-ex1-{role}", metadata={"tags": ["ex1"]}) for role, text in texts.items()]
            nbformat.write(new_notebook(cells=cells), self.folder / name / "07_one.ipynb")
        for command in commands:
            work = self.folder / "whole" / command
            run = Run(self, command, work)
            run.wait_for_start()
            started = time.monotonic()
            status, text = run.ended()
            if (status, text) != (0, ""):
                sys.exit(f"{command} ends with status {status} without a fault: {text}")
            self.results[command], self.seconds[command] = result(command, work), time.monotonic() - started

    def words(self, command: str, work: Path) -> list[str]:
        """The command, or that which resumes it, with all that it writes in the folder `work`."""
        out, digits = work / "out", ["--data", str(self.folder / "digits"), "--holdout", "200"]
        if command == "train":
            if (out / "config.json").exists():
                return ["--resume", str(out)]
            shutil.rmtree(out, ignore_errors=True)  # killed before it had written its configuration
            return [*TRAIN, "--out", str(out), *digits]
        if command == "sweep":
            return [*SWEEP, "--out", str(out), *digits]
        (out / "grades.csv").unlink(missing_ok=True)
        out.mkdir(exist_ok=True)
        folders = [str(self.folder / "class"), "--exercises", str(self.folder / "exercises")]
        return [*folders, "--timeout", "60", "--out", str(out / "grades.csv")]


class Run:
    """A command that runs, with temporary files in work/tmp."""

    def __init__(self, bench: Bench, command: str, work: Path) -> None:
        (work / "tmp").mkdir(parents=True, exist_ok=True)
        self.command, self.mark, bench.latest = command, uuid4().hex, self
        self.printed = bench.folder / self.mark  # not on the small disk
        environment = {**os.environ, MARK: self.mark, "TMPDIR": str(work / "tmp"), "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"minisgl.{command}", *bench.words(command, work)],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.printed.open("wb"),
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_start(self) -> None:
        """Wait until it handles SIGTERM: until then Python imports minisgl, and no sentence can be printed."""
        until = time.monotonic() + LIMIT
        while self.process.poll() is None and time.monotonic() < until:
            with suppress(OSError):
                (caught,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{self.process.pid}/status").read_text())
                if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
                    return
            time.sleep(0.02)

    def processes(self, role: str = "all") -> list[psutil.Process]:
        """Its processes that have this role."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                first = process.pid == self.process.pid
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    words = " ".join(process.cmdline())
                    if role == "all" or (first if role == "first" else not first and ROLES[self.command][role] in words):
                        found.append(process)
        return found

    def ended(self) -> tuple[int | None, str]:
        """Its exit status, None if it does not end, and what it has printed on stderr."""
        try:
            text = self.process.communicate(timeout=LIMIT)[1]
        except subprocess.TimeoutExpired:
            self.end()
            return None, self.process.communicate()[1]
        return self.process.returncode, text + ("Traceback on stdout" if b"Traceback" in self.printed.read_bytes() else "")

    def left(self) -> list[str]:
        """The command lines of its processes that still run some seconds after its end; they are killed."""
        until = time.monotonic() + QUIET
        while (left := self.processes()) and time.monotonic() < until:
            time.sleep(0.1)
        lines = []
        for process in left:
            with suppress(psutil.Error):
                lines.append(" ".join(process.cmdline()))
        self.end()
        return lines

    def end(self) -> None:
        """Kill all of its processes."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()


@contextmanager
def small_disk(work: Path, wanted: bool) -> Iterator[None]:
    """In this context the folder is a file system of 48 MB, if that is wanted."""
    work.mkdir()
    if wanted:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(work)], check=True)
    try:
        yield
    finally:
        if wanted:
            subprocess.run(["umount", "--lazy", str(work)], check=True)


def strike(run: Run, fault: str, role: str, rng: random.Random, work: Path) -> bool:
    """Inject the fault as soon as the command has a process of this role. False if it ended before."""
    while not (victims := run.processes(role)):
        if run.process.poll() is not None:
            return False
        time.sleep(0.05)
    rng.shuffle(victims)
    if fault == "full disk":
        free = rng.choice([0, 0, 4_000, 100_000, 2_000_000, 8_000_000])  # bytes that are left
        with suppress(OSError), (work / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(100_000)):
                pass
        size = (work / "filler").stat().st_size
        os.truncate(work / "filler", max(0, size - free))
        return True
    chosen = victims if role == "all" else victims[:1]
    more = rng.choice([0, 1, 10, 100]) * 1_000_000  # bytes of memory
    limit = rng.choice([psutil.RLIMIT_AS, psutil.RLIMIT_DATA])
    for process in chosen:
        with suppress(psutil.Error):
            if fault in NUMBERS:
                process.send_signal(NUMBERS[fault])
            elif fault == "memory limit":
                used = process.memory_info().vms if limit == psutil.RLIMIT_AS else process.memory_info().data
                process.rlimit(limit, (used + more, -1))
            else:
                process.suspend()
    if fault.startswith("stop"):
        time.sleep(rng.uniform(0, 3))
        for process in chosen:
            with suppress(psutil.Error):
                process.kill() if fault == "stop and kill" else process.resume()
    return True


def allowed(command: str, fault: str, role: str) -> set[int]:
    """The exit statuses that fit the fault; 0 always does, because the command may have been nearly complete."""
    to_first = role in ("first", "all")
    if fault in ("kill", "stop and kill"):
        return {0, -signal.SIGKILL} if to_first else {0, 2}
    if fault in ("terminate", "interrupt"):  # without pytest, or a kernel at its start, nothing can be graded
        return {0, 128 + NUMBERS[fault]} if to_first else {0, 2} if command == "grade" else {0}
    if fault == "stop":
        return {0}
    return {0, 1, 2} if command == "sweep" else {0, 2}


def result(command: str, work: Path) -> object:
    """What must be equal to the bytes, or apart from times."""
    out = work / "out"
    if command == "grade":
        return (out / "grades.csv").read_bytes()
    if command == "train":
        return {name: without_times(out / name) for name in SAME}
    models = {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("*/model.safetensors"))}
    return models, without_times(out / "results.jsonl")


def spoken(status: int | None, text: str, fault: str = "") -> list[str]:
    """What is wrong with what a command has printed on stderr. Without memory, OpenBLAS prints a line and ends the process."""
    lines = [line for line in text.splitlines() if not (fault == "memory limit" and line.startswith("OpenBLAS error: Memory "))]
    if not all(line.startswith("minisgl: ") for line in lines):
        return [f"stderr is {text!r}"]
    return [f"status {status} without a sentence"] if status is not None and status > 0 and not lines else []


def partial(command: str, work: Path, whole: object, spared: bool) -> list[str]:
    """What is wrong with the results that the disturbed command has written, which may be fewer than the whole."""
    out = work / "out"
    with suppress(FileNotFoundError):
        if command == "sweep":
            lines = without_times(out / "results.jsonl")
            return [f"{line} is not in the whole results" for line in lines if line not in whole[1]]
        if command == "grade":
            texts = (out / "grades.csv").read_text(), whole.decode()
            rows, expected = (list(csv.reader(text.splitlines())) for text in texts)
            # an answer whose pytest or kernel is killed, or has too little memory, is wrong, with a message
            fits = [a[:2] == b[:2] and (a == b or (spared and a[3])) for a, b in zip(rows, expected, strict=False)]
            return [] if all(fits) and len(rows) <= len(expected) else [f"grades.csv has {rows}"]
        without_times(out / "report.json")
        return [] if result(command, work) == whole else ["there is a report of another result"]
    return []


def violations(  # noqa: PLR0917
    bench: Bench, command: str, fault: str, role: str, rng: random.Random, work: Path
) -> tuple[bool, list[str]]:
    """Whether the fault came before the command's end, and what it broke: one round."""
    found: list[str] = []
    check: Callable[[str, object], None] = lambda what, wrong: found.append(f"{what}: {wrong}") if wrong else None  # noqa: E731
    with small_disk(work, fault == "full disk"):
        shared = set(os.listdir("/dev/shm"))
        moment = rng.uniform(0, bench.seconds[command])
        run = Run(bench, command, work)
        run.wait_for_start()
        with suppress(subprocess.TimeoutExpired):
            run.process.wait(moment)
        hit = strike(run, fault, role, rng, work)
        status, text = run.ended()
        fits = status in (allowed(command, fault, role) if hit else {0})
        check(f"status {status}", not fits and (text or "no sentence"))
        found += spoken(status, text, fault)
        check("still running", run.left())
        (work / "filler").unlink(missing_ok=True)
        killed = fault in ("kill", "stop and kill")
        if not killed:
            check("temporary files", [str(path) for path in (work / "out").rglob("*.tmp")])
        if status != -signal.SIGKILL:
            check("temporary files", os.listdir(work / "tmp"))
        if not (killed and role in ("tracker", "all")):
            check("shared memory", set(os.listdir("/dev/shm")) - shared)
        spared = role not in ("first", "all") or fault == "memory limit"  # which processes inherit
        found += partial(command, work, bench.results[command], spared)
        if fault == "stop" and not found:
            check("another result", result(command, work) != bench.results[command])
        again = Run(bench, command, work)
        status, text = again.ended()
        check(f"status {status} when repeated", status != 0 and (text or "no sentence"))
        found += spoken(status, text)
        check("still running after the repetition", again.left())
        if status == 0:
            check("another result when repeated", result(command, work) != bench.results[command])
    return hit, found
