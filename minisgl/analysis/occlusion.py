"""What a network looks at: hide a part of the picture, and measure how much its answer changes.

Let z(x) = logit of class 1 - logit of class 0, the log-odds for class 1. A square patch in the background colour is moved over
the picture x. At each of its places P it covers a part of the picture. A pixel's value is the mean over the patches that cover
it:

    map[h, w] = mean over places P that cover (h, w) of [ z(x) - z(x with P covered) ]

A positive value is evidence for class 1, a negative one for class 0. Log-odds are used because a probability near 1 hardly
changes.

Source: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2 (which maps the
probability of the true class).
"""

import numpy as np

from minisgl.nn import Network

PATCH, STRIDE = 12, 4  # pixels: about the size of a letter, and a third of it


def log_odds(network: Network, images: np.ndarray) -> np.ndarray:
    """Return z (N,) of images (N, 1, H, W), for a network with two classes."""
    logits = network.logits(images)  # (N, 2)
    return logits[:, 1] - logits[:, 0]


def places(length: int, patch: int, stride: int) -> np.ndarray:
    """Return where patches start along a side, in pixels: every `stride`, and flush with the end, to cover every pixel."""
    last = max(length - patch, 0)
    return np.unique(np.append(np.arange(0, last, stride), last))


def occlusion_map(network: Network, image: np.ndarray, patch: int = PATCH, stride: int = STRIDE) -> np.ndarray:
    """Return the map (H, W) of an image (1, H, W), in units of log-odds. The background colour is the image's median.

    patch and stride are in pixels. ValueError unless 1 <= stride <= patch.
    """
    if not 1 <= stride <= patch:
        raise ValueError(f"patches of {patch} pixels at every {stride} leave gaps: 1 <= stride <= patch")
    _, H, W = image.shape
    corners = [(top, left) for top in places(H, patch, stride) for left in places(W, patch, stride)]
    covers = np.repeat(image[None], len(corners), axis=0)  # (places, 1, H, W)
    background = np.median(image)
    for picture, (top, left) in zip(covers, corners, strict=True):
        picture[0, top : top + patch, left : left + patch] = background
    drops = log_odds(network, image[None])[0] - log_odds(network, covers)  # (places,)
    total, covered = np.zeros((H, W)), np.zeros((H, W))
    for drop, (top, left) in zip(drops, corners, strict=True):
        total[top : top + patch, left : left + patch] += drop
        covered[top : top + patch, left : left + patch] += 1
    return total / covered
