"""The tasks of chapter 18: code for a GPU."""

from collections.abc import Iterator
from math import ceil, log2
from typing import Any

import numpy as np

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.arrays import arrays
from minisgl.course.checks.brute_force import best_x
from minisgl.course.checks.elsewhere import compare_elsewhere_and_here
from minisgl.course.checks.followed import Followed, followed
from minisgl.course.checks.intensities import DIRECT_INTENSITY, direct_intensity
from minisgl.course.checks.task import Task
from minisgl.course.checks.thresholds import soft

# ---- firm_threshold


def _firm_threshold_inputs() -> Iterator[Inputs]:
    for v in arrays():
        for t, g in ((0.5, 2.0), (1.0, 3.0), (0.25, 4.0)):
            yield {"v": v, "t": t, "g": g}


def _firm(v: np.ndarray, t: float, g: float, slope: float, beyond: bool = True) -> np.ndarray:
    line = soft(v, t) * slope
    return np.where(np.abs(v) > g * t, v, line) if beyond else line


def _firm_threshold_reference(v: np.ndarray, t: float, g: float) -> np.ndarray:
    def cost(x: np.ndarray) -> np.ndarray:  # the penalty whose prox this is, MCP: a parabola up to g t, then flat
        return np.where(np.abs(x) <= g * t, t * np.abs(x) - x**2 / (2 * g), g * t**2 / 2)

    return best_x(cost, v)


# ---- direct_intensity


def _direct_intensity_inputs() -> Iterator[Inputs]:
    for images, weight in (
        ((1, 1, 1, 1), (1, 1, 1, 1)),
        ((1, 3, 3, 1), (1, 1, 2, 2)),
        ((1, 4, 4, 1), (1, 1, 3, 3)),
        ((2, 4, 3, 1), (3, 2, 2, 2)),
        ((1, 5, 7, 4), (2, 1, 3, 2)),
        ((3, 6, 5, 2), (4, 3, 1, 3)),
        ((1, 28, 28, 3), (20, 1, 5, 5)),
        ((20, 12, 12, 3), (50, 20, 5, 5)),
    ):
        for itemsize in (4, 8, 2):
            yield {"images": images, "weight": weight, "itemsize": itemsize}


# ---- step_time


def _step_time_inputs() -> Iterator[Inputs]:
    rng = np.random.default_rng(0)
    lists: list[tuple[Any, Any]] = [
        ([1.0], [1.0]),
        ([8.0], [0.0]),
        ([0.0], [8.0]),
        ([8.0, 4.0], [2.0, 16.0]),
        ([1.0, 2.0], [1.0, 0.0]),
        ([0.0, 32.0, 8.0], [8.0, 8.0, 8.0]),
    ]
    lists += [(rng.integers(0, 64, k).astype(float), rng.integers(0, 64, k).astype(float)) for k in (5, 12)]
    for flops, moved in lists:
        for latency, bandwidth, peak in ((1.0, 4.0, 8.0), (0.5, 8.0, 2.0), (0.0, 2.0, 16.0)):
            yield {
                "flops": np.array(flops),
                "moved": np.array(moved),
                "latency": latency,
                "bandwidth": bandwidth,
                "peak": peak,
            }


def _step_time_reference(flops: np.ndarray, moved: np.ndarray, latency: float, bandwidth: float, peak: float) -> float:
    total = 0.0
    for work, load in zip(flops, moved, strict=True):
        total += latency + max(float(work) / peak, float(load) / bandwidth)
    return total


# ---- pairwise_sum


def _vectors() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17, 31, 64, 100, 1023):
        x = rng.integers(-24, 25, n) / 8  # eighths: no order rounds
        yield x
        yield x.astype(np.float32)


def _without_the_odd_one(x: np.ndarray) -> Any:
    while len(x) > 1:
        half = len(x) // 2
        x = x[: 2 * half : 2] + x[1 : 2 * half : 2]
    return x[0]


def _dtype_and_additions(answer: Answer, task: Task) -> None:
    """The sum has to be of x's dtype, and no number may go through more than ceil(log2 n) additions."""
    for case in task.inputs():
        yours, wanted = answer.call(case), case["x"].dtype
        if getattr(yours, "dtype", None) != wanted:
            kind = getattr(yours, "dtype", type(yours).__name__)
            answer.fail(case, kind, wanted, "the numbers are right; the result is to be of the dtype of x.", "your dtype")
    for n in (2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 33, 100):
        case, most = {"x": followed(n)}, ceil(log2(n))
        yours = answer.call(case)
        if not isinstance(yours, Followed) or yours.value != n * (n + 1) / 2:
            answer.fail(case, yours, n * (n + 1) / 2, "your sum leaves the numbers of x for others: add them as they are.")
        if yours.additions > most:
            hint = f"there are too many levels: with {n} numbers {most} levels are enough."
            if answer.call({"x": followed(9)}).additions >= 8:
                hint = (
                    "you add one number after the other: the first goes through all additions. What could be added meanwhile?"
                )
            answer.fail(case, f"{yours.additions} additions in a row", f"at most {most}", hint)


TASKS = (
    Task(
        signature="firm_threshold(v, t, g)",
        asks="0 up to t, v beyond g t, and a line between them, with the functions of v's own array module only.",
        inputs=_firm_threshold_inputs,
        reference=_firm_threshold_reference,
        exact_zeros=True,
        compare=compare_elsewhere_and_here,
        mistakes={
            "between t and g t the line has to reach g t at |v| = g t: how steep is it?": lambda v, t, g: _firm(v, t, g, 1),
            "between t and g t your slope is the inverse of the right one: the line climbs g t while |v| goes from t to g t.": (
                lambda v, t, g: _firm(v, t, g, (g - 1) / g)
            ),
            "beyond g t nothing is to be taken from v, nor added.": lambda v, t, g: _firm(v, t, g, g / (g - 1), beyond=False),
            "you drop or keep, as hard thresholding does: what is between t and g t?": lambda v, t, g: np.where(
                np.abs(v) > t, v, 0
            ),
            "what is beyond t is kept only beyond g t: the middle part is missing.": lambda v, t, g: np.where(
                np.abs(v) > g * t, v, 0
            ),
            "the sign is lost between t and g t.": lambda v, t, g: np.where(
                np.abs(v) > g * t, v, np.abs(_firm(v, t, g, g / (g - 1)))
            ),
            "the large negative entries are gone: large means far from zero, on either side.": lambda v, t, g: _firm(
                np.maximum(v, 0), t, g, g / (g - 1)
            ),
            "that is soft thresholding: what is large is to stay as it is.": lambda v, t, g: soft(v, t),
            "your line begins at 0 where |v| is 0. It begins at 0 where |v| is t.": lambda v, t, g: np.where(
                np.abs(v) > g * t, v, np.where(np.abs(v) > t, v * (g / (g - 1)), 0)
            ),
            "small entries come out on the other side of zero: what is wanted up to t?": lambda v, t, g: np.where(
                np.abs(v) > g * t, v, (v - t * np.sign(v)) * (g / (g - 1))
            ),
            "your line ends at g. It ends where |v| is g t.": lambda v, t, g: np.where(
                np.abs(v) > g, v, soft(v, t) * (g / (g - 1))
            ),
        },
    ),
    Task(
        signature="direct_intensity(images, weight, itemsize)",
        asks="Flops per byte of a convolution that reads and writes each number once.",
        inputs=_direct_intensity_inputs,
        reference=direct_intensity,
        mistakes=DIRECT_INTENSITY,
    ),
    Task(
        signature="step_time(flops, moved, latency, bandwidth, peak)",
        asks="The sum over the operations of the latency plus the longer of two times: arithmetic and memory.",
        inputs=_step_time_inputs,
        reference=_step_time_reference,
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
            "the latency is not one of the two times: it comes first, and then the longer of the two.": (
                lambda f, m, ell, b, p: np.maximum(ell, np.maximum(f / p, m / b)).sum()
            ),
            "these are the times of the single operations; the step is all of them together.": lambda f, m, ell, b, p: (
                ell + np.maximum(f / p, m / b)
            ),
            "that is the time of the slowest operation: they come one after the other.": lambda f, m, ell, b, p: (
                ell + np.maximum(f / p, m / b)
            ).max(),
            "peak and bandwidth are exchanged: which of them is flops a second?": lambda f, m, ell, b, p: (
                len(f) * ell + np.maximum(f / b, m / p).sum()
            ),
            "you multiply by the speeds: a faster device takes less time.": lambda f, m, ell, b, p: (
                len(f) * ell + np.maximum(f * p, m * b).sum()
            ),
        },
    ),
    Task(
        signature="pairwise_sum(x)",
        asks="The sum of x (n,), n >= 1, in x's dtype. No number may go through more than ceil(log2 n) additions.",
        inputs=lambda: ({"x": x} for x in _vectors()),
        reference=lambda x: float(x.sum(dtype=np.float64)),
        mistakes={
            "with an odd number of entries the last one is lost: what is it added to?": _without_the_odd_one,
            "that is the mean.": lambda x: x.mean(),
            "that is the sum of the sizes: the signs are lost.": lambda x: np.abs(x).sum(),
            "only every second number counts: what becomes of its neighbours?": lambda x: x[::2].sum(),
            "with an odd number of entries the last one counts twice.": lambda x: (
                x.sum() + (x[-1] if len(x) % 2 and len(x) > 1 else 0)
            ),
        },
        afterwards=_dtype_and_additions,
    ),
)
