"""Every penalty on device arrays: NumPy's bits, in every shape, dtype and memory order, with no hidden copy."""

import numpy as np
import pytest
from support.device_double import DeviceArray, device, transfers, work
from support.penalties import L1_L2, SEPARABLE, SHAPES, grouped, separable

from minisgl.backend import to_device, to_host
from minisgl.penalties import GroupLasso

every = pytest.mark.parametrize("penalty", SEPARABLE + L1_L2 + grouped(0), ids=repr)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_prox_is_numpys_and_fetches_nothing(penalty, dtype):
    for shape in (*SHAPES, (300, 70)):
        v = np.random.default_rng(3).standard_normal(shape).astype(dtype)
        on_device = to_device(v, device)
        transfers.to_host = transfers.to_device = 0
        x = penalty.prox(on_device, 0.8)
        out = device.empty_like(on_device)
        assert penalty.prox(on_device, 0.8, out=out) is out
        assert (transfers.to_host, transfers.to_device) == (0, 0)
        assert isinstance(x, DeviceArray)
        assert np.array_equal(to_host(on_device), v)
        for result in (x, out):
            assert np.array_equal(to_host(result), penalty.prox(v, 0.8))
            assert (result.shape, result.dtype) == (shape, dtype)
        assert penalty.prox(on_device, 0.8, out=on_device) is on_device
        assert np.array_equal(to_host(on_device), penalty.prox(v, 0.8))


@every
def test_strided_memory(penalty):
    wide = np.random.default_rng(4).standard_normal((5, 4, 6))
    on_device = to_device(wide, device)
    penalty.prox(on_device[:, ::2], 0.8, out=on_device[:, 1::2])
    expected = wide.copy()
    expected[:, 1::2] = penalty.prox(wide[:, ::2], 0.8)
    assert np.array_equal(to_host(on_device), expected)


@every
def test_value_fetches_one_number_a_term(penalty):
    w = penalty.prox(np.random.default_rng(5).standard_normal((4, 6)), 0.8)
    on_device = to_device(w, device)
    transfers.to_host = 0
    value = penalty.value(on_device)
    assert isinstance(value, float)
    assert value == penalty.value(w)
    assert transfers.to_host <= 2  # r, and the groups


@separable
def test_cost(penalty):
    w = np.random.default_rng(6).standard_normal((4, 6))
    cost = penalty.cost(to_device(w, device))
    assert isinstance(cost, DeviceArray)
    assert np.array_equal(to_host(cost), penalty.cost(w))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("groups", [0, 1, (0, 1), ()], ids=str)
def test_group_scales_are_numpys_in_one_launch(groups, dtype):
    w = np.random.default_rng(7).standard_normal((5, 6, 4)).astype(dtype)
    w[0], w[:, 1], w[2, 2, 0], w[3, 3, 0], w[4] = 0, 0, np.inf, np.nan, 1e-45
    penalty = GroupLasso(0.3, groups)
    with np.errstate(all="ignore"):
        expected = penalty.scale(w)
        on_device = to_device(w, device)
        out = device.empty(expected.shape, dtype)
        work.launches = work.allocations = 0
        assert penalty.scale(on_device, out=out) is out
    assert np.array_equal(to_host(out), expected, equal_nan=True)
    if dtype == np.float32:
        assert (work.launches, work.allocations) == (1, 0)
