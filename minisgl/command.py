"""How a command ends when something is wrong: one sentence on stderr, exit status 2, no traceback."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from minisgl.errors import MinisglError


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turn what a user can mend into a sentence on stderr and exit status 2; Ctrl-C exits 130.

    That is every MinisglError, and what the system refuses: memory, or output that cannot be written where it goes.
    """
    try:
        yield
        sys.stdout.flush()
    except MinisglError as error:
        _end(str(error), 2)
    except MemoryError:
        _end("there is not enough memory for this; a smaller --batch-size needs less", 2)
    except (OSError, UnicodeEncodeError) as error:
        _end(f"the output cannot be written: {error}", 2)
    except KeyboardInterrupt as interrupt:
        _end(str(interrupt) or "interrupted", 130)


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


def _end(sentence: str, status: int) -> None:
    print(f"minisgl: {sentence}", file=sys.stderr)
    sys.exit(status)
