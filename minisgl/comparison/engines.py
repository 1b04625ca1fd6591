"""Where the runs of a comparison are trained: in processes on this machine, or on the workers of a Dask cluster.

Each engine is a context that yields a function: outcomes(function, arguments) yields function(argument) for each argument, in
the order in which the calls end. joblib and distributed are imported only here, and only for a cluster.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from minisgl.comparison import workers
from minisgl.errors import MinisglError, require

SCHEDULER_TIMEOUT = 5  # seconds

Outcomes = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextmanager
def processes(jobs: int) -> Iterator[Outcomes]:
    """Run this many calls at a time, each in a process of its own (workers.py); with one job, in this process."""
    yield map if jobs == 1 else partial(workers.outcomes, jobs=jobs)


@contextmanager
def cluster(scheduler: str) -> Iterator[Outcomes]:
    """Use all workers of the Dask cluster with the scheduler at this address, through joblib.

    When a worker dies, Dask runs its task on another one. After four deaths (its setting allowed-failures) Dask gives the task
    up, but does not notify joblib, which then waits until Ctrl-C. MinisglError if joblib or distributed is not installed, or if
    the scheduler does not answer or has no workers.
    """
    joblib = require("joblib", "sweep", "--engine dask")
    distributed = require("distributed", "sweep", "--engine dask")
    try:
        distributed.comm.get_address_host(scheduler)  # for an invalid address a Client would fail again when it is closed
        client = distributed.Client(scheduler, timeout=SCHEDULER_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise MinisglError(f"there is no Dask scheduler at {scheduler}: {error}") from error

    def outcomes(function: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        calls = [joblib.delayed(function)(argument) for argument in arguments]
        yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(calls)

    with client:
        if not client.ncores():
            raise MinisglError(f"the Dask scheduler at {scheduler} has no workers")
        with joblib.parallel_config(backend="dask", client=client, n_jobs=-1):
            yield outcomes
