"""minisgl.formats.paths: what is not there differs from what the system does not let us see."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.links import link

from minisgl.errors import MinisglError
from minisgl.formats import paths

QUESTIONS: list[Callable[[Path], object]] = [paths.is_file, paths.is_folder, paths.exists, paths.entries]


def test_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert [ask(tmp_path / "file") for ask in QUESTIONS] == [True, False, True, []]
    assert [ask(tmp_path) for ask in QUESTIONS] == [False, True, True, [tmp_path / "file"]]


@pytest.mark.parametrize("name", ["nothing", "file/below", "null\0", "*?"])
def test_what_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert [ask(tmp_path / name) for ask in QUESTIONS] == [False, False, False, []]


@pytest.mark.parametrize("ask", QUESTIONS)
def test_links(ask: Callable[[Path], object], tmp_path: Path) -> None:
    link(tmp_path / "circle", "circle")
    link(tmp_path / "broken", tmp_path / "gone")
    with pytest.raises(MinisglError, match=r"broken cannot be read: it is a link to .*gone, which does not exist"):
        ask(tmp_path / "broken")
    with pytest.raises(MinisglError, match="circle cannot be read: "):
        ask(tmp_path / "circle")
    assert paths.absolute(tmp_path / "circle").name == "circle"


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a name that is too long as one that is not there")
@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_name_that_is_too_long(ask: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(MinisglError, match="cannot be read: File name too long"):
        ask(tmp_path / ("x" * 300))
