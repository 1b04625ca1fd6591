"""Images and their labels, held together: what every data set here is made of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelledImages:
    """images (N, C, H, W) float32 in [0, 1], ink 1; labels (N,) int, from 0."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, part: slice | np.ndarray) -> "LabelledImages":
        """The images and labels of a slice, or of an array of indices."""
        return LabelledImages(self.images[part], self.labels[part])
