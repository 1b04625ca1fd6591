"""A disk that fails at any write, a process that is killed at any moment: what was whole stays, and the bytes are the same."""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import killing
from support.commands import refused
from support.faults import run_python
from support.killing import without_times
from support.resuming import WORDS, assert_same, posix, run

from minisgl.errors import MinisglError
from minisgl.formats import files

pytestmark = pytest.mark.usefixtures("no_figures")

# ---- disks that fail


class Broken:
    """Files that fail at the n-th call of os.write, fsync or replace, as a full disk makes them."""

    def __init__(self, patch, at):
        self.calls, self.at = 0, at
        for owner, name in ((os, "fsync"), (Path, "replace")):
            patch.setattr(owner, name, self.failing(getattr(owner, name)))

    def failing(self, function):
        def fail(*arguments):
            self.calls += 1
            if self.calls == self.at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments)

        return fail


@pytest.mark.parametrize("at", range(1, 13))
def test_a_fault_at_every_write_leaves_what_was_whole(at, tiny, whole, tmp_path):
    """config.json and four checkpoints, each flushed and renamed, and two lines of the history: each of twelve calls fails."""
    out, words = tmp_path / "run", [*WORDS, "--data", tiny, "--checkpoint-every", "5"]
    with pytest.MonkeyPatch.context() as patch:
        Broken(patch, at)
        with pytest.raises(MinisglError, match="cannot be written: No space left on device"):
            run(words, out)
    assert not list(tmp_path.rglob("*.tmp"))
    if at <= 4:  # no checkpoint yet: nothing half-written stays
        assert not out.exists()
        return
    for path in (out / "checkpoint").iterdir():
        files.read_arrays(path, {name: array.shape for name, array in files.safetensors.numpy.load_file(path).items()})
    run(["--resume", out, "--checkpoint-every", "0"])
    assert without_times(out / "model.safetensors") == without_times(whole / "model.safetensors")
    assert without_times(out / "history.jsonl") == without_times(whole / "history.jsonl")


@posix
def test_a_disk_that_is_really_full(tiny, tmp_path):
    """The operating system allows files of 1 MB: the first checkpoint, of 7 MB, does not fit."""
    code = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
sys.argv = ["train", *{[*WORDS, "--data", str(tiny), "--out", "run"]!r}]
from minisgl.train import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be written: File too large" in done.stderr
    assert not (tmp_path / "run").exists()


@posix
def test_a_disk_that_is_full_in_the_middle_of_a_checkpoint_keeps_the_one_before(tiny, whole, tmp_path):
    """A file system of 12 MB: the first checkpoint, of 7 MB, fits, and the second does not."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    script = 'mkdir disk && mount -t tmpfs -o size=12m none disk || exit 99; "$@"; status=$?; cp -r disk/run kept; exit $status'
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh")
    done = run_python("-m", "minisgl.train", *WORDS, "--data", tiny, "--out", "disk/run", cwd=tmp_path, prefix=prefix)
    if done.returncode in (1, 99):
        pytest.skip(f"only root may mount a file system: {done.stderr}")
    refused(done, "000016.safetensors cannot be written: No space left on device")
    assert [path.name for path in (tmp_path / "kept" / "checkpoint").iterdir()] == ["000008.safetensors"]
    run(["--resume", tmp_path / "kept"])
    assert without_times(tmp_path / "kept" / "model.safetensors") == without_times(whole / "model.safetensors")


# ---- kills


def killed(tiny, tmp_path, kills):
    words = [sys.executable, killing.__file__, str(tiny), str(tmp_path), "--kills", str(kills), "--seed", str(kills)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills} kills over" in done.stdout


@pytest.mark.slow
def test_a_command_that_is_killed_twice_ends_with_every_byte_as_unbroken(tiny, tmp_path):
    """As killing.py does it, but on every system: on Windows by TerminateProcess."""
    options = ["--epochs", "15", "--batch-size", "50", "--threads", "1", "--data", tiny]
    run(options, tmp_path / "whole")
    broken, words = tmp_path / "broken", [*options, "--out", tmp_path / "broken"]
    for epochs in (3, 8):
        with subprocess.Popen([sys.executable, "-m", "minisgl.train", *map(str, words)], stdout=subprocess.DEVNULL) as process:
            while not (broken / "history.jsonl").exists() or (broken / "history.jsonl").read_bytes().count(b"\n") < epochs:
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        assert not (broken / "report.json").exists()
        words = ["--resume", broken]
    run(words)
    assert_same(broken, tmp_path / "whole")


@posix
def test_three_kills_and_every_byte_as_unbroken(tiny, tmp_path):
    killed(tiny, tmp_path, 3)


@posix
@pytest.mark.slow
def test_thirty_kills_and_every_byte_as_unbroken(tiny, tmp_path):
    killed(tiny, tmp_path, 30)
