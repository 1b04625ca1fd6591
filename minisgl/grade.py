"""Grade a class's exercise notebooks: `python -m minisgl.grade FOLDER`

    FOLDER/ada/05_hard_thresholding.ipynb          a folder for each student, with the notebooks that were handed in
    FOLDER/emmy/05_hard_thresholding.ipynb

    grades.csv:   student,exercise,passed,message,edition
                  ada,05.ex1,yes,,2
                  ada,05.ex2,no,CheckFailed: 05.least_cost is not right yet. ...,2

Only the answer cells of a notebook count; they are found by their ids. course/grading.py says how each answer is run. An error
in one student's notebook does not stop the others from being graded. The CSV is written again after every student.

Notebooks of the course's first edition are graded too, as the tasks that they are in the second: course/first_edition.py.

This runs the students' code with your rights. docs/teaching.md says how to do it safely.
"""

import csv
import io
import os
import sys
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from minisgl.command import errors_as_sentences
from minisgl.course import handed_out
from minisgl.course.cells import answer_id
from minisgl.course.first_edition import chapters_and_edition
from minisgl.errors import MinisglError
from minisgl.formats import files, paths

if TYPE_CHECKING:
    from minisgl.course.grading import Task

LONGEST = 300  # characters of a message


@dataclass(frozen=True)
class GradeConfig:
    """Run a class's answers in fresh exercise notebooks, and write the grades as CSV."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """A folder with one subfolder for each student, named after the student. Notebooks may be at any depth in it."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("grades.csv")
    """The CSV file to write. An existing file is not overwritten."""
    exercises: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("notebooks/exercises")
    """The folder with the exercise notebooks as they were handed out."""
    timeout: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 60.0
    """The time limit for one cell, in seconds."""


@dataclass(frozen=True)
class Grade:
    """One line of the CSV."""

    student: str
    exercise: str
    """The task by its number in the second edition of the course: "15.ex2"."""
    passed: str
    message: str
    edition: str
    """The edition of the notebook that was handed in, "1" or "2"; "" if none was."""


def grade(config: GradeConfig) -> list[Grade]:
    """Grade every student and write the CSV file config.out; return its lines. A line is printed after each student.

    The chapters that are graded are those that at least one student has handed in. Raise MinisglError if there is nothing to
    grade, a package is missing, or the CSV file cannot be written.
    """
    handed_out.require_packages("grading")
    from minisgl.course.grading import require_timeout  # noqa: PLC0415 (it needs these packages)

    require_timeout(config.timeout)
    if paths.exists(config.out):
        raise MinisglError(f"{config.out} already exists; name another file with --out")
    handed_in = {student: _notebooks(student) for student in _folders(config.folder)}
    chapters = sorted({chapter for notebooks in handed_in.values() for chapter in notebooks})
    fresh = _by_chapter(handed_out.notebooks(config.exercises))
    tasks = {chapter: found for chapter in chapters if chapter in fresh and (found := _tasks(fresh[chapter][-1], chapter))}
    if not tasks:
        raise MinisglError(
            f"{config.folder} holds no notebook of {config.exercises}; they must be files FOLDER/student/NN_name.ipynb"
        )
    grades: list[Grade] = []
    for student, notebooks in handed_in.items():
        own: list[Grade] = []
        for chapter, its_tasks in tasks.items():
            its_notebooks = notebooks.get(chapter, [])
            edition = " and ".join(sorted({chapters_and_edition(path)[1] for path in its_notebooks}))
            messages = _grade_chapter(its_tasks, student, its_notebooks, config.timeout)
            own += [Grade(student.name, exercise, *_outcome(message), edition) for exercise, message in messages.items()]
        grades += own
        files.write(config.out, _as_csv(grades).encode(errors="backslashreplace"))
        print(f"{student.name}: {sum(grade.passed == 'yes' for grade in own)} of {len(own)}", flush=True)
    print(f"everything is in {config.out}")
    return grades


def _folders(folder: Path) -> list[Path]:
    with paths.reading(folder):
        found = sorted(folder.iterdir())
    return [path for path in found if not path.name.startswith(".") and (_problem(path) or paths.is_folder(path))]


def _problem(path: Path) -> str:
    """Return why the system does not say what is at the path, as for a broken link; "" if it does."""
    try:
        paths.exists(path)
    except MinisglError as error:
        return str(error)
    return ""


def _notebooks(student: Path) -> dict[str, list[Path]]:
    """Return a student's notebooks by chapter, without the copies that editors keep in hidden folders."""

    def refuse(error: OSError) -> None:  # a notebook that cannot be read may have been handed in
        raise MinisglError(f"{error.filename} cannot be read: {error.strerror}") from error

    if _problem(student):
        return {}
    found = []
    for path in sorted(Path(folder, name) for folder, _, names in os.walk(student, onerror=refuse) for name in names):
        hidden = any(part.startswith(".") for part in path.relative_to(student).parts)
        if path.match("[0-9][0-9]*.ipynb") and not hidden and (_problem(path) or paths.is_file(path)):
            found.append(path)
    return _by_chapter(found)


def _by_chapter(notebooks: list[Path]) -> dict[str, list[Path]]:
    """Return the notebooks by the second edition's chapters. One of the first edition may have a task of another chapter too.

    It counts there only if that chapter has no notebook of its own.
    """
    found: dict[str, list[Path]] = {}
    others: dict[str, list[Path]] = {}
    for path in notebooks:
        (chapter, *more), _ = chapters_and_edition(path)
        found.setdefault(chapter, []).append(path)
        for other in more:
            others.setdefault(other, []).append(path)
    return {**others, **found}


def _tasks(path: Path, chapter: str) -> "list[Task]":
    from minisgl.course.grading import tasks_of  # noqa: PLC0415 (it needs the packages that grade has checked for)

    try:
        with paths.reading(path):
            return tasks_of(path, chapter)
    except ValueError as error:
        raise MinisglError(f"{path} cannot be read: {error}") from error


def _grade_chapter(tasks: "list[Task]", student: Path, notebooks: list[Path], timeout: float) -> dict[str, str]:
    """Return what is wrong with each task of a chapter, by its name such as "05.ex1"; "" if it passed."""
    from minisgl.course.grading import answers_in, run  # noqa: PLC0415

    if not notebooks:
        return {task.exercise: _problem(student) or "nothing was handed in" for task in tasks}
    if len(notebooks) > 1:
        names = ", ".join(path.name for path in notebooks)
        return {task.exercise: f"there are {len(notebooks)} notebooks of this chapter: {names}" for task in tasks}
    try:
        answers = answers_in(notebooks[0])
    except Exception as error:  # nbformat raises many kinds of errors, and the other students must still be graded
        kind = f"{notebooks[0].name} cannot be read as a notebook ({type(error).__name__})"
        problem = _problem(notebooks[0]) or kind
        return {task.exercise: problem for task in tasks}
    messages = run({task: answers[task.answer] for task in tasks if task.answer in answers}, timeout)
    chapter = notebooks[0].name[:2]  # the number that its student knows
    return {
        task.exercise: messages.get(task, f"the cell {answer_id(chapter, task.name)} is missing in {notebooks[0].name}")
        for task in tasks
    }


def _outcome(message: str) -> tuple[str, str]:
    """Return two columns: "yes" or "no", and the message in one line."""
    return "no" if message else "yes", " ".join(message.split())[:LONGEST]


def _as_csv(grades: list[Grade]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([("student", "exercise", "passed", "message", "edition"), *map(astuple, grades)])
    return text.getvalue()


def main() -> None:
    """Parse the options and grade. On an error print one sentence and exit with status 2."""
    with errors_as_sentences():
        grade(tyro.cli(GradeConfig, prog="python -m minisgl.grade", args=sys.argv[1:]))


if __name__ == "__main__":
    main()
