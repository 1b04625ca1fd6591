"""The error type whose message a user sees, minisgl's warnings, and the import of optional packages.

A command that catches a MinisglError prints its message, one sentence with the numbers in it, and exits with status 2. Any
other exception is a bug in minisgl and keeps its traceback.
"""

import importlib
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

LONGEST = 80  # characters of a value that a message shows


class MinisglError(Exception):
    """An error that the user can fix: a wrong value, a missing or damaged file, a training run that diverged."""


FIXABLE: dict[str, type[Exception]] = {error.__name__: error for error in (MinisglError, MemoryError)}


class MinisglWarning(UserWarning):
    """A possible mistake of the user that does not stop the run. A command prints it as one sentence."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM (`number` is the signal's); after everything has been saved, the message says how to continue."""

    def __init__(self, number: int = signal.SIGINT, after: str = "") -> None:
        super().__init__(number, after)
        self.number, self.after = number, after

    def __str__(self) -> str:
        return f"{'terminated' if self.number == signal.SIGTERM else 'interrupted'} {self.after}".rstrip()


@contextmanager
def warnings_as_sentences() -> Iterator[None]:
    """In this context minisgl's own warnings are sentences on stderr, each printed once; others are shown as usual."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None) -> None:  # noqa: PLR0917
            if issubclass(category, MinisglWarning):
                print(f"minisgl: {message}", file=sys.stderr)
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        warnings.simplefilter("default", MinisglWarning)
        yield


def quoted(*words: object) -> str:
    """Return words of a command as the user must type them, with quotes where the system's shell needs them."""
    if sys.platform == "win32":
        from subprocess import list2cmdline  # noqa: PLC0415 (importing minisgl stays light)

        return list2cmdline(map(str, words))
    from shlex import join  # noqa: PLC0415

    return join(map(str, words))


def shown(value: object) -> str:
    """Return a value from a file for a message: its repr, shortened if it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def enumerated(names: Iterable[str], conjunction: str = "and") -> str:
    """Return names as text: "a", "a and b", "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def require(module: str, extra: str, purpose: str) -> Any:
    """Import and return a module. MinisglError if a package is missing: its message has the command that installs the extra.

    `purpose` is what needs the module: "compact.onnx". The missing package may also be one that the module itself imports.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MinisglError(
            f'{error.name} is not installed, and {purpose} needs it: pip install -e ".[{extra}]" in minisgl\'s checkout'
        ) from error


def require_matplotlib(module: str, purpose: str) -> Any:
    """Import and return a module that imports matplotlib. MinisglError with the cause if matplotlib cannot be imported.

    Matplotlib fails to import if MPLBACKEND names an unknown backend, or if the user's matplotlibrc is not text.
    """
    try:
        importlib.import_module("matplotlib")
    except Exception as error:
        raise MinisglError(f"{purpose} needs matplotlib, which cannot be imported: {one_line(error)}") from error
    return importlib.import_module(module)


def as_text(error: Exception) -> tuple[str, str]:
    """Return the error's type and text, to send to another process; the text is the traceback if a user cannot fix it."""
    kind = type(error).__name__
    return kind, str(error) if kind in FIXABLE else traceback.format_exc()


def from_text(kind: str, text: str) -> Exception:
    """Return the error that another process has sent: of the same type if a user can fix it, else a RuntimeError."""
    return FIXABLE.get(kind, RuntimeError)(text)


def described(error: OSError) -> str:
    """Return the system's reason and the file, without saying whether it was read or written, which is not known here."""
    if error.strerror and error.filename is not None:
        return f"{error.strerror}: {os.fsdecode(error.filename)!r}" if isinstance(error.filename, str | bytes) else str(error)
    return error.strerror or str(error) or type(error).__name__


def one_line(error: BaseException) -> str:
    """Return the error's type and message in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
