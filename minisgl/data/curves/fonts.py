"""The fonts of the training, validation and test splits, and how a word is set in a font.

All weights and slopes of a design belong to the same split. Fonts that the package has under two names are listed once (in
Hershey-Fonts scripts is cursive, rowmans is futural, timesrb is rowmant, futuram is rowmand, and each gothic has two names);
symbol fonts are left out. There are only two single-stroke designs of Latin letters, a script and a roman, so the one for
validation is Greek, and spells English words in Greek letters.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np

from minisgl.data.curves import glyphs
from minisgl.data.curves.glyphs import Letters
from minisgl.errors import MinisglError
from minisgl.formats import paths

Kind = Literal["single-stroke", "multi-stroke", "outline"]
Split = Literal["train", "validation", "test"]

FONTS: dict[Split, dict[Kind, tuple[str, ...]]] = {
    "train": {
        "single-stroke": ("cursive",),
        "multi-stroke": ("scriptc", "rowmant", "timesr", "timesi", "timesib", "gothgbt"),
        "outline": (
            *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
            *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
            *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
            *("cmr10", "cmb10", "cmti10", "cmmi10"),
        ),
    },
    "validation": {
        "single-stroke": ("greek",),
        "multi-stroke": ("timesg", "gothitt"),
        "outline": ("cmss10", "cmtt10"),
    },
    "test": {
        "single-stroke": ("futural",),
        "multi-stroke": ("rowmand", "gothgrt"),
        "outline": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    },
}
KINDS: dict[str, Kind] = {name: kind for kinds in FONTS.values() for kind, names in kinds.items() for name in names}
MISSING_LETTERS = {"greek": "jv", "timesg": "jv"}  # the Greek fonts have a times and a division sign instead


@cache
def _built_in(font: str) -> Letters:
    if KINDS[font] == "outline":
        return glyphs.outline(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf"))
    return glyphs.hershey(font)


def _find(font: str) -> tuple[Letters, Kind]:
    if font in KINDS:
        return _built_in(font), KINDS[font]
    if paths.exists(Path(font)):
        return glyphs.outline(Path(font)), "outline"
    raise MinisglError(f"there is no font {font}: it is neither a TTF file nor one of {', '.join(sorted(KINDS))}")


def set_word(word: str, font: str) -> tuple[list[np.ndarray], Kind]:
    """Return the lines (n, 2) of a word, in x-heights, y up from the base line, and the kind of its font.

    font: a built-in font's name, or the path of a TTF file, which is an outline font. MinisglError if the word has nothing to
    draw, if the font lacks a letter, or if the font is unknown or cannot be read.
    """
    letters, kind = _find(font)
    if not word.strip():
        raise MinisglError(f"the word {word!r} has no letters to draw")
    lines: list[np.ndarray] = []
    x = 0.0
    for character in word:
        glyph = None if character in MISSING_LETTERS.get(font, "") else letters(character)
        if glyph is None:
            raise MinisglError(f"the font {font} lacks the letter {character!r} of {word!r}")
        lines += [line + np.array([x, 0]) for line in glyph.lines]
        x += glyph.advance
    return lines, kind
