"""The pytest plugin of minisgl.grade: with `--report-cells` pytest prints a line of JSON for every notebook cell, twice:

    {"notebook": "05.ex2.ipynb", "id": "05-ex2-check", "when": "setup", "passed": true, "error": null, "message": null}
    {"notebook": "05.ex2.ipynb", "id": "05-ex2-check", "when": "call", "passed": false, "error": "CheckFailed", "message": ".."}

The first line says whether there is a kernel, and the second whether the cell, run in it, passed. Nothing else reaches stdout.

With `--end-with-stdin` pytest and its kernels are killed when stdin is closed, as the system does when the grader has ended.

Only grading.py loads this, with `-p minisgl.course.grading_plugin`, and reads the lines. pytest needs -s.
"""

import json
import os
import threading
from collections.abc import Generator
from typing import Any, TextIO

import pytest

from minisgl.course.grading import kill_children
from minisgl.course.kernels import start_from_nbval

REPORTS = pytest.StashKey[TextIO]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --report-cells and --end-with-stdin."""
    parser.addoption("--report-cells", action="store_true", help="print lines of JSON for every notebook cell, nothing else")
    parser.addoption("--end-with-stdin", action="store_true", help="kill pytest and its kernels when stdin is closed")


def pytest_configure(config: pytest.Config) -> None:
    """Start the kernels as kernels.py says, keep stdout for the reports, and watch stdin."""
    start_from_nbval()
    if config.getoption("report_cells"):
        config.stash[REPORTS] = os.fdopen(os.dup(1), "w", encoding="utf-8")
        with open(os.devnull, "w", encoding="utf-8") as null:
            os.dup2(null.fileno(), 1)  # for pytest and for the kernels
    if config.getoption("end_with_stdin"):
        threading.Thread(target=_end_with_stdin, daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(0, 1):
        pass
    kill_children(os.getpid())
    os._exit(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Report a cell before and after it is run."""
    report = yield
    if REPORTS in item.config.stash and call.when != "teardown" and hasattr(item, "cell"):
        errors = [output for output in item.test_outputs or [] if output.output_type == "error"]
        error = errors[-1] if errors else {}
        passed = call.excinfo is None
        entry = {
            "notebook": item.path.name,
            "id": item.cell.get("id"),
            "when": call.when,
            "passed": passed,
            "error": None if passed else error.get("ename"),
            "message": None if passed else error.get("evalue") or str(call.excinfo.value if call.excinfo else ""),
        }
        print(json.dumps(entry), file=item.config.stash[REPORTS], flush=True)
    return report
