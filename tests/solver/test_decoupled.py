"""Decoupled penalties: their definition, one weight at a time; where they lead; what lam means for each optimiser."""

import json
from collections.abc import Callable
from itertools import pairwise
from math import cos, pi, sqrt

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.commands import parsed
from support.few_units import FEW_UNITS, write_few_units
from support.masked import LR, Twin, gradients, tiny_network
from support.resuming import assert_same, run, stopped, without_figures

from minisgl.errors import MinisglError
from minisgl.models import lenet5
from minisgl.nn import Linear, Network
from minisgl.nn.optimizers import SGD, Adam, Optimizer
from minisgl.penalties import L0, L1, GroupLasso, Lp
from minisgl.solver.decoupled import Decoupled
from minisgl.solver.schedules import StepSettings
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.solver.weight_decay import WeightDecay
from minisgl.training.setup import make_solver

UNIT_AXIS = {"conv": 0, "fc1": 1, "fc2": 1}


def take(solver: Splitting, gradient: np.ndarray, lr: float) -> None:
    """One step of the solver, its blocks in another order."""
    settings = StepSettings(lr)
    solver.prepare()
    solver.update(reversed(solver.blocks), gradient.copy(), settings)
    solver.finish(settings)


# ---- the definition


def group_prox(u: list[float], d: list[float], k: float) -> list[float]:
    """Bisection for the length n of the prox of k ||x||."""
    if sum((a * b) ** 2 for a, b in zip(u, d, strict=True)) <= k * k:
        return [0.0] * len(u)
    low, high = 0.0, sqrt(sum(a * a for a in u))
    for _ in range(200):
        n = (low + high) / 2
        longer = sum((b * a / (b * n + k)) ** 2 for a, b in zip(u, d, strict=True)) > 1
        low, high = (n, high) if longer else (low, n)
    return [b * a * n / (b * n + k) for a, b in zip(u, d, strict=True)]


def r_prox(r: object, u: float, step: float) -> float:
    match r:
        case L1(lam=lam):
            return max(abs(u) - step * lam, 0) * (1 if u > 0 else -1)
        case L0(lam=lam):
            return u if u * u > 2 * step * lam else 0.0
        case Lp():
            return r.prox(np.array([u]), step).item()
        case _:
            return u


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("group_lam", "r"), [(0.5, None), (0.3, L1(0.1)), (0.0, L1(0.3)), (0.0, L0(0.02)), (0.0, Lp(0.05, 0.5))], ids=str
)
def test_it_is_its_definition(group_lam: float, r: L0 | L1 | Lp | None, decay: float) -> None:
    network = tiny_network()
    penalties = {
        name: LayerPenalty(GroupLasso(group_lam, axis) if group_lam else None, r)
        for name, axis in UNIT_AXIS.items()
        if name != "fc2"
    }
    solver = Decoupled(network, Adam(network.flat), penalties, WeightDecay(decay))
    twin = Twin(network.flat)
    for g in gradients(network, 20):
        take(solver, g, LR)
        twin.step(g + decay * np.array(twin.w))
        d = [sqrt(s / (1 - 0.999**twin.t)) + 1e-8 for s in twin.s]
        for name in penalties:
            slot = network.layout.weights[name]
            places = np.moveaxis(np.arange(slot.start, slot.stop).reshape(slot.shape), UNIT_AXIS[name], 0)
            for group in places.reshape(len(places), -1).tolist():
                x = [r_prox(r, twin.w[i], LR / d[i]) for i in group]
                for i, a in zip(group, group_prox(x, [d[i] for i in group], LR * group_lam * sqrt(len(group))), strict=True):
                    twin.w[i] = a
        np.testing.assert_allclose(network.flat, twin.w, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(network.flat == 0, np.array(twin.w) == 0)
    assert not solver.splits
    assert (solver.v == 0).any()
    fc2 = network.layout.weights["fc2"]
    assert fc2.view(network.flat).all()


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_gradient_that_stays_is_a_step_of_lr_g_over_d(momentum: float, nesterov: bool) -> None:
    w, g = np.zeros(3), np.array([1.0, -2.0, 1e-3])
    for optimizer in (SGD(w, momentum, nesterov), Adam(w)):
        for _ in range(400):
            before = w.copy()
            optimizer.advance()
            optimizer.update(w, g.copy(), 0.1)
        np.testing.assert_allclose(before - w, 0.1 * g / optimizer.metric(slice(0, 3)), rtol=1e-9)


def test_the_regularizer_by_hand() -> None:
    network = tiny_network()
    w = network.layout.weights["fc1"].view(network.flat)
    solver = Decoupled(network, Adam(network.flat), {"fc1": LayerPenalty(GroupLasso(0.3, 1), L1(0.2))}, WeightDecay(0.1))
    by_hand = 0.2 * np.abs(w).sum() + 0.3 * sqrt(6) * np.sqrt((w**2).sum(axis=0)).sum() + 0.05 * (network.flat**2).sum()
    assert solver.regularizer() == pytest.approx(by_hand, rel=1e-13)


def test_small_weights_are_reported_as_they_are() -> None:
    network = tiny_network()
    network.weights[:] *= 1e-7
    network.weights[:60] = 0
    for which in ("w", "v"):
        reported = Decoupled(network, Adam(network.flat), {}).reported(which).weights
        assert np.count_nonzero(reported == 0) == 60


def test_a_nan_is_not_hidden() -> None:
    network = tiny_network()
    solver = Decoupled(network, Adam(network.flat), {"fc1": LayerPenalty(GroupLasso(10.0, 1), L1(10.0))})
    g = np.zeros_like(network.flat)
    view = network.layout.weights["fc1"].view(g)
    view[2, 3] = np.nan
    take(solver, g, LR)
    w = network.layout.weights["fc1"].view(network.flat)
    assert np.isnan(w[:, 3]).all()
    assert not np.delete(w, 3, axis=1).any()


# ---- where it leads: least squares with a known minimum


class Frozen:
    """Gradient steps in a constant metric."""

    def __init__(self, d: np.ndarray) -> None:
        self.d, self.state, self.steps = d, {}, 0

    def advance(self) -> None:
        self.steps += 1

    def update(self, w: np.ndarray, g: np.ndarray, lr: float, part: slice = slice(None)) -> None:
        w[part] -= lr * g[part] / self.d[part]

    def metric(self, part: slice) -> np.ndarray:
        return self.d[part]


class Problem:
    """1/2 ||A w - b||^2 + l1 + group lasso, w (5, 6) with its columns as groups, whose only minimum is `least`.

    b is such that the gradient at `least` is minus a subgradient of the penalties there. Two columns and 6 more weights are 0.
    """

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.l1, self.group = L1(0.2), GroupLasso(0.3, 1)
        x = random.standard_normal((5, 6))
        x[:, :2] = 0
        x[:2, 3:] = 0
        length = np.sqrt((x**2).sum(axis=0))
        part = random.uniform(-1, 1, x.shape)  # of the subgradient where x is 0
        l1 = np.where(x == 0, 0.9 * part, np.sign(x))
        group = np.where(length > 0, x / np.where(length > 0, length, 1), 0.3 * part)
        self.least = x
        self.A = np.eye(30) + 0.1 * random.standard_normal((30, 30))
        self.L = np.linalg.norm(self.A, 2) ** 2
        subgradient = 0.2 * l1 + 0.3 * sqrt(5) * group
        self.b = self.A @ x.ravel() + np.linalg.solve(self.A.T, subgradient.ravel())
        self.start = random.standard_normal(x.shape)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        return (self.A.T @ (self.A @ w.ravel() - self.b)).reshape(w.shape)

    def value(self, w: np.ndarray) -> float:
        return ((self.A @ w.ravel() - self.b) ** 2).sum() / 2 + self.l1.value(w) + self.group.value(w)

    def solver(self, make: Callable[[np.ndarray], Optimizer]) -> tuple[Decoupled, np.ndarray]:
        """The solver, and its weights w (5, 6), a view."""
        network = Network.initialized({"fc": Linear(6, 5)}, (6,), np.random.default_rng(0), np.float64)
        w = network.layout.weights["fc"].view(network.flat)
        w[...] = self.start
        return Decoupled(network, make(network.flat), {"fc": LayerPenalty(self.group, self.l1)}), w

    def step(self, solver: Decoupled, w: np.ndarray, lr: float) -> None:
        g = np.zeros_like(solver.network.flat)
        g[: w.size] = self.gradient(w).ravel()
        take(solver, g, lr)


@pytest.mark.parametrize("seed", range(3))
def test_f_falls_to_its_minimum_in_a_frozen_metric(seed: int) -> None:
    problem, lr = Problem(seed), 0.1
    d = lr * problem.L * 10 ** np.random.default_rng(seed).uniform(0, 1.5, 35)  # d/lr >= L
    solver, w = problem.solver(lambda flat: Frozen(d))
    history = [problem.value(w)]
    for _ in range(3000):
        problem.step(solver, w, lr)
        history.append(problem.value(w))
    assert all(after <= before + 1e-13 * abs(before) for before, after in pairwise(history))
    assert history[-1] == pytest.approx(problem.value(problem.least), rel=1e-12)
    np.testing.assert_allclose(w, problem.least, atol=1e-6)
    np.testing.assert_array_equal(w == 0, problem.least == 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_minimum_stays_where_it_is_in_every_metric_but_not_with_a_mean_of_d(seed: int) -> None:
    problem, lr = Problem(seed), 0.1
    d = 10 ** np.random.default_rng(seed).uniform(-2, 2, 35)
    solver, w = problem.solver(lambda flat: Frozen(d))
    w[...] = problem.least
    problem.step(solver, w, lr)
    np.testing.assert_allclose(w, problem.least, atol=1e-12)

    d = lr * problem.L * 10 ** np.random.default_rng(seed).uniform(0, 1.5, (5, 6))
    mean = d.mean(axis=0)
    w = problem.least.copy()
    for _ in range(1500):  # the same steps, with the mean of each group's d in its prox
        u = w - lr * problem.gradient(w) / d
        for j in range(6):
            z = problem.l1.prox(u[:, j : j + 1].copy(), lr / mean[j])
            w[:, j : j + 1] = problem.group.prox(z, lr / mean[j])
    assert np.abs(w - problem.least).max() > 0.05
    assert problem.value(w) > problem.value(problem.least) + 0.01


OPTIMIZERS: dict[str, tuple[Callable[[np.ndarray], Optimizer], float]] = {
    "sgd": (SGD, 0.1),
    "momentum": (lambda flat: SGD(flat, 0.9), 0.01),
    "nesterov": (lambda flat: SGD(flat, 0.9, nesterov=True), 0.01),
    "adam": (Adam, 0.02),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_has_the_same_minimum_and_the_same_zeros(name: str) -> None:
    problem, (make, lr) = Problem(4), OPTIMIZERS[name]
    solver, w = problem.solver(make)
    for i in range(4000):
        problem.step(solver, w, lr * (1 + cos(pi * i / 4000)) / 2)
    np.testing.assert_allclose(w, problem.least, atol=1e-3)
    np.testing.assert_array_equal(w == 0, problem.least == 0)


# ---- a column of fc1, of length 1.12, with the learning rates of preset quick


def column(
    kind: type[Splitting], make: type[SGD | Adam], weight: float, noise: float, *, h: float = 0.0, lr: float = 0.002
) -> float:
    """The column's length after 5,400 steps on  h/2 ||w - target||^2 + weight * ||w||,  with noise in each gradient."""
    random = np.random.default_rng(0)
    network = Network.initialized({"fc": Linear(1, 500)}, (1,), random, np.float64)
    w = network.layout.weights["fc"].view(network.flat)
    w[...] = random.standard_normal(w.shape)
    w *= 1.12 / np.linalg.norm(w)
    target = w[::-1].copy()
    solver = kind(network, make(network.flat), {"fc": LayerPenalty(GroupLasso(weight / sqrt(500), 1))})
    for i in range(5400):
        g = np.zeros_like(network.flat)
        g[:500] = (h * (w - target) + noise * random.standard_normal(w.shape)).ravel()
        take(solver, g, lr * (1 + cos(pi * i / 5400)) / 2)
    return float(np.linalg.norm(w))


def test_how_fast_a_column_without_a_loss_shrinks() -> None:
    """By lr lam/d a step, in the gradient or not: decoupling does not change that."""
    without_noise = {}
    for kind in (Splitting, Decoupled):  # in the gradient; decoupled
        assert column(kind, SGD, 1e-5, 0.0) == pytest.approx(1.12 - 5.4e-5, abs=1e-7)
        without_noise[kind] = column(kind, Adam, 1e-5, 0.0)  # d is as small as eps, or as lam
        assert column(kind, Adam, 1e-5 * sqrt(500), 1e-4) < 0.01
        assert column(kind, Adam, 1e-7 * sqrt(500), 1e-4) > 2
    assert without_noise[Decoupled] == 0 < without_noise[Splitting] < 1e-8


@pytest.mark.parametrize(("weight", "noise"), [(0.56, 0.0), (0.56, 1e-3), (1.3, 1e-3)])
def test_beside_a_loss_lam_means_the_same_for_sgd_and_adam(weight: float, noise: float) -> None:
    """The minimum of F has the length 1.12 - weight/h, or is 0. In the gradient no column becomes exactly 0."""
    least = max(1.12 - weight, 0)
    for make, lr in ((SGD, 0.02), (Adam, 0.002)):
        length = column(Decoupled, make, weight, noise, h=1.0, lr=lr)
        assert length == pytest.approx(least, abs=1e-3)
        assert (length == 0) == (least == 0)
        if least == 0:
            assert column(Splitting, make, weight, noise, h=1.0, lr=lr) > 0


# ---- whole runs


RUN = ["--decoupled", "--penalty", "l1", "--lam", "1e-3", "--group-lam", "2e-3"]


@pytest.mark.parametrize("words", [[], ["--optimizer", "sgd", "--lr", "0.05"]], ids=["adam", "sgd"])
def test_a_run_reports_its_zeros_and_goes_on_after_an_interruption(words, tiny, tmp_path, monkeypatch) -> None:
    write_few_units(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    given = [*RUN, *words, "--epochs", 3, "--refit", 1, "--batch-size", 50, "--threads", 1, *FEW_UNITS, "--data", tiny]
    with without_figures():
        run(given)
        path = tmp_path / "runs" / "mnist-lenet5-l1-1"
        report, config = (json.loads((path / name).read_text()) for name in ("report.json", "config.json"))
        assert (report["final"], report["v"], config["decoupled"]) == ("w", report["w"], True)
        saved = [array for name, array in load_file(path / "model.safetensors").items() if name.endswith("weight")]
        zeros = sum(int((array == 0).sum()) for array in saved)
        assert 0 < zeros == sum(layer["zero_weights"] for layer in report["w"]["layers"].values())
        for after in (5, 20):  # before the refit and in it; 8 steps an epoch
            stopped(given, tmp_path / f"broken-{after}", after, monkeypatch)
            run(["--resume", tmp_path / f"broken-{after}", "--network", "few:build"])
            assert_same(path, tmp_path / f"broken-{after}")


def test_a_penalty_that_empties_a_layer_stops_the_refit_with_advice(tiny, tmp_path) -> None:
    given = ["--decoupled", "--penalty", "l1", "--lam", 1, "--group-lam", 0, "--epochs", 3, "--refit", 2, "--data", tiny]
    with without_figures(), pytest.raises(MinisglError, match=r"W has had no weights in .*; choose a smaller --lam or --lr"):
        run([*given, "--batch-size", 50, "--threads", 1], tmp_path / "run")


# ---- the wiring


def made(*words: str) -> Decoupled:
    solver = make_solver(parsed(["--decoupled", *words]), lenet5(np.random.default_rng(0), units=(4, 6, 40, 10)))
    assert isinstance(solver, Decoupled)
    return solver


def test_the_options_reach_the_solver() -> None:
    words = ["--lam", "1e-4", "--group-lam", "2e-4", "--sparse-layers", "fc*"]
    penalties = {slot.name: penalty for slot, penalty in made("--penalty", "l1", *words).penalties.items()}
    assert penalties["conv1.weight"] == LayerPenalty(GroupLasso(2e-4, 0), None)
    assert penalties["fc1.weight"] == LayerPenalty(GroupLasso(2e-4, 1), L1(1e-4))
    lp = made("--penalty", "lp", "--penalty-option", "p=0.3", "--lam", "1e-4", "--group-lam", "0")
    assert [penalty.sparse for penalty in lp.penalties.values()] == [Lp(1e-4, 0.3)] * 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--penalty tl1", "--decoupled has exact proxes for l0, l1, lp and group-lasso, and the penalty is tl1"),
        ("--penalty group-l0", "for l0, l1, lp and group-lasso, and the penalty is group-l0"),
        ("--penalty l0", r"no exact prox for l0 and the group lasso \(weight 2\.5e-06\) together: give --group-lam 0 too"),
        ("--penalty lp --group-lam 1e-3", r"no exact prox for lp and the group lasso \(weight 0\.001\) together"),
    ],
)
def test_penalties_without_an_exact_prox_are_refused(words: str, sentence: str) -> None:
    with pytest.raises(MinisglError, match=sentence):
        made(*words.split())
