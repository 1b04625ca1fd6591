"""What a network costs, against sums by hand."""

import gzip

import numpy as np
import pytest

from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.formats import network_file
from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, MaxPool2d, Network


def test_lenet5_by_hand():
    network = lenet5(np.random.default_rng(0))
    network.layers["fc1"].weight[:, :300] = 0
    cost = footprint.measure(network, b"x" * 1000)
    assert cost.units == (20, 50, 800, 500)
    assert (cost.weights, cost.nonzero_weights) == (430_500, 280_500)
    assert cost.multiply_adds == 576 * 20 * 25 + 64 * 50 * 20 * 25 + 800 * 500 + 500 * 10
    assert cost.bias_additions == 576 * 20 + 64 * 50 + 500 + 10
    assert cost.flops == 299_520 + 1_603_200 + 400_500 + 5_010  # the dense network of the published tables
    assert cost.flops_twice == 2 * cost.multiply_adds
    assert cost.bytes_dense == 1000
    assert cost.bytes_packed == 53_813 + 4 * (280_500 + 580)  # a bit a weight, rounded up to a byte; floats and biases


@pytest.mark.parametrize(
    ("units", "thousands"), [((7, 13, 208, 16), 254.8), ((8, 13, 88, 13), 288.3), ((5, 10, 76, 16), 156.9)]
)
def test_the_published_networks(units, thousands):
    """Their FLOPs, of networks that have these units and no others."""
    k1, k2, d1, d2 = units
    network = lenet5(np.random.default_rng(0), units=(k1, k2, d2, 10))
    network.layers["fc1"].weight[:, d1:] = 0
    keep = np.arange(16 * k2).reshape(k2, 16).T.ravel()[:d1]  # of every channel something
    network.layers["fc1"].weight[...] = 0
    network.layers["fc1"].weight[:, keep] = 1
    cost = footprint.measure(compact(network), b"")
    assert cost.units == units
    assert round(cost.flops / 1000, 1) == thousands


def test_the_index_of_a_gather_is_packed_too_and_strides_count():
    layers = {"conv": Conv2d(1, 2, 3, stride=2), "pool": MaxPool2d(2), "flatten": Flatten(), "fc": Linear(8, 3)}
    network = Network(layers, (1, 9, 9), np.ones(18 + 24 + 2 + 3, np.float32))
    network.layers["fc"].weight[:, 3] = 0
    smaller = compact(network)
    cost = footprint.measure(smaller, network_file.as_bytes(smaller))
    assert cost.units == (2, 7)
    assert (cost.multiply_adds, cost.bias_additions) == (16 * 18 + 21, 16 * 2 + 3)
    assert cost.bytes_packed == 5 + 4 * (39 + 5 + 7)
    assert cost.bytes_gzip == len(gzip.compress(network_file.as_bytes(smaller), mtime=0))


def test_times_are_medians_of_processor_time_in_turn(monkeypatch):
    """A first pass is not counted, and one that took long changes nothing."""
    order = []

    class Slow:
        def __init__(self, name, times):
            self.name, self.times = name, iter(times)

        def logits(self, images, workspace):
            order.append((self.name, len(images)))
            clock[0] += next(self.times)

    clock = [0.0]
    monkeypatch.setattr(footprint.time, "thread_time", lambda: clock[0])
    networks = [Slow("a", [50, 3, 1, 2]), Slow("b", [9, 5, 5, 90])]
    assert footprint.milliseconds(networks, np.zeros((150, 1)), 3) == [2000, 5000]
    assert order == [("a", 150), ("b", 150)] * 4
