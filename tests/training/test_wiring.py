"""What the options build and where their numbers arrive: penalties, optimiser, schedule, every single step, shards, seeds.

Options go through the command line's own parser, so that one which is read and then forgotten shows here. Last: the test
set, whatever is in it, changes nothing but the report's test error.
"""

from collections.abc import Callable
from io import StringIO
from math import cos, pi
from pathlib import Path

import numpy as np
import pytest
from independent import read_safetensors
from rich.console import Console
from support.commands import parsed
from support.digits import write_digits

from minisgl import run as runs
from minisgl.config import changed
from minisgl.data.mnist import Digits
from minisgl.errors import MinisglError
from minisgl.experiments import PRESETS
from minisgl.formats import files, network_file
from minisgl.models import lenet5
from minisgl.nn.optimizers import SGD, Adam
from minisgl.penalties import L0, L1, MCP, GroupL0With, GroupLasso, Penalty, SparseGroupL0, SparseGroupLasso
from minisgl.solver.schedules import CappedBeta, Continuation, Stepwise
from minisgl.solver.splitting import LayerPenalty, Splitting
from minisgl.training import figures, setup
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training
from minisgl.training.processes import training_shards
from minisgl.training.setup import make_schedule, make_splitting
from minisgl.training.shards import running_shards

LAYERS = ["conv1", "conv2", "fc1", "fc2"]
UNIT_AXIS = {"conv1": 0, "conv2": 0, "fc1": 1, "fc2": 1}  # an output channel, an input neuron


def built(options: str) -> Splitting:
    return make_splitting(parsed(options.split()), lenet5(np.random.default_rng(0)))


# ---- penalties


class Recorded(Splitting):
    """A splitting that remembers what it was made from."""

    def __init__(self, network, optimizer, penalties, decay) -> None:
        self.penalties = penalties
        super().__init__(network, optimizer, penalties, decay)


@pytest.mark.parametrize(
    ("options", "group", "sparse"),
    [
        ("--penalty l0 --lam 3e-4", 3e-4, L0(3e-4)),
        ("--penalty l1 --lam 3e-4", 3e-4, L1(3e-4)),
        ("--preset paper --penalty l1 --lam 3e-4 --group-lam 7e-4", 7e-4, L1(3e-4)),
        ("--preset paper --penalty l0 --lam 3e-4 --group-lam 0", None, L0(3e-4)),
        ("--penalty group-lasso --lam 3e-4", 3e-4, None),
        ("--penalty group-lasso --group-lam 7e-4", 7e-4, None),
        ("--penalty group-lasso --group-lam 0", None, None),
        ("--penalty none", None, None),
        ("--penalty l0 --lam 0", None, None),
        ("--penalty l1 --lam 0 --group-lam 7e-4", 7e-4, None),
        ("", PRESETS["quick"].penalty.lam, L0(PRESETS["quick"].penalty.lam)),  # sparse group l0
        ("--preset paper", PRESETS["paper"].penalty.lam, L0(PRESETS["paper"].penalty.lam)),
    ],
)
def test_every_layer_pays_what_the_options_say(
    options: str, group: float | None, sparse: Penalty | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "Splitting", Recorded)
    splitting = built(options)
    assert set(splitting.penalties) <= set(LAYERS)
    for name in LAYERS:
        expected = LayerPenalty(None if group is None else GroupLasso(group, UNIT_AXIS[name]), sparse)
        assert splitting.penalties.get(name, LayerPenalty()) == expected, name
    assert splitting.splits == (sparse is not None)


def test_the_group_term_moves_into_the_v_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "Splitting", Recorded)
    lasso = built("--penalty l1 --v-group lasso --lam 1e-5 --group-lam 2e-5")
    assert not lasso.groups
    hard = built("--penalty l0 --v-group lasso --lam 1e-5")
    both = built("--penalty mcp --v-group l0 --lam 1e-5")
    for splitting, expected in (
        (lasso, lambda axis: SparseGroupLasso(1e-5, 2e-5, axis)),
        (hard, lambda axis: SparseGroupL0(1e-5, 1e-5, axis)),
        (both, lambda axis: GroupL0With(MCP(1e-5), 1e-5, axis)),
    ):
        found = {name: each.sparse for name, each in splitting.penalties.items()}
        assert found == {name: expected(axis) for name, axis in UNIT_AXIS.items()}


# ---- optimiser


def test_the_optimiser_is_the_one_asked_for() -> None:
    assert isinstance(built("").optimizer, Adam)
    assert isinstance(built("--optimizer adam").optimizer, Adam)
    for options, momentum, nesterov in (
        ("--optimizer sgd", 0.9, False),
        ("--optimizer sgd --momentum 0.3", 0.3, False),
        ("--optimizer sgd --momentum 0.3 --nesterov", 0.3, True),
    ):
        optimizer = built(options).optimizer
        assert isinstance(optimizer, SGD)
        assert (optimizer.momentum, optimizer.nesterov) == (momentum, nesterov)


# ---- schedule

STEPWISE = "--preset paper --lr 0.5 --lr-drops 3 7 --beta 0.25 --beta-growth 1.5 --beta-every 6"
CONTINUATION = "--lr 0.5 --beta 0.25 --beta-rise 16 --ramp 0.4 --hold 0.3 --threshold 0.1 0.2 0.3 0.4"


def test_the_schedule_is_made_from_the_options() -> None:
    assert make_schedule(parsed(STEPWISE.split()), LAYERS) == Stepwise(0.5, (3, 7), 0.25, 1.5, 6)
    each = {"conv1": 0.1, "conv2": 0.2, "fc1": 0.3, "fc2": 0.4}
    assert make_schedule(parsed(CONTINUATION.split()), LAYERS) == Continuation(0.5, 0.25, 16.0, each, 0.4, 0.3)
    assert list(built("").network.layout.weights) == LAYERS
    one = make_schedule(parsed(["--threshold", 0.07]), LAYERS)
    assert one == Continuation(2e-3, 0.02, 1000.0, dict.fromkeys(LAYERS, 0.07), 0.5, 0.4)
    assert make_schedule(parsed([*STEPWISE.split(), "--lr-factor", 0.2]), LAYERS).factor == 0.2
    assert make_schedule(parsed([*CONTINUATION.split(), "--warmup", 0.2]), LAYERS).warmup == 0.2
    for words in (STEPWISE, CONTINUATION):
        with_sgd = make_schedule(parsed([*words.split(), "--optimizer", "sgd"]), LAYERS)
        assert with_sgd == CappedBeta(make_schedule(parsed(words.split()), LAYERS))
    with pytest.raises(MinisglError, match=r"--threshold has 3 numbers.*conv1, conv2, fc1, fc2"):
        make_schedule(parsed(["--threshold", "0.1", "0.2", "0.3"]), LAYERS)


@pytest.mark.parametrize("name", PRESETS)
def test_with_sgd_no_preset_reaches_the_cap_of_beta(name: str) -> None:
    schedule = make_schedule(parsed(["--preset", name, "--optimizer", "sgd"]), LAYERS)
    steps = 100 * PRESETS[name].epochs
    assert all(schedule.at(step, 100, steps) == schedule.schedule.at(step, 100, steps) for step in range(steps))


def settings_of_every_step(options: str, digits: Digits, directory: Path) -> tuple[list[tuple], list[dict]]:
    """Run as configured; the calls ("start", settings) and ("update", settings) in their order, and the history."""
    config = parsed(options.split())
    splitting = make_splitting(config, lenet5(np.random.default_rng(0)))
    calls: list[tuple] = []
    start, update = splitting.start, splitting.update

    def recorded_start(settings):
        calls.append(("start", settings))
        start(settings)

    def recorded_update(blocks, gradient, settings):
        calls.append(("update", settings))
        update(blocks, gradient, settings)

    splitting.start, splitting.update = recorded_start, recorded_update
    run = RunDirectory.create(directory / "run", "")
    with running_shards(config.shards, 1) as shards:
        Training(config, splitting, digits).run(shards, run, lambda tick: None, lambda record: None)
    return calls, run.read_history()


def test_paper_the_schedule_arrives_at_every_step(digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    options = "--preset paper --epochs 3 --batch-size 10 --lr 1e-4 --lr-drops 1 2 --beta 0.25 --beta-growth 2 --beta-every 1"
    calls, history = settings_of_every_step(options, digits[0][:15], tmp_path)
    lr = [1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6]  # two steps an epoch
    beta = [0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    assert [call for call, _ in calls] == ["start"] + ["update"] * 6
    assert calls[0][1] == calls[1][1]  # V starts as prox(W), by the settings of the first step
    assert [settings.lr for _, settings in calls[1:]] == pytest.approx(lr)
    assert [settings.beta for _, settings in calls[1:]] == pytest.approx(beta)
    assert [settings.thresholds for _, settings in calls] == [None] * 7
    # the history keeps what held at the last step of each epoch
    assert [record["lr"] for record in history] == pytest.approx(lr[1::2])
    assert [record["beta"] for record in history] == pytest.approx(beta[1::2])
    assert [record["thresholds"] for record in history] == [None] * 3


def test_quick_the_schedule_arrives_at_every_step(digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    options = "--epochs 2 --batch-size 10 --lr 1e-4 --hold 0 --beta 0.25 --beta-rise 16 --ramp 0.5 --threshold 0.1 0.2 0.3 0.4"
    calls, history = settings_of_every_step(options, digits[0][:15], tmp_path)
    lr = [1e-4 * (1 + cos(pi * t)) / 2 for t in (0, 0.25, 0.5, 0.75)]
    beta = [0.25, 0.25, 0.25, 1.0]  # the square root of 16, half-way from 0.5 to 1
    heights = [0, 0.5, 1, 1]
    assert [call for call, _ in calls] == ["start"] + ["update"] * 4
    assert calls[0][1].beta == 0.25
    assert set(calls[0][1].thresholds.values()) == {0}  # V starts as W
    assert [settings.lr for _, settings in calls[1:]] == pytest.approx(lr)
    assert [settings.beta for _, settings in calls[1:]] == pytest.approx(beta)
    ends = {"conv1": 0.1, "conv2": 0.2, "fc1": 0.3, "fc2": 0.4}
    for (_, settings), height in zip(calls[1:], heights, strict=True):
        assert settings.thresholds == pytest.approx({name: tau * height for name, tau in ends.items()})
    assert [record["lr"] for record in history] == pytest.approx(lr[1::2])
    assert [record["beta"] for record in history] == pytest.approx(beta[1::2])
    for record, height in zip(history, heights[1::2], strict=True):
        assert record["thresholds"] == pytest.approx({name: tau * height for name, tau in ends.items()})


# ---- whole runs: shards, seed, test set

Run = Callable[..., RunDirectory]


@pytest.fixture
def run(digits: tuple[Digits, Digits], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Train with these options and config fields on 60 digits, without figures."""
    monkeypatch.setattr(figures, "save_run_figures", lambda *arguments: None)
    (tmp_path / "data").mkdir()
    write_digits(tmp_path / "data", "train", digits[0][:60])
    write_digits(tmp_path / "data", "t10k", digits[1][:40])

    def run(name: str, options: str, **fields: object) -> RunDirectory:
        config = changed(parsed(options.split()), {"out": tmp_path / name, "data": tmp_path / "data", **fields})
        return runs.train(config, Console(file=StringIO()))

    return run


def test_shards_and_threads_are_those_of_the_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def recorded(shards, threads, solvers, batch_size, smoothing):
        asked.append((shards, threads, batch_size, smoothing))
        return training_shards(shards, threads, solvers, batch_size, smoothing=smoothing)

    monkeypatch.setattr(runs, "training_shards", recorded)
    run("run", "--shards 3 --threads 1 --epochs 1 --batch-size 60 --label-smoothing 0.1")
    assert asked == [(3, 1, 60, 0.1)]


@pytest.mark.parametrize("seed", [0, 3])
def test_the_weights_start_from_the_seed(seed: int, run: Run) -> None:
    directory = run("run", f"--preset paper --penalty none --epochs 1 --batch-size 60 --lr 1e-12 --seed {seed}")
    saved = read_safetensors(directory.model)
    for slot in (network := lenet5(np.random.default_rng(seed))).layout.slots:
        # what is below 1e-5 is saved as 0
        np.testing.assert_allclose(saved[slot.name], slot.view(network.flat), rtol=0, atol=1.1e-5)


def test_the_order_of_the_images_comes_from_the_seed_and_the_same_seed_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    network_file.write(tmp_path / "start.safetensors", lenet5(np.random.default_rng(9)))
    options = "--epochs 1 --batch-size 20"  # the same starting weights in all three, so the order alone can differ
    contents = [
        run(name, f"{options} --seed {seed}", init=tmp_path / "start.safetensors").model.read_bytes()
        for name, seed in (("a", 4), ("b", 4), ("c", 5))
    ]
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


@pytest.mark.parametrize("options", ["--threshold 0.05 --lr 1e-2", "--preset paper --holdout 20"])
def test_the_test_set_changes_the_reported_test_error_and_nothing_else(
    options: str, run: Run, digits: tuple[Digits, Digits], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_digits(other, "train", digits[0][:60])
    # fewer digits, and every label false: what is right on the one set is wrong on the other
    write_digits(other, "t10k", Digits(digits[1].images[:13], (digits[1].labels[:13] + 1) % 10))
    outcome = []
    for name, data in (("a", tmp_path / "data"), ("b", other)):
        directory = run(name, f"{options} --epochs 2 --batch-size 20", data=data)
        history = [{**record, "seconds": None} for record in directory.read_history()]
        outcome.append((directory.model.read_bytes(), history, files.read_json(directory.report)))
    (model, history, report), (other_model, other_history, other_report) = outcome
    assert model == other_model
    assert history == other_history
    for which in ("w", "v"):
        assert report[which].pop("test_error") != other_report[which].pop("test_error")
        assert report[which] == other_report[which]
