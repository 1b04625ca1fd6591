"""How a command ends when something is wrong: one sentence on stderr, exit status 2, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from minisgl.errors import MinisglError


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Turn a MinisglError into its message on stderr and exit status 2; Ctrl-C exits 130."""
    try:
        yield
    except MinisglError as error:
        print(f"minisgl: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("minisgl: interrupted", file=sys.stderr)
        sys.exit(130)
