"""How the kernels of the course's notebooks are started: with sockets that no other program uses, and with one BLAS thread.

jupyter_client chooses free ports and closes them again, before the kernel opens them. If two programs start kernels at the same
time, both may choose the same port; then a kernel does not respond, or ends. So the kernels get Unix sockets with unique names.
ZeroMQ has none on Windows: there kernels start one after the other, and once more if that fails.

Several kernels at a time, each with as many BLAS threads as the machine has cores, take a multiple of the time. The matrices of
the course are too small for threads.

Used by the two pytest plugins, for nbval, and by notebooks/build.py.
"""

import os
import sys
import tempfile
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import uuid4

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
LONGEST = 70  # bytes of a folder for sockets: a socket's path may have 103 bytes on macOS, 107 on Linux


def sockets() -> dict[str, str]:
    """Return the settings of a jupyter_client.KernelManager for unique sockets; on Windows none."""
    if sys.platform == "win32":
        return {}
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) > LONGEST:
        folder = "/tmp"
    return {"transport": "ipc", "ip": f"{folder}/minisgl-{uuid4().hex[:12]}"}


def start_from_nbval() -> None:
    """From now on, let nbval start the kernels in this process like this."""
    from nbval import kernel  # noqa: PLC0415 (pytest loads the plugins in every project, see nbval_plugin.py)

    start, manager = kernel.start_new_kernel, kernel.KernelManager
    if hasattr(start, "__wrapped__"):  # done before
        return

    @wraps(start)
    def start_with_one_thread(*arguments: Any, **options: Any) -> Any:
        options = {"env": {**ONE_THREAD, **os.environ}, **options}
        return _one_at_a_time(start, *arguments, **options) if sys.platform == "win32" else start(*arguments, **options)

    kernel.KernelManager = lambda **options: manager(**sockets(), **options)
    kernel.start_new_kernel = start_with_one_thread


def _one_at_a_time(start: Any, *arguments: Any, **options: Any) -> Any:
    """Start a kernel while no other process does. Try it twice: a port may be taken by another program."""
    from filelock import FileLock  # noqa: PLC0415

    with FileLock(Path(tempfile.gettempdir(), "minisgl-kernel.lock")):
        try:
            return start(*arguments, **options)
        except RuntimeError:
            return start(*arguments, **options)
