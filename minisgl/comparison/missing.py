"""Train the runs of a comparison that have no result yet, and write a result as each ends."""

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from minisgl import config as configuration
from minisgl.comparison import grid, results
from minisgl.comparison.engines import Outcomes
from minisgl.comparison.grid import Entry
from minisgl.comparison.results import Failure, Result
from minisgl.errors import Interrupted, MinisglError
from minisgl.formats import paths
from minisgl.run import say
from minisgl.training.directory import RunDirectory


def train_missing(
    entries: Sequence[Entry], outcomes: Outcomes, file: Path, console: Console, line: Callable[[Result | Failure], str]
) -> tuple[dict[str, Result], int]:
    """Train the runs that are not in the results file. Return all results by name, and how many runs failed.

    line: returns what is printed of a run.
    """
    finished = {result.name: result for result in results.read(file)} if paths.exists(file) else {}
    for entry in entries:
        _require_same(entry, finished, file)
    total, done, failed = len(entries), sum(entry.name in finished for entry in entries), 0
    if done:
        say(console, f"{done} of {total} runs are in {file} already")
    try:
        for outcome in _outcomes(entries, outcomes, finished, file):
            done += 1
            if isinstance(outcome, Failure):
                failed += 1
            else:
                finished[outcome.name] = outcome
                results.write(file, finished.values())
            say(console, f"{done:{len(str(total))}}/{total}  {line(outcome)}")
    except KeyboardInterrupt as interrupt:
        number = interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT
        raise Interrupted(number, f"after {done} of {total} runs; the same command continues") from interrupt
    return finished, failed


def _require_same(entry: Entry, finished: dict[str, Result], file: Path) -> None:
    """Raise MinisglError if there is already a run with this name, finished or not, with another configuration."""
    if entry.name in finished:
        grid.require_same(finished[entry.name].config, entry, file)
    elif paths.is_file(stored := RunDirectory(entry.out).config):
        try:
            found = grid.recorded(configuration.from_json(stored))
        except MinisglError:  # if it cannot be read, this run fails, and not the sweep
            return
        grid.require_same(found, entry, entry.out)


def _outcomes(
    entries: Sequence[Entry], outcomes: Outcomes, finished: dict[str, Result], file: Path
) -> Iterator[Result | Failure]:
    """Train the missing runs and yield each as it ends: first the independent ones, then those that need another's zeros.

    The caller puts each result into `finished` before it asks for the next.
    """
    yield from outcomes(results.make, [e for e in entries if e.zeros_from is None and e.name not in finished])
    dependent = []
    for entry in entries:
        if entry.zeros_from in finished:
            other = finished[entry.zeros_from]
            dependent.append(grid.with_zeros(entry, other.zeros, other.flops))
            _require_same(dependent[-1], finished, file)
        elif entry.zeros_from is not None and entry.name not in finished:
            yield Failure(entry, f"it needs the number of zeros of {entry.zeros_from}, which failed")
    yield from outcomes(results.make, [entry for entry in dependent if entry.name not in finished])
