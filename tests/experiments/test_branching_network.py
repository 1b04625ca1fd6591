"""A user's own experiment whose network branches and whose data have a validation set, through every command."""

import json
import sys
from pathlib import Path

import pytest
from support.commands import refused, run_module

TREE = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from support.trees import layers
from minisgl.experiments import Data, Experiment
from minisgl.nn import Network


def load(directory):
    rng = np.random.default_rng(0)
    images, labels = rng.random((300, 2, 6, 6)).astype(np.float32), rng.integers(0, 3, 300)
    return Data((images[:100], labels[:100]), (images[100:200], labels[100:200]), (images[200:], labels[200:]))


def build(rng):
    return Network.initialized(layers(), (2, 6, 6), rng)


TREE = Experiment("tree", build, load)
"""


@pytest.fixture
def grown(folder: Path) -> Path:
    """The folder, with an experiment whose network branches and whose data have a validation set."""
    (folder / "grown.py").write_text(TREE.format(tests=str(Path(__file__).parents[1])))
    yield folder
    sys.modules.pop("grown", None)


def test_a_network_that_branches_trains_resumes_evaluates_and_sweeps(grown: Path) -> None:
    own = ["--experiment", "grown:TREE"]
    done = run_module("minisgl.train", *own, "--epochs", 2, "--batch-size", 20, "--out", "run", cwd=grown)
    assert done.returncode == 0, done.stderr
    assert "FLOPs are not counted: branch is a Sum" in " ".join(done.stdout.split())
    assert json.loads((grown / "run" / "report.json").read_text())["v"]["flops"] is None
    done = run_module("minisgl.evaluate", "run", *own, cwd=grown)
    assert "% error" in done.stdout, done.stderr
    refused(run_module("minisgl.compress", "run", *own, cwd=grown), "branch is a Sum: this needs a network that is a tree")
    words = [*own, "--methods", "l0", "--regimes", "continuation", "--seeds", 1, "--epochs", 2, "--out", "runs/sweep"]
    done = run_module("minisgl.sweep", *words, cwd=grown)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (grown / "runs" / "sweep" / "results.jsonl").read_text().splitlines()
    assert (json.loads(line)["flops"], json.loads(line)["units"], json.loads(line)["config"]["holdout"]) == (None, None, 0)
    done = run_module("minisgl.sweep", "--draw", "runs/sweep/results.jsonl", "--out", "drawn", cwd=grown)
    assert done.returncode == 0, done.stderr
    assert "| - |" in (grown / "drawn" / "table.md").read_text()


def test_what_is_held_out_of_data_with_a_validation_set(grown: Path) -> None:
    done = run_module("minisgl.train", "--experiment", "grown:TREE", "--holdout", 10, cwd=grown)
    refused(done, "--holdout 10 is for data without a validation set; this data has one, of 100 images")
    done = run_module("minisgl.sweep", "--experiment", "squares:SQUARES", "--holdout", 900, cwd=grown)
    refused(done, "--holdout 900 leaves nothing to train on: the training set has 900 images")
