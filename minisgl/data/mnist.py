"""MNIST: 70,000 handwritten digits, 28 x 28 grey pixels, the data set that comes with this package.

The four files are the original ones, and are checked against their published SHA-256 before they are used.
Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; LeCun, Bottou, Bengio, Haffner, Proc. IEEE 86 (1998).
"""

import hashlib
from pathlib import Path

import numpy as np

from minisgl.data import idx
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.formats import paths

CLASSES = 10
SIDE = 28

# In a wheel the files are inside the package; in a checkout, in its top folder.
BUNDLED = (Path(__file__).parent / "files" / "mnist", Path(__file__).parents[2] / "data" / "mnist")

SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


Digits = LabelledImages  # images (N, 1, 28, 28), labels 0 to 9


def _find(directory: Path, stem: str) -> Path:
    for name in (f"{stem}.gz", stem):
        if paths.is_file(directory / name):
            return directory / name
    raise MinisglError(f"{directory} has no file {stem}.gz or {stem}")


def bundled() -> Path:
    """Return the directory of the bundled files, after checking that each is the published one."""
    for directory in BUNDLED:
        if directory.is_dir():
            break
    else:
        raise MinisglError(f"the bundled MNIST files are missing; looked in {BUNDLED[0]} and {BUNDLED[1]}")
    for name, published in SHA256.items():
        with paths.reading(directory / name):
            found = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        if found != published:
            raise MinisglError(f"{directory / name} is damaged: its SHA-256 is {found}, and must be {published}")
    return directory


def _load_part(directory: Path, prefix: str) -> Digits:
    image_path = _find(directory, f"{prefix}-images-idx3-ubyte")
    label_path = _find(directory, f"{prefix}-labels-idx1-ubyte")
    # the headers first: a small gzip file may hold gigabytes
    (count, height, width), (labelled,) = idx.read_shape(image_path, dimensions=3), idx.read_shape(label_path, dimensions=1)
    if (height, width) != (SIDE, SIDE):
        raise MinisglError(f"{image_path} has images of {height} x {width} pixels, but 28 x 28 are needed")
    if count != labelled:
        raise MinisglError(f"{image_path} has {count} images and {label_path} has {labelled} labels")
    if count == 0:
        raise MinisglError(f"{image_path} has no images")
    labels = idx.read(label_path, dimensions=1)
    if labels.max() >= CLASSES:
        at = int(labels.argmax())
        raise MinisglError(f"{label_path} has the label {labels[at]} at position {at}; labels are 0 to {CLASSES - 1}")
    images = idx.read(image_path, dimensions=3)
    try:
        scaled = images[:, None].astype(np.float32)  # (N, 1, 28, 28)
    except MemoryError as error:
        raise MinisglError(f"there is not enough memory for the {count:,} images in {image_path}, 4 bytes a pixel") from error
    scaled /= 255
    return Digits(scaled, labels.astype(np.int64))


def load_test(path: Path | str | None = None) -> Digits:
    """Return only the test set; see load."""
    return _load_part(Path(path) if path is not None else bundled(), "t10k")


def load(path: Path | str | None = None) -> tuple[Digits, Digits]:
    """Return the training and the test set, 60,000 and 10,000 digits in the bundled MNIST.

    path: a directory with four IDX files with MNIST's names, gzipped or raw (Fashion-MNIST, say); None for the bundled set.
    MinisglError if a file is missing or damaged, has images of another size, or has labels outside 0..9.
    """
    directory = Path(path) if path is not None else bundled()
    return _load_part(directory, "train"), _load_part(directory, "t10k")
