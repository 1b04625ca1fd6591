"""The binary activation: its loops, and what Dinh and Xin (arXiv 1901.09731) prove of its coarse gradients."""

import numpy as np
import pytest

from minisgl.nn import Binary, Flatten, Linear, Network, reference, softmax_cross_entropy
from minisgl.nn.gradcheck import numeric_gradient

PATCHES, INPUTS, SAMPLES = 4, 8, 200_000


@pytest.mark.parametrize("shape", [(7, 2), (2, 4, 3, 2)])
def test_it_is_its_loops(shape):
    rng = np.random.default_rng(0)
    x, dy = rng.integers(-2, 3, shape).astype(float), rng.standard_normal(shape)  # zeros too: there it is 0
    for layer, dx in ((Binary(), reference.relu_backward(dy, x)), (Binary("identity"), dy)):
        y, cache = layer.forward(x)
        np.testing.assert_array_equal(y, reference.binary(x))
        np.testing.assert_array_equal(layer.backward(dy, cache)[0], dx)


def test_another_coarse_derivative_is_refused():
    with pytest.raises(ValueError, match="the coarse derivative must be relu or identity, but is 'tanh'"):
        Binary("tanh")


def test_the_gradient_of_every_weight_before_it_is_zero():
    rng = np.random.default_rng(0)
    layers = {"flatten": Flatten(), "fc1": Linear(9, 5), "binary": Binary(), "fc2": Linear(5, 3)}
    network = Network.initialized(layers, (1, 3, 3), rng, np.float64)
    images, labels = rng.standard_normal((20, 1, 3, 3)), rng.integers(0, 3, 20)

    def loss(flat):
        return softmax_cross_entropy(network.with_flat(flat).forward(images)[0], labels)[0]

    slopes = numeric_gradient(loss, network.flat)
    weight, bias = (slot.view(slopes) for slot in network.layout.slots if slot.name.startswith("fc1"))
    assert not weight.any()
    assert not bias.any()
    logits, tape = network.forward(images)
    coarse = network.backward(softmax_cross_entropy(logits, labels)[1], tape)[0]
    fc2 = network.layout.weights["fc2"]
    np.testing.assert_allclose(fc2.view(coarse), fc2.view(slopes), atol=1e-7)  # after it the gradient is the gradient
    assert network.layout.weights["fc1"].view(coarse).any()


# ---- y(w) = mean over k patches of 1{w z > 0}, z Gaussian, loss 1/2 (y(w) - y(w*))^2, w and w* of length 1


@pytest.fixture(scope="module")
def planted():
    """w and w*, (D,) each, and the patches (D, k, N)."""
    rng = np.random.default_rng(1)
    w, true = (each / np.linalg.norm(each) for each in rng.standard_normal((2, INPUTS)))
    return w, true, rng.standard_normal((INPUTS, PATCHES, SAMPLES))


def loss_and_gradient(layer, w, true, z):
    """Means over the samples: the loss, a number, and the coarse gradient by w, (D,)."""
    y, cache = layer.forward(np.tensordot(w, z, 1))  # (k, N)
    difference = y.mean(axis=0) - layer.forward(np.tensordot(true, z, 1))[0].mean(axis=0)  # (N,)
    dy = np.broadcast_to(difference / PATCHES, y.shape)  # (k, N)
    dx, _ = layer.backward(dy, cache)  # (k, N)
    return (difference**2).mean() / 2, np.tensordot(z, dx, 2) / SAMPLES


def test_the_loss_is_the_angle_between_w_and_the_true_weights(planted):
    w, true, z = planted
    loss, _ = loss_and_gradient(Binary(), w, true, z)
    assert loss == pytest.approx(np.arccos(w @ true) / (2 * np.pi * PATCHES), rel=0.01)


@pytest.mark.parametrize(("coarse", "factor"), [("relu", 1), ("identity", 2)])
def test_the_mean_of_the_coarse_gradient_points_away_from_the_true_weights(planted, coarse, factor):
    w, true, z = planted
    _, gradient = loss_and_gradient(Binary(coarse), w, true, z)
    c = factor / (2 * PATCHES * np.sqrt(2 * np.pi))
    assert np.linalg.norm(gradient - c * (w - true)) < 0.02 * np.linalg.norm(c * (w - true))
