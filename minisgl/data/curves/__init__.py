"""Shaky and regular handwriting, generated: nothing is downloaded.

The experiment of Xue and Xin distinguishes words in shaky handwriting from words in regular handwriting. Their images are not
public; these are a reconstruction (docs/shaky-curves.md). In reading order:

    glyphs.py        letters as lines           fonts.py      the fonts of each split, and a word set in a font
    displacement.py  the tremor and the drift   rendering.py  the word as a picture
    words.py         the words of each split    dataset.py    the three sets, drawn once and cached

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
