"""`python -m minisgl.course DIR` copies the exercises, and `python -m minisgl.check FILE` says what a teacher would see."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

EXERCISES = Path(__file__).parents[2] / "notebooks" / "exercises"
SOLUTIONS = EXERCISES.parent / "solutions"
NAME = "05_hard_thresholding.ipynb"
IS_LAM = "def hard_threshold(v, lam):\n    return np.where(np.abs(v) > lam, v, 0)"


def run(module: str, *words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-m", f"minisgl.{module}", *map(str, words)]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A student's notebook of chapter 5: a wrong answer, no answer, and a right one. Its checks and its name are changed."""
    notebook = nbformat.read(EXERCISES / NAME, as_version=4)
    right = {cell.id: cell.source for cell in nbformat.read(SOLUTIONS / NAME, as_version=4).cells}
    for cell in notebook.cells:
        if cell.id == "05-ex1-answer":
            cell.source = IS_LAM
        elif cell.id == "05-ex3-answer":
            cell.source = right[cell.id]
        elif cell.id.endswith("check"):
            cell.source = "pass"
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    return tmp_path / "mine.ipynb"


def test_every_task_gets_the_line_that_the_teacher_would_see(mine, tmp_path):
    done = run("check", mine, folder=tmp_path)  # in a folder without the course
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("05.ex1: CheckFailed: 05.hard_threshold is not right yet.\n\n  v        [0.25]\n")
    assert "\nyour threshold is lam itself. Keeping v costs lam" in done.stdout
    assert "\n05.ex2: CheckFailed: 05.least_cost is still to be written: " in done.stdout
    assert done.stdout.endswith("\n05.ex3: right\n1 of 3 right\n")

    (tmp_path / "class" / "ada").mkdir(parents=True)
    shutil.copy(mine, tmp_path / "class" / "ada" / NAME)
    assert run("grade", "class", "--exercises", EXERCISES, folder=tmp_path).returncode == 0
    with (tmp_path / "grades.csv").open(newline="", encoding="utf-8") as file:
        messages = [row["message"] for row in csv.DictReader(file)]
    assert [bool(message) for message in messages] == [True, True, False]
    assert all(message in " ".join(done.stdout.split()) for message in messages)


def test_one_task_alone(mine):
    done = run("check", mine, "--task", "3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "05.ex3: right\n1 of 1 right\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--task", "4"], "--task 4: mine.ipynb has the tasks 1, 2, 3"),
        (["--timeout", "0"], "--timeout must be a number of seconds above 0, but is 0"),
    ],
)
def test_a_wrong_option_is_a_sentence(mine, words, sentence):
    done = run("check", mine.name, *words, folder=mine.parent)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"minisgl: {sentence}\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "f.ipynb cannot be read: No such file or directory"),
        ("not a notebook", "f.ipynb cannot be read as a notebook (NotJSONError)"),
        (
            nbformat.writes(nbformat.v4.new_notebook()),
            "f.ipynb is not an exercise notebook: it has no cell such as 05-ex1-answer",
        ),
    ],
)
def test_a_file_that_is_no_exercise_is_a_sentence(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "f.ipynb").write_text(content)
    done = run("check", "f.ipynb", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"minisgl: {sentence}\n")


def test_a_notebook_of_the_first_edition_has_the_second_edition_s_tasks(tmp_path):
    """Its chapter 11 is chapter 15 today. Nothing is written yet, so no answer is run for long."""
    text = (EXERCISES / "15_shaky_curves.ipynb").read_text("utf-8")
    old = text.replace('"id": "15-', '"id": "11-').replace('check(\\"15.', 'check(\\"11.')
    (tmp_path / "11_shaky_curves.ipynb").write_text(old, "utf-8")
    done = run("check", tmp_path / "11_shaky_curves.ipynb", "--task", "2")
    assert done.returncode == 1
    assert done.stdout.startswith("15.ex2: CheckFailed: 15.scale_to_rms is still to be written: ")


def test_exercises_are_copied_and_what_is_there_stays(tmp_path):
    folder = tmp_path / "new" / "mine"
    names = sorted(path.name for path in EXERCISES.iterdir())
    done = run("course", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder}: {len(names)} of {len(names)} notebooks copied; what was there is unchanged\n"
    assert [path.name for path in sorted(folder.iterdir())] == names
    (folder / NAME).write_text("my answers")
    (folder / names[0]).unlink()
    done = run("course", folder)
    assert done.stdout == f"{folder}: 1 of {len(names)} notebooks copied; what was there is unchanged\n"
    assert (folder / NAME).read_text() == "my answers"
    assert (folder / names[0]).read_bytes() == (EXERCISES / names[0]).read_bytes()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("course", "file", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("minisgl: file cannot be made: ")
