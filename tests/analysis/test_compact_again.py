"""A compact network is a network like any other: it can be made compact again, also after more of its weights became zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from support.chains import assert_same_logits, lenet_like, shapes, sparse_networks, strike_out

from minisgl.analysis.compact import compact
from minisgl.nn import Flatten, Gather, Linear, Network


@settings(max_examples=60, deadline=None)
@given(sparse_networks())
def test_once_more_changes_nothing(network):
    smaller = compact(network)
    again = compact(smaller)
    assert shapes(again) == shapes(smaller)
    assert list(again.layers) == list(smaller.layers)
    assert_same_logits(smaller, again)


@settings(max_examples=60, deadline=None)
@given(sparse_networks())
def test_zeros_of_later_are_followed_through_a_gather(network):
    smaller = compact(network)
    strike_out(smaller, 7, (0.3, 0.3, 0.5))
    assert_same_logits(smaller, compact(smaller))


def test_a_gather_between_linear_layers_is_followed():
    layers = {"flatten": Flatten(), "fc1": Linear(6, 5), "gather": Gather([4, 0, 2]), "fc2": Linear(3, 2)}
    network = Network.initialized(layers, (1, 2, 3), np.random.default_rng(0), np.float64)
    network.layers["fc2"].weight[:, 0] = 0  # fc1's output 4 is not read any more
    smaller = compact(network)
    assert shapes(smaller)["fc1"] == (2, 6)
    assert "gather" not in smaller.layers  # 0 and 2 are all that is left of fc1, in this order
    assert_same_logits(network, smaller)


@pytest.mark.parametrize("dead", ["fc1", "fc2"])
def test_a_gather_of_which_nothing_is_needed(dead):
    network = lenet_like()
    network.layers["conv2"].weight[1] = 0
    smaller = compact(network)
    smaller.layers[dead].weight[...] = 0
    assert_same_logits(smaller, compact(smaller))
