"""The chain of layers over one flat vector: LeNet-5 as loops and as PyTorch compute it, its layout, shards and workspaces."""

import numpy as np
import pytest

from minisgl.models import lenet5
from minisgl.nn import Conv2d, Flatten, Linear, MaxPool2d, Network, ReLU, Workspace, reference, softmax_cross_entropy


def narrow(dtype=np.float64) -> Network:
    return lenet5(np.random.default_rng(0), dtype, units=(2, 3, 8, 10))


def batch(N: int, dtype=np.float64, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian images (N, 1, 28, 28) and labels (N,)."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, 1, 28, 28)).astype(dtype), rng.integers(0, 10, N)


def one_pass(network, images, labels, workspace=None, batch_size=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Copies of the logits, the parameters' gradient and the images' gradient."""
    logits, tape = network.forward(images, workspace=workspace)
    _, dlogits = softmax_cross_entropy(logits, labels, batch_size)
    gradient, dimages = network.backward(dlogits, tape, input_gradient=True)
    return logits.copy(), gradient, dimages.copy()


# --- oracles ---------------------------------------------------------------------------------------------------------


def test_a_pass_equals_the_loops():
    """Every layer of reference.py, one after the other, in the order of the table in models.py."""
    network = narrow()
    images, labels = batch(2)
    w = {name: slot.view(network.flat) for name, slot in network.layout.weights.items()}
    b = {name: network.layout[f"{name}.bias"].view(network.flat) for name in w}

    x0 = images.transpose(1, 2, 3, 0)
    c1 = reference.conv2d(x0, w["conv1"], b["conv1"])
    p1 = reference.max_pool2d(c1, 2, 2)
    r1 = reference.relu(p1)
    c2 = reference.conv2d(r1, w["conv2"], b["conv2"])
    p2 = reference.max_pool2d(c2, 2, 2)
    r2 = reference.relu(p2)
    x1 = r2.reshape(48, 2)
    f1 = reference.linear(x1, w["fc1"], b["fc1"])
    r3 = reference.relu(f1)
    expected_logits = reference.linear(r3, w["fc2"], b["fc2"]).T
    _, dlogits = reference.softmax_cross_entropy(expected_logits, labels)

    dw, db = {}, {}
    d, dw["fc2"], db["fc2"] = reference.linear_backward(dlogits.T, r3, w["fc2"])
    d, dw["fc1"], db["fc1"] = reference.linear_backward(reference.relu_backward(d, f1), x1, w["fc1"])
    d = reference.max_pool2d_backward(reference.relu_backward(d.reshape(r2.shape), p2), c2, 2, 2)
    d, dw["conv2"], db["conv2"] = reference.conv2d_backward(d, r1, w["conv2"])
    d = reference.max_pool2d_backward(reference.relu_backward(d, p1), c1, 2, 2)
    d, dw["conv1"], db["conv1"] = reference.conv2d_backward(d, x0, w["conv1"])

    logits, gradient, dimages = one_pass(network, images, labels)
    np.testing.assert_allclose(logits, expected_logits, rtol=0, atol=1e-12)
    np.testing.assert_allclose(dimages, d.transpose(3, 0, 1, 2), rtol=0, atol=1e-12)
    for name in w:
        np.testing.assert_allclose(network.layout.weights[name].view(gradient), dw[name], rtol=0, atol=1e-12)
        np.testing.assert_allclose(network.layout[f"{name}.bias"].view(gradient), db[name], rtol=0, atol=1e-12)


def test_full_lenet5_equals_pytorch():
    """The ReLUs stand before the pooling here, as usual in PyTorch; parameters go over by name and shape as they are."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    modules = {
        "conv1": nn.Conv2d(1, 20, 5),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(20, 50, 5),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "fc1": nn.Linear(800, 500),
        "relu3": nn.ReLU(),
        "fc2": nn.Linear(500, 10),
    }
    twin = nn.Sequential()
    for name, module in modules.items():
        twin.add_module(name, module)
    twin.double()
    network = lenet5(np.random.default_rng(0), np.float64)
    assert [(slot.name, slot.shape) for slot in network.layout.slots] == [
        (name, tuple(parameter.shape)) for name, parameter in twin.state_dict().items()
    ]
    twin.load_state_dict({slot.name: torch.from_numpy(slot.view(network.flat)) for slot in network.layout.slots})

    images, labels = batch(5)
    pixels = torch.from_numpy(images).requires_grad_()
    expected = twin(pixels)
    nn.functional.cross_entropy(expected, torch.from_numpy(labels)).backward()

    logits, gradient, dimages = one_pass(network, images, labels)
    np.testing.assert_allclose(logits, expected.detach().numpy(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(dimages, pixels.grad.numpy(), rtol=0, atol=1e-10)
    for slot in network.layout.slots:
        theirs = twin.get_parameter(slot.name).grad.numpy()
        assert np.abs(theirs).max() > 1e-6  # so that 1e-10 says something
        np.testing.assert_allclose(slot.view(gradient), theirs, rtol=0, atol=1e-10, err_msg=slot.name)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 1, 1), (3, 2, 2), (2, 3, 1)])
@pytest.mark.parametrize("integers", [False, True], ids=["gaussian", "ties"])
def test_pool_and_relu_commute(kernel, stride, padding, integers):
    """The claim of models.py: in either order the same values and, ties and negative windows included, gradients."""
    rng = np.random.default_rng(0)
    shape = (3, 8, 7, 4)
    x = rng.integers(-3, 2, shape).astype(float) if integers else rng.standard_normal(shape) - 0.5
    pool, relu = MaxPool2d(kernel, stride, padding), ReLU()
    pooled, pool_cache = pool.forward(x)
    y, relu_cache = relu.forward(pooled)
    rectified, first_cache = relu.forward(x)
    other_y, second_cache = pool.forward(rectified)
    np.testing.assert_array_equal(y, other_y)
    assert (y == 0).any()  # some windows are negative throughout
    dy = rng.standard_normal(y.shape)
    pool_first = pool.backward(relu.backward(dy, relu_cache)[0], pool_cache)[0]
    relu_first = relu.backward(pool.backward(dy, second_cache)[0], first_cache)[0]
    np.testing.assert_array_equal(pool_first, relu_first)


# --- passes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_reused_workspace_changes_no_bit(dtype):
    """Batches of 16, a smaller last one, and a full one again; float32 LeNet-5 is what training runs."""
    network, workspace = lenet5(np.random.default_rng(0), dtype), Workspace()
    for step, N in enumerate((16, 16, 5, 1, 16)):
        images, labels = batch(N, dtype, seed=step)
        fresh = one_pass(network, images, labels)
        for mine, theirs in zip(one_pass(network, images, labels, workspace), fresh, strict=True):
            assert mine.dtype == theirs.dtype == dtype
            assert mine.tobytes() == theirs.tobytes()


def test_without_input_gradient_the_parameters_get_the_same():
    network = narrow()
    logits, tape = network.forward(batch(3)[0])
    with_it, dimages = network.backward(logits, tape, input_gradient=True)
    without, nothing = network.backward(logits, tape)
    assert dimages.shape == (3, 1, 28, 28)
    assert nothing is None
    assert with_it.tobytes() == without.tobytes()


def test_backward_fills_out_completely():
    network = narrow()
    logits, tape = network.forward(batch(3)[0])
    out = np.full_like(network.flat, np.nan)
    gradient, _ = network.backward(logits, tape, out)
    assert gradient is out
    np.testing.assert_array_equal(out, network.backward(logits, tape)[0])


def test_a_pass_only_reads_its_arguments():
    network, (images, _) = narrow(), batch(3)
    images.flags.writeable = network.flat.flags.writeable = False
    before = images.copy(), network.flat.copy()
    for workspace in (None, Workspace()):
        for N in (3, 1):  # a single image's dlogits need no copy to be turned, so they are the caller's own
            logits, tape = network.forward(images[:N], workspace=workspace)
            dlogits = np.ones_like(logits)
            dlogits.flags.writeable = False
            network.backward(dlogits, tape, input_gradient=True)
    np.testing.assert_array_equal(images, before[0])
    np.testing.assert_array_equal(network.flat, before[1])


def test_images_do_not_influence_each_other():
    network, (images, labels) = narrow(), batch(4)
    logits, gradient, dimages = one_pass(network, images, labels)
    alone = [one_pass(network, images[n : n + 1], labels[n : n + 1], batch_size=4) for n in range(4)]
    np.testing.assert_allclose(logits, np.concatenate([part[0] for part in alone]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(gradient, sum(part[1] for part in alone), rtol=0, atol=1e-12)
    np.testing.assert_allclose(dimages, np.concatenate([part[2] for part in alone]), rtol=0, atol=1e-12)


def test_images_of_any_dtype_are_cast_to_the_network_and_bytes_are_divided_by_255():
    network, pixels = narrow(np.float32), np.random.default_rng(0).integers(0, 256, (2, 1, 28, 28), np.uint8)
    logits, _ = network.forward(pixels)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, network.forward(pixels.astype(np.float32) / np.float32(255))[0])
    np.testing.assert_array_equal(network.forward(pixels.astype(np.float64))[0], network.forward(pixels.astype(np.int64))[0])


def test_no_images_give_no_logits_and_no_gradient():
    network = narrow(np.float32)
    logits, tape = network.forward(np.zeros((0, 1, 28, 28), np.float32))
    assert (logits.shape, logits.dtype) == ((0, 10), np.float32)
    gradient, dimages = network.backward(logits, tape, input_gradient=True)
    assert not gradient.any()
    assert dimages.shape == (0, 1, 28, 28)
    assert network.predict(np.zeros((0, 1, 28, 28))).shape == (0,)


def test_logits_and_predictions_of_many_images_are_those_of_one_pass():
    network, (images, _) = narrow(), batch(250)
    expected = network.forward(images)[0]
    np.testing.assert_allclose(network.logits(images), expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(network.predict(images, Workspace()), expected.argmax(axis=1))


# --- bad shapes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 1, 28, 27), (2, 3, 28, 28), (28, 28), (2, 784)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=rf"needs images \(1, 28, 28\), but got \({shape[1]},.*"):
        narrow().forward(np.zeros(shape))


def test_a_vector_of_another_size_is_refused():
    network = narrow()
    size = network.flat.size
    for wrong in (np.zeros(size - 1), np.zeros((size, 1))):
        with pytest.raises(ValueError, match=rf"has {size} parameters.*\({len(wrong)},"):
            network.with_flat(wrong)
    with pytest.raises(ValueError, match="3"):
        network.with_weights(np.zeros(3))


def test_layers_that_do_not_fit_are_refused():
    layers = {"conv": Conv2d(1, 4, 3), "flatten": Flatten(), "fc": Linear(100, 10)}
    with pytest.raises(ValueError, match=r"10x100 needs 100 inputs, but got \(144,\)"):
        Network(layers, (1, 8, 8), np.zeros(Network.plan(layers).size))
