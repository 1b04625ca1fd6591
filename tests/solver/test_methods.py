"""Every method of the table: the same bytes on every number of ranks, on a device, after a checkpoint; and whole runs."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.commands import parsed
from support.device_double import device
from support.few_units import FEW_UNITS, write_few_units
from support.layers import as_on_a_device
from support.resuming import assert_same, run, stopped, without_figures
from support.trees import tree

from minisgl.analysis.sparsity import count
from minisgl.backend import to_device, to_host
from minisgl.data.mnist import Digits
from minisgl.errors import MinisglError
from minisgl.methods import METHODS
from minisgl.models import lenet5
from minisgl.nn import Network
from minisgl.nn.optimizers import SGD
from minisgl.run import Run, load
from minisgl.solver.admm import ADMM
from minisgl.solver.protocol import Solver
from minisgl.solver.quantile import count_for
from minisgl.solver.regrowth import Regrowth
from minisgl.solver.schedules import StepSettings
from minisgl.solver.sparse_vd import QuietRefit
from minisgl.training import checkpoint
from minisgl.training.position import Position
from minisgl.training.processes import ProcessShards, shareable, training_shards
from minisgl.training.setup import make_network, make_solver, make_stages
from minisgl.training.shards import Shards

UNITS = (4, 6, 40, 10)
N_WEIGHTS = 4 * 25 + 6 * 4 * 25 + 40 * 96 + 10 * 40
RIVALS = [name for name in METHODS if name != "splitting"]
GATED = ("hard-concrete", "sparse-vd")  # their own zeros, and V is not W
SPARSE = [name for name in RIVALS if "sparsity" in METHODS[name].uses and name not in GATED]  # with a given share of zeros
FROM_THE_START = ("random", "set", "rigl")  # the share of zeros is constant
EVERY = (*METHODS, "decoupled")  # which is not a method, but has a solver of its own
WORDS = {
    "decoupled": ["--decoupled", "--penalty", "l1", "--lam", "1e-3", "--group-lam", "2e-3"],
    "agp": ["--ramp-from", "0"],
    "set": ["--regrow-every", "2"],
    "rigl": ["--regrow-every", "2"],
    "admm": ["--multiplier-every", "2"],
    "hard-concrete": ["--lam", "1e-4", "--gate-lr", "250"],
    "sparse-vd": ["--lam", "0.1"],
    "dense-small": ["--flops", "30000"],
}


def words(method: str, sparsity: float = 0.8) -> list[str]:
    given = [*(["--method", method] if method in METHODS else []), *WORDS.get(method, [])]
    return [*given, "--sparsity", str(sparsity)] if method in SPARSE else given


def made(method: str, network: Network | None = None, *more: str) -> Solver:
    config = parsed([*words(method), *more])
    return make_solver(config, lenet5(np.random.default_rng(0), units=UNITS) if network is None else network)


def steps(run: Shards, solver: Solver, digits: Digits, numbers: range, put=lambda array: array) -> None:
    """Steps number `numbers` of six, the last on a batch of seven. The first one starts the solver."""
    for i in numbers:
        share = 0.15 * i if isinstance(solver, ADMM) else None  # which the others compute from `done`
        settings, part = StepSettings(0.01, 0.02, sparsity=share, done=i / 6), slice(20 * i, 20 * i + (7 if i == 5 else 20))
        if i == 0:
            solver.start(settings)
        run.step(solver, settings, put(digits.images[part]), put(digits.labels[part]))


def contents(solver: Solver) -> dict[str, bytes]:
    return {name: to_host(array).tobytes() for name, array in solver.arrays().items()}


# ---- the bytes


@pytest.mark.parametrize("method", EVERY)
def test_one_two_and_three_ranks_and_threads_give_the_same_bytes(method: str, digits: tuple[Digits, Digits]) -> None:
    results = []
    for threads in (1, 2, 3):
        solver = shareable(made(method), 3, threads)
        with training_shards(3, threads, [solver], 20) as run:
            assert isinstance(run, ProcessShards) == (threads > 1 and sys.platform == "linux")
            steps(run, solver, digits[0], range(6))
        results.append(contents(solver))
    assert results[0] == results[1] == results[2] != contents(made(method))


@pytest.mark.parametrize("method", EVERY)
def test_a_residual_network_with_batch_normalisation_too(method: str) -> None:
    rng, results = np.random.default_rng(3), []
    images, labels = rng.random((20, 2, 6, 6)), rng.integers(0, 3, 20)
    for threads in (1, 2):
        solver = shareable(made(method, tree()), 2, threads)
        layout = solver.network.layout
        with training_shards(2, threads, [solver], 20) as run:
            solver.start(StepSettings(0.01, 0.02))
            for i in range(4):
                run.step(solver, StepSettings(0.01, 0.02, done=i / 4), images, labels)
        moved = solver.network.flat != made(method, tree()).network.flat
        assert moved[layout.n_weights :].all()  # biases, scales and shifts, and the running means
        results.append(contents(solver))
    assert results[0] == results[1]


@pytest.mark.parametrize("method", EVERY)
def test_a_checkpoint_in_between_has_all_there_is(method: str, digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    whole, other = made(method), made(method)
    with training_shards(2, 1, [whole], 20) as run:
        steps(run, whole, digits[0], range(3))
        checkpoint.save(tmp_path, whole, Position(), {})
        steps(run, whole, digits[0], range(3, 6))
    checkpoint.load(tmp_path, other)
    with training_shards(2, 1, [other], 20) as run:
        steps(run, other, digits[0], range(3, 6))
    assert contents(other) == contents(whole)


@pytest.mark.parametrize("method", EVERY)
def test_a_device_computes_the_same(method: str, digits: tuple[Digits, Digits]) -> None:
    here = made(method)
    network = lenet5(np.random.default_rng(0), units=UNITS)
    there = made(method, network.with_flat(to_device(network.flat, device)))
    for solver, put in ((here, lambda a: a), (there, lambda a: to_device(a, device))):
        for _, leaf in solver.network.walk():
            as_on_a_device(leaf)
        with training_shards(1, 1, [solver], 20) as run:
            steps(run, solver, digits[0], range(6), put)
    for name, array in there.arrays().items():
        np.testing.assert_array_equal(to_host(array), here.arrays()[name], err_msg=name)


@pytest.mark.parametrize("method", EVERY)
def test_a_solver_is_moved_as_a_copy(method: str) -> None:
    solver = made(method)
    before, moved = contents(solver), solver.moved(np.copy)
    assert contents(moved) == before
    for name, array in moved.arrays().items():
        assert not np.shares_memory(array, solver.arrays()[name])
        array[...] = 3
    assert contents(solver) == before
    assert np.shares_memory(moved.v, moved.network.flat) == (not moved.splits)


# ---- the zeros


@pytest.mark.parametrize("method", SPARSE)
@pytest.mark.parametrize("layers", [[], ["conv2", "fc1"]], ids=["all", "some"])
def test_the_zeros_are_exact_after_every_step_and_only_where_they_should_be(method, layers, digits) -> None:
    config = parsed([*words(method), "--hold", "0", "--refit", "1", *(["--sparse-layers", *layers] if layers else [])])
    solver = make_solver(config, lenet5(np.random.default_rng(0), units=UNITS))
    slots = solver.network.layout.weights
    sparse = [slots[name] for name in (layers or slots)]
    n = sum(slot.stop - slot.start for slot in sparse)
    stage, refit = make_stages(config, solver)
    zeros, most = [], count_for(0.8, n)
    with training_shards(2, 1, [solver, refit.solver], 20) as run:
        for i in range(12):
            now = stage if i < 6 else refit
            settings = now.schedule.at(i % 6, 6, 6)
            if i % 6 == 0:
                now.solver.start(settings)
            run.step(now.solver, settings, digits[0].images[20 * i :][:20], digits[0].labels[20 * i :][:20])
            zeros.append(int(sum((slot.view(solver.v) == 0).sum() for slot in sparse)))
            assert (solver.v == 0).sum() == zeros[-1]  # there are none in other layers
    if method in FROM_THE_START:
        growing = zeros[1] - most  # RigL's new weights are 0 until the next step
        assert growing == 0 or method == "rigl"
    elif method != "cges":  # there weights become 0 and come back
        assert zeros[:6] == sorted(zeros[:6])
        assert (zeros[0], zeros[5]) == ((0, most) if method in ("agp", "admm") else (0, 0))
    assert zeros[6:] == [most] * 6
    for which in ("w", "v"):
        assert (solver.reported(which).weights == 0).sum() == most


def test_an_optimiser_that_has_a_past_does_not_move_removed_weights(digits: tuple[Digits, Digits]) -> None:
    for method in SPARSE:
        solver = made(method, None, "--optimizer", "sgd", "--weight-decay", "0.01")
        for array in solver.optimizer.state.values():
            array[...] = 0.1
        with training_shards(1, 1, [solver], 20) as run:
            steps(run, solver, digits[0], range(6))
        mask = solver.arrays().get("mask", np.ones(N_WEIGHTS))
        assert not solver.network.weights[mask == 0].any()
        assert not any(array[:N_WEIGHTS][mask == 0].any() for array in solver.optimizer.state.values())


# ---- whole runs


@pytest.fixture
def short(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The options of a run of a second, which draws no figures."""
    write_few_units(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with without_figures():
        yield ["--epochs", 3, "--refit", 1, "--batch-size", 50, "--shift", 1, "--threads", 1, *FEW_UNITS, "--data", tiny]


@pytest.mark.parametrize("method", RIVALS)
def test_a_run_reports_its_method_and_goes_on_after_an_interruption(method, short, tmp_path, monkeypatch) -> None:
    given = [*short, *words(method, 0.83)]
    run(given)  # in runs/<experiment>-<method>-1
    path = tmp_path / "runs" / f"mnist-lenet5-{method}-1"
    report, config = (json.loads((path / name).read_text()) for name in ("report.json", "config.json"))
    final = "v" if method in (*GATED, "admm") else "w"
    assert (report["method"], report["penalty"], config["method"], report["final"]) == (method, "none", method, final)
    assert report["penalised"] == ([] if method == "dense-small" else ["conv1", "conv2", "fc1", "fc2"])
    saved = [array for name, array in load_file(path / "model.safetensors").items() if name.endswith("weight")]
    zeros, n = sum(int((array == 0).sum()) for array in saved), sum(array.size for array in saved)
    assert zeros == sum(layer["zero_weights"] for layer in report[final]["layers"].values())
    assert (zeros > 0) == (method != "dense-small")
    if method in SPARSE:
        assert zeros == count_for(0.83, n)
    for after in (5, 16, 20):  # in the first epoch, in the last step before the refit, in the refit; 8 steps an epoch
        stopped(given, tmp_path / "broken", after, monkeypatch)
        run(["--resume", tmp_path / "broken", "--network", "few:build"])
        assert_same(path, tmp_path / "broken")
        for file in sorted((tmp_path / "broken").rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()


@pytest.mark.parametrize("method", GATED)
def test_with_a_sparsity_the_refit_begins_with_at_least_that_share_of_zeros(method, short, tmp_path) -> None:
    given = [*short, "--method", method, "--sparsity", 0.83, "--sparse-layers", "fc1", "conv2"]
    run(given, tmp_path / "run")  # too short for zeros of the method's own
    layers = json.loads((tmp_path / "run" / "report.json").read_text())["v"]["layers"]
    zeros = {name: layer["zero_weights"] for name, layer in layers.items()}
    n = sum(layers[name]["weights"] for name in ("conv2", "fc1"))
    assert (zeros["conv1"], zeros["fc2"], zeros["conv2"] + zeros["fc1"]) == (0, 0, count_for(0.83, n))


def test_a_narrowed_network_is_reported_read_and_compressed_as_any_other(short, tmp_path) -> None:
    run([*short, *words("dense-small")], tmp_path / "run")
    done = Run.open(tmp_path / "run", network="few:build")
    flops = [layer["flops"] for layer in done.report["w"]["layers"].values()]
    assert done.report["w"]["flops"] == sum(flops) <= 30_000
    assert sum(flops) == sum(layer.flops for layer in count(done.network).values())
    widths = {name: slot.shape[0] for name, slot in done.network.layout.weights.items()}
    assert widths == {"conv1": 1, "conv2": 3, "fc1": 15, "fc2": 10}  # of 2, 4, 20, 10
    np.testing.assert_array_equal(load(tmp_path / "run")[0].flat, done.network.flat)
    smaller = done.compress()
    images = np.random.default_rng(0).random((5, 1, 28, 28), np.float32)
    np.testing.assert_allclose(smaller.logits(images), done.network.logits(images), rtol=1e-4, atol=1e-5)
    run([*short, *words("dense-small"), "--init", tmp_path / "run" / "model.safetensors"], tmp_path / "again")
    for words_, sentence in ((["--flops", 9], "--flops must be from .*, but is 9"), (["--experiment", "cifar10"], "Residual")):
        with pytest.raises(MinisglError, match=sentence):
            make_network(parsed(["--method", "dense-small", "--flops", 10**6, *words_]))


def test_gates_of_units_leave_whole_units(short, tmp_path) -> None:
    run([*short, *words("hard-concrete"), "--gates", "units", "--hold", 0], tmp_path / "run")
    saved = load_file(tmp_path / "run" / "model.safetensors")
    zeros = {name: array == 0 for name, array in saved.items() if name.endswith("weight")}
    assert any(array.any() for array in zeros.values())
    for array in zeros.values():
        units = array.reshape(len(array), -1) if array.ndim == 4 else array.T  # a row for each unit
        assert (units.all(axis=1) == units.any(axis=1)).all()


def test_the_report_names_the_layers_in_which_weights_are_removed(short, tmp_path) -> None:
    run([*short, "--method", "agp", "--sparsity", 0.5, "--sparse-layers", "fc*"], tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["penalised"] == ["fc1", "fc2"]
    assert {name for name, layer in report["w"]["layers"].items() if layer["zero_weights"]} == {"fc1", "fc2"}


def test_other_options_of_a_method_are_another_run(short, tmp_path, monkeypatch) -> None:
    stopped([*short, *words("set")], tmp_path / "run", 5, monkeypatch)
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps({**stored, "regrow_share": 0.5}))
    with pytest.raises(MinisglError, match=r"belongs to another run: regrow_share: 0\.3 there, 0\.5 here"):
        run(["--resume", tmp_path / "run", "--network", "few:build"])


def test_a_layer_without_weights_stops_the_run_with_advice(short) -> None:
    given = [*short, "--epochs", 6, "--method", "agp", "--sparsity", 0.9999, "--ramp", 0.2, "--ramp-from", 0]
    with pytest.raises(
        MinisglError, match=r"W has had no weights in .*; choose a smaller --sparsity, or fewer --sparse-layers"
    ):
        run(given)


def test_a_price_that_empties_a_layer_stops_the_refit_with_advice(short) -> None:
    with pytest.raises(MinisglError, match=r"V has had no weights in .*; choose a smaller --lam or --lr"):
        run([*short, "--refit", 2, "--method", "hard-concrete", "--lam", 1, "--gate-lr", 1000, "--sparse-layers", "fc1"])


# ---- the wiring


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        ("agp", "", {"ramp": (0.1, 0.5), "sparsity": 0.8, "seed": None}),
        ("agp", "--ramp-from 0.2 --ramp 0.7", {"ramp": (0.2, 0.7)}),
        ("random", "--seed 7 --densities uniform", {"seed": 7, "kept.conv1": 20}),
        ("set", "--seed 7", {"seed": 7, "regrowth": Regrowth(100, 0.3, 0.75), "kept.conv1": 67}),
        ("rigl", "--regrow-every 9 --regrow-share 0.5 --regrow-until 1", {"seed": 0, "regrowth": Regrowth(9, 0.5, 1.0)}),
        ("admm", "", {"every": 100, "by_layer": False, "_sparse.conv1": "l0", "_sparse.fc2": "l0"}),
        (
            "admm",
            "--sparsity-of layer --multiplier-every 0 --admm-step tl1",
            {"every": 0, "by_layer": True, "_sparse.fc1": "tl1"},
        ),
        ("cges", "--sparse-layers conv1 fc2", {"terms.conv1": (0.8 * 0.03, 0.2 * 0.03), "terms.fc2": (0.2 * 0.03, 0.8 * 0.03)}),
        ("cges", "--exclusive-lam 0.1 --group-lam 0", {"terms.conv2": (0, 0.04), "terms.fc1": (0, 0.06)}),
        ("cges", "--exclusive-lam 0 --group-lam 0.1", {"terms.conv2": (0.06, 0), "terms.fc1": (0.04, 0)}),
        ("rigl", "--densities uniform", {"kept.conv1": 20, "kept.fc2": 80}),
    ],
)
def test_the_options_reach_the_solver(method: str, given: str, expected: dict) -> None:
    config = parsed(["--method", method, "--sparsity", "0.8", *given.split()])
    solver = make_solver(config, lenet5(np.random.default_rng(0), units=UNITS))
    slots = solver.network.layout.weights
    for name, value in expected.items():
        if name.startswith("kept."):
            assert solver.kept[slots[name.removeprefix("kept.")]] == value
        elif name.startswith("_sparse."):
            assert solver._sparse[slots[name.removeprefix("_sparse.")]].name == value
        elif name.startswith("terms."):
            found = [term.lam for term in solver.terms[slots[name.removeprefix("terms.")]]]
            assert found == pytest.approx(value, rel=1e-12)
        else:
            assert getattr(solver, name, None) == value


def test_the_options_reach_sparse_variational_dropout() -> None:
    given = ["--method", "sparse-vd", "--lam", "3e-6", "--ramp", "0.7", "--sparse-layers", "fc*"]
    solver = make_solver(parsed(given), lenet5(np.random.default_rng(0), units=UNITS))
    assert (solver.lam, solver.ramp, [slot.name for slot in solver.variances]) == (3e-6, 0.7, ["fc1.weight", "fc2.weight"])
    stage, refit = make_stages(parsed([*given, "--refit", "1"]), solver)
    assert (stage.solver, type(refit.solver)) == (solver, QuietRefit)


def test_the_options_reach_the_gates() -> None:
    given = {"--gates": "units", "--gate-lr": 0.5, "--lam": 3e-6, "--seed": 7, "--optimizer": "sgd"}
    config = parsed(["--method", "hard-concrete", *(word for pair in given.items() for word in pair)])
    solver = make_solver(config, lenet5(np.random.default_rng(0), units=UNITS))
    assert (solver.lam, solver.gate_lr, solver.seed, solver.a.size) == (3e-6, 0.5, 7, 4 + 6 + 96 + 40)
    assert type(solver.gate_optimizer) is type(solver.optimizer) is SGD
    assert make_solver(replace(config, method=METHODS["hard-concrete"]()), solver.network).a.size == N_WEIGHTS


def test_agp_by_layer_leaves_the_same_share_in_each() -> None:
    for of, each in (("layer", True), ("network", False)):
        solver = made("agp", None, "--sparsity-of", of)
        solver.finish(StepSettings(0.01, done=1.0))
        slots = solver.network.layout.weights.values()
        shares = [solver.removed([slot]) == count_for(0.8, slot.stop - slot.start) for slot in slots]
        assert all(shares) == each


def test_the_schedule_of_a_rival_has_a_learning_rate_and_no_thresholds() -> None:
    given = ["--sparsity", "0.8", "--warmup", "0.2", "--hold", "0.3"]
    solver = made("agp", None, *given[2:])
    stage = make_stages(parsed(["--method", "agp", *given]), solver)[0]
    splitting = make_stages(parsed(given), made("splitting"))[0]
    for i in range(10):
        ours, theirs = stage.schedule.at(i, 5, 10), splitting.schedule.at(i, 5, 10)
        assert (ours.lr, ours.done) == (theirs.lr, theirs.done) == (theirs.lr, i / 10)
        assert (ours.beta, ours.sparsity, solver.thresholds(ours)) == (0, None, None)
