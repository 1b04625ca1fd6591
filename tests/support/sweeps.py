"""A sweep within the tests' own process, and results that no run had."""

from io import StringIO

from rich.console import Console

from minisgl import sweep
from minisgl.comparison.results import Result
from minisgl.sweep import SweepConfig


def run(config: SweepConfig) -> tuple[int, str]:
    """How many runs failed, and what was printed."""
    printed = StringIO()
    return sweep.sweep(config, Console(file=printed, width=80)), printed.getvalue()


def made_up(seed: int, **changes: object) -> Result:
    """A result of l0 with this seed, but for the changes."""
    config = {"epochs": 12, "refit": 2}
    values = {"heldout_error": 0.7, "test_error": 0.5 + 0.1 * seed, "zeros": 96.0, "weights_left": 17_220, "flops": 600_000}
    values |= {"units": (10, 20, 400, 100), "seconds": 100.0, "config": config, **changes}
    return Result("l0", "continuation", seed, **values)
