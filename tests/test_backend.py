"""Which array module computes, and the error where CuPy, a GPU or CUDA's libraries are missing."""

import builtins
import re
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from support.device_double import device

from minisgl.backend import array_module, block_size, device_name, row_blocks, to_device
from minisgl.errors import MinisglError

INSTALLED = find_spec("cupy") is not None
EXPECTED = "no NVIDIA driver or GPU found|CUDA libraries missing" if INSTALLED else "CuPy is not installed"


def has_gpu() -> bool:
    try:
        array_module("cupy")
    except MinisglError:
        return False
    return True


def test_numpy_is_always_there():
    assert array_module("numpy") is np
    assert device_name(np) is None


def test_this_machine_has_a_gpu_or_says_what_is_missing(command, small):
    """With whatever this machine really has: no CuPy, or CuPy and no driver (continuous integration runs both)."""
    if has_gpu():
        pytest.skip("there is a GPU here")
    with pytest.raises(MinisglError, match=EXPECTED):
        array_module("cupy")
    done = command("minisgl.train", "--backend", "cupy", "--data", small)
    assert done.returncode == 2
    assert re.fullmatch(rf"minisgl: ({EXPECTED}).*\n", done.stderr)
    assert "Traceback" not in done.stderr
    assert not list(command.keywords["cwd"].iterdir())


def test_without_cupy_it_names_the_two_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # what Python itself puts there for a module that must not be found
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "cupy":
            raise ModuleNotFoundError("No module named 'cupy'", name="cupy")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MinisglError, match=r'CuPy is not installed \(pip install -e "\.\[cuda12\]" or "\.\[cuda13\]"'):
        array_module("cupy")


def failing(error: Exception) -> SimpleNamespace:
    """A cupy that finds a GPU and then cannot compute: a machine with a driver and without CUDA's libraries."""

    def ones(*args, **kwargs):
        raise error

    cuda = SimpleNamespace(is_available=lambda: True)
    return SimpleNamespace(cuda=cuda, ones=ones, float32=np.float32)


@pytest.mark.parametrize(
    "error", [ImportError("libcublas.so.13: cannot open"), RuntimeError("no nvrtc\nmore"), OSError("gone")]
)
def test_without_cudas_libraries_it_says_so_in_one_line(error, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", failing(error))
    with pytest.raises(MinisglError, match=r"CUDA libraries missing.*cupy-cuda13x") as raised:
        array_module("cupy")
    assert str(raised.value).endswith(str(error).splitlines()[0])
    assert "\n" not in str(raised.value)


def test_blocks_are_for_caches_and_a_device_takes_all():
    x = np.zeros(1000)
    assert block_size(x, 100) == 100
    assert block_size(to_device(x, device), 100) == 1000
    assert block_size(to_device(np.zeros(0), device), 100) == 1


@pytest.mark.parametrize("rows", [0, 1, 7, 100])
@pytest.mark.parametrize("row", [0, 1, 3, 50])
@pytest.mark.parametrize("size", [1, 10, 149, 1000])
def test_blocks_are_runs_of_whole_rows_that_cover_all_of_them(rows, row, size):
    blocks = row_blocks(rows, rows * row, size)
    assert [number for block in blocks for number in range(rows)[block]] == list(range(rows))
    lengths = [block.stop - block.start for block in blocks]
    assert all(length == 1 or length * row <= size for length in lengths)  # no more than asked, but for a single row
    assert all((length + 1) * row > size for length in lengths[:-1])  # and not one row fewer than fit
    assert len(set(lengths[:-1])) <= 1


@pytest.mark.gpu
def test_a_gpu_has_a_name(xp):
    assert xp is device or device_name(xp)
