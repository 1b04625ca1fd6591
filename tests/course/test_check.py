"""minisgl.course.check: every solution of the course passes its check, and a failure says what is wrong."""

import contextlib
import importlib
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.course import SOURCES, TASKS

import minisgl.check
from minisgl.course import CheckFailed, check, first_edition


def failure(name: str, function: Callable[..., Any]) -> str:
    with pytest.raises(CheckFailed) as caught:
        check(name, function)
    return str(caught.value)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_solutions_pass_every_check_of_their_chapter(source):
    space: dict[str, Any] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for cell in source.cells:
            if cell.cell_type == "code" and cell.metadata.get("tags"):
                exec(compile(cell.source, cell.id, "exec"), space)
    asked = {name for name in TASKS if name.startswith(f"{source.chapter}.")}
    assert {line.split(":")[0] for line in said.getvalue().splitlines()} == asked


def test_the_failure_shows_yours_beside_what_was_wanted():
    message = failure("05.hard_threshold", lambda v, lam: np.where(np.abs(v) > lam, v, 0))
    assert re.search(r"  v +\[0\.25\]\n  lam +0\.125\n  yours +\[0\.25\]\n  wanted +\[0\.\]\n\n", message)


def test_an_error_in_the_answer_is_shown_with_its_line():
    def hard_threshold(v, lam):
        return v.missing + lam

    message = failure("05.hard_threshold", hard_threshold)
    assert "AttributeError" in message
    assert "return v.missing + lam" in message


def test_a_stub_is_still_to_be_written():
    def hard_threshold(v, lam):
        raise NotImplementedError("keep what is worth it (about 2 lines)")

    assert "still to be written: keep what is worth it" in failure("05.hard_threshold", hard_threshold)


@pytest.mark.parametrize(
    ("name", "phrase"),
    [("05.unknown", "has hard_threshold"), ("99.x", "has none"), ("", "has none"), ("05", "has hard_threshold")],
)
def test_an_unknown_name(name, phrase):
    assert phrase in failure(name, abs)


def test_what_is_no_function():
    assert "give check your function itself" in failure("05.hard_threshold", 3)


@pytest.mark.parametrize("chapter", sorted({name[:2] for name in TASKS}))
def test_the_names_of_a_chapters_tasks_are_different(chapter):
    tasks = importlib.import_module(f"minisgl.course.checks.chapter_{chapter}").TASKS
    assert len({task.name for task in tasks}) == len(tasks)
    assert all(task.name.isidentifier() and task.signature.startswith(f"{task.name}(") for task in tasks)


@pytest.mark.parametrize(("first", "today"), first_edition.TASKS.items())
def test_the_first_editions_check_knows_its_names_and_that_of_today_does_not(first, today):
    with pytest.raises(CheckFailed, match=f"^{re.escape(today)}[ :]"):
        minisgl.check.check(first, lambda *given, **named: None)
    assert f"gave this name to {today}" in failure(first, abs)
    assert today in TASKS
    assert first not in TASKS  # or a notebook's edition could not be found by its names


def test_other_names_are_the_same_in_the_first_editions_check():
    assert minisgl.check.CheckFailed is CheckFailed
    with pytest.raises(CheckFailed, match=r"^05\.hard_threshold is not right yet"):
        minisgl.check.check("05.hard_threshold", lambda v, lam: v)
    with pytest.raises(CheckFailed, match="has none"):
        minisgl.check.check("99.x", abs)


def test_the_course_has_no_other_names():
    assert {"check", "CheckFailed"} <= set(dir(minisgl.course))
    with pytest.raises(AttributeError, match=r"^module 'minisgl\.course' has no attribute 'cheque'$"):
        minisgl.course.cheque  # noqa: B018


def test_a_notebook_shows_no_traceback_of_ours():
    assert CheckFailed("so")._render_traceback_() == ["CheckFailed: so"]
