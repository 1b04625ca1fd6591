"""What all figures share: the colours, W blue and V orange, and how a figure is saved.

A zero weight is white in every picture of weights.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from minisgl.formats import files

W_COLOUR, V_COLOUR, GREY = "#1f5fa8", "#e07b00", "#666666"


def png(draw: Callable[[], Figure]) -> bytes:
    """Return the figure that `draw` returns, as PNG. Both are done with matplotlib's defaults, not the user's matplotlibrc."""
    with matplotlib.style.context("default"):
        return as_png(draw())


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG. MinisglError if the file cannot be written."""
    files.write(path, as_png(figure))


def as_png(figure: Figure) -> bytes:
    """Return a figure as PNG, with the current settings of matplotlib."""
    content = BytesIO()
    figure.savefig(content, dpi=120, format="png")
    return content.getvalue()
