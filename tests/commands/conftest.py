"""What the tests of the commands share: few digits, and a finished run on them."""

from pathlib import Path

import pytest
from support.digits import write_digits
from support.resuming import WORDS, run, without_figures

from minisgl.data.mnist import Digits


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory, digits: tuple[Digits, Digits]) -> Path:
    """A directory with 400 training and 100 test digits."""
    directory = tmp_path_factory.mktemp("few-digits")
    write_digits(directory, "train", digits[0][:400])
    write_digits(directory, "t10k", digits[1][:100])
    return directory


@pytest.fixture(scope="session")
def finished(few: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs on them, without figures. No test changes it."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    with without_figures():
        run([*WORDS, "--data", few], directory)
    return directory
