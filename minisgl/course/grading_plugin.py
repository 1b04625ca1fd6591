"""The pytest plugin of minisgl.grade: `--cell-report FILE` appends a line of JSON to FILE for every notebook cell that was run.

    {"notebook": "05.ex2.ipynb", "id": "05-ex2-check", "passed": false, "error": "CheckFailed", "message": "05.least_cost ..."}

With `--end-with-stdin` pytest and its kernels are killed when stdin is closed, as the system does when the grader has ended.

Only grading.py loads it, with `-p minisgl.course.grading_plugin`, and reads the lines.
"""

import json
import os
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from minisgl.course.grading import kill_children
from minisgl.course.kernels import start_from_nbval


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --cell-report and --end-with-stdin."""
    parser.addoption("--cell-report", type=Path, default=None, metavar="FILE", help="a line of JSON for every notebook cell")
    parser.addoption("--end-with-stdin", action="store_true", help="kill pytest and its kernels when stdin is closed")


def pytest_configure(config: pytest.Config) -> None:
    """Start the kernels as kernels.py says, and watch stdin."""
    start_from_nbval()
    if config.getoption("end_with_stdin"):
        threading.Thread(target=_end_with_stdin, daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(0, 1):
        pass
    kill_children(os.getpid())
    os._exit(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Append the result of a cell to the report."""
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
