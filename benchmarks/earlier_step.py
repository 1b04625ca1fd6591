"""Compare the time of a training step with an earlier commit: `python -m benchmarks.earlier_step [--commit b839a80]`

It is train_step.py's step: SGL-l0 on LeNet-5, batch 100, quick's settings, two processes. The commit is checked out in a
temporary directory. One process for each tree; they take turns of 20 steps. The ratio is the commit's time over this
checkout's, the median over the pairs of turns: above 1 this checkout is faster. It takes a minute on an idle machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.timing import in_turn
from benchmarks.worktree import COMMIT, ROOT, checked_out

TURN, PAIRS = 20, 60
# A line on standard input starts a turn, and a line on standard output ends it. In earlier commits names and folders differ.
DRIVER = f"""
import sys
import numpy as np
import minisgl
from minisgl.data import mnist
from minisgl.experiments import PRESETS
from minisgl.models import lenet5
config = PRESETS["quick"]
try:
    from minisgl.solver.schedules import StepSettings
    from minisgl.training.processes import shareable, training_shards
    from minisgl.training.setup import make_splitting
    splitting = shareable(make_splitting(config, lenet5(np.random.default_rng(0))), 2, 2)
    solvers, beta = [splitting], config.regime.beta
except ImportError:
    from minisgl.processes import training_shards
    from minisgl.schedules import Moment as StepSettings
    from minisgl.training import make_splitting
    splitting = solvers = make_splitting(config, lenet5(np.random.default_rng(0)))
    beta = config.beta
digits = mnist.load()[0][:100]
settings = StepSettings(config.lr, beta, dict.fromkeys(splitting.network.layout.weights, 0.05))
with training_shards(2, 2, solvers, 100) as shards:
    for line in sys.stdin:
        for _ in range({TURN}):
            shards.step(splitting, settings, digits.images, digits.labels)
        print("done", flush=True)
"""


@contextmanager
def turns(tree: Path) -> Iterator[Callable[[], None]]:
    """Yield a function that runs one turn of steps in a process of this tree. RuntimeError if the process ends."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    words = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(
        words, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def turn() -> None:
            print("turn", file=process.stdin, flush=True)
            if not process.stdout.readline():
                raise RuntimeError(f"the steps of {tree.name} failed; the error is printed above")

        yield turn
        process.stdin.close()


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.earlier_step", description="Compare the time of a step with an earlier commit."
    )
    parser.add_argument("--commit", default=COMMIT, help=f"the commit to compare with (default {COMMIT})")
    commit = parser.parse_args().commit
    with (
        TemporaryDirectory() as scratch,
        checked_out(commit, Path(scratch)) as tree,
        turns(tree) as earlier,
        turns(ROOT) as now,
    ):
        times = in_turn({commit: earlier, "now": now}, PAIRS, warm_up=3)
    for name, taken in times.items():
        print(f"{name:<10}{1e3 * statistics.median(taken) / TURN:8.2f} ms a step")
    ratios = sorted(before / after for before, after in zip(times[commit], times["now"], strict=True))
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"time of {commit} over this checkout's: {middle:.3f} (quartiles {low:.3f} to {high:.3f}, {PAIRS} pairs)")


if __name__ == "__main__":
    main()
