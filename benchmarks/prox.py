"""The time of each prox relative to a copy of its input: `python -m benchmarks.prox`

Ten million standard normal float32 numbers, lam 0.05, step 1, one thread. Times are medians of rounds in which the copy, every
operator, and PyProximal's operator of the same kind (from the extra `bench`) run in turn. Peak extra memory is what tracemalloc
measures beyond input and output, in units of the input. NumPy's fast float32 arcsin and arccos need AVX-512, so the processor's
features are printed.
"""

import statistics
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyproximal
from threadpoolctl import threadpool_limits

from benchmarks.timing import in_turn
from minisgl.penalties import (
    L0,
    L1,
    MCP,
    SCAD,
    CappedL1,
    GroupL0,
    GroupLasso,
    L1MinusL2,
    LogSum,
    Lp,
    SparseGroupL0,
    TransformedL1,
)
from minisgl.training.report import device

SIZE, LAM, ROUNDS = 10_000_000, 0.05, 7


class Row(NamedTuple):
    """One operator: time in copies of the input, extra memory in inputs, and PyProximal's time in copies, if it has one."""

    operator: str
    copies: float
    memory: float
    peer: float | None


def measure() -> tuple[float, list[Row]]:
    """Return the milliseconds of the copy, and a row for each operator."""
    v = np.random.default_rng(0).standard_normal(SIZE, dtype=np.float32)
    out = np.empty_like(v)
    grouped, grouped_out = v.reshape(-1, 500), out.reshape(-1, 500)
    operators: dict[str, Callable[[], object]] = {
        "copy": lambda: np.copyto(out, v),
        **{
            name: lambda penalty=penalty: penalty.prox(v, 1.0, out=out)
            for name, penalty in {
                "l1": L1(LAM),
                "l0": L0(LAM),
                "tl1": TransformedL1(LAM),
                "scad": SCAD(LAM),
                "mcp": MCP(LAM),
                "capped-l1": CappedL1(LAM, 1.0),
                "log-sum": LogSum(LAM, 1.0),
                "l1-l2": L1MinusL2(LAM),
                "lp 1/2": Lp(LAM, 0.5),
                "lp 2/3": Lp(LAM, 2 / 3),
                "lp 0.3": Lp(LAM, 0.3),
            }.items()
        },
        "group-lasso": lambda: GroupLasso(LAM, 0).prox(grouped, 1.0, out=grouped_out),
        "sparse-group-l0": lambda: SparseGroupL0(LAM, LAM, 0).prox(grouped, 1.0, out=grouped_out),
        "group-l0": lambda: GroupL0(LAM, 0).prox(grouped, 1.0, out=grouped_out),
    }
    peers: dict[str, Callable[[], object]] = {
        "l1": lambda: pyproximal.L1(LAM).prox(v, 1.0),
        "l0": lambda: pyproximal.L0(LAM).prox(v, 1.0),
        "scad": lambda: pyproximal.SCAD(LAM).prox(v, 1.0),
        "log-sum": lambda: pyproximal.Log(LAM * np.log(2), 1.0).prox(v, 1.0),  # its penalty is ours divided by log(1 + gamma)
        "group-lasso": lambda: pyproximal.L21(ndim=500, sigma=LAM * 500**0.5).prox(v, 1.0),
    }
    runs = {**operators, **{f"peer {name}": peer for name, peer in peers.items()}}
    with threadpool_limits(limits=1, user_api="blas"):
        times = in_turn(runs, ROUNDS)
        memory = {}
        for name, operator in operators.items():
            tracemalloc.start()
            operator()
            memory[name] = tracemalloc.get_traced_memory()[1] / v.nbytes
            tracemalloc.stop()
    median = {name: statistics.median(several) for name, several in times.items()}
    copy = median["copy"]
    peer = {name: median[f"peer {name}"] / copy for name in peers}
    return 1e3 * copy, [Row(name, median[name] / copy, memory[name], peer.get(name)) for name in operators if name != "copy"]


def simd() -> str:
    """Return the processor's SIMD features that NumPy uses."""
    features = np.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join(features["baseline"] + features["found"])


def main() -> None:
    """Print a table: operator, time relative to np.copyto, peak extra memory."""
    copy, rows = measure()
    print(f"{device()}, NumPy {np.__version__}, SIMD {simd()}")
    print(f"copy of {SIZE:,} float32: {copy:.1f} ms\n")
    print(f"{'operator':<15} {'x copy':>7} {'x memory':>9} {'PyProximal x copy':>18}")
    for row in rows:
        peer = "" if row.peer is None else f"{row.peer:18.1f}"
        print(f"{row.operator:<15} {row.copies:7.1f} {row.memory:9.2f} {peer}")


if __name__ == "__main__":
    main()
