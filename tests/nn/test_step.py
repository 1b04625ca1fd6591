"""The steps of a network: computing them one by one gives what the network computes."""

import numpy as np
import pytest
from support.residual import scrambled, small_resnet
from support.trees import tree

from minisgl.errors import MinisglError
from minisgl.models import lenet5, wide_resnet
from minisgl.nn import Conv2d, Flatten, Linear, Network, Residual, Sequential, steps


def identities() -> Network:
    """Blocks with an empty branch, a block in a block's body, and what comes before both branches."""
    inner = Residual({"conv": Conv2d(2, 2, 3, padding=1)}, before={"first": Conv2d(2, 2, 1)})
    layers = {
        "twice": Residual({}),
        "none": Sequential({}),
        "outer": Residual({"inner": inner, "last": Conv2d(2, 2, 1)}, {"shortcut": Sequential({"deep": Conv2d(2, 2, 1)})}),
        "flatten": Flatten(),
        "fc": Linear(32, 3),
    }
    return Network.initialized(layers, (2, 4, 4), np.random.default_rng(0), np.float64)


@pytest.mark.parametrize("make", [lambda: scrambled(small_resnet()), identities])
def test_step_by_step_gives_the_logits_and_the_shapes(make):
    network = make()
    images = np.random.default_rng(1).standard_normal((3, *network.input_shape))
    values = {"": np.ascontiguousarray(np.moveaxis(images, 0, -1))}
    for step in steps(network):
        inputs = [values[name] for name in step.reads]
        values[step.name] = inputs[0] + inputs[1] if step.is_sum else step.layer.forward(*inputs)[0]
        assert values[step.name].shape[:-1] == step.shape
    np.testing.assert_array_equal(values[step.name].T, network.forward(images)[0])


def test_each_step_of_a_chain_reads_the_one_before():
    network = lenet5(np.random.default_rng(0))
    found = steps(network)
    assert [(step.name, step.layer) for step in found] == network.chain()
    assert [step.reads for step in found] == [(name,) for name in ["", *network.layers][:-1]]
    assert found[3].shape == (50, 8, 8)


def test_what_sums_read():
    reads = {step.name: step.reads for step in steps(wide_resnet(np.random.default_rng(0), 16, 1)) if step.is_sum}
    assert reads["stage1.0"] == ("stage1.0.conv2", "conv1")
    assert reads["stage2.0"] == ("stage2.0.conv2", "stage2.0.shortcut")
    assert reads["stage2.1"] == ("stage2.1.conv2", "stage2.0")
    assert {step.name: step.reads for step in steps(identities())}["twice"] == ("", "")


def test_another_composite_layer_is_named():
    with pytest.raises(MinisglError, match=r"^branch is a Sum: this needs .* a tree of Sequential and Residual$"):
        steps(tree())
