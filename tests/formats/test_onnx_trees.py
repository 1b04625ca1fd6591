"""compact.onnx of residual networks: onnxruntime computes what minisgl does, before and after folding and shrinking."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from support.onnx_files import run
from support.residual import scrambled, small_resnet, spoilt
from support.residual_trees import initialized, published, spoilt_networks

from minisgl.analysis.compact import compact
from minisgl.analysis.folding import fold
from minisgl.formats import onnx_file
from minisgl.models import wide_resnet
from minisgl.nn import Conv2d, Dropout, Flatten, Linear, ReLU, Residual


def operators(network):
    """Each node's name and operator."""
    return {node.name: node.op_type for node in onnx.load_from_string(onnx_file.to_onnx(network)).graph.node}


def assert_the_same(network, images):
    wanted, found = network.forward(images)[0], run(onnx_file.to_onnx(network), images)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))
    return found


@settings(max_examples=30, deadline=None)
@given(spoilt_networks(dtypes=(np.float32,)))
def test_onnxruntime_gives_the_same_logits(network):
    for N in (1, 3):  # the batch is of any size
        images = np.random.default_rng(N).random((N, *network.input_shape), np.float32)
        for form in (network, fold(network), compact(network)):
            assert_the_same(form, images)


@pytest.mark.parametrize("zeros", [0.0, 0.3])
def test_wide_residual_networks_give_the_same_classes(zeros):
    network = spoilt(published(np.float32, 0), 1, (0.0, zeros, 0.0, zeros))
    images = np.random.default_rng(2).random((40, 3, 32, 32), np.float32)
    for form in (network, compact(network)):
        found = assert_the_same(form, images)
        np.testing.assert_array_equal(found.argmax(axis=1), network.predict(images))


def test_the_operators_of_a_residual_network():
    network = scrambled(small_resnet(np.float32))
    assert operators(network) == {
        "conv1": "Conv",
        "stage1.0.bn1": "BatchNormalization",
        "stage1.0.relu1": "Relu",
        "stage1.0.conv1": "Conv",
        "stage1.0.bn2": "BatchNormalization",
        "stage1.0.relu2": "Relu",
        "stage1.0.conv2": "Conv",
        "stage1.0": "Add",
        "stage2.0.bn1": "BatchNormalization",
        "stage2.0.relu1": "Relu",
        "stage2.0.conv1": "Conv",
        "stage2.0.bn2": "BatchNormalization",
        "stage2.0.relu2": "Relu",
        "stage2.0.conv2": "Conv",
        "stage2.0.shortcut": "Conv",
        "stage2.0": "Add",
        "bn": "BatchNormalization",
        "relu": "Relu",
        "pool.mean": "GlobalAveragePool",
        "pool": "Flatten",
        "fc": "Gemm",
    }
    found = operators(compact(network))
    assert "stage1.0.bn2" not in found
    assert (found["bn.scaled"], found["bn"]) == ("Mul", "Add")
    model = onnx.load_from_string(onnx_file.to_onnx(network))
    assert [node.output[0] for node in model.graph.node][-1] == "logits"
    (shortcut,) = [node for node in model.graph.node if node.name == "stage2.0.shortcut"]
    assert list(shortcut.input) == ["stage2.0.relu1.output", "stage2.0.shortcut.weight"]  # no bias


def test_dropout_is_left_out_and_the_last_value_is_the_logits():
    names = operators(wide_resnet(np.random.default_rng(0), 10, 1, dropout=0.3))
    assert not [name for name in names if "dropout" in name]
    layers = {
        "conv": Conv2d(1, 2, 2),
        "flatten": Flatten(),
        "fc": Linear(2, 3),
        "last": Residual({"relu": ReLU()}),
        "end": Dropout(),
    }
    assert_the_same(initialized(layers, (1, 2, 2), np.float32, 0), np.ones((2, 1, 2, 2), np.float32))


def test_equal_networks_give_equal_bytes():
    assert onnx_file.to_onnx(compact(small_resnet())) == onnx_file.to_onnx(compact(small_resnet()))
