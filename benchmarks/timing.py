"""Time measurement for the benchmarks: medians of candidates that run in turn, so that other load affects them equally."""

import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
import psutil

REST = 0.05  # seconds before a turn: PyTorch's OpenMP threads spin for a while after their work is done
IDLE, INTERVAL = 10.0, 0.2  # percent of all cores that others may use, measured over so many seconds while this process sleeps


def seconds(function: Callable[[], object]) -> float:
    """Return the wall-clock seconds of one call."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


class Gate:
    """Waits until other processes leave the cores idle, or `patience` seconds have passed, and counts how often they did."""

    def __init__(self, patience: float = 3.0) -> None:
        self.patience, self.gave_up = patience, 0

    def wait(self) -> None:
        """Return when the cores are idle or patience is at an end."""
        end = time.perf_counter() + self.patience
        while psutil.cpu_percent(INTERVAL) > IDLE:
            if time.perf_counter() > end:
                self.gave_up += 1
                return


def in_turn(
    runs: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1, gate: Gate | None = None
) -> dict[str, list[float]]:
    """Return the seconds of every call, by name. In each round every run is called once; the order alternates.

    gate: what every call waits for, except in the warm-up.
    """
    names = list(runs)
    times: dict[str, list[float]] = {name: [] for name in names}
    for i in range(warm_up + rounds):
        for name in names if i % 2 else reversed(names):
            time.sleep(REST)
            if gate and i >= warm_up:
                gate.wait()
            taken = seconds(runs[name])
            if i >= warm_up:
                times[name].append(taken)
    return times


def median_ratio(numerator: list[float], denominator: list[float]) -> float:
    """Return the median of the ratios of the rounds, in each of which both had the same other load."""
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def gemm_gflops(size: int = 1536, rounds: int = 7) -> float:
    """Return the GFLOP/s of a float32 matrix product in NumPy, with as many threads as its BLAS uses now."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, size, size), dtype=np.float32)
    out = np.empty_like(a)
    taken = [seconds(lambda: np.matmul(a, b, out=out)) for _ in range(rounds + 1)][1:]
    return 2e-9 * size**3 / statistics.median(taken)
