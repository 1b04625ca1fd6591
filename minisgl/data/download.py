"""Download a published file once, to a cache directory, and check its SHA-256.

The directory is MINISGL_DATA if that is set, or else the system's own for caches (~/.cache/minisgl on Linux). pooch downloads
to a temporary file there, compares the checksum, and only then renames it. So a download that fails or is interrupted leaves
nothing behind, and several processes may download the same file at once.
"""

import hashlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minisgl.errors import MinisglError
from minisgl.formats import paths

DIRECTORY = "MINISGL_DATA"  # environment variable
CHUNK = 1 << 16  # bytes
TIMEOUT = 30.0  # seconds without an answer
REFRESH = 0.1  # seconds between two drawings of the bar


@dataclass(frozen=True)
class Published:
    """A file at its publisher: what it is, its address, its size in MB as the publisher gives it, its SHA-256."""

    name: str
    url: str
    megabytes: int
    sha256: str

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


def fetch(file: Published) -> Path:
    """Return the path of the file in the cache directory, after downloading it if it is not there or is damaged.

    stderr says what is downloaded, and on a terminal shows a bar. MinisglError, with the address and the checksum, if the file
    cannot be downloaded, is not the published one, or cannot be written.
    """
    import pooch  # noqa: PLC0415 (only if something has to be found or downloaded)

    folder = Path(os.environ.get(DIRECTORY) or pooch.os_cache("minisgl"))
    path = folder / file.filename
    if paths.is_file(path) and _sha256(path) == file.sha256:
        return path
    print(f"minisgl: downloading {file.name}, {file.megabytes} MB, from {file.url} to {folder}", file=sys.stderr)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # fails with the system's reason, and pooch with several sentences
        with _quiet(pooch.get_logger()), _showing_progress() as bar, ExitStack() as responses:

            def opened(response: Any, **_: Any) -> None:  # pooch leaves it open after an error
                responses.callback(response.close)

            hooks = {"response": opened}
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT, hooks=hooks)
            pooch.retrieve(file.url, f"sha256:{file.sha256}", file.filename, folder, downloader=downloader)
    except (OSError, ValueError) as error:
        raise MinisglError(
            f"{file.name} cannot be downloaded: {_reason(error, urlsplit(file.url).netloc, folder)}; fetch {file.url} "
            f"({file.megabytes} MB, SHA-256 {file.sha256}) by hand, and give --data {file.filename}"
        ) from error
    return path


def _sha256(path: Path) -> str:
    with paths.reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception, host: str, folder: Path) -> str:
    import requests  # noqa: PLC0415

    match error:
        case requests.HTTPError(response=requests.Response() as response):
            return f"{host} answers {response.status_code} {response.reason}"
        case requests.Timeout():
            return f"{host} does not answer"
        case requests.ConnectionError():
            return f"there is no connection to {host}"
        case requests.RequestException():
            return f"the connection to {host} broke off"
        case OSError():
            return f"{folder} cannot be written: {error.strerror or error}"
    return f"what {host} sent is not the published file"  # pooch's ValueError


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """In this context the logger reports only warnings."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Bar:
    """A bar with the methods that pooch calls. It adds up the bytes received."""

    def __init__(self, progress: Any) -> None:
        self._progress, self._task, self._drawn = progress, progress.add_task(""), 0.0
        self.total = 0  # bytes; pooch sets it

    def update(self, n_bytes: int) -> None:
        self._progress.update(self._task, advance=n_bytes, total=self.total)
        if time.monotonic() - self._drawn > REFRESH:
            self._progress.refresh()
            self._drawn = time.monotonic()

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        self._progress.refresh()


@contextmanager
def _showing_progress() -> Iterator[_Bar | bool]:
    """Yield a bar on stderr, or False if that is not a terminal."""
    from rich.console import Console  # noqa: PLC0415 (only for a download)
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield False
        return
    columns = BarColumn(bar_width=None), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, auto_refresh=False) as progress:  # automatic refreshing starts a thread
        yield _Bar(progress)
