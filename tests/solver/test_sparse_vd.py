"""Sparse variational dropout: KL and its derivatives, whole steps one number at a time, V, and the refit without noise."""

from itertools import pairwise
from math import exp, log, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from support.masked import LR, gradients, tiny_network
from support.trees import tree

from minisgl.errors import MinisglError
from minisgl.nn import Conv2d, Flatten, Linear, Network, ReLU, softmax_cross_entropy
from minisgl.nn.noisy import START, NoisyConv2d, NoisyLinear
from minisgl.nn.optimizers import Adam
from minisgl.solver.schedules import StepSettings
from minisgl.solver.sparse_vd import QuietRefit, SparseVD, kl, kl_gradient, log_alpha, noisy_network
from minisgl.solver.weight_decay import WeightDecay

K1, K2, K3 = 0.63576, 1.8732, 1.48695  # the paper's
LAM, RAMP, DECAY = 0.3, 0.5, 0.03
WIDE = st.floats(-30, 30)


def made(layers: tuple[str, ...] = ("conv", "fc2"), seed: int = 0) -> SparseVD:
    plain = tiny_network(seed)
    network = noisy_network(plain, layers)
    slots = [network.layout.weights[name] for name in layers]
    return SparseVD(network, Adam(network.flat), slots, WeightDecay(DECAY), plain=plain, lam=LAM, ramp=RAMP)


def take(solver: SparseVD, gradient: np.ndarray, done: float, ranks: int = 2) -> None:
    settings = StepSettings(LR, done=done)
    for rank in range(ranks):
        solver.prepare(rank, ranks)
    solver.update(reversed(solver.blocks), gradient.copy(), settings)
    solver.finish(settings)


def soft(x: float) -> float:
    return 1 / (1 + exp(-x))


def kl_of_one(w: float, log_variance: float) -> float:
    alpha = exp(log_variance) / w**2
    return -(K1 * soft(K2 + K3 * log(alpha)) - 0.5 * log(1 + 1 / alpha) - K1)


# ---- KL


@given(st.floats(0.01, 3), st.floats(-8, 3), st.sampled_from([-1, 1]))
def test_kl_and_its_derivatives(size: float, log_variance: float, sign: int) -> None:
    w, s, h = sign * size, log_variance, 1e-5
    assert float(kl(np.array([w]), np.array([s]))[0]) == pytest.approx(kl_of_one(w, s), rel=1e-9, abs=1e-12)
    dw, ds = (float(x[0]) for x in kl_gradient(np.array([w]), np.array([s])))
    step = h * size
    assert (kl_of_one(w + step, s) - kl_of_one(w - step, s)) / (2 * step) == pytest.approx(dw, rel=1e-5, abs=1e-7)
    assert (kl_of_one(w, s + h) - kl_of_one(w, s - h)) / (2 * h) == pytest.approx(ds, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("log_of_alpha", [-6, -3, -1, 0, 1, 3, 5])
def test_it_approximates_the_divergence_from_the_log_uniform_prior(log_of_alpha: float) -> None:
    """KL = E log|1 + sqrt(alpha) n| - 1/2 log alpha - E log|n|,  n ~ N(0, 1): it is 0 where alpha is infinite."""
    deviation = exp(log_of_alpha / 2)

    def integrand(n: float) -> float:
        return log(abs(1 + deviation * n)) * exp(-n * n / 2) / (2 * pi) ** 0.5

    kink = -1 / deviation
    edges = sorted({-12.0, 12.0, min(max(kink, -12.0), 12.0)})
    mean = sum(quad(integrand, a, b, limit=200)[0] for a, b in pairwise(edges))
    exact = mean - log_of_alpha / 2 + (np.euler_gamma + log(2)) / 2
    assert float(kl(np.ones(1), np.full(1, float(log_of_alpha)))[0]) == pytest.approx(exact, abs=0.01)


@given(st.floats(-1e3, 1e3, width=32), WIDE, st.sampled_from([np.float32, np.float64]))
def test_it_is_finite_everywhere_and_pulls_weights_to_zero_and_their_noise_up(w: float, s: float, dtype: type) -> None:
    numbers, variances = np.array([w], dtype), np.array([s], dtype)
    with np.errstate(all="raise", under="ignore"):
        dw, ds = kl_gradient(numbers, variances)
        value = kl(numbers, variances)
    assert np.isfinite([dw[0], ds[0], value[0]]).all()
    assert value[0] >= -1e-6
    assert ds[0] <= 0
    assert dw[0] * w >= 0


# ---- the solver


@pytest.mark.parametrize("layers", [("conv", "fc1", "fc2"), ("fc1",), ("conv", "fc2")], ids=str)
def test_it_is_its_definition(layers: tuple[str, ...]) -> None:
    """Adam on every number by itself; lam rises until the fraction RAMP; variances do not decay."""
    solver = made(layers)
    layout, flat = solver.network.layout, solver.network.flat
    pairs = {}  # the place of a weight's log variance
    for slot in (layout.weights[name] for name in layers):
        variance = layout[slot.name.replace("weight", "log_variance")]
        pairs |= dict(zip(range(slot.start, slot.stop), range(variance.start, variance.stop), strict=True))
    mine = [float(x) for x in flat]
    assert {mine[i] for i in pairs.values()} == {START}
    m, s = [0.0] * len(mine), [0.0] * len(mine)
    rng = np.random.default_rng(2)
    for i in pairs.values():
        flat[i] = mine[i] = float(rng.uniform(-9, 1))  # some already pruned
    solver.start(StepSettings(LR))
    for number, g in enumerate(gradients(solver.network, 10)):
        take(solver, g, number / 10)
        lam, t = LAM * min(number / 10 / RAMP, 1), number + 1
        total = [float(x) for x in g]
        for i, j in pairs.items():
            x = mine[j] - log(mine[i] ** 2)
            slope = K1 * K3 * soft(K2 + K3 * x) * (1 - soft(K2 + K3 * x)) + 0.5 * soft(-x)
            total[i] += lam * 2 * slope / mine[i]
            total[j] -= lam * slope
        for i in range(len(mine)):
            d = total[i] + (0 if i in pairs.values() else DECAY * mine[i])
            m[i], s[i] = 0.9 * m[i] + 0.1 * d, 0.999 * s[i] + 0.001 * d * d
            mine[i] -= LR * m[i] / (1 - 0.9**t) / ((s[i] / (1 - 0.999**t)) ** 0.5 + 1e-8)
        np.testing.assert_allclose(flat, mine, rtol=1e-8, atol=1e-11)
        v = [0.0 if i in pairs and mine[pairs[i]] - log(mine[i] ** 2) > 3 else mine[i] for i in range(layout.n_weights)]
        np.testing.assert_allclose(solver.v, v, rtol=1e-8, atol=1e-11)
        np.testing.assert_array_equal(solver.v == 0, np.array(v) == 0)
    assert 0 < (solver.v == 0).sum() < len(solver.v)


def test_the_whole_gradient_is_that_of_loss_and_kl_with_the_noise_fixed() -> None:
    solver = made()
    network, rng = solver.network, np.random.default_rng(1)
    images, labels = rng.random((7, 2, 5, 5)), rng.integers(0, 3, 7)

    def cost() -> float:
        logits, _ = network.forward(images, training=True, rng=np.random.default_rng(4))
        pairs = [(slot.view(network.flat), variance.view(network.flat)) for slot, variance in solver.variances.items()]
        return float(softmax_cross_entropy(logits, labels)[0]) + LAM * sum(float(kl(w, s).sum()) for w, s in pairs)

    logits, tape = network.forward(images, training=True, rng=np.random.default_rng(4))
    gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)
    solver.prepare()
    gradient += LAM * solver.kl
    for i in range(0, network.flat.size, 2):
        before, h = network.flat[i], 1e-6
        network.flat[i] = before + h
        above = cost()
        network.flat[i] = before - h
        numeric = (above - cost()) / (2 * h)
        network.flat[i] = before
        assert numeric == pytest.approx(gradient[i], rel=1e-4, abs=1e-7)


def test_what_is_reported_is_a_plain_network() -> None:
    solver = made()
    solver.network.layout["conv.log_variance"].view(solver.network.flat)[0] = 9
    solver.finish(StepSettings(LR))
    for which in ("w", "v"):
        network = solver.reported(which)
        assert {type(layer) for _, layer in network.walk()} == {Conv2d, ReLU, Flatten, Linear}
        np.testing.assert_array_equal(network.weights, solver.v if which == "v" else solver.network.weights)
        for name in ("conv.bias", "fc1.bias"):
            mine, its = solver.network.layout[name].view(solver.network.flat), network.layout[name].view(network.flat)
            np.testing.assert_array_equal(mine, its)
    assert not solver.v.reshape(-1)[:18].any()
    assert solver.v[18:].all()


def test_the_refit_keeps_the_zeros_and_has_no_noise() -> None:
    solver = made()
    solver.network.layout["conv.log_variance"].view(solver.network.flat)[0] = 9
    for array in solver.optimizer.state.values():
        array[...] = 0.1
    solver.finish(StepSettings(LR))
    refit = QuietRefit(solver, decay=WeightDecay(DECAY))
    refit.start()
    rng = np.random.default_rng(1)
    images, labels = rng.random((7, 2, 5, 5)), rng.integers(0, 3, 7)
    for step in range(3):
        logits, tape = solver.network.forward(images, training=True, rng=np.random.default_rng(step))
        np.testing.assert_allclose(logits, solver.reported("v").forward(images)[0], rtol=1e-12)
        gradient, _ = solver.network.backward(softmax_cross_entropy(logits, labels)[1], tape)
        refit.step(gradient, LR)
    assert not solver.v[:18].any()
    assert solver.v[18:].all()
    np.testing.assert_array_equal(solver.v, solver.network.weights)


def test_only_the_named_layers_are_noisy_and_others_are_refused() -> None:
    kinds = {name: type(layer) for name, layer in noisy_network(tiny_network(), ["conv", "fc2"]).walk()}
    assert (kinds["conv"], kinds["fc1"], kinds["fc2"]) == (NoisyConv2d, Linear, NoisyLinear)
    network = noisy_network(tree(), tree().layout.weights)
    assert network.random
    np.testing.assert_array_equal(network.weights, tree().weights)

    class Own(Linear):
        pass

    own = Network.initialized({"flatten": Flatten(), "own": Own(4, 3)}, (1, 2, 2), np.random.default_rng(0))
    with pytest.raises(MinisglError, match="own is a Own: --method sparse-vd needs Conv2d or Linear there"):
        noisy_network(own, ["own"])


def test_log_alpha_where_a_weight_is_zero_is_large() -> None:
    for dtype in (np.float32, np.float64):
        assert log_alpha(np.zeros(1, dtype), np.full(1, -8, dtype))[0] > 50
