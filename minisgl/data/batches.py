"""An epoch's mini-batches: every training image once, in random order, and optionally shifted by a few pixels.

    x'[c, y, x] = x[c, y + top - m, x + left - m],   0 outside the image;   m = max_shift, top, left uniform on 0, ..., 2 m

A network that sees each image at nine positions (max_shift = 1) overfits less. That matters most for the sparsest networks:
trained for many epochs, they fit the training images and get worse on others.

The order and the shifts of an epoch depend only on the seed and the epoch's number, so that a run can be interrupted in the
middle of an epoch.

Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document analysis",
ICDAR 2003 (translations, among other distortions).
"""

from collections.abc import Iterator

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.data.labelled import LabelledImages


def shifted(images: Array, corners: Array, max_shift: int) -> Array:
    """Pad images (N, C, H, W) by max_shift zeros and crop each to H x W from its top left corner, a column of corners (2, N).

    Corners are from 0 to 2 max_shift; (max_shift, max_shift) leaves an image in its place.
    """
    (N, _, H, W), xp = images.shape, get_array_module(images)
    border = (max_shift, max_shift)
    padded = xp.pad(images, ((0, 0), (0, 0), border, border))  # (N, C, H + 2 m, W + 2 m), m = max_shift
    windows = xp.lib.stride_tricks.sliding_window_view(padded, (H, W), axis=(2, 3))  # (N, C, 2 m + 1, 2 m + 1, H, W)
    return windows[xp.arange(N), :, corners[0], corners[1]]


def batches(
    train: LabelledImages, size: int, *, seed: int, epoch: int, first: int = 0, shift: int = 0
) -> Iterator[LabelledImages]:
    """Yield an epoch's mini-batches, `size` images each and the rest in the last, starting with batch number `first`.

    shift: the largest shift of an image in pixels, up or down and left or right; 0 for no shift.
    """
    N, rng, xp = len(train), np.random.default_rng((seed, epoch)), get_array_module(train.images)
    order = to_device(rng.permutation(N), xp)
    corners = to_device(rng.integers(2 * shift + 1, size=(2, N)), xp)
    for start in range(first * size, N, size):
        part = slice(start, start + size)
        batch = train[order[part]]
        yield LabelledImages(shifted(batch.images, corners[:, part], shift), batch.labels) if shift else batch
