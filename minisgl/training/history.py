"""Read history.jsonl, which has one line of JSON for each epoch. A RunDirectory appends the lines."""

import json
from pathlib import Path
from typing import Any

from minisgl.errors import MinisglError
from minisgl.formats import files, paths


def lines(path: Path) -> list[bytes]:
    """Return the lines of a history, of which the last may be partial; none if there is no file.

    MinisglError if the file cannot be read.
    """
    if not paths.exists(path):
        return []
    with paths.reading(path), files.open_to_read(path) as file:
        return file.readlines()


def recorded_epochs(path: Path) -> int:
    """Return how many epochs a history has from the first on, up to a line that is missing, partial or damaged."""
    return _whole(lines(path))


def _whole(found: list[bytes]) -> int:
    epochs = 0
    for line in found:
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            break
        if not isinstance(record, dict) or record.get("epoch") != epochs + 1:
            break
        epochs += 1
    return epochs


def read(path: Path) -> list[dict[str, Any]]:
    """Return the record of every epoch, in order. MinisglError if a line is damaged or missing, or if there is none."""
    found = lines(path)
    epochs = _whole(found)
    if epochs < max(len(found), 1):
        raise MinisglError(f"{path} must have a line for each epoch, but line {epochs + 1} is missing or damaged")
    return [json.loads(line) for line in found]
