"""An epoch's mini-batches: every training image once, in random order, and optionally shifted by a few pixels and mirrored.

    x'[c, y, x] = x[c, y + top - m, x + left - m],   0 outside the image;   m = max_shift, top, left uniform on 0, ..., 2 m
    x"[c, y, x] = x'[c, y, W - 1 - x]                with probability 1/2

A network that sees each image at nine positions (max_shift = 1) overfits less. That matters most for the sparsest networks:
trained for many epochs, they fit the training images and get worse on others. For photographs, shifts of up to four pixels and
mirroring are usual; such a shift is a random crop of the image padded by four pixels. The padding is black: 0 in the image's
values, before a network normalises them.

The order, the shifts and the mirrored images of an epoch depend only on the seed and the epoch's number, so that a run can be
interrupted in the middle of an epoch.

Sources: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document analysis",
ICDAR 2003 (translations, among other distortions); He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR
2016, section 4.2 (crops and mirror images for CIFAR-10).
"""

from collections.abc import Iterator

import numpy as np

from minisgl.backend import Array, get_array_module, to_device
from minisgl.data.labelled import LabelledImages


def shifted(images: Array, corners: Array, max_shift: int) -> Array:
    """Pad images (N, C, H, W) by max_shift zeros and crop each to H x W. corners (2, N): top and left of each crop.

    Corners are from 0 to 2 max_shift; (max_shift, max_shift) leaves an image in its place.
    """
    (N, _, H, W), xp = images.shape, get_array_module(images)
    border = (max_shift, max_shift)
    padded = xp.pad(images, ((0, 0), (0, 0), border, border))  # (N, C, H + 2 m, W + 2 m), m = max_shift
    windows = xp.lib.stride_tricks.sliding_window_view(padded, (H, W), axis=(2, 3))  # (N, C, 2 m + 1, 2 m + 1, H, W)
    return windows[xp.arange(N), :, corners[0], corners[1]]


def mirrored(images: Array, chosen: Array) -> Array:
    """Return images (N, C, H, W), mirrored left to right where `chosen` (N,) is True."""
    return get_array_module(images).where(chosen[:, None, None, None], images[..., ::-1], images)


def batches(
    train: LabelledImages, size: int, *, seed: int, epoch: int, first: int = 0, shift: int = 0, flip: bool = False
) -> Iterator[LabelledImages]:
    """Yield an epoch's mini-batches, `size` images each and the rest in the last, starting with batch number `first`.

    shift: the largest shift of an image in pixels, up or down and left or right; 0 for no shift. flip: whether each image is
    mirrored with probability 1/2. Neither changes the order of the images, and flip does not change the shifts.
    """
    N, rng, xp = len(train), np.random.default_rng((seed, epoch)), get_array_module(train.images)
    order = to_device(rng.permutation(N), xp)
    corners = to_device(rng.integers(2 * shift + 1, size=(2, N)), xp)
    flips = to_device(rng.integers(2, size=N) == 1, xp) if flip else None
    for start in range(first * size, N, size):
        part = slice(start, start + size)
        batch = train[order[part]]
        images = shifted(batch.images, corners[:, part], shift) if shift else batch.images
        yield LabelledImages(images if flips is None else mirrored(images, flips[part]), batch.labels)
