"""CuPy's kernel classes for the double: a formula, which is valid Python too, is evaluated with NumPy.

Types are checked as CuPy checks them: arrays of a type named by one letter must all have the same dtype, numbers are converted
to the parameter's type, and an output must have the shape of the broadcast inputs. Indexed code is C++: twins.py has what it
should do, by the kernel's name.
"""

import re
from typing import Any

import numpy as np

from support.twins import TWINS

FUNCTIONS = {"where": np.where, "abs": np.abs, "sqrt": np.sqrt, "asin": np.arcsin, "sin": np.sin, "double": np.float64}


def parameters(text: str) -> list[tuple[str, str, bool]]:
    """The type, name and rawness of each parameter in one of CuPy's lists."""
    words = [each.split() for each in text.split(",")]
    return [(type_, name, raw == ["raw"]) for *raw, type_, name in words]


def typed(
    declared: list[tuple[str, str, bool]], values: list[Any]
) -> tuple[dict[str, Any], dict[str, Any], list[tuple[int, ...]]]:
    """The values by name, numbers converted; the types by letter; the shapes of the arrays that are not raw."""
    if len(declared) != len(values):
        raise TypeError(f"a kernel of {[name for _, name, _ in declared]} got {len(values)} arguments")
    types: dict[str, Any] = {}
    for (type_, name, _), value in zip(declared, values, strict=True):
        if isinstance(value, np.ndarray):
            expected = types.setdefault(type_, value.dtype.type) if len(type_) == 1 else np.dtype(type_).type
            if value.dtype != expected:
                raise TypeError(f"{name} is of {value.dtype}, not of {np.dtype(expected)}")
    names, shapes = {}, []
    for (type_, name, raw), value in zip(declared, values, strict=True):
        if isinstance(value, np.ndarray):
            names[name] = value
            if not raw:
                shapes.append(value.shape)
        else:
            names[name] = types.get(type_, np.dtype(type_ if len(type_) > 1 else "f").type)(value)
    return names, types, shapes


class ElementwiseKernel:
    """A formula or indexed code, entry by entry of the outputs."""

    def __init__(self, in_params: str, out_params: str, operation: str, name: str, preamble: str = "") -> None:
        self.inputs, self.outputs = parameters(in_params), parameters(out_params)
        self.code, self.name = re.sub(r"^auto ", "", operation, flags=re.MULTILINE), name

    def evaluate(self, *values: Any) -> None:
        """Write the outputs, which are the last of the values."""
        names, types, shapes = typed(self.inputs + self.outputs, list(values))
        for (_, name, raw), value in zip(self.outputs, values[len(self.inputs) :], strict=True):
            if not raw and value.shape != np.broadcast_shapes(*shapes):
                raise ValueError(f"{name} has the shape {value.shape}, the inputs {np.broadcast_shapes(*shapes)}")
        if twin := TWINS.get(self.name.removeprefix("minisgl_")):
            twin(**names)
            return
        with np.errstate(all="ignore"):
            computed = {**FUNCTIONS, **types, **names}
            exec(self.code, computed)
        for _, name, _ in self.outputs:
            names[name][...] = computed[name]


class ReductionKernel:
    """A sum over some axes, in the order of einsum, as in the array code; by a twin if that sums in another way."""

    def __init__(self, in_params: str, out_params: str, map_expr: str, *rest: str, preamble: str = "") -> None:
        reduce_expr, self.post, identity, name, self.sum_type = rest
        self.name = name.removeprefix("minisgl_")
        assert (reduce_expr, identity) == ("a + b", "0")
        self.inputs, self.outputs, self.map = parameters(in_params), parameters(out_params), map_expr

    def evaluate(self, *values: Any, axis: tuple[int, ...], keepdims: bool) -> None:
        """Write the output, which is the last of the values."""
        assert keepdims
        names, types, _ = typed(self.inputs + self.outputs, list(values))
        if twin := TWINS.get(self.name):
            twin(**names)
        else:
            self.evaluate_formula(names, types, axis)

    def evaluate_formula(self, names: dict[str, Any], types: dict[str, Any], axis: tuple[int, ...]) -> None:
        """The same by the formula, for the arguments by name and the types by letter."""
        ((_, result, _),) = self.outputs
        computed = {**FUNCTIONS, **types, **names}
        with np.errstate(all="ignore"):
            entries = eval(self.map, computed)
            kept = [i for i in range(entries.ndim) if i not in axis]
            sums = np.einsum(entries, [*range(entries.ndim)], kept, dtype={**FUNCTIONS, **types}[self.sum_type])
            exec(self.post, computed := {**computed, "a": np.expand_dims(sums, axis)})
        if names[result].shape != computed[result].shape:
            raise ValueError(f"{result} has the shape {names[result].shape}, not {computed[result].shape}")
        names[result][...] = computed[result]
