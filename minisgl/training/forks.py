"""Forked processes that work in phases, each on its part: rank 0 is this process, the others are forked from it.

    processes = Processes(ranks, work)      # forks ranks - 1 processes
    processes.run("gradients", 0, 100)      # work(rank, "gradients", 0, 100) in each; returns when all have finished

The processes end, and print nothing, when rank 0 closes them or ends in any way.
"""

import json
import signal
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minisgl.errors import MinisglError, as_text, from_text
from minisgl.training.interrupts import STOPS

if TYPE_CHECKING:  # may be missing on a system that cannot fork
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

POLL_SECONDS = 0.002  # a process polls this long before it sleeps: waking a sleeping core takes a tenth of a millisecond
GRACE = 5  # seconds that the processes may take to end, all together, before they are killed
Work = Callable[..., None]  # work(rank, phase, *arguments); what is passed must be JSON
CLOSED = (EOFError, BrokenPipeError, ConnectionResetError)  # the process at the other end has ended


def _receive(connection: "Connection") -> Any:
    """Return the next message. EOFError if the other end is closed."""
    deadline = time.perf_counter() + POLL_SECONDS
    while not connection.poll() and time.perf_counter() < deadline:
        pass
    return json.loads(connection.recv_bytes())


def _serve(work: Work, rank: int, messages: "Connection", to_close: "list[Connection]") -> None:
    """Run a forked process: do this rank's part of the phase named in each message, until rank 0 has closed or ended."""
    for number in STOPS:  # a terminal or a service manager sends them to all processes; rank 0 handles them
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    for connection in to_close:
        connection.close()  # if it stayed open, another rank would not notice that rank 0 has ended
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow shows in the loss
        while True:
            try:
                message = _receive(messages)
            except CLOSED:
                return
            answer = None
            try:
                work(rank, *message)
            except Exception as error:  # raised again by rank 0
                answer = as_text(error)
            try:
                messages.send_bytes(json.dumps(answer).encode())
            except CLOSED:
                return


class Processes:
    """`ranks` processes, and the messages to them. OSError if one cannot be started; then none is left."""

    def __init__(self, ranks: int, work: Work) -> None:
        self._work = work
        self._others: list[tuple[BaseProcess, Connection]] = []
        try:
            for rank in range(1, ranks):
                self._start(rank)
        except BaseException:
            self.close()
            raise

    def _start(self, rank: int) -> None:
        import multiprocessing  # noqa: PLC0415 (see above)

        fork = multiprocessing.get_context("fork")
        connection, child_connection = fork.Pipe()
        to_close = [connection, *(earlier for _, earlier in self._others)]
        process = fork.Process(target=_serve, args=(self._work, rank, child_connection, to_close), daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until the process ignores them
        try:
            with warnings.catch_warnings():
                # Python warns of any fork in a program with threads; ours have not started, and OpenBLAS stops its own
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            self._others.append((process, connection))
        finally:
            child_connection.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def run(self, phase: str, *arguments: Any) -> None:
        """Run a phase on all ranks, rank 0 in this process, and wait for all."""
        message = json.dumps([phase, *arguments]).encode()
        try:
            for _, connection in self._others:
                connection.send_bytes(message)
            self._work(0, phase, *arguments)
            answers = [_receive(connection) for _, connection in self._others]
        except CLOSED as error:
            raise MinisglError(self._lost_process()) from error
        for answer in answers:
            if answer is not None:
                raise from_text(*answer)

    def _lost_process(self) -> str:
        for process, _ in self._others:
            process.join(timeout=1)
            if process.exitcode is not None:
                how = f"was killed by signal {-process.exitcode}" if process.exitcode < 0 else f"exited with {process.exitcode}"
                return f"a training process {how}; if memory ran out, --threads 1 needs less"
        return "a training process does not respond"

    def close(self) -> None:
        """End the processes."""
        for _, connection in self._others:
            connection.close()
        deadline = time.monotonic() + GRACE
        try:
            for process, _ in self._others:
                process.join(max(0, deadline - time.monotonic()))
        finally:
            for process, _ in self._others:
                process.kill()  # nothing is lost: all results are in shared memory
                process.join()
