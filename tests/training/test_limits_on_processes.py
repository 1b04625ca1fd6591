"""A user who may start no more processes or threads, as in a container with a limit: the run goes on, with the same bytes."""

import os
from pathlib import Path

import pytest
from support.faults import allowing, run_python
from support.killing import without_times
from support.resuming import WORDS, run

pytestmark = pytest.mark.usefixtures("no_figures")

PROCESS = "minisgl: a training process cannot be started (Resource temporarily unavailable); the run goes on in one process\n"
THREAD = "minisgl: a thread cannot be started (can't start new thread); the work goes on in one thread\n"
FIGURES = "minisgl: figures could not be drawn: RuntimeError: no figures\n"
SHARDS = [*WORDS, "--shards", "3"]


@pytest.fixture(scope="module")
def unlimited(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unlimited") / "run"
    run([*SHARDS, "--data", tiny], out)
    return out


@pytest.mark.parametrize(
    ("limit", "warning"), [(1, PROCESS + THREAD), (2, PROCESS + THREAD), (3, THREAD), (5, "")], ids=["1", "2", "3", "5"]
)
def test_a_limit_on_processes_and_threads_changes_no_byte(limit, warning, tiny, unlimited, tmp_path):
    """Three processes and, in the first, three threads are asked for. With a limit of 2, the third process fails."""
    words = ["-m", "minisgl.train", *SHARDS, "--threads", "3", "--data", tiny, "--out", "run"]
    (tmp_path / "matplotlib.py").write_text("raise RuntimeError('no figures')")  # they take longer than all the rest
    done = run_python(*words, cwd=tmp_path, prefix=allowing(limit))
    assert (done.returncode, done.stderr) == (0, warning + FIGURES)
    for name in ("model.safetensors", "history.jsonl"):
        assert without_times(tmp_path / "run" / name) == without_times(unlimited / name)


def test_without_threads_there_is_a_progress_bar(tiny, tmp_path):
    prefix, (ours, theirs) = allowing(1), os.openpty()
    (tmp_path / "matplotlib.py").write_text("raise RuntimeError('no figures')")
    words = ["-m", "minisgl.train", *WORDS, "--data", tiny, "--out", "run"]
    with open(ours, "rb", buffering=0) as terminal:
        done = run_python(*words, cwd=tmp_path, prefix=prefix, stdout=theirs, TERM="xterm")
        os.close(theirs)
        shown = b""
        while part := _read(terminal):
            shown += part
    assert (done.returncode, done.stderr) == (0, FIGURES)
    assert b"epoch 2/2" in shown


def _read(terminal) -> bytes:
    try:
        return terminal.read(10_000)
    except OSError:  # on Linux the end of a pseudo-terminal is an error
        return b""


def test_the_processes_that_were_started_before_the_failing_one_are_ended(tmp_path):
    code = """
import multiprocessing
from minisgl.training.forks import Processes
try:
    Processes(3, print)
except OSError as error:
    print(error.strerror, multiprocessing.active_children())
"""
    done = run_python("-c", code, cwd=tmp_path, prefix=allowing(2))
    assert (done.stdout, done.stderr) == ("Resource temporarily unavailable []\n", "")


@pytest.mark.skipif(os.cpu_count() == 1, reason="with one core no threads are used")
def test_an_evaluation_goes_on_without_threads(unlimited, tmp_path):
    done = run_python("-m", "minisgl.evaluate", unlimited, cwd=tmp_path, prefix=allowing(1))
    assert (done.returncode, done.stderr) == (0, THREAD)
    assert done.stdout == run_python("-m", "minisgl.evaluate", unlimited, cwd=tmp_path).stdout
