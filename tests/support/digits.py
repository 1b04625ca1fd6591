"""Digits as IDX files, for the tests that load or train on a set of their own."""

from pathlib import Path

import numpy as np

from minisgl.data.mnist import Digits


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a uint8 array as a raw IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_digits(directory: Path, prefix: str, digits: Digits) -> None:
    """Write images and labels as two raw IDX files of MNIST's names."""
    pixels = np.round(digits.images[:, 0] * 255).astype(np.uint8)
    write_idx(directory / f"{prefix}-images-idx3-ubyte", pixels)
    write_idx(directory / f"{prefix}-labels-idx1-ubyte", digits.labels.astype(np.uint8))
