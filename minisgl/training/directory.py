"""A run directory: the configuration of a training, its history, and its results.

    config.json   history.jsonl   checkpoint/NNNNNN.safetensors   model.safetensors   report.json   figures/*.png

and with minisgl.compress    compact.safetensors   compact.onnx   compact.json

config.json is written first and report.json after the model, so a directory with a report holds a finished run. While a process
works in the directory it locks the file .lock. A .lock left by a killed process has no effect.
"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from minisgl.errors import MinisglError
from minisgl.formats import files, paths
from minisgl.training import history

LOCK = ".lock"
LOCK_TIMEOUT = 0.5  # seconds: the system may release a killed process's lock shortly after the process has ended
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)  # the file system has no locks


class RunDirectory:
    """The paths inside one run directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.history = path / "history.jsonl"
        self.checkpoints = path / "checkpoint"
        self.model = path / "model.safetensors"
        self.report = path / "report.json"
        self.figures = path / "figures"
        self.compact = path / "compact.safetensors"
        self.onnx = path / "compact.onnx"
        self.compact_report = path / "compact.json"
        self.lock = path / LOCK

    @classmethod
    def create(cls, out: Path | None, stem: str) -> "RunDirectory":
        """Return a new and empty run directory: `out`, or runs/<stem>-<n> with the first free n.

        Raises MinisglError if `out` is not empty or cannot be created.
        """
        import filelock  # noqa: F401, PLC0415 (it takes a while; a signal in that time leaves no new directory)

        try:
            if out is None:
                Path("runs").mkdir(exist_ok=True)
                path = cls._numbered(Path("runs"), stem)
            else:
                path = out
                path.mkdir(parents=True, exist_ok=True)
                if any(each.name != LOCK for each in paths.entries(path)):
                    what = "already holds a run" if paths.exists(path / "config.json") else "is not empty"
                    raise MinisglError(f"{path} {what}; name another directory with --out")
        except OSError as error:
            raise MinisglError(f"{error.filename} cannot be created: {error.strerror}") from error
        return cls(path)

    @staticmethod
    def _numbered(parent: Path, stem: str) -> Path:
        for n in count(1):
            try:
                (parent / f"{stem}-{n}").mkdir()
            except FileExistsError:
                continue
            break
        return parent / f"{stem}-{n}"

    def make_folders(self) -> None:
        """Make the folders for checkpoints and figures, unless they exist."""
        for folder in (self.checkpoints, self.figures):
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise MinisglError(f"{folder} cannot be created: {error.strerror}") from error

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint, valid or not."""
        return any(path.suffix == ".safetensors" for path in paths.entries(self.checkpoints))

    def discard_unless_checkpointed(self) -> None:
        """Remove the files of a run that ended before its first checkpoint. `locked` removes the empty directory.

        What cannot be removed stays: the user must read why the run ended, not why it could not be cleaned up.
        """
        with suppress(OSError, MinisglError):
            if not self.has_checkpoint:
                for path in (self.config, self.history):
                    path.unlink(missing_ok=True)
                _remove_if_empty(self.checkpoints, self.figures)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory; at the end, remove it if it is empty. MinisglError if it cannot be locked.

        The lock is one of the operating system, and filelock closes it in forked processes. So the lock of a killed process is
        released, even if processes that it forked still run.
        """
        import filelock  # noqa: PLC0415 (reading a run needs no lock)

        try:
            lock = filelock.FileLock(self.lock, timeout=LOCK_TIMEOUT, fallback_to_soft=False)
            try:
                lock.acquire()
            except filelock.Timeout as error:
                raise MinisglError(f"{self.path} is in use by another process") from error
            except OSError as error:
                hint = ""
                if error.errno in NO_LOCKS:  # so the file, if there is one, is nobody's lock
                    with suppress(OSError):
                        self.lock.unlink()
                    hint = "; network file systems often have no locks: use a directory on a local disk"
                raise MinisglError(f"{self.path} cannot be locked: {error.strerror or error}{hint}") from error
            try:
                yield
            finally:
                with suppress(OSError):  # filelock notices if a file that it has locked was removed
                    self.lock.unlink()  # fails on Windows, where filelock removes the file
                with suppress(OSError):  # the system releases it when the process ends
                    lock.release()
        finally:
            _remove_if_empty(self.path)

    @property
    def finished(self) -> bool:
        """Whether the run is complete: the report is written last."""
        return paths.is_file(self.report) and paths.is_file(self.model)

    def truncate_history(self, epochs: int) -> None:
        """Keep this many lines of the history: later epochs have no checkpoint, and the last line may be partial."""
        lines = history.lines(self.history)
        if len(lines) > epochs:
            files.write(self.history, b"".join(lines[:epochs]))

    def append_history(self, record: dict[str, Any]) -> None:
        """Append the record of one epoch to history.jsonl, as one line."""
        try:
            with self.history.open("ab", buffering=0) as file:
                before, line = file.tell(), (json.dumps(record, allow_nan=False) + "\n").encode()
                try:
                    if file.write(line) != len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())  # a power cut must not leave fewer lines than the checkpoint has epochs
                except OSError:
                    with suppress(OSError):
                        file.truncate(before)  # leave no partial line
                    raise
        except OSError as error:
            raise MinisglError(f"{self.history} cannot be written: {error.strerror}") from error

    def read_history(self) -> list[dict[str, Any]]:
        """Return the record of every epoch, in order. MinisglError if a line is damaged or missing, or if there is none."""
        return history.read(self.history)


def _remove_if_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # not empty, or a symbolic link, a mounted file system, the working directory
            folder.rmdir()
