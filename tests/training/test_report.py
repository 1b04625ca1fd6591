"""What a run reports is true: report.json, the table, the history, the line an epoch and the bar.

Every number is computed here a second time: from the saved bytes with tests/independent.py, or in a loop of its own.
"""

import platform
import re
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from independent import evaluate, logits, read_safetensors
from rich.console import Console
from support.digits import write_digits
from threadpoolctl import threadpool_limits

import minisgl
from minisgl import run as runs
from minisgl.experiments import preset
from minisgl.formats import files
from minisgl.models import lenet5
from minisgl.nn import softmax_cross_entropy
from minisgl.training import figures, report
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import StepProgress, Training
from minisgl.training.progress import epoch_line, showing_progress
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

UNIT_AXIS = {"conv1": 0, "conv2": 0, "fc1": 1, "fc2": 1}
KEYS = {
    "experiment",
    "penalty",
    "method",
    "penalised",
    "preset",
    "backend",
    "device",
    "threads",
    "shards",
    "seed",
    "test_images",
    "epochs",
    "seconds",
    "versions",
    "final",
}
HEADING = ["layer", "weights", "zeros", "zeros %", "units", "dead", "FLOPs"]
COUNTS = ("weights", "zero_weights", "units", "dead_units", "flops")
THRESHOLDS = (0.5, 0.19, 0.15, 0.1)  # kill some units of every layer of a fresh network, and not all


def tensors_of(network):
    return {slot.name: slot.view(network.flat).astype(np.float64) for slot in network.layout.slots}


def described(tensors, test):
    """The entry that a report should have for these tensors."""
    layers = {}
    for name, axis in UNIT_AXIS.items():
        units = np.moveaxis(tensors[f"{name}.weight"], axis, 0)
        dead = sum(bool((unit == 0).all()) for unit in units)
        layers[name] = dict(zip(COUNTS, (units.size, int((units == 0).sum()), len(units), dead), strict=False))
    k1, k2, d1, d2 = (layer["units"] - layer["dead_units"] for layer in layers.values())
    flops = (24 * 24 * 26 * k1, 8 * 8 * (25 * k1 + 1) * k2, (d1 + 1) * d2, (d2 + 1) * 10)
    with threadpool_limits(1, "blas"):  # threads of small products do little but wait for each other
        wrong = logits(test.images.astype(np.float64), tensors).argmax(axis=1) != test.labels
    return {
        "test_error": 100 * np.mean(wrong),
        "weight_sparsity": 100 * sum(layer["zero_weights"] for layer in layers.values()) / 430_500,
        "unit_sparsity": 100 * sum(layer["dead_units"] for layer in layers.values()) / 1370,
        "flops": sum(flops),
        "layers": {name: {**layers[name], "flops": number} for name, number in zip(layers, flops, strict=True)},
    }


def assert_described(entry, tensors, test):
    expected = described(tensors, test)
    assert entry["layers"] == expected.pop("layers")
    assert {key: value for key, value in entry.items() if key != "layers"} == pytest.approx(expected, abs=1e-9)


# ---- report.json

CONFIG = preset(threads=3, seed=4, epochs=7)


@pytest.fixture(scope="module")
def splitting():
    """W with dead units, some of them only negligible, and a V with more of them."""
    network = lenet5(np.random.default_rng(0))
    network.layers["conv1"].weight[3] = 9e-6
    network.layers["conv2"].weight[:5] = -9e-6
    network.layers["fc1"].weight[:, 100:130] = 0
    splitting = make_splitting(CONFIG, network)
    splitting.v_step(CONFIG.regime.beta, dict(zip(UNIT_AXIS, THRESHOLDS, strict=True)))
    return splitting


@pytest.fixture(scope="module")
def made(splitting, digits):
    with running_shards(2, 1) as shards:
        networks = {which: splitting.reported(which) for which in ("w", "v")}
        return report.make(CONFIG, splitting, networks, shards, digits[1][:80], seconds=12.34)


def test_the_report_describes_w_and_v(made, splitting, digits):
    w = tensors_of(splitting.network)
    for name in UNIT_AXIS:
        w[f"{name}.weight"][np.abs(w[f"{name}.weight"]) < 1e-5] = 0
    v = {**w, **{slot.name: slot.view(splitting.v) for slot in splitting.network.layout.weights.values()}}
    assert_described(made["w"], w, digits[1][:80])
    assert_described(made["v"], v, digits[1][:80])
    assert all(made["w"][key] != made["v"][key] for key in ("test_error", "weight_sparsity", "unit_sparsity", "flops"))
    assert all(0 < layer["dead_units"] < layer["units"] for layer in made["v"]["layers"].values())


def test_the_report_says_what_was_run_on_what(made):
    assert set(made) == KEYS | {"w", "v"}
    assert [made[key] for key in ("experiment", "penalty", "preset", "backend")] == ["mnist-lenet5", "l0", "quick", "numpy"]
    assert [made[key] for key in ("threads", "seed", "epochs", "seconds", "final")] == [3, 4, 7, 12.3, "v"]
    assert made["device"]
    assert made["test_images"] == {"count": 80, "looked_at": "once, when training was over"}
    versions = {"minisgl": minisgl.__version__, "numpy": np.__version__, "python": platform.python_version()}
    assert versions.items() <= made["versions"].items()
    assert set(made["versions"]) == {*versions, "blas", "blas_kernel", "simd"}


@pytest.fixture(scope="module", params=["paper", "quick"])
def finished(request, digits, tmp_path_factory):
    """A run on 60 digits: its config, directory, report, what it printed, and the network whose figures it drew."""
    folder, drawn = tmp_path_factory.mktemp(request.param), []
    console = Console(file=StringIO(), width=80, force_terminal=False)
    write_digits(folder, "train", digits[0][:60])
    write_digits(folder, "t10k", digits[1][:50])
    options = {"threshold": THRESHOLDS} if request.param == "quick" else {}
    options |= {"data": folder, "out": folder / "run", "epochs": 2, "batch_size": 20, "threads": 1, "seed": 6}
    config = preset(request.param, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "save_run_figures", lambda history, network, *others: drawn.append(network))
        run = runs.train(config, console)
    result = files.read_json(run.report)
    return SimpleNamespace(config=config, run=run, report=result, shown=console.file.getvalue(), drawn=drawn[0])


def test_the_saved_network_is_the_one_that_is_reported_and_drawn(finished, digits):
    result, final = finished.report, {"paper": "w", "quick": "v"}[finished.config.preset]
    assert [result[key] for key in ("preset", "threads", "seed", "epochs", "final")] == [finished.config.preset, 1, 6, 2, final]
    tensors = read_safetensors(finished.run.model)
    assert_described(result[final], tensors, digits[1][:50])
    error, zeros, _ = evaluate(finished.run.path, finished.config.data.data)
    assert error == pytest.approx(result[final]["test_error"], abs=1e-9)
    assert zeros == sum(layer["zero_weights"] for layer in result[final]["layers"].values()) > 0
    weights = [np.abs(tensors[f"{name}.weight"]) for name in UNIT_AXIS]
    assert not any(((w > 0) & (w < np.float32(1e-5))).any() for w in weights)  # what is negligible was saved as 0
    assert all(np.array_equal(tensor, tensors[name]) for name, tensor in tensors_of(finished.drawn).items())
    last = finished.run.read_history()[-1]
    assert all(last[which][key] == result[which][key] for which in "wv" for key in ("weight_sparsity", "unit_sparsity"))


def test_a_run_prints_its_epochs_and_its_report(finished):
    assert finished.shown.splitlines()[:2] == [epoch_line(record, 2) for record in finished.run.read_history()]
    console = Console(file=StringIO(), width=80, force_terminal=False)
    report.print_table(finished.report, console)
    assert console.file.getvalue() in finished.shown


# ---- the table


@pytest.mark.parametrize("final", ["w", "v"])
def test_the_table_shows_the_report_and_fits_a_terminal(final, made):
    console = Console(file=StringIO(), width=80, force_terminal=False)
    report.print_table({**made, "final": final}, console)
    text = console.file.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    expected, titles = [], []
    for which in ("w", "v"):
        entry, name = made[which], which.upper() + (" (saved)" if which == final else "")
        titles.append((name, f"{entry['test_error']:.2f}", f"{entry['weight_sparsity']:.2f}"))
        rows = {name: [layer[key] for key in COUNTS] for name, layer in entry["layers"].items()}
        rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
        for name, numbers in rows.items():
            weights, zeros, units, dead, flops = (f"{number:,}" for number in numbers)
            expected.append([name, weights, zeros, f"{100 * numbers[1] / numbers[0]:.2f}", units, dead, flops])
        assert flops == f"{entry['flops']:,}"
    assert text.splitlines()[-1] == "Errors on 80 test images, used once, when training was over."
    assert re.findall(r"([WV].*): test error (\S+) %, (\S+) % of weights zero", text) == titles
    rows = [[cell.strip() for cell in re.split("[│┃|]", line)[1:-1]] for line in text.splitlines() if line[0] in "│┃|"]
    assert rows == [HEADING, *expected[:5], HEADING, *expected[5:]]


# ---- the history


def trained(config, digits, path):
    """Train; return the splitting, the history, and every tick with V's fraction of zeros at it."""
    splitting, ticks = make_splitting(config, lenet5(np.random.default_rng(config.seed))), []
    run, training = RunDirectory.create(path / "run", ""), Training(config, splitting, digits)
    with running_shards(config.shards, 1) as shards:
        training.run(shards, run, lambda t: ticks.append((t, np.mean(splitting.v == 0))), lambda record: None)
    return splitting, run.read_history(), ticks


def test_loss_and_error_are_means_over_the_epochs_images(digits, tmp_path):
    config = preset("paper", penalty="none", optimizer="sgd", momentum=0.0, lr=0.1, epochs=2, batch_size=20, seed=2)
    _, history, ticks = trained(config, digits[0][:70], tmp_path)
    network = lenet5(np.random.default_rng(2))
    for step, (tick, _) in enumerate(ticks):  # of 20, 20, 20 and 10 images, twice
        if step % 4 == 0:
            order, total, wrong, seen = np.random.default_rng((2, step // 4)).permutation(70), 0.0, 0, 0
        batch = digits[0][order[seen : seen + 20]]
        outputs, tape = network.forward(batch.images)
        loss, dlogits = softmax_cross_entropy(outputs, batch.labels)
        network.flat[...] -= 0.1 * network.backward(dlogits, tape)[0]
        seen += len(batch)
        total += float(loss) * len(batch)
        wrong += int((outputs.argmax(axis=1) != batch.labels).sum())
        assert (tick.epoch, tick.step, tick.steps) == (1 + step // 4, 1 + step, 8)
        if step % 4 in (0, 3):  # every tenth step, and the epoch's last: in between they stand still
            looked = pytest.approx((total / seen, 100 * wrong / seen), rel=1e-3)
        assert (tick.loss, tick.error) == looked
        if step % 4 == 3:
            record = history[step // 4]
            assert (record["loss"], record["error"]) == pytest.approx((total / 70, 100 * wrong / 70), rel=1e-3)


@pytest.mark.parametrize(("holdout", "name", "part"), [(0, "training", slice(0, 70)), (30, "held-out", slice(40, 70))])
def test_w_and_v_are_measured_as_they_would_be_saved(holdout, name, part, digits, tmp_path):
    config = preset(epochs=2, holdout=holdout, threshold=THRESHOLDS, batch_size=20)
    splitting, history, ticks = trained(config, digits[0][:70], tmp_path)
    assert [(record["epoch"], record["measured_on"]) for record in history] == [(1, name), (2, name)]
    for which in ("w", "v"):
        entry = described(tensors_of(splitting.reported(which)), digits[0][part])
        expected = {"error": entry["test_error"], **{key: entry[key] for key in ("weight_sparsity", "unit_sparsity")}}
        assert history[-1][which] == pytest.approx(expected)
    assert history[-1]["w"]["error"] != history[-1]["v"]["error"]
    first, zeros = ticks[len(ticks) // 2]  # the second epoch's first step: zeros are counted at every tenth, from there
    assert (first.epoch, first.sparsity) == (2, pytest.approx(100 * zeros))


# ---- the line an epoch, and the bar

W, V = {"error": 1.23, "weight_sparsity": 45.6}, {"error": 8.91, "weight_sparsity": 76.5}
RECORD = {"epoch": 3, "loss": 0.5678, "measured_on": "held-out", "seconds": 9.0, "w": W, "v": V}


def shown(step, **kind):
    """What showing_progress wrote for step `step` of 40, without colours."""
    console = Console(file=StringIO(), width=120, color_system=None, **kind)
    with showing_progress(console, SimpleNamespace(config=SimpleNamespace(epochs=7), steps=40)) as (on_step, on_epoch):
        on_step(StepProgress(epoch=2, step=step, steps=40, loss=0.1234, error=5.67, sparsity=89.1))
        on_epoch(RECORD)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())


def test_the_line_of_an_epoch_has_the_numbers_of_w_and_of_v():
    line = r"epoch +3/7 .*loss 0\.5678 .*held-out error W 1\.23 %, V 8\.91 % .*zeros W 45\.6 %, V 76\.5 % .*9 s"
    assert re.fullmatch(line, epoch_line(RECORD, 7))
    assert shown(10, force_terminal=False) == epoch_line(RECORD, 7) + "\n"  # all there is without a terminal


def test_in_a_terminal_there_is_a_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    lengths = []
    for step in (10, 40):
        text = shown(step, force_terminal=True)
        assert epoch_line(RECORD, 7) in text
        bar = r"epoch 2/7 ([^\r]*) loss 0\.1234  error 5\.67 %  V zeros 89\.1 % \d:\d\d:\d\d [-:\d]+"  # elapsed, remaining
        lengths.append(len(re.findall("[━-]", re.findall(bar, text)[-1])))  # an old Windows console has no ━
    assert 5 < lengths[0] == pytest.approx(lengths[1] / 4, abs=1)


# ---- figures


def test_without_matplotlib_a_run_is_finished_and_a_line_warns(small, command, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise RuntimeError('no matplotlib here')")
    done = command("minisgl.train", "--data", small, "--epochs", 1, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "minisgl: figures could not be drawn: RuntimeError: no matplotlib here\n"
    assert done.stdout.splitlines()[-1].endswith("everything is in run")
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"model.safetensors", "report.json"}
