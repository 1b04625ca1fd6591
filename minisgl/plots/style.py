"""What all figures share: the colours, W blue and V orange, and how a figure is saved.

A zero weight is white in every picture of weights.
"""

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from minisgl.formats import files

W_COLOUR, V_COLOUR, GREY = "#1f5fa8", "#e07b00", "#666666"


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG. MinisglError if the file cannot be written."""
    content = BytesIO()
    figure.savefig(content, dpi=120, format="png")
    files.write(path, content.getvalue())
