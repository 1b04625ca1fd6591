"""What the tests of resuming share: few digits, an unbroken run on them, and runs without figures."""

from pathlib import Path

import pytest
from support.digits import write_digits
from support.resuming import WORDS, run, without_figures

from minisgl.data.mnist import Digits


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, digits: tuple[Digits, Digits]) -> Path:
    """A directory with 400 training and 100 test digits: 8 steps an epoch."""
    directory = tmp_path_factory.mktemp("tiny-mnist")
    write_digits(directory, "train", digits[0][:400])
    write_digits(directory, "t10k", digits[1][:100])
    return directory


@pytest.fixture(scope="module")
def no_figures():
    """The test file's runs draw no figures."""
    with without_figures():
        yield


@pytest.fixture(scope="session")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unbroken run. No test changes it."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    with without_figures():
        run([*WORDS, "--data", tiny], directory)
    return directory
