"""A sweep of the methods on made photographs: equal zeros in the same layers, and a line that another machine can read."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.cifar import write_cifar10
from support.resuming import without_figures
from support.sweeps import run

from minisgl.comparison import results
from minisgl.config import SizeConfig
from minisgl.experiments.cifar import PRESETS
from minisgl.sweep import SweepConfig

pytestmark = pytest.mark.slow  # nine trainings of a residual network

METHODS = ("l0", "tl1", "l1-l2", "l1", "group-lasso", "magnitude", "agp", "admm", "sparse-vd")
PENALISED = ("conv4", "block2.conv1", "block2.conv2")
WEIGHTS = 368_640  # of these layers at width 1


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> SweepConfig:
    """The sweep's configuration. Its network has width 1."""
    folder = tmp_path_factory.mktemp("sweep")
    write_cifar10(folder / "photographs", train=100, test=50)
    config = SweepConfig(folder / "out", METHODS, ("continuation",), 1, 2, 30, "cifar10", None, folder / "photographs", jobs=1)
    with pytest.MonkeyPatch.context() as patch, without_figures():
        quick = PRESETS["quick"]
        patch.setitem(PRESETS, "quick", replace(quick, size=SizeConfig(9, 1), data=replace(quick.data, batch_size=35)))
        assert run(config)[0] == 0
        yield config


def test_every_method_has_as_many_zeros_in_the_same_layers(swept):
    for method in METHODS:
        report = json.loads((swept.out / f"{method}-continuation-0" / "report.json").read_text())
        layers = report[report["final"]]["layers"]
        assert sum(layers[name]["weights"] for name in PENALISED) == WEIGHTS
        zeros = sum(layers[name]["zero_weights"] for name in PENALISED)
        assert zeros == pytest.approx(0.9 * WEIGHTS, abs=5)  # magnitude and group-lasso: some more below 1e-5, by chance
        if report["penalised"]:
            assert zeros == 0.9 * WEIGHTS
            assert tuple(report["penalised"]) == PENALISED


def test_the_same_command_finds_the_lines_again(swept, monkeypatch):
    before = results.read(swept.out / "results.jsonl")
    assert [result.method for result in before] == list(METHODS)
    assert {result.config["data"] for result in before} == {"photographs"}
    monkeypatch.setattr(results, "make", None)
    failed, printed = run(swept)
    assert failed == 0
    assert printed.startswith(f"{len(METHODS)} of {len(METHODS)} runs are in ")
    assert Path(swept.out / "errors.png").is_file()
