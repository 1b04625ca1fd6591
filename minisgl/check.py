"""`from minisgl.check import check`: the check of notebooks of the course's first edition, by that edition's names of tasks."""

from collections.abc import Callable
from typing import Any

from minisgl.course import CheckFailed
from minisgl.course import check as check_of_today
from minisgl.course.first_edition import TASKS

__all__ = ["CheckFailed", "check"]


def check(name: str, function: Callable[..., Any]) -> None:
    """Check the task that the first edition called `name`; otherwise as minisgl.course.check, which says today's name."""
    check_of_today(TASKS.get(name, name), function)
