"""Which layer alone reads a layer's output, in chains, residual blocks and a user's own composite layers."""

from itertools import pairwise

import numpy as np
from support.residual import small_resnet
from support.trees import Sum, tree

from minisgl.models import lenet5, wide_resnet
from minisgl.nn import BatchNorm2d, Conv2d, Flatten, Linear, Network, ReLU, Residual, Sequential
from minisgl.nn.following import followers


def network_of(layers, shape=(2, 4, 4)):
    """The layers, Flatten and a linear layer."""
    (size,) = Flatten().output_shape(Sequential(layers).output_shape(shape))
    return Network.initialized({**layers, "flatten": Flatten(), "fc": Linear(size, 2)}, shape, np.random.default_rng(0))


def conv():
    return Conv2d(2, 2, 1)


def test_in_a_chain_each_layer_is_followed_by_the_next():
    network = lenet5(np.random.default_rng(0))
    names = list(network.layers)
    assert followers(network) == dict(pairwise(names))


def test_sequentials_are_transparent_even_empty_ones():
    inner = Sequential({"empty": Sequential({}), "conv": conv()})
    network = network_of({"conv": conv(), "none": Sequential({}), "part": Sequential({"deep": inner}), "relu": ReLU()})
    assert followers(network) == {"conv": "part.deep.conv", "part.deep.conv": "relu", "relu": "flatten", "flatten": "fc"}


def test_a_residual_network():
    """conv1 is read by both branches of the first block, whose first layers have no followers outside their branch."""
    assert followers(small_resnet()) == {
        "stage1.0.bn1": "stage1.0.relu1",
        "stage1.0.relu1": "stage1.0.conv1",
        "stage1.0.conv1": "stage1.0.bn2",
        "stage1.0.bn2": "stage1.0.relu2",
        "stage1.0.relu2": "stage1.0.conv2",
        "stage2.0.bn1": "stage2.0.relu1",
        "stage2.0.conv1": "stage2.0.bn2",
        "stage2.0.bn2": "stage2.0.relu2",
        "stage2.0.relu2": "stage2.0.conv2",
        "bn": "relu",
        "relu": "pool",
        "pool": "fc",
    }


def test_what_comes_before_both_branches_alone_reads_the_block_s_input():
    network = wide_resnet(np.random.default_rng(0), 10, 1, stride_on_second=True)
    found = followers(network)
    assert "conv1" not in found  # stage 1 begins with 16 channels, as many as conv1 has
    network = wide_resnet(np.random.default_rng(0), 10, 2, dropout=0.1)
    found = followers(network)
    assert found["conv1"] == "stage1.0.bn1"
    assert "stage1.0.relu1" not in found  # two branches read it
    assert "stage1.0.conv2" not in found
    assert "stage1.0.shortcut" not in found
    assert (found["stage1.0.relu2"], found["stage1.0.dropout"]) == ("stage1.0.dropout", "stage1.0.conv2")


def test_an_empty_sequential_before_the_branches_reads_nothing():
    block = Residual({"bn": BatchNorm2d(2)}, before={"none": Sequential({})})
    assert followers(network_of({"conv": conv(), "block": block})) == {"flatten": "fc"}


def test_a_composite_layer_of_a_user_hides_its_border_but_not_the_chains_inside():
    found = followers(tree())
    assert found == {
        "stage.conv": "stage.scale",
        "stage.scale": "relu",
        "branch.body.conv1": "branch.body.relu",
        "branch.body.relu": "branch.body.conv2",
        "flatten": "fc",
    }
    nested = network_of({"conv": conv(), "sum": Sum({"block": Residual({"conv": conv(), "bn": BatchNorm2d(2)})})})
    assert followers(nested) == {"sum.block.conv": "sum.block.bn", "flatten": "fc"}


def test_a_subclass_of_a_chain_is_no_chain():
    class Shortcut(Sequential):
        """It may branch."""

    network = network_of({"conv": conv(), "own": Shortcut({"first": conv(), "second": conv()}), "relu": ReLU()})
    assert followers(network) == {"relu": "flatten", "flatten": "fc"}
