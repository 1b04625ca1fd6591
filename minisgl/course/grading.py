"""How a student's answers are graded: each is taken out of the notebook, put into a fresh one, and run.

A fresh notebook holds the set-up, the answer and the check of one task. So editing or deleting a check gains nothing, and one
task cannot break another. pytest and nbval run a student's notebooks in a separate process. When its time is up it is killed,
with the kernels that it started. If the grader itself is killed, they end too: pytest notices that its stdin was closed.

pytest reports each cell through a pipe, which also works when the disk is full: an answer is wrong only if it was run.
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

from minisgl.course.cells import answer_id, chapter_and_task, check_id, task_of
from minisgl.course.first_edition import chapters_and_edition, id_today, with_names_of_today
from minisgl.errors import MinisglError

STARTUP = 60  # seconds that a kernel may take to start and end, on top of its cells' time


@dataclass(frozen=True, eq=False)
class Task:
    """A task as it was handed out: its chapter, its name, such as "ex2", and the code cells that it needs.

    A task of the course's first edition has the second edition's chapter and ids.
    """

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

    @property
    def file(self) -> str:
        """The name of the task's notebook."""
        return f"{self.exercise}.ipynb"

    def judge(self, reports: list[dict[str, Any]]) -> str | None:
        """Return what is wrong according to the reports of the task's cells that were run.

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
        """Return whether the answer was begun, according to the reports of the task's cells that pytest was going to run."""
        return any(report["id"] == self.answer and report["passed"] for report in reports)


def tasks_of(path: Path, chapter: str) -> list[Task]:
    """Return a chapter's tasks in an exercise notebook 05_name.ipynb. Raise OSError or ValueError if it cannot be read."""
    cells = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    names = sorted({found[1] for cell in cells if (found := chapter_and_task(cell)) and found[0] == chapter})

    def needed(cell: NotebookNode, name: str) -> bool:
        return task_of(cell) is None or chapter_and_task(cell) == (chapter, name)

    return [Task(chapter, name, [cell for cell in cells if needed(cell, name)]) for name in names]


def answers_in(path: Path) -> dict[str, str]:
    """Return the sources of the code cells of a student's notebook, by the second edition's ids.

    Raise what nbformat raises if it cannot be read.
    """
    return {cell["id"]: str(cell["source"]) for cell in _read(path).cells if cell["cell_type"] == "code"}


def _read(path: Path) -> Any:
    """Return a notebook, with the second edition's ids and names of checks."""
    with warnings.catch_warnings():  # of cells without ids, for example: such a cell counts as no answer
        warnings.simplefilter("ignore")
        notebook = nbformat.read(path, as_version=4)
    if chapters_and_edition(path)[1] == "1":
        for cell in notebook.cells:
            cell["source"] = with_names_of_today(str(cell["source"]))
            if "id" in cell:
                cell["id"] = id_today(str(cell["id"]))
    return notebook


def require_timeout(seconds: float) -> None:
    """Raise MinisglError if a time limit is not a positive number of seconds."""
    if not 0 < seconds < float("inf"):
        raise MinisglError(f"--timeout must be a number of seconds above 0, but is {seconds:g}")


def run(answers: dict[Task, str], timeout: float) -> dict[Task, str]:
    """Return what is wrong with each answer, "" if it is right. timeout: seconds for every cell.

    If pytest ends, or is killed, before all answers have been judged, the first answer without a result is taken as the cause,
    if it was begun. The others are run again. MinisglError if not even the first of them can be begun: that is not the
    student's fault.
    """
    if not answers:
        return {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name, "run")
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")  # so that pytest finds no other configuration
        for task, source in answers.items():
            (folder / task.file).write_text(task.with_answer(source), encoding="utf-8")
        limit = sum(STARTUP + timeout * len(task.cells) for task in answers)
        options = [
            "-p",
            "minisgl.course.grading_plugin",
            "--nbval-lax",
            "--nbval-current-env",
            "--report-cells",
            "--end-with-stdin",
            "-s",  # or pytest would replace stdin and stdout
            f"--nbval-cell-timeout={timeout:g}",
        ]
        reports, ended = _in_time([*options, *(task.file for task in answers)], folder, limit)
    found = {task: task.judge(_of(task, reports, "call")) for task in answers}
    judged = {task: message for task, message in found.items() if message is not None}
    if left := [task for task in answers if task not in judged]:
        first = left[0]
        starts = _of(first, reports, "setup")
        if first.begun(starts):
            judged[first] = "it ended before its check had been run" if ended else "it did not finish in time"
            del left[0]
        elif first is next(iter(answers)):
            failed = [f"no kernel can be started: {each['message']}" for each in starts if not each["passed"]]
            reason = failed[0] if failed else "pytest ended before its answer was run"
            raise MinisglError(
                f"{first.exercise} cannot be graded: {reason}; memory, or the disk with the temporary folder, may be full"
            )
        judged |= run({task: answers[task] for task in left}, timeout)
    return judged


def _of(task: Task, reports: list[dict[str, Any]], when: str) -> list[dict[str, Any]]:
    """Return the reports of the task's cells: before they were run ("setup"), or afterwards ("call")."""
    return [report for report in reports if report["notebook"] == task.file and report["when"] == when]


def _in_time(arguments: list[str], folder: Path, limit: float) -> tuple[list[dict[str, Any]], bool]:
    """Run pytest for at most `limit` seconds. Return its reports, and whether it ended in time. No process is left running."""
    place = str(folder.parent)  # where jupyter_client and the students' programs leave files, also if they are killed
    theirs, ours = os.pipe()
    with os.fdopen(theirs) as stdin, os.fdopen(ours, "w"):  # the system closes `ours` if the grader is killed
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=folder,
            env={**os.environ, **dict.fromkeys(("JUPYTER_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"), place)},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with process:
            try:
                output, ended = process.communicate(timeout=limit)[0], True
            except subprocess.TimeoutExpired:
                _kill(process)
                output, ended = process.communicate()[0], False
            finally:
                _kill(process)
    return [json.loads(line) for line in output.splitlines(True) if line.startswith(b"{") and line.endswith(b"\n")], ended


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        kill_children(process.pid)
        process.kill()


def kill_children(pid: int) -> None:
    """Kill the processes that this one has started, and those that they have started."""
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
