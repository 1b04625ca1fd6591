"""Build the course's notebooks from their sources: `python -m notebooks.build [CHAPTER...] [--check]`

    python -m notebooks.build             all chapters
    python -m notebooks.build 04 05       these two
    python -m notebooks.build --check     write nothing; exit 2 if one differs from its source or contains a solution

One source, notebooks/source/05_name.py in jupytext's percent format, becomes three notebooks:

    notebooks/05_name.ipynb               the chapter, executed: all cells except the code of the tasks
    notebooks/exercises/05_name.ipynb     set-up and tasks, with a stub in place of each solution
    notebooks/solutions/05_name.ipynb     the same with the solutions, executed

README.md explains how to write a source. The same source gives the same bytes, including ids, metadata and outputs. The check
compares the sources of cells, not their outputs, which depend on the versions of the plotting packages.
"""

import argparse
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from traitlets.config import Config

from minisgl.command import errors_as_sentences
from minisgl.course.cells import answer_id, check_id, task_of
from minisgl.course.kernels import ONE_THREAD, sockets
from minisgl.errors import MinisglError
from minisgl.formats import files

HERE = Path(__file__).parent
REGION = re.compile(r"^( *)# BEGIN SOLUTION: ([^\n]+)\n(.*?)^ *# END SOLUTION(?:\n|\Z)", re.MULTILINE | re.DOTALL)
TAGS = re.compile(r"setup|ex[1-9]|raises-exception")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
SECONDS = 90  # time limit of a cell


class Source:
    """One chapter's source: its cells, with ids, and the three notebooks made from them.

    MinisglError if the source has a control character, if a tag is unknown, or if a task does not have exactly one cell with a
    solution and one that checks it.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name, self.chapter = path, path.stem, path.stem[:2]
        self.cells: list[NotebookNode] = []
        _refuse_control_characters(path)
        for place, cell in enumerate(jupytext.read(path, fmt="py:percent").cells, start=1):
            tags = cell.metadata.get("tags", [])
            if unknown := [tag for tag in tags if not TAGS.fullmatch(tag)]:
                raise MinisglError(f"{path.name}, cell {place}: the tag {unknown[0]} is not one of setup, ex1 to ex9")
            new = new_markdown_cell if cell.cell_type == "markdown" else new_code_cell
            self.cells.append(new(cell.source, id=self._id(cell, place), metadata={"tags": tags} if tags else {}))
        self._require_pairs()

    def _id(self, cell: NotebookNode, place: int) -> str:
        task = task_of(cell)
        has_region = REGION.search(cell.source) is not None
        if ("BEGIN SOLUTION" in cell.source or "END SOLUTION" in cell.source) and not (task and has_region):
            raise MinisglError(
                f"{self.path.name}, cell {place}: a solution must be in a code cell tagged ex1 to ex9, between the lines "
                '"# BEGIN SOLUTION: what to write" and "# END SOLUTION"'
            )
        if task is None or cell.cell_type != "code":
            return f"{self.chapter}-cell-{place:02}"
        return answer_id(self.chapter, task) if has_region else check_id(self.chapter, task)

    def _require_pairs(self) -> None:
        ids = [cell.id for cell in self.cells if _is_task_code(cell)]
        tasks = {task for cell in self.cells if (task := task_of(cell))}
        if sorted(ids) != sorted(name(self.chapter, task) for task in tasks for name in (answer_id, check_id)):
            raise MinisglError(
                f"{self.path.name}: a task must have one code cell with a solution and one that checks it, and there are "
                f"{', '.join(sorted(ids)) or 'none'}"
            )

    def solution_lines(self) -> Iterator[str]:
        """Yield every line of the solutions that would give a solution away."""
        for cell in self.cells:
            for region in REGION.finditer(cell.source):
                yield from (line for line in _code_lines(region[3]) if len(line) > 8)  # not a line like `else:`

    def notebooks(self) -> dict[Path, NotebookNode]:
        """Return the three notebooks, not executed, by path."""
        title = self.cells[0].source.splitlines()[0]
        chapter = [cell for cell in self.cells if not _is_task_code(cell)]
        tasks = [cell for cell in self.cells if task_of(cell) or "setup" in cell.metadata.get("tags", [])]
        exercises = f"""{title}: exercises

Write your answers where `raise NotImplementedError` stands, and run the cell below each: it tells you what is wrong, or
that nothing is. Outside Jupyter: `python -m minisgl.check {self.name}.ipynb`, and with `--task 1` the first alone. What you
need stands in [the chapter](../{self.name}.ipynb)."""
        solutions = f"{title}: solutions\n\nFor teachers. The tasks, and [the chapter](../{self.name}.ipynb)."
        return {
            HERE / f"{self.name}.ipynb": self._notebook(chapter),
            HERE / "exercises" / f"{self.name}.ipynb": self._notebook(tasks, exercises, _stub),
            HERE / "solutions" / f"{self.name}.ipynb": self._notebook(tasks, solutions, lambda region: region[3]),
        }

    def _notebook(
        self, cells: list[NotebookNode], title: str = "", replace: Callable[[re.Match[str]], str] = lambda region: region[0]
    ) -> NotebookNode:
        head = [new_markdown_cell(title, id=f"{self.chapter}-title")] if title else []
        copies = [NotebookNode({**cell, "source": REGION.sub(replace, cell.source).rstrip()}) for cell in cells]
        return new_notebook(cells=head + copies, metadata=METADATA, nbformat_minor=5)


def _refuse_control_characters(path: Path) -> None:
    r"""MinisglError if there is one but the ends of lines: a program that writes "\frac" leaves a form feed and "rac"."""
    text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")  # a lone carriage return may be what is left of "\rho"
    for number, line in enumerate(text.split("\n"), start=1):
        if found := [character for character in line if unicodedata.category(character) == "Cc"]:
            raise MinisglError(f"{path.name}, line {number}: it contains the control character {found[0]!a}")


def _is_task_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and task_of(cell) is not None


def _code_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def _stub(region: re.Match[str]) -> str:
    lines = len(_code_lines(region[3]))
    text = f"{region[2]} (about {lines} line{'s' * (lines > 1)})"
    return f"{region[1]}raise NotImplementedError({json.dumps(text, ensure_ascii=False)})\n"


def execute(notebook: NotebookNode, path: Path) -> None:
    """Run the notebook in place, in its folder. MinisglError if a cell fails, warns, or has irreproducible output."""
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        config=Config({"KernelManager": sockets()}),
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
    )
    try:
        client.execute(env={**ONE_THREAD, **os.environ})
    except CellExecutionError as error:
        raise MinisglError(f"{path.name} fails:\n{error}") from error
    except CellTimeoutError as error:
        raise MinisglError(f"{path.name}: a cell takes more than {SECONDS} seconds") from error
    drawn = [output for state in client.widget_state.values() for output in state.get("outputs", [])]
    if errors := [output for output in drawn if output["output_type"] == "error"]:  # a slider does not report them
        raise MinisglError(f"{path.name}: the output of a slider fails: {errors[0]['ename']}: {errors[0]['evalue']}")
    notebook.metadata = nbformat.from_dict(METADATA)  # without the kernel's version and the sliders' state
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            # without its kernel a slider shows an error message: only the figure beside it is kept
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            _require_same_everywhere(cell, path)


def _require_same_everywhere(cell: NotebookNode, path: Path) -> None:
    if any(output.get("name") == "stderr" for output in cell.outputs):
        raise MinisglError(f"{path.name}, cell {cell.id}: it warns: {cell.outputs[0].get('text')}")
    said = json.dumps(cell.outputs)
    places = [re.escape(json.dumps(str(place))[1:-1]) for place in (HERE.parent, Path.home(), sys.prefix)]  # as in `said`
    if found := re.search("|".join([*places, "ipykernel_[0-9]+", r"\bat 0x[0-9a-f]{6,}"]), said):
        raise MinisglError(f"{path.name}, cell {cell.id}: the output has {found[0]}, which differs between machines")


def build(source: Source) -> None:
    """Write the three notebooks of a chapter."""
    for path, notebook in source.notebooks().items():
        path.parent.mkdir(exist_ok=True)  # the kernel's working directory
        if path.parent.name != "exercises":
            execute(notebook, path)
        files.write(path, (nbformat.writes(notebook) + "\n").encode())
        print(path.relative_to(HERE.parent).as_posix())


def complaints(source: Source) -> Iterator[str]:
    """Yield what is wrong with a chapter's existing notebooks, each as a sentence."""
    for path, wanted in source.notebooks().items():
        place = path.relative_to(HERE.parent).as_posix()
        if not path.is_file():
            yield f"{place} is missing"
            continue
        found = nbformat.read(path, as_version=4)
        if _written(found) != _written(wanted):
            yield f"{place} differs from {source.path.relative_to(HERE.parent).as_posix()}"
        if path.parent.name != "solutions":
            yield from (f"{place} {leak}" for leak in leaks(found, source))


def _written(notebook: NotebookNode) -> list[tuple[str, str, str, NotebookNode]]:
    return [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]


def leaks(notebook: NotebookNode, source: Source) -> Iterator[str]:
    """Yield where a notebook for students gives a solution away: a line of one, or the output of a task's cell."""
    secrets = {"BEGIN SOLUTION", "END SOLUTION", *source.solution_lines()}
    for cell in notebook.cells:
        yield from (f"contains a solution in cell {cell.id}: {line}" for line in sorted(secrets) if line in cell.source)
        if _is_task_code(cell) and cell.outputs:
            yield f"has outputs in cell {cell.id}"


def main() -> None:
    """Parse the options, then build or check. On errors print sentences and exit with status 2."""
    parser = argparse.ArgumentParser(
        "python -m notebooks.build", description="Build the course's notebooks from their sources."
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="two digits; without any: all chapters")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 2 if a notebook differs from its source")
    options = parser.parse_args()
    with errors_as_sentences():
        paths = sorted((HERE / "source").glob("[0-9][0-9]_*.py"))
        if unknown := set(options.chapters) - {path.name[:2] for path in paths}:
            raise MinisglError(f"there is no chapter {', '.join(sorted(unknown))} in notebooks/source")
        sources = [Source(path) for path in paths if not options.chapters or path.name[:2] in options.chapters]
        if not options.check:
            for source in sources:
                build(source)
        elif wrong := [complaint for source in sources for complaint in complaints(source)]:
            raise MinisglError("\n  ".join(["run python -m notebooks.build again:", *wrong]))


if __name__ == "__main__":
    main()
