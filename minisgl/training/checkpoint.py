"""Checkpoints: all that a run needs to go on, in one file.

A checkpoint holds the solver's arrays (W with its biases, V, the optimiser's vectors) and how far the run has come. The
schedules are functions of the step and the order of images is drawn from (seed, epoch), so there is nothing else to remember.
The newest two are kept: should the newest be damaged, the one before it still counts.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minisgl.backend import get_array_module, to_device, to_host
from minisgl.errors import MinisglError
from minisgl.formats import files
from minisgl.solver.protocol import Solver

KEPT = 2


@dataclass(frozen=True)
class Position:
    """How far a run has come: whole epochs, steps of the next one with their sums (see metrics.py), and seconds."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    wrong: int = 0
    seen: int = 0
    seconds: float = 0.0


def _path(directory: Path, steps: int) -> Path:
    return directory / f"{steps:06d}.safetensors"


def _existing(directory: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((p for p in directory.glob("*.safetensors") if p.stem.isdecimal()), key=lambda path: int(path.stem))


def save(directory: Path, solver: Solver, position: Position, identity: dict[str, Any]) -> Path:
    """Write the state at `position`, and drop all but the newest two. MinisglError if it cannot be written.

    `identity` says what the run is made of; `load` compares it.
    """
    arrays = {name: to_host(array) for name, array in solver.arrays().items()}
    path = _path(directory, solver.optimizer.steps)
    notes = {"position": asdict(position), "steps": solver.optimizer.steps, "identity": identity}
    files.write_arrays(path, arrays, notes)
    for old in _existing(directory)[:-KEPT]:
        with suppress(OSError):  # one that is not removed now, on Windows because it is open somewhere, is removed next time
            old.unlink()
    return path


def load(directory: Path, solver: Solver, identity: dict[str, Any] | None = None) -> Position | None:
    """Restore the solver's arrays, in place, from the newest valid checkpoint; its position, or None if there is none at all.

    Raises MinisglError when none is whole, or none of this network and optimiser, or one was made with another identity.
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
        return replace(position, loss_sum=float(position.loss_sum)), notes["steps"], notes["identity"]
    except (KeyError, TypeError, ValueError) as error:
        raise MinisglError(f"{path} is not a checkpoint: it does not say how far the run had come") from error


def _compare(path: Path, made_with: dict[str, Any], identity: dict[str, Any]) -> None:
    names = [name for name in {**identity, **made_with} if made_with.get(name) != identity.get(name)]
    if names:
        differ = "; ".join(f"{name}: {made_with.get(name)} there, {identity.get(name)} here" for name in names)
        raise MinisglError(f"{path} belongs to another run: {differ}")
