"""Images and their labels: the form of every data set here."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisgl.backend import Array, to_device, to_host


@dataclass(frozen=True)
class LabelledImages:
    """images (N, C, H, W) float32 in [0, 1], ink 1; labels (N,) int, from 0."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, xp: Any) -> "LabelledImages":
        """Return the same images and labels as arrays of the module xp."""
        return LabelledImages(to_device(self.images, xp), to_device(self.labels, xp))

    def fingerprint(self) -> str:
        """Return the images' shape and a checksum of images and labels: almost certainly different for different data."""
        images, labels = to_host(self.images), to_host(self.labels)
        sums = (f"{zlib.crc32(np.ascontiguousarray(a).data):08x}" for a in (images, labels))
        return f"{' x '.join(map(str, images.shape))}, crc32 {' '.join(sums)}"

    def __getitem__(self, part: slice | Array) -> "LabelledImages":
        """Return the images and labels of a slice, or of an array of indices."""
        return LabelledImages(self.images[part], self.labels[part])
