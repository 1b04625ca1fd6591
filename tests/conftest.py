"""What several folders share: a small set of real digits, a way to run a command as a user does, and arrays on a device."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.commands import run_module
from support.device_double import device
from support.digits import write_digits
from support.resuming import WORDS, run, without_figures

from minisgl.backend import array_module, to_host
from minisgl.data import mnist
from minisgl.errors import MinisglError


@pytest.fixture(scope="session")
def digits() -> tuple[mnist.Digits, mnist.Digits]:
    """The bundled MNIST, loaded once."""
    return mnist.load()


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, digits: tuple[mnist.Digits, mnist.Digits]) -> Path:
    """A directory with the first 2,000 training and 1,000 test digits as raw IDX files."""
    directory = tmp_path_factory.mktemp("small-mnist")
    write_digits(directory, "train", digits[0][:2000])
    write_digits(directory, "t10k", digits[1][:1000])
    return directory


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, digits: tuple[mnist.Digits, mnist.Digits]) -> Path:
    """A directory with 400 training and 100 test digits: 8 steps an epoch."""
    directory = tmp_path_factory.mktemp("tiny-mnist")
    write_digits(directory, "train", digits[0][:400])
    write_digits(directory, "t10k", digits[1][:100])
    return directory


@pytest.fixture(scope="session")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unbroken run of two epochs on these digits, without figures. No test changes it."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    with without_figures():
        run([*WORDS, "--data", tiny], directory)
    return directory


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a module in the test's own empty folder: command("minisgl.train", "--epochs", 1)."""
    return partial(run_module, cwd=tmp_path)


@pytest.fixture(params=["double", pytest.param("cupy", marks=pytest.mark.gpu)])
def xp(request: pytest.FixtureRequest) -> Any:
    """An array module whose arrays lie on a device: the strict double always, CuPy where there is a GPU."""
    if request.param == "double":
        return device
    try:
        return array_module("cupy")
    except MinisglError as error:
        pytest.skip(str(error))


@pytest.fixture
def near(xp: Any) -> Callable[[Any, Any], None]:
    """Assert that device numbers are NumPy's: to the bit on the double, in float32 to 1e-4 of the largest on a GPU."""

    def check(found: Any, expected: Any) -> None:
        found, expected = to_host(found), np.asarray(expected)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        if xp is device:
            np.testing.assert_array_equal(found, expected)
        else:
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * max(np.abs(expected).max(initial=0), 1e-30))

    return check
