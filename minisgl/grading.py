"""A student's answers: lifted out of a notebook, each put into a fresh one, run, and judged.

A fresh notebook holds the set-up, the answer and the check of one task: an edited or deleted check gains nothing, and one task
cannot spoil another. pytest and nbval run a student's notebooks in a process of their own, which is ended, with the kernels
that it started, when its time is up.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat import NotebookNode

from minisgl.exercises import answer_id, check_id, task_of

STARTUP = 60  # seconds for a kernel to start and end, beside the time of its cells


@dataclass(frozen=True, eq=False)
class Task:
    """A task as it was handed out: its chapter, its name, as "ex2", and the code cells that it needs."""

    chapter: str
    name: str
    cells: list[Any]

    @property
    def exercise(self) -> str:
        """As it is written in the CSV: "05.ex2"."""
        return f"{self.chapter}.{self.name}"

    @property
    def answer(self) -> str:
        """The id of the cell in which the answer stands."""
        return answer_id(self.chapter, self.name)

    def with_answer(self, source: str) -> str:
        """A notebook of these cells with this answer, as JSON."""
        cells = [NotebookNode({**cell, "source": source if cell.id == self.answer else cell.source}) for cell in self.cells]
        return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells, nbformat_minor=5)))

    def judge(self, reports: list[dict[str, Any]]) -> str | None:
        """What is wrong, by the reports of its cells: "" if the check passed; None if nothing failed before it was reached."""
        check = check_id(self.chapter, self.name)
        if any(report["id"] == check and report["passed"] for report in reports):
            return ""
        for report in reports:
            if not report["passed"]:
                where = "" if report["id"] in (self.answer, check) else "in the set-up: "
                return where + ": ".join(text for text in (report["error"], report["message"]) if text)
        return None


def tasks_of(path: Path) -> list[Task]:
    """The tasks of an exercise notebook 05_name.ipynb. OSError or ValueError if it cannot be read."""
    cells = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    names = sorted({name for cell in cells if (name := task_of(cell))})
    return [Task(path.name[:2], name, [cell for cell in cells if task_of(cell) in (None, name)]) for name in names]


def answers_in(path: Path) -> dict[str, str]:
    """The sources of the code cells of a student's notebook, by id. Whatever nbformat raises if it cannot be read."""
    return {cell["id"]: str(cell["source"]) for cell in _read(path).cells if cell["cell_type"] == "code"}


def _read(path: Path) -> Any:
    with warnings.catch_warnings():  # of cells without ids, say: then there is no answer
        warnings.simplefilter("ignore")
        return nbformat.read(path, as_version=4)


def run(answers: dict[Task, str], timeout: float) -> dict[Task, str]:
    """What is wrong with each answer, "" if nothing is. timeout: seconds for every cell.

    If pytest ends, or has to be ended, before all are judged, the first that is not is to blame; the rest are run again.
    """
    if not answers:
        return {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, report = Path(name, "run"), Path(name, "report.jsonl")
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")  # so that no other configuration is looked for
        for task, source in answers.items():
            (folder / f"{task.exercise}.ipynb").write_text(task.with_answer(source), encoding="utf-8")
        limit = sum(STARTUP + timeout * len(task.cells) for task in answers)
        words = ["-p", "minisgl.grading_plugin", "--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={timeout:g}"]
        ended = _in_time([*words, f"--cell-report={report}", *(f"{task.exercise}.ipynb" for task in answers)], folder, limit)
        lines = report.read_text("utf-8").splitlines() if report.exists() else []
    reports = [json.loads(line) for line in lines]
    found = {task: task.judge([each for each in reports if each["notebook"] == f"{task.exercise}.ipynb"]) for task in answers}
    judged = {task: message for task, message in found.items() if message is not None}
    if left := [task for task in answers if task not in judged]:
        judged[left[0]] = "it ended before its check had been run" if ended else "it did not end in its time"
        judged |= run({task: answers[task] for task in left[1:]}, timeout)
    return judged


def _in_time(words: list[str], folder: Path, limit: float) -> bool:
    """Run pytest for at most `limit` seconds, and leave no process of it behind; False if it had to be ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                each.kill()
            process.wait()
    return True
