"""Every layer and the loss on device arrays: NumPy's numbers, and nothing moves to or from the host."""

import numpy as np
import pytest
from support.device_double import transfers
from support.layers import LAYERS, as_on_a_device, parameters_of, with_weights

from minisgl.backend import to_device
from minisgl.nn import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    GlobalAvgPool2d,
    Network,
    ReLU,
    Residual,
    Workspace,
    softmax_cross_entropy,
)


@pytest.fixture(params=LAYERS)
def case(request):
    """A layer's maker, with weights, input and cotangent in float32 on the host."""
    rng = np.random.default_rng(0)
    build, shape = LAYERS[request.param]
    layer = with_weights(build(), rng)
    x, dy = rng.standard_normal(shape), rng.standard_normal((*layer.output_shape(shape[:-1]), shape[-1]))
    parameters = {name: array.astype(np.float32) for name, array in parameters_of(layer).items()}
    return build, parameters, x.astype(np.float32), dy.astype(np.float32)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_every_layer(case, training, xp, near):
    build, parameters, x, dy = case
    host, there, ws = as_on_a_device(build()), build(), Workspace()
    for name, array in parameters.items():
        setattr(host, name, array)
        setattr(there, name, to_device(array, xp))
    if training and isinstance(host, Dropout):
        pytest.skip("its mask is drawn on the host: see the test below")
    y, cache = host.forward(x, training=training)
    dx, grads = host.backward(dy, cache)
    x, dy = to_device(x, xp), to_device(dy, xp)
    there.forward(x, ws, training)  # constants that a workspace keeps move once
    transfers.to_host = transfers.to_device = 0
    found, cache = there.forward(x, ws, training)
    found_dx, found_grads = there.backward(dy, cache)
    assert (transfers.to_host, transfers.to_device) == (0, 0)
    near(found, y)
    near(found_dx, dx)
    for name, gradient in grads.items():
        near(found_grads[name], gradient)


def test_dropout_draws_the_same_mask_on_every_device(xp, near):
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 4)).astype(np.float32)
    y, _ = Dropout(0.3).forward(x, training=True, rng=np.random.default_rng(1))
    found, cache = Dropout(0.3).forward(to_device(x, xp), training=True, rng=np.random.default_rng(1))
    near(found, y)
    near(Dropout(0.3).backward(to_device(x, xp), cache)[0], y)


def test_loss(xp, near):
    logits = (10 * np.random.default_rng(0).standard_normal((7, 5))).astype(np.float32)
    labels = np.arange(7) % 5
    loss, gradient = softmax_cross_entropy(to_device(logits, xp), to_device(labels, xp))
    expected, expected_gradient = softmax_cross_entropy(logits, labels)
    near(loss, expected)
    near(gradient, expected_gradient)


def test_a_residual_network(xp, near):
    rng = np.random.default_rng(0)
    block = {"bn1": BatchNorm2d(2), "relu1": ReLU(), "conv1": Conv2d(2, 2, 3, padding=1, bias=False), "bn2": BatchNorm2d(2)}
    layers = {
        "first": Residual(block),
        "second": Residual({"conv": Conv2d(2, 3, 2)}, {"shortcut": Conv2d(2, 3, 2)}, {"bn": BatchNorm2d(2)}),
    }
    layers |= {"bn": BatchNorm2d(3), "relu": ReLU(), "pool": GlobalAvgPool2d()}
    host, images = Network.initialized(layers, (2, 6, 5), rng), rng.standard_normal((4, 2, 6, 5)).astype(np.float32)
    there, ws, host_ws = host.with_flat(to_device(host.flat, xp)), Workspace(), Workspace()
    for _ in range(2):
        logits, tape = host.forward(images, training=True, workspace=host_ws)
        gradient, _ = host.backward(logits, tape)
        found, tape = there.forward(to_device(images, xp), training=True, workspace=ws)
        near(found, logits)
        found_gradient, _ = there.backward(found, tape)
        near(found_gradient, gradient)
        host.update_buffers(gradient)
        there.update_buffers(found_gradient)
        near(there.flat, host.flat)
