"""Letters as lines: the strokes of a Hershey font or the outlines of a TrueType font, in x-heights.

A Hershey glyph is the path of a pen, straight lines between points of a grid. A TrueType glyph is the closed contours around
its ink, flattened here from Bezier curves, with neither hinting nor kerning, so that FreeType's version does not matter.
Both are scaled so that the letter o is 1 high above the base line y = 0, y upwards, and resampled at points so close together
that a tremor can bend the lines between corners.

Sources: Hershey, "Calligraphy for Computers" (1967), through the package Hershey-Fonts; FreeType, through matplotlib.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from HersheyFonts import HersheyFonts
from matplotlib.ft2font import FT2Font, LoadFlags
from matplotlib.path import Path as Curves

from minisgl.errors import MinisglError
from minisgl.formats import files

STEP = 0.04  # x-heights between two points of a line: ten points per shortest wave of a tremor
POINTS = 100  # the font size at which outlines are flattened, with an x-height of about 50 units


@dataclass(frozen=True)
class Glyph:
    """One letter: its lines, each (n, 2), x to the right and y up, and the x at which the next letter starts."""

    lines: tuple[np.ndarray, ...]
    advance: float


Letters = Callable[[str], Glyph | None]  # a font: the glyph of a character, None for one that the font lacks


def resample(line: np.ndarray) -> np.ndarray:
    """Return the line (n, 2) as points (m, 2) at equal distances of at most STEP along it; its ends do not move."""
    length = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])  # (n,) from the start
    at = np.linspace(0, length[-1], int(np.ceil(length[-1] / STEP)) + 1)  # (m,)
    return np.stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])], axis=1)


def _scaled(glyph: Glyph, x_height: float) -> Glyph:
    """Return the glyph in x-heights, its lines resampled."""
    return Glyph(tuple(resample(line / x_height) for line in glyph.lines), glyph.advance / x_height)


def _height(o: Glyph) -> float:
    return float(max(line[:, 1].max() for line in o.lines))


@cache
def hershey(font: str) -> Letters:
    """Return the letters of a font of the package Hershey-Fonts."""
    package = HersheyFonts(load_default_font=font)
    base_line = float(package.render_options.base_line)
    raw = {}
    for character, glyph in package.all_glyphs.items():
        # in the package y points down, and x = 0 is the middle of the letter
        strokes = [(np.array(stroke) - (glyph.left_offset, base_line)) * (1, -1) for stroke in glyph.strokes]
        raw[character] = Glyph(tuple(stroke for stroke in strokes if len(stroke) > 1), float(glyph.char_width))
    x_height = _height(raw["o"])
    return {character: _scaled(glyph, x_height) for character, glyph in raw.items() if glyph.lines or character.isspace()}.get


def outline(path: Path) -> Letters:
    """Return the letters of a TrueType or OpenType file.

    MinisglError if the file cannot be read, is not such a font, or has no letter o to measure.
    """
    try:
        files.open_to_read(path).close()  # so that the error message is the operating system's if it cannot be opened
        face = FT2Font(str(path))
        face.set_size(POINTS, 72)
        known = face.get_charmap()
    except OSError as error:
        raise MinisglError(f"{path} cannot be read: {error.strerror or error}") from error
    except (RuntimeError, ValueError) as error:
        raise MinisglError(f"{path} is not a font that FreeType can read: {error}") from error

    def raw(character: str) -> Glyph | None:
        if ord(character) not in known:
            return None
        try:
            advance = face.load_char(ord(character), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536
            contours = Curves(*face.get_path()).to_polygons()
        except (RuntimeError, ValueError) as error:
            raise MinisglError(f"{path} has a damaged letter {character!r}: {error}") from error
        return Glyph(tuple(np.array(contour) for contour in contours), advance) if contours or character.isspace() else None

    o = raw("o")
    if o is None or _height(o) <= 0:
        raise MinisglError(f"{path} has no letter o, whose height gives the scale of all letters")
    x_height = _height(o)

    @cache
    def letter(character: str) -> Glyph | None:
        glyph = raw(character)
        return None if glyph is None else _scaled(glyph, x_height)

    return letter
