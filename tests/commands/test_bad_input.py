"""Every error is one sentence, with exit status 2, and no file is left incomplete."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.commands import refused
from support.digits import write_idx

from minisgl import train
from minisgl.data import mnist
from minisgl.errors import MinisglError
from minisgl.formats import network_file
from minisgl.models import lenet5
from minisgl.training.origin import data_of


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sparseness", "3"], ["--sparseness"]),
        (["--penalty", "l7"], ["l7", "l0"]),
        (["--preset", "slow"], ["slow", "quick"]),
        (["--experiment", "cifar"], ["cifar", "mnist-lenet5"]),
        (["--backend", "abacus"], ["abacus", "numpy"]),
        (["--optimizer", "lbfgs"], ["lbfgs", "adam"]),
        (["--epochs", "many"], ["many"]),
        (["--epochs", "0"], ["--epochs", "is 0"]),
        (["--epochs", "-3"], ["--epochs", "-3"]),
        (["--lam", "-1e-6"], ["--lam", "-1e-06"]),
        (["--lam", "nan"], ["--lam", "nan"]),
        (["--group-lam", "-1"], ["--group-lam", "-1"]),
        (["--beta", "-1"], ["--beta", "-1"]),
        (["--beta", "0"], ["--beta 0", "coupling"]),
        (["--lr", "0"], ["--lr", "0"]),
        (["--lr", "inf"], ["--lr", "inf"]),
        (["--optimizer", "sgd", "--momentum", "1"], ["--momentum", "1.0"]),
        (["--ramp", "1"], ["--ramp", "1.0"]),
        (["--hold", "1"], ["--hold", "below 1", "is 1.0"]),
        (["--shift", "-1"], ["--shift", "is -1"]),
        (["--shift", "28"], ["--shift 28", "28 x 28 pixels"]),
        (["--refit", "7"], ["--refit", "below the epochs, 7", "is 7"]),
        (["--refit", "-1"], ["--refit", "is -1"]),
        (["--refit", "1", "--prune", "1"], ["--prune", "below 1", "is 1.0"]),
        (["--prune", "0.5"], ["--prune", "without a refit", "is 0.5"]),
        (["--threshold", "-0.1"], ["--threshold", "-0.1"]),
        (["--threshold", "0.1", "0.2"], ["--threshold", "has 2 numbers", "4"]),
        (["--threads", "0"], ["--threads", "is 0"]),
        (["--shards", "0"], ["--shards", "is 0"]),
        (["--shards", "1000000000"], ["--shards", "batch size, 100", "is 1000000000"]),
        (["--lam", "1e-320"], ["--lam", "from 1e-30"]),
        (["--lam", "1e308"], ["--lam", "is 1e+308"]),
        (["--threshold", "1e300"], ["--threshold", "is 1e+300"]),
        (["--beta-rise", "1e300"], ["--beta-rise", "is 1e+300"]),
        (
            ["--preset", "paper", "--beta-growth", "1e-12", "--beta-every", "1", "--epochs", "9"],
            ["--beta-growth", "8 increases"],
        ),
        (["--preset", "paper", "--lr-drops", "-5"], ["--lr-drops", "is -5"]),
        (["--preset", "small", "--experiment", "shaky-curves"], ["--preset small", "shaky-curves has quick, paper"]),
        (["--preset"], ["--preset"]),
        (["--batch-size", "0"], ["--batch-size", "is 0"]),
        (["--batch-size", "2001"], ["--batch-size 2001", "2000 images"]),
        (["--holdout", "2000"], ["--holdout 2000", "2000 images"]),
        (["--seed", "-1"], ["--seed", "-1"]),
        (["--data", "nowhere"], ["nowhere", "train-images"]),
        (["--init", "nowhere.safetensors"], ["nowhere.safetensors"]),
    ],
)
def test_wrong_options(options: list[str], words: list[str], small: Path, tmp_path: Path, monkeypatch, *, capsys) -> None:
    data = [] if "--data" in options else ["--data", str(small)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["minisgl.train", *data, *options])
    with pytest.raises(SystemExit) as ended:
        train.main()
    refused(subprocess.CompletedProcess([], ended.value.code, *capsys.readouterr()), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_option_ends_the_process_so(command) -> None:
    refused(command("minisgl.train", "--lam", "-1"), "--lam", "-1")
    refused(command("minisgl.train", "--penalty", "l7"), "l7")
    refused(command("minisgl.evaluate"), "RUN")


@pytest.fixture
def data(small: Path, tmp_path: Path) -> Path:
    """A copy of the small set that a test may damage."""
    return Path(shutil.copytree(small, tmp_path / "data"))


@pytest.mark.parametrize("stem", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda content: content[:-1], "but there are "),
        (lambda content: content + b"\0", "but there are more"),
        (lambda content: b"\0\0\x0d" + content[3:], "not an IDX file"),
        (lambda content: content[:6], "within its header"),
        (lambda content: b"", "nothing"),
        (lambda content: b"\x1f\x8b" + content[2:], "gzip"),
    ],
)
def test_damaged_idx_files(stem: str, damage, word: str, data: Path, tmp_path: Path) -> None:
    file = data / stem
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(MinisglError, match=word) as caught:
        mnist.load(data)
    assert stem in str(caught.value)


def test_damaged_data_stops_the_command_before_anything_is_written(command, data: Path, tmp_path: Path) -> None:
    labels = data / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + bytes([10]))
    refused(command("minisgl.train", "--data", data), "label 10", "at position 999")
    assert not (tmp_path / "runs").exists()


def test_missing_file_and_other_image_sizes(command, data: Path) -> None:
    (data / "t10k-labels-idx1-ubyte").unlink()
    refused(command("minisgl.train", "--data", data), "t10k-labels-idx1-ubyte")
    write_idx(data / "train-images-idx3-ubyte", np.zeros((2000, 32, 32), np.uint8))
    refused(command("minisgl.train", "--data", data), "32 x 32", "28 x 28")


def test_a_directory_that_holds_a_run_is_refused_and_left_alone(command, small: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_text("{}")
    refused(command("minisgl.train", "--data", small, "--out", "old"), "already holds a run", "--out")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["config.json"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    refused(command("minisgl.train", "--data", small, "--out", "full"), "full is not empty", "--out")
    (tmp_path / "file").write_text("")
    refused(command("minisgl.train", "--data", small, "--out", "file"), "file", "cannot be created")


def test_divergence_ends_the_command(command, small: Path, tmp_path: Path) -> None:
    done = command("minisgl.train", "--data", small, "--optimizer", "sgd", "--lr", "1e6", "--out", "run")
    refused(done, "epoch 1", "step", "learning rate")
    assert list(tmp_path.iterdir()) == []  # it had learned nothing worth keeping


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"fc2.bias": None}, "missing ['fc2.bias']"),
        ({"fc3.bias": np.zeros(3, np.float32)}, "unexpected ['fc3.bias']"),
        ({"fc2.bias": np.zeros(9, np.float32)}, "fc2.bias has shape (9,), expected (10,)"),
        ({"fc2.bias": np.zeros(10, np.int32)}, "fc2.bias is of type I32"),
        ({"fc2.bias": np.full(10, np.nan, np.float32)}, "fc2.bias has 10 NaN"),
    ],
)
def test_init_files_of_other_networks(change: dict, word: str, tmp_path: Path) -> None:
    network = lenet5(np.random.default_rng(0))
    tensors = {slot.name: slot.view(network.flat) for slot in network.layout.slots} | change
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, tmp_path / "model.safetensors")
    with pytest.raises(MinisglError) as caught:
        network_file.read_parameters(tmp_path / "model.safetensors", network)
    assert word in str(caught.value)


def test_evaluate_refuses_what_is_no_run(command, tmp_path: Path) -> None:
    refused(command("minisgl.evaluate", "nowhere"), "nowhere", "no finished run")
    run = tmp_path / "run"
    run.mkdir()
    (run / "report.json").write_text(json.dumps({"experiment": "mnist-lenet5"}))
    (run / "model.safetensors").write_bytes(b"\xff" * 100)
    refused(command("minisgl.evaluate", run), "not a safetensors file")


@pytest.mark.parametrize("content", ["[]", "5", '{"data": 5}', "{}"])
def test_evaluate_of_a_run_with_a_strange_config(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(MinisglError, match="does not say which data"):
        data_of(tmp_path)


def test_evaluate_of_a_run_whose_data_are_gone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"data": str(tmp_path / "gone")}))
    with pytest.raises(MinisglError, match="gone; name their directory with --data"):
        data_of(tmp_path)


def test_init_numbers_beyond_float32(tmp_path: Path) -> None:
    network = lenet5(np.random.default_rng(0), np.float64)
    network.flat[5] = 1e300
    network_file.write(tmp_path / "model.safetensors", network)
    with pytest.raises(MinisglError, match=r"1\.0e\+300, too large for float32"):
        network_file.read_parameters(tmp_path / "model.safetensors", lenet5(np.random.default_rng(0)))
