"""Draw the figures of docs/ that need no training: `python docs/draw_figures.py docs/figures`

penalties.png, penalty_groups.png, penalty_contours.png     docs/penalties.md, by minisgl/plots/gallery.py
tremor_scale.png, curve_samples.png                         docs/shaky-curves.md, by minisgl/plots/curves.py
"""

import argparse
from pathlib import Path

from minisgl.command import errors_as_sentences
from minisgl.plots import curves, gallery, save

FIGURES = {
    "penalties.png": gallery.gallery,
    "penalty_groups.png": gallery.not_separable,
    "penalty_contours.png": gallery.contours,
    "tremor_scale.png": curves.tremor_scale,
    "curve_samples.png": curves.samples,
}


def main() -> None:
    """Draw all figures into the directory given as the only argument."""
    parser = argparse.ArgumentParser(description="Draw the figures of docs/ that need no training.")
    parser.add_argument("directory", type=Path, help="where the figures are written")
    directory = parser.parse_args().directory
    with errors_as_sentences():
        for name, draw in FIGURES.items():
            save(draw(), directory / name)


if __name__ == "__main__":
    main()
