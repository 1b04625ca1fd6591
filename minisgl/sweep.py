"""Compare all methods: `python -m minisgl.sweep` trains a grid of runs, several at a time, and draws the results.

    python -m minisgl.sweep                                   6 methods, 2 regimes, 2 presets, 3 seeds: 39 runs
    python -m minisgl.sweep --methods l0 magnitude --seeds 5  other runs; finished ones are not trained again
    python -m minisgl.sweep --engine dask --scheduler tcp://10.0.0.1:8786    the same grid on a Dask cluster
    python -m minisgl.sweep --study zeros                     splitting and its rivals with the same zeros (study.py)
    python -m minisgl.sweep --draw docs/results.jsonl --out drawn            no training: table and figure of results

grid.py defines the runs. The directory --out gets

    results.jsonl    a line for each finished run, rewritten when one ends
    table.md         mean and spread over the seeds
    pareto.png       error against weights and against FLOPs, with published networks; or errors.png, if all runs have the
                     same share of zeros
    l0-paper-0/...   the run directories

After an interruption the same command continues: a run with a line in results.jsonl is finished, and any other is resumed from
its checkpoint. The runs end with the sweep, even if it is killed.

On a cluster the run directories are written where the workers run, under the same path, and only the results are sent back.
minisgl and the data must be there. Runs that have begun go on after the sweep has ended.
"""

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from rich.console import Console

from minisgl import experiments
from minisgl.command import errors_as_sentences
from minisgl.comparison import engines, grid, missing, results, study
from minisgl.comparison.grid import REGIMES, Entry, Method, Regime
from minisgl.comparison.study import Study
from minisgl.config import DataConfig, SizeConfig, TrainConfig
from minisgl.errors import MinisglError, require_matplotlib
from minisgl.flags import BUILD, option
from minisgl.formats import paths
from minisgl.training.directory import RunDirectory

HOLDOUT = 5000  # training images, if the data have no validation set


@dataclass(frozen=True)
class SweepConfig:
    """Train and compare penalties, magnitude pruning and presets over seeds.

    After an interruption the same command continues.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/sweep")
    """Directory for the runs, results.jsonl, table.md and the figure."""
    methods: tuple[Method, ...] = grid.DEFAULT
    """Methods to compare. magnitude and the rivals (from agp on; docs/rivals.md) get as many zeros as l0 has in continuation
    with the same seed, and dense-small as many FLOPs."""
    regimes: tuple[Regime, ...] = REGIMES
    """Regimes to compare. preset is for sparse and small."""
    seeds: int = 3
    """Number of runs of each method in each regime, with the seeds 0, 1, ..."""
    epochs: int = 10
    """Passes over the training images. In continuation the last fifth of them is the refit.
    The schedule of paper is scaled to this number. sparse and small ignore this option."""
    holdout: Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")] = None
    """Hold out the last INT training images, to choose settings by their error.
    Default: 5000; 0 if the experiment has a validation set."""
    experiment: Annotated[str, tyro.conf.arg(metavar="NAME")] = TrainConfig().experiment
    """The network and the data: a built-in experiment or your own module:NAME.
    Presets that the experiment lacks are left out."""
    network: BUILD = None
    """Your own network for the experiment's images; build(rng) returns it. Default: the experiment's network."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """A directory with MNIST's four IDX files, or others with the same names; .gz or raw. Default: the bundled MNIST.
    cifar10, cifar100: the published .tar.gz, or a folder with its binary files. Default: downloaded once from the publisher."""
    study: Annotated[Study | None, tyro.conf.arg(metavar="{trials,zeros,long}", help_behavior_hint="")] = None
    """Train a study of splitting and its rivals instead of the grid, all with the same zeros; docs/sweep.md describes it.
    trials: six settings of each method. zeros: the chosen ones at three shares of zeros, ten seeds. long: 100 epochs."""
    jobs: int = 2
    """Number of runs at a time, each in a process on one core. A Dask cluster runs as many as it has threads."""
    engine: Literal["processes", "dask"] = "processes"
    """Where the runs are trained. processes: on this machine. dask: a Dask cluster."""
    scheduler: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="")] = None
    """Address of the Dask cluster's scheduler, such as tcp://10.0.0.1:8786."""
    draw: Annotated[Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = None
    """Train nothing: write table.md and the figure to --out from the results in this file."""


def sweep(config: SweepConfig, console: Console) -> int:
    """Train the missing runs, and show their progress and results. Return the number of runs that failed.

    MinisglError if the options select no run; Interrupted after Ctrl-C or SIGTERM.
    """
    tables = require_matplotlib("minisgl.comparison.tables", "a sweep")  # before the training
    if config.draw is not None:
        if unused := [option(f.name) for f in fields(config) if f.name not in ("out", "draw") and _is_given(config, f.name)]:
            raise MinisglError(f"--draw trains nothing and does not use {', '.join(unused)}")
        drawn, out = results.read(config.draw), _folder(config.out)
        with RunDirectory(out).locked():
            tables.show(drawn, out, console, must_draw=True)
        return 0
    entries = _entries(config)
    engine = engines.cluster(config.scheduler) if config.scheduler else engines.processes(config.jobs)
    with engine as outcomes:
        out = _folder(config.out)
        with RunDirectory(out).locked():
            finished, failed = missing.train_missing(entries, outcomes, out / "results.jsonl", console, tables.line)
            tables.show(list(finished.values()), out, console)
    return failed


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MinisglError(f"{out} cannot be created: {error.strerror}") from error
    return out


def _entries(config: SweepConfig) -> tuple[Entry, ...]:
    """Return the configured grid. MinisglError for an invalid option, or if the data cannot be read here."""
    for name, least in (("seeds", 1), ("epochs", 2), ("holdout", 1), ("jobs", 1)):
        if (value := getattr(config, name)) is not None and value < least:
            raise MinisglError(f"--{name} must be a whole number >= {least}, but is {value}")
    if (config.engine == "dask") != (config.scheduler is not None):
        raise MinisglError("--engine dask and --scheduler ADDRESS must be given together, and one of them is missing")
    if config.engine == "dask" and config.jobs != SweepConfig.jobs:
        raise MinisglError(
            f"--jobs {config.jobs} is for processes on this machine; a Dask cluster runs as many runs as it has threads"
        )
    out, data = paths.absolute(config.out), config.data and paths.absolute(config.data)  # a worker may run in another folder
    holdout = _holdout(config, data)
    if config.study is not None:
        fixed = [name for name in ("regimes", "seeds", "epochs", "experiment", "network") if _is_given(config, name)]
        if fixed:
            raise MinisglError(f"--study {config.study} has its own {', '.join(fixed)}")
        methods = config.methods if _is_given(config, "methods") else study.methods(config.study)
        return study.entries(config.study, methods, holdout=holdout, out=out, data=data)
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


def _is_given(config: SweepConfig, name: str) -> bool:
    return getattr(config, name) != getattr(SweepConfig(), name)


def _holdout(config: SweepConfig, data: Path | None) -> int:
    """Return how many training images are held out: --holdout, or by default 0 if there is a validation set, else 5,000.

    If the runs are trained on this machine, the data are loaded and checked; MinisglError if they are invalid.
    """
    if config.engine == "dask":
        return (0 if experiments.find(config.experiment).makes_data else HOLDOUT) if config.holdout is None else config.holdout
    presets = experiments.find(config.experiment).presets.values()
    size = next((preset.size for preset in presets), SizeConfig())  # every size takes the same images
    example = TrainConfig(experiment=config.experiment, network=config.network, size=size, data=DataConfig(data))
    found = experiments.load(example, experiments.build(example, np.random.default_rng(0)))
    holdout = config.holdout
    if holdout is None:
        holdout = HOLDOUT if found.validation is None else 0
    if holdout >= len(found.train):
        raise MinisglError(f"--holdout {holdout} leaves nothing to train on: the training set has {len(found.train)} images")
    return holdout


def main() -> None:
    """Parse the options and sweep. On an error print one sentence and exit with status 2; if a run failed, with status 1."""
    with errors_as_sentences():
        failed = sweep(tyro.cli(SweepConfig, prog="python -m minisgl.sweep", args=sys.argv[1:]), Console())
        if failed:
            print(f"minisgl: {failed} of the runs failed; the same command tries them again", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
