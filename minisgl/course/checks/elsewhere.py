"""Arrays in another memory, such as a GPU's: an answer may use their own module's functions, but may not fetch their numbers.

They stand in for a device's arrays where there is no device. Each operation that would have to wait for a number from the
device raises an error that says so.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minisgl.course.checks.answer import Answer
from minisgl.course.checks.task import Task, compare_results

FETCHING = {
    "float": "float() of an array: its number would have to be fetched from the device, and the device waits meanwhile.",
    "int": "int() of an array: its number would have to be fetched from the device, and the device waits meanwhile.",
    "index": "an array as an index: its number would have to be fetched from the device.",
    "bool": "the truth value of an array (if, and, or, max, min): it would have to be fetched. What chooses entry by entry?",
    "iter": "a loop over an array: one operation and one fetched number for each entry. What works on all of them at once?",
    "array": "a NumPy function got an array that is not NumPy's. Which module has functions for this array?",
}


class HiddenTransferError(TypeError):
    """The student's code would have moved numbers between host and device."""


def _numbers(value: Any) -> Any:
    """The numbers of one or more Elsewhere arrays; other values unchanged. HiddenTransferError for a NumPy array."""
    if isinstance(value, np.ndarray):
        raise HiddenTransferError("a NumPy array meets an array in another memory: it would have to be copied there.")
    if isinstance(value, tuple | list):
        return type(value)(_numbers(part) for part in value)
    return value.numbers if isinstance(value, Elsewhere) else value


def _on_elsewhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function that takes and returns Elsewhere arrays."""

    def run(*args: Any, **options: Any) -> Any:
        result = function(*map(_numbers, args), **{name: _numbers(value) for name, value in options.items()})
        return Elsewhere(np.asarray(result)) if isinstance(result, np.ndarray | np.generic) else result

    return run


class Module:
    """The array module of Elsewhere: NumPy's functions, which take and return Elsewhere arrays."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return _on_elsewhere(found) if callable(found) and not isinstance(found, type) else found

    @staticmethod
    def asarray(x: Any, dtype: Any = None) -> Any:
        return x if isinstance(x, Elsewhere) and dtype is None else _on_elsewhere(np.array)(x, dtype)


class Elsewhere:
    """An array whose numbers are in another memory. Fetching raises HiddenTransferError; only the check reads `numbers`."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def __array_namespace__(self, api_version: str | None = None) -> Module:
        return Module()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if isinstance(inputs[0], np.generic):  # np.float64(2) * x, where x's own operator comes second
            return _on_elsewhere(ufunc)(*inputs, **options)
        raise HiddenTransferError(f"np.{ufunc.__name__}: {FETCHING['array']}")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        raise HiddenTransferError(f"np.{function.__name__}: {FETCHING['array']}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "numbers":  # "numbers" only while a copy is being made
            raise AttributeError(name)
        if name in ("item", "tolist", "tobytes", "data", "flat"):
            raise HiddenTransferError(f"{name}: {FETCHING['float'].partition(': ')[2]}")
        found = getattr(self.numbers, name)
        return _on_elsewhere(found) if callable(found) and not isinstance(found, np.dtype) else found

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, Elsewhere):
            raise HiddenTransferError("a mask as an index: how many entries it picks would have to be fetched.")
        return _on_elsewhere(np.ndarray.__getitem__)(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, Elsewhere):
            raise HiddenTransferError("a mask as an index: how many entries it picks would have to be fetched.")
        self.numbers[key] = _numbers(value)

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        x = self.numbers
        return f"{np.array2string(x, precision=4, threshold=60)}  (elsewhere: {x.dtype}, {x.shape})"


def _refuse(sentence: str) -> Callable[..., Any]:
    def refuse(self: Elsewhere, *_: Any, **__: Any) -> Any:
        raise HiddenTransferError(sentence)

    return refuse


for _what, _sentence in FETCHING.items():
    setattr(Elsewhere, f"__{_what}__", _refuse(_sentence))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "pow", "mod", "and", "or", "xor", "matmul"):
    for _prefix in ("", "r", "i"):
        setattr(Elsewhere, f"__{_prefix}{_name}__", _on_elsewhere(getattr(np.ndarray, f"__{_prefix}{_name}__")))
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert"):
    setattr(Elsewhere, f"__{_name}__", _on_elsewhere(getattr(np.ndarray, f"__{_name}__")))


class Moved:
    """The student's function, with its array arguments elsewhere; the numbers of its result are returned."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__code__ = getattr(function, "__code__", None)  # an error's message shows the line of this code

    def __call__(self, *args: Any) -> Any:
        yours = self.function(*(Elsewhere(x) if isinstance(x, np.ndarray) else x for x in args))
        if isinstance(yours, np.ndarray):
            raise HiddenTransferError("v is in another memory, but the result is a NumPy array: what has copied the numbers?")
        return yours.numbers if isinstance(yours, Elsewhere) else yours


def compare_elsewhere_and_here(answer: Answer, task: Task) -> None:
    """Compare the results on arrays in another memory, then on NumPy's."""
    moved = Answer(answer.name, Moved(answer.function))
    compare_results(moved, task)
    compare_results(answer, task)
    answer.tried += moved.tried
