"""How a student's answers are graded: each is taken out of the notebook, put into a fresh one, and run.

A fresh notebook holds the set-up, the answer and the check of one task. So editing or deleting a check gains nothing, and one
task cannot break another. pytest and nbval run a student's notebooks in a separate process. When its time is up it is killed,
with the kernels that it started. If the grader itself is killed, they end too: pytest notices that its stdin was closed.
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat import NotebookNode

from minisgl.course.cells import answer_id, check_id, task_of
from minisgl.errors import MinisglError

STARTUP = 60  # seconds that a kernel may take to start and end, on top of its cells' time


@dataclass(frozen=True, eq=False)
class Task:
    """A task as it was handed out: its chapter, its name, such as "ex2", and the code cells that it needs."""

    chapter: str
    name: str
    cells: list[Any]

    @property
    def exercise(self) -> str:
        """The task's name in the CSV: "05.ex2"."""
        return f"{self.chapter}.{self.name}"

    @property
    def answer(self) -> str:
        """The id of the answer's cell."""
        return answer_id(self.chapter, self.name)

    def with_answer(self, source: str) -> str:
        """Return a notebook of these cells with this answer, as JSON."""
        cells = [NotebookNode({**cell, "source": source if cell.id == self.answer else cell.source}) for cell in self.cells]
        return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells, nbformat_minor=5)))

    def judge(self, reports: list[dict[str, Any]]) -> str | None:
        """Return what is wrong according to the reports of the task's cells.

        "" if the check passed; None if the check was not reached although no cell failed.
        """
        check = check_id(self.chapter, self.name)
        if any(report["id"] == check and report["passed"] for report in reports):
            return ""
        for report in reports:
            if not report["passed"]:
                where = "" if report["id"] in (self.answer, check) else "in the set-up: "
                return where + ": ".join(text for text in (report["error"], report["message"]) if text)
        return None

    def begun(self, reports: list[dict[str, Any]]) -> bool:
        """Return whether the answer was reached, or might have been: the set-up runs before it."""
        return self.cells[0].id == self.answer or any(report["notebook"] == f"{self.exercise}.ipynb" for report in reports)


def tasks_of(path: Path) -> list[Task]:
    """Return the tasks of an exercise notebook 05_name.ipynb. Raise OSError or ValueError if it cannot be read."""
    cells = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    names = sorted({name for cell in cells if (name := task_of(cell))})
    return [Task(path.name[:2], name, [cell for cell in cells if task_of(cell) in (None, name)]) for name in names]


def answers_in(path: Path) -> dict[str, str]:
    """Return the sources of the code cells of a student's notebook, by id. Raise what nbformat raises if it cannot be read."""
    return {cell["id"]: str(cell["source"]) for cell in _read(path).cells if cell["cell_type"] == "code"}


def _read(path: Path) -> Any:
    with warnings.catch_warnings():  # of cells without ids, for example: such a cell counts as no answer
        warnings.simplefilter("ignore")
        return nbformat.read(path, as_version=4)


def run(answers: dict[Task, str], timeout: float) -> dict[Task, str]:
    """Return what is wrong with each answer, "" if it is right. timeout: seconds for every cell.

    If pytest ends, or is killed, before all answers are judged, the first that is not judged is the cause, if it was begun. The
    others are run again. MinisglError if pytest does not even begin with the first.
    """
    if not answers:
        return {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, report = Path(name, "run"), Path(name, "report.jsonl")
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")  # so that pytest finds no other configuration
        for task, source in answers.items():
            (folder / f"{task.exercise}.ipynb").write_text(task.with_answer(source), encoding="utf-8")
        limit = sum(STARTUP + timeout * len(task.cells) for task in answers)
        options = [
            "-p",
            "minisgl.course.grading_plugin",
            "--nbval-lax",
            "--nbval-current-env",
            "--end-with-stdin",
            "-s",  # or pytest would replace stdin
            f"--nbval-cell-timeout={timeout:g}",
        ]
        ended = _in_time([*options, f"--cell-report={report}", *(f"{task.exercise}.ipynb" for task in answers)], folder, limit)
        lines = report.read_text("utf-8").splitlines() if report.exists() else []
    reports = [json.loads(line) for line in lines]
    found = {task: task.judge([each for each in reports if each["notebook"] == f"{task.exercise}.ipynb"]) for task in answers}
    judged = {task: message for task, message in found.items() if message is not None}
    if left := [task for task in answers if task not in judged]:
        first = left[0]
        if first.begun(reports):
            judged[first] = "it ended before its check had been run" if ended else "it did not finish in time"
            del left[0]
        elif first is next(iter(answers)):
            raise MinisglError(
                f"{first.exercise} cannot be graded: pytest ended before a cell of it had been run; memory, or the disk "
                "with the temporary folder, may be full"
            )
        judged |= run({task: answers[task] for task in left}, timeout)
    return judged


def _in_time(arguments: list[str], folder: Path, limit: float) -> bool:
    """Run pytest for at most `limit` seconds. Return False if it had to be killed; none of its processes is left running."""
    place = str(folder.parent)  # where jupyter_client and the students' programs leave files, also if they are killed
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env={**os.environ, **dict.fromkeys(("JUPYTER_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"), place)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            kill_children(process.pid)
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()
    return True


def kill_children(pid: int) -> None:
    """Kill the processes that this one has started, and those that they have started."""
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
