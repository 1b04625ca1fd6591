"""An epoch's mini-batches: every training image once, in random order, and a little out of its place where that is asked for.

    x'[c, y, x] = x[c, y + top - most, x + left - most],   0 outside the image;   top, left uniform on 0, ..., 2 most

A network that meets each image in nine places (most = 1) has less to learn by heart. That matters for the sparsest: trained
for many epochs, they fit the images they are shown and lose the others.

The order and the places of an epoch follow from the seed and the epoch's number alone, so that a run can be interrupted in the
middle of one.

Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document analysis",
ICDAR 2003 (translations, among other distortions).
"""

from collections.abc import Iterator

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.data.labelled import LabelledImages


def shifted(images: Array, corners: Array, most: int) -> Array:
    """Images (N, C, H, W) in a border of `most` zeros, each cut from row top and column left on: its column of corners (2, N).

    Corners are from 0 to 2 most; most, most leaves an image in its place.
    """
    (N, _, H, W), xp = images.shape, get_array_module(images)
    wide = xp.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))  # (N, C, H + 2 most, W + 2 most)
    windows = xp.lib.stride_tricks.sliding_window_view(wide, (H, W), axis=(2, 3))  # (N, C, 2 most + 1, 2 most + 1, H, W)
    return windows[xp.arange(N), :, corners[0], corners[1]]


def batches(
    train: LabelledImages, size: int, *, seed: int, epoch: int, first: int = 0, shift: int = 0
) -> Iterator[LabelledImages]:
    """The mini-batches of an epoch, `size` images each and the rest in the last, from the one numbered `first` on.

    shift: the pixels by which an image is moved at most, up or down and left or right; 0 moves none.
    """
    N, rng, xp = len(train), np.random.default_rng((seed, epoch)), get_array_module(train.images)
    order = to_device(rng.permutation(N), xp)
    corners = to_device(rng.integers(2 * shift + 1, size=(2, N)), xp)
    for start in range(first * size, N, size):
        part = slice(start, start + size)
        batch = train[order[part]]
        yield LabelledImages(shifted(batch.images, corners[:, part], shift), batch.labels) if shift else batch
