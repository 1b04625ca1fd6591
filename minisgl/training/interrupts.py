"""Ctrl-C during a training: the first lets the current step end, so that the run is saved; the second interrupts at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def deferring_interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed. Only a second Ctrl-C interrupts at once."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread can set signal handlers
        yield lambda: False
        return
    interrupted = False
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: interrupted
    finally:
        signal.signal(signal.SIGINT, before)
