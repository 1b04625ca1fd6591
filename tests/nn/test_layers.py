"""The fast layers equal the loops of reference.py, and refuse shapes that do not fit.

Shapes are odd on purpose: rectangular inputs and kernels, windows that overlap, strides that skip pixels or leave the last
rows uncovered, one image and one channel. Pooling reads small integers, so that nearly every window ties.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layers import with_weights

from minisgl.nn import Conv2d, Flatten, Gather, Linear, MaxPool2d, Normalize, ReLU, Workspace, im2col_strips, reference

TOLERANCE = {np.float64: 1e-12, np.float32: 2e-5}
generated = settings(max_examples=60, deadline=None, derandomize=True)


def assert_close(fast: np.ndarray, slow: np.ndarray) -> None:
    """Equal shape, dtype and, up to rounding in that dtype, numbers."""
    assert fast.shape == slow.shape
    assert fast.dtype == slow.dtype
    np.testing.assert_allclose(fast, slow, rtol=0, atol=TOLERANCE[slow.dtype.type] * max(1, np.abs(slow).max()))


def assert_conv_is_the_reference(layer: Conv2d, x_shape: tuple[int, ...], dtype=np.float64) -> None:
    rng = np.random.default_rng(0)
    with_weights(layer, rng, dtype)
    x = rng.standard_normal(x_shape).astype(dtype)
    y, cache = layer.forward(x)
    assert y.shape == (*layer.output_shape(x.shape[:3]), x.shape[3])
    assert_close(y, reference.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding))
    dy = rng.standard_normal(y.shape).astype(dtype)
    dx, grads = layer.backward(dy, cache)
    for fast, slow in zip(
        (dx, grads["weight"], grads["bias"]),
        reference.conv2d_backward(dy, x, layer.weight, layer.stride, layer.padding),
        strict=True,
    ):
        assert_close(fast, slow)


def assert_pool_is_the_reference(layer: MaxPool2d, x: np.ndarray) -> None:
    """Exactly: a maximum rounds nothing, and an integer dy adds up without rounding."""
    rng = np.random.default_rng(0)
    y, cache = layer.forward(x)
    assert y.shape == (*layer.output_shape(x.shape[:3]), x.shape[3])
    np.testing.assert_array_equal(y, reference.max_pool2d(x, layer.kernel, layer.stride, layer.padding))
    dy = rng.integers(1, 100, y.shape).astype(x.dtype)
    dx, _ = layer.backward(dy, cache)
    assert y.dtype == dx.dtype == x.dtype
    assert dx.sum() == dy.sum()  # every window gives its gradient to one pixel, none to the padding
    np.testing.assert_array_equal(dx, reference.max_pool2d_backward(dy, x, layer.kernel, layer.stride, layer.padding))


# --- fast equals reference -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [1, 3, (2, 3), (3, 1), (1, 4)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_conv2d(kernel, stride, padding):
    for C, K, N in ((1, 1, 1), (1, 2, 3), (3, 2, 2)):
        assert_conv_is_the_reference(Conv2d(C, K, kernel, stride, padding), (C, 6, 5, N))


@pytest.mark.parametrize("kernel", [1, 3, (2, 3), (4, 1)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("size", [1, 2 * 5 * 2])
def test_conv2d_in_strips_of_one_and_two_rows(kernel, stride, padding, size, monkeypatch):
    monkeypatch.setattr(im2col_strips, "BLOCK_SIZE", size * 3)
    assert_conv_is_the_reference(Conv2d(3, 2, kernel, stride, padding), (3, 7, 5, 2))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_conv2d_float32(stride, padding):
    assert_conv_is_the_reference(Conv2d(3, 4, (3, 2), stride, padding), (3, 7, 6, 2), np.float32)


@given(data=st.data(), C=st.integers(1, 3), K=st.integers(1, 3), N=st.integers(1, 2))
@generated
def test_conv2d_generated(data, C, K, N):
    R, S = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)), "kernel")
    stride, padding = data.draw(st.integers(1, 4), "stride"), data.draw(st.integers(0, 3), "padding")
    H = data.draw(st.integers(max(1, R - 2 * padding), 6), "H")
    W = data.draw(st.integers(max(1, S - 2 * padding), 6), "W")
    assert_conv_is_the_reference(Conv2d(C, K, (R, S), stride, padding), (C, H, W, N))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("N", [1, 3])
def test_linear(N, dtype):
    rng = np.random.default_rng(0)
    layer = with_weights(Linear(6, 4), rng, dtype)
    x, dy = rng.standard_normal((6, N)).astype(dtype), rng.standard_normal((4, N)).astype(dtype)
    y, cache = layer.forward(x)
    dx, grads = layer.backward(dy, cache)
    assert_close(y, reference.linear(x, layer.weight, layer.bias))
    for fast, slow in zip((dx, grads["weight"], grads["bias"]), reference.linear_backward(dy, x, layer.weight), strict=True):
        assert_close(fast, slow)


@pytest.mark.parametrize("shape", [(7, 2), (2, 4, 3, 2)])
def test_relu(shape):
    rng = np.random.default_rng(0)
    x, dy = rng.integers(-2, 3, shape).astype(float), rng.standard_normal(shape)  # zeros too: there the slope is 0
    y, cache = ReLU().forward(x)
    np.testing.assert_array_equal(y, reference.relu(x))
    np.testing.assert_array_equal(ReLU().backward(dy, cache)[0], reference.relu_backward(dy, x))


def test_flatten_orders_by_channel_row_column():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    y, cache = Flatten().forward(x)
    assert Flatten().output_shape((2, 3, 4)) == (24,)
    for n in range(5):
        np.testing.assert_array_equal(y[:, n], x[..., n].ravel())
    np.testing.assert_array_equal(Flatten().backward(y, cache)[0], x)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(1, 2, 3, 1), (3, 4, 3, 2)])
def test_normalize(shape, dtype):
    rng = np.random.default_rng(0)
    mean, deviation = rng.standard_normal(shape[0]), rng.uniform(0.1, 2, shape[0])
    x, dy = rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape).astype(dtype)
    layer, ws = Normalize(mean, deviation.tolist()), Workspace()
    for precision in (np.float32, np.float64):  # one workspace serves both
        layer.forward(x.astype(precision), ws)
    y, cache = layer.forward(x, ws)
    assert_close(y, reference.normalize(x, mean.astype(dtype), deviation.astype(dtype)))
    assert_close(layer.backward(dy, cache)[0], reference.normalize_backward(dy, deviation.astype(dtype)))
    assert layer.backward(dy, cache, input_gradient=False)[0] is None


def test_normalize_makes_the_images_it_was_made_from_of_mean_0_and_deviation_1():
    images = np.random.default_rng(0).uniform(size=(3, 8, 8, 20)) * np.array([1.0, 0.5, 0.1])[:, None, None, None]
    y, _ = Normalize(images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))).forward(images)
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(1, 2, 3)), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("mean", "deviation", "sentence"),
    [
        ([0.5], [1.0, 1.0], "as many means as deviations, but got 1 and 2"),
        ([], [], "a list of numbers"),
        (0.5, 1.0, "a list of numbers"),
        ([[0.5]], [[1.0]], "a list of numbers"),
        (["0.5"], [1.0], "a list of numbers"),
        ([True], [1.0], "a list of numbers"),
        ([None], [1.0], "a list of numbers"),
        ([0.5], [0.0], r"deviations must be > 0, but are \[0.0\]"),
        ([0.5, 0.5], [1.0, -1.0], r"deviations must be > 0, but are \[1.0, -1.0\]"),
        ([0.5], [1e-60], "deviations must be > 0"),  # 0 in float32
        ([np.nan], [1.0], "finite numbers"),
        ([0.5], [np.inf], "finite numbers"),
        ([1e39], [1.0], "finite numbers"),  # infinite in float32
    ],
)
def test_normalize_wants_finite_numbers(mean, deviation, sentence):
    with pytest.raises(ValueError, match=sentence):
        Normalize(mean, deviation)


@pytest.mark.parametrize("shape", [(2, 4, 4), (3,), (3, 4)])
def test_normalize_wants_maps_of_its_channels(shape):
    with pytest.raises(ValueError, match=r"Normalize has 3 channels and needs maps \(C, H, W\) with as many, but got"):
        Normalize([0.0] * 3, [1.0] * 3).output_shape(shape)


@pytest.mark.parametrize("index", [[3, 0, 6], [6, 5, 4, 3, 2, 1, 0], [2], []])
def test_gather(index):
    rng = np.random.default_rng(0)
    layer, x, dy = Gather(np.array(index, np.int32)), rng.standard_normal((7, 3)), rng.standard_normal((len(index), 3))
    assert layer.output_shape((7,)) == (len(index),)
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(y, reference.gather(x, index))
    np.testing.assert_array_equal(layer.backward(dy, cache)[0], reference.gather_backward(dy, x, index))


@pytest.mark.parametrize("index", [[0, 1, 0], [-1, 2], [[0, 1]], [0.0, 1.0], [True, False]])
def test_gather_wants_different_positions(index):
    with pytest.raises(ValueError, match="different integers >= 0"):
        Gather(np.array(index))


@pytest.mark.parametrize("shape", [(5,), (6, 1, 1)])
def test_gather_wants_a_vector_that_is_long_enough(shape):
    with pytest.raises(ValueError, match=r"goes up to 5, which does not fit an input \("):
        Gather(np.array([0, 5])).output_shape(shape)


POOLS = [(kernel, stride, padding) for kernel in (1, 2, 3) for stride in (None, 1, 2, 3, 4) for padding in range(kernel)]


@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_max_pool2d(kernel, stride, padding, dtype):
    rng = np.random.default_rng(0)
    for shape in ((1, 4, 3, 1), (2, 8, 6, 2)):
        assert_pool_is_the_reference(MaxPool2d(kernel, stride, padding), rng.standard_normal(shape).astype(dtype))
        assert_pool_is_the_reference(MaxPool2d(kernel, stride, padding), rng.integers(-1, 2, shape).astype(dtype))


@given(data=st.data(), C=st.integers(1, 2), N=st.integers(1, 2), kernel=st.integers(1, 4), seed=st.integers(0, 1000))
@generated
def test_max_pool2d_generated(data, C, N, kernel, seed):
    stride, padding = data.draw(st.integers(1, 5), "stride"), data.draw(st.integers(0, kernel - 1), "padding")
    size = st.integers(max(1, kernel - 2 * padding), 7)
    H, W = data.draw(size, "H"), data.draw(size, "W")
    x = np.random.default_rng(seed).integers(-2, 3, (C, H, W, N)).astype(float)
    assert_pool_is_the_reference(MaxPool2d(kernel, stride, padding), x)


# --- known cases -----------------------------------------------------------------------------------------------------


def test_max_pool2d_tie_goes_to_the_first_in_row_major_order():
    x = np.array([[1.0, 2, 2], [2, 2, 0], [5, 5, 5]])[None, :, :, None]
    dy = np.array([[1.0, 10], [100, 1000]])[None, :, :, None]
    expected = np.array([[0.0, 11, 0], [0, 0, 0], [100, 1000, 0]])[None, :, :, None]
    layer = MaxPool2d(2, stride=1)
    np.testing.assert_array_equal(layer.backward(dy, layer.forward(x)[1])[0], expected)
    np.testing.assert_array_equal(reference.max_pool2d_backward(dy, x, 2, 1), expected)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 4, 2)])
def test_max_pool2d_pads_with_minus_infinity(shape):
    x = -1 - np.abs(np.random.default_rng(0).standard_normal(shape))
    y, _ = MaxPool2d(3, stride=2, padding=2).forward(x)
    assert (y <= -1).all()
    assert np.isfinite(y).all()


@pytest.mark.parametrize("layer", [Conv2d(1, 2, 2, stride=3), MaxPool2d(2, stride=3)])
def test_uncovered_pixels_get_no_gradient(layer):
    """Windows of 2 at stride 3 on 7 x 6 pixels: row and column 2 lie between windows, row 5 and on is left over."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 7, 6, 2))
    y, cache = with_weights(layer, rng).forward(x)
    assert y.shape[1:3] == (2, 2)
    dx, _ = layer.backward(np.ones_like(y), cache)
    covered = np.zeros((7, 6), bool)
    covered[np.ix_([0, 1, 3, 4], [0, 1, 3, 4])] = True
    assert not dx[:, ~covered].any()
    assert dx[:, covered].any()


def test_a_kernel_is_rows_by_columns():
    assert Conv2d(2, 5, (3, 4)).weight_shape == (5, 2, 3, 4)
    assert Conv2d(2, 5, 3).weight_shape == (5, 2, 3, 3)
    assert Conv2d(2, 5, (3, 4), stride=2, padding=1).output_shape((2, 8, 7)) == (5, 4, 3)


# --- bad shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (Conv2d(3, 8, 5), (1, 28, 28), r"8x3x5x5 needs 3 input channels.* got \(1, 28, 28\)"),
        (Conv2d(3, 8, 5), (3, 28), r"8x3x5x5 .*got \(3, 28\)"),
        (Conv2d(1, 8, (5, 3), padding=1), (1, 2, 28), "kernel of 5 does not fit an input of 2 with padding 1"),
        (Conv2d(1, 8, (3, 5)), (1, 28, 4), "kernel of 5 does not fit an input of 4 with padding 0"),
        (Linear(800, 10), (799,), r"10x800 needs 800 inputs, but got \(799,\)"),
        (Linear(800, 10), (50, 4, 4), r"10x800 needs 800 inputs, but got \(50, 4, 4\)"),
        (MaxPool2d(3), (20, 2, 9), "kernel of 3 does not fit an input of 2 with padding 0"),
        (MaxPool2d(2), (800,), r"\(800,\)"),
    ],
)
def test_bad_shapes(layer, shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        layer.output_shape(shape)


def test_bad_input_to_forward():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="needs 2 input channels"):
        with_weights(Conv2d(2, 3, 3), rng).forward(np.zeros((1, 5, 5, 1)))
    with pytest.raises(ValueError, match=r"needs 4 inputs, but got \(5,\)"):
        with_weights(Linear(4, 3), rng).forward(np.zeros((5, 2)))


@pytest.mark.parametrize("padding", [2, 3])
def test_a_pooling_window_of_padding_only_is_refused(padding):
    with pytest.raises(ValueError, match=f"kernel 2 cannot have padding {padding}"):
        MaxPool2d(2, padding=padding)


@pytest.mark.parametrize(("stride", "padding"), [(0, 0), (-1, 0), (1, -1)])
def test_impossible_strides_and_paddings_are_refused(stride, padding):
    for make in (lambda: Conv2d(1, 1, 3, stride, padding), lambda: MaxPool2d(3, stride, padding)):
        with pytest.raises(ValueError, match=f"got stride {stride} and padding {padding}"):
            make()
