"""How a command ends when something is wrong: one sentence on stderr, exit status 2, no traceback."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from minisgl.errors import MinisglError


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn what a user can mend into a sentence on stderr and exit status 2; Ctrl-C exits 130.

    That is every MinisglError, and what the system refuses: memory, or output that cannot be written where it goes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may have letters that the encoding lacks: cp1252, say
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
