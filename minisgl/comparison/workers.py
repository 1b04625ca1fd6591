"""Calls in parallel, each in a process of its own on this machine, that end with the process that started them.

    this process                                          a worker
    starts it, with a pipe                                main thread: the call; sends the result
    Ctrl-C or SIGTERM: sends "stop", waits, kills         second thread: interrupts the call, again and again
    is killed: the system closes its end of the pipe      second thread: ends the worker at once

A training saves a checkpoint when it is interrupted (training/interrupts.py). A worker ignores the signals themselves: the
terminal sends Ctrl-C to all processes, and some systems send SIGTERM to all.
"""

import _thread
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection as connections
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits

from minisgl.errors import Interrupted, MinisglError, as_text, from_text, warnings_as_sentences

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

GRACE = 7  # seconds that a worker may take to end, before it is killed
REPEAT = 0.1  # seconds between two interrupts of a call, which cannot save a checkpoint at every moment
STOP = b"stop"
NOT_STARTED = "a {} for a run cannot be started: {}; with --jobs 1 none is needed"

A = TypeVar("A")
B = TypeVar("B")


def outcomes(function: Callable[[A], B], arguments: Iterable[A], jobs: int) -> Iterator[B]:
    """Yield function(argument) for each argument, in the order in which the calls end; at most `jobs` run at a time.

    An error of a call is raised here, and Interrupted if a signal has interrupted one. MinisglError if a worker is killed. On
    any error, also Ctrl-C, the workers that still run are interrupted first.
    """
    waiting = list(arguments)[::-1]
    running: dict[Connection, BaseProcess] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                _start(function, waiting.pop(), running)
            for ready in connections.wait(list(running)):
                yield _result(running, ready)  # type: ignore[arg-type]
    finally:
        _stop(running)


def _start(function: Callable[[A], Any], argument: A, running: "dict[Connection, BaseProcess]") -> None:
    """Start a worker and add it to those that run. It is spawned: a fork of a program with threads may hang."""
    try:
        here, there = multiprocessing.Pipe()
        with there, _signals_blocked():
            process = multiprocessing.get_context("spawn").Process(target=_work, args=(function, argument, there))
            process.start()
            running[here] = process
    except OSError as error:  # a limit on processes or open files
        raise MinisglError(NOT_STARTED.format("process", error.strerror or error)) from error


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Deliver Ctrl-C and SIGTERM only after this block; a process that is started in it inherits this."""
    if sys.platform == "win32":
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the warning if it was killed: minisgl's workers do not need it
        resource_tracker.ensure_running()  # of multiprocessing; its start would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _result(running: "dict[Connection, BaseProcess]", ready: "Connection") -> Any:
    """Return the result of the worker whose connection is ready, or raise its error. Remove the worker."""
    try:
        value, error = ready.recv()
    except (EOFError, OSError) as lost:
        raise MinisglError("a process was killed; if memory ran out, fewer --jobs need less") from lost
    finally:
        process = running.pop(ready)
        ready.close()
        process.join()
    if error is not None and error[0] == Interrupted.__name__:
        raise Interrupted(int(error[1]))
    if error is not None:
        raise from_text(*error)
    return value


def _stop(running: "dict[Connection, BaseProcess]") -> None:
    """Interrupt the workers. Kill those that have not ended after GRACE seconds, or at once if this is interrupted too."""
    for there in running:
        with suppress(OSError):  # it has ended
            there.send_bytes(STOP)
    deadline = time.monotonic() + GRACE
    try:
        for process in running.values():
            process.join(max(0, deadline - time.monotonic()))
    finally:
        for there, process in running.items():
            process.kill()
            process.join()
            there.close()
        running.clear()


def _work(function: Callable[[A], Any], argument: A, there: "Connection") -> None:
    """Run the call in a worker, on one core, and send its result, or its error as a type and a text."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    answer: tuple[Any, tuple[str, str] | None]
    try:
        threading.Thread(target=_watch, args=(there,), daemon=True).start()
    except RuntimeError as error:  # a limit on processes
        there.send((None, (MinisglError.__name__, NOT_STARTED.format("thread", error))))
        return
    try:
        with threadpool_limits(limits=1, user_api="blas"), warnings_as_sentences():
            answer = function(argument), None
    except Interrupted as interrupt:  # by STOP, or by a signal to all processes that has come here first
        answer = None, (Interrupted.__name__, str(int(interrupt.number)))
    except KeyboardInterrupt:
        answer = None, (Interrupted.__name__, str(int(signal.SIGINT)))
    except Exception as error:
        answer = None, as_text(error)
    with suppress(OSError):
        there.send(answer)


def _watch(there: "Connection") -> None:
    """End this worker when the process that started it has ended. When that process sends STOP, interrupt the call.

    The interrupt is ignored (see _work), except while a training can save a checkpoint: so it is repeated.
    """
    try:
        there.recv_bytes()
        while not there.poll(REPEAT):
            _thread.interrupt_main()
        there.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)
