"""minisgl.grade: a class in which much goes wrong is graded to the end."""

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from support.links import link

CHECKS = {"ex1": "assert double(x) == 4", "ex2": "assert half(x) == 1"}
RIGHT = {"ex1": "def double(n):\n    return 2 * n", "ex2": "def half(n):\n    return n / 2"}


def notebook(answers: dict[str, str], checks: dict[str, str] = CHECKS) -> nbformat.NotebookNode:
    """An exercise notebook of chapter 07, with a set-up cell and tasks."""
    cells = [new_code_cell("x = 2", id="07-cell-01")]
    for task in CHECKS:
        for role, sources in (("answer", answers), ("check", checks)):
            if task in sources:
                cells.append(new_code_cell(sources[task], id=f"07-{task}-{role}", metadata={"tags": [task]}))
    return new_notebook(cells=cells)


STUB = dict.fromkeys(CHECKS, 'raise NotImplementedError("write it (about 1 line)")')


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A folder with exercises/07_twos.ipynb as it is handed out, and class/ada, all of whose answers are right."""
    for name, content in (("exercises", notebook(STUB)), ("class/ada", notebook(RIGHT))):
        (tmp_path / name).mkdir(parents=True)
        nbformat.write(content, tmp_path / name / "07_twos.ipynb")
    return tmp_path


def hand_in(course: Path, student: str, content: nbformat.NotebookNode | str, name: str = "07_twos.ipynb") -> None:
    folder = course / "class" / student
    folder.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else nbformat.writes(content)
    (folder / name).write_text(text)


def rows(course: Path) -> dict[tuple[str, str], tuple[str, str]]:
    with (course / "grades.csv").open(newline="", encoding="utf-8") as file:
        return {(row["student"], row["exercise"]): (row["passed"], row["message"]) for row in csv.DictReader(file)}


def test_a_class_is_graded_to_the_end(course, command):
    hand_in(course, "cheat", notebook({"ex1": "def double(n):\n    return n"}, checks={"ex1": "pass"}))
    hand_in(course, "hasty", notebook({"ex1": "def double(n:\n    return", "ex2": STUB["ex2"]}))
    sleeper = "import time\ndef double(n):\n    time.sleep(1e6)"
    hand_in(course, "sleepy", notebook({"ex1": sleeper, "ex2": RIGHT["ex2"]}))
    hand_in(course, "violent", notebook({"ex1": "import os\nos.kill(os.getppid(), 9)", "ex2": RIGHT["ex2"]}))
    hand_in(course, "broken", "{ this is not JSON")
    hand_in(course, "twice", notebook(RIGHT))
    hand_in(course, "twice", notebook(RIGHT), "07_twos-Copy1.ipynb")
    (course / "class" / "absent").mkdir()
    done = command("minisgl.grade", "class", "--exercises", "exercises", "--timeout", 8)
    assert done.returncode == 0, done.stderr
    assert "ada: 2 of 2\n" in done.stdout
    found = rows(course)
    assert len(found) == 8 * 2
    for key in [("ada", "07.ex1"), ("ada", "07.ex2"), ("sleepy", "07.ex2"), ("violent", "07.ex2")]:
        assert found.pop(key) == ("yes", ""), key
    assert {passed for passed, _ in found.values()} == {"no"}
    for (student, task), phrase in {
        ("cheat", "ex1"): "AssertionError",
        ("cheat", "ex2"): "the cell 07-ex2-answer is missing",
        ("hasty", "ex1"): "SyntaxError",
        ("hasty", "ex2"): "NotImplementedError: write it (about 1 line)",
        ("sleepy", "ex1"): "Timeout of 8 seconds",
        ("violent", "ex1"): "it ended before its check",
        ("broken", "ex1"): "cannot be read as a notebook",
        ("twice", "ex2"): "2 notebooks of this chapter",
        ("absent", "ex1"): "nothing was handed in",
    }.items():
        assert phrase in found[student, f"07.{task}"][1], (student, task)


def test_broken_links_are_messages_for_their_students(course, command):
    (course / "class" / "emmy").mkdir()
    link(course / "class" / "emmy" / "07_twos.ipynb", "gone")
    link(course / "class" / "sofia", "gone")
    done = command("minisgl.grade", "class", "--exercises", "exercises")
    assert (done.returncode, done.stderr) == (0, "")
    found = rows(course)
    for task in CHECKS:
        assert found["ada", f"07.{task}"] == ("yes", "")
        for student, path in (("emmy", Path("class", "emmy", "07_twos.ipynb")), ("sofia", Path("class", "sofia"))):
            message = f"{path} cannot be read: it is a link to gone, which does not exist"
            assert found[student, f"07.{task}"] == ("no", message)


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        (["nowhere"], "cannot be read"),
        (["exercises"], "holds no notebook of"),
        (["class", "--exercises", "nowhere"], "holds no notebook of nowhere"),
        (["class", "--timeout", "0"], "must be a number of seconds above 0"),
        (["class", "--timeout", "nan"], "must be a number of seconds above 0"),
        (["class", "--out", "exercises/07_twos.ipynb"], "already exists"),
    ],
)
def test_bad_input_gets_one_sentence(course, command, words, phrase):
    done = command("minisgl.grade", *words)
    assert done.returncode == 2
    assert phrase in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (course / "grades.csv").exists()


def test_a_fresh_notebook_that_cannot_be_read(course, command):
    (course / "exercises" / "07_twos.ipynb").write_text("{")
    done = command("minisgl.grade", "class", "--exercises", "exercises")
    assert done.returncode == 2
    assert "07_twos.ipynb cannot be read" in done.stderr


def without_set_up(course: Path) -> None:
    """Take the set-up cell out of the notebooks, so that the first cell is the first answer."""
    for name in ("exercises", "class/ada"):
        path = course / name / "07_twos.ipynb"
        content = nbformat.read(path, as_version=4)
        content.cells = [NotebookNode({**cell, "source": f"x = 2\n{cell.source}"}) for cell in content.cells[1:]]
        nbformat.write(content, path)


def grade_with(course: Path, before: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """Grade the class with these words before the command, and these additions to the environment."""
    words = [*before, sys.executable, "-m", "minisgl.grade", "class", "--exercises", "exercises"]
    environment = {**os.environ, **environment}
    return subprocess.run(words, cwd=course, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("fault", ["no pytest", "no kernel"])
def test_an_answer_that_was_never_run_is_not_called_wrong(fault, course):
    without_set_up(course)
    if fault == "no pytest":
        done = grade_with(course, PYTEST_PLUGINS="there_is_no_such_plugin")
        reason = "pytest ended before its answer was run"
    else:
        (course / "ipykernel_launcher.py").write_text("raise SystemExit(1)")  # instead of ipykernel's module of this name
        done = grade_with(course, PYTHONPATH=os.pathsep.join(filter(None, [str(course), os.environ.get("PYTHONPATH")])))
        reason = "no kernel can be started: Kernel died before replying to kernel_info"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"minisgl: 07.ex1 cannot be graded: {reason}; memory, or the disk")
    assert done.stderr.count("\n") == 1
    assert not (course / "grades.csv").exists()


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_a_full_disk_does_not_make_an_answer_wrong(course):
    """The disk with the temporary folder has room for the notebooks, and for nothing else."""
    without_set_up(course)
    script = 'mkdir disk && mount -t tmpfs -o nr_inodes=6 none disk && exec "$@" || exit 99'
    done = grade_with(course, ["unshare", "--mount", "sh", "-c", script, "sh"], TMPDIR=str(course / "disk"))
    if done.returncode == 99 or done.stderr.startswith("unshare: "):
        pytest.skip(f"only root may mount a file system: {done.stderr}")
    assert (done.returncode, done.stderr) == (0, "")
    assert {*rows(course).values()} == {("yes", "")}
