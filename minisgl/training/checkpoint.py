"""Checkpoints: all that is needed to resume a run, in one file.

A checkpoint holds the solver's arrays (W with its biases, V, the optimiser's vectors) and the position in the run. Nothing else
is needed: schedules are functions of the step, and the order of images is drawn from (seed, epoch). The newest two are kept, so
that the older one can be used if the newest is damaged.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minisgl.backend import get_array_module, to_device, to_host
from minisgl.errors import MinisglError
from minisgl.formats import files, paths
from minisgl.solver.protocol import Solver
from minisgl.training.position import Extent, Position, impossible, outside, parse

KEPT = 2


class StoppedError(MinisglError):
    """A training run was stopped because its network would be useless: it has diverged, or lost a layer."""


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


@contextmanager
def naming_the_kept(directory: Path, steps_per_epoch: int) -> Iterator[None]:
    """If training is stopped in this context, add to the message which checkpoint is kept."""
    try:
        yield
    except StoppedError as error:
        kept = "no checkpoint had been written yet"
        if existing := _existing(directory):
            epochs, more = divmod(steps := int(existing[-1].stem), steps_per_epoch)
            kept = f"the checkpoint after {f'step {steps:,}' if more else f'epoch {epochs}'} is kept"
        raise MinisglError(f"{error}; {kept}") from error


def load(
    directory: Path,
    solver: Solver,
    identity: dict[str, Any] | None = None,
    extent: Extent | None = None,
    recorded: int | None = None,
) -> Position | None:
    """Restore the solver's arrays, in place, from the newest valid checkpoint. Return its position; None without checkpoints.

    A position that does not fit the run's `extent`, or is after more epochs than the history has `recorded`, is not valid.
    Raises MinisglError if none is valid, or if the newest undamaged one has another identity.
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
        if extent is not None and (reason := outside(position, steps, extent)):
            problem = MinisglError(f"{path} is damaged: {reason}")
            continue
        if recorded is not None and position.epoch > recorded:
            problem = MinisglError(
                f"{path} was written after epoch {position.epoch}, but {directory.parent / 'history.jsonl'} has the records of "
                f"{recorded} epochs only: restore the whole file, or train the run again"
            )
            continue
        for name, array in arrays.items():
            array[...] = to_device(saved[name], get_array_module(array))
        solver.optimizer.steps = steps
        return position
    if problem is not None:
        raise problem
    return None


def _parse(path: Path, notes: dict[str, Any]) -> tuple[Position, int, dict[str, Any]]:
    try:
        position, steps, identity = parse(notes["position"]), notes["steps"], notes["identity"]
        if type(steps) is not int or steps < 0 or type(identity) is not dict:
            raise ValueError
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise MinisglError(f"{path} is not a checkpoint: it has no position in the run") from error
    if reason := impossible(position):
        raise MinisglError(f"{path} is damaged: {reason}")
    return position, steps, identity


def _compare(path: Path, made_with: dict[str, Any], identity: dict[str, Any]) -> None:
    names = [name for name in {**identity, **made_with} if made_with.get(name) != identity.get(name)]
    if names:
        differ = "; ".join(f"{name}: {made_with.get(name)} there, {identity.get(name)} here" for name in names)
        raise MinisglError(f"{path} belongs to another run: {differ}")
