"""A sweep that is terminated or killed leaves no process and no shared memory, and the same command continues."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from support.faults import allowing, run_python
from support.few_units import FEW_UNITS, write_few_units
from support.resuming import posix

from minisgl.comparison import workers
from minisgl.errors import Interrupted, MinisglWarning
from minisgl.training.interrupts import deferring_interrupts, terminating

psutil = pytest.importorskip("psutil")
pytestmark = posix
WORDS = [*FEW_UNITS, "--methods", "l0", "tl1", "--seeds", "1", "--regimes", "continuation", "--holdout", "200"]
MAIN = "from minisgl import sweep; from minisgl.comparison import workers; workers.GRACE = {}; sweep.main()"


class Sweep:
    """A sweep with two runs on digits, after the first checkpoint of both. `processes`: the sweep and all it has started."""

    def __init__(self, data: Path, out: Path, epochs: int, grace: float = workers.GRACE) -> None:
        self.out, self.shared, self.processes = out, shared(), []
        self.words = [sys.executable, "-W", "error", "-c", MAIN.format(grace), *WORDS, "--epochs", str(epochs)]
        self.words += ["--data", str(data), "--out", str(out)]
        write_few_units(out.parent)
        self.process = subprocess.Popen(
            self.words, cwd=out.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 300
        while len({path.parent for path in out.glob("*/checkpoint/*.safetensors")}) < 2:
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.05)
        self.processes = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def ended(self) -> tuple[int, str]:
        """The status and the complaint of the sweep, after all of its processes have ended and left nothing."""
        complaint = self.process.communicate(timeout=60)[1]
        assert psutil.wait_procs(self.processes, timeout=20)[1] == []
        until = time.monotonic() + 60  # other tests may have semaphores there now; theirs go
        while left := shared() - self.shared:
            assert time.monotonic() < until, left
            time.sleep(0.1)
        return self.process.returncode, complaint

    def close(self) -> None:
        """End what a failed test has left."""
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def started(tiny: Path, tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    """Start a sweep of runs of so many epochs."""
    with ExitStack() as stack:
        yield lambda *numbers: stack.enter_context(closing(Sweep(tiny, tmp_path / "grid", *numbers)))


def shared() -> set[Path]:
    """What is in shared memory, and joblib's folders of temporary files."""
    return {*Path("/dev/shm").glob("*"), *Path(tempfile.gettempdir()).glob("*joblib*")}


TERM, INT = (signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")


@pytest.mark.parametrize(("number", "status", "how", "group"), [(*TERM, False), (*TERM, True), (*INT, True)])
def test_a_signal_to_the_sweep_or_to_all_its_processes_ends_them(number, status, how, group, started) -> None:
    sweep = started(100_000)
    for process in sweep.processes if group else sweep.processes[:1]:
        process.send_signal(number)
    assert sweep.ended() == (status, f"minisgl: {how} after 0 of 2 runs; the same command continues\n")


def test_a_second_signal_does_not_wait(started) -> None:
    sweep = started(100_000, 1000)  # that is how long the first alone would wait, in seconds
    for worker in sweep.processes[1:]:
        if "spawn_main" in " ".join(worker.cmdline()):
            worker.suspend()  # so that it cannot save a checkpoint
    sweep.process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        sweep.process.wait(3)
    sweep.process.send_signal(signal.SIGTERM)
    assert sweep.ended()[0] == 143


def test_the_same_command_continues_after_the_sweep_was_killed(started) -> None:
    sweep = started(2)
    sweep.process.kill()
    assert sweep.ended()[0] == -signal.SIGKILL
    done = subprocess.run(sweep.words, cwd=sweep.out.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert len((sweep.out / "results.jsonl").read_text().splitlines()) == 2


def saving(path: Path) -> None:
    """Wait until the call is interrupted, as a training does, and make a second file."""
    with deferring_interrupts() as stop:
        path.touch()
        while not stop():
            time.sleep(0.01)
        path.with_suffix(".saved").touch()


def test_a_call_that_is_interrupted_can_save(tmp_path) -> None:
    paths = [tmp_path / "first", tmp_path / "second"]

    def interrupted_calls() -> None:
        with terminating():
            threading.Thread(target=terminate_this_process).start()
            list(workers.outcomes(saving, paths, jobs=2))

    def terminate_this_process() -> None:
        while not all(path.exists() for path in paths):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        interrupted_calls()
    assert {path.name for path in tmp_path.iterdir()} == {"first", "first.saved", "second", "second.saved"}


def test_a_call_that_does_not_end_is_killed(monkeypatch) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.5)
    calls = workers.outcomes(time.sleep, [0, 1000], jobs=2)
    next(calls)
    (worker,) = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    calls.close()
    assert not worker.is_running()


def test_an_error_of_a_call_is_raised(tmp_path) -> None:
    with pytest.raises(RuntimeError, match="FileNotFoundError"):
        list(workers.outcomes(os.listdir, [tmp_path, tmp_path / "missing"], jobs=2))


def test_a_tracker_that_was_killed_is_replaced_in_silence(tmp_path) -> None:
    """multiprocessing's process for shared memory, of which the calls use none; Python would warn of leaks."""
    code = """
import psutil
from minisgl.comparison.workers import outcomes
for number in outcomes(abs, [-1, -2], jobs=1):
    print(number)
    for child in psutil.Process().children():
        child.kill()
        while child.status() != psutil.STATUS_ZOMBIE:
            pass
"""
    done = run_python("-c", code, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n2\n", "")


def warning(text: str) -> None:
    warnings.warn(text, MinisglWarning, stacklevel=1)


def test_a_warning_of_a_call_is_a_sentence(capfd) -> None:
    list(workers.outcomes(warning, ["the data are few"], jobs=2))
    assert capfd.readouterr().err == "minisgl: the data are few\n"


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        (2, "process for a run cannot be started: Resource temporarily unavailable"),
        (3, "thread for a run cannot be started: can't"),
    ],
)
def test_a_limit_on_processes_is_named(limit, what, tmp_path) -> None:
    """One is the sweep's own process, and one is multiprocessing's, for shared memory."""
    code = "import os; from minisgl.comparison.workers import outcomes; list(outcomes(os.listdir, ['.'], jobs=2))"
    done = run_python("-c", code, cwd=tmp_path, prefix=allowing(limit))
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"minisgl.errors.MinisglError: a {what}")
    assert last.endswith("; with --jobs 1 none is needed")
    assert "SpawnProcess" not in done.stderr
