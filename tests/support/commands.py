"""The commands as a user runs them: their words as a configuration, a whole process, and what a refusal looks like."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from minisgl import train
from minisgl.config import TrainConfig
from minisgl.experiments import configured


def parsed(words: Iterable[object]) -> TrainConfig:
    """The configuration that the words on the command line ask for."""
    return configured(train.parse([*map(str, words)]))


def run_module(module: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` without a terminal, warnings as errors."""
    words = [sys.executable, "-W", "error", "-m", module, *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


def refused(done, *words: str) -> None:
    """The process ended as a refusal that contains these words."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    if "minisgl: " in done.stderr:
        assert done.stderr.count("\n") == 1, done.stderr  # one sentence
    else:
        assert "--help" in done.stderr  # the CLI library's own words
    flat = " ".join(done.stderr.replace("│", " ").split())
    for word in words:
        assert word in flat, (word, done.stderr)
