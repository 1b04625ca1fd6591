"""Checkpoints: all that a run needs to go on, after every epoch, in one file.

A checkpoint holds W with its biases, V, the optimiser's vectors, and how many epochs and steps are behind it. The schedules
are functions of the step and the order of images is drawn from (seed, epoch), so there is nothing else to remember. The
newest two are kept: should the newest be damaged, the one before it still counts.
"""

from pathlib import Path

from minisgl import files
from minisgl.backend import Array, get_array_module, to_device, to_host
from minisgl.errors import MinisglError
from minisgl.splitting import Splitting

KEPT = 2


def _path(directory: Path, steps: int) -> Path:
    return directory / f"{steps:06d}.safetensors"


def _existing(directory: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((p for p in directory.glob("*.safetensors") if p.stem.isdecimal()), key=lambda path: int(path.stem))


def _arrays(splitting: Splitting) -> dict[str, Array]:
    return {"parameters": splitting.network.flat, "v": splitting.v, **splitting.optimizer.state}


def save(directory: Path, splitting: Splitting, epochs: int) -> Path:
    """Write the state after `epochs` epochs, and drop all but the newest two. MinisglError if it cannot be written."""
    arrays = {name: to_host(array) for name, array in _arrays(splitting).items()}
    path = _path(directory, splitting.optimizer.steps)
    files.write_arrays(path, arrays, {"epochs": epochs, "steps": splitting.optimizer.steps})
    for old in _existing(directory)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def load(directory: Path, splitting: Splitting) -> int:
    """Restore the newest valid checkpoint into `splitting`, in place, and return how many epochs are behind it.

    Raises MinisglError when there is none, or none of this network and optimiser.
    """
    arrays = _arrays(splitting)
    expected = {name: array.shape for name, array in arrays.items()}
    found = _existing(directory)
    problem = MinisglError(f"{directory} has no checkpoint")
    for path in reversed(found):
        try:
            saved, notes = files.read_arrays(path, expected)
            epochs, steps = int(notes["epochs"]), int(notes["steps"])
        except MinisglError as error:
            problem = error
            continue
        except (KeyError, TypeError, ValueError):
            problem = MinisglError(f"{path} is not a checkpoint: it does not say its epochs and steps")
            continue
        for name, array in arrays.items():
            array[...] = to_device(saved[name], get_array_module(array))
        splitting.optimizer.steps = steps
        return epochs
    raise problem
