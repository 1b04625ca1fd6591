"""The course: checks of its exercises, and the grading of a class's notebooks.

    from minisgl.course import check
    check("05.hard_threshold", hard_threshold)      # prints a line if the function is right, else raises CheckFailed

checks/ has a list of tasks for each chapter, one file each. cells.py says how the cells of an exercise notebook are named,
and first_edition.py what the chapters and tasks of earlier notebooks are called today. handed_out.py has the exercises as they
are handed out; `python -m minisgl.course DIR` copies them. grading.py runs a student's answers, and grading_plugin.py reports
the result of each cell. nbval_plugin.py lets `pytest -m ex2` run one task of a notebook. kernels.py says how kernels are
started, threads.py how many threads they use. show_code.py shows the package's own code in a chapter.

The names below are imported when they are first used: pytest imports this package in every project of the environment, to
load nbval_plugin, and that must not import NumPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minisgl.course.checks import CheckFailed, check
    from minisgl.course.threads import limit_blas_threads

__all__ = ["CheckFailed", "check", "limit_blas_threads"]

_HOMES = {"CheckFailed": "checks", "check": "checks", "limit_blas_threads": "threads"}


def __getattr__(name: str) -> Any:
    """Import one of these. Python calls this for a name that the package does not have yet."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"minisgl.course.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
