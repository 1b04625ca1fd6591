"""ADMM against its definition, one weight at a time; what it has in common with splitting; and what the multipliers add."""

from math import sqrt

import numpy as np
import pytest
from support.masked import LR, Twin, gradients, parts, tiny_network
from support.resuming import run as train
from support.resuming import without_figures

from minisgl.nn.optimizers import SGD
from minisgl.penalties import L0, L1, TransformedL1
from minisgl.solver.admm import ADMM
from minisgl.solver.quantile import count_for
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay

STEPS, EVERY = 24, 3
CHOSEN = [("conv", "fc1", "fc2"), ("fc1",), ("conv", "fc2")]


def at(number: int) -> StepSettings:
    """Settings whose share of zeros and beta both rise."""
    return StepSettings(LR, beta=0.5 * 1.2**number, sparsity=0.8 * number / STEPS)


def take(solver: Splitting, gradient: np.ndarray, settings: StepSettings) -> None:
    """One step of the solver, its blocks in another order."""
    solver.prepare()
    solver.update(reversed(solver.blocks), gradient.copy(), settings)
    solver.finish(settings)


def soft(x: float, tau: float) -> float:
    return max(abs(x) - tau, 0) * (1 if x > 0 else -1)


def tl1(x: float, tau: float) -> float:
    """The prox of TL1 with a = 1 whose threshold is tau: the zero of the derivative, by bisection."""
    lam = tau / 2 if tau <= 0.5 else (tau + 0.5) ** 2 / 4
    low, high = max(sqrt(2 * lam) - 1, 0.0), abs(x)  # the cost is convex above low
    for _ in range(200):
        y = (low + high) / 2
        low, high = (y, high) if 2 * lam / (1 + y) ** 2 + y < abs(x) else (low, y)
    return low if x > 0 else -low


SHRUNK = {"projection": lambda x, tau: x, "l1": soft, "tl1": tl1}


class Definition(Twin):
    """W, V and the scaled U in lists."""

    def __init__(self, flat: np.ndarray, chosen: list[range], v_step_by: str) -> None:
        super().__init__(flat)
        self.chosen, self.shrunk, self.beta = chosen, SHRUNK[v_step_by], 1.0
        self.v, self.u = list(self.w), [0.0] * len(self.w)

    def take(self, gradient: np.ndarray, settings: StepSettings, together: list[list[int]]) -> None:
        g, beta = list(map(float, gradient)), settings.beta
        places = [i for place in self.chosen for i in place]
        for i in places:
            self.u[i] *= self.beta / beta  # the multiplier beta u stays the same
            g[i] += beta * (self.w[i] - self.v[i] + self.u[i])
        self.beta = beta
        self.step(g)
        self.v = list(self.w)
        for ranked in together:
            x = {i: self.w[i] + self.u[i] for i in ranked}
            order, zeros = sorted(ranked, key=lambda i: abs(x[i])), count_for(settings.sparsity, len(ranked))
            sizes = [abs(x[i]) for i in order]
            tau = sizes[zeros - 1] if zeros else 0.0
            tau += min((sizes[zeros] - tau) / 2, tau * 2**-26)  # as quantile.py raises it
            for i in order:
                self.v[i] = self.shrunk(x[i], tau) if zeros else x[i]
            for i in order[:zeros]:
                self.v[i] = 0.0
        if self.t % EVERY == 0:
            for i in places:
                self.u[i] += self.w[i] - self.v[i]


@pytest.mark.parametrize("v_step_by", SHRUNK)
@pytest.mark.parametrize("by_layer", [False, True])
@pytest.mark.parametrize("chosen", CHOSEN, ids=str)
def test_it_is_its_definition(chosen: tuple[str, ...], by_layer: bool, v_step_by: str) -> None:
    network = tiny_network()
    solver = ADMM(*parts(network, *chosen), every=EVERY, by_layer=by_layer, v_step_by=v_step_by)
    weights = network.layout.weights
    places = [range(weights[name].start, weights[name].stop) for name in chosen]
    together = [list(place) for place in places] if by_layer else [[i for place in places for i in place]]
    twin, n = Definition(network.flat, places, v_step_by), len(solver.v)
    solver.start(at(0))
    for number, g in enumerate(gradients(network, STEPS)):
        settings = at(number)
        take(solver, g, settings)
        twin.take(g, settings, together)
        np.testing.assert_allclose(network.flat, twin.w, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(solver.v, twin.v[:n], rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(solver.multiplier / settings.beta, twin.u[:n], rtol=1e-6, atol=1e-7)
        for ranked in together:
            assert np.count_nonzero(solver.v[ranked] == 0) == count_for(settings.sparsity, len(ranked))
        assert list(solver.thresholds(settings)) == list(chosen)
    assert np.abs(solver.multiplier).max() > 0.1
    others = np.setdiff1d(np.arange(n), [i for place in places for i in place])
    assert np.array_equal(solver.v[others], network.weights[others])
    assert not solver.multiplier[others].any()


def run(solver: Splitting, steps: int = 10) -> dict[str, bytes]:
    solver.start(at(0))
    for number, g in enumerate(gradients(solver.network, steps)):
        take(solver, g, at(number))
    return {name: array.tobytes() for name, array in solver.arrays().items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("v_step_by", "r"), [("projection", L0(2e-6)), ("l1", L1(1.0)), ("tl1", TransformedL1(1.0, 1.0))])
def test_without_multipliers_it_is_splitting_to_the_byte(v_step_by, r, dtype) -> None:
    decay = WeightDecay(0.01)
    ours = ADMM(*parts(tiny_network(dtype=dtype), "conv", "fc1"), decay, every=0, v_step_by=v_step_by)
    network, optimizer, _ = parts(tiny_network(dtype=dtype))
    splitting = Splitting(network, optimizer, dict.fromkeys(("conv", "fc1"), LayerPenalty(sparse=r)), decay)
    mine = run(ours)
    assert not np.frombuffer(mine.pop("multiplier"), dtype).any()
    assert mine == run(splitting)
    assert (
        mine["v"] != run(ADMM(*parts(tiny_network(dtype=dtype), "conv", "fc1"), decay, every=EVERY, v_step_by=v_step_by))["v"]
    )


def test_a_whole_run_without_multipliers_saves_the_network_of_splitting(tiny, tmp_path) -> None:
    common = ["--sparsity", 0.9, "--epochs", 3, "--refit", 1, "--batch-size", 50, "--threads", 1, "--data", tiny]
    runs = {"0": "--method admm --multiplier-every 0", "9": "--method admm --multiplier-every 9", "splitting": "--group-lam 0"}
    with without_figures():
        for name, words in runs.items():
            train([*common, *words.split()], tmp_path / name)
    saved = {name: (tmp_path / name / "model.safetensors").read_bytes() for name in runs}
    assert saved["0"] == saved["splitting"] != saved["9"]


def test_the_multipliers_close_the_gap_that_splitting_leaves() -> None:
    """Loss ||W - c||^2/2 and l1 with weight beta tau: ADMM finds its minimum, soft(c, beta tau), where W = V."""
    beta, tau, lr = 0.5, 0.4, 0.1
    found = {}
    for every in (0, 1):
        network = tiny_network()
        c, n = network.flat.copy(), network.layout.n_weights
        network.flat[:] = 0.3
        _, _, slots = parts(network)
        solver = ADMM(network, SGD(network.flat, momentum=0.0), slots, every=every, v_step_by="l1")
        settings = StepSettings(lr, beta, dict.fromkeys(network.layout.weights, tau))
        solver.start(settings)
        for _ in range(800):
            take(solver, network.flat - c, settings)
        found[every] = network.weights.copy(), solver.v.copy()
    shrunk = np.sign(c[:n]) * np.maximum(np.abs(c[:n]) - beta * tau, 0)
    np.testing.assert_allclose(found[1][0], shrunk, atol=1e-10)
    np.testing.assert_allclose(found[1][1], shrunk, atol=1e-10)
    w, v = found[0]
    assert np.abs(w - v).max() > 0.3
    np.testing.assert_allclose(w - c[:n] + beta * (w - v), 0, atol=1e-10)  # where splitting stops


def test_a_change_of_beta_leaves_the_multiplier_as_it_is() -> None:
    solver = ADMM(*parts(tiny_network()), every=1)
    g = gradients(solver.network, 3)
    for number in range(2):
        take(solver, g[number], StepSettings(LR, 0.5, sparsity=0.5))
    before = solver.multiplier.copy()
    assert before.any()
    solver.every = 0
    take(solver, g[2], StepSettings(LR, 50.0, sparsity=0.5))
    np.testing.assert_array_equal(solver.multiplier, before)
