"""How a command reports an error: one sentence on stderr, exit status 2, no traceback."""

import io
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minisgl.errors import MinisglError, MinisglWarning


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn an error that a user can fix into a sentence on stderr and exit status 2. Ctrl-C exits with status 130.

    These errors are every MinisglError, too little memory, and output that cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may have letters that an encoding such as cp1252 lacks
    try:
        with warnings.catch_warnings():
            _show_warnings()
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


def read_each(paths: Sequence[Path], read: Callable[[Path], np.ndarray]) -> Iterator[tuple[Path, np.ndarray]]:
    """Yield each path and its picture. One that cannot be read is a line on stderr, and a MinisglError after the others."""
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


def _show_warnings() -> None:
    """Print minisgl's own warnings as sentences on stderr, each once; other warnings are shown as usual."""
    usual = warnings.showwarning

    def show(message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None) -> None:  # noqa: PLR0917
        if issubclass(category, MinisglWarning):
            print(f"minisgl: {message}", file=sys.stderr)
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    warnings.simplefilter("default", MinisglWarning)


def _end(sentence: str, status: int) -> None:
    print(f"minisgl: {sentence}", file=sys.stderr)
    sys.exit(status)
