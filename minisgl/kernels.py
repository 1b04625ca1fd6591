"""Kernels for a GPU: several array operations in one launch, which writes the results into existing arrays.

The host takes 5 to 10 microseconds to begin an array operation on a GPU, however small it is, and a step of LeNet-5 would need
some 250 of them. So the formulas of a step are also written as strings that the array module compiles:

    Formula      entry by entry      "x = where(abs(v) <= t, T(0), v);"
    Reduction    sums of entries     map "double(w) * double(w)", then of the sum a: "length = sqrt(a)"
    Indexed      anything else       C++ for one entry i of the output, with raw arrays: "y = x[2 * i];"

The strings of a Formula and a Reduction are valid in C++ and in Python, so tests evaluate them with NumPy. They may use where,
abs, sqrt, asin and sin, and the type T of the arrays: T(0), since in C++ the number 0.5 would be a double. For NumPy's arrays
nothing changes: the array code beside each kernel computes the same.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module

PREAMBLE = "template <typename U> __device__ inline U where(bool condition, U a, U b) { return condition ? a : b; }"


def has_kernels(x: Array) -> bool:
    """Return whether the array module of x compiles kernels."""
    return not isinstance(x, np.ndarray) and hasattr(get_array_module(x), "ElementwiseKernel")  # NumPy's hasattr is slow


@dataclass(frozen=True)
class Indexed:
    """C++ `code` for entry i of the outputs. inputs, outputs: CuPy's lists of types and names, "raw T x, int32 width"."""

    name: str
    inputs: str
    outputs: str
    code: str

    def __call__(self, *inputs: Any, out: Array | tuple[Array, ...]) -> None:
        """Launch it: inputs are arrays or numbers in the order of the list, and out has the outputs."""
        outputs = out if isinstance(out, tuple) else (out,)
        compiled(get_array_module(outputs[0]), self)(*inputs, *outputs)


@dataclass(frozen=True)
class Formula(Indexed):
    """An elementwise formula: one assignment a line, to an output or to a new name. An output may be read before it is written.

    Arrays are broadcast. An input that overlaps an output must be that output's array itself.
    """

    @property
    def operation(self) -> str:
        """The C++ code: an assignment to a new name declares it."""
        names = {name.split()[-1] for name in self.outputs.split(",")}
        lines = [line.strip() for line in self.code.splitlines() if line.strip()]
        return "\n".join(line if line.split()[0] in names else f"auto {line}" for line in lines)

    def after(self, first: "Formula") -> "Formula":
        """Return both formulas as one launch: the output of the first is an input of this one.

        Its inputs are those of the first, without this one's outputs, and then its own.
        """
        before = [each for each in first.inputs.split(", ") if each not in self.outputs.split(", ")]
        own = [each for each in self.inputs.split(", ") if each not in first.outputs.split(", ")]
        return Formula(f"{first.name}_{self.name}", ", ".join(before + own), self.outputs, f"{first.code}\n{self.code}")


@dataclass(frozen=True)
class Reduction:
    """The sum a of `map` over some axes of the inputs, in the type `sum_type`; `post` assigns a formula of a to the output."""

    name: str
    inputs: str
    outputs: str
    map: str
    post: str
    sum_type: str = "double"

    def __call__(self, *inputs: Any, out: Array, axis: tuple[int, ...]) -> None:
        """Launch it: `axis` are the axes of the inputs that are summed, and have length 1 in out."""
        compiled(get_array_module(out), self)(*inputs, out, axis=axis, keepdims=True)


@cache
def compiled(xp: Any, kernel: Indexed | Reduction) -> Any:
    """Return the array module's own kernel, which compiles it for the types that it is called with."""
    name = f"minisgl_{kernel.name}"
    if isinstance(kernel, Reduction):
        sum_ = "a + b", kernel.post, "0", name, kernel.sum_type
        return xp.ReductionKernel(kernel.inputs, kernel.outputs, kernel.map, *sum_, preamble=PREAMBLE)
    code = kernel.operation if isinstance(kernel, Formula) else kernel.code
    return xp.ElementwiseKernel(kernel.inputs, kernel.outputs, code, name, preamble=PREAMBLE)
