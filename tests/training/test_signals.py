"""Ctrl-C and SIGTERM: a run is saved and says how to resume it, its other processes are silent, and nothing else is left."""

import os
import signal
import subprocess
import sys
import time

import pytest
from support.killing import without_times
from support.processes import children, ends, started
from support.resuming import WORDS, posix, run

import minisgl
from minisgl.errors import Interrupted
from minisgl.training.interrupts import STOPS, deferring_interrupts, terminating

pytestmark = [posix, pytest.mark.usefixtures("no_figures")]
forks = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads do the work")
SIGNALS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


@pytest.fixture(scope="module")
def unbroken(no_figures, tiny, tmp_path_factory):
    """The run that `started` begins, with six epochs."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    run(["--epochs", "6", "--batch-size", "20", "--data", tiny], out)
    return out


@pytest.mark.parametrize("each", SIGNALS, ids=["SIGINT", "SIGTERM"])
def test_a_run_is_saved_and_resumed_to_the_same_bytes(each, tiny, unbroken, tmp_path):
    number, status, verb = each
    with started(tiny, tmp_path / "run", "--epochs", "6") as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert errors.startswith(f"minisgl: {verb} after step ")
    assert errors.endswith(f" of 120; to resume: python -m minisgl.train --resume {tmp_path / 'run'}\n")
    run(["--resume", tmp_path / "run"])
    for name in ("model.safetensors", "history.jsonl"):
        assert without_times(tmp_path / "run" / name) == without_times(unbroken / name)


@forks
@pytest.mark.parametrize(("number", "status", "verb"), SIGNALS, ids=["SIGINT", "SIGTERM"])
def test_a_signal_to_all_processes_is_handled_by_the_first(number, status, verb, tiny, tmp_path):
    """As a terminal and systemd send it."""
    with started(tiny, tmp_path / "run", "--shards", "3", "--threads", "3") as process:
        others = children(process.pid)
        assert len(others) == 2
        for pid in (*others, process.pid):
            os.kill(pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert errors.startswith(f"minisgl: {verb} after step ")
    assert errors.count("\n") == 1
    assert all(map(ends, others))


@forks
def test_the_second_signal_of_either_kind_acts_at_once(tiny, tmp_path):
    """The other process is stopped, so the current step cannot end."""
    with started(tiny, tmp_path / "run") as process:
        (other,) = children(process.pid)
        os.kill(other, signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) in ((130, "minisgl: interrupted\n"), (143, "minisgl: terminated\n"))
    assert ends(other)


def wait_until_asleep(*pids):
    """Until all these processes sleep, ten times in a row."""
    psutil = pytest.importorskip("psutil")
    watched, times = [psutil.Process(pid) for pid in pids], 0
    while times < 10:
        times = times + 1 if all(each.status() == psutil.STATUS_SLEEPING for each in watched) else 0
        time.sleep(0.01)


@forks
@pytest.mark.parametrize("victim", ["first", "sister"])
def test_a_process_whose_answer_nobody_reads_is_silent(victim, tiny, tmp_path):
    """It is stopped in the middle of a step, and goes on after the first process, or another one, has been killed."""
    with started(tiny, tmp_path / "run", "--shards", "3", "--threads", "3") as process:
        stopped, sister = children(process.pid)
        os.kill(stopped, signal.SIGSTOP)
        wait_until_asleep(process.pid, sister)  # they have finished their parts of the step, and wait
        os.kill(process.pid if victim == "first" else sister, signal.SIGKILL)
        if victim == "first":
            process.wait(60)
        os.kill(stopped, signal.SIGCONT)
        _, errors = process.communicate(timeout=60)
    if victim == "first":
        assert errors == ""
    else:
        assert errors.startswith("minisgl: a training process was killed by signal 9")
        assert errors.count("\n") == 1
    assert ends(stopped)


def test_from_python_sigterm_saves_the_run_too(tiny, tmp_path, monkeypatch):
    from minisgl.training.loop import Training  # noqa: PLC0415

    step, handlers = Training.step, (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))

    def stopped(self, *arguments):
        signal.raise_signal(signal.SIGTERM)
        monkeypatch.setattr(Training, "step", step)
        return step(self, *arguments)

    monkeypatch.setattr(Training, "step", stopped)
    config = minisgl.preset("quick", epochs=2, batch_size=50, data=tiny, out=tmp_path / "run")
    with pytest.raises(Interrupted, match=r"^terminated after step 1 of 16; to resume: ") as raised:
        minisgl.fit(config)
    assert raised.value.number == signal.SIGTERM
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    run(["--resume", tmp_path / "run"])


def test_a_handler_that_python_has_not_set_stays(monkeypatch):
    """As in a program that embeds Python: then Python does not know the handler, and cannot set it again."""
    handlers = {number: signal.getsignal(number) for number in STOPS}
    with monkeypatch.context() as patch:
        patch.setattr(signal, "getsignal", lambda number: None)
        with terminating(), deferring_interrupts() as stop:
            assert stop() == 0
            patch.undo()
            assert {number: signal.getsignal(number) for number in STOPS} == handlers


# ---- SIGTERM anywhere else


def terminated(where, module, arguments, cwd, sentence="terminated"):
    """Run a command which gets SIGTERM in the function module:name."""
    owner, _, name = where.partition(":")
    code = f"""
import importlib, signal, sys
owner = importlib.import_module({owner!r})
*path, name = {name!r}.split(".")
for each in path:
    owner = getattr(owner, each)
getattr(owner, name)  # or the command would never get the signal
setattr(owner, name, lambda *arguments, **options: signal.raise_signal(signal.SIGTERM))
sys.argv = {["command", *map(str, arguments)]!r}
importlib.import_module({module!r}).main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (143, f"minisgl: {sentence}\n")


@pytest.mark.parametrize(
    "where",
    [
        "minisgl.experiments:load",
        "filelock:FileLock",
        "minisgl.training.directory:RunDirectory.make_folders",
        "minisgl.formats.files:write_json",
        "os:fsync",
        "minisgl.run:training_shards",
        pytest.param("minisgl.training.processes:Processes", marks=forks),
    ],
)
def test_before_the_training_nothing_is_left(where, tiny, tmp_path):
    terminated(where, "minisgl.train", [*WORDS, "--threads", 2, "--data", tiny, "--out", "run"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_while_the_report_is_made_the_checkpoint_is_kept(tiny, tmp_path):
    terminated("minisgl.training.report:make", "minisgl.train", [*WORDS, "--data", tiny, "--out", "run"], tmp_path)
    assert "epoch" not in run(["--resume", tmp_path / "run"]).splitlines()[0]
    assert (tmp_path / "run" / "report.json").exists()


def test_the_other_commands_end_without_a_traceback(tiny, whole, tmp_path):
    terminated("minisgl.run:Run.evaluate", "minisgl.evaluate", [whole], tmp_path)
    terminated("minisgl.run:load_run", "minisgl.classify", [whole, "picture.png"], tmp_path)
    sentence = "terminated after 0 of 1 runs; the same command continues"
    words = ["--methods", "l0", "--regimes", "paper", "--seeds", 1, "--holdout", 50, "--data", tiny, "--out", "sweep"]
    terminated("minisgl.comparison.workers:outcomes", "minisgl.sweep", words, tmp_path, sentence)
    pytest.importorskip("onnx")
    before = sorted(whole.rglob("*"))
    terminated("minisgl.formats.files:write_json", "minisgl.compress", [whole], tmp_path)
    assert sorted(whole.rglob("*")) == before
