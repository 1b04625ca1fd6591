"""Calls to a user's own code. An exception becomes one sentence with its location, and the returned network is checked.

minisgl/own.py imports the code.
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
    """Return function(argument). If `name` is a user's own experiment or network and this fails, MinisglError says where."""
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
    """Return the function that --network names, for use as an experiment's `network`."""
    if ":" not in name:
        raise MinisglError(f"--network must be module:build, but is {name}")
    build = import_object(name, "--network")

    def built(rng: np.random.Generator) -> Network:
        network = call(name, build, rng, f"--network {name}")
        if not isinstance(network, Network):
            raise MinisglError(f"--network {name} must return a minisgl.nn.Network, but returned a {type(network).__name__}")
        return network

    return built
