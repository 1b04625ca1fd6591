"""CIFAR-10 and CIFAR-100 in the binary layout in which they are published, read strictly.

    file      records, and nothing else
    record    label bytes, then 3,072 pixels: 32 x 32 of red, 32 x 32 of green, 32 x 32 of blue, each row by row
    labels    CIFAR-10: the class, 0 to 9         CIFAR-100: the superclass, 0 to 19, then the class, 0 to 99

The files are in a folder, or in a .tar.gz, which is read without unpacking it. The published files have 10,000 images
(CIFAR-100: 50,000 and 10,000), but any whole number of records can be read.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minisgl.data import download
from minisgl.data.download import Published
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.formats import files, paths, tar

SHAPE = (3, 32, 32)  # C, H, W
PIXELS = 3 * 32 * 32
MAX_SIZE = 1 << 32  # bytes of a file


@dataclass(frozen=True)
class Layout:
    """Which files a data set consists of, and the number of values of each label byte in a record; the last is the class.

    archive: the .tar.gz of the folder, as published.
    """

    archive: Published
    folder: str
    train: tuple[str, ...]
    test: str
    label_values: tuple[int, ...]


def load(layout: Layout, path: Path | str | None) -> tuple[LabelledImages, LabelledImages]:
    """Return the training and the test set: images (N, 3, 32, 32) uint8, labels (N,) int64.

    path: a folder with the published files, or one that holds the published folder, or a .tar.gz of that folder; None for the
    published archive, which is downloaded once. MinisglError if that fails, or if a file is missing or damaged, has no record
    or a part of one, or has a label out of range.
    """
    contents = _contents(layout, path, (*layout.train, layout.test))
    train = _images(layout, [contents.pop(name) for name in layout.train])
    return train, _images(layout, [contents[layout.test]])


def load_test(layout: Layout, path: Path | str | None) -> LabelledImages:
    """Return only the test set; see load."""
    return _images(layout, list(_contents(layout, path, (layout.test,)).values()))


# Where a file is from, for messages, and its content.
_Content = tuple[str, bytes | bytearray]


def _source(layout: Layout, path: Path | str | None) -> Path:
    return download.fetch(layout.archive) if path is None else Path(path)


def _contents(layout: Layout, path: Path | str | None, names: Sequence[str]) -> dict[str, _Content]:
    """Return each file's content by name. MinisglError unless all are there."""
    source = _source(layout, path)
    found = _found(layout, source, names)
    for name in names:
        if name not in found:
            all_files = ", ".join((*layout.train, layout.test))
            raise MinisglError(f"{source} has no {name}; {layout.archive.name} consists of {all_files}")
    return found


def _found(layout: Layout, path: Path, names: Sequence[str]) -> dict[str, _Content]:
    if paths.is_file(path):
        members = tar.read(path, [f"{layout.folder}/{name}" for name in names])
        return {member.rpartition("/")[2]: (f"{path}: {member}", content) for member, content in members.items()}
    if not paths.is_folder(path):
        raise MinisglError(f"{path} does not exist")
    folder = path / layout.folder if paths.is_folder(path / layout.folder) else path
    return {name: (str(folder / name), _read(folder / name)) for name in names if paths.exists(folder / name)}


def _read(path: Path) -> bytes:
    with paths.reading(path), files.open_to_read(path) as file:
        size = path.stat().st_size
        if size > MAX_SIZE:
            raise MinisglError(f"{path} has {size:,} bytes; at most {MAX_SIZE:,} are allowed")
        try:
            return file.read()
        except MemoryError as error:
            raise MinisglError(f"there is not enough memory for {path}, {size:,} bytes") from error


def _images(layout: Layout, contents: Sequence[_Content]) -> LabelledImages:
    """Return the records of the files as one set."""
    records = [_records(layout, *content) for content in contents]
    count, L = sum(map(len, records)), len(layout.label_values)
    try:
        images = np.concatenate([each[:, L:] for each in records])  # (N, 3072)
    except MemoryError as error:
        raise MinisglError(f"there is not enough memory for the {count:,} images of {layout.archive.name}") from error
    labels = np.concatenate([each[:, L - 1] for each in records])  # (N,) of the last label byte
    return LabelledImages(images.reshape(count, *SHAPE), labels.astype(np.int64))


def _records(layout: Layout, where: str, content: bytes | bytearray) -> np.ndarray:
    """Return a file's records (N, bytes of a record) uint8. MinisglError if it has other contents."""
    L = len(layout.label_values)
    size = L + PIXELS
    if len(content) % size or not content:
        raise MinisglError(f"{where} has {len(content):,} bytes, but must consist of whole records of {size:,} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    for i, values in enumerate(layout.label_values):
        at = int(records[:, i].argmax())
        if records[at, i] >= values:
            raise MinisglError(f"{where} has the label {records[at, i]} in record {at}; labels are 0 to {values - 1}")
    return records
