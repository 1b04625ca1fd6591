"""Every gradient against central differences, and the measuring tool against planted mistakes.

A check takes Gaussian inputs in float64, away from kinks and ties, a random cotangent u, and compares backward(u) with the
differences of <u, forward(.)> at every entry of the input and of each parameter. Right means an error of at most 1e-7.

Digits would not do as inputs: their flat background makes pooling windows tie.
"""

import numpy as np
import pytest
from support.layers import parameters_of, with_weights

from minisgl.models import lenet5
from minisgl.nn import (
    Conv2d,
    Flatten,
    Gather,
    Layer,
    Linear,
    MaxPool2d,
    Network,
    Normalize,
    ReLU,
    Workspace,
    softmax_cross_entropy,
)
from minisgl.nn.gradcheck import directional_derivative, distance_to_kink, numeric_gradient, relative_error, require_smooth

TOLERANCE = 1e-7
MARGIN = 1e-4  # distance to the nearest kink, 100 times the step of the differences


def smooth_input(layer: Layer, shape: tuple[int, ...]) -> np.ndarray:
    """The first Gaussian input, by seed, that stays away from the layer's kinks."""
    for seed in range(100):
        x = np.random.default_rng(seed).standard_normal(shape)
        if distance_to_kink(layer, x) > MARGIN:
            return x
    pytest.fail(f"no smooth input of shape {shape}")


def smooth_images(network: Network, N: int) -> np.ndarray:
    """The first Gaussian images (N, C, H, W), by seed, that stay away from all kinks of the network."""
    for seed in range(100):
        images = np.random.default_rng(seed).standard_normal((N, *network.input_shape))
        try:
            require_smooth(network, images, MARGIN)
        except ValueError:
            continue
        return images
    pytest.fail(f"no smooth images for input {network.input_shape}")


def numeric_and_analytic(layer: Layer, x: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Both gradients of <u, layer(x)> in "x" and in each parameter, for a random cotangent u."""
    y, cache = layer.forward(x)
    u = np.random.default_rng(1).standard_normal(y.shape)
    dx, grads = layer.backward(u, cache)

    def g(name, value):
        if name == "x":
            return np.sum(u * layer.forward(value)[0])
        original = getattr(layer, name)
        setattr(layer, name, value)
        result = np.sum(u * layer.forward(x)[0])
        setattr(layer, name, original)
        return result

    at = {"x": x} | parameters_of(layer)
    numeric = {name: numeric_gradient(lambda v, name=name: g(name, v), value) for name, value in at.items()}
    return numeric, {"x": dx, **grads}


def assert_gradients_right(layer: Layer, x: np.ndarray) -> None:
    numeric, analytic = numeric_and_analytic(layer, x)
    assert numeric.keys() == analytic.keys()
    for name in numeric:
        assert numeric[name].shape == analytic[name].shape
        assert relative_error(numeric[name], analytic[name]) <= TOLERANCE, name


# --- every layer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [1, 3, (2, 3), (4, 1)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_conv2d(kernel, stride, padding):
    rng = np.random.default_rng(0)
    for C, K, N in ((1, 2, 1), (2, 3, 2)):
        assert_gradients_right(with_weights(Conv2d(C, K, kernel, stride, padding), rng), rng.standard_normal((C, 6, 5, N)))


@pytest.mark.parametrize("N", [1, 3])
def test_linear(N):
    rng = np.random.default_rng(0)
    assert_gradients_right(with_weights(Linear(7, 4), rng), rng.standard_normal((7, N)))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(kernel, stride, padding) for kernel in (1, 2, 3) for stride in (1, 2, 3, 4) for padding in range(kernel)],
)
def test_max_pool2d(kernel, stride, padding):
    layer = MaxPool2d(kernel, stride, padding)
    assert_gradients_right(layer, smooth_input(layer, (2, 8, 7, 2)))


@pytest.mark.parametrize("shape", [(9, 3), (2, 4, 3, 2)])
def test_relu(shape):
    assert_gradients_right(ReLU(), smooth_input(ReLU(), shape))


def test_flatten():
    assert_gradients_right(Flatten(), smooth_input(Flatten(), (2, 4, 3, 2)))


def test_gather():
    layer = Gather(np.array([3, 0, 6]))
    assert_gradients_right(layer, smooth_input(layer, (7, 3)))


@pytest.mark.parametrize("N", [1, 3])
def test_normalize(N):
    layer = Normalize([0.5, -1.0], [2.0, 0.25])
    assert_gradients_right(layer, smooth_input(layer, (2, 4, 3, N)))


# --- whole networks --------------------------------------------------------------------------------------------------


def unusual_network() -> Network:
    """Strides, padding, a rectangular kernel and overlapping pools, one after the other, on rectangular images."""
    layers = {
        "conv1": Conv2d(2, 3, (3, 2), stride=2, padding=1),
        "pool1": MaxPool2d(3, stride=1, padding=1),
        "relu1": ReLU(),
        "conv2": Conv2d(3, 2, 2, padding=1),
        "pool2": MaxPool2d(2, stride=3),
        "relu2": ReLU(),
        "flatten": Flatten(),
        "fc": Linear(12, 4),
    }
    flat = 0.5 * np.random.default_rng(3).standard_normal(Network.plan(layers).size)
    return Network(layers, (2, 9, 12), flat)


def narrow_lenet5() -> Network:
    return lenet5(np.random.default_rng(0), np.float64, units=(2, 3, 8, 10))


@pytest.mark.parametrize("build", [narrow_lenet5, unusual_network])
def test_network_entry_by_entry(build):
    """Every entry of the flat parameter vector, and every pixel."""
    network = build()
    images, labels, ws = smooth_images(network, N=2), np.array([3, 1]), Workspace()

    def loss(net, at):
        return float(softmax_cross_entropy(net.forward(at, workspace=ws)[0], labels)[0])

    logits, tape = network.forward(images)
    dflat, dimages = network.backward(softmax_cross_entropy(logits, labels)[1], tape, input_gradient=True)

    moved = network.with_flat(network.flat.copy())

    def loss_of_flat(flat):
        moved.flat[...] = flat
        return loss(moved, images)

    assert relative_error(numeric_gradient(loss_of_flat, network.flat), dflat) <= TOLERANCE
    assert relative_error(numeric_gradient(lambda at: loss(network, at), images), dimages) <= TOLERANCE


def test_full_lenet5_along_ten_directions():
    """431,080 parameters are too many to difference one by one; a wrong gradient still shows along random directions."""
    network = lenet5(np.random.default_rng(0), np.float64)
    images, labels, ws = smooth_images(network, N=2), np.array([3, 1]), Workspace()
    logits, tape = network.forward(images)
    gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)

    def loss(flat):
        return float(softmax_cross_entropy(network.with_flat(flat).forward(images, workspace=ws)[0], labels)[0])

    rng = np.random.default_rng(1)
    for _ in range(10):
        direction = rng.standard_normal(network.flat.size)
        direction /= np.linalg.norm(direction)  # its entries are near 1/657, so h = 1e-4 moves each by some 1.5e-7
        numeric = directional_derivative(loss, network.flat, direction, h=1e-4)
        assert relative_error(numeric, gradient @ direction) <= TOLERANCE


# --- the tool itself -------------------------------------------------------------------------------------------------


def one_entry_off(gradient):
    gradient[0, 1, 2, 0] *= 1.01  # by one percent, one of 54
    return gradient


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        pytest.param("x", np.negative, id="wrong sign"),
        pytest.param("weight", lambda gradient: gradient / 2, id="missing factor 2"),
        pytest.param("weight", one_entry_off, id="one wrong entry"),
        pytest.param("weight", lambda gradient: gradient.swapaxes(2, 3), id="transposed kernel"),
        pytest.param("weight", lambda gradient: gradient[:, :, ::-1, ::-1], id="flipped kernel"),
        pytest.param("x", lambda gradient: np.roll(gradient, 1, axis=1), id="one row off"),
        pytest.param("bias", lambda gradient: gradient / 3, id="mean for sum"),
    ],
)
def test_planted_mistake_is_found(name, mistake):
    rng = np.random.default_rng(0)
    layer = with_weights(Conv2d(2, 3, 3, padding=1), rng)
    numeric, analytic = numeric_and_analytic(layer, rng.standard_normal((2, 5, 4, 3)))
    assert relative_error(numeric[name], analytic[name]) <= TOLERANCE
    assert relative_error(numeric[name], mistake(analytic[name])) > 1000 * TOLERANCE


def test_numeric_gradient_of_a_known_function():
    rng = np.random.default_rng(0)
    a, x = rng.standard_normal((2, 3, 4))
    before = x.copy()
    np.testing.assert_allclose(numeric_gradient(lambda v: np.sum(a * v**2), x), 2 * a * x, atol=1e-8)
    assert directional_derivative(lambda v: np.sum(a * v**2), x, a) == pytest.approx(np.sum(2 * a * x * a), abs=1e-8)
    np.testing.assert_array_equal(x, before)


def test_numeric_gradient_refuses_float32():
    with pytest.raises(ValueError, match="x must be float64, but is float32"):
        numeric_gradient(np.sum, np.ones(3, np.float32))


def test_relative_error():
    a = np.array([[3.0, -4.0]])
    assert relative_error(a, a) == 0 == relative_error(0 * a, 0 * a)
    assert relative_error(a, -a) == relative_error(a, 0 * a) == 1
    assert relative_error(2 * a, a) == pytest.approx(1 / 3)


def test_distance_to_kink():
    x = np.array([[4.0, 1.0, -2.0], [0.5, -0.3, 2.5]])[None, :, :, None]  # (1, 2, 3, 1)
    assert distance_to_kink(ReLU(), x) == 0.3
    assert distance_to_kink(MaxPool2d(2, stride=1), x) == 1.5  # windows 4, 1, 0.5, -0.3 and 1, -2, -0.3, 2.5
    assert distance_to_kink(MaxPool2d(2, stride=2, padding=1), x) == 2.8  # 4 | 1, -2 | 0.5 | -0.3, 2.5
    assert distance_to_kink(MaxPool2d(1), x) == distance_to_kink(Conv2d(1, 1, 1), x) == np.inf


@pytest.mark.parametrize(("pixel", "culprit"), [(0.0, "relu"), (1.0, "pool"), (1.00005, "pool"), (0.3, None)])
def test_require_smooth_refuses_kinks_and_ties(pixel, culprit):
    network = Network({"pool": MaxPool2d(2), "relu": ReLU(), "flatten": Flatten()}, (1, 2, 2), np.zeros(0))
    other = 1.0 if pixel > 0 else -1.0
    images = np.array([other, -2.0, -3.0, pixel]).reshape(1, 1, 2, 2)
    if culprit is None:
        return require_smooth(network, images)
    with pytest.raises(ValueError, match=f"{culprit} is .* from a kink"):
        require_smooth(network, images)


def test_a_difference_across_a_kink_is_no_derivative():
    """Why require_smooth exists: at 0 the difference of a ReLU is 1/2, which is neither of its two slopes."""
    assert numeric_gradient(lambda v: ReLU().forward(v)[0].sum(), np.zeros(1)) == pytest.approx(0.5)
