"""Average pooling equals its slow twin, and differences."""

import numpy as np
import pytest

from minisgl.nn import AvgPool2d, GlobalAvgPool2d, reference
from minisgl.nn.gradcheck import numeric_gradient, relative_error


def gradients_agree(layer, x: np.ndarray) -> bool:
    y, cache = layer.forward(x)
    u = np.random.default_rng(1).standard_normal(y.shape)
    dx, _ = layer.backward(u, cache)
    return relative_error(numeric_gradient(lambda v: np.sum(u * layer.forward(v)[0]), x), dx) <= 1e-7


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 3, 3, 1), (2, 7, 6, 3)])
def test_avg_pool2d(kernel, shape):
    layer, rng = AvgPool2d(kernel), np.random.default_rng(0)
    x = rng.standard_normal(shape)
    y, cache = layer.forward(x)
    dy = rng.standard_normal(y.shape)
    np.testing.assert_allclose(y, reference.avg_pool2d(x, kernel), rtol=0, atol=1e-14)
    np.testing.assert_allclose(layer.backward(dy, cache)[0], reference.avg_pool2d_backward(dy, x, kernel), rtol=0, atol=1e-14)
    assert y.shape[:3] == layer.output_shape(shape[:3])
    assert gradients_agree(layer, x)


def test_global_avg_pool2d_is_one_window():
    x, dy = np.random.default_rng(0).standard_normal((3, 4, 4, 2)), np.random.default_rng(1).standard_normal((3, 2))
    layer = GlobalAvgPool2d()
    y, cache = layer.forward(x)
    assert layer.output_shape((3, 4, 5)) == (3,)
    np.testing.assert_allclose(y, reference.avg_pool2d(x, 4)[:, 0, 0], rtol=0, atol=1e-14)
    slow = reference.avg_pool2d_backward(dy[:, None, None], x, 4)
    np.testing.assert_allclose(layer.backward(dy, cache)[0], slow, rtol=0, atol=1e-14)
    assert gradients_agree(layer, x)


@pytest.mark.parametrize("layer", [AvgPool2d(2), GlobalAvgPool2d()])
def test_bad_shapes_are_refused(layer):
    with pytest.raises(ValueError, match=r"average pooling needs maps \(C, H, W\), but got \(5,\)"):
        layer.output_shape((5,))


def test_a_window_must_fit():
    with pytest.raises(ValueError, match="a kernel of 3 does not fit an input of 2"):
        AvgPool2d(3).output_shape((1, 5, 2))
    with pytest.raises(ValueError, match="kernel is 0"):
        AvgPool2d(0)
