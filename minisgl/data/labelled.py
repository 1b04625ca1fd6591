"""Images and their labels: the form of every data set here.

    pixel = byte / 255

uint8 images stay uint8 in memory and on the device, where they need a quarter of the space of float32. A network converts each
batch to numbers in [0, 1]; outside a network `write_floats` does it, with the same bits.
"""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisgl.backend import Array, get_array_module, to_device, to_host

FINGERPRINT_BATCH = 1_000  # images


def write_floats(images: Array, out: Array) -> Array:
    """Write images into `out`, an array of floats of the same shape, and return it. uint8 is divided by 255."""
    out[...] = images
    if images.dtype == np.uint8:
        out /= 255
    return out


@dataclass(frozen=True)
class LabelledImages:
    """images (N, C, H, W), uint8 from 0 to 255 or float32 in [0, 1], ink largest; labels (N,) int, from 0."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, xp: Any) -> "LabelledImages":
        """Return the same images and labels as arrays of the module xp."""
        return LabelledImages(to_device(self.images, xp), to_device(self.labels, xp))

    def floats(self) -> "LabelledImages":
        """Return the same with images in [0, 1]: uint8 becomes float32, and other images are returned as they are."""
        if self.images.dtype != np.uint8:
            return self
        out = get_array_module(self.images).empty(self.images.shape, np.float32)
        return LabelledImages(write_floats(self.images, out), self.labels)

    def fingerprint(self) -> str:
        """Return the images' shape and a checksum of images and labels: almost certainly different for different data.

        uint8 images and the float32 images made from them have the same one.
        """
        host, checksum = LabelledImages(to_host(self.images), to_host(self.labels)), 0
        for start in range(0, len(host), FINGERPRINT_BATCH):
            part = host[start : start + FINGERPRINT_BATCH].floats()
            checksum = zlib.crc32(np.ascontiguousarray(part.images).data, checksum)
        labels = zlib.crc32(np.ascontiguousarray(host.labels).data)
        return f"{' x '.join(map(str, host.images.shape))}, crc32 {checksum:08x} {labels:08x}"

    def __getitem__(self, part: slice | Array) -> "LabelledImages":
        """Return the images and labels of a slice, or of an array of indices."""
        return LabelledImages(self.images[part], self.labels[part])
