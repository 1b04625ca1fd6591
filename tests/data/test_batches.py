"""An epoch's mini-batches: each image once, and where a shifted image's pixels come from."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisgl.data.batches import batches, mirrored, shifted
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


def test_the_chosen_images_are_mirrored_and_the_others_are_not():
    images = numbered(6, (2, 3, 4)).images
    chosen = np.array([True, False, False, True, True, False])
    found = mirrored(images, chosen)
    for n, c, y, x in np.ndindex(*images.shape):
        assert found[n, c, y, x] == images[n, c, y, 3 - x if chosen[n] else x]


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
    assert order() == order(flip=True)
    assert len({str(order(seed=seed, epoch=epoch)) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [0, 2])
def test_the_rest_of_an_epoch_is_what_it_would_have_been(shift, flip):
    whole = list(batches(numbered(10), 3, seed=1, epoch=5, shift=shift, flip=flip))
    for first in range(5):
        rest = list(batches(numbered(10), 3, seed=1, epoch=5, first=first, shift=shift, flip=flip))
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


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [0, 1])
def test_without_a_shift_images_stay_in_their_place_and_on_a_device_they_are_moved_alike(shift, flip, dtype, xp, near):
    digits = numbered(10)
    digits = LabelledImages(digits.images.astype(dtype), digits.labels)
    there = batches(digits.to(xp), 4, seed=0, epoch=0, shift=shift, flip=flip)
    for here, other in zip(batches(digits, 4, seed=0, epoch=0, shift=shift, flip=flip), there, strict=True):
        near(other.images, here.images)
        near(other.labels, here.labels)
        assert here.images.dtype == dtype
        assert np.array_equal(here.images, digits.images[here.labels]) == (shift == 0 and not flip)


def mirrored_in(seed, epoch):
    """Which of 2,000 images are mirrored in an epoch, by image."""
    images = np.zeros((2_000, 1, 1, 3), np.uint8)
    images[..., 0] = 1
    found = np.empty(2_000, bool)
    for batch in batches(LabelledImages(images, np.arange(2_000)), 64, seed=seed, epoch=epoch, flip=True):
        found[batch.labels] = batch.images[:, 0, 0, 2] == 1
    return found


def test_half_of_the_images_are_mirrored_others_in_another_epoch_and_with_another_seed():
    found = mirrored_in(0, 0)
    assert found.mean() == pytest.approx(1 / 2, abs=0.06)  # five standard deviations
    assert np.array_equal(found, mirrored_in(0, 0))
    for seed, epoch in ((0, 1), (1, 0)):
        assert np.mean(found == mirrored_in(seed, epoch)) == pytest.approx(1 / 2, abs=0.06)


@pytest.mark.parametrize("shift", [0, 2])
def test_mirrored_images_are_those_without_flip_mirrored(shift):
    images = numbered(200)
    pairs = zip(
        batches(images, 32, seed=3, epoch=1, shift=shift),
        batches(images, 32, seed=3, epoch=1, shift=shift, flip=True),
        strict=True,
    )
    kinds = set()
    for plain, found in pairs:
        for before, after in zip(plain.images, found.images, strict=True):
            assert np.array_equal(after, before) or np.array_equal(after, before[..., ::-1])
            kinds.add(np.array_equal(after, before))
    assert kinds == {True, False}


def test_the_order_and_the_shifts_of_an_epoch_have_not_changed():
    """Earlier runs must resume with the same batches: these numbers are from before images could be mirrored."""
    (first, *_) = batches(numbered(6, (1, 3, 3)), 6, seed=1, epoch=2, shift=1)
    assert first.labels.tolist() == [4, 5, 1, 0, 3, 2]
    assert first.images.sum(axis=(1, 2, 3)).tolist() == [156.0, 192.0, 60.0, 28.0, 183.0, 129.0]
