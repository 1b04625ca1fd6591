"""Imports point down: no module of minisgl imports from a room above its own, and none from a command."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import minisgl

HERE = Path(minisgl.__file__).parent
COMMANDS = ("command", "train", "evaluate", "classify", "compress", "sweep", "grade", "check")
ROOMS = (  # from the ground up; docs/architecture.md says what each is for
    ("errors",),
    ("backend", "own", "kernels"),
    ("nn",),
    ("penalties",),
    ("testing",),
    ("formats",),
    ("data",),
    ("models",),
    ("solver",),
    ("plots",),
    ("config", "methods", "regimes", "flags", "ranges", "configure"),
    ("experiments",),
    ("analysis",),
    ("training",),
    ("run",),
    ("comparison",),
    ("course",),
    COMMANDS,
)
FLOOR = {name: height for height, room in enumerate(ROOMS) for name in room}
MODULES = sorted(path for path in HERE.rglob("*.py") if path != HERE / "__init__.py")


def room_of(module: str) -> str:
    """ "nn" of "minisgl.nn.layers"."""
    return module.split(".")[1]


def imported(path: Path) -> Iterator[str]:
    """The modules of minisgl that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "minisgl":
            yield from (f"minisgl.{name.name}" for name in node.names if name.name in FLOOR)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minisgl."):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("minisgl."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_imports_point_down(path: Path) -> None:
    own = "command" if path.name == "__main__.py" else path.relative_to(HERE).parts[0].removesuffix(".py")
    assert own in FLOOR, f"{own} is in no room: give it one here and in docs/architecture.md"
    for module in imported(path):
        other = room_of(module)
        assert FLOOR[other] <= FLOOR[own], f"imports {module}"
        assert other == "command" or other not in COMMANDS, f"imports the command {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_no_file_is_longer_than_250_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 250


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_only_check_and_grade_import_the_course(path: Path) -> None:
    own = path.relative_to(HERE).parts[0].removesuffix(".py")
    assert own in ("course", "check", "grade") or not any(room_of(module) == "course" for module in imported(path))
