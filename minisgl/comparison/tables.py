"""The results of a comparison as text and figure: a line for each run, a table with mean and spread, and a figure."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from minisgl.comparison.grid import METHODS, Method
from minisgl.comparison.results import Failure, Result
from minisgl.comparison.study import all_regimes
from minisgl.config import TrainConfig
from minisgl.formats import files
from minisgl.plots.equal_zeros import errors
from minisgl.plots.sweep import Point, Spread, pareto
from minisgl.run import say
from minisgl.training import figures


def line(outcome: Result | Failure) -> str:
    """Return one run's outcome as a line of text, with the error on the held-out images."""
    run = outcome.entry if isinstance(outcome, Failure) else outcome
    title = f"{run.method} {run.regime} seed {run.seed}"
    if isinstance(outcome, Failure):
        return f"{title:31}  failed: {outcome.reason}"
    flops = "" if outcome.flops is None else f"{outcome.flops / 1000:5,.0f} K FLOPs  "
    cost = f"{outcome.zeros:5.2f} % zeros  {flops}{outcome.seconds:4.0f} s"
    return f"{title:31}  {outcome.heldout_error:5.2f} % held-out error  {cost}"


COLUMNS: dict[str, tuple[Callable[[Result], float | None], str]] = {  # heading: (value of a result, format)
    "held-out error %": (lambda run: run.heldout_error, ".2f"),
    "test error %": (lambda run: run.test_error, ".2f"),
    "zeros %": (lambda run: run.zeros, ".2f"),
    "KFLOPs": (lambda run: None if run.flops is None else run.flops / 1000, ",.0f"),
    "weights left": (lambda run: run.weights_left, ",.0f"),
    "seconds": (lambda run: run.seconds, ",.0f"),
}
PRINTED = 4  # how many of these columns fit a terminal


def spread(runs: Sequence[Result], value: Callable[[Result], float | None]) -> Spread | None:
    """Return the mean, minimum and maximum of a value over the runs; None if a run lacks it."""
    values = [number for run in runs if (number := value(run)) is not None]
    return Spread(mean(values), min(values), max(values)) if len(values) == len(runs) else None


def show(runs: Sequence[Result], out: Path, console: Console, must_draw: bool = False) -> None:
    """Print mean and spread of each method in each regime, and write table.md and a figure. Without runs, do nothing.

    If the figure cannot be drawn, this is a warning, or, if it must be drawn, a MinisglError.
    """
    order = product(METHODS, all_regimes())
    by_method = {key: found for key in order if (found := [run for run in runs if (run.method, run.regime) == key])}
    if not by_method:
        return
    table = Table(show_edge=False)  # six columns fit into 80 characters
    for heading in ("method", "seeds", *list(COLUMNS)[:PRINTED]):
        table.add_column(heading.replace(" error", "\nerror"), justify="left" if heading == "method" else "right", no_wrap=True)
    lines = [f"| method | regime | seeds | {' | '.join(COLUMNS)} |", "|---|---|" + "---|" * (1 + len(COLUMNS))]
    for (method, regime), found in by_method.items():
        cells = []
        for value, form in COLUMNS.values():
            summary = spread(found, value)
            if summary is None:
                cells.append(("-", ""))
                continue
            middle, least, most = (f"{number:{form}}" for number in summary)
            cells.append((middle, f"{least}-{most}" if len(found) > 1 else ""))
        table.add_row(f"{method}\n{regime}", str(len(found)), *("\n".join(cell) for cell in cells[:PRINTED]))
        written = (f"{middle} ({bounds})" if bounds else middle for middle, bounds in cells)
        lines.append(f"| {method} | {regime} | {len(found)} | {' | '.join(written)} |")
    console.print(table)
    notes = list(dict.fromkeys(note(run) for run in runs))
    say(console, "\n".join(notes))
    files.write(out / "table.md", "\n".join([*lines, "", *notes, ""]).encode())
    if (drawn := figure(by_method)) is not None:
        path, draw = out / drawn[0], drawn[1]
        content = (figures.png if must_draw else figures.png_or_warning)(draw, path)
        if content is not None:
            files.write(path, content)
    say(console, f"\neverything is in {out}")


def figure(by_method: Mapping[tuple[Method, str], Sequence[Result]]) -> tuple[str, Callable[[], Figure]] | None:
    """Return the name of the results' figure and a function that draws it; None if it would have no point.

    It is errors.png if all runs were trained to the same share of zeros, which leaves only their errors to compare.
    """
    runs = [run for found in by_method.values() for run in found]
    if (zeros := same_zeros(runs)) is not None:
        several = len({regime for _, regime in by_method}) > 1
        tested = {
            f"{method} {regime}" if several else method: [run.test_error for run in found]
            for (method, regime), found in by_method.items()
        }
        return "errors.png", lambda: errors(tested, zeros)
    values = (lambda run: run.test_error, lambda run: run.weights_left, lambda run: run.flops)
    spreads = {key: [spread(found, value) for value in values] for key, found in by_method.items()}
    points = [Point(*key, *known) for key, each in spreads.items() if len(known := [s for s in each if s is not None]) == 3]
    if not points:  # a network without FLOPs cannot be drawn
        return None
    return "pareto.png", lambda: pareto(points, total(runs), like(runs))


def same_zeros(runs: Sequence[Result]) -> str | None:
    """Return a sentence about the share of zeros that all runs were trained to in the same layers; None if there is none."""
    found = {"" if run.regime in ("paper", "preset") else sparsity_of(run) for run in runs}
    return found.pop() or None if len(found) == 1 else None


def sparsity_of(run: Result) -> str:
    """Return a sentence about the share of zeros that a run was trained to; "" if it had a threshold."""
    share, layers = run.config.get("sparsity"), run.config.get("sparse_layers")
    if share is None:
        return ""
    return f"{100 * share:g} % of the weights of {', '.join(layers) if layers else 'all layers'} are zero."


def total(runs: Sequence[Result]) -> int | None:
    """Return how many weights the network of these runs has; None if all weights of all runs are zero."""
    run = max(runs, key=lambda run: run.weights_left)
    return round(run.weights_left / (1 - run.zeros / 100)) if run.weights_left and run.zeros < 100 else None


def like(runs: Sequence[Result]) -> bool:
    """Return whether the runs are of LeNet-5 on MNIST, as the published results are."""
    wanted = {"experiment": TrainConfig().experiment, "network": None, "data": None}
    return all(run.config.get(name) == value for run in runs for name, value in wanted.items())


def note(run: Result) -> str:
    """Return a sentence about the schedule of a run in its regime."""
    config = run.config
    if run.regime != "paper":
        name = run.method if run.regime == "preset" else run.regime
        mirrored = " and mirrored" if config.get("flip") else ""
        shifted = f" Its training images are shifted by up to {config['shift']} px{mirrored}." if config.get("shift") else ""
        zeros = f" {sparse}" if (sparse := sparsity_of(run)) else ""
        return f"{name}: {config['epochs']} epochs, including a refit of {config['refit']}.{shifted}{zeros}"
    drops, factor = ", ".join(map(str, config["lr_drops"])), config.get("lr_factor", 0.1)
    return (
        f"paper: its 200 epochs scaled to {config['epochs']}: lr x {factor} after {drops} epochs, "
        f"beta x {config['beta_growth']} every {config['beta_every']}; no refit."
    )
