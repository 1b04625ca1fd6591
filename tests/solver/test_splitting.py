"""Splitting: the W-step's gradient is that of F, the V-step minimises F, and together they descend where theory says so.

    F_beta(W, V) = L(W) + group(W) + r(V) + beta/2 ||W - V||^2

Gradients are differenced over every weight of a narrow twin of LeNet-5; descent is shown on softmax regression, whose
smoothness constant is known: the Hessian of the loss is at most half the largest eigenvalue of X^T X / N.
"""

import numpy as np
import pytest

from minisgl.models import lenet5
from minisgl.nn import Flatten, Linear, Network, softmax_cross_entropy
from minisgl.nn.gradcheck import numeric_gradient, relative_error
from minisgl.nn.optimizers import SGD, Adam
from minisgl.penalties import L0, L1, GroupLasso
from minisgl.solver.blocks import BLOCK_SIZE
from minisgl.solver.splitting import LayerPenalty, Splitting

BETA = 0.3
LAYERS = ["conv1", "conv2", "fc1", "fc2"]
AXES = {"conv1": 0, "conv2": 0, "fc1": 1, "fc2": 1}
TAU = {"conv1": 0.1, "conv2": 0.05, "fc1": 0.2, "fc2": 0.3}

kinds = pytest.mark.parametrize("kind", [L1, L0])


def twin(dtype=np.float64, seed=0):
    """LeNet-5 with 664 weights and 23 biases."""
    return lenet5(np.random.default_rng(seed), dtype, units=(2, 3, 8, 10))


def penalties(group=0.0, sparse=0.0, kind=L0, layers=LAYERS):
    """Every layer's penalties, each layer with a lam of its own; 0 for none."""
    return {
        name: LayerPenalty(GroupLasso(group * i, AXES[name]) if group else None, kind(sparse * i) if sparse else None)
        for i, name in enumerate(layers, start=1)
    }


def parts(network):
    """The slices of the flat vector that hold each layer's weights."""
    return {name: slice(slot.start, slot.stop) for name, slot in network.layout.weights.items()}


def loss_and_gradient(network, images, labels):
    logits, tape = network.forward(images)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    return float(loss), network.backward(dlogits, tape)[0]


# ---- W-step


@pytest.mark.parametrize(("group", "sparse"), [(0.01, 0.0), (0.0, 0.02), (0.01, 0.02)], ids=["group", "coupling", "both"])
@kinds
def test_gradient_is_that_of_f_in_every_weight(group, sparse, kind):
    network = twin()
    splitting = Splitting(network, SGD(network.flat), penalties(group, sparse, kind))
    splitting.v_step(BETA, TAU)
    assert np.array_equal(splitting.v, network.weights) == (not sparse)
    before = np.random.default_rng(1).standard_normal(network.flat.size)  # stands for the loss's gradient
    gradient = before.copy()
    splitting.add_gradient(gradient, BETA)
    added = gradient - before

    def regularizer(weights):
        network.weights[...] = weights
        return splitting.regularizer(BETA)

    numeric = numeric_gradient(regularizer, network.weights.copy(), h=1e-5)
    for part in parts(network).values():
        assert relative_error(numeric[part], added[part]) <= 1e-7
    assert np.array_equal(gradient[network.layout.n_weights :], before[network.layout.n_weights :])  # biases pay nothing


def test_w_step_gives_the_whole_gradient_to_the_optimizer():
    network = twin()
    n, w = network.layout.n_weights, network.flat.copy()
    splitting = Splitting(network, SGD(network.flat), penalties(0.01, 0.02))
    splitting.v_step(BETA, TAU)
    v, g = splitting.v.copy(), np.random.default_rng(1).standard_normal(w.size)
    expected = w - 0.1 * g
    expected[:n] -= 0.1 * BETA * (w[:n] - v)
    for i, name in enumerate(LAYERS, start=1):
        slot = network.layout.weights[name]
        slot.view(expected)[...] -= 0.1 * GroupLasso(0.01 * i, AXES[name]).subgradient(slot.view(w))
    splitting.w_step(g, 0.1, BETA)
    assert np.allclose(network.flat, expected, rtol=0, atol=1e-14)
    assert np.array_equal(splitting.v, v)


def test_coupling_over_more_than_one_block():
    network = lenet5(np.random.default_rng(0))
    assert network.layout.n_weights > 6 * BLOCK_SIZE
    splitting = Splitting(network, SGD(network.flat), penalties(0.0, 0.02))
    splitting.v_step(BETA, TAU)
    gradient = np.zeros_like(network.flat)
    splitting.add_gradient(gradient, BETA)
    n = network.layout.n_weights
    assert np.array_equal(gradient[:n], np.float32(BETA) * (network.weights - splitting.v))
    assert not gradient[n:].any()


def test_regularizer_by_hand():
    network = twin()
    splitting = Splitting(network, SGD(network.flat), penalties(0.01, 0.02, L1))
    splitting.v_step(BETA, TAU)
    total = BETA / 2 * np.sum((network.weights - splitting.v) ** 2)
    for i, (name, part) in enumerate(parts(network).items(), start=1):
        w = np.moveaxis(network.layers[name].weight, AXES[name], 0)
        groups = w.reshape(len(w), -1)
        total += 0.01 * i * np.sqrt(groups.shape[1]) * np.sqrt((groups**2).sum(axis=1)).sum()
        total += 0.02 * i * np.abs(splitting.v[part]).sum()
    assert splitting.regularizer(BETA) == pytest.approx(total, rel=1e-13)


# ---- V-step


@kinds
@pytest.mark.parametrize("regime", ["beta", "thresholds"])
@pytest.mark.parametrize("make", [twin, lambda: lenet5(np.random.default_rng(0))], ids=["narrow", "full"])
def test_v_step_is_the_prox_layer_by_layer(make, regime, kind):
    network = make()
    chosen = penalties(0.01, 0.001, kind)
    splitting = Splitting(network, SGD(network.flat), chosen)
    w = network.flat.copy()
    splitting.v_step(BETA, TAU if regime == "thresholds" else None)
    for name, part in parts(network).items():
        r = chosen[name].sparse
        step = r.step_for(TAU[name]) if regime == "thresholds" else 1 / BETA
        assert np.array_equal(splitting.v[part], r.prox(w[part], step))
        small = np.abs(w[part]) <= (TAU[name] if regime == "thresholds" else r.threshold(1 / BETA))
        assert np.array_equal(splitting.v[part] == 0, small)
    assert 0 < np.count_nonzero(splitting.v) < splitting.v.size
    assert np.array_equal(network.flat, w)


@kinds
def test_v_step_minimises_f(kind):
    """No change of V lowers F: not a small one, not a zero made or unmade, not a return to W."""
    network, rng = twin(), np.random.default_rng(2)
    splitting = Splitting(network, SGD(network.flat), penalties(0.01, 0.002, kind))
    splitting.v_step(BETA)
    v, least = splitting.v.copy(), splitting.regularizer(BETA)
    for trial in range(400):
        some = rng.random(v.size) < 10.0 ** rng.uniform(-3, 0)
        other = [v + 10.0 ** rng.uniform(-6, 0) * rng.standard_normal(v.size), network.weights, 0 * v, v * rng.uniform(0, 2)]
        splitting.v[...] = np.where(some, other[trial % 4], v)
        assert splitting.regularizer(BETA) >= least - 1e-12


@kinds
def test_threshold_zero_gives_w(kind):
    network = twin()
    splitting = Splitting(network, SGD(network.flat), penalties(0.01, 0.02, kind))
    splitting.v_step(BETA, TAU)
    splitting.v_step(BETA, dict.fromkeys(TAU, 0.0))
    assert np.array_equal(splitting.v, network.weights)
    assert not np.shares_memory(splitting.v, network.weights)


def test_where_a_layer_is_not_named_v_is_w():
    network = twin()
    splitting = Splitting(network, SGD(network.flat), penalties(0.0, 0.02, layers=["fc1"]))
    splitting.w_step(np.ones(network.flat.size), 0.1, BETA)
    splitting.v_step(BETA, TAU)
    reported = splitting.reported("v").layers
    assert (reported["fc1"].weight == 0).any()
    for name in ("conv1", "conv2", "fc2"):
        assert np.array_equal(reported[name].weight, network.layers[name].weight)


# ---- without r


@pytest.mark.parametrize("chosen", [{}, penalties(), penalties(0.01)], ids=["nothing", "empty", "group"])
@pytest.mark.parametrize("make", [lambda flat: SGD(flat, 0.9, nesterov=True), Adam])
def test_without_r_training_is_the_plain_loop(monkeypatch, make, chosen):
    """V is a view of W, no prox is called, and the parameters are the plain loop's to the last bit."""
    for kind in (L1, L0, GroupLasso):
        monkeypatch.setattr(kind, "prox", None)
    rng = np.random.default_rng(3)
    images, labels = rng.random((12, 1, 28, 28), np.float32), rng.integers(0, 10, 12)
    split, plain = twin(np.float32), twin(np.float32)
    splitting, optimizer = Splitting(split, make(split.flat), chosen), make(plain.flat)
    assert not splitting.splits
    assert np.shares_memory(splitting.v, split.weights)
    for _ in range(5):
        splitting.w_step(loss_and_gradient(split, images, labels)[1], 1e-3, BETA)
        splitting.v_step(BETA, TAU)
        _, gradient = loss_and_gradient(plain, images, labels)
        for name, slot in plain.layout.weights.items():
            if name in chosen and chosen[name].group is not None:
                slot.view(gradient)[...] += chosen[name].group.subgradient(slot.view(plain.flat))
        optimizer.advance()
        optimizer.update(plain.flat, gradient, 1e-3)
    assert split.flat.tobytes() == plain.flat.tobytes()
    assert np.array_equal(splitting.v, plain.weights)
    assert not np.array_equal(plain.flat, twin(np.float32).flat)


# ---- what is reported


def test_reported_networks_are_copies():
    network = twin()
    network.weights[:3] = [9e-6, -9e-6, 1e-5]
    splitting = Splitting(network, SGD(network.flat), penalties(0.0, 0.02))
    splitting.v_step(BETA, TAU)
    before = network.flat.copy()
    w, v = splitting.reported("w").flat, splitting.reported("v").flat
    assert np.array_equal(w, np.concatenate([[0, 0], before[2:]]))
    assert np.array_equal(v, np.concatenate([splitting.v, before[664:]]))  # W's biases
    w[...] = v[...] = 7
    assert np.array_equal(network.flat, before)
    assert not (splitting.v == 7).any()
    without = Splitting(network, SGD(network.flat), {})
    assert np.array_equal(without.reported("v").flat, without.reported("w").flat)


# ---- descent


@kinds
@pytest.mark.parametrize("beta", [0.05, 0.5])
def test_f_never_rises_on_softmax_regression(kind, beta):
    """Every step lowers F by at least (1/lr - (L + beta)/2) ||W+ - W||^2, up to the last step size that theory allows."""
    rng = np.random.default_rng(4)
    images, labels = rng.standard_normal((40, 1, 4, 4)), rng.integers(0, 3, 40)
    network = Network({"flatten": Flatten(), "fc": Linear(16, 3)}, (1, 4, 4), rng.standard_normal(51))
    x = np.column_stack([images.reshape(40, 16), np.ones(40)])
    smoothness = 0.5 * np.linalg.eigvalsh(x.T @ x / 40)[-1]
    lr = 1.95 / (smoothness + beta)
    r = kind(1.0)
    r = kind(beta * r.step_for(0.1))  # so that the threshold of step 1/beta is 0.1
    splitting = Splitting(network, SGD(network.flat), {"fc": LayerPenalty(sparse=r)})
    splitting.v_step(beta)
    history = []
    for _ in range(200):
        loss, gradient = loss_and_gradient(network, images, labels)
        history.append(loss + splitting.regularizer(beta))
        w = network.flat.copy()
        splitting.w_step(gradient, lr, beta)
        splitting.v_step(beta)
        f = loss_and_gradient(network, images, labels)[0] + splitting.regularizer(beta)
        assert f <= history[-1] + 1e-12
        assert history[-1] - f >= (1 / lr - (smoothness + beta) / 2) * np.sum((network.flat - w) ** 2) - 1e-12
    assert f < 0.8 * history[0]
    assert 0 < np.count_nonzero(splitting.v) < 48
