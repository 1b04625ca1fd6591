"""What pytest needs to know of an exercise notebook beyond nbval; `pip install` makes it known to pytest.

    pytest --nbval-lax notebooks/exercises/05_*.ipynb -m ex2       one task alone

nbval makes a test of every code cell, and of these `-m ex2` runs only the ones that carry the mark ex2. A task's own cells
carry it as a tag. Set-up cells belong to all tasks, so here they are given every task's mark.

`--cell-report FILE` adds a line of JSON to FILE for every cell that was run: its notebook, its id, whether it passed, and the
error if it did not. minisgl.grade reads it.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from minisgl.exercises import task_of

TASKS = range(1, 10)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --cell-report."""
    parser.addoption("--cell-report", type=Path, default=None, metavar="FILE", help="a line of JSON for every notebook cell")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, so that --strict-markers accepts them."""
    for number in TASKS:
        config.addinivalue_line("markers", f"ex{number}: the cells of task {number} in an exercise notebook, and its set-up")


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every notebook cell with its task, and a set-up cell with all of them."""
    for item in items:
        cell = getattr(item, "cell", None)  # nbval's items have one
        if cell is None:
            continue
        task = task_of(cell)
        for mark in [task] if task else [f"ex{number}" for number in TASKS]:
            item.add_marker(getattr(pytest.mark, mark))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Put down what became of a cell."""
    report = yield
    path = item.config.getoption("cell_report")
    if path is not None and call.when == "call" and hasattr(item, "cell"):
        errors = [output for output in item.test_outputs or [] if output.output_type == "error"]
        error = errors[-1] if errors else {}
        passed = call.excinfo is None
        entry = {
            "notebook": item.path.name,
            "id": item.cell.get("id"),
            "passed": passed,
            "error": None if passed else error.get("ename"),
            "message": None if passed else error.get("evalue") or str(call.excinfo.value if call.excinfo else ""),
        }
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    return report
