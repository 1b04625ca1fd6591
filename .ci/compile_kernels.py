"""Compile every kernel of minisgl for an H100 (sm_90), on a machine that needs no GPU.

    python .ci/compile_kernels.py

NVRTC is the compiler that CuPy uses, and it runs without a driver. The source is what CuPy generates around our strings, for
float32 and float64, contiguous arrays and strided ones. CuPy has no public name for that source, so the names below are those
of version 14.2.0. This proves that the kernels compile, not what they compute. A planted syntax error must not compile.
"""

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cupy
import numpy as np
from cupy._core import _kernel, _reduction, core
from cupy._core._carray import Indexer
from cupy._core._scalar import CScalar
from cupy.cuda import compiler

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support.all_kernels import all_kernels

from minisgl.kernels import Indexed, Reduction, compiled

VERSION = "14.2.0"
ARRAY, INDEXER, SCALAR = 1, 2, 3  # cupy._core._kernel's kinds of arguments
OPTIONS = ("-arch=sm_90", "--device-as-default-execution-space")


def arguments(
    kernel: Indexed | Reduction, parameters: Any, types: dict[str, Any], ndim: int, contiguous: bool
) -> tuple[Any, ...]:
    """What CuPy knows of the arguments. Inputs of a fixed type or used after a sum are numbers; the others may be arrays."""
    after = set(re.findall(r"\w+", kernel.post)) if isinstance(kernel, Reduction) else set()
    found = []
    for parameter in parameters:
        dtype = types[parameter.ctype] if parameter.dtype is None else np.dtype(parameter.dtype).type
        is_number = parameter.dtype is not None or parameter.name in after
        if is_number and parameter.is_const and not parameter.raw:
            found.append(_kernel._ArgInfo(SCALAR, CScalar, dtype, 0, True, True))
        else:
            found.append(_kernel._ArgInfo(ARRAY, cupy.ndarray, dtype, ndim, contiguous, True))
    return tuple(found)


def source(kernel: Indexed | Reduction, dtype: Any, ndim: int, contiguous: bool) -> str:
    """The source that CuPy compiles for arrays of this dtype."""
    theirs, types = compiled(cupy, kernel), {"T": dtype, "L": np.int64}
    given = arguments(kernel, (*theirs.in_params, *theirs.out_params), types, ndim, contiguous)
    letters = [letter for letter in types if re.search(rf"\b{letter} ", f"{kernel.inputs},{kernel.outputs}")]
    indexer = _kernel._ArgInfo(INDEXER, Indexer, None, ndim, True, True)
    if isinstance(kernel, Indexed):
        map_ = _kernel._TypeMap(tuple((letter, types[letter]) for letter in letters))
        args = (*given, indexer), map_, theirs.params, theirs.operation, theirs.name, theirs.preamble
        return _kernel._get_elementwise_kernel_code(*args)
    stride = _kernel._ArgInfo(SCALAR, CScalar, np.int32, 0, True, True)
    map_ = _kernel._TypeMap((*((letter, types[letter]) for letter in letters), ("IndexT", np.int32)))
    parameters = (
        *theirs.in_params,
        *theirs.out_params,
        *_kernel._get_param_info("CIndexer _in_ind, CIndexer _out_ind", False),
        *_kernel._get_param_info("int32 _block_stride", True),
    )
    return _reduction._ReductionKernel_get_cached_function_code(
        theirs.nin,
        theirs.nout,
        parameters,
        (*given, indexer, indexer, stride),
        map_,
        theirs.name,
        512,
        theirs.reduce_type,
        theirs.identity,
        theirs.map_expr,
        theirs.reduce_expr,
        theirs.post_map_expr,
        theirs.preamble,
        (),
    )


def compile_(code: str) -> bytes:
    """The machine code for sm_90. CompileException if NVRTC refuses the source."""
    headers = "".join(f"#include <{header}>\n" for header in core._cupy_header_list)
    program = compiler._NVRTCProgram(headers + code, "kernel.cu", method="cubin")
    machine_code: bytes = program.compile((*core.assemble_cupy_compiler_options(()), *OPTIONS))[0]
    return machine_code


def main() -> None:
    """Compile all kernels, then a planted mistake."""
    if cupy.__version__ != VERSION:
        sys.exit(f"this script knows CuPy {VERSION}, not {cupy.__version__}")
    started, kernels = time.perf_counter(), all_kernels()
    for kernel in kernels:
        for dtype, ndim, contiguous in ((np.float32, 1, True), (np.float32, 4, False), (np.float64, 1, True)):
            compile_(source(kernel, dtype, ndim, contiguous))
    first = next(kernel for kernel in kernels if isinstance(kernel, Indexed))
    try:
        compile_(source(replace(first, name="planted", code=first.code + "\n(;"), np.float32, 1, True))
    except compiler.CompileException:
        print(f"{len(kernels)} kernels compile for sm_90, a planted mistake does not: {time.perf_counter() - started:.0f} s")
    else:
        sys.exit("a planted syntax error compiled")


if __name__ == "__main__":
    main()
