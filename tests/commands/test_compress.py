"""`python -m minisgl.compress`: what it prints and writes is true, and when something is wrong it writes nothing."""

import json
import re
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from rich.console import Console
from support.commands import parsed, refused, run_module

import minisgl
from minisgl import compress
from minisgl import run as runs
from minisgl.analysis.sparsity import count
from minisgl.compress import CompressConfig
from minisgl.data import curves, mnist
from minisgl.errors import MinisglError
from minisgl.formats import files, network_file, onnx_file
from minisgl.models import curve_net
from minisgl.nn import Network
from minisgl.training import compression
from minisgl.training.directory import RunDirectory
from minisgl.training.origin import data_of

NEW = {"compact.safetensors", "compact.onnx", "compact.json", "figures/architecture.png"}


def contents(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sparse network that trained on 2,000 digits for three epochs, with a group term that takes units out."""
    folder = tmp_path_factory.mktemp("trained")
    options = ["--data", small, "--epochs", 3, "--batch-size", 40, "--threshold", 0.12, "--group-lam", 1e-4, "--threads", 1]
    done = run_module("minisgl.train", *options, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def compressed(trained: Path, tmp_path_factory: pytest.TempPathFactory):
    """A copy of the run that was compressed, and what the command printed."""
    folder = tmp_path_factory.mktemp("compressed")
    run = Path(shutil.copytree(trained, folder / "run"))
    done = run_module("minisgl.compress", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return run, done.stdout


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may damage."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def quietly(run: Path, **options) -> dict:
    return compress.compress(CompressConfig(run, **options), Console(file=StringIO(), width=80))


# ---- what comes out


def test_four_files_are_added_and_none_is_touched(compressed, trained):
    before, after = contents(trained), contents(compressed[0])
    assert set(after) - set(before) == NEW
    assert {name: after[name] for name in before} == before


def test_the_logits_and_predictions_are_those_of_the_run(compressed):
    run, _ = compressed
    network, _ = minisgl.load(run)
    images = mnist.load_test(data_of(run)).images
    wanted = network.forward(images)[0]
    found = minisgl.load(run / "compact.safetensors")[0].forward(images)[0]
    assert np.abs(found - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
    session = onnxruntime.InferenceSession((run / "compact.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    (others,) = session.run(None, {"images": images})
    assert np.abs(others - wanted).max() <= 1e-4 * max(1, np.abs(wanted).max())
    np.testing.assert_array_equal(others.argmax(axis=1), wanted.argmax(axis=1))


def test_the_report_is_true(compressed):
    run, _ = compressed
    measured = json.loads((run / "compact.json").read_text())
    network, report = minisgl.load(run)
    smaller = minisgl.load(run / "compact.safetensors")[0]
    for entry, net, file in (
        (measured["before"], network, run / "model.safetensors"),
        (measured["after"], smaller, run / "compact.safetensors"),
    ):
        assert entry["weights"] == net.weights.size
        assert entry["nonzero_weights"] == np.count_nonzero(net.weights)
        assert entry["bytes_dense"] == file.stat().st_size
        assert entry["flops"] == entry["multiply_adds"] + entry["bias_additions"]
        assert entry["flops_twice"] == 2 * entry["multiply_adds"]
        assert entry["test_error"] == pytest.approx(report[report["final"]]["test_error"])
        assert entry["milliseconds"] > 0
    assert measured["before"]["units"] == [20, 50, 800, 500]
    assert measured["after"]["units"] == [shape[axis] for shape, axis in zip(shapes(smaller), (0, 0, 1, 1), strict=True)]
    assert measured["after"]["flops"] == sum(layer.flops for layer in count(smaller).values())
    assert measured["after"]["flops"] <= sum(layer.flops for layer in count(network).values()) < measured["before"]["flops"]
    assert (measured["test_images"], measured["same_predictions"], measured["opset"]) == (1000, 1000, onnx_file.OPSET)
    assert "gather" in smaller.layers  # else this run tests too little
    assert measured["largest_difference"] <= 1e-5 * max(1, measured["largest_logit"])


def shapes(network: Network) -> list[tuple[int, ...]]:
    return [slot.shape for slot in network.layout.weights.values()]


def test_the_table_has_the_reports_numbers(compressed):
    run, printed = compressed
    measured = json.loads((run / "compact.json").read_text())
    before, after = measured["before"], measured["after"]
    words = " ".join(re.sub("[│┃|]", " ", printed).split())  # the table's lines, as UTF-8 or other encodings have them
    for title, key, form in (
        ("weights", "weights", ",.0f"),
        ("of them not zero", "nonzero_weights", ",.0f"),
        ("FLOPs (multiply-adds + biases)", "flops", ",.0f"),
        ("FLOPs (2 x multiply-adds)", "flops_twice", ",.0f"),
        ("bytes, dense", "bytes_dense", ",.0f"),
        ("bytes, zeros packed", "bytes_packed", ",.0f"),
        ("bytes, gzip", "bytes_gzip", ",.0f"),
        ("ms per 10,000 images", "milliseconds", ",.0f"),
        ("test error, %", "test_error", ".2f"),
    ):
        assert f"{title} {before[key]:{form}} {after[key]:{form}}" in words
    assert f"units 20-50-800-500 {'-'.join(map(str, after['units']))}" in words
    assert f"{before['weights'] / after['weights']:.1f}" in words
    assert "Both predict the same class for 1,000 of 1,000 test images" in words
    assert max(map(len, printed.splitlines())) <= 80
    assert str(run.name) in printed


def test_other_data_may_be_named_and_are_needed_if_the_runs_are_gone(run, small, tmp_path):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"data": str(tmp_path / "gone")}))
    with pytest.raises(MinisglError, match="gone; name their directory with --data"):
        quietly(run)
    assert quietly(run, data=small)["test_images"] == 1000


def test_a_run_can_be_compressed_twice(run):
    quietly(run)
    first = contents(run)
    quietly(run)
    second = contents(run)
    assert {name for name in first if first[name] != second[name]} <= {"compact.json"}  # its milliseconds
    assert set(first) == set(second)


def test_a_run_that_is_all_zeros_is_compressed_too(run):
    network, _ = minisgl.load(run)
    network.weights[...] = 0
    network_file.write(run / "model.safetensors", network)
    measured = quietly(run)
    assert measured["after"]["units"] == [1, 1, 1, 1]
    assert measured["same_predictions"] == 1000


def test_a_run_on_shaky_curves(tmp_path, monkeypatch):
    monkeypatch.setattr(curves, "COUNTS", (200, 50, 60))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = ["--experiment", "shaky-curves", "--threads", "1", "--epochs", "1", "--out", str(tmp_path / "run")]
    run = runs.train(parsed(words), Console(quiet=True)).path
    network = curve_net(np.random.default_rng(0))  # after one epoch of 200 pictures all of the run's fc is zero
    fc = network.layers["fc"].weight
    fc[:, np.random.default_rng(0).random(fc.shape[1]) < 0.8] = 0
    network.layers["conv3"].weight[10:] = 0
    network_file.write(run / "model.safetensors", network)
    measured = quietly(run)
    assert measured["before"]["units"] == [16, 8, 64, 3584]
    conv1, conv2, conv3, inputs = measured["after"]["units"]
    assert (conv1, conv2, conv3) == (16, 8, 10)
    assert inputs == np.count_nonzero(fc.any(axis=0)[: 10 * 56])  # of the ten channels that live
    assert (measured["test_images"], measured["same_predictions"]) == (60, 60)
    assert measured["largest_difference"] <= 1e-5 * max(1, measured["largest_logit"])
    with pytest.raises(MinisglError, match=r"--data is for mnist-lenet5, mnist-cnn4, .* is a run of shaky-curves"):
        quietly(run, data=tmp_path)


# ---- what is wrong


def nothing_new(run: Path, before: dict[str, bytes]) -> None:
    assert contents(run) == before


def test_what_is_no_run(command, tmp_path):
    refused(command("minisgl.compress", "nowhere"), "nowhere holds no finished run")
    refused(command("minisgl.compress"), "RUN")
    refused(command("minisgl.compress", "nowhere", "--dat", "x"), "--dat")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_model(run, command):
    (run / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:-1000])
    before = contents(run)
    refused(command("minisgl.compress", run), "model.safetensors")
    nothing_new(run, before)


def test_data_that_are_not_there(run, command):
    before = contents(run)
    refused(command("minisgl.compress", run, "--data", "elsewhere"), "elsewhere")
    nothing_new(run, before)


def test_without_onnx_nothing_is_written(run, monkeypatch):
    def missing():
        raise MinisglError("onnx is not installed")

    before = contents(run)
    monkeypatch.setattr(onnx_file, "require_onnx", missing)
    monkeypatch.delattr(compression, "measure")  # it is said before seconds are spent on measuring
    with pytest.raises(MinisglError, match="onnx is not installed"):
        quietly(run)
    nothing_new(run, before)


def test_weights_so_large_that_the_logits_overflow(run, command):
    network, _ = minisgl.load(run)
    network.weights[...] = 3e38
    network_file.write(run / "model.safetensors", network)
    before = contents(run)
    refused(command("minisgl.compress", run), "overflows on 1,000 of 1,000 test images")
    nothing_new(run, before)


def test_a_directory_that_another_process_holds(run, command):
    before = contents(run)
    with RunDirectory(run).locked():
        refused(command("minisgl.compress", run), "in use by another process")
    nothing_new(run, before)


@pytest.mark.parametrize("failing", range(4))
def test_when_one_file_cannot_be_written_none_is_there(failing, run, monkeypatch):
    before, real, calls = contents(run), files.write, []

    def full_disk(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == failing + 1:
            raise MinisglError(f"{path} cannot be written: No space left on device")
        real(path, content)

    monkeypatch.setattr(files, "write", full_disk)
    with pytest.raises(MinisglError, match="No space left"):
        quietly(run)
    assert len(calls) == failing + 1
    nothing_new(run, before)
