"""Draw a picture of a word: set in a font, in regular or shaky handwriting, with noise.

    letters -> width and slant -> bends -> tremor or drift -> rotation, size, position -> ink on paper, both with noise

All random numbers come from one Generator, in the same order and from the same distributions for regular and shaky words. The
drift of a regular word is as large as the tremor of a shaky one, so only the wavelength distinguishes them.

How far letters may differ from their font is a Variety. A few fonts are not all handwriting, so training pictures have the
larger one, TRAINING: wider, narrower, more slanted, bolder, thinner and bent letters, of both classes alike.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from minisgl.data.curves import displacement
from minisgl.data.curves.fonts import Kind, set_word
from minisgl.errors import MinisglError

SIZE = (48, 128)  # H, W of the experiment's pictures, in pixels
RMS = (0.09, 0.18)  # x-heights: the displacements of the experiment, tremor and drift alike
X_HEIGHT = (0.24, 0.36)  # times the picture's height: 11.5 to 17 pixels of 48
SMALLEST = 8.0  # pixels: with smaller letters a tremor's waves would be too short for the pixels
MAX_SIDE = 4_096  # pixels
MARGIN = 1.5  # pixels without ink along the border


@dataclass(frozen=True)
class Variety:
    """The ranges in which a word's letters differ from their font.

    width: times the font's. slant: in degrees. pen: by how many x-heights outlines become bolder; negative, thinner. bend: the
    RMS, in x-heights, of bends with wavelengths between those of a tremor and a drift.
    """

    width: tuple[float, float] = (0.85, 1.15)
    slant: tuple[float, float] = (-8, 12)
    pen: tuple[float, float] = (0, 0.08)
    bend: tuple[float, float] = (0, 0)


PLAIN = Variety()
TRAINING = Variety(width=(0.75, 1.25), slant=(-15, 27), pen=(-0.06, 0.12), bend=(0, 0.08))


def rasterise(lines: list[np.ndarray], kind: Kind, pen: float, size: tuple[int, int]) -> np.ndarray:
    """Return the fraction of each pixel (H, W) that is covered with ink, float32 in [0, 1].

    lines: in pixels from the lower left corner, y upwards. They are drawn with a round pen, `pen` pixels wide; the inside of
    an outline is filled as well. A negative pen takes ink away along the outline. Antialiased by exact areas (Agg, through
    matplotlib).
    """
    if pen < 0:
        return np.maximum(rasterise(lines, kind, 0, size) - rasterise(lines, "multi-stroke", -pen, size), 0)
    # at 72 dots per inch a point, the unit of line widths, is a pixel
    renderer: Any = RendererAgg(size[1], size[0], dpi=72)  # type: ignore[no-untyped-call]
    context = renderer.new_gc()
    context.set_linewidth(pen)
    context.set_capstyle("round")
    context.set_joinstyle("round")
    context.set_snap(False)
    codes = np.full(sum(len(line) for line in lines), Path.LINETO)
    codes[np.cumsum([0] + [len(line) for line in lines[:-1]])] = Path.MOVETO
    path = Path(np.concatenate(lines), codes)
    path.should_simplify = False
    renderer.draw_path(context, path, IdentityTransform(), (0, 0, 0) if kind == "outline" else None)
    opacity = np.asarray(renderer.buffer_rgba())[:, :, 3]
    return opacity.astype(np.float32) / 255


def _check(tremor: float, size: tuple[int, int]) -> None:
    if not (math.isfinite(tremor) and tremor >= 0):
        raise MinisglError(f"tremor, an RMS displacement in x-heights, must be a number >= 0, but is {tremor}")
    if min(size) < 1 or max(size) > MAX_SIDE:
        raise MinisglError(f"a picture of {size[0]} x {size[1]} pixels cannot be drawn; sides must be from 1 to {MAX_SIDE}")


def render_word(
    word: str,
    font: str,
    tremor: float,
    rng: np.random.Generator,
    size: tuple[int, int] = SIZE,
    *,
    variety: Variety = PLAIN,
) -> np.ndarray:
    """Return a picture of the word, (H, W) float32 in [0, 1], ink 1.

    font: a built-in font's name (minisgl.data.curves.FONTS) or the path of any TTF file. tremor: the RMS of the pen's
    displacement in x-heights, at 4 to 6 Hz; 0 is regular handwriting, whose slow drift has an RMS drawn from RMS. size: H, W.
    variety: how far the letters may differ from their font.

    MinisglError for a font that is unknown or cannot be read, a letter that the font lacks, a word with nothing to draw, a
    tremor that is negative or not finite, and a size in which the letters would be less than SMALLEST pixels high.
    """
    _check(tremor, size)
    lines, kind = set_word(word, font)
    H, W = size
    x_height = H * rng.uniform(*X_HEIGHT)  # pixels
    pen = rng.uniform(*variety.pen) if kind == "outline" else rng.uniform(0.08, 0.2)  # x-heights
    width, slant = rng.uniform(*variety.width), math.radians(rng.uniform(*variety.slant))
    angle = math.radians(rng.uniform(-4, 4))
    position = rng.uniform(size=2)
    paper, ink = rng.uniform(0, 0.12), rng.uniform(0.7, 1)
    paper_noise, ink_noise = rng.uniform(0.01, 0.05, 2)  # standard deviations
    drift = rng.uniform(*RMS)

    shape = np.array([[width, 0], [math.tan(slant), 1]])
    rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    lines = [line @ shape for line in lines]
    if variety.bend[1] > 0:
        lines = displacement.write(lines, "outline", displacement.BEND, rng.uniform(*variety.bend), rng)
    band, rms = (displacement.TREMOR, tremor) if tremor > 0 else (displacement.DRIFT, drift)
    lines = displacement.write(lines, kind, band, rms, rng)
    lines = [line @ rotation for line in lines]

    points = np.concatenate(lines)
    border = max(pen, 0) / 2
    low = points.min(axis=0) - border
    extent = points.max(axis=0) + border - low  # (2,) width and height in x-heights
    room = np.array([W, H]) - 2 * MARGIN  # pixels
    largest = float((room / extent).min())
    if largest < SMALLEST:
        raise MinisglError(
            f"{word!r} in the font {font} fits {H} x {W} pixels only with an x-height of {max(largest, 0):.1f} pixels; "
            f"at least {SMALLEST:g} are needed"
        )
    x_height = min(x_height, largest)
    corner = MARGIN + position * (room - x_height * extent)
    covered = rasterise([(line - low) * x_height + corner for line in lines], kind, pen * x_height, size)

    noise = rng.standard_normal((2, H, W), np.float32)
    picture = paper + paper_noise * noise[0] + covered * (ink - paper + ink_noise * noise[1])
    return np.clip(picture, 0, 1).astype(np.float32)
