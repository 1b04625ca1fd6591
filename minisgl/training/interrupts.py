"""Ctrl-C during a training: the first lets the step in progress end, so that all is saved; the second interrupts at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Inside it the first Ctrl-C stops nothing: the function that is yielded tells of it. The second one interrupts at once."""
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handler
        yield lambda: False
        return
    told = False
    before = signal.getsignal(signal.SIGINT)

    def tell(number: int, frame: object) -> None:
        nonlocal told
        told = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, tell)
    try:
        yield lambda: told
    finally:
        signal.signal(signal.SIGINT, before)
