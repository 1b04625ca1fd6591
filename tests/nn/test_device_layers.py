"""Every layer and the loss on device arrays: NumPy's numbers, and nothing moves to or from the host."""

import numpy as np
import pytest
from support.device_double import transfers
from support.layers import LAYERS

from minisgl.backend import to_device
from minisgl.nn import Workspace, softmax_cross_entropy


@pytest.fixture(params=LAYERS)
def case(request):
    """A layer's maker, with weights, input and cotangent in float32 on the host."""
    rng = np.random.default_rng(0)
    build, shape = LAYERS[request.param]
    layer = build()
    parameters = {}
    if layer.parameters:
        parameters = {"weight": rng.standard_normal(layer.weight_shape), "bias": rng.standard_normal(layer.weight_shape[0])}
    x, dy = rng.standard_normal(shape), rng.standard_normal((*layer.output_shape(shape[:-1]), shape[-1]))
    return build, {name: a.astype(np.float32) for name, a in parameters.items()}, x.astype(np.float32), dy.astype(np.float32)


def test_every_layer(case, xp, near):
    build, parameters, x, dy = case
    host, there, ws = build(), build(), Workspace()
    for name, array in parameters.items():
        setattr(host, name, array)
        setattr(there, name, to_device(array, xp))
    y, cache = host.forward(x)
    dx, grads = host.backward(dy, cache)
    x, dy = to_device(x, xp), to_device(dy, xp)
    there.forward(x, ws)  # constants that a workspace keeps move once
    transfers.to_host = transfers.to_device = 0
    found, cache = there.forward(x, ws)
    found_dx, found_grads = there.backward(dy, cache)
    assert (transfers.to_host, transfers.to_device) == (0, 0)
    near(found, y)
    near(found_dx, dx)
    for name, gradient in grads.items():
        near(found_grads[name], gradient)


def test_loss(xp, near):
    logits = (10 * np.random.default_rng(0).standard_normal((7, 5))).astype(np.float32)
    labels = np.arange(7) % 5
    loss, gradient = softmax_cross_entropy(to_device(logits, xp), to_device(labels, xp))
    expected, expected_gradient = softmax_cross_entropy(logits, labels)
    near(loss, expected)
    near(gradient, expected_gradient)
