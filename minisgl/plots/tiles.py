"""Small pictures of one size side by side, each with a frame, in one pair of axes: a pair for each takes four times as long."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from minisgl.plots.style import GREY

GAP = 0.15  # between two pictures, in their widths


def tiles(axes: Axes, pictures: Sequence[np.ndarray], columns: int, **options: Any) -> list[AxesImage]:
    """Draw pictures (H, W) or (H, W, 3) in rows of `columns`. `options` are those of imshow."""
    height, width = pictures[0].shape[:2]
    across, down = (1 + GAP) * width, height + GAP * width
    corners = [(i % columns * across, i // columns * down) for i in range(len(pictures))]
    drawn = [
        axes.imshow(picture, extent=(x, x + width, y + height, y), interpolation="nearest", **options)
        for picture, (x, y) in zip(pictures, corners, strict=True)
    ]
    frames = [Rectangle(corner, width, height) for corner in corners]
    axes.add_collection(PatchCollection(frames, facecolor="none", edgecolor=GREY, linewidth=0.8))
    pad = 0.02 * width  # the frames' lines are as thick at the border as elsewhere
    rows = -(-len(pictures) // columns)
    axes.set(xlim=(-pad, columns * across - GAP * width + pad), ylim=(rows * down - GAP * width + pad, -pad))
    axes.set_axis_off()
    return drawn
