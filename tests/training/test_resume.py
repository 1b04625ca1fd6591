"""Going on with a run: to the very bytes of an unbroken one, never with other settings, and never into somebody else's run."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.digits import write_digits
from support.killing import without_times
from support.resuming import WORDS, assert_same, posix, run, stopped

import minisgl
from minisgl.config import VERSION
from minisgl.errors import MinisglError
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("no_figures")


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


@pytest.mark.parametrize(
    "options",
    [
        "--penalty none",
        "--penalty l1-l2",
        "--sparsity 0.9 --warmup 0.3 --nesterov --weight-decay 1e-3 --label-smoothing 0.1",
    ],
)
def test_other_penalties_and_settings_go_on_too(options, tiny, tmp_path, monkeypatch):
    words = [
        *WORDS,
        *options.split(),
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


def test_a_damaged_newest_checkpoint_is_skipped(tiny, whole, tmp_path, monkeypatch):
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


def test_another_penalty_network_or_data_is_refused(tiny, tmp_path, monkeypatch, digits):
    out = tmp_path / "run"
    stopped([*WORDS, "--data", tiny], out, 5, monkeypatch)
    refused(["--resume", out, "--penalty", "l1"], "was trained with --penalty l0, not with l1")
    stored = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**stored, "penalty": "l1", "seed": 5}))
    refused(["--resume", out], "belongs to another run: penalty: l0 there, l1 here; seed: 0 there, 5 here")
    write_digits(tmp_path, "train", digits[0][400:800])
    write_digits(tmp_path, "t10k", digits[1][:100])
    (out / "config.json").write_text(json.dumps({**stored, "data": str(tmp_path)}))
    refused(["--resume", out], r"belongs to another run: data: 400 x 1 x 28 x 28, crc32 .* there, 400 x .* here")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": "fast"}, "lr must be float, but is 'fast'"),
        ({"epochs": 2.5}, "epochs must be int"),
        ({"penalty": 3}, "penalty must be str"),
        ({"preset": "slow"}, "there is no --preset slow: mnist-lenet5 has quick, paper"),
        ({"threshold": "0.1"}, "threshold must be"),
        ({"surprise": 1}, r"unknown \['surprise'\]"),
        ({"lr": -1.0}, "--lr must be a number above 0"),
    ],
)
def test_a_config_with_a_wrong_value_is_refused(change, sentence, whole, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**json.loads((whole / "config.json").read_text()), **change}))
    refused(["--resume", tmp_path], sentence)


def test_a_run_of_the_first_version_is_evaluated_and_not_resumed(whole, tmp_path):
    run_directory = Path(shutil.copytree(whole, tmp_path / "run"))
    values = json.loads((whole / "config.json").read_text())
    assert values.pop("version") == VERSION
    old = {**values, "lr_drops": [40, 80], "beta_growth": 1.25, "beta_every": 40, "momentum": 0.9, "nesterov": False}
    (run_directory / "config.json").write_text(json.dumps(old))
    opened = minisgl.Run.open(run_directory)
    test = opened.test_set()
    assert opened.evaluate(test.images, test.labels) == opened.report["v"]["test_error"]
    assert "is finished" in run(["--resume", run_directory])
    (run_directory / "report.json").unlink()
    refused(["--resume", run_directory], "was started by an earlier version of minisgl and cannot be resumed: train it again")
    (run_directory / "config.json").write_text(json.dumps({**values, "version": VERSION - 1}))
    refused(["--resume", run_directory], "was started by an earlier version of minisgl")
    (run_directory / "config.json").write_text(json.dumps({**values, "version": VERSION + 1}))
    refused(["--resume", run_directory], "was started by a later version of minisgl")


def test_a_module_that_a_file_names_is_not_imported(tiny, tmp_path, monkeypatch):
    (tmp_path / "mine_resumed.py").write_text(
        (CHECKOUT / "docs" / "elastic_net.py").read_text()
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
        refused(["--resume", whole], "is in use by another process")
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
        refused(["--resume", whole], "is in use by another process")
        process.kill()
        process.wait()
    assert "is finished" in run(["--resume", whole])


def test_a_lock_that_is_left_over_counts_as_nothing(tiny, tmp_path):
    """Of a run that was killed before it had written anything, in a folder that is then given again."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    refused([*WORDS, "--data", tiny, "--out", tmp_path / "run", "--optimizer", "sgd", "--lr", "1e9"], "became inf|NaN|nan")
    assert not (tmp_path / "run").exists()
