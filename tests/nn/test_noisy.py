"""Noisy layers against their definition, their derivatives in float64, and the distribution that they draw from."""

from copy import copy
from functools import partial

import numpy as np
import pytest
from support.layers import as_on_a_device, with_weights

from minisgl.nn import Conv2d, Layer, Linear, Workspace
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.noisy import NoisyConv2d, NoisyLinear

KINDS = {
    "linear": (lambda: NoisyLinear(6, 5), (6, 4)),
    "conv": (lambda: NoisyConv2d(2, 3, 3), (2, 6, 5, 4)),
    "padded conv": (lambda: NoisyConv2d(2, 3, (2, 3), stride=2, padding=1), (2, 6, 5, 4)),
    "conv without bias": (lambda: NoisyConv2d(2, 3, 3, bias=False), (2, 6, 5, 4)),
}


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def made(kind: str) -> tuple[Layer, np.ndarray]:
    build, shape = KINDS[kind]
    drawn = np.random.default_rng(1)
    return with_weights(build(), drawn), drawn.standard_normal(shape)


def without_noise(layer: Layer, weight: np.ndarray, bias: np.ndarray | None) -> Layer:
    """The plain layer of the same size with these weights."""
    settings = layer.settings() | ({"bias": False} if bias is None and isinstance(layer, Conv2d) else {})
    plain = (Conv2d if isinstance(layer, Conv2d) else Linear)(**settings)
    plain.weight, plain.bias = weight, np.zeros(len(weight)) if bias is None else bias
    return as_on_a_device(plain)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_its_definition(kind: str) -> None:
    layer, x = made(kind)
    y, _ = layer.forward(x, training=True, rng=rng())
    mean, _ = without_noise(layer, layer.weight, layer.bias).forward(x)
    variance, _ = without_noise(layer, np.exp(layer.log_variance), None).forward(x * x)
    noise = rng().standard_normal(y.size, np.float32).reshape(y.shape)
    np.testing.assert_allclose(y, mean + np.sqrt(variance) * noise, rtol=1e-12)


def test_the_definition_one_number_at_a_time() -> None:
    layer, x = made("linear")
    y, _ = layer.forward(x, training=True, rng=rng())
    noise = rng().standard_normal(y.shape, np.float32)
    for k, n in np.ndindex(*y.shape):
        variance = sum(np.exp(layer.log_variance[k, d]) * x[d, n] ** 2 for d in range(6))
        mean = layer.bias[k] + sum(layer.weight[k, d] * x[d, n] for d in range(6))
        assert y[k, n] == pytest.approx(mean + variance**0.5 * noise[k, n], rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_derivatives_with_the_noise_fixed(kind: str) -> None:
    layer, x = made(kind)
    y, cache = layer.forward(x, training=True, rng=rng())
    dy = np.random.default_rng(2).standard_normal(y.shape)
    dx, grads = layer.backward(dy, cache)

    def value(key: str, array: np.ndarray) -> float:
        changed, at = copy(layer), array if key == "x" else x
        setattr(changed, key, array)
        return float((dy * changed.forward(at, training=True, rng=rng())[0]).sum())

    assert relative_error(numeric_gradient(partial(value, "x"), x), dx) < 1e-7
    assert set(grads) == {parameter.key for parameter in layer.parameters}
    for key, gradient in grads.items():
        assert relative_error(numeric_gradient(partial(value, key), getattr(layer, key)), gradient) < 1e-7
    assert layer.backward(dy, cache, input_gradient=False)[0] is None


@pytest.mark.parametrize("kind", KINDS)
def test_without_variance_and_in_evaluation_it_is_the_plain_layer(kind: str) -> None:
    layer, x = made(kind)
    plain = without_noise(layer, layer.weight, layer.bias if hasattr(layer, "bias") else None)
    expected, cache = plain.forward(x)
    dx, grads = plain.backward(expected, cache)
    layer = as_on_a_device(layer)
    for training in (False, True):
        if training:
            layer.log_variance[...] = -1000
        y, cache = layer.forward(x, Workspace(), training=training, rng=rng())
        found, mine = layer.backward(y, cache)
        np.testing.assert_allclose(y, expected, rtol=1e-12)
        np.testing.assert_allclose(found, dx, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(mine["weight"], grads["weight"], rtol=1e-12)
    assert not mine["log_variance"].any()


def test_the_outputs_have_the_distribution_that_drawn_weights_give() -> None:
    layer, x = made("linear")
    many = np.repeat(x[:, :1], 200_000, axis=1)
    y, _ = layer.forward(many, training=True, rng=rng())
    deviations = np.exp(layer.log_variance / 2)
    weights = layer.weight + deviations * rng().standard_normal((200_000, *layer.weight.shape))
    drawn = (weights @ x[:, 0] + layer.bias).T
    for moment in (np.mean, np.std):
        np.testing.assert_allclose(moment(y, axis=1), moment(drawn, axis=1), atol=0.03 * drawn.std(axis=1).max())


def test_an_output_that_reads_zeros_only_has_no_noise_and_no_gradient_of_it() -> None:
    layer, _ = made("conv")
    y, cache = layer.forward(np.zeros((2, 6, 5, 4)), training=True, rng=rng())
    np.testing.assert_array_equal(y, np.broadcast_to(layer.bias[:, None, None, None], y.shape))
    dx, grads = layer.backward(np.ones_like(y), cache)
    assert np.isfinite(dx).all()
    assert not grads["log_variance"].any()


def test_training_needs_a_generator() -> None:
    layer, x = made("linear")
    with pytest.raises(ValueError, match="a noisy layer needs a generator in training"):
        layer.forward(x, training=True)
