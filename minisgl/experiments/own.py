"""A user's own code while it runs: what fails in it becomes one sentence that says where, and what it returns is checked.

own.py imports it.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from minisgl.errors import MinisglError
from minisgl.experiments.experiment import Build
from minisgl.nn import Network
from minisgl.own import import_object, working_folder_on_path

T = TypeVar("T")


def call(name: str, function: Callable[..., T], argument: Any, what: str) -> T:
    """function(argument), which belongs to `name`. MinisglError, that says where, if it is a user's own and fails."""
    if ":" not in name:
        return function(argument)
    try:
        with working_folder_on_path():
            return function(argument)
    except (MinisglError, MemoryError):
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise MinisglError(f"{what} fails in {where}: {type(error).__name__}: {error}") from error


def builder(name: str) -> Build:
    """The function that --network names, as an experiment's `network`."""
    if ":" not in name:
        raise MinisglError(f"--network must be module:build, and is {name}")
    build = import_object(name, "--network")

    def built(rng: np.random.Generator) -> Network:
        network = call(name, build, rng, f"--network {name}")
        if not isinstance(network, Network):
            raise MinisglError(f"--network {name} must give a minisgl.nn.Network, and gives a {type(network).__name__}")
        return network

    return built
