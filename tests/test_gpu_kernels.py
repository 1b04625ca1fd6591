"""What the kernels' C++ computes, by the processor's compiler: NumPy's array code, and the formulas' own evaluation."""

import re
from typing import Any

import numpy as np
import pytest
from support.all_kernels import all_kernels
from support.double_kernels import ElementwiseKernel, ReductionKernel, parameters, typed
from support.host_kernels import COMPILER, compile_all

from minisgl.kernels import Formula, Indexed, Reduction
from minisgl.nn.im2col import GATHER_COLUMNS, GATHER_PIXELS, output_size
from minisgl.nn.loss import SOFTMAX_CROSS_ENTROPY, WRONG
from minisgl.nn.pooling import MAX_POOL, MAX_POOL_BACKWARD

KERNELS = all_kernels()
FORMULAS = [kernel for kernel in KERNELS if isinstance(kernel, Formula)]
REDUCTIONS = [kernel for kernel in KERNELS if isinstance(kernel, Reduction)]
INDEXED = [kernel for kernel in KERNELS if isinstance(kernel, Indexed) and not isinstance(kernel, Formula)]
rng = np.random.default_rng(0)
images, labels = 3 * rng.standard_normal((5, 7)), rng.integers(0, 5, 7)  # logits (D, N)

# arguments of each indexed kernel; outputs are zeros
CASES: dict[str, list[list[Any]]] = {
    SOFTMAX_CROSS_ENTROPY.name: [[images, labels, 5, 7, 0.1, s, np.zeros(7), np.zeros((5, 7))] for s in (0.0, 0.1)],
    WRONG.name: [[images, labels, 5, 7, np.zeros(7, int)]],
}
for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0)):  # windows of maps (C, H, W, N), few numbers: ties
    (C, H, W, N), x = (shape := (3, 7, 6, 2)), rng.integers(-2, 3, (3, 7, 6, 2)).astype(float)
    P, Q = (output_size(size, kernel, stride, padding) for size in (H, W))
    dy, y, winner = rng.standard_normal((C, P, Q, N)), np.zeros((C, P, Q, N)), np.zeros((C, P, Q, N), np.int32)
    pool = [H, W, P, Q, N, kernel, stride, padding]
    CASES.setdefault(MAX_POOL.name, []).append([x, *pool, y, winner])
    won = rng.integers(0, kernel**2, winner.shape).astype(np.int32)
    CASES.setdefault(MAX_POOL_BACKWARD.name, []).append([dy, won, *pool, np.zeros(shape)])
    columns, conv = rng.standard_normal((C, kernel, kernel, P, Q, N)), [H, W, kernel, kernel, P, Q, N, stride, padding]
    CASES.setdefault(GATHER_COLUMNS.name, []).append([x, *conv, np.zeros(columns.shape)])
    CASES.setdefault(GATHER_PIXELS.name, []).append([columns, *conv, np.zeros(shape)])


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    if COMPILER is None:
        pytest.skip("there is no g++ to compile the kernels with")
    return compile_all(KERNELS, tmp_path_factory.mktemp("kernels"))


def evaluated(kernel, arguments):
    """The outputs by the double, in NumPy."""
    arguments = [np.copy(each) if isinstance(each, np.ndarray) else each for each in arguments]
    code = kernel.operation if isinstance(kernel, Formula) else kernel.code
    ElementwiseKernel(kernel.inputs, kernel.outputs, code, f"minisgl_{kernel.name}").evaluate(*arguments)
    return arguments[len(parameters(kernel.inputs)) :]


def check(run, kernel, arguments, dtype):
    """That both compute the same, but for the rounding of a sum or of a function such as sin."""
    arguments = [
        each.astype(dtype)
        if isinstance(each, np.ndarray) and each.dtype.kind == "f"
        else np.copy(each)
        if isinstance(each, np.ndarray)
        else each
        for each in arguments
    ]
    expected = evaluated(kernel, arguments)
    run(kernel, *arguments)
    for found, wanted in zip(arguments[len(parameters(kernel.inputs)) :], expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=4e-7 if dtype == "float32" else 4e-15, atol=np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", FORMULAS, ids=lambda kernel: kernel.name)
def test_a_formula_in_cpp_is_the_formula_in_python(run, kernel, dtype):
    rng = np.random.default_rng(1)
    for _ in range(20):
        inputs = [
            rng.standard_normal(50) if i == 0 else abs(rng.standard_normal()) for i, _ in enumerate(parameters(kernel.inputs))
        ]
        outputs = [abs(rng.standard_normal(50)) for _ in parameters(kernel.outputs)]
        check(run, kernel, [*inputs, *outputs], dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", INDEXED, ids=lambda kernel: kernel.name)
def test_indexed_code_computes_what_the_array_code_does(run, kernel, dtype):
    for arguments in CASES[kernel.name]:
        check(run, kernel, arguments, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", REDUCTIONS, ids=lambda kernel: kernel.name)
def test_a_reduction_in_cpp_is_the_formula_in_python_and_the_array_code(run, kernel, dtype):
    rng, (rows, columns) = np.random.default_rng(2), (4, 30)
    widths = {"x": columns, "y": columns, "dy": columns, "w": columns, "mean": 1, "variance": 1}  # the others are numbers
    names = [name for _, name, _ in parameters(kernel.inputs)]
    inputs = [rng.random((rows, widths[name])).astype(dtype) if name in widths else 0.5 for name in names]
    inputs[0][0] = 0
    found, in_python, by_array_code = (np.zeros((rows, 1), dtype) for _ in range(3))
    run(kernel, *inputs, found)
    double = ReductionKernel(kernel.inputs, kernel.outputs, kernel.map, "a + b", kernel.post, "0", kernel.name, kernel.sum_type)
    double.evaluate(*inputs, by_array_code, axis=(1,), keepdims=True)
    by_name, types, _ = typed(double.inputs + double.outputs, [*inputs, in_python])
    double.evaluate_formula(by_name, types, (1,))
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(in_python, by_array_code, rtol=tolerance)
    np.testing.assert_allclose(found, by_array_code, rtol=tolerance)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_no_kernel_has_a_number_with_a_point(kernel):
    """In C++ it is a double, and so would be every number that it is combined with."""
    code = f"{kernel.map} {kernel.post}" if isinstance(kernel, Reduction) else kernel.code
    assert not re.search(r"\d\.|\.\d|\de-?\d", code)
