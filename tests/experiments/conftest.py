"""What the tests of a user's own code share: a folder with the files of docs/your-own-network.md."""

import sys
from pathlib import Path

import pytest
from support.page import MLP, PRELU, SQUARES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the page's two files, in which the test works."""
    (tmp_path / "mlp.py").write_text(MLP)
    (tmp_path / "squares.py").write_text(SQUARES)
    (tmp_path / "prelu.py").write_text(PRELU)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("mlp", "squares", "prelu"):
        sys.modules.pop(name, None)
