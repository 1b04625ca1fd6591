"""The pytest plugins for exercise notebooks: one task runs alone with its set-up, and every cell is reported."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

CHECKOUT = Path(__file__).parents[2]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a notebook whose first task is wrong and whose second is right."""
    tasks = [("1 / 0", "ex1"), ("y = x", "ex2"), ("assert y == 2", "ex2")]
    cells = [new_code_cell("x = 2", id="setup")]
    cells += [new_code_cell(source, id=f"cell-{i}", metadata={"tags": [task]}) for i, (source, task) in enumerate(tasks)]
    nbformat.write(new_notebook(cells=cells), folder / "twos.ipynb")
    return pytest_in(folder, "-p", "minisgl.course.nbval_plugin", "--nbval-lax", "twos.ipynb", *words)


def pytest_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a project of its own, with strict markers."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


def test_one_task_alone_runs_its_cells_and_the_set_up(tmp_path):
    done = run(tmp_path, "-m", "ex2")
    assert done.returncode == 0, done.stdout
    assert "3 passed, 1 deselected" in done.stdout


def test_every_cell_is_reported_and_nothing_else_is_printed(tmp_path):
    done = run(tmp_path, "-p", "minisgl.course.grading_plugin", "--report-cells", "-s")
    assert done.returncode == 1, done.stdout
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(entry["notebook"], entry["id"], entry["when"], entry["passed"]) for entry in entries] == [
        ("twos.ipynb", cell, when, (cell, when) != ("cell-0", "call"))
        for cell in ("setup", "cell-0", "cell-1", "cell-2")
        for when in ("setup", "call")
    ]
    assert (entries[3]["error"], entries[3]["message"]) == ("ZeroDivisionError", "division by zero")
    assert entries[0]["error"] is entries[0]["message"] is entries[1]["message"] is None


def test_pytest_loads_the_plugin_by_its_module_name():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"minisgl.course.nbval_plugin": "minisgl.course.nbval_plugin"}


def test_it_says_nothing_in_other_projects(tmp_path):
    for option in ("--markers", "--help"):
        done = pytest_in(tmp_path, "-p", "minisgl.course.nbval_plugin", option)
        assert done.returncode == 0, done.stdout
        for ours in ("report-cells", "ex1", "minisgl", "exercise notebook"):
            assert ours not in done.stdout


def test_it_loads_and_marks_nothing_in_other_projects(tmp_path):
    """The other project has a notebook, and a conftest.py that prints the marks and the modules."""
    nbformat.write(new_notebook(cells=[new_code_cell("x = 2", metadata={"tags": ["slow"]})]), tmp_path / "theirs.ipynb")
    (tmp_path / "test_theirs.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        "import sys\n"
        "def pytest_collection_finish(session):\n"
        "    print([mark.name for item in session.items for mark in item.iter_markers()])\n"
        "    print(sorted({'numpy', 'minisgl.backend', 'minisgl.check', 'minisgl.course.checks'} & set(sys.modules)))\n",
        encoding="utf-8",
    )
    done = pytest_in(tmp_path, "-s", "-p", "minisgl.course.nbval_plugin", "--nbval-lax", "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    assert "2 tests collected" in done.stdout
    assert done.stdout.count("[]\n") == 2, done.stdout
