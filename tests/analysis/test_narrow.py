"""The narrowed network: its FLOPs are the most that one factor allows, and its layers are those of the network."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisgl.analysis import sparsity
from minisgl.analysis.narrow import narrow
from minisgl.errors import MinisglError
from minisgl.models import cnn4, lenet5, resnet9
from minisgl.nn import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Gather,
    Linear,
    Network,
    Normalize,
    ReLU,
    ScaleShift,
    Sequential,
)

UNITS = (7, 5, 11, 10)


def counted(network: Network) -> int:
    """Its FLOPs as the report counts them: no weight is zero."""
    return sum(layer.flops for layer in sparsity.count(network).values())


def lenet_flops(a: int, b: int, c: int) -> int:
    """The FLOPs of LeNet-5 with these units, written out."""
    return 24 * 24 * a * 26 + 8 * 8 * b * (25 * a + 1) + c * (16 * b + 1) + 10 * (c + 1)


def units(network: Network) -> tuple[int, ...]:
    return tuple(slot.shape[0] for slot in network.layout.weights.values())


@given(st.integers(lenet_flops(1, 1, 1), lenet_flops(7, 5, 11)))
def test_no_other_factor_comes_closer(flops: int) -> None:
    small = narrow(lenet5(np.random.default_rng(0), units=UNITS), flops, np.random.default_rng(1))
    found = []
    for thousandth in range(1, 1001):
        sizes = [max(1, int(Fraction(thousandth, 1000) * n + Fraction(1, 2))) for n in UNITS[:3]]
        found.append((lenet_flops(*sizes), (*sizes, 10)))
    assert (counted(small), units(small)) == max(pair for pair in found if pair[0] <= flops)


def test_its_own_flops_leave_the_network_as_wide_as_it_is() -> None:
    network = cnn4(np.random.default_rng(0))
    assert units(narrow(network, counted(network), np.random.default_rng(1))) == units(network)


@pytest.mark.parametrize("flops", [lenet_flops(1, 1, 1) - 1, lenet_flops(7, 5, 11) + 1, 0, -3])
def test_too_few_and_too_many_flops_are_refused(flops: int) -> None:
    network = lenet5(np.random.default_rng(0), units=UNITS)
    with pytest.raises(MinisglError, match=rf"--flops must be from 16,677 .* to 162,163 .*, but is {flops:,}"):
        narrow(network, flops, np.random.default_rng(1))


def chain(**more: object) -> dict:
    body = {"conv": Conv2d(3, 6, 3, padding=1, bias=False), "norm": BatchNorm2d(6, eps=1e-3), "relu": ReLU()}
    middle = {"conv2": Conv2d(6, 9, 3, stride=2, algorithm="im2col"), "scale": ScaleShift(9), "pool": AvgPool2d(2)}
    return {
        "normalize": Normalize([0.1, 0.2, 0.3], [1, 2, 3]),
        "block": Sequential({**body, **middle}),
        "flatten": Flatten(),
        **more,
        "fc": Linear(36, 4),
    }


def test_other_layers_follow_and_keep_their_names_and_settings() -> None:
    network = Network.initialized(chain(), (3, 9, 9), np.random.default_rng(0), np.float64)
    small = narrow(network, counted(network) // 3, np.random.default_rng(1))
    assert [name for name, _ in small.walk()] == [name for name, _ in network.walk()]
    assert counted(small) <= counted(network) // 3
    layers = dict(small.walk())
    assert (layers["block.conv"].has_bias, layers["block.norm"].eps, layers["block.norm"].channels) == (False, 1e-3, 2)
    assert (layers["block.conv2"].stride, layers["block.conv2"].algorithm) == (2, "im2col")
    assert layers["block.scale"].channels == units(small)[1]
    assert (units(small)[-1], small.classes, small.flat.dtype) == (4, 4, np.float64)
    same = narrow(network, counted(network) // 3, np.random.default_rng(1))
    np.testing.assert_array_equal(small.flat, same.flat)
    assert (small.flat != narrow(network, counted(network) // 3, np.random.default_rng(2)).flat).any()


def test_what_cannot_be_narrowed_is_refused_by_name() -> None:
    with pytest.raises(MinisglError, match="block1 is a Residual: this needs a network that is one chain of layers"):
        narrow(resnet9(np.random.default_rng(0), 10), 1000, np.random.default_rng(0))
    gathered = chain(gather=Gather(np.arange(36, dtype=np.int32)))
    with pytest.raises(MinisglError, match="gather is a Gather: it is not known how to make it narrower"):
        narrow(Network.initialized(gathered, (3, 9, 9), np.random.default_rng(0)), 1000, np.random.default_rng(0))
