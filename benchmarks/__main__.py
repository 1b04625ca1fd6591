"""Run all benchmarks and write benchmarks/results.md: `python -m benchmarks`

It takes half an hour; nothing else should run on the machine in that time.

A ratio is PyTorch's time over ours, in the same run: above 1 minisgl is faster. Milliseconds are this machine's.
"""

import datetime
import os
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

import minisgl
from benchmarks import epoch, memory, prox, residual_step, scaling, to_99, train_step
from benchmarks.residual import Size
from minisgl.training.report import device

RESULTS = Path(__file__).parent / "results.md"


def table(heading: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table. Floats have three digits; None is an empty cell."""

    def shown(value: object) -> str:
        if isinstance(value, float):
            return f"{value:.3g}" if value < 100 else f"{value:.0f}"
        return "" if value is None else str(value)

    heading = list(heading)
    lines = [heading, ["---"] * len(heading), *([shown(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def figures(values: dict[str, float]) -> str:
    """Return a table with one figure per line."""
    return table(("figure", "value"), ((key.replace("_", " "), value) for key, value in values.items()))


def sections() -> Iterable[tuple[str, str]]:
    """Yield headings and tables. Each is measured when it is requested."""
    yield "One training step (`python -m benchmarks.train_step`)", figures(train_step.measure())
    residual = residual_step.measure(Size()) | residual_step.measure_memory(Size())
    yield "One training step of WRN-16-2 (`python -m benchmarks.residual_step`)", figures(residual)
    rows = scaling.measure()
    yield "Batches and threads (`python -m benchmarks.scaling`)", table(rows[0], (row.values() for row in rows))
    yield "An epoch, and evaluating 10,000 images (`python -m benchmarks.epoch`)", figures(epoch.measure())
    yield "Seconds of training to 99 % of 5,000 held-out images (`python -m benchmarks.to_99`)", figures(to_99.measure())
    yield "Peak memory of a run, MiB (`python -m benchmarks.memory`)", figures(memory.measure())
    copy, operators = prox.measure()
    heading = ("operator", "time in copies", "extra memory in inputs", "PyProximal, in copies")
    text = f"A copy of {prox.SIZE:,} float32 takes {copy:.1f} ms. SIMD: {prox.simd()}.\n\n"
    yield "Proximal operators (`python -m benchmarks.prox`)", text + table(heading, operators)


def main() -> None:
    """Run all benchmarks, then write the results."""
    machine = f"{device()}, {os.cpu_count()} cores"
    versions = f"minisgl {minisgl.__version__}, NumPy {np.__version__}, PyTorch {torch.__version__}"
    note = (__doc__ or "").splitlines()[-1]
    head = f"# Benchmarks\n\n{note}\n\n{machine}; {versions}, Python {platform.python_version()}; {datetime.date.today()}."
    parts = [head]
    for title, text in sections():
        print(f"{title}\n\n{text}\n", flush=True)
        parts.append(f"## {title}\n\n{text}")
    RESULTS.write_text("\n\n".join(parts) + "\n")
    print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
