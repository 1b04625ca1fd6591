"""Every chapter begins with its reading time: words / 100 + lines of code / 25, at most 40 minutes without optional sections.

The table in notebooks/README.md repeats the time, and the chapters that are needed. A way through the course has all of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest

COURSE = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted((COURSE / "source").glob("*.py"))
ESTIMATE = re.compile(r"\*Reading: (\d+) minutes(?:, and (\d+) for the optional parts)?\. Exercises: .*?\*", re.DOTALL)


def sections(source: Path) -> Iterator[tuple[bool, float]]:
    """Whether a cell belongs to an optional section, and its minutes; tasks are not read but solved."""
    optional = 0  # the level of the optional heading above, 0 if there is none
    for cell in jupytext.read(source, fmt="py:percent").cells:
        if any(tag.startswith("ex") for tag in cell.metadata.get("tags", [])):
            continue
        if cell.cell_type == "markdown":
            for level, heading in re.findall(r"^(#+) (.*)", cell.source, re.MULTILINE):
                if not optional or len(level) <= optional:
                    optional = len(level) if heading.endswith("(optional)") else 0
            yield bool(optional), len(cell.source.split()) / 100
        else:
            yield bool(optional), sum(bool(line.strip()) for line in cell.source.splitlines()) / 25


def estimate(source: Path) -> tuple[int, int, str]:
    """The stated minutes without and of optional sections, and the text about them."""
    found = ESTIMATE.search(source.read_text("utf-8"))
    assert found, f"{source.name} does not begin with *Reading: 30 minutes. Exercises: ...*"
    return int(found[1]), int(found[2] or 0), found[0]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_first_line_says_how_long_it_takes(source: Path) -> None:
    stated, extra, _ = estimate(source)
    minutes = {optional: sum(time for kind, time in sections(source) if kind == optional) for optional in (False, True)}
    assert abs(stated - minutes[False]) <= 3, minutes  # stated to 5 minutes
    assert abs(extra - minutes[True]) <= 3, minutes
    assert max(stated, round(minutes[False])) <= 40


def test_the_table_of_the_course_says_the_same() -> None:
    table = (COURSE / "README.md").read_text("utf-8")
    rows = {
        row[0]: (row[1], int(row[2]), re.findall(r"\d+", row[3]))
        for row in re.findall(r"^\| (\d\d) \| \[.*?\]\((\w+)\.ipynb\) \| .* \| (\d+) \| (.*) \|$", table, re.MULTILINE)
    }
    assert rows == {
        source.stem[:2]: (source.stem, minutes, re.findall(r"\[(\d+)\]\(", text))
        for source in SOURCES
        for minutes, _, text in [estimate(source)]
    }


def test_every_way_through_the_course_has_all_that_it_needs() -> None:
    table = (COURSE / "README.md").read_text("utf-8")
    ways = re.findall(r"^\| [^|]+ \| ([\d, ]+) \| (?:(\d+) h )?(\d+) min \|$", table, re.MULTILINE)
    assert len(ways) >= 5
    stated = {int(source.stem[:2]): estimate(source) for source in SOURCES}
    for numbers, hours, minutes in ways:
        way = [int(number) for number in numbers.split(", ")]
        assert way == sorted(way)
        needed = {int(need) for number in way for need in re.findall(r"\[(\d+)\]\(", stated[number][2])}
        assert needed <= {*way}, numbers
        assert 60 * int(hours or 0) + int(minutes) == sum(stated[number][0] for number in way), numbers
