"""Every layer and the loss on device arrays: NumPy's numbers, and nothing moves to or from the host."""

import numpy as np
import pytest
from support.device_double import transfers
from support.layers import LAYERS, parameters_of, with_weights, without_winograd

from minisgl.backend import to_device
from minisgl.nn import Dropout, Workspace, softmax_cross_entropy


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
    host, there, ws = without_winograd(build()), build(), Workspace()
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
