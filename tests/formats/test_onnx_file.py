"""compact.onnx: standard operators, and onnxruntime computes what minisgl does."""

import re
import sys

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from support.chains import sparse_networks, strike_out
from support.onnx_files import run

from minisgl.analysis.compact import compact
from minisgl.errors import MinisglError
from minisgl.formats import onnx_file
from minisgl.models import lenet5
from minisgl.nn import Flatten, Linear, Network, Normalize

OPERATORS = {"Conv", "MaxPool", "Relu", "Flatten", "Gather", "Gemm"}


def assert_close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * max(1, np.abs(wanted).max()))


@settings(max_examples=40, deadline=None)
@given(sparse_networks(dtypes=(np.float32,)))
def test_onnxruntime_gives_the_same_logits(network):
    smaller = compact(network)
    content = onnx_file.to_onnx(smaller)
    for N in (1, 3):  # the batch is of any size
        images = np.random.default_rng(N).standard_normal((N, *network.input_shape)).astype(np.float32)
        assert_close(run(content, images), smaller.forward(images)[0])


def test_a_network_that_normalises_its_images():
    layers = {"normalize": Normalize([0.4, 0.5, 0.6], [0.1, 0.2, 0.3]), "flatten": Flatten(), "fc": Linear(60, 4)}
    network = Network.initialized(layers, (3, 4, 5), np.random.default_rng(0))
    images = np.random.default_rng(1).uniform(size=(7, 3, 4, 5)).astype(np.float32)
    content = onnx_file.to_onnx(network)
    assert_close(run(content, images), network.forward(images)[0])
    assert [node.op_type for node in onnx.load_from_string(content).graph.node] == ["Sub", "Div", "Flatten", "Gemm"]


def test_the_file_says_what_it_is():
    network = lenet5(np.random.default_rng(0))
    strike_out(network, 0, (0.3, 0.3, 0.0))
    smaller = compact(network)
    model = onnx.load_from_string(onnx_file.to_onnx(smaller))
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", onnx_file.OPSET)] == [("", 13)]
    assert [node.op_type for node in model.graph.node] == [
        "Conv", "MaxPool", "Relu", "Conv", "MaxPool", "Relu", "Flatten", "Gather", "Gemm", "Relu", "Gemm"
    ]  # fmt: skip
    assert [node.name for node in model.graph.node] == list(smaller.layers)
    (images,), (logits,) = model.graph.input, model.graph.output
    dimensions = [[d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim] for value in (images, logits)]
    assert (images.name, logits.name, *dimensions) == ("images", "logits", ["N", 1, 28, 28], ["N", 10])


def test_equal_networks_give_equal_bytes():
    content = [onnx_file.to_onnx(compact(lenet5(np.random.default_rng(0), units=(2, 3, 4, 3)))) for _ in range(2)]
    assert content[0] == content[1]


def test_the_same_predictions_on_all_of_mnists_test_images(digits):
    """A LeNet-5 with all but a few of its units struck out at random."""
    network = lenet5(np.random.default_rng(3))
    strike_out(network, 1, (0.4, 0.4, 0.5))
    smaller, images = compact(network), digits[1].images
    content = onnx_file.to_onnx(smaller)
    for start in range(0, 10_000, 1000):
        batch = images[start : start + 1000]
        wanted, found = smaller.forward(batch)[0], run(content, batch)
        assert_close(found, wanted)
        np.testing.assert_array_equal(found.argmax(axis=1), wanted.argmax(axis=1))


def test_without_onnx_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)  # what Python itself puts there for a module that must not be found
    sentence = 'onnx is not installed, and compact.onnx needs it: pip install -e ".[compress]" in minisgl\'s checkout'
    with pytest.raises(MinisglError, match=f"^{re.escape(sentence)}$"):
        onnx_file.require_onnx()
