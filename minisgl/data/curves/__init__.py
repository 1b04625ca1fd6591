"""Shaky and regular handwriting, generated: nothing is downloaded.

The experiment of Xue and Xin tells words in a shaky hand from words in a regular one. Their images are not public; these are
a reconstruction (docs/shaky-curves.md). In reading order:

    glyphs.py        letters as lines           fonts.py      which fonts there are, and a word set in one
    displacement.py  the tremor and the drift   rendering.py  the word as a picture
    words.py         the words of each split    dataset.py    the three sets, drawn once and kept

Source: Xue, Xin, "Learning Sparse Neural Networks via l0 and Tl1 by a Relaxed Variable Splitting Method with Application to
Multi-scale Curve Classification", arXiv 1902.07419.
"""

from minisgl.data.curves.dataset import COUNTS, SPLITS, choose, default_cache, draw, load
from minisgl.data.curves.fonts import FONTS, KINDS
from minisgl.data.curves.rendering import RMS, SIZE, render_word
from minisgl.data.curves.words import words

__all__ = [
    "COUNTS",
    "FONTS",
    "KINDS",
    "RMS",
    "SIZE",
    "SPLITS",
    "choose",
    "default_cache",
    "draw",
    "load",
    "render_word",
    "words",
]
