"""minisgl.course.check: every solution of the course passes its check, and each planted mistake gets a message of its own."""

import contextlib
import importlib.util
import io
import pkgutil
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minisgl.check
from minisgl.course import CheckFailed, check, checks, first_edition

CHECKOUT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("notebooks_build", CHECKOUT / "notebooks" / "build.py")
assert spec is not None
assert spec.loader is not None
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
SOURCES = [build.Source(path) for path in sorted((CHECKOUT / "notebooks" / "source").glob("[0-9][0-9]_*.py"))]


# For each check, wrong answers, each with a part of the message that it must get: planted/ has a file for every chapter.
PLANTED: dict[str, list[tuple[Callable[..., Any], str]]] = {}
for path in sorted((Path(__file__).parent / "planted").glob("chapter_*.py")):
    PLANTED |= runpy.run_path(str(path))["PLANTED"]
WRONG = [
    pytest.param(name, function, phrase, id=f"{name}: {phrase}")
    for name, all_of in PLANTED.items()
    for function, phrase in all_of
]


def known() -> set[str]:
    """The names of all checks that there are."""
    names = set()
    for info in pkgutil.iter_modules(checks.__path__):
        if found := re.fullmatch("chapter_([0-9]{2})", info.name):
            module = importlib.import_module(f"minisgl.course.checks.{info.name}")
            names |= {f"{found[1]}.{task.name}" for task in module.TASKS}
    return names


def failure(name: str, function: Callable[..., Any]) -> str:
    with pytest.raises(CheckFailed) as caught:
        check(name, function)
    return str(caught.value)


def test_every_check_has_planted_mistakes():
    assert set(PLANTED) == known()
    assert all(len(wrong) >= 3 for wrong in PLANTED.values())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_solutions_pass_every_check_of_their_chapter(source):
    space: dict[str, Any] = {}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for cell in source.cells:
            if cell.cell_type == "code" and cell.metadata.get("tags"):
                exec(compile(cell.source, cell.id, "exec"), space)
    asked = {name for name in known() if name.startswith(f"{source.chapter}.")}
    assert {line.split(":")[0] for line in said.getvalue().splitlines()} == asked


@pytest.mark.parametrize(("name", "function", "phrase"), WRONG)
def test_a_planted_mistake_is_named_and_no_solution_shown(name, function, phrase):
    with np.errstate(all="ignore"):
        message = failure(name, function)
    assert phrase in message
    others = {other for _, other in PLANTED[name]} - {phrase}
    assert not [other for other in others if other in message]  # a message of its own
    secrets = [line for source in SOURCES for line in source.solution_lines()]
    assert not [line for line in secrets if line in message]


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


@pytest.mark.parametrize("chapter", sorted({name[:2] for name in known()}))
def test_the_names_of_a_chapters_tasks_are_different(chapter):
    tasks = importlib.import_module(f"minisgl.course.checks.chapter_{chapter}").TASKS
    assert len({task.name for task in tasks}) == len(tasks)
    assert all(task.name.isidentifier() and task.signature.startswith(f"{task.name}(") for task in tasks)


@pytest.mark.parametrize(("first", "today"), first_edition.TASKS.items())
def test_the_first_editions_check_knows_its_names_and_that_of_today_does_not(first, today):
    with pytest.raises(CheckFailed, match=f"^{re.escape(today)}[ :]"):
        minisgl.check.check(first, lambda *given, **named: None)
    assert f"gave this name to {today}" in failure(first, abs)
    assert today in known()
    assert first not in known()  # or a notebook's edition could not be found by its names


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
