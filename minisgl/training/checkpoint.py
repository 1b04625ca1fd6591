"""Checkpoints: all that is needed to resume a run, in one file.

A checkpoint holds the solver's arrays (W with its biases, V, the optimiser's vectors) and the position in the run. Nothing else
is needed: schedules are functions of the step, and the order of images is drawn from (seed, epoch). The newest two are kept, so
that the older one can be used if the newest is damaged.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minisgl.backend import get_array_module, to_device, to_host
from minisgl.errors import MinisglError
from minisgl.formats import files, paths
from minisgl.solver.protocol import Solver

KEPT = 2


@dataclass(frozen=True)
class Position:
    """The position in a run: finished epochs, steps of the next one with their sums (see metrics.py), and seconds."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    wrong: int = 0
    seen: int = 0
    seconds: float = 0.0


def _path(directory: Path, steps: int) -> Path:
    return directory / f"{steps:06d}.safetensors"


def _existing(directory: Path) -> list[Path]:
    """Return the checkpoints of a run, oldest first."""
    found = (path for path in paths.entries(directory) if path.suffix == ".safetensors" and path.stem.isdecimal())
    return sorted(found, key=lambda path: int(path.stem))


def save(directory: Path, solver: Solver, position: Position, identity: dict[str, Any]) -> Path:
    """Write the state at `position`, and remove all but the newest two. MinisglError if it cannot be written.

    `identity` is what must be the same when the run is resumed; `load` compares it.
    """
    arrays = {name: to_host(array) for name, array in solver.arrays().items()}
    path = _path(directory, solver.optimizer.steps)
    notes = {"position": asdict(position), "steps": solver.optimizer.steps, "identity": identity}
    files.write_arrays(path, arrays, notes)
    for old in _existing(directory)[:-KEPT]:
        with suppress(OSError):  # on Windows a file that is open cannot be removed; the next save tries again
            old.unlink()
    return path


def load(directory: Path, solver: Solver, identity: dict[str, Any] | None = None) -> Position | None:
    """Restore the solver's arrays, in place, from the newest valid checkpoint. Return its position; None without checkpoints.

    Raises MinisglError if all are damaged or have other arrays, or if the newest valid one has another identity.
    """
    arrays = solver.arrays()
    expected = {name: array.shape for name, array in arrays.items()}
    problem = None
    for path in reversed(_existing(directory)):
        try:
            saved, notes = files.read_arrays(path, expected)
            position, steps, made_with = _parse(path, notes)
        except MinisglError as error:
            problem = error
            continue
        if identity is not None:
            _compare(path, made_with, identity)
        for name, array in arrays.items():
            array[...] = to_device(saved[name], get_array_module(array))
        solver.optimizer.steps = steps
        return position
    if problem is not None:
        raise problem
    return None


def _parse(path: Path, notes: dict[str, Any]) -> tuple[Position, int, dict[str, Any]]:
    try:
        position = Position(**notes["position"])
        whole = (position.epoch, position.step, position.wrong, position.seen, notes["steps"])
        if not (all(type(n) is int and n >= 0 for n in whole) and type(notes["identity"]) is dict):
            raise ValueError
        position = replace(position, loss_sum=float(position.loss_sum), seconds=float(position.seconds))
        return position, notes["steps"], notes["identity"]
    except (KeyError, TypeError, ValueError) as error:
        raise MinisglError(f"{path} is not a checkpoint: it has no position in the run") from error


def _compare(path: Path, made_with: dict[str, Any], identity: dict[str, Any]) -> None:
    names = [name for name in {**identity, **made_with} if made_with.get(name) != identity.get(name)]
    if names:
        differ = "; ".join(f"{name}: {made_with.get(name)} there, {identity.get(name)} here" for name in names)
        raise MinisglError(f"{path} belongs to another run: {differ}")
