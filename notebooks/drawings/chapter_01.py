"""The figure of chapter 1 whose code only draws."""

import matplotlib.pyplot as plt
import numpy as np

from minisgl.plots import GREY, V_COLOUR, W_COLOUR


def boxes(network, image):
    """LeNet-5 as boxes, as high as its maps; the more channels, the wider. Orange: with weights. image (1, 28, 28)."""
    weights = {name: int(np.prod(slot.shape)) for name, slot in network.layout.weights.items()}
    _, axes = plt.subplots(figsize=(14, 3.4))
    axes.imshow(image[0], cmap="gray_r", extent=(0, 28, -14, 14))
    axes.text(14, 17, "a digit\n1 x 28 x 28", ha="center", va="bottom", fontsize=9)
    x, left = image[..., None], 34.0  # x (C, H, W, 1), then (D, 1)
    for name, layer in network.layers.items():
        x, _ = layer.forward(x)
        if name.startswith(("relu", "flatten")):  # they change no number of maps and no size
            continue
        channels, height = (x.shape[0], x.shape[1]) if x.ndim == 4 else (x.shape[0] / 20, 20)
        width = 4 + channels / 4
        colour = V_COLOUR if name in weights else GREY
        axes.add_patch(plt.Rectangle((left, -height / 2), width, height, facecolor=colour, edgecolor="black", alpha=0.6))
        size = " x ".join(str(n) for n in x.shape[:-1])
        axes.text(left + width / 2, 17, f"{name}\n{size}", ha="center", va="bottom", fontsize=9)
        if name in weights:
            axes.text(left + width / 2, -17, f"{weights[name]:,}\nweights", ha="center", va="top", fontsize=9, color=W_COLOUR)
        left += width + 8
    axes.set(xlim=(-2, left), ylim=(-26, 28), aspect="equal")
    axes.axis("off")
    plt.show()
