"""The double is strict: each hidden copy between host and device is refused, and so is what CuPy lacks."""

import json

import numpy as np
import pytest
from support.cupy_api import describe
from support.device_double import API, DeviceArray, HiddenTransferError, device, transfers, work

from minisgl.backend import get_array_module, to_device, to_host
from minisgl.kernels import Formula, Reduction


@pytest.fixture
def x() -> DeviceArray:
    return to_device(np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3), device)


HIDDEN = {
    "NumPy's function": np.exp,
    "another of NumPy's": lambda x: np.where(x > 0, x, 0),
    "np.asarray": np.asarray,
    "np.matmul": lambda x: np.matmul(x, np.ones(3)),
    "float": lambda x: float(x[0, 0]),
    "int": lambda x: int(x[0, 0]),
    "max": lambda x: max(x[0, 0], x[0, 1]),
    "truth": lambda x: 1 if x[0, 0] > 0 else 2,
    "iteration": list,
    "a host mask": lambda x: x[np.array([True, False])],
    "a host mask in where": lambda x: device.where(np.array([True, False, True]), x, 0),
    "a device mask": lambda x: x[x > 2],
    "a host index": lambda x: x[np.array([0])],
    "a list as an index": lambda x: x[[0, 1]],
    "a host array added": lambda x: x + np.ones(3),
    "added to a host array": lambda x: np.ones(3) + x,
    "added in place": lambda x: x.__iadd__(np.ones(3)),
    "written into a host array": lambda x: np.empty((2, 3)).__setitem__(..., x),
    "written from a host array": lambda x: x.__setitem__(..., np.ones((2, 3))),
    "a host array as out": lambda x: device.exp(x, out=np.empty((2, 3), np.float32)),
    "an index of range": lambda x: range(x[0, 0].astype(int)),
}


@pytest.mark.parametrize("plant", HIDDEN.values(), ids=HIDDEN.keys())
def test_a_hidden_transfer_is_refused(x, plant):
    with pytest.raises(TypeError):
        plant(x)


LACKING = {
    "no such function": lambda _: device.spacing,
    "a module CuPy spells otherwise": lambda x: device.lib.array_utils,
    "no such argument": lambda x: device.sum(x, where=x > 2),
    "a ufunc's where": lambda x: device.exp(x, where=x > 2),
    "no such attribute": lambda x: x.setflags(write=False),
    "the memory itself": lambda x: x.data,
}


@pytest.mark.parametrize("plant", LACKING.values(), ids=LACKING.keys())
def test_what_cupy_lacks_is_refused(x, plant):
    with pytest.raises((AttributeError, TypeError)):
        plant(x)


def test_what_crosses_is_counted(x):
    transfers.to_host = transfers.to_device = 0
    assert x.sum().item() == 21
    assert np.array_equal(to_host(x * 2), [[2, 4, 6], [8, 10, 12]])
    assert to_device(x, device) is x
    to_device(np.ones(2), device)
    assert (transfers.to_host, transfers.to_device) == (2, 1)


def test_it_computes_as_numpy_does_and_views_share_memory(x):
    x[:, 1] *= 10
    x.reshape(-1)[0] = 7
    y = device.multiply(x, 2, out=device.empty_like(x))
    assert isinstance(y.max(), DeviceArray)
    assert y.dtype == np.float32
    assert np.array_equal(to_host(2 - y.T), [[-12, -6], [-38, -98], [-4, -10]])
    assert np.array_equal(to_host(device.linalg.norm(x, axis=0) > 8), [True, True, False])
    assert len(x) == 2


def test_the_array_module_comes_from_the_array(x):
    assert get_array_module(x) is device
    assert get_array_module(np.ones(1)) is np
    assert get_array_module(np.float32(1)) is np
    with pytest.raises(TypeError, match="not a list"):
        get_array_module([1.0])


def test_the_list_of_what_cupy_has_is_the_packages_own():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    if cupy.__version__ != API["version"]:
        pytest.skip(f"cupy_api.json is of CuPy {API['version']}, and this is {cupy.__version__}")
    assert json.loads(json.dumps(describe(cupy))) == API


def test_a_refusal_says_why(x):
    with pytest.raises(HiddenTransferError, match=r"host array \(3,\)"):
        x + np.ones((3,))


COPY, SUMS = Formula("copy", "T a", "T b", "b = a;"), Reduction("sums", "T a", "T b", "a", "b = a")
WORK = {  # what is computed: launches and allocations
    "an operator": (lambda x: x + 1, 1, 1),
    "a function": (device.exp, 1, 1),
    "a function into an array": (lambda x: device.exp(x, out=x), 1, 0),
    "in place": (lambda x: x.__imul__(2), 1, 0),
    "in place, a part": (lambda x: exec("x[0] += 1", {"x": x}), 1, 0),
    "a copy into a part": (lambda x: x.__setitem__(0, x[1]), 1, 0),
    "a reduction": (lambda x: x.sum(axis=0), 1, 1),
    "a view": (lambda x: x[0, 1:].reshape(1, 2).T, 0, 0),
    "a number's view": (lambda x: x[0, 0], 0, 0),
    "entries by index": (lambda x: x[to_device(np.array([1, 0]), device)], 1, 1),
    "memory": (device.empty_like, 0, 1),
    "zeros": (device.zeros_like, 1, 1),
    "a fill": (lambda x: x.fill(3), 1, 0),
    "nothing": (lambda x: x[:0] * 2, 0, 0),
    "a kernel": (lambda x: COPY(x, out=x), 1, 0),
    "a reduction by a kernel": (lambda x: SUMS(x, out=device.empty((2, 1), "float32"), axis=(1,)), 1, 1),
}


@pytest.mark.parametrize("case", WORK.values(), ids=WORK.keys())
def test_launches_and_allocations_are_counted(x, case):
    compute, launches, allocations = case
    work.launches = work.allocations = 0
    compute(x)
    assert (work.launches, work.allocations) == (launches, allocations)


KERNELS = {
    "an overlap": (lambda x: COPY(x[:, :2], out=x[:, 1:]), ValueError),
    "another shape": (lambda x: COPY(x, out=device.empty_like(x[:1])), ValueError),
    "another type": (lambda x: COPY(x, out=device.empty_like(x, dtype="float64")), TypeError),
    "a host array": (lambda x: COPY(np.ones((2, 3), np.float32), out=x), HiddenTransferError),
    "too few arguments": (lambda x: COPY(out=x), TypeError),
}


@pytest.mark.parametrize("case", KERNELS.values(), ids=KERNELS.keys())
def test_a_kernel_refuses_what_cupys_would(x, case):
    launch, error = case
    with pytest.raises(error):
        launch(x)
