"""A strict stand-in for a GPU's arrays: what works on it needs no hidden copy between host and device.

The numbers are in a NumPy array that no other file can reach. The type refuses everything that would cost a hidden
transfer or fail with CuPy: NumPy's functions, mixing with host arrays, a truth value, float(), iteration, boolean masks, and
every function, argument or attribute that CuPy does not have (cupy_api.json, written from the real package). What crosses
over explicitly, by asarray, get or item, is counted. It enters by __array_namespace__, as any array module would.

It counts work too: each computation or copy is a launch, and allocates memory if its result is a new array; a view does
neither. CuPy may need several launches for one function (partition, a product of stacks), so the counts are lower bounds.

The arithmetic is NumPy's own, so results must equal NumPy's to the last bit.
"""

import json
import operator
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from support import double_kernels

API = json.loads((Path(__file__).parent / "cupy_api.json").read_text())
SCALARS = (bool, int, float, str, slice, type, np.generic, np.dtype, type(None), type(Ellipsis))
CROSSING = ("get", "item", "tolist", "tobytes")  # methods that copy to the host
ONLY_MEMORY = ("empty", "empty_like")  # functions that launch nothing
REFUSED = ("data", "flat", "base", "dump", "dumps", "tofile")  # doors to the memory itself

transfers = SimpleNamespace(to_device=0, to_host=0)
work = SimpleNamespace(launches=0, allocations=0)


class HiddenTransferError(TypeError):
    """Something would have moved numbers between host and device without saying so."""


def _inside(value: Any) -> Any:
    """The NumPy array of a device array; other values as they are. Host arrays are refused."""
    match value:
        case DeviceArray():
            return value._numbers
        case tuple() | list():
            return type(value)(_inside(item) for item in value)
        case np.ndarray():
            raise HiddenTransferError(f"a host array {value.shape} met a device array: move it with to_device first")
        case _ if isinstance(value, SCALARS) or callable(value):
            return value
    raise HiddenTransferError(f"a {type(value).__name__} met a device array")


def _outside(value: Any) -> Any:
    """What a NumPy function returned, as the device would: even single numbers stay there."""
    if type(value) is tuple:
        return tuple(_outside(item) for item in value)
    return DeviceArray(np.asarray(value)) if isinstance(value, np.ndarray | np.generic) else value


def _arrays(value: Any) -> list[np.ndarray]:
    """The NumPy arrays in a value, which may be a tuple or list."""
    if isinstance(value, tuple | list):
        return [array for item in value for array in _arrays(item)]
    return [value] if isinstance(value, np.ndarray | np.generic) else []


def _written(target: np.ndarray) -> None:
    """Count the launch that writes to an array; an empty one needs none."""
    work.launches += target.size > 0


def _counted(result: Any, *operands: Any, launches: int = 1) -> Any:
    """Count what a function did that returned this result without `out`: nothing for a view, else a launch and its memory."""
    made, given = [array for array in _arrays(result) if array.size], _arrays(operands)
    if result is None:  # it works in place
        work.launches += launches
    elif made and not any(np.may_share_memory(array, other) for array in made for other in given):
        work.launches += launches
        work.allocations += 1
    return result


def _is_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are the same numbers in the same memory."""
    return (a.__array_interface__["data"], a.shape, a.strides) == (b.__array_interface__["data"], b.shape, b.strides)


def _computing(function: Callable[..., Any], *owner: np.ndarray, launches: int = 1) -> Callable[..., Any]:
    """A function of NumPy's, or a method of the owner, as a function on the device."""

    def compute(*args: Any, out: DeviceArray | None = None, **kwargs: Any) -> Any:
        operands, inside = [*map(_inside, args)], {name: _inside(value) for name, value in kwargs.items()}
        if out is None:
            return _outside(_counted(function(*operands, **inside), operands, *owner, launches=launches))
        function(*operands, out=_inside(out), **inside)
        _written(_inside(out))
        return out

    return compute


def _crossing(function: Callable[[], Any]) -> Callable[[], Any]:
    """A method that copies to the host, and is counted."""

    def cross() -> Any:
        transfers.to_host += 1
        return function()

    return cross


def _index(key: Any) -> Any:
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, DeviceArray) and part.dtype == bool:
            raise HiddenTransferError("a boolean mask: how many entries it picks has to be fetched; use where")
        if isinstance(part, list):
            raise HiddenTransferError("a list as an index would be copied to the device")
    return _inside(key)


def _refuse(what: str) -> Callable[..., Any]:
    def refuse(self: "DeviceArray", *_: Any, **__: Any) -> Any:
        raise HiddenTransferError(f"{what} of a device array {self.shape} would fetch it; ask for it with to_host")

    return refuse


class DeviceArray:
    """An array on the pretended device."""

    __array_ufunc__ = None  # NumPy's functions and operators step aside
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, numbers: np.ndarray) -> None:
        self._numbers = numbers

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return device

    def __getattr__(self, name: str) -> Any:
        if name not in API["array"] or name in REFUSED:
            raise AttributeError(f"an array of CuPy {API['version']} has no {name}, or it is not for us")
        attribute = getattr(self._numbers, "copy" if name == "get" else name)
        if not callable(attribute):
            return attribute if name in ("shape", "strides", "flags") else _outside(attribute)
        return _crossing(attribute) if name in CROSSING else _computing(attribute, self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, key: Any) -> "DeviceArray":
        found = self._numbers[_index(key)]
        is_number = isinstance(found, np.generic)  # on the device a view too
        return _outside(found if is_number else _counted(found, self._numbers))

    def __setitem__(self, key: Any, value: Any) -> None:
        index, numbers = _index(key), _inside(value)
        target = self._numbers[index]
        if not (isinstance(numbers, np.ndarray) and isinstance(target, np.ndarray) and _is_same(target, numbers)):
            self._numbers[index] = numbers
            _written(target)
        # otherwise it is x[i] += y, which has computed in place: CuPy copies nothing then

    __array__ = _refuse("NumPy's view")
    __bool__ = _refuse("the truth value")
    __float__ = _refuse("float()")
    __int__ = _refuse("int()")
    __index__ = _refuse("the use as an index")
    __iter__ = _refuse("iteration")


def _operator(function: Callable[..., Any], in_place: bool, reflected: bool) -> Callable[..., Any]:
    def apply(self: DeviceArray, *others: Any) -> DeviceArray:
        operands = [self._numbers, *map(_inside, others)]
        result = function(*(reversed(operands) if reflected else operands))
        if in_place:
            _written(self._numbers)
            return self
        return _outside(_counted(result, *operands))

    return apply


for _name in ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "matmul"]:
    _plain = getattr(operator, f"__{_name}__")
    setattr(DeviceArray, f"__{_name}__", _operator(_plain, False, False))
    setattr(DeviceArray, f"__r{_name}__", _operator(_plain, False, True))
    setattr(DeviceArray, f"__i{_name}__", _operator(getattr(operator, f"__i{_name}__"), True, False))
for _name in ["lt", "le", "eq", "ne", "gt", "ge", "neg", "pos", "invert", "abs"]:
    setattr(DeviceArray, f"__{_name}__", _operator(getattr(operator, f"__{_name}__"), False, False))


def _launching(kernel: Any) -> Callable[..., None]:
    """A kernel as a function on the device: one launch. CuPy copies no input that overlaps an output, so none may."""

    def launch(*args: Any, **kwargs: Any) -> None:
        values = [*map(_inside, args)]
        inputs, outputs = _arrays(values[: len(kernel.inputs)]), values[len(kernel.inputs) :]
        for out in outputs:
            if any(np.may_share_memory(array, out) and not _is_same(array, out) for array in inputs):
                raise ValueError("a kernel's input overlaps an output: some entries would be overwritten before they are read")
        kernel.evaluate(*values, **kwargs)
        _written(outputs[0])

    return launch


class DeviceModule:
    """The functions that CuPy has, under its names and with its arguments, on device arrays."""

    pi, inf, nan, newaxis = np.pi, np.inf, np.nan, None
    ndarray = DeviceArray

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        dotted = f"{self._prefix}{name}"
        if any(known.startswith(f"{dotted}.") for known in API["functions"]):
            return DeviceModule(f"{dotted}.")
        if isinstance(dtype := getattr(np, name, None), type) and issubclass(dtype, np.generic):
            return dtype
        if dotted not in API["functions"]:
            raise AttributeError(f"CuPy {API['version']} has no function {dotted}")
        function = operator.attrgetter(dotted)(np)
        allowed = API["functions"][dotted]

        def call(*args: Any, **kwargs: Any) -> Any:
            if allowed is not None and (unknown := set(kwargs) - set(allowed)):
                raise TypeError(f"CuPy's {dotted} takes no {', '.join(sorted(unknown))}")
            return _computing(function, launches=0 if name in ONLY_MEMORY else 1)(*args, **kwargs)

        return call

    @staticmethod
    def ElementwiseKernel(*args: Any, **kwargs: Any) -> Callable[..., None]:
        return _launching(double_kernels.ElementwiseKernel(*args, **kwargs))

    @staticmethod
    def ReductionKernel(*args: Any, **kwargs: Any) -> Callable[..., None]:
        return _launching(double_kernels.ReductionKernel(*args, **kwargs))

    @staticmethod
    def asarray(a: Any, dtype: Any = None) -> DeviceArray:
        """An explicit copy from the host; a device array comes back as it is."""
        if isinstance(a, DeviceArray):
            return a if dtype is None else a.astype(dtype)
        transfers.to_device += 1
        return DeviceArray(np.array(a, dtype))


device: Any = DeviceModule()
