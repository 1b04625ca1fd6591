"""How a command reports an error: one sentence on stderr, exit status 2, no traceback. Its standard streams may be closed."""

import atexit
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.errors import Interrupted, MinisglError, described, warnings_as_sentences
from minisgl.training.interrupts import STOPS, terminating


@contextmanager
def errors_as_sentences(memory_advice: str = "") -> Iterator[None]:
    """Turn an error that a user can fix into a sentence on stderr and exit status 2.

    These errors are every MinisglError, too little memory, and any error of the system. Ctrl-C exits with status 130, SIGTERM
    with 143; while Python shuts down after that, both are ignored. If nobody reads stdout any more, a sentence says so, and the
    command goes on. `memory_advice`: what the user can do to need less memory.
    """
    with _ignoring_late_interrupts(), _usable_streams(), warnings_as_sentences():
        try:
            try:
                with terminating():
                    yield
            except SystemExit:  # of --help, or with a command's own status
                sys.stdout.flush()
                raise
            sys.stdout.flush()
        except MinisglError as error:
            _end(str(error), 2)
        except MemoryError:
            _end("; ".join(filter(None, ("there is not enough memory for this", memory_advice))), 2)
        except OSError as error:
            _end(described(error), 2)
        except UnicodeEncodeError as error:
            _end(f"a text cannot be written in {error.encoding}: {error}", 2)
        except KeyboardInterrupt as interrupt:
            stopped = interrupt if isinstance(interrupt, Interrupted) else Interrupted()
            _end(str(stopped), 128 + stopped.number)


@contextmanager
def _ignoring_late_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM when Python shuts down after this context: everything has been written and printed."""

    def ignore() -> None:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)

    try:
        yield
    finally:
        atexit.register(ignore)  # not before: what was registered last is called first


class Output:
    """stdout or stderr. If nobody reads it any more, or if stderr fails, what is written is discarded from then on.

    MinisglError if stdout fails for another reason, such as a full disk.
    """

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, and return its length."""
        with self._discarding_after_errors():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered."""
        with self._discarding_after_errors():
            self._stream.flush()

    @contextmanager
    def _discarding_after_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with suppress(OSError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self._stream.fileno())  # what is buffered goes there too
                os.close(null)
            if self._name == "stderr":
                return
            # Windows reports a pipe without a reader as an invalid argument
            closed = isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)
            if not closed:
                raise MinisglError(f"stdout cannot be written: {error.strerror or error}") from error
            print("minisgl: stdout was closed; the command goes on and prints nothing more there", file=sys.stderr)


@contextmanager
def _usable_streams() -> Iterator[None]:
    """In this context stdout and stderr can be written, also if they are closed, and escape what their encoding lacks."""
    for number in range(3):  # otherwise the next file that is opened would become the closed stdout or stderr
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    before = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    with open(os.devnull, "w", encoding="utf-8") as null:
        for name, stream in before.items():
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a path may have letters that an encoding such as cp1252 lacks
            setattr(sys, name, Output(null if stream is None else stream, name))
        try:
            yield
        finally:
            with suppress(MinisglError):
                sys.stdout.flush()
            for name, stream in before.items():
                setattr(sys, name, stream)


def read_each(paths: Sequence[Path], read: Callable[[Path], np.ndarray]) -> Iterator[tuple[Path, np.ndarray]]:
    """Yield each path and its picture. If one cannot be read, print a line on stderr, and raise MinisglError at the end."""
    unread = []
    for path in paths:
        try:
            picture = read(path)
        except MinisglError as error:
            unread.append(error)
            if len(paths) > 1:
                print(f"minisgl: {error}", file=sys.stderr)
        else:
            yield path, picture
    if unread:
        raise unread[0] if len(paths) == 1 else MinisglError(f"{len(unread)} of {len(paths)} pictures could not be read")


def _end(sentence: str, status: int) -> None:
    print(f"minisgl: {sentence}", file=sys.stderr)
    sys.exit(status)
