"""The user's matplotlib settings change no figure, and where they keep matplotlib from working nothing else is lost."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from rich.console import Console
from support.commands import refused
from support.faults import run_python
from support.few_units import FEW_UNITS, write_few_units
from support.resuming import WORDS

from minisgl.comparison import results, tables
from minisgl.errors import MinisglError, MinisglWarning
from minisgl.training import figures

NO_LATEX = "text.usetex: True\nfigure.dpi: 30\nlines.linewidth: 9\nsavefig.facecolor: red\n"
CAUSE = "ValueError: Key backend: 'nonsense' is not a valid value for backend"
RESULTS = Path(__file__).parents[2] / "docs" / "results.jsonl"
DRAW = ["minisgl.sweep", "--draw", RESULTS, "--out", "drawn"]


@pytest.fixture
def unknown_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "nonsense")


def drawn(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "figures").iterdir()}


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def with_settings(settings: str, folder: Path, *commands: list[object]) -> subprocess.CompletedProcess[str]:
    """Run these commands in one process, whose matplotlibrc has these settings."""
    (folder / "matplotlibrc").write_text(settings)
    code = f"""
import runpy, sys
for words in {[[*map(str, words)] for words in commands]!r}:
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__")
"""
    return run_python("-c", code, cwd=folder, MATPLOTLIBRC=str(folder / "matplotlibrc"))


@pytest.fixture(scope="module")
def with_own_settings(whole: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which runs were compressed, compared and trained with settings that draw text with LaTeX, if it is there."""
    folder = tmp_path_factory.mktemp("own-settings")
    shutil.copytree(whole, folder / "run")
    write_few_units(folder)
    training = ["minisgl.train", *FEW_UNITS, *WORDS, "--data", tiny, "--out", "trained"]
    done = with_settings(NO_LATEX, folder, ["minisgl.compress", "run"], DRAW, training)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def test_figures_do_not_depend_on_the_users_settings(with_own_settings: Path, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    done = with_settings("", tmp_path, ["minisgl.compress", "run"], DRAW)
    assert (done.returncode, done.stderr) == (0, "")
    for folder in (tmp_path, with_own_settings):
        assert len(drawn(folder / "run")) == 1
    assert drawn(with_own_settings / "run") == drawn(tmp_path / "run")
    assert (with_own_settings / "drawn" / "pareto.png").read_bytes() == (tmp_path / "drawn" / "pareto.png").read_bytes()


def test_a_training_draws_its_figures(with_own_settings: Path) -> None:
    assert len(drawn(with_own_settings / "trained")) == 4


@pytest.mark.usefixtures("unknown_backend")
def test_a_training_is_complete_without_matplotlib(command: Callable, tiny: Path, tmp_path: Path) -> None:
    done = command("minisgl.train", *WORDS, "--data", tiny, "--out", "run")
    assert done.returncode == 0
    assert done.stderr.startswith(f"minisgl: figures could not be drawn: {CAUSE}")
    assert done.stderr.count("\n") == 1
    assert done.stdout.splitlines()[-1].endswith("everything is in run")
    assert json.loads((tmp_path / "run" / "report.json").read_text())["epochs"] == 2
    again = command("minisgl.train", "--resume", "run")
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.usefixtures("unknown_backend")
def test_a_run_is_compressed_without_matplotlib(command: Callable, run: Path) -> None:
    (run / "figures" / "architecture.png").write_bytes(b"of an earlier call")
    done = command("minisgl.compress", "run")
    assert done.returncode == 0
    assert done.stderr.startswith(f"minisgl: figures/architecture.png could not be drawn: {CAUSE}")
    assert done.stderr.count("\n") == 1
    assert all((run / name).exists() for name in ("compact.safetensors", "compact.onnx", "compact.json"))
    assert drawn(run) == {}


@pytest.mark.usefixtures("unknown_backend")
def test_what_needs_matplotlib_says_so(command: Callable, tiny: Path, run: Path, tmp_path: Path) -> None:
    report = json.loads((run / "report.json").read_text())
    (run / "report.json").write_text(json.dumps({**report, "experiment": "shaky-curves"}))
    sentence = f"needs matplotlib, which cannot be imported: {CAUSE}"
    for words in (("minisgl.classify", "run", "--word", "hello"), ("minisgl.sweep", "--draw", RESULTS, "--out", "drawn")):
        refused(command(*words), sentence)
    refused(command("minisgl.sweep", "--data", tiny, "--out", "sweep"), sentence)  # before any training
    refused(command("minisgl.train", "--experiment", "shaky-curves"), sentence)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def failing(*arguments: object) -> None:
    raise RuntimeError("Failed to process string with tex\nbecause latex could not be found")


FAILED = "could not be drawn: RuntimeError: Failed to process string with tex because latex could not be found"


def test_a_figure_that_fails_is_one_sentence(tmp_path: Path) -> None:
    with pytest.warns(MinisglWarning, match=f"^folder/a.png {FAILED}$"):
        assert figures.png_or_warning(failing, tmp_path / "folder" / "a.png") is None
    with pytest.raises(MinisglError, match=f"^folder/a.png {FAILED}$"):
        figures.png(failing, tmp_path / "folder" / "a.png")


class FailingCallback:
    """C code of matplotlib calls back, and cannot pass on the error; Python prints it, as it does that of __del__."""

    def __del__(self) -> None:
        raise MemoryError


@pytest.mark.parametrize("fails", [False, True])
def test_the_error_of_a_callback_is_printed_only_beside_a_figure(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw() -> Figure:
        FailingCallback()
        if fails:
            raise MemoryError("std::bad_alloc")
        return Figure()

    printed: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: printed.append(lost.exc_type))
    if fails:
        with pytest.warns(MinisglWarning, match=r"^folder/a.png could not be drawn: MemoryError: std::bad_alloc$"):
            assert figures.png_or_warning(draw, tmp_path / "folder" / "a.png") is None
    else:
        assert figures.png(draw, tmp_path / "a.png")
    assert printed == ([] if fails else [MemoryError])


@pytest.mark.parametrize("must_draw", [False, True])
def test_a_sweeps_figure_that_fails(must_draw: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "pareto", failing)
    runs = results.read(RESULTS)
    with pytest.raises(MinisglError, match=FAILED) if must_draw else pytest.warns(MinisglWarning, match=FAILED):
        tables.show(runs, tmp_path, Console(quiet=True), must_draw)
    assert (tmp_path / "table.md").exists()
