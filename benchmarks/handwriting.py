"""How a shaky-curve network reads fonts that it was not trained on: handwriting, from packages of Debian 12.

    apt-get install $(python -m benchmarks.handwriting --packages)
    python -m benchmarks.handwriting runs/shaky-curves-l0-1 ...

For each font and run, the percentage of words that are classified correctly: drawn by Pillow without noise, drawn by
render_word with tremor 0, and with tremors from the experiment's range. Words are those of the test split.

The variety of the training pictures (minisgl/data/curves/rendering.py) was chosen with the development fonts. The test fonts
were used once, when all had been chosen.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from minisgl.data import curves
from minisgl.data.curves.rendering import MARGIN, RMS, SIZE, X_HEIGHT
from minisgl.data.curves.words import words
from minisgl.errors import MinisglError
from minisgl.nn import Network
from minisgl.run import Run

FOLDER = Path("/usr/share/fonts")
DEVELOPMENT = {
    "Breip": ("fonts-breip", "truetype/breip/Breip.ttf"),
    "Dancing Script": ("fonts-dancingscript", "opentype/dancingscript/DancingScript-Regular.otf"),
    "Delphine": ("fonts-sjfonts", "truetype/sjfonts/Delphine.ttf"),
    "Femke klaver": ("fonts-femkeklaver", "truetype/femkeklaver/femkeklaver.ttf"),
    "Kaushan Script": ("fonts-kaushanscript", "opentype/kaushanscript/KaushanScript-Regular.otf"),
    "kiloji": ("fonts-kiloji", "truetype/kiloji/kiloji.ttf"),
    "Leckerli One": ("fonts-leckerli-one", "truetype/leckerli-one/LeckerliOne-Regular.ttf"),
    "Lobster Two": ("fonts-lobstertwo", "opentype/lobstertwo/LobsterTwo-Regular.otf"),
    "SteveHand": ("fonts-sjfonts", "truetype/sjfonts/SteveHand.ttf"),
}
TEST = {
    "Comic Neue": ("fonts-comic-neue", "opentype/comic-neue/ComicNeue-Regular.otf"),
    "dkg": ("fonts-dkg-handwriting", "truetype/fifthhorseman/dkg.ttf"),
    "Ecolier court": ("fonts-ecolier-court", "truetype/ecolier-court/Ecolier-court.ttf"),
    "Havana": ("fonts-havana", "opentype/havana/Havana-Regular.otf"),
    "Isabella": ("fonts-isabella", "truetype/isabella/Isabella.ttf"),
    "Kristi": ("fonts-kristi", "truetype/kristi/Kristi.ttf"),
    "RufScript": ("fonts-rufscript", "truetype/rufscript/Rufscript010.ttf"),
}
PICTURES = 200  # of each font

Draw = Callable[[str, str, np.random.Generator], np.ndarray]


def plain(word: str, font: str, rng: np.random.Generator) -> np.ndarray:
    """Return the word as Pillow draws it, (H, W) in [0, 1], ink 1: black on white, in the middle, without noise."""
    H, W = SIZE
    _, top, _, bottom = ImageFont.truetype(font, 100).getbbox("o")
    points = 100 * H * rng.uniform(*X_HEIGHT) / (bottom - top)
    while True:
        face = ImageFont.truetype(font, points)
        left, top, right, bottom = face.getbbox(word)
        if right - left <= W - 2 * MARGIN and bottom - top <= H - 2 * MARGIN:
            break
        points *= 0.95
    picture = Image.new("L", (W, H))
    ImageDraw.Draw(picture).text(((W - left - right) / 2, (H - top - bottom) / 2), word, fill=255, font=face)
    return np.asarray(picture, np.float32) / 255


def regular(word: str, font: str, rng: np.random.Generator) -> np.ndarray:
    """Return the word in regular handwriting."""
    return curves.render_word(word, font, 0.0, rng)


def shaky(word: str, font: str, rng: np.random.Generator) -> np.ndarray:
    """Return the word with a tremor from the experiment's range."""
    return curves.render_word(word, font, rng.uniform(*RMS), rng)


KINDS: dict[str, tuple[Draw, int]] = {"Pillow": (plain, 0), "regular": (regular, 0), "shaky": (shaky, 1)}  # with their class


def pictures(font: Path, draw: Draw) -> np.ndarray:
    """Return pictures (PICTURES, 1, H, W) of random words in a font. Words that do not fit are left out."""
    vocabulary, drawn, seed = words("test"), [], 0
    while len(drawn) < PICTURES:
        rng = np.random.default_rng(seed)
        seed += 1
        try:
            drawn.append(draw(vocabulary[rng.integers(len(vocabulary))], str(font), rng))
        except MinisglError:
            if seed > 10 * PICTURES:
                raise
    return np.array(drawn)[:, None]


def accuracy(network: Network, font: Path, kind: str) -> float:
    """Return the percentage of pictures of this kind that the network classifies correctly."""
    draw, label = KINDS[kind]
    return float(100 * (network.predict(pictures(font, draw)) == label).mean())


def main() -> None:
    """Print a table for each run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handwriting", description="Unseen handwriting fonts.")
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--packages", action="store_true", help="print the names of the fonts' packages")
    given = parser.parse_args()
    if given.packages:
        print(*sorted({package for package, _ in (DEVELOPMENT | TEST).values()}))
    for run in given.runs:
        network = Run.open(run).network
        for name, fonts in (("development", DEVELOPMENT), ("test", TEST)):
            print(f"\n{run}, {name} fonts, % correct".ljust(48), *(f"{kind:>8}" for kind in KINDS))
            rows = []
            for font, (_, path) in fonts.items():
                rows.append([accuracy(network, FOLDER / path, kind) for kind in KINDS])
                print(font.ljust(47), *(f"{value:8.1f}" for value in rows[-1]), flush=True)
            print("mean".ljust(47), *(f"{value:8.1f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
