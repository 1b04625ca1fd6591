"""An epoch's mini-batches: each image once, and where a shifted image's pixels come from."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisgl.data.batches import batches, shifted
from minisgl.data.labelled import LabelledImages


def numbered(count, shape=(1, 4, 5)):
    """`count` images, no pixel of which is 0 or like another, labelled with their numbers."""
    images = np.arange(1, 1 + count * np.prod(shape), dtype=np.float32).reshape(count, *shape)
    return LabelledImages(images, np.arange(count))


def pixel_by_pixel(image, up, left):
    """The image (C, H, W), moved up and left by so many pixels; 0 where nothing comes from."""
    moved = np.zeros_like(image)
    _, H, W = image.shape
    for y in range(H):
        for x in range(W):
            if 0 <= y + up < H and 0 <= x + left < W:
                moved[:, y, x] = image[:, y + up, x + left]
    return moved


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(st.integers(1, 4), st.integers(1, 3), st.tuples(*[st.integers(1, 6)] * 2), st.integers(0, 3), st.integers(0, 99))
def test_each_image_moves_as_its_corner_says(N, C, sides, most, seed):
    corners = np.random.default_rng(seed).integers(2 * most + 1, size=(2, N))
    images = numbered(N, (C, *sides)).images
    moved = shifted(images, corners, most)
    expected = [pixel_by_pixel(image, *(corner - most)) for image, corner in zip(images, corners.T, strict=True)]
    assert np.array_equal(moved, expected)
    assert moved.dtype == images.dtype


def test_an_epoch_shows_each_image_once_and_another_epoch_in_another_order():
    def order(**how):
        return [batch.labels.tolist() for batch in batches(numbered(10), 4, **{"seed": 0, "epoch": 0, **how})]

    assert [len(labels) for labels in order()] == [4, 4, 2]
    assert sorted(chain.from_iterable(order())) == list(range(10))
    assert order() == order()
    assert order() == order(shift=2)  # shifting does not touch the order
    assert len({str(order(seed=seed, epoch=epoch)) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize("shift", [0, 2])
def test_the_rest_of_an_epoch_is_what_it_would_have_been(shift):
    whole = list(batches(numbered(10), 3, seed=1, epoch=5, shift=shift))
    for first in range(5):
        rest = list(batches(numbered(10), 3, seed=1, epoch=5, first=first, shift=shift))
        assert [batch.labels.tolist() for batch in rest] == [batch.labels.tolist() for batch in whole[first:]]
        assert all(np.array_equal(a.images, b.images) for a, b in zip(rest, whole[first:], strict=True))


def places(seed, epoch):
    """Where the images of an epoch go, 0 to 8, by batch (100, 90), and by image (9000,)."""
    dots = np.zeros((9_000, 1, 5, 5), np.float32)
    dots[:, :, 2, 2] = 1
    drawn = list(batches(LabelledImages(dots, np.arange(9_000)), 90, seed=seed, epoch=epoch, shift=1))
    near_centre = np.stack([batch.images[:, 0, 1:4, 1:4].reshape(90, 9) for batch in drawn])  # (100, 90, 9)
    assert (near_centre.sum(axis=2) == 1).all()
    by_batch = near_centre.argmax(axis=2)
    by_image = np.empty(9_000, int)
    by_image[np.concatenate([batch.labels for batch in drawn])] = by_batch.ravel()
    return by_batch, by_image


def test_images_go_to_all_places_equally_often():
    assert np.bincount(places(0, 0)[1]) == pytest.approx(1_000, abs=150)  # five standard deviations


def test_an_image_goes_elsewhere_in_another_epoch_and_with_another_seed_and_batches_do_not_go_alike():
    def share_alike(one, other):
        return np.mean(one == other)

    by_batch, by_image = places(0, 0)
    assert share_alike(by_batch[1:], by_batch[:-1]) == pytest.approx(1 / 9, abs=0.02)
    assert share_alike(by_image, places(0, 1)[1]) == pytest.approx(1 / 9, abs=0.02)
    assert share_alike(by_image, places(1, 0)[1]) == pytest.approx(1 / 9, abs=0.02)


@pytest.mark.parametrize("shift", [0, 1])
def test_without_a_shift_images_stay_in_their_place_and_on_a_device_they_are_moved_alike(shift, xp, near):
    digits = numbered(10)
    there = batches(digits.to(xp), 4, seed=0, epoch=0, shift=shift)
    for here, other in zip(batches(digits, 4, seed=0, epoch=0, shift=shift), there, strict=True):
        near(other.images, here.images)
        near(other.labels, here.labels)
        assert np.array_equal(here.images, digits.images[here.labels]) == (shift == 0)
