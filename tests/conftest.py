"""What several test files share: a small set of real digits, and a way to run a command as a user does."""

import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from device_double import device

from minisgl import train
from minisgl.backend import array_module, to_host
from minisgl.config import TrainConfig
from minisgl.data import mnist
from minisgl.errors import MinisglError
from minisgl.experiments import configured


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as a raw IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_digits(directory: Path, prefix: str, digits: mnist.Digits) -> None:
    """Write images and labels as two raw IDX files of MNIST's names."""
    pixels = np.round(digits.images[:, 0] * 255).astype(np.uint8)
    write_idx(directory / f"{prefix}-images-idx3-ubyte", pixels)
    write_idx(directory / f"{prefix}-labels-idx1-ubyte", digits.labels.astype(np.uint8))


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


def parsed(words: Iterable[object]) -> TrainConfig:
    """The configuration that the words on the command line ask for."""
    return configured(train.parse([*map(str, words)]))


def run_module(module: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE ARGUMENTS` without a terminal, warnings as errors."""
    words = [sys.executable, "-W", "error", "-m", module, *map(str, arguments)]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


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
