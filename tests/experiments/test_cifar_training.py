"""Residual networks on made CIFAR files: the same bytes from any number of processes and after a resume, and the commands."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.cifar import write_cifar10, write_cifar100
from support.killing import without_times
from support.resuming import run, without_figures

import minisgl
from minisgl import evaluate
from minisgl.data import cifar10
from minisgl.errors import MinisglError
from minisgl.nn import Normalize
from minisgl.training.loop import Training

# 4 steps of 40 images an epoch, the last of 30
SMALL = ["--experiment", "cifar10", "--width", "1", "--batch-size", "40", "--lr", "0.05", "--holdout", "50"]
SMALL += ["--epochs", "2", "--refit", "1"]
WIDE = ["--depth", "10", "--dropout", "0.3"]  # 1.0 M multiply-adds a layer: the fastest


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("photographs")
    write_cifar10(directory, train=200, test=60)
    return directory


@pytest.fixture(scope="module")
def trained(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the small network."""
    out = tmp_path_factory.mktemp("cifar") / "run"
    with without_figures():
        run([*SMALL, "--data", photographs], out)
    return out


@pytest.fixture(scope="module")
def wide(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a wide residual network with dropout, in one process."""
    out = tmp_path_factory.mktemp("cifar") / "wide"
    with without_figures():
        run([*SMALL, *WIDE, "--threads", "1", "--data", photographs], out)
    return out


def test_the_report(trained):
    network, report = minisgl.load(trained)
    assert report["penalised"] == ["conv4", "block2.conv1", "block2.conv2"]
    free = ["conv1", "conv2", "block1.conv1", "block1.conv2", "conv3"]
    assert list(report["v"]["layers"]) == [*free, *report["penalised"], "fc"]
    zeros, weights = (
        sum(report["v"]["layers"][name][key] for name in report["penalised"]) for key in ("zero_weights", "weights")
    )
    assert zeros / weights >= 0.9
    assert weights == 368_640
    assert report["final"] == "v"
    history = [json.loads(line) for line in (trained / "history.jsonl").read_text().splitlines()]
    assert history[0]["v"]["weight_sparsity"] == pytest.approx(100 * zeros / network.layout.n_weights)


def test_the_network_takes_pixels(trained, photographs):
    network, report = minisgl.load(trained)
    _, test = cifar10.load(photographs)
    first = network.layers["normalize"]
    assert isinstance(first, Normalize)
    assert first.settings() == {"mean": list(cifar10.MEAN), "deviation": list(cifar10.DEVIATION)}
    for images in (test.images, test.images / np.float32(255)):
        wrong = (network.predict(images) != test.labels).mean()
        assert 100 * wrong == pytest.approx(report["v"]["test_error"])


def test_two_processes_give_the_same_bytes(wide, photographs, tmp_path):
    with without_figures():
        run([*SMALL, *WIDE, "--threads", "2", "--data", photographs], tmp_path / "two")
    assert (tmp_path / "two" / "model.safetensors").read_bytes() == (wide / "model.safetensors").read_bytes()


@pytest.mark.parametrize("steps", [2, 5])
def test_a_run_that_ended_in_mid_epoch_is_resumed_to_the_same_bytes(steps, wide, photographs, tmp_path, monkeypatch):
    """Shifts, mirror images, dropout and running statistics go on as if nothing had happened."""
    step, taken = Training.step, []

    def interrupted(*arguments):
        taken.append(arguments)
        if len(taken) > steps:
            raise MinisglError("the power fails")
        return step(*arguments)

    out = tmp_path / "run"
    with without_figures():
        monkeypatch.setattr(Training, "step", interrupted)
        with pytest.raises(MinisglError, match="the power fails"):
            run([*SMALL, *WIDE, "--threads", "1", "--checkpoint-every", "1", "--data", photographs], out)
        monkeypatch.setattr(Training, "step", step)
        run(["--resume", out, "--checkpoint-every", "0"])
    assert len(taken) == steps + 1
    for name in ("model.safetensors", "report.json", "history.jsonl"):
        assert without_times(out / name) == without_times(wide / name), name


def test_a_photograph_of_any_size_gets_the_three_most_likely_classes(trained, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 255, (70, 120, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    evaluate.evaluate(evaluate.EvaluateConfig(trained, (tmp_path / "photo.jpg",)))
    line = capsys.readouterr().out
    assert line.startswith(f"{tmp_path / 'photo.jpg'}: ")
    answers = line.partition("(")[2].rstrip(")\n").split("  ")
    assert len(answers) == 3
    names, percent = zip(*(answer.split(": ") for answer in answers), strict=True)
    assert set(names) <= set(cifar10.CLASSES)
    assert names[0] == line.partition(": ")[2].split()[0]
    shares = [float(each.removesuffix(" %")) for each in percent]
    assert shares == sorted(shares, reverse=True)


def test_what_the_network_looked_at_is_drawn(trained, tmp_path, capsys):
    for name, size in (("one.png", (32, 32)), ("two.png", (50, 40))):
        pixels = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    names = [tmp_path / "one.png", tmp_path / "two.png", tmp_path / "one.png"]
    evaluate.evaluate(evaluate.EvaluateConfig(trained, tuple(names), looked_at=tmp_path))
    drawn = [tmp_path / name for name in ("one-looked-at.png", "two-looked-at.png", "one-looked-at-2.png")]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("   ")[-1] for line in lines] == list(map(str, drawn))
    for path in drawn:
        with Image.open(path) as figure:
            assert figure.size[0] > 500


def test_a_figure_needs_a_picture_and_a_directory(trained, tmp_path):
    with pytest.raises(MinisglError, match=r"--looked-at .* needs pictures, and there are none"):
        evaluate.evaluate(evaluate.EvaluateConfig(trained, looked_at=tmp_path))
    with pytest.raises(MinisglError, match=r"--looked-at .*nowhere is not a directory"):
        evaluate.evaluate(evaluate.EvaluateConfig(trained, (tmp_path / "one.png",), looked_at=tmp_path / "nowhere"))


def test_evaluate_reads_the_test_set(trained, photographs, capsys):
    evaluate.evaluate(evaluate.EvaluateConfig(trained))
    assert "of 60 test images wrong" in capsys.readouterr().out


def test_cifar_100(tmp_path):
    data = write_cifar100(tmp_path, train=200, test=100)
    with without_figures():
        run(["--experiment", "cifar100", *SMALL[2:], "--epochs", "1", "--refit", "0", *WIDE, "--data", data], tmp_path / "run")
    network, report = minisgl.load(tmp_path / "run")
    assert network.classes == 100
    assert report["experiment"] == "cifar100"
    assert report["penalised"] == ["stage1.0.conv1", "stage2.0.conv1", "stage3.0.conv1"]


@pytest.mark.slow
def test_two_steps_of_the_published_network(tmp_path):
    """WRN-28-10, with the settings of preset paper: a batch of three images and one of two."""
    data = write_cifar10(tmp_path, train=5, test=2)
    words = ["--experiment", "cifar10", "--preset", "paper", "--epochs", "1", "--batch-size", "3", "--lr-drops", "1"]
    with without_figures():
        run([*words, "--data", data], tmp_path / "run")
    network, report = minisgl.load(tmp_path / "run")
    assert network.layout.n_trained == pytest.approx(36.48e6, rel=1e-3)
    assert len(report["penalised"]) == 12
    assert report["final"] == "w"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"experiment": "mnist-lenet5", "depth": 10},
            "--depth is for residual networks, and mnist-lenet5 has a fixed size",
        ),
        ({"experiment": "mnist-cnn4", "dropout": 0.2}, "--dropout is for residual networks, and mnist-cnn4"),
        ({"dropout": 0.2}, "--dropout is for wide residual networks, and --depth is 9: give --depth 10, 16, 22, ... too"),
        ({"stride_on": "second"}, "--stride-on is for wide residual networks, and --depth is 9"),
    ],
)
def test_a_size_that_would_not_be_used_is_refused(options, words):
    with pytest.raises(MinisglError, match=words):
        minisgl.preset(**{"experiment": "cifar10", **options})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 12}, r"--depth must be 9, or 6 n \+ 4, as 10, 16, 22, 28, but is 12"),
        ({"width": 0}, "--width must be a whole number >= 1, but is 0"),
        ({"depth": 10, "dropout": 1.0}, "--dropout must be at least 0 and below 1, but is 1.0"),
    ],
)
def test_an_impossible_size_is_refused(options, words, photographs, tmp_path):
    config = minisgl.preset(experiment="cifar10", data=photographs, out=tmp_path / "run", **options)
    with pytest.raises(MinisglError, match=words):
        minisgl.fit(config)
    assert os.listdir(tmp_path) == []


def test_the_default_layers_depend_on_the_depth():
    assert minisgl.preset(experiment="cifar10").penalty.sparse_layers == ("conv4", "block2.conv?")
    assert minisgl.preset(experiment="cifar10", depth=16).penalty.sparse_layers == ("stage?.*.conv1",)
    assert minisgl.preset("paper", experiment="cifar100").penalty.sparse_layers == ("stage?.*.conv1",)
    assert minisgl.preset(experiment="cifar10", sparse_layers=("all",)).penalty.sparse_layers == ("all",)
    sparse = minisgl.preset("sparse", experiment="cifar10")
    assert sparse.penalty.sparse_layers == ("conv3", "conv4", "block2.conv?")
    assert minisgl.preset("sparse", experiment="cifar10", width=1).penalty.sparse_layers == sparse.penalty.sparse_layers
    assert minisgl.preset("sparse", experiment="cifar10", depth=16).penalty.sparse_layers == ("stage?.*.conv1",)


def test_the_sparse_preset(photographs, tmp_path):
    with without_figures():
        words = ["--experiment", "cifar10", "--preset", "sparse", "--width", "1", "--epochs", "1", "--batch-size", "50"]
        run([*words, "--data", photographs], tmp_path / "run")
    _, report = minisgl.load(tmp_path / "run")
    assert report["penalised"] == ["conv3", "conv4", "block2.conv1", "block2.conv2"]
    layers = [report["v"]["layers"][name] for name in report["penalised"]]
    zeros, weights = (sum(layer[key] for layer in layers) for key in ("zero_weights", "weights"))
    assert zeros == -(-97 * weights // 100)


def test_the_papers_network_of_four_layers(tiny, tmp_path):
    with without_figures():
        run(["--experiment", "mnist-cnn4", "--epochs", "1", "--batch-size", "50", "--data", tiny], tmp_path / "run")
    network, report = minisgl.load(tmp_path / "run")
    assert [slot.shape for slot in network.layout.weights.values()][2] == (1000, 1024)
    assert report["v"]["layers"]["fc1"]["zero_weights"] > 0
