"""Runs at the edge of arithmetic end with a sentence or with a sane report: never NaN in a report, never a warning."""

import json
import math
import subprocess
import sys
import time
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from support.commands import parsed
from support.digits import write_digits

from minisgl import run as runs
from minisgl.data.mnist import Digits
from minisgl.errors import MinisglError
from minisgl.training import figures


def numbers(value):
    """Every number anywhere in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)
    elif isinstance(value, int | float):
        yield value


def report(tmp_path, digits, *words):
    """Train on 200 digits, and the report, after a look at every number in it and in the history."""
    write_digits(tmp_path, "train", digits[0])
    write_digits(tmp_path, "t10k", digits[1])
    words = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--epochs", "1", "--batch-size", "50", *words]
    runs.train(parsed(words), Console(file=StringIO()))
    made = json.loads((tmp_path / "run" / "report.json").read_text())
    history = [json.loads(line) for line in (tmp_path / "run" / "history.jsonl").read_text().splitlines()]
    assert all(math.isfinite(number) for number in numbers([made, history]))
    return made


@pytest.fixture
def few(digits, monkeypatch):
    """200 training and 100 test digits; and no figures, which take longer than all the rest."""
    monkeypatch.setattr(figures, "save_run_figures", lambda *arguments: None)
    return digits[0][:200], digits[1][:100]


def test_batch_of_one(few, tmp_path):
    made = report(tmp_path, (few[0][:20], few[1]), "--batch-size", "1", "--shards", "1")
    assert 0 <= made["v"]["test_error"] <= 100


@pytest.mark.parametrize("images", [199, 151, 51])
def test_a_last_batch_of_any_size(images, few, tmp_path):
    report(tmp_path, (few[0][:images], few[1]))


def test_an_empty_class(few, tmp_path):
    train_digits, test_digits = few
    report(tmp_path, (train_digits[np.flatnonzero(train_digits.labels != 3)], test_digits))


def test_one_class_only(few, tmp_path):
    some = few[0][np.flatnonzero(few[0].labels == 1)]
    report(tmp_path, (some, few[1]), "--batch-size", "10")


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_all_images_the_same(value, few, tmp_path):
    same = [Digits(np.full_like(part.images, value), part.labels) for part in few]
    report(tmp_path, same)


@pytest.mark.parametrize("penalty", ["l0", "l1", "tl1", "l1-l2", "scad", "mcp", "lp", "capped-l1", "log-sum", "group-l0"])
def test_a_threshold_so_large_that_every_weight_dies(penalty, few, tmp_path):
    made = report(tmp_path, few, "--penalty", penalty, "--threshold", "1000", "--ramp", "0.01")
    assert made["v"]["weight_sparsity"] > (99 if penalty == "l1-l2" else 99.999)  # l1 - l2 keeps a weight a layer
    assert 50 < made["v"]["test_error"] <= 100


def test_a_group_lasso_so_strong_that_every_unit_dies(few, tmp_path):
    made = report(tmp_path, few, "--penalty", "group-lasso", "--lam", "1", "--optimizer", "sgd", "--lr", "1e-4")
    assert 0 <= made["w"]["test_error"] <= 100


@pytest.mark.parametrize(
    "words", [["--lr", "1e6"], ["--lr", "1e6", "--optimizer", "sgd"], ["--lr", "1e9", "--penalty", "none"]]
)
def test_divergence_is_reported_and_leaves_nothing(words, few, tmp_path):
    try:
        report(tmp_path, few, "--epochs", "3", *words)  # Adam may survive it: then the report is sane
    except MinisglError as error:
        assert "the learning rate" in str(error)  # noqa: PT017
        assert not (tmp_path / "run" / "report.json").exists()


def test_two_runs_side_by_side_are_the_runs_alone(few, tmp_path):
    write_digits(tmp_path, "train", few[0])
    write_digits(tmp_path, "t10k", few[1])
    common = [sys.executable, "-m", "minisgl.train", "--data", str(tmp_path), "--epochs", "2", "--batch-size", "50"]
    both = [
        subprocess.Popen([*common, "--seed", str(seed), "--out", str(tmp_path / f"together-{seed}")], stdout=subprocess.DEVNULL)
        for seed in (0, 1)
    ]
    for seed in (0, 1):
        words = [*common[3:], "--seed", str(seed), "--out", str(tmp_path / f"alone-{seed}")]
        runs.train(parsed(words), Console(file=StringIO()))
    assert [process.wait() for process in both] == [0, 0]
    for seed in (0, 1):
        alone, together = (tmp_path / f"{kind}-{seed}" / "model.safetensors" for kind in ("alone", "together"))
        assert alone.read_bytes() == together.read_bytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_processor_time_than_the_threads_asked_for(threads, few):
    """Processor time over wall time, a property of the process and not of the machine's speed."""
    from minisgl.experiments import preset  # noqa: PLC0415
    from minisgl.models import lenet5  # noqa: PLC0415
    from minisgl.training.loop import Training  # noqa: PLC0415
    from minisgl.training.setup import make_splitting  # noqa: PLC0415
    from minisgl.training.shards import running_shards  # noqa: PLC0415

    training = Training(preset(), make_splitting(preset(), lenet5(np.random.default_rng(0))), few[0])
    with running_shards(2, threads) as shards:
        training.run_epoch(shards, 0, lambda tick: None)
        wall, used = time.perf_counter(), time.process_time()
        for epoch in range(1, 8):
            training.run_epoch(shards, epoch, lambda tick: None)
        assert (time.process_time() - used) / (time.perf_counter() - wall) <= threads + 0.1
