"""The checks of chapter 13: code for a GPU. Each says in its docstring what the task asks for."""

from collections.abc import Callable, Iterator
from math import ceil, log2
from typing import Any

import numpy as np

from minisgl.check.answer import Answer, Inputs
from minisgl.check.definition import arrays, best_x, soft

FETCHING = {
    "float": "float() of an array: its number would have to be fetched from the device, and the device waits meanwhile.",
    "int": "int() of an array: its number would have to be fetched from the device, and the device waits meanwhile.",
    "index": "an array as an index: its number would have to be fetched from the device.",
    "bool": "the truth value of an array (if, and, or, max, min): it would have to be fetched. What chooses entry by entry?",
    "iter": "a loop over an array: one operation and one fetched number for each entry. What works on all of them at once?",
    "array": "a function of NumPy's, given an array that is not NumPy's. Which module's functions know this array?",
}


class _HiddenTransferError(TypeError):
    """Numbers would have moved between host and device."""


_HiddenTransferError.__name__ = "HiddenTransferError"  # a student reads it; without the underscore it would be a check


def _inside(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        raise _HiddenTransferError("an array of NumPy's meets one that lies elsewhere: it would have to be moved there.")
    if isinstance(value, tuple | list):
        return type(value)(_inside(part) for part in value)
    return value.numbers if isinstance(value, _Elsewhere) else value


def _there(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy's, on arrays that lie elsewhere."""

    def run(*args: Any, **options: Any) -> Any:
        result = function(*map(_inside, args), **{name: _inside(value) for name, value in options.items()})
        return _Elsewhere(np.asarray(result)) if isinstance(result, np.ndarray | np.generic) else result

    return run


class _Module:
    """NumPy's functions, on arrays that lie elsewhere."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        return _there(found) if callable(found) and not isinstance(found, type) else found

    @staticmethod
    def asarray(x: Any, dtype: Any = None) -> Any:
        return x if isinstance(x, _Elsewhere) and dtype is None else _there(np.array)(x, dtype)


class _Elsewhere:
    """An array whose numbers lie elsewhere, on no device: what would fetch them says so. `numbers` is for the check alone."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    def __array_namespace__(self, api_version: str | None = None) -> _Module:
        return _Module()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if isinstance(inputs[0], np.generic):  # np.float64(2) * x, where x's own operator comes second
            return _there(ufunc)(*inputs, **options)
        raise _HiddenTransferError(f"np.{ufunc.__name__}: {FETCHING['array']}")

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        raise _HiddenTransferError(f"np.{function.__name__}: {FETCHING['array']}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "numbers":  # "numbers" only while a copy is being made
            raise AttributeError(name)
        if name in ("item", "tolist", "tobytes", "data", "flat"):
            raise _HiddenTransferError(f"{name}: {FETCHING['float'].partition(': ')[2]}")
        found = getattr(self.numbers, name)
        return _there(found) if callable(found) and not isinstance(found, np.dtype) else found

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, _Elsewhere):
            raise _HiddenTransferError("a mask as an index: how many entries it picks would have to be fetched.")
        return _there(np.ndarray.__getitem__)(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, _Elsewhere):
            raise _HiddenTransferError("a mask as an index: how many entries it picks would have to be fetched.")
        self.numbers[key] = _inside(value)

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        x = self.numbers
        return f"{np.array2string(x, precision=4, threshold=60)}  (elsewhere: {x.dtype}, {x.shape})"


def _refuse(sentence: str) -> Callable[..., Any]:
    def refuse(self: _Elsewhere, *_: Any, **__: Any) -> Any:
        raise _HiddenTransferError(sentence)

    return refuse


for _what, _sentence in FETCHING.items():
    setattr(_Elsewhere, f"__{_what}__", _refuse(_sentence))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "pow", "mod", "and", "or", "xor", "matmul"):
    for _prefix in ("", "r", "i"):
        setattr(_Elsewhere, f"__{_prefix}{_name}__", _there(getattr(np.ndarray, f"__{_prefix}{_name}__")))
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert"):
    setattr(_Elsewhere, f"__{_name}__", _there(getattr(np.ndarray, f"__{_name}__")))


class _Moved:
    """The student's function, with every array argument elsewhere; its result comes back."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__code__ = getattr(function, "__code__", None)  # whose line an error is shown with

    def __call__(self, *args: Any) -> Any:
        yours = self.function(*(_Elsewhere(x) if isinstance(x, np.ndarray) else x for x in args))
        if isinstance(yours, np.ndarray):
            raise _HiddenTransferError("v lies elsewhere, and the result is an array of NumPy's: who has moved the numbers?")
        return yours.numbers if isinstance(yours, _Elsewhere) else yours


def _firm(v: np.ndarray, t: float, g: float, slope: float, beyond: bool = True) -> np.ndarray:
    line = soft(v, t) * slope
    return np.where(np.abs(v) > g * t, v, line) if beyond else line


def firm_threshold(answer: Answer) -> None:
    """firm_threshold(v, t, g): 0 up to t, v beyond g t, a line between; with the functions of v's own module only."""

    def wanted(v: np.ndarray, t: float, g: float) -> np.ndarray:
        def cost(x: np.ndarray) -> np.ndarray:  # the penalty whose prox this is, MCP: a parabola up to g t, then flat
            return np.where(np.abs(x) <= g * t, t * np.abs(x) - x**2 / (2 * g), g * t**2 / 2)

        return best_x(cost, v)

    cases = [{"v": v, "t": t, "g": g} for v in arrays() for t, g in ((0.5, 2.0), (1.0, 3.0), (0.25, 4.0))]
    mistakes = {
        "between t and g t the line has to reach g t at |v| = g t: how steep is it?": lambda v, t, g: _firm(v, t, g, 1),
        "between t and g t the line is as flat as it should be steep: it climbs g t while |v| goes from t to g t.": (
            lambda v, t, g: _firm(v, t, g, (g - 1) / g)
        ),
        "beyond g t nothing is to be taken from v, nor added.": lambda v, t, g: _firm(v, t, g, g / (g - 1), beyond=False),
        "you drop or keep, as hard thresholding does: what is between t and g t?": lambda v, t, g: np.where(
            np.abs(v) > t, v, 0
        ),
        "what is beyond t is kept only beyond g t: the middle piece is missing.": lambda v, t, g: np.where(
            np.abs(v) > g * t, v, 0
        ),
        "the sign is lost between t and g t.": lambda v, t, g: np.where(
            np.abs(v) > g * t, v, np.abs(_firm(v, t, g, g / (g - 1)))
        ),
        "the large negative entries are gone: large means far from zero, on either side.": lambda v, t, g: _firm(
            np.maximum(v, 0), t, g, g / (g - 1)
        ),
    }
    moved = Answer(answer.name, _Moved(answer.function))
    moved.compare(cases, wanted, mistakes, exact_zeros=True)
    answer.compare(cases, wanted, mistakes, exact_zeros=True)
    answer.tried += moved.tried


def _count(images: tuple[int, ...], weight: tuple[int, ...], itemsize: int) -> dict[str, float]:
    """The flops and the bytes of a convolution, counted on arrays of these shapes."""
    dtype = {2: np.float16, 4: np.float32, 8: np.float64}[itemsize]
    x, w = np.empty(images, dtype), np.empty(weight, dtype)
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(1, 2))  # (C, P, Q, N, R, S)
    y = np.empty((len(w), *windows.shape[1:4]), dtype)  # (K, P, Q, N)
    flops = 2.0 * len(w) * windows.size  # every filter with every number of every window
    return {"flops": flops, "x": x.nbytes, "w": w.nbytes, "y": y.nbytes, "columns": windows.size * itemsize}


def direct_intensity(answer: Answer) -> None:
    """direct_intensity(images, weight, itemsize): flops a byte of a convolution that reads and writes each number once."""
    shapes = [
        ((1, 1, 1, 1), (1, 1, 1, 1)),
        ((1, 3, 3, 1), (1, 1, 2, 2)),
        ((1, 4, 4, 1), (1, 1, 3, 3)),
        ((2, 4, 3, 1), (3, 2, 2, 2)),
    ]
    shapes += [((1, 5, 7, 4), (2, 1, 3, 2)), ((3, 6, 5, 2), (4, 3, 1, 3)), ((1, 28, 28, 3), (20, 1, 5, 5))]
    shapes += [((20, 12, 12, 3), (50, 20, 5, 5))]
    cases: list[Inputs] = [{"images": x, "weight": w, "itemsize": size} for x, w in shapes for size in (4, 8, 2)]

    def flops_per(*parts: str) -> Callable[..., float]:
        def result(*arguments: Any) -> float:
            n = _count(*arguments)
            return n["flops"] / sum(n[part] for part in parts)

        return result

    def with_pixels(images: tuple[int, ...], weight: tuple[int, ...], itemsize: int) -> float:
        n, (_, H, W, N), K = _count(images, weight, itemsize), images, weight[0]
        pixels = K * H * W * N * itemsize  # for n["y"]
        return n["flops"] * pixels / n["y"] / (n["x"] + n["w"] + pixels)

    wanted = flops_per("x", "w", "y")
    answer.compare(
        cases,
        wanted,
        mistakes={
            "each product is one multiplication and one addition: two flops.": lambda x, w, size: wanted(x, w, size) / 2,
            "that is flops a number: how many bytes has one?": lambda x, w, size: wanted(x, w, size) * size,
            "that is with the columns of im2col: a direct convolution reads the images themselves.": flops_per(
                "columns", "w", "y"
            ),
            "the weights are read too.": flops_per("x", "y"),
            "the result is written too.": flops_per("x", "w"),
            "the images are read too.": flops_per("w", "y"),
            "the flops are those of one image, and the bytes those of all.": lambda x, w, size: wanted(x, w, size) / x[3],
            "a result has as many places as the filter fits into the image: fewer than it has pixels.": with_pixels,
            "that is bytes a flop: which of the two stands on top?": lambda x, w, size: 1 / wanted(x, w, size),
        },
    )


def step_time(answer: Answer) -> None:
    """step_time(flops, moved, latency, bandwidth, peak): for each operation the latency, and the slower of its two halves."""

    def wanted(flops: np.ndarray, moved: np.ndarray, latency: float, bandwidth: float, peak: float) -> float:
        total = 0.0
        for work, load in zip(flops, moved, strict=True):
            total += latency + max(float(work) / peak, float(load) / bandwidth)
        return total

    rng = np.random.default_rng(0)
    devices = ((1.0, 4.0, 8.0), (0.5, 8.0, 2.0), (0.0, 2.0, 16.0))
    lists: list[tuple[Any, Any]] = [
        ([1.0], [1.0]),
        ([8.0], [0.0]),
        ([0.0], [8.0]),
        ([8.0, 4.0], [2.0, 16.0]),
        ([0.0, 32.0, 8.0], [8.0, 8.0, 8.0]),
    ]
    lists += [(rng.integers(0, 64, k).astype(float), rng.integers(0, 64, k).astype(float)) for k in (5, 12)]
    cases: list[Inputs] = [
        {"flops": np.array(f), "moved": np.array(m), "latency": ell, "bandwidth": b, "peak": p}
        for f, m in lists
        for ell, b, p in devices
    ]
    answer.compare(
        cases,
        wanted,
        mistakes={
            "the latency is missing.": lambda f, m, ell, b, p: np.maximum(f / p, m / b).sum(),
            "the latency is there once: every operation waits for its own.": lambda f, m, ell, b, p: (
                ell + np.maximum(f / p, m / b).sum()
            ),
            "computing and moving happen at once: the sum of both is too long.": lambda f, m, ell, b, p: (
                len(f) * ell + (f / p + m / b).sum()
            ),
            "you take the quicker of the two: an operation is done when both are.": lambda f, m, ell, b, p: (
                len(f) * ell + np.minimum(f / p, m / b).sum()
            ),
            "one operation may be bound by memory and the next by arithmetic: decide for each, then add.": (
                lambda f, m, ell, b, p: len(f) * ell + max(f.sum() / p, m.sum() / b)
            ),
            "the bytes are forgotten: only the flops take time.": lambda f, m, ell, b, p: len(f) * ell + (f / p).sum(),
            "the flops are forgotten: only the bytes take time.": lambda f, m, ell, b, p: len(f) * ell + (m / b).sum(),
            "what is waited is no part of the choice: the latency comes first, and then the slower of the two.": (
                lambda f, m, ell, b, p: np.maximum(ell, np.maximum(f / p, m / b)).sum()
            ),
            "these are the times of the single operations; the step is all of them together.": lambda f, m, ell, b, p: (
                ell + np.maximum(f / p, m / b)
            ),
        },
    )


class _Followed:
    """A number that knows how many additions it has gone through."""

    def __init__(self, value: float, additions: int = 0) -> None:
        self.value, self.additions = value, additions

    def __add__(self, other: Any) -> "_Followed":
        other = other if isinstance(other, _Followed) else _Followed(float(other))
        return _Followed(self.value + other.value, 1 + max(self.additions, other.additions))

    __radd__ = __add__
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Followed) and self.value == other.value

    def __float__(self) -> float:
        raise TypeError("this number is followed on its way: add it as it is, and change it into no other kind")

    def __repr__(self) -> str:
        return f"{self.value:g}"


def _followed(n: int) -> np.ndarray:
    """The numbers 1 to n, followed."""
    x = np.empty(n, dtype=object)
    x[:] = [_Followed(i + 1.0) for i in range(n)]
    return x


def _vectors() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17, 31, 64, 100, 1023):
        x = rng.integers(-24, 25, n) / 8  # eighths: no order rounds
        yield x
        yield x.astype(np.float32)


def pairwise_sum(answer: Answer) -> None:
    """pairwise_sum(x): the sum of x (n,), n >= 1, in x's dtype, no number going through more than ceil(log2 n) additions."""
    mistakes: dict[str, Callable[[np.ndarray], Any]] = {
        "with an odd number of entries the last one is lost: who takes it along?": _without_the_odd_one,
        "that is the mean.": lambda x: x.mean(),
        "that is the sum of the sizes: the signs are lost.": lambda x: np.abs(x).sum(),
    }
    answer.compare(({"x": x} for x in _vectors()), wanted=lambda x: float(x.sum(dtype=np.float64)), mistakes=mistakes)
    for x in _vectors():
        yours = answer.call({"x": x})
        if getattr(yours, "dtype", None) != x.dtype:
            kind = getattr(yours, "dtype", type(yours).__name__)
            answer.fail({"x": x}, kind, x.dtype, "the numbers are right; the result is to be of the dtype of x.", "your dtype")
    for n in (2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 33, 100):
        case, most = {"x": _followed(n)}, ceil(log2(n))
        yours = answer.call(case)
        if not isinstance(yours, _Followed) or yours.value != n * (n + 1) / 2:
            answer.fail(case, yours, n * (n + 1) / 2, "your sum leaves the numbers of x for others: add them as they are.")
        if yours.additions > most:
            hint = f"the way is too long: with {n} numbers {most} levels are enough."
            if answer.call({"x": _followed(9)}).additions >= 8:
                hint = "you add one number after the other: the first goes through all additions. Who could be added meanwhile?"
            answer.fail(case, f"{yours.additions} additions in a row", f"at most {most}", hint)


def _without_the_odd_one(x: np.ndarray) -> Any:
    while len(x) > 1:
        half = len(x) // 2
        x = x[: 2 * half : 2] + x[1 : 2 * half : 2]
    return x[0]
