"""Going on with a run: to the very bytes of an unbroken one, never with other settings, and never into somebody else's run."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from conftest import write_digits
from killing import SAME, without_times
from rich.console import Console

import minisgl
from minisgl import train
from minisgl.errors import Interrupted, MinisglError
from minisgl.formats import files
from minisgl.training import figures
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training

TESTS = Path(__file__).parent
posix = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no fork, no signals between processes, no resource limits"
)
WORDS = ["--epochs", "2", "--batch-size", "50", "--threads", "1"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, digits):
    """A directory with 400 training and 100 test digits: 8 steps an epoch."""
    directory = tmp_path_factory.mktemp("tiny-mnist")
    write_digits(directory, "train", digits[0][:400])
    write_digits(directory, "t10k", digits[1][:100])
    return directory


@pytest.fixture(autouse=True, scope="module")
def no_figures():
    """They take longer than all the rest; test_plots.py draws them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "save_run_figures", lambda *arguments: None)
        yield


def run(words, out=None):
    """The command within this process; what it printed."""
    words = [*map(str, words), *(["--out", str(out)] if out else [])]
    console = Console(file=StringIO(), width=200)
    train.run(train.parse(words), console)
    return console.file.getvalue()


def stopped(words, out, after, monkeypatch):
    """A run that is interrupted by Ctrl-C during step number `after`."""
    step, calls = Training.step, 0

    def counted(self, *arguments):
        nonlocal calls
        calls += 1
        if calls == after:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "step", counted)
        with pytest.raises(Interrupted) as told:
            run(words, out)
    return str(told.value)


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """An unbroken run."""
    directory = tmp_path_factory.mktemp("whole") / "run"
    run([*WORDS, "--data", tiny], directory)
    return directory


def assert_same(one, other):
    for name in SAME:
        assert without_times(one / name) == without_times(other / name), name


@pytest.mark.parametrize("after", [16, 17, 20])  # the last step before the refit, its first, and one in it
def test_a_run_interrupted_about_its_refit_goes_on_to_the_byte(after, tiny, tmp_path, monkeypatch):
    options = "--epochs 3 --refit 1 --prune 0.5 --batch-size 50 --shift 1 --threads 1 --data"
    words = [*options.split(), tiny]
    run(words, tmp_path / "whole")
    stopped(words, tmp_path / "broken", after, monkeypatch)
    run(["--resume", tmp_path / "broken"])
    assert_same(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize("after", [1, 5, 8, 9, 15])
def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(after, tiny, whole, tmp_path, monkeypatch):
    out = tmp_path / "run"
    sentence = stopped([*WORDS, "--data", tiny], out, after, monkeypatch)
    assert sentence == f"interrupted after step {after} of 16; to resume: python -m minisgl.train --resume {out}"
    assert not (out / "report.json").exists()
    assert [int(path.stem) for path in (out / "checkpoint").iterdir()][-1:] == [after] or after > 8
    run(["--resume", out])
    assert_same(out, whole)


def test_ctrl_c_during_the_last_step_comes_too_late(tiny, whole, tmp_path, monkeypatch):
    step, calls = Training.step, 0

    def counted(self, *arguments):
        nonlocal calls
        calls += 1
        if calls == 16:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments)

    monkeypatch.setattr(Training, "step", counted)
    run([*WORDS, "--data", tiny], tmp_path / "run")
    assert_same(tmp_path / "run", whole)


@posix
def test_ctrl_c_in_a_terminal_exits_130(tiny, tmp_path):
    words = [sys.executable, "-W", "error", "-m", "minisgl.train", *WORDS, "--epochs", "50", "--data", str(tiny)]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob("runs/*/checkpoint/*")):  # it has come past its start
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("minisgl: interrupted after step ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("penalty", ["none", "l1-l2"])
def test_other_penalties_and_settings_go_on_too(penalty, tiny, tmp_path, monkeypatch):
    words = [
        *WORDS,
        "--penalty",
        penalty,
        "--optimizer",
        "sgd",
        "--lr",
        "0.01",
        "--holdout",
        "50",
        "--seed",
        "3",
        "--data",
        tiny,
    ]
    run(words, tmp_path / "whole")
    stopped(words, tmp_path / "broken", 4, monkeypatch)
    run(["--resume", tmp_path / "broken", "--threads", "2", "--checkpoint-every", "3"])
    for name in ("model.safetensors", "history.jsonl"):
        assert without_times(tmp_path / "broken" / name) == without_times(tmp_path / "whole" / name)


def test_without_a_checkpoint_it_starts_again(tiny, whole, tmp_path):
    run([*WORDS, "--data", tiny], tmp_path / "run")
    for path in [*(tmp_path / "run" / "checkpoint").iterdir(), tmp_path / "run" / "report.json"]:
        path.unlink()
    assert run(["--resume", tmp_path / "run"])
    assert_same(tmp_path / "run", whole)


def test_history_beyond_the_checkpoint_is_cut(tiny, whole, tmp_path, monkeypatch):
    stopped([*WORDS, "--data", tiny], tmp_path / "run", 11, monkeypatch)
    with (tmp_path / "run" / "history.jsonl").open("a") as file:
        file.write('{"epoch": 2}\n{"epo')
    run(["--resume", tmp_path / "run"])
    assert_same(tmp_path / "run", whole)


def test_a_damaged_newest_checkpoint_gives_way(tiny, whole, tmp_path, monkeypatch):
    stopped([*WORDS, "--data", tiny, "--checkpoint-every", "3"], tmp_path / "run", 13, monkeypatch)
    newest = max((tmp_path / "run" / "checkpoint").iterdir())
    newest.write_bytes(newest.read_bytes()[:1000])
    run(["--resume", tmp_path / "run"])
    assert without_times(tmp_path / "run" / "model.safetensors") == without_times(whole / "model.safetensors")


def test_a_finished_run_is_left_as_it_is(whole):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in whole.rglob("*") if path.is_file()}
    assert "is finished" in run(["--resume", whole])
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in whole.rglob("*") if path.is_file()} == before


# ---- what is refused


def refused(words, sentence):
    with pytest.raises(MinisglError, match=sentence):
        run(words)


def test_what_cannot_be_given_with_resume(whole, tmp_path):
    refused(["--resume", whole, "--lr", "0.1", "--epochs=3"], "--epochs and --lr cannot be given with it")
    refused(["--resume", tmp_path / "nowhere"], "holds no run")


def test_another_penalty_network_or_data_is_told(tiny, tmp_path, monkeypatch, digits):
    out = tmp_path / "run"
    stopped([*WORDS, "--data", tiny], out, 5, monkeypatch)
    refused(["--resume", out, "--penalty", "l1"], "was trained with --penalty l0, not with l1")
    told = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**told, "penalty": "l1", "seed": 5}))
    refused(["--resume", out], "belongs to another run: penalty: l0 there, l1 here; seed: 0 there, 5 here")
    write_digits(tmp_path, "train", digits[0][400:800])
    write_digits(tmp_path, "t10k", digits[1][:100])
    (out / "config.json").write_text(json.dumps({**told, "data": str(tmp_path)}))
    refused(["--resume", out], r"belongs to another run: data: 400 x 1 x 28 x 28, crc32 .* there, 400 x .* here")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": "fast"}, "lr must be float, and is 'fast'"),
        ({"epochs": 2.5}, "epochs must be int"),
        ({"penalty": 3}, "penalty must be str"),
        ({"preset": "slow"}, "there is no --preset slow: mnist-lenet5 has quick, paper"),
        ({"threshold": "0.1"}, "threshold must be"),
        ({"surprise": 1}, r"unknown \['surprise'\]"),
        ({"lr": -1.0}, "--lr must be a number above 0"),
    ],
)
def test_a_config_that_is_none(change, sentence, whole, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**json.loads((whole / "config.json").read_text()), **change}))
    refused(["--resume", tmp_path], sentence)


def test_a_run_of_the_first_version_is_evaluated_and_not_resumed(whole, tmp_path):
    run_directory = Path(shutil.copytree(whole, tmp_path / "run"))
    values = json.loads((whole / "config.json").read_text())
    del values["version"]
    old = {**values, "lr_drops": [40, 80], "beta_growth": 1.25, "beta_every": 40, "momentum": 0.9, "nesterov": False}
    (run_directory / "config.json").write_text(json.dumps(old))
    opened = minisgl.Run.open(run_directory)
    test = opened.test_set()
    assert opened.evaluate(test.images, test.labels) == opened.report["v"]["test_error"]
    assert "is finished" in run(["--resume", run_directory])
    (run_directory / "report.json").unlink()
    refused(["--resume", run_directory], "was started by an earlier version of minisgl and cannot be resumed: train it again")
    (run_directory / "config.json").write_text(json.dumps({**values, "version": 3}))
    refused(["--resume", run_directory], "was started by a later version of minisgl")


def test_a_module_that_a_file_names_is_not_imported(tiny, tmp_path, monkeypatch):
    (tmp_path / "mine_resumed.py").write_text(
        (TESTS.parent / "docs" / "elastic_net.py").read_text()
        + "\nfrom pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    out, words = tmp_path / "run", ["--penalty", "mine_resumed:ElasticNet", "--threshold", "0.01", "--beta-rise", "1"]
    stopped([*WORDS, *words, "--data", tiny], out, 5, monkeypatch)
    (tmp_path / "ran").unlink()
    del sys.modules["mine_resumed"]
    refused(["--resume", out], "name it again with --penalty mine_resumed:ElasticNet")
    assert not (tmp_path / "ran").exists()
    run(["--resume", out, "--penalty", "mine_resumed:ElasticNet"])
    assert (tmp_path / "ran").exists()


def test_a_directory_in_use_is_refused_and_a_killed_process_lets_go(tiny, whole, tmp_path):
    with RunDirectory(whole).locked():
        refused(["--resume", whole], "is in use by another run")
    code = f"""
import time
from minisgl.training.directory import RunDirectory
from pathlib import Path
with RunDirectory(Path({str(whole)!r})).locked():
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        refused(["--resume", whole], "is in use by another run")
        process.kill()
        process.wait()
    assert "is finished" in run(["--resume", whole])


def test_a_lock_that_is_left_over_counts_as_nothing(tiny, tmp_path):
    """Of a run that was killed before it had written anything, in a folder that is then given again."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    refused([*WORDS, "--data", tiny, "--out", tmp_path / "run", "--optimizer", "sgd", "--lr", "1e9"], "became inf|NaN|nan")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(number, tiny, tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    refused([*WORDS, "--data", tiny, "--out", tmp_path / "run"], f"run cannot be locked: {os.strerror(number)}")
    assert not list((tmp_path / "run").rglob("*.json"))


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


@pytest.mark.parametrize("at", range(1, 11))
def test_a_fault_at_every_write_leaves_what_was_whole(at, tiny, whole, tmp_path):
    """config.json and four checkpoints, each flushed and renamed: ten calls, and each fails once."""
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


# ---- kills


def killed(tiny, tmp_path, kills):
    words = [sys.executable, "killing.py", str(tiny), str(tmp_path), "--kills", str(kills), "--seed", str(kills)]
    done = subprocess.run(words, cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills} kills over" in done.stdout


def test_a_command_that_is_killed_twice_ends_with_every_byte_as_unbroken(tiny, tmp_path):
    """As killing.py does it, but on every system: on Windows by TerminateProcess."""
    options = ["--epochs", "25", "--batch-size", "50", "--threads", "1", "--data", tiny]
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
