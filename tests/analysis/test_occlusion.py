"""What the network looked at: the map against loops, and on networks whose answer is known."""

from math import inf

import numpy as np
import pytest

from minisgl.analysis.occlusion import log_odds, occlusion_map, places
from minisgl.models import curve_net
from minisgl.nn import Conv2d, Flatten, Linear, Network, ReLU, softmax


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def linear(weight: np.ndarray) -> Network:
    """A network whose log-odds are the sum of weight (H, W) times the image."""
    size = (1, *weight.shape)
    flat = np.concatenate([np.zeros(weight.size), weight.ravel(), [0.0, 0.3]])
    return Network({"flatten": Flatten(), "fc": Linear(weight.size, 2)}, size, flat)


def by_loops(network: Network, image: np.ndarray, patch: int, stride: int) -> np.ndarray:
    """The definition, pixel by pixel and place by place."""
    _, H, W = image.shape
    tops = sorted({*range(0, max(H - patch, 0), stride), max(H - patch, 0)})
    lefts = sorted({*range(0, max(W - patch, 0), stride), max(W - patch, 0)})
    whole = log_odds(network, image[None])[0]
    result = np.zeros((H, W))
    for h in range(H):
        for w in range(W):
            drops = []
            for top in tops:
                for left in lefts:
                    if top <= h < top + patch and left <= w < left + patch:
                        hidden = image.copy()
                        hidden[0, top : top + patch, left : left + patch] = np.median(image)
                        drops.append(whole - log_odds(network, hidden[None])[0])
            result[h, w] = np.mean(drops)
    return result


@pytest.mark.parametrize(("patch", "stride"), [(1, 1), (3, 2), (4, 4), (5, 1), (20, 7)])
@pytest.mark.parametrize("size", [(7, 9), (6, 4)])
def test_the_map_is_that_of_the_definition(size, patch, stride, rng):
    network = linear(rng.standard_normal(size))
    image = rng.random((1, *size))
    np.testing.assert_allclose(
        occlusion_map(network, image, patch, stride), by_loops(network, image, patch, stride), atol=1e-12
    )


def test_single_pixels_of_a_linear_network_count_what_they_weigh(rng):
    weight, image = rng.standard_normal((5, 6)), rng.random((1, 5, 6))
    expected = weight * (image[0] - np.median(image))
    np.testing.assert_allclose(occlusion_map(linear(weight), image, 1, 1), expected, atol=1e-12)


def test_only_what_counts_is_on_the_map():
    weight = np.zeros((30, 40))
    weight[10:13, 20:23] = 1  # speaks for class 1 where there is ink
    image = np.zeros((1, 30, 40))
    image[0, 8:16, 5:35] = 1
    found = occlusion_map(linear(weight), image, 4, 2)
    assert found[11, 21] == found.max() > 0
    assert (found[:6] == 0).all()
    assert (found[:, :14] == 0).all()
    np.testing.assert_allclose(occlusion_map(linear(-weight), image, 4, 2), -found, atol=1e-12)


def test_it_does_for_the_curve_network_and_leaves_the_image_alone(rng):
    network, image = curve_net(np.random.default_rng(0)), rng.random((1, 48, 128)).astype(np.float32)
    before = image.copy()
    found = occlusion_map(network, image)
    assert found.shape == (48, 128)
    assert np.isfinite(found).all()
    assert found.any()
    assert np.array_equal(image, before)


@pytest.mark.parametrize("length", [1, 3, 12, 13, 47, 48, 128])
def test_patches_leave_no_pixel_out(length):
    covered = {pixel for start in places(length, 12, 4) for pixel in range(start, start + 12)}
    assert covered >= set(range(length))


@pytest.mark.parametrize(("patch", "stride"), [(3, 4), (3, 0), (0, 0), (2, inf)])
def test_gaps_are_refused(patch, stride):
    with pytest.raises(ValueError, match=f"patches of {patch} pixels at every {stride} leave gaps"):
        occlusion_map(linear(np.ones((4, 4))), np.ones((1, 4, 4)), patch, stride)


# --- more classes, and colour


def small_network(rng, channels=3, classes=4) -> Network:
    layers = {"conv": Conv2d(channels, 5, 3, padding=1), "relu": ReLU(), "flatten": Flatten(), "fc": Linear(5 * 42, classes)}
    return Network.initialized(layers, (channels, 6, 7), rng, np.float64)


@pytest.mark.parametrize("label", range(4))
def test_log_odds_are_those_of_the_probability(label, rng):
    network, images = small_network(rng), rng.random((5, 3, 6, 7))
    p = softmax(network.logits(images))[:, label]
    np.testing.assert_allclose(log_odds(network, images, label), np.log(p / (1 - p)), rtol=1e-10)


def test_with_two_classes_they_are_the_difference_of_the_logits(rng):
    network, images = small_network(rng, classes=2), rng.random((5, 3, 6, 7))
    logits = network.logits(images)
    np.testing.assert_array_equal(log_odds(network, images), logits[:, 1] - logits[:, 0])


def test_large_logits_do_not_overflow(rng):
    network, images = small_network(rng), 1e4 * rng.random((5, 3, 6, 7))
    assert np.isfinite(log_odds(network, images, 2)).all()


def test_a_patch_covers_all_channels_each_with_its_own_median(rng):
    network, image = small_network(rng), rng.random((3, 6, 7))
    found = occlusion_map(network, image, 1, 1, label=2)
    hidden = image.copy()
    hidden[:, 4, 3] = np.median(image, axis=(1, 2))
    expected = log_odds(network, image[None], 2)[0] - log_odds(network, hidden[None], 2)[0]
    assert found[4, 3] == pytest.approx(expected, rel=1e-9)
