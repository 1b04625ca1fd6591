"""Is a student's function right? `check("05.hard_threshold", hard_threshold)`

The function is run on many inputs, small ones first, and compared with a reference that follows the definition: for a prox,
the best of all x on a fine grid. At the first input where they differ, CheckFailed shows the student's result beside the right
one, and names the mistake if it is a known one. It never shows the solution.

There is one file per chapter: TASKS in chapter_05.py lists the tasks of chapter 05. task.py says what a task is made of, and
answer.py how a function is called and compared.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from minisgl.course.checks.answer import Answer, CheckFailed
from minisgl.course.checks.task import Task
from minisgl.course.first_edition import TASKS

__all__ = ["CheckFailed", "check"]


def check(name: str, function: Callable[..., Any]) -> None:
    """Print one line if `function` is right for the task `name`, such as "05.hard_threshold". Raise CheckFailed if not."""
    chapter, _, task_name = name.partition(".")
    try:
        module = import_module(f"minisgl.course.checks.chapter_{chapter}")
    except ModuleNotFoundError:
        raise CheckFailed(f'there is no check "{name}": chapter "{chapter}" has none{_today(name)}') from None
    tasks: dict[str, Task] = {task.name: task for task in module.TASKS}
    if task_name not in tasks:
        raise CheckFailed(f'there is no check "{name}": chapter {chapter} has {", ".join(tasks)}{_today(name)}')
    if not callable(function):
        raise CheckFailed(f"{name}: give check your function itself, {task_name}, not what it returns")
    answer = Answer(name, function)
    tasks[task_name].check(answer)
    print(f"{name}: right, on all of {answer.tried} inputs")


def _today(name: str) -> str:
    return f"; the first edition of the course gave this name to {TASKS[name]}" if name in TASKS else ""
