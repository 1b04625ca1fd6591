"""The presets keep their promise on the full MNIST. Minutes long: pytest -m slow."""

import json
from pathlib import Path

import pytest
from independent import evaluate as independently

from minisgl.backend import array_module
from minisgl.errors import MinisglError

BUNDLED = Path(__file__).parents[2] / "data" / "mnist"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", pytest.param("cupy", marks=pytest.mark.gpu)])
def test_quick_has_at_most_one_percent_error_with_at_least_nine_tenths_of_the_weights_zero(
    backend, command, tmp_path: Path
) -> None:
    try:
        array_module(backend)
    except MinisglError as error:
        pytest.skip(str(error))
    done = command("minisgl.train", "--backend", backend)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    run = tmp_path / "runs" / "mnist-lenet5-l0-1"
    error, zeros, weights = independently(run, BUNDLED)
    assert error <= 1.0
    assert zeros >= 0.9 * weights
    entry = json.loads((run / "report.json").read_text())["v"]
    assert error == pytest.approx(entry["test_error"], abs=0.011)  # float32 and float64 may part on one image of 10,000
    assert zeros == sum(layer["zero_weights"] for layer in entry["layers"].values())


@pytest.mark.slow
def test_paper_trains_w_to_a_low_error(command, tmp_path: Path) -> None:
    done = command("minisgl.train", "--preset", "paper", "--epochs", 3)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    report = json.loads((tmp_path / "runs" / "mnist-lenet5-l0-1" / "report.json").read_text())
    assert report["final"] == "w"
    assert report["w"]["test_error"] <= 1.5
