"""A scale and a shift of each channel: its slow twin, differences, and batch normalisation in evaluation."""

import numpy as np
import pytest
from support.layers import with_weights

from minisgl.nn import BatchNorm2d, ScaleShift, reference
from minisgl.nn.gradcheck import numeric_gradient, relative_error


@pytest.mark.parametrize("shape", [(3, 4, 2, 5), (3, 5), (1, 1, 1, 1)])
def test_it_is_the_reference_and_its_gradient_that_of_differences(shape):
    rng = np.random.default_rng(0)
    layer, x, dy = with_weights(ScaleShift(shape[0]), rng), rng.standard_normal(shape), rng.standard_normal(shape)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    np.testing.assert_allclose(y, reference.scale_shift(x, layer.scale, layer.shift), rtol=0, atol=1e-14)
    slow = reference.scale_shift_backward(dy, x, layer.scale)
    for fast, wanted in zip((dx, grads["scale"], grads["shift"]), slow, strict=True):
        np.testing.assert_allclose(fast, wanted, rtol=0, atol=1e-12)
    assert relative_error(numeric_gradient(lambda v: np.sum(dy * layer.forward(v)[0]), x), dx) <= 1e-7


def test_batch_normalisation_in_evaluation_is_one():
    rng = np.random.default_rng(0)
    norm, layer, x = with_weights(BatchNorm2d(3), rng), ScaleShift(3), rng.standard_normal((3, 4, 2, 5))
    layer.scale, layer.shift = norm.scale_and_shift()
    np.testing.assert_allclose(layer.forward(x)[0], norm.forward(x)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(2,), (4, 5, 5), (3, 2)])
def test_bad_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"a scale and shift of 3 channels needs \(C, H, W\) or \(C,\), but got \("):
        ScaleShift(3).output_shape(shape)
