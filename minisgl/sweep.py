"""All methods side by side: `python -m minisgl.sweep` trains a grid of runs, some at a time, and draws what they came to.

    python -m minisgl.sweep                                   6 methods, 2 regimes, 2 presets, 3 seeds: 39 runs
    python -m minisgl.sweep --methods l0 magnitude --seeds 5  a part of it, or more; what is finished is not made again
    python -m minisgl.sweep --engine dask --scheduler tcp://10.0.0.1:8786    the same grid on a Dask cluster
    python -m minisgl.sweep --draw docs/results.jsonl --out drawn            no training: table and figure of results

grid.py says which runs there are. It leaves in its directory

    results.jsonl    a line for each finished run, rewritten as each one ends
    table.md         mean and spread over the seeds
    pareto.png       error against weights and against FLOPs, beside published networks
    l0-paper-0/...   the run directories

The same command goes on where it was interrupted: a run with a line in results.jsonl is finished, another one goes on from its
checkpoint. On a cluster the run directories are written where the workers run, under the same path; only the results come
back. minisgl must be installed there, and the data lie there.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.console import Console

from minisgl import config as configuration
from minisgl import experiments
from minisgl.command import errors_as_sentences
from minisgl.comparison import engines, grid, results
from minisgl.comparison.grid import METHODS, REGIMES, Entry, Method, Regime
from minisgl.comparison.results import Failure, Result
from minisgl.comparison.tables import line, show
from minisgl.config import DataConfig, TrainConfig
from minisgl.errors import Interrupted, MinisglError
from minisgl.flags import BUILD, option
from minisgl.run import say
from minisgl.training.directory import RunDirectory

HOLDOUT = 5000  # of the training images, where the data have no validation set


@dataclass(frozen=True)
class SweepConfig:
    """Compare l0, TL1, l1-l2, l1, the group lasso alone and magnitude pruning, in continuation and as in the paper.

    And the presets sparse and small. The same command goes on where it was interrupted.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/sweep")
    """Where the runs, results.jsonl, table.md and pareto.png go."""
    methods: tuple[Method, ...] = METHODS
    """Which methods. magnitude takes its number of zeros from l0's run in continuation of the same seed."""
    regimes: tuple[Regime, ...] = REGIMES
    """Which regimes."""
    seeds: int = 3
    """Runs of each method in each regime, with the seeds 0, 1, ..."""
    epochs: int = 10
    """Passes over the training images. In continuation the last fifth is the refit; the paper's schedule is scaled to them.
    Presets have their own."""
    holdout: int | None = None
    """Training images, the last ones, held out to measure the error that settings may be chosen by. None: 5000, and none where
    the experiment has a validation set."""
    experiment: str = TrainConfig().experiment
    """What is trained, on what: a built-in experiment or your own module:NAME. Presets that it does not have are left out."""
    network: BUILD = None
    """A network of your own for the experiment's images: build(rng) makes it."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A directory with four IDX files of MNIST's names, .gz or raw. None: the bundled MNIST."""
    jobs: int = 2
    """Runs at a time, a process and a core each. A Dask cluster runs as many as it has threads."""
    engine: Literal["joblib", "dask"] = "joblib"
    """Who runs them: processes on this machine, or a Dask cluster."""
    scheduler: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """The Dask cluster's scheduler, such as tcp://10.0.0.1:8786."""
    draw: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Train nothing: make table.md and pareto.png in --out from the results in this file."""


def sweep(config: SweepConfig, console: Console) -> int:
    """Make the runs that are missing, show how they go and what they came to; the number of runs that failed.

    MinisglError when nothing can be run with these options, Interrupted by Ctrl-C.
    """
    if config.draw is not None:
        if unused := [
            option(f.name) for f in fields(config) if f.name not in ("out", "draw") and getattr(config, f.name) != f.default
        ]:
            raise MinisglError(f"--draw trains nothing, and has no use for {', '.join(unused)}")
        show(results.read(config.draw), _folder(config.out), console)
        return 0
    entries = _entries(config)
    with engines.cluster(config.scheduler) if config.scheduler else engines.processes(config.jobs):
        out = _folder(config.out)
        with RunDirectory(out).locked():
            made, failed = _make(entries, out / "results.jsonl", console)
            show(list(made.values()), out, console)
    return failed


def _make(entries: Sequence[Entry], ledger: Path, console: Console) -> tuple[dict[str, Result], int]:
    """All results in the ledger after the runs that were missing, by name, and how many of these failed; a line for each."""
    made = {result.name: result for result in results.read(ledger)} if ledger.exists() else {}
    for entry in entries:
        _require_same(entry, made, ledger)
    total, done, failed = len(entries), sum(entry.name in made for entry in entries), 0
    if done:
        say(console, f"{done} of {total} runs are in {ledger} already")
    try:
        for outcome in _outcomes(entries, made, ledger):
            done += 1
            if isinstance(outcome, Failure):
                failed += 1
            else:
                made[outcome.name] = outcome
                results.write(ledger, made.values())
            say(console, f"{done:{len(str(total))}}/{total}  {line(outcome)}")
    except KeyboardInterrupt as interrupt:
        raise Interrupted(f"interrupted after {done} of {total} runs; the same command goes on") from interrupt
    return made, failed


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MinisglError(f"{out} cannot be made: {error.strerror}") from error
    return out


def _entries(config: SweepConfig) -> tuple[Entry, ...]:
    """The grid as it is wanted. MinisglError when there is no such grid, or no data here to train it on."""
    for name, least in (("seeds", 1), ("epochs", 2), ("holdout", 1), ("jobs", 1)):
        if (value := getattr(config, name)) is not None and value < least:
            raise MinisglError(f"--{name} must be a whole number >= {least}, and is {value}")
    if (config.engine == "dask") != (config.scheduler is not None):
        raise MinisglError("--engine dask and --scheduler ADDRESS go together, and one of them is missing")
    if config.engine == "dask" and config.jobs != SweepConfig.jobs:
        raise MinisglError(
            f"--jobs {config.jobs} is for processes of this machine; a Dask cluster runs as many as it has threads"
        )
    out, data = config.out.resolve(), config.data and config.data.resolve()  # a worker may stand in another folder
    holdout = _holdout(config, data)
    entries = grid.entries(
        config.methods,
        config.regimes,
        config.seeds,
        epochs=config.epochs,
        holdout=holdout,
        out=out,
        data=data,
        experiment=config.experiment,
        network=config.network,
    )
    if not entries:
        raise MinisglError(f"there is no run of {', '.join(config.methods)} in {', '.join(config.regimes)}")
    return entries


def _holdout(config: SweepConfig, data: Path | None) -> int:
    """How many training images are held out: as many as asked for; else none where the data have a validation set, or 5,000.

    Where the runs are made here the data are looked at, and MinisglError says what is wrong with them.
    """
    if config.engine == "dask":
        return (0 if experiments.find(config.experiment).makes_data else HOLDOUT) if config.holdout is None else config.holdout
    shown = TrainConfig(experiment=config.experiment, network=config.network, data=DataConfig(data))
    found = experiments.load(shown, experiments.build(shown, np.random.default_rng(0)))
    holdout = config.holdout
    if holdout is None:
        holdout = HOLDOUT if found.validation is None else 0
    if holdout >= len(found.train):
        raise MinisglError(f"--holdout {holdout} leaves nothing to train on: the training set has {len(found.train)} images")
    return holdout


def _require_same(entry: Entry, made: dict[str, Result], ledger: Path) -> None:
    """MinisglError unless a run that is there already, finished or not, is the one that is wanted."""
    if entry.name in made:
        grid.require_same(made[entry.name].config, entry, ledger)
    elif (stored := RunDirectory(entry.out).config).is_file():
        grid.require_same(grid.recorded(configuration.from_json(stored)), entry, entry.out)


def _outcomes(entries: Sequence[Entry], made: dict[str, Result], ledger: Path) -> Iterator[Result | Failure]:
    """The runs that are missing, as they end: first those that need no other, then those that take over one's zeros.

    The caller puts each into `made` before it asks for the next.
    """
    yield from engines.outcomes(results.make, [e for e in entries if e.twin is None and e.name not in made])
    second = []
    for entry in entries:
        if entry.twin in made:
            second.append(grid.with_zeros(entry, made[entry.twin].zeros))
            _require_same(second[-1], made, ledger)
        elif entry.twin is not None and entry.name not in made:
            yield Failure(entry, f"it takes its number of zeros from {entry.twin}, which failed")
    yield from engines.outcomes(results.make, [entry for entry in second if entry.name not in made])


def main() -> None:
    """Parse, sweep, and exit 2 with a sentence when something is wrong, 1 when a run failed."""
    with errors_as_sentences():
        failed = sweep(tyro.cli(SweepConfig, prog="python -m minisgl.sweep", args=sys.argv[1:]), Console())
    if failed:
        print(f"minisgl: {failed} of the runs failed; the same command tries them again", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
