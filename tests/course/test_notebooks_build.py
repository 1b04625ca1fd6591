"""notebooks/build.py: three notebooks from one source, always the same bytes, and no solution in what students see."""

import importlib.util
import json
import sys
from pathlib import Path

import nbformat
import pytest

from minisgl.errors import MinisglError

# Windows' event loop is not the one that zmq wants; tornado helps with a thread, and says so
pytestmark = pytest.mark.filterwarnings("ignore:Proactor event loop:RuntimeWarning")

CHECKOUT = Path(__file__).parents[2]
SOURCE = '''# %% [markdown]
# # 7 A chapter
# A question.

# %% tags=["setup"]
from math import sqrt

# %%
print("in the chapter alone")

# %% [markdown] tags=["ex1"]
# Write it.

# %% tags=["ex1"]
def root(x):
    """The root of x."""
    # BEGIN SOLUTION: take the root
    # a comment
    secret = sqrt(x)

    return secret
    # END SOLUTION

# %% tags=["ex1"]
assert root(4) == 2
'''


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The module build.py, working in a temporary folder that holds one source."""
    spec = importlib.util.spec_from_file_location("notebooks_build", CHECKOUT / "notebooks" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "notebooks"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "07_roots.py").write_text(SOURCE)
    monkeypatch.setattr(module, "HERE", folder)
    return module


def write(build, source=SOURCE):
    """Write the three notebooks without running them."""
    path = build.HERE / "source" / "07_roots.py"
    path.write_text(source)
    for place, notebook in build.Source(path).notebooks().items():
        place.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, place)
    return build.Source(path)


def cells(build, folder=""):
    return {cell.id: cell for cell in nbformat.read(build.HERE / folder / "07_roots.ipynb", as_version=4).cells}


def run(build, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["build", *words])
    build.main()


def test_what_each_notebook_holds(build):
    write(build)
    setup, statement = "07-cell-02", "07-cell-04"
    assert list(cells(build)) == ["07-cell-01", setup, "07-cell-03", statement]
    both = ["07-title", setup, statement, "07-ex1-answer", "07-ex1-check"]
    assert list(cells(build, "exercises")) == list(cells(build, "solutions")) == both
    stub = cells(build, "exercises")["07-ex1-answer"].source
    assert stub == ('def root(x):\n    """The root of x."""\n    raise NotImplementedError("take the root (about 2 lines)")')
    assert "SOLUTION" not in cells(build, "solutions")["07-ex1-answer"].source
    assert "secret = sqrt(x)" in cells(build, "solutions")["07-ex1-answer"].source


def test_build_runs_chapter_and_solutions_and_gives_the_same_bytes_again(build, monkeypatch, capsys):
    run(build, monkeypatch)
    first = {path: path.read_bytes() for path in build.HERE.rglob("*.ipynb")}
    assert len(first) == 3
    assert cells(build)["07-cell-03"].outputs[0].text == "in the chapter alone\n"
    assert cells(build, "solutions")["07-ex1-check"].execution_count == 3
    assert cells(build, "exercises")["07-ex1-check"].execution_count is None
    run(build, monkeypatch, "07")
    assert first == {path: path.read_bytes() for path in build.HERE.rglob("*.ipynb")}
    run(build, monkeypatch, "--check")


@pytest.mark.parametrize(
    ("stream", "text"),
    [("stdout", f"in {sys.prefix}/lib"), ("stdout", "<object object at 0x7f1e52dacc90>"), ("stderr", "UserWarning: so so")],
)
def test_what_differs_from_machine_to_machine_is_refused(build, stream, text):
    output = nbformat.v4.new_output("stream", name=stream, text=text)
    cell = nbformat.v4.new_code_cell("", id="07-cell-03", outputs=[output])
    with pytest.raises(MinisglError, match="07-cell-03"):
        build._require_same_everywhere(cell, build.HERE / "07_roots.ipynb")


def test_a_cell_that_takes_too_long_is_reported(build, monkeypatch):
    monkeypatch.setattr(build, "SECONDS", 1)
    cell = nbformat.v4.new_code_cell("import time\ntime.sleep(60)", id="cell")
    with pytest.raises(MinisglError, match="a cell takes more than 1 seconds"):
        build.execute(nbformat.v4.new_notebook(cells=[cell]), build.HERE / "07_roots.ipynb")


def test_a_slider_that_fails_is_seen(build):
    path = build.HERE / "07_roots.ipynb"
    draw = "from ipywidgets import interact\n_ = interact(lambda x: 1 / x, x=(0, 3, 1))"
    right, wrong = draw.replace("1 / x", "x"), draw.replace("x=(0", "x=[0").replace("3, 1)", "1]")
    build.execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(right, id="cell")]), path)
    with pytest.raises(MinisglError, match="ZeroDivisionError"):
        build.execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(wrong, id="cell")]), path)


def complaints(build, source=None):
    return list(build.complaints(source or build.Source(build.HERE / "source" / "07_roots.py")))


def test_check_sees_what_is_missing_or_out_of_step(build, monkeypatch, capsys):
    assert len(complaints(build)) == 3
    write(build)
    assert complaints(build) == []
    path = build.HERE / "07_roots.ipynb"
    path.write_text(path.read_text().replace("A question.", "An answer."))
    assert complaints(build) == ["notebooks/07_roots.ipynb differs from notebooks/source/07_roots.py"]
    with pytest.raises(SystemExit) as ended:
        run(build, monkeypatch, "--check")
    assert ended.value.code == 2
    assert "differs from" in capsys.readouterr().err


def test_check_compares_no_outputs(build):
    write(build)
    path = build.HERE / "07_roots.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="other numbers")]
    nbformat.write(notebook, path)
    assert complaints(build) == []


@pytest.mark.parametrize("folder", ["", "exercises"])
def test_a_solution_shown_to_students_is_found(build, folder):
    source = write(build)
    path = build.HERE / folder / "07_roots.ipynb"
    content = json.loads(path.read_text())
    content["cells"][1]["source"] = ["x = 1\n", "secret = sqrt(x)"]
    path.write_text(json.dumps(content))
    assert any("contains a solution" in line and "secret = sqrt(x)" in line for line in complaints(build, source))


def test_a_solution_in_the_text_of_the_source_itself_is_seen(build):
    source = write(build, SOURCE.replace("A question.", "Hint: `secret = sqrt(x)`."))
    assert any("contains a solution" in line for line in complaints(build, source))


def test_the_output_of_a_tasks_cell_is_seen(build):
    source = write(build)
    path = build.HERE / "exercises" / "07_roots.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(notebook, path)
    assert complaints(build, source) == ["notebooks/exercises/07_roots.ipynb has outputs in cell 07-ex1-check"]


@pytest.mark.parametrize(
    ("before", "after", "phrase"),
    [
        ('tags=["setup"]', 'tags=["set-up"]', "tag set-up"),
        ("    # END SOLUTION\n", "", "between the lines"),
        ("# BEGIN SOLUTION: take the root", "# BEGIN SOLUTION", "between the lines"),
        ('# %% tags=["ex1"]\nassert', "# %%\nassert", "one that checks it"),
        ('# %% tags=["ex1"]\ndef', "# %%\ndef", "between the lines"),
        ('[markdown] tags=["ex1"]', '[markdown] tags=["ex2"]', "one that checks it"),
    ],
)
def test_a_source_that_is_wrong_gets_a_sentence(build, before, after, phrase):
    assert before in SOURCE
    path = build.HERE / "source" / "07_roots.py"
    path.write_text(SOURCE.replace(before, after))
    with pytest.raises(MinisglError, match=phrase):
        build.Source(path)


@pytest.mark.parametrize("character", ["\f", "\t", "\r", "\a", "\b", "\v", "\0", "\x1b", "\x7f", "\x85"])
def test_a_control_character_is_refused(build, character):
    r"""A source written by a program that takes "\frac" for a form feed and "rac": the formula would be lost."""
    path = build.HERE / "source" / "07_roots.py"
    path.write_bytes(SOURCE.replace("A question.", f"$\\sqrt{{{character}rac{{p}}{{N}}}}$").encode())
    with pytest.raises(MinisglError) as caught:
        build.Source(path)
    assert str(caught.value) == f"07_roots.py, line 3: it contains the control character {character!a}"


def test_windows_ends_of_lines_are_no_control_characters(build):
    path = build.HERE / "source" / "07_roots.py"
    path.write_bytes(SOURCE.replace("\n", "\r\n").encode())
    assert [cell.source for cell in build.Source(path).cells] == [cell.source for cell in write(build).cells]


def test_an_unknown_chapter(build, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(build, monkeypatch, "08")
    assert ended.value.code == 2
    assert "no chapter 08" in capsys.readouterr().err


def test_the_course_is_in_step_with_its_sources(monkeypatch):
    spec = importlib.util.spec_from_file_location("notebooks_build", CHECKOUT / "notebooks" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run(module, monkeypatch, "--check")
