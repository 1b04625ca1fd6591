"""Batch normalisation: the slow twin, differences, PyTorch, the running statistics, and what shards do to them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layers import parameters_of, with_weights

from minisgl.nn import BatchNorm2d, Flatten, Network, norm, reference
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.parameters import MOMENTUM


def layer_and_input(shape=(3, 4, 2, 5), dtype=np.float64) -> tuple[BatchNorm2d, np.ndarray]:
    rng = np.random.default_rng(0)
    layer = with_weights(BatchNorm2d(shape[0]), rng, dtype)
    return layer, (3 + 2 * rng.standard_normal(shape)).astype(dtype)


@given(C=st.integers(1, 4), H=st.integers(1, 3), W=st.integers(1, 3), N=st.integers(1, 4), block=st.integers(1, 60))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_it_is_the_reference(C, H, W, N, block):
    layer, x = layer_and_input((C, H, W, N))
    dy = np.random.default_rng(1).standard_normal(x.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(norm, "BLOCK_SIZE", block)  # one channel at a time, or several
        y, cache = layer.forward(x, training=True)
        dx, grads = layer.backward(dy, cache)
    expected, _, (mean, variance) = reference.batch_norm(x, layer.weight, layer.bias, layer.eps)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-10)
    slow = reference.batch_norm_backward(dy, x, layer.weight, layer.eps)
    for fast, wanted in zip((dx, grads["weight"], grads["bias"]), slow, strict=True):
        np.testing.assert_allclose(fast, wanted, rtol=0, atol=1e-9 * max(1, np.abs(wanted).max()))
    np.testing.assert_allclose(grads["running_mean"], mean)
    m = H * W * N
    np.testing.assert_allclose(grads["running_var"], variance * m / max(m - 1, 1), atol=1e-12)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_the_gradient_is_that_of_differences(training):
    layer, x = layer_and_input()
    y, cache = layer.forward(x, training=training)
    u = np.random.default_rng(1).standard_normal(y.shape)
    dx, grads = layer.backward(u, cache)
    assert relative_error(numeric_gradient(lambda v: np.sum(u * layer.forward(v, training=training)[0]), x), dx) <= 1e-7
    for key in ("weight", "bias"):
        at = getattr(layer, key)

        def g(value, key=key):
            changed, _ = layer_and_input()
            setattr(changed, key, value)
            return np.sum(u * changed.forward(x, training=training)[0])

        assert relative_error(numeric_gradient(g, at), grads[key]) <= 1e-7


def test_the_outputs_have_the_mean_and_scale_that_are_trained():
    layer, x = layer_and_input(dtype=np.float32)
    y, _ = layer.forward(x, training=True)
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), layer.bias, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(1, 2, 3)), np.abs(layer.weight), rtol=1e-4)


def test_a_constant_channel_becomes_its_shift():
    layer, x = layer_and_input()
    x[1] = 7
    y, cache = layer.forward(x, training=True)
    np.testing.assert_array_equal(y[1], layer.bias[1])
    dx, _ = layer.backward(np.ones_like(y), cache)
    assert np.isfinite(dx).all()


def test_evaluation_is_a_scale_and_a_shift():
    layer, x = layer_and_input()
    scale, shift = layer.scale_and_shift()
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, scale[:, None, None, None] * x + shift[:, None, None, None])
    z = (x - layer.running_mean[:, None, None, None]) / np.sqrt(layer.running_var + layer.eps)[:, None, None, None]
    np.testing.assert_allclose(y, layer.weight[:, None, None, None] * z + layer.bias[:, None, None, None])
    _, grads = layer.backward(y, cache)  # outside training the batch is no reason to move the buffers
    np.testing.assert_array_equal(grads["running_mean"], layer.running_mean)
    np.testing.assert_array_equal(grads["running_var"], layer.running_var)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_it_is_pytorchs(training):
    torch = pytest.importorskip("torch")
    layer, x = layer_and_input()
    network = Network({"bn": layer, "flatten": Flatten()}, x.shape[:3], np.zeros(4 * len(x)))
    for key, array in parameters_of(layer).items():
        network.layout[f"bn.{key}"].view(network.flat)[...] = array
    twin = torch.nn.BatchNorm2d(3, eps=layer.eps, momentum=MOMENTUM, dtype=torch.float64).train(training)
    twin.load_state_dict({key: torch.from_numpy(array.copy()) for key, array in parameters_of(layer).items()})
    images = torch.from_numpy(np.moveaxis(x, -1, 0).copy()).requires_grad_()
    u = np.random.default_rng(1).standard_normal((5, 24))
    logits, tape = network.forward(images.detach().numpy(), training=training)
    gradient, dimages = network.backward(u, tape, input_gradient=True)
    expected = twin(images).flatten(1)
    expected.backward(torch.from_numpy(u))
    np.testing.assert_allclose(logits, expected.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(dimages, images.grad.numpy(), rtol=0, atol=1e-12)
    for key in ("weight", "bias"):
        wanted = getattr(twin, key).grad.numpy()
        np.testing.assert_allclose(network.layout[f"bn.{key}"].view(gradient), wanted, rtol=0, atol=1e-12)
    network.update_buffers(gradient)
    for key in ("running_mean", "running_var"):
        found = network.layout[f"bn.{key}"].view(network.flat)
        np.testing.assert_allclose(found, getattr(twin, key).numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("arguments", "words"), [((0,), "channels is 0"), ((3, 0.0), "an eps above 0 and below 1, but got 0")])
def test_bad_settings_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        BatchNorm2d(*arguments)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
def test_bad_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"batch normalisation of 3 channels needs \(C, H, W\), but got"):
        BatchNorm2d(3).output_shape(shape)
