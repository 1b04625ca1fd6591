"""What did the network look at? Hide a spot of the picture, and see how much its answer changes.

Let z(x) = logit of class 1 - logit of class 0, the log-odds for class 1. A square patch slides over the picture x, and in each
of its places P what is below it is painted over with the paper's colour. A pixel's number is the mean over the patches on it:

    map[h, w] = mean over places P that cover (h, w) of [ z(x) - z(x with P painted over) ]

Positive: what stands there speaks for class 1; negative: for class 0. In log-odds, because a probability near 1 hardly moves.

Source: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2 (who map the true class's
probability).
"""

import numpy as np

from minisgl.nn import Network

PATCH, STRIDE = 12, 4  # pixels: about a letter; a third of it


def log_odds(network: Network, images: np.ndarray) -> np.ndarray:
    """z (N,) of images (N, 1, H, W), for a network of two classes."""
    logits = network.logits(images)  # (N, 2)
    return logits[:, 1] - logits[:, 0]


def places(length: int, patch: int, stride: int) -> np.ndarray:
    """Where patches start along a side, in pixels: every `stride`, and at the end, so that every pixel is covered."""
    last = max(length - patch, 0)
    return np.unique(np.append(np.arange(0, last, stride), last))


def occlusion_map(network: Network, image: np.ndarray, patch: int = PATCH, stride: int = STRIDE) -> np.ndarray:
    """The map (H, W) of an image (1, H, W), in units of log-odds; paper is the image's median.

    patch and stride are in pixels, 1 <= stride <= patch; else ValueError.
    """
    if not 1 <= stride <= patch:
        raise ValueError(f"patches of {patch} pixels at every {stride} leave gaps: 1 <= stride <= patch")
    _, H, W = image.shape
    corners = [(top, left) for top in places(H, patch, stride) for left in places(W, patch, stride)]
    painted = np.repeat(image[None], len(corners), axis=0)  # (places, 1, H, W)
    paper = np.median(image)
    for picture, (top, left) in zip(painted, corners, strict=True):
        picture[0, top : top + patch, left : left + patch] = paper
    drops = log_odds(network, image[None])[0] - log_odds(network, painted)  # (places,)
    total, covered = np.zeros((H, W)), np.zeros((H, W))
    for drop, (top, left) in zip(drops, corners, strict=True):
        total[top : top + patch, left : left + patch] += drop
        covered[top : top + patch, left : left + patch] += 1
    return total / covered
