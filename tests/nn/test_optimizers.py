"""Optimisers: equal to their formulas written out whole, and to PyTorch's, whole and part by part."""

import numpy as np
import pytest

from minisgl.nn.optimizers import SGD, Adam

STEPS = 20
SIZES = [1, 1000, 70_001]
SGDS = [(0.0, False), (0.9, False), (0.9, True)]  # momentum, Nesterov

sizes = pytest.mark.parametrize("size", SIZES)
sgds = pytest.mark.parametrize(("momentum", "nesterov"), SGDS)


def problem(size):
    """A start, 20 gradients of very different lengths, and 20 learning rates."""
    rng = np.random.default_rng(size)
    scales = 10.0 ** rng.uniform(-4, 1, STEPS)
    return rng.standard_normal(size), [scale * rng.standard_normal(size) for scale in scales], rng.uniform(1e-3, 1e-1, STEPS)


def run(optimizer, w, gradients, rates):
    w = w.copy()
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.advance()
        optimizer.update(w, gradient.copy(), rate)  # a copy: it may be used up
    return w


def relative(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())


def sgd_by_hand(w, gradients, rates, momentum, nesterov):
    u = 0
    for g, lr in zip(gradients, rates, strict=True):
        u = momentum * u + g
        w = w - lr * (g + momentum * u if nesterov else u)
    return w, u


def adam_by_hand(w, gradients, rates, *, b1=0.9, b2=0.999, eps=1e-8):
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * g**2
        w = w - lr * (m / (1 - b1**t)) / (np.sqrt(s / (1 - b2**t)) + eps)
    return w, m, s


@pytest.mark.parametrize("make", [SGD, lambda like: SGD(like, 0.9, nesterov=True), Adam])
def test_part_by_part_in_any_order_is_the_whole(make):
    w, gradients, rates = problem(1000)
    expected, optimizer, cut = run(make(w), w, gradients, rates), make(w), [slice(700, 1000), slice(0, 3), slice(3, 700)]
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.advance()
        before = w[:3].copy()
        optimizer.update(w, gradient, rate, cut[0])
        assert np.array_equal(w[:3], before)
        for part in cut[1:]:
            optimizer.update(w, gradient, rate, part)
    assert np.array_equal(w, expected)


@sizes
@sgds
def test_sgd_is_its_formula(size, momentum, nesterov):
    w, gradients, rates = problem(size)
    optimizer = SGD(w, momentum, nesterov)
    found = run(optimizer, w, gradients, rates)
    expected, velocity = sgd_by_hand(w, gradients, rates, momentum, nesterov)
    assert relative(found, expected) <= 1e-13
    assert list(optimizer.state) == ["velocity"]
    assert relative(optimizer.state["velocity"], velocity) <= 1e-13
    assert optimizer.steps == STEPS


@sizes
def test_adam_is_its_formula(size):
    w, gradients, rates = problem(size)
    optimizer = Adam(w)
    found = run(optimizer, w, gradients, rates)
    expected, mean, mean_square = adam_by_hand(w, gradients, rates)
    assert relative(found, expected) <= 1e-12
    assert list(optimizer.state) == ["mean", "mean_square"]
    assert relative(optimizer.state["mean"], mean) <= 1e-12
    assert relative(optimizer.state["mean_square"], mean_square) <= 1e-12
    assert optimizer.steps == STEPS


def test_adam_with_other_constants():
    w, gradients, rates = problem(50)
    constants = {"b1": 0.5, "b2": 0.9, "eps": 1e-2}
    assert relative(run(Adam(w, **constants), w, gradients, rates), adam_by_hand(w, gradients, rates, **constants)[0]) <= 1e-12


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_adams_first_step_is_lr_whatever_the_gradient(scale):
    w, gradient = np.zeros(3), scale * np.array([1.0, -2.0, 0.0])
    adam = Adam(w)
    adam.advance()
    adam.update(w, gradient, 0.01)
    assert w == pytest.approx([-0.01, 0.01, 0], rel=1e-4)


# ---- PyTorch's


def with_torch(optimizer_class, w, gradients, rates, **options):
    torch = pytest.importorskip("torch")
    parameter = torch.tensor(w, requires_grad=True)
    optimizer = getattr(torch.optim, optimizer_class)([parameter], lr=0.1, **options)
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.param_groups[0]["lr"] = float(rate)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    return parameter.detach().numpy()


@sizes
@sgds
def test_sgd_is_pytorchs(size, momentum, nesterov):
    w, gradients, rates = problem(size)
    expected = with_torch("SGD", w, gradients, rates, momentum=momentum, nesterov=nesterov)
    assert relative(run(SGD(w, momentum, nesterov), w, gradients, rates), expected) <= 1e-10


@sizes
def test_adam_is_pytorchs(size):
    w, gradients, rates = problem(size)
    assert relative(run(Adam(w), w, gradients, rates), with_torch("Adam", w, gradients, rates)) <= 1e-10


# ---- memory


MAKERS = [SGD, lambda like: SGD(like, 0.9, nesterov=True), Adam]


@pytest.mark.parametrize("make", MAKERS)
def test_dtype_and_start_of_the_state(make):
    w, gradients, rates = problem(100)
    w32 = w.astype(np.float32)
    optimizer = make(w32)
    assert optimizer.steps == 0
    for array in optimizer.state.values():
        assert (array.shape, array.dtype) == ((100,), np.float32)
        assert not array.any()
    found = run(optimizer, w32, [g.astype(np.float32) for g in gradients], rates)
    assert found.dtype == np.float32
    assert all(array.dtype == np.float32 for array in optimizer.state.values())
    assert relative(found, run(make(w), w, gradients, rates)) <= 1e-5


@pytest.mark.parametrize("make", MAKERS)
def test_the_update_is_in_place_and_state_carries_it_on(make):
    """A new optimiser with the old one's state and steps goes on to the last bit: what a checkpoint relies on."""
    w, gradients, rates = problem(1000)
    expected = run(make(w), w, gradients, rates)
    first, second = make(w), make(w)
    halfway = run(first, w, gradients[:7], rates[:7])
    for name, array in first.state.items():
        second.state[name][...] = array
    second.steps = first.steps
    assert np.array_equal(run(second, halfway, gradients[7:], rates[7:]), expected)
    view = np.stack([w, w])[1]  # a view of a larger array is changed in place
    third = make(view)
    third.advance()
    third.update(view, gradients[0].copy(), 0.1)
    assert not np.array_equal(view.base[1], w)
    assert np.array_equal(view.base[0], w)
