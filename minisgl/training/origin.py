"""What a run was trained with, read from its directory: its experiment, its network, and where its data are.

If a run used your own experiment, network or penalty, name it again to read the run. No module is imported because a file names
it.
"""

from pathlib import Path
from typing import Any

from minisgl import experiments
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError, enumerated, quoted, shown
from minisgl.formats import files, paths
from minisgl.nn import Network
from minisgl.training.directory import RunDirectory

KINDS = {"--experiment": "an experiment", "--network": "a network", "--penalty": "a penalty"}


def require_named(run: Path, option: str, before: str | None, given: str | None) -> None:
    """Raise MinisglError unless the option's value `given` equals `before`, the value that the run was trained with.

    `given` is None if the option is left out; that is accepted unless `before` is the user's own module:NAME.
    """
    if given is not None and given != before:
        how = f"with {option} {quoted(before)}" if before else f"without {option}"
        raise MinisglError(f"{run} was trained {how}, not with {given}")
    if given is None and before is not None and ":" in before:
        raise MinisglError(f"{run} was trained with {KINDS[option]} of your own: name it again with {option} {quoted(before)}")


def settings(run: Path) -> dict[str, Any]:
    """Return config.json, of this version or an earlier one; empty if there is none or it is not a JSON object.

    MinisglError unless experiment, network and penalty, if they are there, are text or null. The rest is unchecked.
    """
    path = RunDirectory(run).config
    values = files.read_json(path) if paths.is_file(path) else {}
    if not isinstance(values, dict):
        return {}
    for name in ("experiment", "network", "penalty"):
        if not isinstance(values.get(name), str | None):
            raise MinisglError(f"{path} is not a run's configuration: {name} must be text, but is {shown(values[name])}")
    return values


def data_of(run: Path) -> Path | None:
    """Return where the run's data are, as in --data; None for the experiment's own. MinisglError if unknown or not there."""
    path = RunDirectory(run).config
    values = files.read_json(path)
    if not isinstance(values, dict) or not isinstance(values.get("data", 0), str | None):
        raise MinisglError(f"{path} does not say which data the run was trained on; name their directory with --data")
    if values["data"] is None:
        return None
    if not paths.exists(Path(values["data"])):
        raise MinisglError(f"the data of this run are no longer in {values['data']}; name their directory with --data")
    return Path(values["data"])


def load_test(run: Path, name: str, data: Path | None, network: Network) -> LabelledImages:
    """Return the test set for a run of the experiment `name`: from the directory `data`, or the run's own if that is None.

    MinisglError if the data cannot be read, or if a directory is given and the experiment does not use one.
    """
    if data is not None and experiments.find(name).makes_data:
        takers = enumerated(known.name for known in experiments.EXPERIMENTS.values() if not known.makes_data)
        raise MinisglError(f"--data is for {takers}, and {run} is a run of {name}")
    return experiments.load_test(name, data if data is not None else data_of(run), network)
