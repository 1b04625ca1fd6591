"""The pytest plugin for exercise notebooks: one task runs alone with its set-up, and every cell is reported."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

CHECKOUT = Path(__file__).parents[1]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a notebook whose first task is wrong and whose second is right."""
    tasks = [("1 / 0", "ex1"), ("y = x", "ex2"), ("assert y == 2", "ex2")]
    cells = [new_code_cell("x = 2", id="setup")]
    cells += [new_code_cell(source, id=f"cell-{i}", metadata={"tags": [task]}) for i, (source, task) in enumerate(tasks)]
    nbformat.write(new_notebook(cells=cells), folder / "twos.ipynb")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    command = [sys.executable, "-m", "pytest", "-p", "minisgl.nbval_plugin", "--nbval-lax", "twos.ipynb", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_one_task_alone_runs_its_cells_and_the_set_up(tmp_path):
    done = run(tmp_path, "-m", "ex2")
    assert done.returncode == 0, done.stdout
    assert "3 passed, 1 deselected" in done.stdout


def test_every_cell_is_reported(tmp_path):
    done = run(tmp_path, "--cell-report", "report.jsonl")
    assert done.returncode == 1, done.stdout
    entries = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [(entry["notebook"], entry["id"], entry["passed"]) for entry in entries] == [
        ("twos.ipynb", "setup", True),
        ("twos.ipynb", "cell-0", False),
        ("twos.ipynb", "cell-1", True),
        ("twos.ipynb", "cell-2", True),
    ]
    assert (entries[1]["error"], entries[1]["message"]) == ("ZeroDivisionError", "division by zero")
    assert entries[0]["error"] is entries[0]["message"] is None


def test_pytest_loads_the_plugin_by_its_module_name():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"minisgl.nbval_plugin": "minisgl.nbval_plugin"}
