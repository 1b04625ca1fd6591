"""The course's first edition: its notebooks are recognised, and graded as the tasks that they are today."""

import csv
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from minisgl.course.first_edition import CHAPTERS, TASKS, chapters_and_edition, id_today, is_first_edition, with_names_of_today

CURVES = "def wavelength_in_pixels(frequency, speed, x_height):\n    return speed / frequency * x_height"
GAP = "import numpy as np\ndef gap(b, lam, beta):\n    return np.clip(b / (1 + beta), -lam / beta, lam / beta)"
STUB = 'raise NotImplementedError("write it (about 1 line)")'


def notebook(chapter: str, task: str, answer: str, home: str) -> str:
    """An exercise notebook with one task, as JSON. home: the module that its check is imported from."""
    name, tags = f"{chapter}.{task}", {"tags": ["ex1"]}
    cells = [
        new_code_cell(f"from {home} import check", id=f"{chapter}-cell-02"),
        new_code_cell(answer, id=f"{chapter}-ex1-answer", metadata=tags),
        new_code_cell(f'check("{name}", {task})', id=f"{chapter}-ex1-check", metadata=tags),
    ]
    return str(nbformat.writes(new_notebook(cells=cells, nbformat_minor=5)))


OF_WHOLE_CHAPTERS = [name for name in TASKS if name[:2] in CHAPTERS]


@pytest.mark.parametrize("home", ["minisgl.check", "minisgl.course"])
@pytest.mark.parametrize("name", OF_WHOLE_CHAPTERS)
def test_the_names_of_checks_say_which_edition_it_is(name, home):
    (old, task), (new, _) = name.split("."), TASKS[name].split(".")
    assert is_first_edition("x.ipynb", notebook(old, task, STUB, home))
    assert not is_first_edition("x.ipynb", notebook(new, task, STUB, home))
    assert not is_first_edition(f"{old}_{CHAPTERS[old][1]}.ipynb", notebook(new, task, STUB, home))


def test_the_import_and_the_files_name_decide_where_names_do_not():
    assert is_first_edition("05_x.ipynb", notebook("05", "least_cost", STUB, "minisgl.check"))
    assert not is_first_edition("05_x.ipynb", notebook("05", "least_cost", STUB, "minisgl.course"))
    assert is_first_edition("11_shaky_curves-Copy1.ipynb", "{ broken")
    assert not is_first_edition("11_variable_splitting.ipynb", "{ broken")
    assert not is_first_edition("11_x.ipynb", "python -m minisgl.check FILE")


def test_a_task_of_chapter_08_moved_to_chapter_09(tmp_path):
    path = tmp_path / "08_groups.ipynb"
    path.write_text(notebook("08", "keep_groups", STUB, "minisgl.course"))
    assert chapters_and_edition(path) == (("08", "09"), "1")
    assert [id_today(f"08-ex{n}-answer") for n in (3, 4)] == ["08-ex3-answer", "09-ex1-answer"]
    assert with_names_of_today('check("08.keep_groups", keep_groups)') == 'check("09.keep_groups", keep_groups)'
    path.write_text(notebook("08", "group_norms", STUB, "minisgl.course"))
    assert chapters_and_edition(path) == (("08",), "2")


def test_no_number_means_two_chapters_of_one_edition():
    assert len({new for new, _, _ in CHAPTERS.values()}) == len(CHAPTERS)
    assert not {*TASKS} & {*TASKS.values()}


def test_what_is_not_of_the_first_edition_keeps_its_name(tmp_path):
    assert [id_today(each) for each in ("11-ex2-answer", "05-ex1-check", "title", "1109a2ff")] == [
        "15-ex2-answer",
        "05-ex1-check",
        "title",
        "1109a2ff",
    ]
    assert with_names_of_today("check('13.step_time', f); check(\"11.w_step\", f); x = '09.gap'") == (
        "check('18.step_time', f); check(\"11.w_step\", f); x = '09.gap'"
    )
    assert chapters_and_edition(tmp_path / "12_gone.ipynb") == (("12",), "2")


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


EDITIONS = [pytest.param("first", marks=pytest.mark.slow), "second"]  # of the notebooks that were handed out


@pytest.mark.parametrize("exercises", EDITIONS)
def test_a_class_with_both_editions_is_graded(exercises, tmp_path, command):
    """Chapter 11 is shaky curves in the first edition, and splitting in the second. Each is graded as what it is."""
    curves, splitting = ("11", "09") if exercises == "first" else ("15", "11")
    home = "minisgl.course"  # as in the last notebooks of the first edition too
    first_curves = notebook("11", "wavelength_in_pixels", CURVES, "minisgl.check")
    first_splitting = notebook("09", "gap", GAP, "minisgl.check")
    files = {
        f"exercises/{curves}_shaky_curves": notebook(curves, "wavelength_in_pixels", STUB, home),
        f"exercises/{splitting}_variable_splitting": notebook(splitting, "gap", STUB, home),
        "class/ada/11_shaky_curves": first_curves,
        "class/ada/09_variable_splitting": first_splitting,
        "class/emmy/15_shaky_curves": notebook("15", "wavelength_in_pixels", CURVES, "minisgl.course"),
        "class/emmy/11_variable_splitting": notebook("11", "gap", GAP, "minisgl.course"),
    }
    mixed = {  # what is wrong with these does not depend on what was handed out
        "class/cleo/11_shaky_curves": first_curves,
        "class/cleo/15_shaky_curves": notebook("15", "wavelength_in_pixels", CURVES, "minisgl.course"),
        "class/nina/11_shaky_curves": first_curves.replace("return ", "return 2 * "),
        "class/nina/09_variable_splitting": first_splitting.replace("09-ex1-answer", "lost"),
        "class/otto/11_shaky_curves": "{ broken",
    }
    for name, text in {**files, **(mixed if exercises == "second" else {})}.items():
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = command("minisgl.grade", "class", "--exercises", "exercises")
    assert (done.returncode, done.stderr) == (0, "")
    found = {
        (student, task): (edition, passed, message) for student, task, passed, message, edition in rows(tmp_path / "grades.csv")
    }
    for student, edition in (("ada", "1"), ("emmy", "2")):
        for task in ("11.ex1", "15.ex1"):
            assert found.pop((student, task)) == (edition, "yes", "")
    if exercises == "first":
        assert not found
        return
    for key, (edition, phrase) in {
        ("cleo", "11.ex1"): ("", "nothing was handed in"),
        ("cleo", "15.ex1"): ("1 and 2", "2 notebooks of this chapter: 11_shaky_curves.ipynb, 15_shaky_curves.ipynb"),
        ("nina", "11.ex1"): ("1", "the cell 09-ex1-answer is missing in 09_variable_splitting.ipynb"),
        ("nina", "15.ex1"): ("1", "15.wavelength_in_pixels is not right yet"),
        ("otto", "11.ex1"): ("", "nothing was handed in"),
        ("otto", "15.ex1"): ("1", "11_shaky_curves.ipynb cannot be read as a notebook"),
    }.items():
        found_edition, passed, message = found.pop(key)
        assert (found_edition, passed) == (edition, "no"), key
        assert re.search(re.escape(phrase), message), key
    assert not found


KEEP = """import numpy as np
def keep_groups(v, lam, axis):
    inner = tuple(i for i in range(v.ndim) if i != axis)
    squares = (v * v).sum(axis=inner, keepdims=True)
    n = v.size // v.shape[axis]
    return np.where(squares > 2 * lam * n**0.5, v, 0)"""
NORMS = """import numpy as np
def group_norms(w, axis):
    return np.sqrt((w * w).sum(axis=tuple(i for i in range(w.ndim) if i != axis)))"""


def two_tasks(keep: str, norms: str) -> str:
    """Chapter 08 of the first edition, with its first and its last task."""
    first = nbformat.reads(notebook("08", "group_norms", norms, "minisgl.course"), 4)
    last = nbformat.reads(notebook("08", "keep_groups", keep, "minisgl.course").replace("ex1", "ex4"), 4)
    first.cells += last.cells[1:]
    return str(nbformat.writes(first))


@pytest.mark.parametrize("exercises", EDITIONS)
def test_the_task_that_moved_is_graded_where_it_is_today(exercises, tmp_path, command):
    given = {"08_groups": two_tasks(STUB, STUB)}
    if exercises == "second":
        given = {"08_groups": notebook("08", "group_norms", STUB, "minisgl.course")}
        given["09_groups_with_l0"] = notebook("09", "keep_groups", STUB, "minisgl.course")
    files = {
        **{f"exercises/{name}": text for name, text in given.items()},
        "class/ada/08_groups": two_tasks(KEEP, NORMS),
        "class/emmy/08_groups": two_tasks(KEEP, NORMS),
        "class/emmy/09_groups_with_l0": notebook("09", "keep_groups", STUB, "minisgl.course"),
    }
    for name, text in files.items():
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = command("minisgl.grade", "class", "--exercises", "exercises")
    assert (done.returncode, done.stderr) == (0, "")
    found = {(student, task): (passed, edition) for student, task, passed, _, edition in rows(tmp_path / "grades.csv")}
    assert found == {
        ("ada", "08.ex1"): ("yes", "1"),
        ("ada", "09.ex1"): ("yes", "1"),
        ("emmy", "08.ex1"): ("yes", "1"),
        ("emmy", "09.ex1"): ("no", "2"),
    }
