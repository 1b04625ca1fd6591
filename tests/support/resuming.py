"""Runs of a few seconds in the tests' own process, and the comparison of two of them byte for byte."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from rich.console import Console

from minisgl import train
from minisgl.errors import Interrupted
from minisgl.training import figures
from minisgl.training.loop import Training
from support.killing import SAME, without_times

WORDS = ["--epochs", "2", "--batch-size", "50", "--threads", "1"]  # with the fixture `tiny`, 8 steps an epoch
posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no fork, no signals between processes, no resource limits"
)


@contextmanager
def without_figures() -> Iterator[None]:
    """Inside it runs draw no figures, which take longer than all the rest; test_plots.py draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "save_run_figures", lambda *arguments: None)
        yield


def run(words, out=None) -> str:
    """The command within this process; what it printed."""
    words = [*map(str, words), *(["--out", str(out)] if out else [])]
    console = Console(file=StringIO(), width=200)
    train.run(train.parse(words), console)
    return console.file.getvalue()


def stopped(words, out, after, monkeypatch) -> str:
    """A run that is interrupted by Ctrl-C during step number `after`; the sentence that it ends with."""
    step, calls = Training.step, 0

    def counted(self, *arguments):
        nonlocal calls
        calls += 1
        if calls == after:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "step", counted)
        with pytest.raises(Interrupted) as raised:
            run(words, out)
    return str(raised.value)


def assert_same(one, other) -> None:
    """Two runs have the same files, apart from times and from where they lie."""
    for name in SAME:
        assert without_times(one / name) == without_times(other / name), name
