"""A command whose stdout or stderr is closed, has no reader or is full: it goes on where it can, and says what is true."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.few_units import FEW_UNITS, write_few_units
from support.resuming import WORDS, posix

SENTENCE = "minisgl: stdout was closed; the command goes on and prints nothing more there\n"
pytestmark = posix


def shell(line: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which PY is Python. Its status is that of the first command of a pipe."""
    write_few_units(cwd)
    script = f"PY={shlex.quote(sys.executable)}; {line}; exit ${{PIPESTATUS[0]}}"
    return subprocess.run(["bash", "-c", script], cwd=cwd, capture_output=True, text=True, check=False, timeout=120, **options)


def training(tiny: Path) -> str:
    return shlex.join(["-m", "minisgl.train", *WORDS, *FEW_UNITS, "--data", str(tiny), "--out", "run"])


def require_complete(run: Path) -> None:
    assert json.loads((run / "report.json").read_text())["epochs"] == 2
    assert [json.loads(line)["epoch"] for line in (run / "history.jsonl").read_text().splitlines()] == [1, 2]
    assert len(list((run / "figures").glob("*.png"))) == 4


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_training_with_closed_streams_is_complete(closed: str, tiny: Path, tmp_path: Path) -> None:
    done = shell(f"$PY {training(tiny)} {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("epoch   2/2" in done.stdout) == (closed == "2>&-")
    require_complete(tmp_path / "run")


def test_a_training_goes_on_without_a_reader_and_says_so_once(tiny: Path, tmp_path: Path) -> None:
    done = shell(f"$PY {training(tiny)} | true", tmp_path)
    assert (done.returncode, done.stderr) == (0, SENTENCE)
    require_complete(tmp_path / "run")


def test_neither_stream_has_a_reader(tiny: Path, tmp_path: Path) -> None:
    done = shell(f"$PY {training(tiny)} 2>&1 | true", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    require_complete(tmp_path / "run")


def test_the_first_line_is_read(tiny: Path, tmp_path: Path) -> None:
    done = shell(f"$PY {training(tiny)} | head -1", tmp_path)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert done.stderr in ("", SENTENCE)  # "" if the whole output was in the pipe before head ended
    require_complete(tmp_path / "run")


@pytest.mark.parametrize("end", [">&-", "| true", "2>&1 | true", ">&- 2>&-"])
@pytest.mark.parametrize("module", ["evaluate", "compress"])
def test_other_commands_end_as_usual(module: str, end: str, whole: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-r", whole, tmp_path / "run"], check=True)
    done = shell(f"$PY -m minisgl.{module} run {end}", tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (SENTENCE if end == "| true" else "")
    assert (tmp_path / "run" / "compact.json").exists() == (module == "compress")


@pytest.mark.parametrize("end", [">&-", "| true"])
def test_a_sweep_goes_on(end: str, tiny: Path, tmp_path: Path) -> None:
    words = [*FEW_UNITS, "--methods", "l0", "--regimes", "continuation", "--seeds", "2", "--epochs", "2", "--holdout", "100"]
    line = shlex.join(["-m", "minisgl.sweep", *words, "--jobs", "1", "--data", str(tiny), "--out", "out"])
    done = shell(f"$PY {line} {end}", tmp_path)
    assert (done.returncode, done.stderr) == (0, SENTENCE if end == "| true" else "")
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 2
    assert (tmp_path / "out" / "table.md").exists()


@pytest.mark.parametrize("end", [">&-", "| true", "2>&- | true"])
def test_an_error_keeps_its_status(end: str, tmp_path: Path) -> None:
    done = shell(f"$PY -m minisgl.evaluate nowhere {end}", tmp_path)
    assert done.returncode == 2
    expected = "minisgl: nowhere holds no finished run: it has no report.json and model.safetensors\n"
    assert done.stderr == ("" if "2>&-" in end else expected)


@pytest.mark.parametrize("words", ["--help", "run"])
def test_help_without_a_reader(words: str, whole: Path) -> None:
    done = shell(f"$PY -m minisgl.evaluate {words} | true", whole.parent)
    assert (done.returncode, done.stderr) == (0, SENTENCE)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
def test_a_full_stdout_is_named(whole: Path, tiny: Path, tmp_path: Path) -> None:
    for line in (f"-m minisgl.evaluate {shlex.quote(str(whole))}", "-m minisgl.evaluate --help", training(tiny)):
        done = shell(f"$PY {line} >/dev/full", tmp_path)
        assert (done.returncode, done.stderr) == (2, "minisgl: stdout cannot be written: No space left on device\n")
    assert list((tmp_path / "run" / "checkpoint").iterdir())  # the training can be resumed
    assert shell(f"$PY -m minisgl.train --resume run {shlex.join(FEW_UNITS)}", tmp_path).returncode == 0
    require_complete(tmp_path / "run")
