"""Who does many things at a time: processes on this machine, or the workers of a Dask cluster. Both through joblib.

What they do is one function of one argument, and outcomes come back as they are ready, in any order. joblib and distributed are
asked for only here.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import TypeVar

from minisgl.errors import MinisglError, require

PATIENCE = 5  # seconds until a scheduler must have answered

A = TypeVar("A")
B = TypeVar("B")


@contextmanager
def processes(jobs: int) -> Iterator[None]:
    """Inside it, `outcomes` come from so many processes on this machine.

    MinisglError without joblib, or when one of them is killed.
    """
    with require("joblib", "sweep", "a sweep").parallel_config(backend="loky", n_jobs=jobs):
        try:
            yield
        except BrokenExecutor as error:
            raise MinisglError("a process was killed; if memory ran out, fewer --jobs need less") from error


@contextmanager
def cluster(scheduler: str) -> Iterator[None]:
    """Inside it, `outcomes` come from all workers of the Dask cluster with the scheduler at that address.

    When a worker dies, Dask gives what it did to another one. After four deaths of one task (its allowed-failures) Dask gives
    that up, but joblib is not told, and waits for ever: Ctrl-C ends it. MinisglError without joblib or distributed, or when the
    scheduler does not answer or has no workers.
    """
    joblib = require("joblib", "sweep", "a sweep")
    distributed = require("distributed", "sweep", "--engine dask")
    try:
        distributed.comm.get_address_host(scheduler)  # a Client fails a second time, as it goes, when this is no address
        client = distributed.Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise MinisglError(f"there is no Dask scheduler at {scheduler}: {error}") from error
    with client:
        if not client.ncores():
            raise MinisglError(f"the Dask scheduler at {scheduler} has no workers")
        with joblib.parallel_config(backend="dask", client=client, n_jobs=-1):
            yield


def outcomes(function: Callable[[A], B], arguments: Iterable[A]) -> Iterator[B]:
    """function(argument) for each, in the order in which they end."""
    joblib = require("joblib", "sweep", "a sweep")
    calls = [joblib.delayed(function)(argument) for argument in arguments]
    yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(calls)
