"""What a network looks at: hide a part of the picture, and measure how much its answer changes.

Let z(x) be the log-odds for a class c, ln p_c - ln(1 - p_c); from the logits l,

    z(x) = l_c - ln sum over k != c of exp(l_k)            with two classes, l_1 - l_0 for class 1

A square patch in the background colour is moved over the picture x. At each of its places P it covers a part of the picture. A
pixel's value is the mean over the patches that cover it:

    map[h, w] = mean over places P that cover (h, w) of [ z(x) - z(x with P covered) ]

A positive value is evidence for the class, a negative one against it. Log-odds are used because a probability near 1 hardly
changes.

Source: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2 (which maps the
probability of the true class).
"""

import numpy as np

from minisgl.nn import Network

PATCH, STRIDE = 12, 4  # pixels: about the size of a letter, and a third of it


def log_odds(network: Network, images: np.ndarray, label: int = 1) -> np.ndarray:
    """Return z (N,) of images (N, C, H, W) for this class."""
    logits = network.logits(images)  # (N, classes)
    others = np.delete(logits, label, axis=1)
    largest = others.max(axis=1)  # subtracted, so that exp does not overflow
    return logits[:, label] - (largest + np.log(np.exp(others - largest[:, None]).sum(axis=1)))


def places(length: int, patch: int, stride: int) -> np.ndarray:
    """Return where patches start along a side, in pixels: every `stride`, and flush with the end, to cover every pixel."""
    last = max(length - patch, 0)
    return np.unique(np.append(np.arange(0, last, stride), last))


def occlusion_map(network: Network, image: np.ndarray, patch: int = PATCH, stride: int = STRIDE, label: int = 1) -> np.ndarray:
    """Return the map (H, W) of an image (C, H, W) for a class, in units of log-odds.

    The background colour is the median of each channel. patch and stride are in pixels. ValueError unless 1 <= stride <= patch.
    """
    if not 1 <= stride <= patch:
        raise ValueError(f"patches of {patch} pixels at every {stride} leave gaps: 1 <= stride <= patch")
    _, H, W = image.shape
    corners = [(top, left) for top in places(H, patch, stride) for left in places(W, patch, stride)]
    covers = np.repeat(image[None], len(corners), axis=0)  # (places, C, H, W)
    background = np.median(image, axis=(1, 2), keepdims=True)  # (C, 1, 1)
    for picture, (top, left) in zip(covers, corners, strict=True):
        picture[:, top : top + patch, left : left + patch] = background
    drops = log_odds(network, image[None], label)[0] - log_odds(network, covers, label)  # (places,)
    total, covered = np.zeros((H, W)), np.zeros((H, W))
    for drop, (top, left) in zip(drops, corners, strict=True):
        total[top : top + patch, left : left + patch] += drop
        covered[top : top + patch, left : left + patch] += 1
    return total / covered
