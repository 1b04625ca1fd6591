"""Run many calls in parallel with joblib: in processes on this machine, or on the workers of a Dask cluster.

All calls are of one function with one argument, and results are returned as they are ready, in any order. joblib and
distributed are imported only here.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from typing import TypeVar

from minisgl.errors import MinisglError, require

SCHEDULER_TIMEOUT = 5  # seconds

A = TypeVar("A")
B = TypeVar("B")


@contextmanager
def processes(jobs: int) -> Iterator[None]:
    """Inside this context, `outcomes` uses this many processes on this machine.

    MinisglError if joblib is not installed, or if one of the processes is killed.
    """
    with require("joblib", "sweep", "a sweep").parallel_config(backend="loky", n_jobs=jobs):
        try:
            yield
        except BrokenExecutor as error:
            raise MinisglError("a process was killed; if memory ran out, fewer --jobs need less") from error


@contextmanager
def cluster(scheduler: str) -> Iterator[None]:
    """Inside this context, `outcomes` uses all workers of the Dask cluster with the scheduler at this address.

    When a worker dies, Dask runs its task on another one. After four deaths (its setting allowed-failures) Dask gives the task
    up, but does not notify joblib, which then waits until Ctrl-C. MinisglError if joblib or distributed is not installed, or if
    the scheduler does not answer or has no workers.
    """
    joblib = require("joblib", "sweep", "a sweep")
    distributed = require("distributed", "sweep", "--engine dask")
    try:
        distributed.comm.get_address_host(scheduler)  # for an invalid address a Client would fail again when it is closed
        client = distributed.Client(scheduler, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise MinisglError(f"there is no Dask scheduler at {scheduler}: {error}") from error
    with client:
        if not client.ncores():
            raise MinisglError(f"the Dask scheduler at {scheduler} has no workers")
        with joblib.parallel_config(backend="dask", client=client, n_jobs=-1):
            yield


def outcomes(function: Callable[[A], B], arguments: Iterable[A]) -> Iterator[B]:
    """Yield function(argument) for each argument, in the order in which the calls end."""
    joblib = require("joblib", "sweep", "a sweep")
    calls = [joblib.delayed(function)(argument) for argument in arguments]
    yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(calls)
