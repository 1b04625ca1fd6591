"""Kernels compiled for the processor by a C++ compiler: the same strings as on a GPU, run entry by entry."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.kernels import PREAMBLE, Formula, Indexed, Reduction
from support.double_kernels import parameters

TYPES = {"int32": "int", "int64": "long long", "bool": "bool", "float64": "double", "L": "long long"}
COMPILER = shutil.which("g++")
BEFORE = f"""
#include <cmath>
#include <cstddef>
#define __device__
using std::abs; using std::sqrt; using std::asin; using std::sin; using std::exp; using std::log;
{PREAMBLE}
"""


def source(kernel: Indexed, T: str) -> str:
    """C++ for a function of the number of entries and of pointers: to arrays, or to single numbers."""
    inputs, outputs = parameters(kernel.inputs), parameters(kernel.outputs)
    code = kernel.operation if isinstance(kernel, Formula) else kernel.code
    arguments, before = [], []
    for (type_, name, raw), is_output in [(each, False) for each in inputs] + [(each, True) for each in outputs]:
        c = f"{'' if is_output else 'const '}{T if type_ == 'T' else TYPES[type_]}"
        arguments.append(f"{c} *{name if raw else f'p_{name}'}, ptrdiff_t s_{name}")
        if not raw:
            before.append(f"{c} &{name} = p_{name}[i * s_{name}];")
    lines = "\n".join(before)
    return f"""
extern "C" void {kernel.name}_{T}(ptrdiff_t size, {", ".join(arguments)}) {{
    typedef {T} T;
    for (ptrdiff_t i = 0; i < size; ++i) {{
        {lines}
        {code}
    }}
}}
"""


def reduction_source(kernel: Reduction, T: str) -> str:
    """The same for a reduction of rows: each argument has a pointer and the distances of its rows and of its columns."""
    inputs, ((_, result, _),) = parameters(kernel.inputs), parameters(kernel.outputs)
    types = [T if type_ == "T" else TYPES[type_] for type_, _, _ in inputs]
    names = [name for _, name, _ in inputs]
    arguments = [f"const {c} *p_{name}, ptrdiff_t r_{name}, ptrdiff_t c_{name}" for c, name in zip(types, names, strict=True)]
    values = " ".join(f"auto {name} = p_{name}[i * r_{name} + j * c_{name}];" for name in names)
    numbers = " ".join(f"auto {name} = *p_{name};" for name in names)
    return f"""
extern "C" void {kernel.name}_{T}(ptrdiff_t rows, ptrdiff_t columns, {", ".join(arguments)}, {T} *p_{result}) {{
    typedef {T} T;
    for (ptrdiff_t i = 0; i < rows; ++i) {{
        {kernel.sum_type} a = 0;
        for (ptrdiff_t j = 0; j < columns; ++j) {{ {values} a += {kernel.map}; }}
        T &{result} = p_{result}[i];
        {numbers}
        {kernel.post};
    }}
}}
"""


def compile_all(kernels: list[Indexed | Reduction], folder: Path) -> Callable[..., None]:
    """Return run(kernel, *arguments): contiguous arrays of one shape, raw ones of any, and numbers."""
    path = folder / "kernels.cpp"
    path.write_text(BEFORE + "".join(_source(kernel, T) for kernel in kernels for T in ("float", "double")))
    library = path.with_suffix(".so")
    options = ["-O1", "-ffp-contract=off", "-shared", "-fPIC", "-Wno-unused"]
    subprocess.run([COMPILER, *options, str(path), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))

    def run(kernel: Indexed | Reduction, *arguments: Any) -> None:
        declared = parameters(kernel.inputs) + parameters(kernel.outputs)
        dtype = next(
            a.dtype for (t, _, _), a in zip(declared, arguments, strict=True) if t == "T" and isinstance(a, np.ndarray)
        )
        sizes = [a.size for (_, _, raw), a in zip(declared, arguments, strict=True) if not raw and isinstance(a, np.ndarray)]
        pointers, kept = [], []
        for (type_, _, _), argument in zip(declared, arguments, strict=True):
            wanted = dtype if type_ == "T" else np.dtype({"L": "int64"}.get(type_, type_))
            array = argument if isinstance(argument, np.ndarray) else np.array([argument], wanted)
            assert array.dtype == wanted, f"{kernel.name}: {array.dtype}, not {wanted}"
            assert array.flags.c_contiguous
            kept.append(array)
            pointers.append(ctypes.c_void_p(array.ctypes.data))
            strides = [size if length > 1 else 0 for size, length in zip(array.strides, array.shape, strict=True)]
            if isinstance(kernel, Indexed):
                pointers.append(ctypes.c_ssize_t(isinstance(argument, np.ndarray)))
            elif argument is not arguments[-1]:  # the distances of rows and of columns, (K, N) or (K, 1), or of a number
                pointers += [ctypes.c_ssize_t(size // array.itemsize) for size in (strides if array.ndim == 2 else (0, 0))]
        function = getattr(loaded, f"{kernel.name}_{'float' if dtype == 'float32' else 'double'}")
        shape = (max(sizes),) if isinstance(kernel, Indexed) else arguments[0].shape
        function(*map(ctypes.c_ssize_t, shape), *pointers)

    return run


def _source(kernel: Indexed | Reduction, T: str) -> str:
    return reduction_source(kernel, T) if isinstance(kernel, Reduction) else source(kernel, T)
