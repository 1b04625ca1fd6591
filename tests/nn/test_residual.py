"""Residual blocks and small residual networks: names, shapes, gradients, and PyTorch."""

import json

import numpy as np
import pytest
from support.residual import block, scrambled, small_resnet, torch_twin

from minisgl.formats import network_file
from minisgl.models import wide_resnet
from minisgl.nn import Conv2d, Flatten, Layer, Linear, Network, ReLU, Residual, Sequential, Workspace, softmax_cross_entropy
from minisgl.nn.gradcheck import directional_derivative, numeric_gradient, relative_error, require_smooth
from minisgl.nn.optimizers import SGD

TOLERANCE = 1e-7


def images_and_labels(network: Network, N: int = 4, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, *network.input_shape)), rng.integers(0, network.classes, N)


def smooth_batch(network: Network, N: int = 3, margin: float = 1e-5) -> tuple[np.ndarray, np.ndarray]:
    for seed in range(200):
        images, labels = images_and_labels(network, N, seed)
        try:
            require_smooth(network, images, margin, training=True)
        except ValueError:
            continue
        return images, labels
    pytest.fail("no smooth images")


def loss(network: Network, flat: np.ndarray, images: np.ndarray, labels: np.ndarray) -> float:
    return float(softmax_cross_entropy(network.with_flat(flat).forward(images, training=True)[0], labels)[0])


def one_block(inputs: int, outputs: int, stride: int) -> Network:
    layers = {"block": block(inputs, outputs, stride), "flatten": Flatten()}
    return scrambled(Network.initialized(layers, (inputs, 4, 4), np.random.default_rng(0), np.float64))


def test_a_block_adds_its_branches():
    body, shortcut = Linear(3, 3), Linear(3, 3)
    rng = np.random.default_rng(0)
    for layer in (body, shortcut):
        layer.weight, layer.bias = rng.standard_normal((3, 3)), rng.standard_normal(3)
    x, dy = rng.standard_normal((3, 2)), rng.standard_normal((3, 2))
    h = np.maximum(x, 0)
    y, cache = Residual(body, shortcut, ReLU()).forward(x)
    np.testing.assert_allclose(y, body.weight @ h + body.bias[:, None] + shortcut.weight @ h + shortcut.bias[:, None])
    dx, grads = Residual(body, shortcut, ReLU()).backward(dy, cache)
    np.testing.assert_allclose(dx, (body.weight.T @ dy + shortcut.weight.T @ dy) * (x > 0))
    np.testing.assert_allclose(grads["body"]["weight"], dy @ h.T)
    np.testing.assert_allclose(grads["shortcut"]["weight"], dy @ h.T)
    y, cache = Residual(body).forward(x)
    np.testing.assert_allclose(y, x + body.weight @ x + body.bias[:, None])
    np.testing.assert_allclose(Residual(body).backward(dy, cache)[0], dy + body.weight.T @ dy)


@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(2, 2, 1), (2, 3, 1), (2, 2, 2)])
@pytest.mark.parametrize("workspace", [None, Workspace()], ids=["fresh", "workspace"])
def test_a_whole_blocks_gradient_is_that_of_differences(inputs, outputs, stride, workspace):
    network = one_block(inputs, outputs, stride)
    images, labels = smooth_batch(network)
    logits, tape = network.forward(images, training=True, workspace=workspace)
    gradient, dimages = network.backward(softmax_cross_entropy(logits, labels)[1], tape, input_gradient=True)
    trained = slice(network.layout.n_trained)
    numeric = numeric_gradient(lambda flat: loss(network, flat, images, labels), network.flat)
    assert relative_error(numeric[trained], gradient[trained]) <= TOLERANCE
    numeric = numeric_gradient(lambda at: loss(network, network.flat, at, labels), images)
    assert relative_error(numeric, dimages) <= TOLERANCE


def test_a_narrow_networks_gradient_along_ten_directions():
    network, rng = scrambled(wide_resnet(np.random.default_rng(0), 10, 1, dtype=np.float64)), np.random.default_rng(2)
    images, labels = images_and_labels(network, 2)
    logits, tape = network.forward(images, training=True)
    gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)
    for _ in range(10):
        direction = rng.standard_normal(network.flat.shape)
        direction[network.layout.n_trained :] = 0
        direction /= np.linalg.norm(direction)
        numeric = directional_derivative(lambda flat: loss(network, flat, images, labels), network.flat, direction, h=1e-5)
        assert relative_error(numeric, float(gradient @ direction)) <= TOLERANCE


def test_children_have_no_word_of_the_blocks_parts():
    network = wide_resnet(np.random.default_rng(0), 10, 1)
    assert list(network.layout.weights) == [
        "conv1",
        *["stage1.0.conv1", "stage1.0.conv2"],
        *["stage2.0.conv1", "stage2.0.conv2", "stage2.0.shortcut"],
        *["stage3.0.conv1", "stage3.0.conv2", "stage3.0.shortcut"],
        "fc",
    ]
    names = {slot.name for slot in network.layout.slots}
    for layer in ("stage1.0.bn1", "stage1.0.bn2", "stage3.0.bn1", "bn"):
        assert {f"{layer}.{key}" for key in ("weight", "bias", "running_mean", "running_var")} <= names
    assert "conv1.bias" not in names
    assert {"fc.weight", "fc.bias"} <= names


@pytest.mark.parametrize(
    ("depth", "width", "millions"),
    [(16, 2, 0.693498), (28, 2, 1.467610), (28, 10, 36.479194)],  # the last: 36.5 M in the paper's table 4
)
def test_sizes(depth, width, millions):
    network = wide_resnet(np.random.default_rng(0), depth, width)
    assert network.layout.n_trained == pytest.approx(millions * 1e6, abs=2_000)
    assert network.root.output_shape((3, 32, 32)) == (10,)


def test_the_stride_can_stand_on_the_second_convolution():
    for second in (False, True):
        network = wide_resnet(np.random.default_rng(0), 10, 1, classes=7, stride_on_second=second)
        convolutions = {name: layer.stride for name, layer in network.walk() if isinstance(layer, Conv2d)}
        assert (convolutions["stage2.0.conv1"], convolutions["stage2.0.conv2"]) == ((1, 2) if second else (2, 1))
        assert convolutions["stage2.0.shortcut"] == 2
        assert network.forward(np.zeros((1, 3, 32, 32)))[0].shape == (1, 7)


@pytest.mark.parametrize(("depth", "width"), [(4, 1), (11, 1), (10, 0)])
def test_impossible_sizes_are_refused(depth, width):
    with pytest.raises(ValueError, match=f"needs depth 6 n .* and width >= 1, but got {depth}, {width}"):
        wide_resnet(np.random.default_rng(0), depth, width)


def test_a_file_keeps_the_blocks(tmp_path):
    network = scrambled(small_resnet(np.float32))
    network_file.require_describable(network)
    network_file.write(tmp_path / "resnet.safetensors", network)
    again = network_file.read(tmp_path / "resnet.safetensors")
    images, _ = images_and_labels(network)
    np.testing.assert_array_equal(again.forward(images)[0], network.forward(images)[0])
    np.testing.assert_array_equal(again.flat, network.flat)
    assert [name for name, _ in again.walk()] == [name for name, _ in network.walk()]


def test_settings_rebuild_a_block():
    for original in (block(2, 2), block(2, 3, 2)):
        settings = json.loads(json.dumps(original.settings()))
        again = Residual.from_children(original.children, **settings)
        assert again.settings() == original.settings()
        assert list(again.children) == list(original.children)
    with pytest.raises(ValueError, match="has no layer 'skip'; it has bn1, relu1, conv1"):
        Residual.from_children(block(2, 2).children, ["skip"], [])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"cannot add \(3, 4, 4\) from its body to \(2, 4, 4\) from its shortcut"):
        Residual({"conv1": Conv2d(2, 3, 3, padding=1)}).output_shape((2, 4, 4))
    with pytest.raises(ValueError, match="need different names"):
        Residual({"conv": Conv2d(2, 2, 1)}, {"conv": Conv2d(2, 2, 1)})
    with pytest.raises(ValueError, match="must not be empty or have a dot"):
        Residual({"a.b": ReLU()})


class Counting(Layer):
    """A layer without parameters that counts its backward passes."""

    def __init__(self) -> None:
        self.passes = 0

    def output_shape(self, shape):
        return shape

    def forward(self, x, workspace=None, training=False, rng=None):
        return x, None

    def backward(self, dy, cache, out=None, input_gradient=True):
        self.passes += 1
        return dy, {}


def test_no_gradient_is_computed_below_the_first_parameters():
    below, relu = Counting(), Counting()
    chain = Sequential({"below": below, "conv": Conv2d(2, 2, 1), "relu": relu})
    rng = np.random.default_rng(0)
    conv = chain.children["conv"]
    conv.weight, conv.bias = rng.standard_normal((2, 2, 1, 1)), rng.standard_normal(2)
    for layer in (chain, Residual(chain)):
        y, cache = layer.forward(rng.standard_normal((2, 3, 3, 1)))
        dx, grads = layer.backward(y, cache, input_gradient=False)
        assert dx is None
        assert grads["conv"]["weight"].shape == (2, 2, 1, 1)
    assert (below.passes, relu.passes) == (0, 2)


# --- PyTorch


def test_a_step_is_pytorchs():
    torch = pytest.importorskip("torch")
    network = scrambled(small_resnet())
    twin = torch_twin(network)
    images, labels = images_and_labels(network, 6)
    logits, tape = network.forward(images, training=True)
    gradient, dimages = network.backward(softmax_cross_entropy(logits, labels)[1], tape, input_gradient=True)
    at = torch.from_numpy(images).requires_grad_()
    expected = twin(at)
    torch.nn.functional.cross_entropy(expected, torch.from_numpy(labels)).backward()
    np.testing.assert_allclose(logits, expected.detach().numpy(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(dimages, at.grad.numpy(), rtol=0, atol=1e-12)
    for name, parameter in twin.named_parameters():
        np.testing.assert_allclose(network.layout[name].view(gradient), parameter.grad.numpy(), rtol=0, atol=1e-12)
    network.update_buffers(gradient)
    for name, buffer in twin.named_buffers():
        if not name.endswith("num_batches_tracked"):
            np.testing.assert_allclose(network.layout[name].view(network.flat), buffer.numpy(), rtol=0, atol=1e-12)
    evaluated, _ = network.forward(images)
    np.testing.assert_allclose(evaluated, twin.eval()(at).detach().numpy(), rtol=0, atol=1e-11)


@pytest.mark.parametrize("make", [small_resnet, lambda: wide_resnet(np.random.default_rng(0), 10, 1, dtype=np.float64)])
def test_fifty_steps_are_pytorchs(make):
    torch = pytest.importorskip("torch")
    network = make()
    twin = torch_twin(network)
    n = network.layout.n_trained
    ours, theirs = SGD(network.flat, 0.9, nesterov=True), torch.optim.SGD(twin.parameters(), 0.02, 0.9, nesterov=True)
    for step in range(50):
        images, labels = images_and_labels(network, 4, seed=step)
        logits, tape = network.forward(images, training=True)
        gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)
        ours.advance()
        ours.update(network.flat, gradient, 0.02, slice(n))
        network.update_buffers(gradient)
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(twin(torch.from_numpy(images)), torch.from_numpy(labels)).backward()
        theirs.step()
    for name, array in twin.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            expected = array.numpy()
            scale = max(1, np.abs(expected).max())
            np.testing.assert_allclose(network.layout[name].view(network.flat), expected, rtol=0, atol=1e-10 * scale)
