"""Check an exercise notebook outside Jupyter: `python -m minisgl.check 05_hard_thresholding.ipynb [--task 2]`

Prints for every task whether its answer is right, or else the message of its check: what minisgl.grade would write for it. As
there, each answer is run in a fresh notebook, with the set-up and the check of its task as they were handed out. So an answer
may use the set-up, but nothing that another cell defines.

Notebooks of the course's first edition import the function `check` from here, and give it that edition's names of tasks.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from minisgl.command import errors_as_sentences
from minisgl.course import CheckFailed, handed_out
from minisgl.course import check as check_of_today
from minisgl.course.first_edition import TASKS
from minisgl.errors import MinisglError
from minisgl.formats import paths

if TYPE_CHECKING:
    from minisgl.course.grading import Task

__all__ = ["CheckConfig", "CheckFailed", "check", "check_notebook"]


def check(name: str, function: Callable[..., Any]) -> None:
    """Check the task that the first edition called `name`; otherwise as minisgl.course.check, which says today's name."""
    check_of_today(TASKS.get(name, name), function)


@dataclass(frozen=True)
class CheckConfig:
    """Run the answers of an exercise notebook, and print what is wrong with each."""

    notebook: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE.ipynb")]
    """An exercise notebook of the course, with answers."""
    task: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Check only task N, 1 being the notebook's first."""
    timeout: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 60.0
    """The time limit for one cell, in seconds."""


def check_notebook(config: CheckConfig) -> dict[str, str]:
    """Return what is wrong with each task of the notebook, by its name such as "05.ex2"; "" if it is right.

    MinisglError if a package is missing, or if the file is not an exercise notebook of the course or has no such task.
    """
    handed_out.require_packages("checking a notebook")
    from minisgl.course.grading import answers_in, require_timeout, run  # noqa: PLC0415 (it needs these packages)

    require_timeout(config.timeout)
    with paths.reading(config.notebook):
        try:
            answers = answers_in(config.notebook)
        except OSError:
            raise
        except Exception as error:  # nbformat raises many kinds of errors
            raise MinisglError(f"{config.notebook} cannot be read as a notebook ({type(error).__name__})") from error
    tasks = _tasks(config, answers)
    messages = run({task: answers[task.answer] for task in tasks if task.answer in answers}, config.timeout)
    return {task.exercise: messages.get(task, f"the cell {task.answer} is missing in the notebook") for task in tasks}


def _tasks(config: CheckConfig, answers: dict[str, str]) -> "list[Task]":
    """Return the tasks, as they were handed out, of the chapters that the notebook has answers of."""
    from minisgl.course.grading import tasks_of  # noqa: PLC0415

    fresh = {path.name[:2]: path for path in handed_out.notebooks(handed_out.folder())}
    chapters = sorted({name[:2] for name in answers if name.endswith("-answer")} & {*fresh})
    if not chapters:
        raise MinisglError(f"{config.notebook} is not an exercise notebook: it has no cell such as 05-ex1-answer")
    tasks = [task for chapter in chapters for task in tasks_of(fresh[chapter], chapter)]
    chosen = [task for task in tasks if config.task is None or task.name == f"ex{config.task}"]
    if not chosen:
        known = ", ".join(task.name.removeprefix("ex") for task in tasks)
        raise MinisglError(f"--task {config.task}: {config.notebook} has the tasks {known}")
    return chosen


def main() -> None:
    """Parse the options, check, and print. Exit with status 1 if an answer is wrong, and with 2 after an error's sentence."""
    with errors_as_sentences():
        messages = check_notebook(tyro.cli(CheckConfig, prog="python -m minisgl.check", args=sys.argv[1:]))
        for exercise, message in messages.items():
            print(f"{exercise}: {message or 'right'}", end="\n\n" if message else "\n")
        right = sum(not message for message in messages.values())
        print(f"{right} of {len(messages)} right")
        if right < len(messages):
            sys.exit(1)


if __name__ == "__main__":
    main()
