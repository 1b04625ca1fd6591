"""A sweep within the tests' own process."""

from io import StringIO

from rich.console import Console

from minisgl import sweep
from minisgl.sweep import SweepConfig


def run(config: SweepConfig) -> tuple[int, str]:
    """How many runs failed, and what was printed."""
    printed = StringIO()
    return sweep.sweep(config, Console(file=printed, width=80)), printed.getvalue()
