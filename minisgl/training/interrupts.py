"""Ctrl-C and SIGTERM: the first lets the current step of a training end, so that the run is saved; the second acts at once."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from minisgl.errors import Interrupted

Handler = Callable[[int, object], None]
STOPS = (signal.SIGINT, signal.SIGTERM)  # Windows has SIGTERM, too, but no other process can send it


@contextmanager
def deferring_interrupts() -> Iterator[Callable[[], int]]:
    """Yield a function that returns the number of the signal that came, Ctrl-C's SIGINT or SIGTERM, or 0 if none came.

    A second signal, of either kind, acts as if this context did not exist.
    """
    received, before = 0, _set_by_python(STOPS)

    def handle(number: int, frame: object) -> None:
        nonlocal received
        received = number
        for each, earlier in before.items():
            signal.signal(each, earlier)

    with _handling(dict.fromkeys(STOPS, handle)):
        yield lambda: received


@contextmanager
def terminating() -> Iterator[None]:
    """A context in which SIGTERM raises Interrupted, as Ctrl-C raises KeyboardInterrupt, so that everything is cleaned up."""

    def handle(number: int, frame: object) -> None:
        raise Interrupted(number)

    with _handling({signal.SIGTERM: handle}):
        yield


def _set_by_python(numbers: Iterable[signal.Signals]) -> dict[signal.Signals, Any]:
    """Return the handlers of these signals, without those that another program has set in C: they could not be restored."""
    return {number: handler for number in numbers if (handler := signal.getsignal(number)) is not None}


@contextmanager
def _handling(handlers: dict[signal.Signals, Handler]) -> Iterator[None]:
    """Set these handlers, and restore the earlier ones. In another thread than the main one, nothing can be set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _set_by_python(handlers)
    try:
        for number in before:
            signal.signal(number, handlers[number])
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
