"""A run whose JSON files hold values of other types is read, or refused in a sentence, by all that reads runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.commands import refused
from support.fuzz import with_other_types

import minisgl
from minisgl import config as configuration
from minisgl import ranges
from minisgl.comparison import grid, results
from minisgl.comparison.grid import Entry
from minisgl.errors import MinisglError
from minisgl.formats import network_file
from minisgl.models import lenet5
from minisgl.training.directory import RunDirectory


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of the run, with a network that is read in no time."""
    copy = Path(shutil.copytree(whole, tmp_path / "run"))
    network_file.write(copy / "model.safetensors", lenet5(np.random.default_rng(0), units=(2, 3, 4, 10)))
    return copy


def readers(run: Path) -> dict[str, Callable[[], object]]:
    """All that reads a run, as functions that raise nothing but a MinisglError."""
    directory = RunDirectory(run)
    return {
        "load": lambda: minisgl.load(run),
        "open": lambda: minisgl.Run.open(run, experiment="mnist-lenet5").history,
        "test set": lambda: minisgl.Run.open(run).test_set(),
        "configuration": lambda: ranges.check(configuration.from_json(directory.config)),
        "sweep": lambda: results.read_result(entry(run), directory),
    }


def entry(run: Path) -> Entry:
    (made,) = grid.entries(["l0"], ["continuation"], 1, epochs=2, holdout=0, out=run.parent, data=None)
    return made


def outcomes(run: Path) -> set[str]:
    """The readers that refused the run."""
    refusals = {}
    for name, read in readers(run).items():
        try:
            read()
        except MinisglError as error:
            refusals[name] = str(error)
    assert not any("\n" in sentence or len(sentence) > 1500 for sentence in refusals.values())
    return {*refusals}


def test_the_run_itself_is_read(run: Path) -> None:
    assert outcomes(run) == set()


@pytest.mark.parametrize("name", ["report.json", "config.json"])
def test_values_of_other_types(name: str, run: Path) -> None:
    path = run / name
    values = json.loads(path.read_text())
    values.pop("versions", None)
    for entry_of in ("w", "v"):
        if entry_of in values:  # one layer is enough
            values[entry_of]["layers"] = dict(list(values[entry_of]["layers"].items())[:1])
    seen = set()
    for changed in with_other_types(values):
        path.write_text(json.dumps(changed))
        seen |= outcomes(run)
    assert seen == {*readers(run)} - {"configuration" if name == "report.json" else "load"}


def test_a_history_of_other_types(run: Path) -> None:
    path = run / "history.jsonl"
    first, last = path.read_text().splitlines()
    seen = set()
    for changed in with_other_types(json.loads(last)):
        path.write_text(f"{first}\n{json.dumps(changed)}\n")
        seen |= outcomes(run)
    for text in ("", "\n", "{", first[:-3], "\xff"):
        path.write_bytes(text.encode("latin-1"))
        seen |= outcomes(run)
    assert seen == {"open", "sweep"}


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("report.json", {"experiment": ["x"]}, "report.json is not a run's report: experiment must be text, but is ['x']"),
        ("report.json", {"experiment": None}, "report.json is not a run's report: experiment must be text, but is None"),
        ("report.json", 5, "report.json is not a run's report: it must be a JSON object, but is 5"),
        ("config.json", {"network": 3}, "config.json is not a run's configuration: network must be text, but is 3"),
    ],
)
def test_the_sentence_of_every_command(name: str, change: object, sentence: str, run: Path, command: Callable) -> None:
    values = json.loads((run / name).read_text())
    (run / name).write_text(json.dumps({**values, **change} if isinstance(change, dict) else change))
    for module, *words in (("evaluate",), ("compress",), ("classify", "--word", "hello")):
        if module == "classify" and name == "config.json":
            continue  # it does not read the configuration
        refused(command(f"minisgl.{module}", "run", *words), f"{Path('run', name)}{sentence.removeprefix(name)}")
