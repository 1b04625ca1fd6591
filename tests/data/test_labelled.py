"""Images of bytes and of floats: the same numbers and the same fingerprint."""

import zlib

import numpy as np
import pytest

from minisgl.backend import to_host
from minisgl.data import labelled
from minisgl.data.labelled import LabelledImages, write_floats


def made(count: int) -> LabelledImages:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, 4, 5), np.uint8)
    return LabelledImages(pixels, np.arange(count) % 7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_byte_is_divided_by_255_as_the_array_of_floats_would_be(dtype, xp):
    every = np.arange(256, dtype=np.uint8)
    expected = every.astype(dtype) / dtype(255)
    out = write_floats(xp.asarray(every), xp.empty(256, dtype))
    np.testing.assert_array_equal(to_host(out), expected)
    np.testing.assert_array_equal(to_host(write_floats(out, xp.empty(256, dtype))), expected)


def test_floats_of_bytes_are_new_and_of_floats_are_the_same():
    images = made(5)
    floats = images.floats()
    assert floats.images.dtype == np.float32
    np.testing.assert_array_equal(floats.images, images.images.astype(np.float32) / np.float32(255))
    assert floats.floats() is floats
    assert images.images.dtype == np.uint8


@pytest.mark.parametrize("count", [1, 9, 10, 11, 25])
def test_a_fingerprint_is_that_of_the_whole_array_of_floats(count, monkeypatch):
    monkeypatch.setattr(labelled, "FINGERPRINT_BATCH", 10)
    images, floats = made(count), made(count).floats()
    sums = [zlib.crc32(array.tobytes()) for array in (floats.images, floats.labels)]
    assert floats.fingerprint() == f"{count} x 3 x 4 x 5, crc32 {sums[0]:08x} {sums[1]:08x}"
    assert images.fingerprint() == floats.fingerprint()
    strided = LabelledImages(np.moveaxis(np.moveaxis(images.images, 1, -1).copy(), -1, 1), images.labels)
    assert strided.fingerprint() == floats.fingerprint()
    images.images[-1, -1, -1, -1] ^= 1
    assert images.fingerprint() != floats.fingerprint()
