"""Hard-concrete gates against their definition, one weight at a time in float64; their derivatives, noise and final network."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from support.masked import LR, gradients, take, tiny_network

from minisgl.nn import Network, softmax_cross_entropy
from minisgl.nn.optimizers import Adam
from minisgl.solver.hard_concrete import (
    NOISE,
    HardConcrete,
    gates_without_noise,
    probability_open,
    sampled_gates,
    sigmoid,
)
from minisgl.solver.refit import Refit
from minisgl.solver.schedules import StepSettings
from minisgl.solver.weight_decay import WeightDecay

LAYERS = [("conv", "fc1", "fc2"), ("fc1",), ("conv", "fc2")]
LAM, DECAY, GATE_LR = 0.02, 0.03, 2.0
B, GAMMA, ZETA = 2 / 3, -0.1, 1.1  # the paper's


def made(layers: tuple[str, ...], by_unit: bool, network: Network | None = None) -> HardConcrete:
    network = network or tiny_network()
    slots = [network.layout.weights[name] for name in layers]
    decay = WeightDecay(DECAY)
    gates = {"lam": LAM, "by_unit": by_unit, "gate_lr": GATE_LR, "seed": 3}
    return HardConcrete(network, Adam(network.flat), slots, decay, Adam, **gates)


def gate_numbers(solver: HardConcrete) -> np.ndarray:
    """The number of each weight's gate, -1 for none, counted layer by layer and in the order of the unit axis."""
    numbers, start = np.full(solver.network.layout.n_weights, -1), 0
    for slot, shape in solver.shapes.items():
        view = numbers[slot.start : slot.stop].reshape(slot.shape)
        units = shape != slot.shape
        for i, index in enumerate(np.ndindex(*slot.shape)):
            view[index] = start + (index[slot.unit_axis] if units else i)
        start = view.max() + 1
    return numbers


def soft(x: float) -> float:
    return 1 / (1 + exp(-x))


def hard(s: float) -> float:
    return min(max(s * (ZETA - GAMMA) + GAMMA, 0.0), 1.0)


class AdamOfOne:
    """Adam for a single number."""

    def __init__(self) -> None:
        self.m = self.s = 0.0
        self.t = 0

    def step(self, w: float, g: float, lr: float) -> float:
        self.t += 1
        self.m, self.s = 0.9 * self.m + 0.1 * g, 0.999 * self.s + 0.001 * g * g
        return w - lr * self.m / (1 - 0.9**self.t) / ((self.s / (1 - 0.999**self.t)) ** 0.5 + 1e-8)


@pytest.mark.parametrize("by_unit", [False, True])
@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_it_is_its_definition(layers: tuple[str, ...], by_unit: bool) -> None:
    """Every weight and every gate by itself, with derivatives written out as in the docstring of the paper's section 2."""
    solver = made(layers, by_unit)
    network, n = solver.network, solver.network.layout.n_weights
    gate = gate_numbers(solver)
    w, a = [float(x) for x in network.flat], [0.0] * (gate.max() + 1)
    optimisers, gate_optimisers = [AdamOfOne() for _ in w], [AdamOfOne() for _ in a]
    solver.start(StepSettings(LR))
    for step, g in enumerate(gradients(network, 12)):
        u = np.random.default_rng((3, NOISE, step)).logistic(size=len(a))
        s = [soft((float(u[j]) + a[j]) / B) for j in range(len(a))]
        z, open_ = [hard(x) for x in s], [soft(x - B * log(-GAMMA / ZETA)) for x in a]
        np.testing.assert_allclose(network.weights, [w[i] * (z[gate[i]] if gate[i] >= 0 else 1) for i in range(n)], atol=1e-12)
        take(solver, g, step / 12)
        da = [0.0] * len(a)
        for i in range(network.layout.n_trained):
            j = gate[i] if i < n else -1
            dw = float(g[i])
            if j >= 0:
                da[j] += dw * w[i] * s[j] * (1 - s[j]) * (ZETA - GAMMA) / B * (0 < z[j] < 1)
                da[j] += LAM * open_[j] * (1 - open_[j])
                dw *= z[j]
            w[i] = optimisers[i].step(w[i], dw + DECAY * w[i], LR)
        a = [gate_optimisers[j].step(a[j], da[j], GATE_LR * LR) for j in range(len(a))]
        np.testing.assert_allclose(solver.a, a, rtol=1e-8, atol=1e-11)
        gated = gate >= 0
        np.testing.assert_allclose(solver.w[gated], np.array(w[:n])[gated], rtol=1e-8, atol=1e-11)
        np.testing.assert_allclose(network.flat[n:], w[n:], rtol=1e-8, atol=1e-11)
        final = [w[i] * (hard(soft(a[gate[i]])) if gate[i] >= 0 else 1) for i in range(n)]
        np.testing.assert_allclose(solver.v, final, rtol=1e-8, atol=1e-11)
        np.testing.assert_array_equal(solver.v == 0, np.array(final) == 0)
        np.testing.assert_array_equal(solver.reported("v").weights, solver.v)
        np.testing.assert_array_equal(solver.reported("w").weights, network.weights)


@pytest.mark.parametrize("by_unit", [False, True])
def test_the_gradients_are_those_of_loss_and_price_with_the_noise_fixed(by_unit: bool) -> None:
    solver = made(("conv", "fc2"), by_unit)
    rng, network = np.random.default_rng(1), solver.network
    images, labels = rng.random((7, 2, 5, 5)), rng.integers(0, 3, 7)
    solver.a[...] = 0.7 * rng.standard_normal(solver.a.size)
    noise = np.random.default_rng((3, NOISE, 0)).logistic(size=solver.a.size)
    gate = gate_numbers(solver)
    solver.start(StepSettings(LR))

    def cost(w: np.ndarray, a: np.ndarray) -> float:
        z = np.append(sampled_gates(a, noise)[0], 1.0)  # the last for the weights without a gate
        logits, _ = network.with_weights(w * z[gate]).forward(images)
        behind = np.bincount(gate[gate >= 0])
        return float(softmax_cross_entropy(logits, labels)[0]) + LAM * float((behind * probability_open(a)).sum())

    assert cost(solver.w, solver.a) == pytest.approx(_loss(network, images, labels) + float(solver.price()), rel=1e-12)
    logits, tape = network.forward(images)
    gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)
    solver.optimizer = _Noted(network.flat)
    solver.decay = WeightDecay()
    solver.update(solver.blocks, gradient, StepSettings(LR))
    da, dw = solver.gate_gradient(), solver.optimizer.gradient
    w, a, h = solver.w.copy(), solver.a.copy(), 1e-6
    assert 0 < (solver.slope == 0).sum() < solver.slope.size  # some gates are 0 or 1
    for i in range(0, w.size, 3):
        step = h * (np.arange(w.size) == i)
        assert (cost(w + step, a) - cost(w - step, a)) / (2 * h) == pytest.approx(dw[i], rel=1e-5, abs=1e-8)
    for j in range(a.size):
        step = h * (np.arange(a.size) == j)
        assert (cost(w, a + step) - cost(w, a - step)) / (2 * h) == pytest.approx(da[j], rel=1e-5, abs=1e-8)


def _loss(network: Network, images: np.ndarray, labels: np.ndarray) -> float:
    return float(softmax_cross_entropy(network.forward(images)[0], labels)[0])


class _Noted(Adam):
    """Keeps the gradients that it gets, and changes nothing."""

    def __init__(self, like: np.ndarray) -> None:
        super().__init__(like)
        self.gradient = np.zeros_like(like)

    def update(self, w, g, lr, part=slice(None)) -> None:
        self.gradient[part] = g[part]


@given(st.floats(-6, 6))
def test_the_gates_have_the_distribution_that_the_price_takes_them_to_have(a: float) -> None:
    def density(x: float) -> float:  # of log u - log(1 - u)
        return exp(-abs(x)) / (1 + exp(-abs(x))) ** 2

    edge = B * log(-GAMMA / ZETA) - a  # z > 0 beyond it
    assert float(probability_open(np.array([a]))[0]) == pytest.approx(quad(density, edge, 60)[0], abs=1e-7)
    for x, is_open in ((edge - 1e-6, False), (edge + 1e-6, True)):
        assert (sampled_gates(np.array([a]), np.array([x]))[0][0] > 0) == is_open


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_gates_stay_between_0_and_1_without_overflow(a: float, noise: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        for dtype in (np.float32, np.float64):
            numbers, drawn = np.array([a], dtype), np.array([noise], dtype)
            z, slope = sampled_gates(numbers, drawn)
            for each in (z, gates_without_noise(numbers), probability_open(numbers)):
                assert 0 <= each[0] <= 1
            assert 0 <= slope[0] <= (ZETA - GAMMA) / (4 * B) + 1e-6
            assert not (slope[0] > 0 and z[0] in (0, 1))


def test_the_sigmoid_and_the_final_gates_at_single_points() -> None:
    x = np.linspace(-12, 12, 101)
    np.testing.assert_allclose(sigmoid(x), [soft(each) for each in x], rtol=1e-9)
    edge = log(-GAMMA / ZETA)
    assert list(gates_without_noise(np.array([edge - 1e-9, 0, -edge + 1e-9]))) == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize("by_unit", [False, True])
def test_a_price_closes_the_gates_that_the_loss_does_not_need_and_the_refit_keeps_them_closed(by_unit: bool) -> None:
    solver = made(("fc1",), by_unit)
    slot = solver.network.layout.weights["fc1"]
    solver.start(StepSettings(LR))
    before = solver.w.copy()
    for step in range(60):
        take(solver, np.zeros_like(solver.network.flat), step / 60)
    assert not slot.view(solver.v).any()  # without a gradient of the loss, every gate is closed
    assert (solver.v[: slot.start] == solver.network.weights[: slot.start]).all()
    refit = Refit(solver)
    refit.start()
    refit.step(np.ones_like(solver.network.flat), LR)
    for which in ("w", "v"):
        assert not slot.view(solver.reported(which).weights).any()
        assert solver.reported(which).weights[: slot.start].all()
    assert before.all()


def test_the_seed_and_the_step_decide_the_noise() -> None:
    drawn = []
    for seed in (3, 3, 4):
        solver = made(("conv",), False)
        solver.seed = seed
        solver.start(StepSettings(LR))
        drawn.append(solver.z.copy())
        solver.optimizer.steps = 1
        solver.start(StepSettings(LR))
        assert (solver.z != drawn[-1]).any()
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
