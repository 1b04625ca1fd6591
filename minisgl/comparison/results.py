"""Train one run of the grid (grid.py), write its result as a line of JSON, and read it again."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from minisgl import config as configuration
from minisgl import run
from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.comparison.grid import METHODS, Entry, Method, recorded, require_same
from minisgl.comparison.study import all_regimes
from minisgl.errors import MinisglError, described, shown
from minisgl.flags import Flags
from minisgl.formats import files, network_file, paths
from minisgl.nn import Network
from minisgl.training.directory import LOCK, RunDirectory

# Of the values in a file: an integer above a float's range would fail where it is averaged, divided or printed.
LARGEST, LARGEST_COUNT = 1e300, 10**15


def _number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= LARGEST  # type: ignore[operator]


def _count(value: object) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_COUNT


# The checks of the values in a result's line.
VALID: dict[str, Callable[[Any], bool]] = {
    "method": METHODS.__contains__,
    "regime": all_regimes().__contains__,
    **dict.fromkeys(("heldout_error", "test_error", "zeros", "seconds"), _number),
    **dict.fromkeys(("seed", "weights_left"), _count),
    "flops": lambda value: value is None or _count(value),
    "units": lambda value: value is None or (isinstance(value, list) and all(map(_count, value))),
    "config": lambda value: isinstance(value, dict),
    "wrong": lambda value: value is None or (isinstance(value, list) and all(map(_count, value))),
}
OPTIONAL = {"wrong"}  # older lines lack it


@dataclass(frozen=True)
class Result:
    """The result of one run. Errors and zeros are in percent; the test images were used once, at the end.

    `weights_left` counts the nonzero weights of the saved network. `flops` (as in footprint.py) and `units` (outputs of
    convolutions, inputs of linear layers) are those of the compact network (compact.py), or None if it cannot be made. `wrong`
    has the numbers of the test images with a wrong class, for paired tests (paired.py); None in older results.
    """

    method: Method
    regime: str
    seed: int
    heldout_error: float
    test_error: float
    zeros: float
    weights_left: int
    flops: int | None
    units: tuple[int, ...] | None
    seconds: float
    config: dict[str, Any]
    wrong: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """The name of the run's entry."""
        return f"{self.method}-{self.regime}-{self.seed}"


@dataclass(frozen=True)
class Failure:
    """A run that failed, and the reason."""

    entry: Entry
    reason: str


def make(entry: Entry) -> Result | Failure:
    """Train the entry's run in its directory, or resume it there, or only read its result if it is finished.

    Nothing is printed. A MinisglError is returned as a Failure, and so are too little memory and any error of the system.
    """
    if str(entry.folder) not in sys.path:  # this may be a worker process in another folder
        sys.path.insert(0, str(entry.folder))
    try:
        directory = RunDirectory(entry.out)
        if paths.is_file(directory.config):
            require_same(recorded(configuration.from_json(directory.config)), entry, directory.path)
            named = Flags(experiment=entry.config.experiment, network=entry.config.network)
            run.resume(directory.path, named, Console(quiet=True))
        else:
            _remove_unstarted(directory.path)
            run.train(entry.config, Console(quiet=True))
        return read_result(entry, directory)
    except MinisglError as error:
        return Failure(entry, str(error))
    except MemoryError:
        return Failure(entry, "there is not enough memory for this; fewer --jobs need less")
    except OSError as error:
        return Failure(entry, described(error))


def _remove_unstarted(path: Path) -> None:
    """Remove the folders, lock and partial file of a run that was killed before it had written its config.json."""
    if not paths.is_folder(path):
        return
    with paths.reading(path):
        started = any(file.suffix != ".tmp" and file.name != LOCK for file in path.rglob("*") if file.is_file())
    if not started:
        try:
            shutil.rmtree(path)
        except OSError as error:
            raise MinisglError(f"{error.filename} cannot be removed: {error.strerror}") from error


def _cost(network: Network) -> footprint.Footprint | None:
    """Return the costs of the compact network; None if it cannot be made, as for a network with user-defined layers."""
    try:
        smaller = compact(network)
    except MinisglError:
        return None
    return footprint.measure(smaller, network_file.as_bytes(smaller))


def read_result(entry: Entry, directory: RunDirectory) -> Result:
    """Return the result of a finished run. MinisglError if a file of it is missing, damaged, or has values of other types."""
    finished = run.Run.open(directory.path, entry.config.experiment, entry.config.network)
    report = finished.report
    try:
        final = report["final"]
        values: dict[str, Any] = {
            "heldout_error": finished.history[-1][final]["error"],
            "test_error": report[final]["test_error"],
            "zeros": report[final]["weight_sparsity"],
            "weights_left": sum(layer["weights"] - layer["zero_weights"] for layer in report[final]["layers"].values()),
            "seconds": report["seconds"],
        }
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        why = f"{type(error).__name__}: {error}"
        raise MinisglError(f"{directory.report} or {directory.history.name} is not from a finished run: {why}") from error
    for name, value in values.items():
        if not VALID[name](value):
            raise MinisglError(f"{directory.report} or {directory.history.name} has an invalid {name}: {shown(value)}")
    cost, test = _cost(finished.network), finished.test_set()
    return Result(
        method=entry.method,
        regime=entry.regime,
        seed=entry.seed,
        flops=cost.flops if cost else None,
        units=cost.units if cost else None,
        config=recorded(entry.config),
        wrong=tuple(np.flatnonzero(finished.network.predict(test.images) != test.labels).tolist()),
        **values,
    )


def write(path: Path, results: Iterable[Result]) -> None:
    """Write a line for each result, ordered by method, regime and seed. MinisglError if the file cannot be written."""
    ordered = sorted(
        results, key=lambda result: (METHODS.index(result.method), all_regimes().index(result.regime), result.seed)
    )
    files.write(path, "".join(json.dumps(asdict(result), allow_nan=False) + "\n" for result in ordered).encode())


def read(path: Path) -> list[Result]:
    """Return the results in a file. MinisglError if it cannot be read, or if a line is not a result."""
    with paths.reading(path), files.open_to_read(path) as file:
        content = file.read()
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise MinisglError(f"{path} cannot be read: {error}") from error
    return [_parsed(line, f"{path}, line {n},") for n, line in enumerate(lines, 1)]


def _parsed(line: str, where: str) -> Result:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MinisglError(f"{where} is not JSON: {error}") from error
    names = [field.name for field in fields(Result)]
    if not isinstance(values, dict) or set(values) | OPTIONAL != set(names):
        raise MinisglError(f"{where} is not the result of a run: it must have {', '.join(names)}")
    for name, value in values.items():
        if not VALID[name](value):
            raise MinisglError(f"{where} has an invalid {name}: {shown(value)}")
    config = values["config"]
    used = ("epochs", "lr_drops", "beta_growth", "beta_every") if values["regime"] == "paper" else ("epochs", "refit")
    if missing := [name for name in used if name not in config]:
        raise MinisglError(f"{where} has a config without {', '.join(missing)}")
    if "lr_drops" in used and not isinstance(config["lr_drops"], list):
        raise MinisglError(f"{where} has an invalid lr_drops: {shown(config['lr_drops'])}")
    lists = {name: tuple(values[name]) for name in ("units", "wrong") if values.get(name) is not None}
    return Result(**{**values, **lists})
