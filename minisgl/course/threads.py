"""BLAS threads in a notebook's kernel: no more than the machine has free cores.

BLAS, which computes NumPy's matrix products, starts a thread for every core. If other programs use the cores too, as when a
class shares a server, the threads of a product wait for each other, and a chapter takes a multiple of its time. So each
notebook begins with `limit_blas_threads()`:

    free cores = min(cores that this process may use, its cgroup's quota, cores of the machine - load), at least 1

The load is the system's average of the last minute. Windows has none, so there all cores count as free.
"""

import os
import re
from contextlib import suppress
from math import ceil
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def limit_blas_threads() -> None:
    """Let NumPy's BLAS use at most the cores that are free now. A lower limit, such as OPENBLAS_NUM_THREADS, is kept."""
    import numpy as np  # noqa: F401, PLC0415  loads BLAS
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415  finds the libraries that are loaded

    free = free_cores()
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        library.set_num_threads(min(free, library.num_threads))


def free_cores() -> int:
    """Return the number of cores that are free for this process, at least 1."""
    every = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every
    load = 0.0
    with suppress(AttributeError, OSError):  # unknown
        load = os.getloadavg()[0]
    return max(1, min(_within_quota(allowed), round(every - load)))


def _within_quota(cores: int) -> int:
    """Return how many of these cores the process's cgroup, such as a container, may use. All, if there is no quota."""
    with suppress(OSError, ValueError):
        (own,) = re.findall(r"^0::/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
        quota, period = (CGROUPS / own / "cpu.max").read_text().split()
        return min(cores, ceil(int(quota) / int(period)))
    return cores
