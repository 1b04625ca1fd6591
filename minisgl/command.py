"""How a command reports an error: one sentence on stderr, exit status 2, no traceback."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from minisgl.errors import MinisglError


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn an error that a user can fix into a sentence on stderr and exit status 2. Ctrl-C exits with status 130.

    These errors are every MinisglError, too little memory, and output that cannot be written.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may have letters that an encoding such as cp1252 lacks
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


def _end(sentence: str, status: int) -> None:
    print(f"minisgl: {sentence}", file=sys.stderr)
    sys.exit(status)
