"""`python -m minisgl.train` from end to end, on 2,000 digits: what it writes, and that its figures are true."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from independent import evaluate as independently
from rich.console import Console
from support.commands import parsed, run_module
from support.resuming import without_figures

import minisgl
from minisgl import run as runs
from minisgl.experiments import preset

FILES = {"config.json", "history.jsonl", "checkpoint", "model.safetensors", "report.json", "figures"}
FIGURES = {"loss_and_error.png", "sparsity.png", "conv1_filters.png", "fc1_zeros.png"}


@pytest.fixture(scope="module")
def finished(small: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of the default command on 2,000 digits, and what it printed."""
    folder = tmp_path_factory.mktemp("finished")
    done = run_module("minisgl.train", "--data", small, "--epochs", 3, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / "mnist-lenet5-l0-1", done.stdout


def test_the_run_directory_is_complete(finished: tuple[Path, str]) -> None:
    run, _ = finished
    assert {path.name for path in run.iterdir()} == FILES
    assert {path.name for path in (run / "figures").iterdir()} == FIGURES
    assert len(list((run / "checkpoint").iterdir())) == 2  # the newest and the one before it
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in history] == [1, 2, 3]
    assert history[-1]["loss"] < history[0]["loss"]
    assert json.loads((run / "config.json").read_text())["penalty"] == "l0"


def test_the_report_has_the_agreed_form(finished: tuple[Path, str]) -> None:
    report = json.loads((finished[0] / "report.json").read_text())
    assert report["final"] == "v"
    for which in ("w", "v"):
        layers = report[which]["layers"]
        assert {name: layer["weights"] for name, layer in layers.items()} == {
            "conv1": 500,
            "conv2": 25_000,
            "fc1": 400_000,
            "fc2": 5_000,
        }
        assert [layer["units"] for layer in layers.values()] == [20, 50, 800, 500]
        zeros = sum(layer["zero_weights"] for layer in layers.values())
        assert report[which]["weight_sparsity"] == pytest.approx(100 * zeros / 430_500)
    assert {"experiment", "penalty", "preset", "backend", "device", "threads", "seed", "seconds", "versions"} <= set(report)


def test_an_independent_evaluator_finds_the_reported_error_and_zeros(finished: tuple[Path, str], small: Path) -> None:
    run, _ = finished
    error, zeros, weights = independently(run, small)
    entry = json.loads((run / "report.json").read_text())["v"]
    assert error == pytest.approx(entry["test_error"], abs=1e-9)
    assert zeros == sum(layer["zero_weights"] for layer in entry["layers"].values())
    assert weights == 430_500


def test_without_a_terminal_progress_is_a_line_an_epoch_and_a_table_ends_it(finished: tuple[Path, str]) -> None:
    lines = finished[1].splitlines()
    assert [line.split("/")[0].split() for line in lines[:3]] == [["epoch", str(n)] for n in (1, 2, 3)]
    assert "conv1" in finished[1]
    assert "430,500" in finished[1]
    assert "\x1b" not in finished[1]


def test_in_a_terminal_there_is_a_bar_with_loss_error_and_sparsity(small: Path, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals")
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "minisgl.train", "--data", str(small), "--epochs", "1"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(words, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # Linux's end of a pseudo-terminal
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    assert all(word in shown for word in (b"epoch 1/1", b"loss", b"error", b"V zeros"))


def test_load_gives_the_saved_network_and_its_report(finished: tuple[Path, str], small: Path) -> None:
    network, report = minisgl.load(finished[0])
    _, test = minisgl.data.mnist.load(small)
    predicted = network.forward(test.images)[0].argmax(axis=1)
    assert 100 * float((predicted != test.labels).mean()) == pytest.approx(report["v"]["test_error"])


def test_a_pytorch_user_loads_the_model_without_conversion(finished: tuple[Path, str], small: Path) -> None:
    torch = pytest.importorskip("torch")
    safetensors_torch = pytest.importorskip("safetensors.torch")

    net = torch.nn.Sequential()
    for name, layer in {
        "conv1": torch.nn.Conv2d(1, 20, 5),
        "relu1": torch.nn.ReLU(),
        "pool1": torch.nn.MaxPool2d(2),
        "conv2": torch.nn.Conv2d(20, 50, 5),
        "relu2": torch.nn.ReLU(),
        "pool2": torch.nn.MaxPool2d(2),
        "flatten": torch.nn.Flatten(),
        "fc1": torch.nn.Linear(800, 500),
        "relu3": torch.nn.ReLU(),
        "fc2": torch.nn.Linear(500, 10),
    }.items():
        net.add_module(name, layer)
    net.load_state_dict(safetensors_torch.load_file(finished[0] / "model.safetensors"))
    _, test = minisgl.data.mnist.load(small)
    with torch.no_grad():
        theirs = net(torch.from_numpy(test.images)).numpy()
    ours = minisgl.load(finished[0])[0].forward(test.images)[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_init_starts_from_a_saved_model(finished: tuple[Path, str], small: Path, command, tmp_path: Path) -> None:
    start = finished[0] / "model.safetensors"
    done = command(
        "minisgl.train", "--data", small, "--init", start, "--epochs", 1, "--penalty", "none", "--lr", "1e-12", "--out", "again"
    )
    assert done.returncode == 0, done.stderr
    before, after = minisgl.load(finished[0])[0].flat, minisgl.load(tmp_path / "again")[0].flat
    np.testing.assert_allclose(after, before, atol=1e-9)


@pytest.mark.parametrize("penalty", ["none", "group-lasso", "l1", "l0"])
@pytest.mark.parametrize("name", ["quick", "paper"])
def test_every_penalty_trains_in_both_regimes(penalty: str, name: str, small: Path, tmp_path: Path) -> None:
    config = preset(name, penalty=penalty, data=small, epochs=1, batch_size=200, out=tmp_path / "run")
    with without_figures():
        run = runs.train(config, Console(file=StringIO()))
    report = json.loads(run.report.read_text())
    assert report["final"] == ("v" if name == "quick" and penalty in ("l0", "l1") else "w")
    assert report["w"]["test_error"] < 50
    if penalty in ("none", "group-lasso"):
        assert report["w"] == report["v"]  # V is W


@pytest.mark.parametrize("options", [[], ["--nesterov"]])
def test_sgd_trains(options: list[str], small: Path, tmp_path: Path) -> None:
    words = ["--optimizer", "sgd", "--lr", "0.05", "--penalty", "none", "--data", str(small), "--epochs", "2"]
    with without_figures():
        run = runs.train(parsed([*words, *options, "--out", str(tmp_path / "sgd")]), Console(file=StringIO()))
    assert json.loads(run.report.read_text())["w"]["test_error"] < 30


def test_unnamed_runs_are_numbered(small: Path, command, tmp_path: Path) -> None:
    for _ in range(2):
        assert command("minisgl.train", "--data", small, "--epochs", 1, "--batch-size", 1000).returncode == 0
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mnist-lenet5-l0-1", "mnist-lenet5-l0-2"]
