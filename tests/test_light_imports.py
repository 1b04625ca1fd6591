"""Imports are light: the rooms that compute need NumPy and nothing else, and `import minisgl` alone not even that.

Each import is made in an interpreter of its own, in which what a small system lacks cannot be imported and os.fork is gone.
"""

import subprocess
import sys

import pytest

import minisgl

HEAVY = [
    "matplotlib",
    "tyro",
    "rich",
    "PIL",
    "HersheyFonts",
    "safetensors",
    "onnx",
    "fcntl",
    "multiprocessing",
    "filelock",
    "threadpoolctl",
    "cupy",
    "IPython",
]

BLOCKED = """
import os, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ImportError("this test wants no " + name)

sys.meta_path.insert(0, Blocked())
if hasattr(os, "fork"):
    del os.fork
import {module}
print("numpy" in sys.modules)
"""


def numpy_loaded_by(module: str, blocked: list[str]) -> bool:
    """Whether `import module` loads NumPy, in a fresh interpreter without os.fork and the blocked packages."""
    code = BLOCKED.format(names=blocked, module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() == "True"


@pytest.mark.parametrize("module", ["minisgl.nn", "minisgl.penalties", "minisgl.penalties.names", "minisgl.solver"])
def test_the_rooms_that_compute_load_numpy_and_nothing_heavier(module: str) -> None:
    assert numpy_loaded_by(module, HEAVY)


@pytest.mark.parametrize("module", ["minisgl", "minisgl.errors", "minisgl.course", "minisgl.course.nbval_plugin"])
def test_minisgl_and_its_pytest_plugin_load_no_numpy(module: str) -> None:
    assert not numpy_loaded_by(module, [*HEAVY, "numpy"])


@pytest.mark.parametrize("module", ["minisgl.run", "minisgl.train", "minisgl.evaluate"])
def test_runs_do_without_what_only_some_systems_have(module: str) -> None:
    """They look for it where they use it: locks, and processes that are forked."""
    assert numpy_loaded_by(module, ["fcntl", "filelock", "multiprocessing", "resource", "termios"])


def test_what_is_blocked_would_be_seen() -> None:
    with pytest.raises(AssertionError, match="this test wants no"):
        numpy_loaded_by("minisgl.run", HEAVY)


@pytest.mark.parametrize("name", minisgl.__all__)
def test_every_name_is_there_when_it_is_asked_for(name: str) -> None:
    assert name in dir(minisgl)
    assert getattr(minisgl, name) is not None


def test_no_name_is_that_of_a_command() -> None:
    """Importing the module minisgl.train would replace a function of that name."""
    assert not {"train", "evaluate", "classify", "compress", "sweep", "grade", "check"} & set(minisgl.__all__)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'minisgl' has no attribute 'loaf'"):
        minisgl.loaf  # noqa: B018
