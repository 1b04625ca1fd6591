"""What a run of the grid (grid.py) comes to: made, kept as a line of JSON, and read again."""

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from minisgl import config as configuration
from minisgl import run
from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.comparison.grid import METHODS, REGIMES, Entry, Method, Regime, recorded, require_same
from minisgl.errors import MinisglError
from minisgl.flags import Flags
from minisgl.formats import files, network_file
from minisgl.nn import Network
from minisgl.training.directory import LOCK, RunDirectory


def _number(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf  # type: ignore[operator]


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


# What the values of a result's line must be like.
FITS: dict[str, Callable[[Any], bool]] = {
    "method": METHODS.__contains__,
    "regime": REGIMES.__contains__,
    **dict.fromkeys(("heldout_error", "test_error", "zeros", "seconds"), _number),
    **dict.fromkeys(("seed", "weights_left"), _count),
    "flops": lambda value: value is None or _count(value),
    "units": lambda value: value is None or (isinstance(value, list) and all(map(_count, value))),
    "config": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True)
class Result:
    """What one run came to. Errors and zeros are in percent; the test images were looked at once, in the end.

    `weights_left` counts the network that was saved; `flops` (as footprint.py counts) and `units` (outputs of convolutions,
    inputs of linear layers) are those of the compact network, without the units that play no part; None where there is none.
    """

    method: Method
    regime: Regime
    seed: int
    heldout_error: float
    test_error: float
    zeros: float
    weights_left: int
    flops: int | None
    units: tuple[int, ...] | None
    seconds: float
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of its entry."""
        return f"{self.method}-{self.regime}-{self.seed}"


@dataclass(frozen=True)
class Failure:
    """The entry's run did not come to its end, and why."""

    entry: Entry
    why: str


def make(entry: Entry) -> Result | Failure:
    """Train the entry's run in its directory, or go on with it where it was interrupted, or only look if it is finished.

    Nothing is printed. What a user can mend comes back as a Failure.
    """
    if str(entry.folder) not in sys.path:  # this may be a process of its own, in another folder
        sys.path.insert(0, str(entry.folder))
    try:
        directory = RunDirectory(entry.out)
        if directory.config.is_file():
            require_same(recorded(configuration.from_json(directory.config)), entry, directory.path)
            named = Flags(experiment=entry.config.experiment, network=entry.config.network)
            run.resume(directory.path, named, Console(quiet=True))
        else:
            _discard_what_says_nothing(directory.path)
            run.train(entry.config, Console(quiet=True))
        return _look(entry, directory)
    except MinisglError as error:
        return Failure(entry, str(error))


def _discard_what_says_nothing(path: Path) -> None:
    """Remove what a run leaves that was killed before it had written its config.json: folders, its lock, and half a file."""
    if path.is_dir() and all(file.suffix == ".tmp" or file.name == LOCK for file in path.rglob("*") if file.is_file()):
        shutil.rmtree(path)


def _cost(network: Network) -> footprint.Footprint | None:
    """The costs of the compact network; None where it cannot be made, as for one with branches."""
    try:
        smaller = compact(network)
    except MinisglError:
        return None
    return footprint.measure(smaller, network_file.as_bytes(smaller))


def _look(entry: Entry, directory: RunDirectory) -> Result:
    """The result of a finished run."""
    finished = run.Run.open(directory.path, entry.config.experiment, entry.config.network)
    report, final = finished.report, finished.report["final"]
    cost = _cost(finished.network)
    return Result(
        method=entry.method,
        regime=entry.regime,
        seed=entry.seed,
        heldout_error=directory.read_history()[-1][final]["error"],
        test_error=report[final]["test_error"],
        zeros=report[final]["weight_sparsity"],
        weights_left=sum(layer["weights"] - layer["zero_weights"] for layer in report[final]["layers"].values()),
        flops=cost.flops if cost else None,
        units=cost.units if cost else None,
        seconds=report["seconds"],
        config=recorded(entry.config),
    )


def write(path: Path, results: Iterable[Result]) -> None:
    """Write a line for each, in the order of the grid's methods, regimes and seeds. MinisglError if it cannot be written."""
    ordered = sorted(results, key=lambda result: (METHODS.index(result.method), REGIMES.index(result.regime), result.seed))
    files.write(path, "".join(json.dumps(asdict(result), allow_nan=False) + "\n" for result in ordered).encode())


def read(path: Path) -> list[Result]:
    """The results in a file. MinisglError when it cannot be read, or a line of it is no result."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise MinisglError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return [_parsed(line, f"{path}, line {n},") for n, line in enumerate(lines, 1)]


def _parsed(line: str, where: str) -> Result:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MinisglError(f"{where} is not JSON: {error}") from error
    names = [field.name for field in fields(Result)]
    if not isinstance(values, dict) or set(values) != set(names):
        raise MinisglError(f"{where} is no result of a run: it must have {', '.join(names)}")
    for name, value in values.items():
        if not FITS[name](value):
            raise MinisglError(f"{where} has the {name} {value!r}, which cannot be")
    return Result(**{**values, "units": values["units"] and tuple(values["units"])})
