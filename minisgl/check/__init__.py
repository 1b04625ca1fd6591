"""Is a student's function right? `check("05.hard_threshold", hard_threshold)`

Runs the function on many inputs, small ones first, and compares it with what the definition gives: for a prox, the best of all
x on a fine grid. At the first input where they differ it raises CheckFailed, which shows the student's result beside what was
wanted, and names the mistake if it is a known one. It never tells the answer.

One file a chapter: `chapter_05.py` holds one function for every check of chapter 05. `answer.py` is what they share.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from minisgl.check.answer import Answer, CheckFailed

__all__ = ["CheckFailed", "check"]


def check(name: str, function: Callable[..., Any]) -> None:
    """Print one line if `function` does what the task `name`, as "05.hard_threshold", asks for; else raise CheckFailed."""
    chapter, _, task = name.partition(".")
    try:
        module = import_module(f"minisgl.check.chapter_{chapter}")
    except ModuleNotFoundError:
        raise CheckFailed(f'there is no check "{name}": chapter "{chapter}" has none') from None
    tasks = {key: value for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    if task not in tasks or task.startswith("_"):
        known = ", ".join(key for key in tasks if callable(tasks[key]) and not key.startswith("_"))
        raise CheckFailed(f'there is no check "{name}": chapter {chapter} has {known}')
    if not callable(function):
        raise CheckFailed(f"{name}: give check your function itself, {task}, not what it returns")
    answer = Answer(name, function)
    tasks[task](answer)
    print(f"{name}: right, on all of {answer.tried} inputs")
