"""A network that normalises its images is trained on CIFAR-10's files, from an archive and from its folder: the same bytes."""

import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.cifar import write_cifar10
from support.resuming import run, without_figures

import minisgl
from minisgl.data import cifar10
from minisgl.nn import Normalize

EXPERIMENT = """
from minisgl.data import cifar10
from minisgl.experiments import Data, Experiment
from minisgl.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, Normalize, ReLU


def load(path):
    train, test = cifar10.load(path)
    return Data(train, None, test)


def build(rng):
    layers = {
        "normalize": Normalize(cifar10.MEAN, cifar10.DEVIATION),
        "conv": Conv2d(3, 6, 5, stride=2),
        "pool": MaxPool2d(2),
        "relu": ReLU(),
        "flatten": Flatten(),
        "fc": Linear(294, 10),
    }
    return Network.initialized(layers, (3, 32, 32), rng)


PHOTOGRAPHS = Experiment("photographs", build, load)
"""


OWN = "photographs:PHOTOGRAPHS"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the set, as a folder and as an archive, and a run on each. The experiment's module can be imported."""
    here = tmp_path_factory.mktemp("photographs")
    (here / "photographs.py").write_text(EXPERIMENT)
    folder = write_cifar10(here / "set")
    with tarfile.open(here / "set.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    options = ["--experiment", OWN, "--epochs", 3, "--batch-size", 50, "--shift", 2]
    with pytest.MonkeyPatch.context() as patch, without_figures():
        patch.syspath_prepend(here)
        run([*options, "--data", here / "set", "--threads", 1], here / "folder")
        run([*options, "--data", here / "set.tar.gz", "--threads", 2], here / "archive")
        yield here
    sys.modules.pop("photographs")


def test_the_bytes_are_the_same_and_the_classes_are_learnt(runs: Path) -> None:
    one, other = (load_file(runs / name / "model.safetensors") for name in ("folder", "archive"))
    assert all(np.array_equal(one[name], other[name]) for name in one.keys() | other.keys())
    report = json.loads((runs / "folder" / "report.json").read_text())
    assert report[report["final"]]["test_error"] < 70  # of 100 images; guessing has 90


def test_the_constants_are_in_the_network_file(runs: Path) -> None:
    network, _ = minisgl.load(runs / "archive")
    first = next(iter(network.layers.values()))
    assert isinstance(first, Normalize)
    assert (tuple(first.mean), tuple(first.deviation)) == (cifar10.MEAN, cifar10.DEVIATION)


def test_the_finished_run_finds_the_archive_again(runs: Path) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    finished = minisgl.Run.open(runs / "archive", OWN)
    test = finished.test_set()
    assert test.images.dtype == np.float32
    assert finished.evaluate(test.images, test.labels) == finished.report[finished.report["final"]]["test_error"]
    smaller = finished.compress()
    session = onnxruntime.InferenceSession((runs / "archive" / "compact.onnx").read_bytes())
    (logits,) = session.run(["logits"], {"images": test.images})
    np.testing.assert_array_equal(logits.argmax(axis=1), smaller.predict(cifar10.load_test(runs / "set").images))
