"""The options that --resume takes, and what the others are for: a new run, which may start from the old one's weights."""

from typing import Any

from minisgl.config import TrainConfig
from minisgl.errors import MinisglError, quoted
from minisgl.flags import Flags, option
from minisgl.training import origin
from minisgl.training.directory import RunDirectory

TAKEN_WITH_RESUME = ("threads", "checkpoint_every")
NAMED_AGAIN = ("penalty", "experiment", "network")


def changes(directory: RunDirectory, given: Flags) -> dict[str, Any]:
    """Return the settings that the given options change in the resumed run.

    MinisglError for an option that --resume does not take: it has the command for a new run from the old one's weights.
    """
    values = given.given()
    values.pop("resume", None)
    if other := sorted(option(name) for name in values if name not in (*TAKEN_WITH_RESUME, *NAMED_AGAIN)):
        refused = " and ".join(other)
        raise MinisglError(
            f"--resume uses the run's own options, of which only --threads and --checkpoint-every can be changed: {refused} "
            f"cannot be given with it; {_new_run(directory, values, refused)}"
        )
    return {name: value for name, value in values.items() if name in TAKEN_WITH_RESUME}


def _new_run(directory: RunDirectory, values: dict[str, Any], refused: str) -> str:
    """Return the advice: a command with the options in `values`, and the run's network if it is not the default one."""
    before = origin.settings(directory.path)
    kept = {name: before[name] for name in ("experiment", "network") if before.get(name) != getattr(TrainConfig(), name)}
    words: list[object] = ["--init", directory.model]
    for name, value in (kept | values).items():
        if isinstance(value, bool):
            words.append(option(name) if value else option(f"no_{name}"))
        elif name != "init":
            words += [option(name), *(value if isinstance(value, tuple) else [value])]
    command = f"python -m minisgl.train {quoted(*words)}"
    if directory.finished:
        return f"this run is finished, and a new one can start from its weights: {command}"
    return f"resume without {refused} until the run is finished; then a new one can start from its weights: {command}"
