"""How the cells of an exercise notebook are named: notebooks/build.py names them; pytest and minisgl.grade read the names.

id              tags       what it is
05-ex2-answer   ["ex2"]    the cell in which a student writes the answer to task ex2 of chapter 05
05-ex2-check    ["ex2"]    the cell that checks this answer
05-cell-07                 any other cell, by chapter and position; if it is code, it is set-up
"""

import re
from typing import Any

TASK = re.compile(r"ex[1-9]")
ID = re.compile(r"\d\d-(cell-\d\d|ex[1-9]-(answer|check))")


def task_of(cell: Any) -> str | None:
    """Return the task that a cell of a notebook (an nbformat cell) belongs to, such as "ex2"; None for text and set-up."""
    tags = cell.get("metadata", {}).get("tags", [])
    return next((tag for tag in tags if isinstance(tag, str) and TASK.fullmatch(tag)), None)


def chapter_and_task(cell: Any) -> tuple[str, str] | None:
    """Return the chapter and the task of an answer or check by its id, such as ("05", "ex2"); None for other cells."""
    found = re.fullmatch(r"(\d\d)-(ex[1-9])-(?:answer|check)", str(cell.get("id", "")))
    return (found[1], found[2]) if found else None


def is_of_course(cell: Any) -> bool:
    """Return whether a cell of a notebook is of a chapter, or of its exercises: by its id."""
    return ID.fullmatch(str(cell.get("id", ""))) is not None


def answer_id(chapter: str, task: str) -> str:
    """Return the id of the answer cell of a task: answer_id("05", "ex2") is "05-ex2-answer"."""
    return f"{chapter}-{task}-answer"


def check_id(chapter: str, task: str) -> str:
    """Return the id of the cell that checks the answer: check_id("05", "ex2") is "05-ex2-check"."""
    return f"{chapter}-{task}-check"
