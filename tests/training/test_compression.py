"""Compressing residual networks, from the network to the four files and the table."""

import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from support.onnx_files import run
from support.residual import spoilt
from support.residual_trees import published, two_stages

from minisgl.analysis.sparsity import count
from minisgl.compress import print_table
from minisgl.data.labelled import LabelledImages
from minisgl.formats import network_file
from minisgl.training.compression import compress
from minisgl.training.directory import RunDirectory


@pytest.mark.parametrize("make", [two_stages, published])
def test_a_residual_network_is_compressed(make, tmp_path):
    network = spoilt(make(np.float32, 1), 2, (0.0, 0.3, 0.0, 0.4))
    name = "stage2.0.conv2"
    network.layout.weights[name].view(network.flat)[...] = 0  # its block becomes its shortcut
    rng = np.random.default_rng(0)
    test = LabelledImages(rng.random((50, *network.input_shape), np.float32), rng.integers(0, network.classes, 50))
    directory = RunDirectory.create(tmp_path / "run", "")
    network_file.write(directory.model, network)
    smaller = compress(directory, network, test)

    found = network_file.read(directory.compact)
    assert found.flat.tobytes() == smaller.flat.tobytes()
    np.testing.assert_array_equal(found.predict(test.images), network.predict(test.images))
    np.testing.assert_array_equal(run(directory.onnx.read_bytes(), test.images).argmax(axis=1), network.predict(test.images))
    assert (directory.figures / "architecture.png").read_bytes().startswith(b"\x89PNG")

    report = json.loads(directory.compact_report.read_text())
    assert report["same_predictions"] == report["test_images"] == 50
    assert report["largest_difference"] <= 1e-5 * max(1, report["largest_logit"])
    before, after = report["before"], report["after"]
    assert len(after["units"]) == len(before["units"]) - 2
    assert after["weights"] == smaller.weights.size < before["weights"]
    assert after["multiply_adds"] < before["multiply_adds"]
    assert sum(layer.dead_units for layer in count(smaller).values()) < sum(
        layer.dead_units for layer in count(network).values()
    )

    console = Console(file=StringIO(), width=120)
    print_table(report, console)
    printed = console.file.getvalue()
    assert f"{sum(before['units']):,} in {len(before['units'])} layers" in printed
    assert "50 of 50 test images" in " ".join(printed.split())
