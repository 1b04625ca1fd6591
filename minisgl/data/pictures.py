"""Convert a user's own picture to the form that a network was trained on: MNIST's digits, or CIFAR's colour photographs.

MNIST's digits are white ink on black, scaled to fit a box of 20 x 20 pixels, and placed in 28 x 28 so that their centre of
mass is at the centre (LeCun, Cortes, Burges, "The MNIST database of handwritten digits"). A network trained on them expects
this, so a picture is made grey, with bright ink (the border shows the paper's colour), cropped to the ink, scaled, and
centred. A picture that is already 28 x 28 with a dark border is not changed.

CIFAR's photographs are square, so a colour picture is cropped to the square in its middle, and scaled to their size.
"""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from minisgl.data.illumination import flatten
from minisgl.errors import MinisglError
from minisgl.formats import files

SIDE, BOX = 28, 20
MAX_SIDE = 6_000  # pixels
INK = 0.2  # fraction of the contrast above which a pixel belongs to the digit
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")


def read_grey(path: Path) -> np.ndarray:
    """Return grey values (H, W) float32 in [0, 1], upright; MinisglError if it is not a picture.

    Transparent pixels are white, or black if the picture shows more that way.
    """
    return _read(path, _grey)


def read_colour(path: Path, size: int = 32) -> np.ndarray:
    """Return the middle of the picture, (3, size, size) float32 in [0, 1]: red, green, blue. MinisglError if that fails.

    The largest square in the middle is scaled by Lanczos's filter; transparent pixels are white. A picture that is already
    size x size is not changed.
    """
    return _read(path, lambda picture: _colour(picture, size))


def _read(path: Path, convert: Callable[[Image.Image], np.ndarray]) -> np.ndarray:
    """Return what `convert` makes of the picture in a file, turned upright. MinisglError if it is not a picture."""
    try:
        files.open_to_read(path).close()
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures; they are refused below, in a sentence
            with Image.open(path, formats=FORMATS) as picture:
                if max(picture.size) > MAX_SIDE:
                    raise MinisglError(
                        f"{path} is {picture.size[0]} x {picture.size[1]} pixels; at most {MAX_SIDE} per side are allowed"
                    )
                return convert(ImageOps.exif_transpose(picture))
    except MinisglError:
        raise
    except Exception as error:  # decoders fail on damaged files with undocumented errors: fuzzing found a TypeError
        raise MinisglError(f"{path} cannot be read as a picture ({', '.join(FORMATS)}): {error}") from error


def _grey(picture: Image.Image) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):  # 16 bits and more: Pillow's conversion to L would clip, not scale
        values = np.asarray(picture, np.float32)
        if not np.isfinite(values).all():
            raise ValueError("some of its numbers are NaN or infinite")
        low, high = float(values.min()), float(values.max())
        return (values - low) / (high - low) if high > low else np.zeros_like(values)
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        pages = [Image.alpha_composite(Image.new("RGBA", rgba.size, paper), rgba) for paper in ("white", "black")]
        return max(map(_luminance, pages), key=np.ptp)  # white ink shows on black only; at a tie white paper
    return _luminance(picture)


def _colour(picture: Image.Image, size: int) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):  # 16 bits and more
        picture = Image.fromarray(np.round(255 * _grey(picture)).astype(np.uint8))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    square = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    return np.ascontiguousarray(np.moveaxis(np.asarray(square, np.float32), -1, 0)) / 255  # (3, size, size)


def _luminance(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"), np.float32) / 255


def read_digit(path: Path) -> np.ndarray:
    """Return one MNIST-like image (1, 28, 28) float32 in [0, 1], ink 1. MinisglError if the picture shows nothing."""
    grey = read_grey(path)
    if grey.shape != (SIDE, SIDE):
        grey = flatten(grey)
    digit, paper = crop_to_ink(path, grey)
    if grey.shape == (SIDE, SIDE) and paper < 0.1:
        return grey[None]
    return _centred(scaled(digit, BOX / max(digit.shape)))[None]


def crop_to_ink(path: Path, grey: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the ink in grey values (H, W), cropped, 0 on paper and 1 where it is strongest, and the paper's grey value.

    MinisglError, which names the path, if there is no ink.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    ink = np.abs(grey - paper)  # (H, W): 0 on paper, whatever its colour
    if ink.max() < 0.1:
        raise MinisglError(f"{path} shows nothing: its grey values differ from the border's by at most {ink.max():.2f} of 1")
    ink /= ink.max()
    rows, columns = np.nonzero((ink > INK).any(axis=1))[0], np.nonzero((ink > INK).any(axis=0))[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], paper


def scaled(ink: np.ndarray, scale: float) -> np.ndarray:
    """Return the picture (H, W) resized by `scale`, its values in [0, 1], each side at least one pixel."""
    size = (max(round(ink.shape[1] * scale), 1), max(round(ink.shape[0] * scale), 1))  # Pillow's order: W, H
    small = np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC))
    return np.clip(small, 0, 1)


def _centred(digit: np.ndarray) -> np.ndarray:
    """Return the digit (h, w), at most 20 x 20, in 28 x 28 with its centre of mass as near (14, 14) as whole pixels allow.

    MNIST has it there too: over the test set it is between 13.5 and 14.5 in both directions.
    """
    h, w = digit.shape
    mass = float(digit.sum())
    row = float(np.arange(h) @ digit.sum(axis=1)) / mass
    column = float(np.arange(w) @ digit.sum(axis=0)) / mass
    top = min(max(round(SIDE / 2 - row), 0), SIDE - h)
    left = min(max(round(SIDE / 2 - column), 0), SIDE - w)
    placed = np.zeros((SIDE, SIDE), np.float32)
    placed[top : top + h, left : left + w] = digit
    return placed
