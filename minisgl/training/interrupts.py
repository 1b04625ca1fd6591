"""Ctrl-C and SIGTERM: the first lets the current step of a training end, so that the run is saved; the second acts at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from minisgl.errors import Interrupted

Handler = Callable[[int, object], None]
STOPS = (signal.SIGINT, signal.SIGTERM)  # Windows has SIGTERM, too, but no other process can send it


@contextmanager
def deferring_interrupts() -> Iterator[Callable[[], int]]:
    """Yield a function that returns the number of the signal that came, Ctrl-C's SIGINT or SIGTERM, or 0 if none came.

    A second signal, of either kind, acts as if this context did not exist.
    """
    received, before = 0, {number: signal.getsignal(number) for number in STOPS}

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


@contextmanager
def _handling(handlers: dict[signal.Signals, Handler]) -> Iterator[None]:
    """Set these handlers, and restore the earlier ones. In another thread than the main one, nothing can be set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in handlers}
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
