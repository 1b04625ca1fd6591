"""The data set: words in many fonts, regular (0) and shaky (1), drawn once and cached.

Picture i of a split depends only on default_rng((seed, split, i)): not on how many are drawn or in which order. A smaller set
is the beginning of a larger one. Odd pictures are shaky, with a tremor drawn uniformly from RMS. Each split has its own words
and fonts, and uses the three kinds of font equally often. There are few fonts, so the training pictures have more variety: half
are mirrored, left to right, and the letters' width, slant, weight and form vary more (rendering.py). For a network these are
new fonts.
"""

import hashlib
import json
import os
import sys
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from minisgl.data.curves.fonts import FONTS, MISSING_LETTERS, Split, set_word
from minisgl.data.curves.rendering import PLAIN, RMS, SIZE, TRAINING, X_HEIGHT, render_word
from minisgl.data.curves.words import words
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.formats import files, paths

CLASSES = 2
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
COUNTS = (24_000, 3_000, 3_000)
SLACK = 0.6  # x-heights that slant, rotation and displacement may add to a word's width and height


def _fits(word: str, font: str) -> bool:
    """Whether the font has all letters of the word, and the word fits a picture at the smallest x-height."""
    if set(word) & set(MISSING_LETTERS.get(font, "")):
        return False
    points = np.concatenate(set_word(word, font)[0])
    extent = np.ptp(points, axis=0) + SLACK  # (2,) width and height in x-heights
    return bool((extent * X_HEIGHT[0] * SIZE[0] <= SIZE[::-1]).all())


def choose(split: Split, index: int, seed: int) -> tuple[str, str, float, np.random.Generator]:
    """Return a picture's word, font and tremor, and the Generator for all else: the arguments of render_word."""
    rng = np.random.default_rng((seed, SPLITS.index(split), index))
    tremor = rng.uniform(*RMS)
    kinds = list(FONTS[split].values())
    fonts = kinds[rng.integers(len(kinds))]
    font = fonts[rng.integers(len(fonts))]
    vocabulary = words(split)
    word = vocabulary[rng.integers(len(vocabulary))]
    while not _fits(word, font):
        word = vocabulary[rng.integers(len(vocabulary))]
    return word, font, tremor if index % CLASSES else 0.0, rng


def draw(split: Split, index: int, seed: int) -> np.ndarray:
    """Return one picture (H, W) in 256 levels of grey, uint8, ink 255; its label is index % 2."""
    word, font, tremor, rng = choose(split, index, seed)
    variety = TRAINING if split == "train" else PLAIN
    picture = np.round(255 * render_word(word, font, tremor, rng, variety=variety)).astype(np.uint8)
    return picture[:, ::-1] if split == "train" and rng.integers(2) else picture


def default_cache() -> Path:
    """Return minisgl's cache directory: in $XDG_CACHE_HOME, else, on Windows, in %LOCALAPPDATA%, else in ~/.cache."""
    variables = ("XDG_CACHE_HOME", "LOCALAPPDATA") if sys.platform == "win32" else ("XDG_CACHE_HOME",)
    named = (Path(os.environ.get(variable, "")) for variable in variables)
    return next((path for path in named if path.is_absolute()), Path.home() / ".cache") / "minisgl"


def _key(seed: int, counts: tuple[int, int, int]) -> str:
    """Return a name for exactly these pictures: a hash of the seed, the counts, this package's text and its libraries."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in (".py", ".txt"):
            digest.update(path.name.encode() + path.read_bytes())
    versions = {name: metadata.version(name) for name in ("numpy", "matplotlib", "Hershey-Fonts")}
    digest.update(json.dumps([seed, counts, versions], sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _generate(seed: int, counts: tuple[int, int, int], console: Console) -> dict[str, np.ndarray]:
    """Draw all pictures, (N, H, W) uint8 by split; in a terminal with a progress bar."""
    columns = (TextColumn("drawing words"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    arrays: dict[str, np.ndarray] = {}
    bar = Progress(*columns, console=console)
    task = bar.add_task("", total=sum(counts))
    with bar if console.is_terminal else nullcontext():  # a bar that is never started prints nothing, in every version
        for split, count in zip(SPLITS, counts, strict=True):
            arrays[split] = np.empty((count, *SIZE), np.uint8)
            for index in range(count):
                arrays[split][index] = draw(split, index, seed)
                bar.advance(task)
    return arrays


def _labelled(pictures: np.ndarray) -> LabelledImages:
    images = pictures[:, None].astype(np.float32)  # (N, 1, H, W)
    images /= 255
    return LabelledImages(images, np.arange(len(images)) % CLASSES)


def load(
    seed: int = 0,
    counts: tuple[int, int, int] = COUNTS,
    cache: Path | str | None = None,
    console: Console | None = None,
) -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """Return training, validation and test set: images (N, 1, 48, 128) float32 in [0, 1], labels (N,), 0 regular and 1 shaky.

    The same seed (0 or larger) and counts (pictures per set) give the same pictures with the same versions of NumPy, matplotlib
    and Hershey-Fonts. They are drawn once, in about a minute for the default counts, and kept in the directory `cache` (None:
    default_cache()); a damaged file there is replaced. Progress goes to the console, by default to stderr. MinisglError for a
    negative seed, a count below 1, or a cache that cannot be written.
    """
    if seed < 0 or min(counts) < 1:
        raise MinisglError(f"seed must be >= 0 and each count >= 1, but they are {seed} and {', '.join(map(str, counts))}")
    console = console or Console(stderr=True)
    path = (default_cache() if cache is None else Path(cache)) / f"curves-{_key(seed, counts)}.safetensors"
    shapes: dict[str, tuple[int, ...]] = {split: (count, *SIZE) for split, count in zip(SPLITS, counts, strict=True)}
    try:
        arrays = files.read_arrays(path, shapes, types=("U8",))[0]
    except MinisglError as error:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as refused:
            raise MinisglError(f"{path.parent} cannot be created: {refused.strerror or refused}") from refused
        reason = f"{error}; " if paths.exists(path) else ""
        console.print(
            f"{reason}drawing {sum(counts):,} pictures of words, kept in {path}", highlight=False, markup=False, soft_wrap=True
        )
        arrays = _generate(seed, counts, console)
        files.write_arrays(path, arrays, {})
    train, validation, test = (_labelled(arrays[split]) for split in SPLITS)
    return train, validation, test
