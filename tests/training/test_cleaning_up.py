"""A run that fails cleans up after itself, and what the user reads is why the run failed, even if cleaning up fails too."""

import errno
import os
import shutil
import subprocess
import sys

import pytest
from support.commands import refused
from support.faults import failing_calls, run_python
from support.resuming import WORDS, posix

DIVERGES = [*WORDS, "--optimizer", "sgd", "--lr", "1e9"]


def assert_diverged(done) -> None:
    refused(done, "the loss became", "is too large; no checkpoint had been written yet")


@pytest.mark.parametrize("kind", ["working", "link"])
def test_a_directory_that_cannot_be_removed_hides_nothing(kind, tiny, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    if kind == "link":
        try:
            (tmp_path / "link").symlink_to(folder, target_is_directory=True)
        except OSError:
            pytest.skip("this user may not make symbolic links")
    out, cwd = (".", folder) if kind == "working" else ("link", tmp_path)
    assert_diverged(run_python("-m", "minisgl.train", *DIVERGES, "--data", tiny, "--out", out, cwd=cwd))
    assert not folder.exists() or not list(folder.iterdir())


@posix
def test_a_mounted_file_system_that_cannot_be_removed_hides_nothing(tiny, tmp_path):
    (tmp_path / "disk").mkdir()
    script = 'mount -t tmpfs none disk || exit 99; "$@"; status=$?; ls -A disk; exit $status'
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    mount = ("unshare", "--mount", "sh", "-c", script, "sh")
    done = run_python("-m", "minisgl.train", *DIVERGES, "--data", tiny, "--out", "disk", cwd=tmp_path, prefix=mount)
    if done.returncode in (1, 99):
        pytest.skip(f"only root may mount a file system: {done.stderr}")
    assert_diverged(done)
    assert done.stdout == ""  # of ls: nothing is left


def test_files_that_cannot_be_removed_hide_nothing(tiny, tmp_path):
    """As on a disk that the system has made read-only after an error."""
    environment = failing_calls(tmp_path, unlink=errno.EROFS, rmdir=errno.EROFS)
    done = run_python("-m", "minisgl.train", *DIVERGES, "--data", tiny, "--out", "run", cwd=tmp_path, **environment)
    assert_diverged(done)


def test_a_temporary_file_that_cannot_be_removed_hides_nothing(tiny, whole, tmp_path):
    environment = failing_calls(tmp_path, fsync=errno.EIO, unlink=errno.EROFS, rmdir=errno.EROFS)
    done = run_python("-m", "minisgl.train", *WORDS, "--data", tiny, "--out", "run", cwd=tmp_path, **environment)
    refused(done, f"config.json cannot be written: {os.strerror(errno.EIO)}")
    pytest.importorskip("onnx")
    shutil.copytree(whole, tmp_path / "whole")
    done = run_python("-m", "minisgl.compress", "whole", cwd=tmp_path, **environment)
    refused(done, f"compact.safetensors cannot be written: {os.strerror(errno.EIO)}")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named_and_nothing_is_left(number, tiny, tmp_path):
    environment = failing_calls(tmp_path, flock=number)
    done = run_python("-m", "minisgl.train", *WORDS, "--data", tiny, "--out", "run", cwd=tmp_path, **environment)
    refused(done, f"run cannot be locked: {os.strerror(number)}; network file systems often have no locks: use a directory on")
    assert not (tmp_path / "run").exists()


def test_a_run_on_a_file_system_without_locks_is_not_changed(tiny, whole, tmp_path):
    environment, copy = failing_calls(tmp_path, flock=errno.ENOLCK), tmp_path / "whole"
    shutil.copytree(whole, copy)
    (copy / "report.json").unlink()
    before = sorted(copy.rglob("*"))
    done = run_python("-m", "minisgl.train", "--resume", "whole", cwd=tmp_path, **environment)
    refused(done, "whole cannot be locked: No locks available")
    assert [path for path in before if path.is_file()] == [path for path in sorted(copy.rglob("*")) if path.is_file()]


@posix
def test_a_run_that_is_interrupted_before_its_first_checkpoint_leaves_nothing(tiny, tmp_path):
    """Ctrl-C, twice, before the first checkpoint: it is as if the command had not been run."""
    code = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for jobs in the background
from minisgl.training.loop import Training
def step(*arguments):
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
Training.step = step
sys.argv = ["train", *{[*WORDS, "--data", str(tiny), "--out", "run"]!r}]
from minisgl.train import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (130, "minisgl: interrupted\n")
    assert not (tmp_path / "run").exists()
