"""A user's own network and experiment: docs/your-own-network.md as it is written, and what is refused."""

import importlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.commands import parsed, refused, run_module
from support.killing import without_times
from support.page import DIFFERENCES, MLP, PYTHON, SQUARES, commands

import minisgl
from minisgl import experiments
from minisgl.errors import MinisglError, MinisglWarning
from minisgl.experiments import Experiment, own
from minisgl.nn import Network


def test_the_examples_are_short() -> None:
    assert MLP.count("\n") < 30
    assert SQUARES.count("\n") < 30


def killed_after_a_checkpoint(words: list[object], run: Path) -> None:
    with subprocess.Popen([sys.executable, "-m", "minisgl.train", *map(str, words)], stdout=subprocess.DEVNULL) as process:
        while not list(run.glob("checkpoint/*.safetensors")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == (1 if sys.platform == "win32" else -signal.SIGKILL)  # TerminateProcess has no signal
    assert not (run / "report.json").exists()


@pytest.mark.parametrize(
    ("word", "more"),
    [
        ("mlp:build", ["--checkpoint-every", 2, "--data"]),
        pytest.param("squares:SQUARES", ["--checkpoint-every", 2, "--epochs", 20], marks=pytest.mark.slow),
    ],
)
def test_the_pages_commands_train_are_killed_resume_evaluate_and_compress(
    word: str, more: list[object], folder: Path, small: Path
) -> None:
    if more[-1] == "--data":
        more = [*more, small]
    words = commands(word)
    run = folder / words["train"][words["train"].index("--out") + 1]
    killed_after_a_checkpoint([*words["train"], *more], run)
    done = run_module("minisgl.train", "--resume", run, cwd=folder)
    refused(done, f"{run} was trained with", "of your own: name it again with", word)
    assert run_module("minisgl.train", *words["resume"], cwd=folder).returncode == 0
    unbroken = run_module("minisgl.train", *words["train"], *more, "--out", "unbroken", cwd=folder)
    assert unbroken.returncode == 0, unbroken.stderr
    for name in ("model.safetensors", "history.jsonl", "report.json"):
        assert without_times(run / name) == without_times(folder / "unbroken" / name)
    done = run_module("minisgl.evaluate", *words["evaluate"], cwd=folder)
    error = json.loads((run / "report.json").read_text())["v"]["test_error"]
    assert f"{error:.2f} % error" in done.stdout, done.stderr
    pytest.importorskip("onnx")
    done = run_module("minisgl.compress", *words["compress"], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "FLOPs" in done.stdout


@pytest.mark.slow
def test_the_pages_sweep_makes_its_runs_in_other_processes(folder: Path, small: Path) -> None:
    done = run_module("minisgl.sweep", *commands("squares:SQUARES")["sweep"], cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (folder / "runs" / "squares-sweep" / "results.jsonl").read_text().splitlines()
    assert (json.loads(line)["method"], json.loads(line)["config"]["experiment"]) == ("l0", "squares:SQUARES")
    words = [*commands("mlp:build")["sweep"], "--epochs", 2, "--holdout", 200, "--data", small]
    done = run_module("minisgl.sweep", *words, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (folder / "runs" / "mlp-sweep" / "results.jsonl").read_text().splitlines()
    assert json.loads(line)["config"]["network"] == "mlp:build"


def test_dask_workers_in_another_folder_find_the_module(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    distributed = pytest.importorskip("distributed")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(host="127.0.0.1", **options) as cluster:
        with distributed.Client(cluster) as client:
            client.run(_leave, str(elsewhere), str(folder))
        words = [*commands("squares:SQUARES")["sweep"], "--engine", "dask", "--scheduler", cluster.scheduler_address]
        done = run_module("minisgl.sweep", *words, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def _leave(folder: str, forgotten: str) -> None:
    import os  # noqa: PLC0415
    import sys  # noqa: PLC0415

    os.chdir(folder)
    sys.path[:] = [entry for entry in sys.path if entry not in ("", forgotten)]


def test_the_pages_python_is_silent_and_does_what_it_says(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    monkeypatched = {"__name__": "page"}
    exec(compile(PYTHON, "your-own-network.md", "exec"), monkeypatched)
    out, err = capfd.readouterr()
    assert (out.count("\n"), err) == (2, "")
    run, same, smaller = (monkeypatched[name] for name in ("run", "same", "smaller"))
    assert run.path == Path("runs/from-python")
    assert {path.name for path in run.path.iterdir()} >= {"compact.json", "compact.onnx", "compact.safetensors", "report.json"}
    assert [record["epoch"] for record in run.history] == [1, 2, 3]
    assert np.array_equal(same.network.flat, run.network.flat)
    assert same.report == run.report
    test = run.test_set()
    assert run.evaluate(test.images, test.labels) == run.report[run.report["final"]]["test_error"]
    assert run.evaluate((test.images * 255).round().astype(np.uint8), test.labels) == run.evaluate(test.images, test.labels)
    assert np.array_equal(minisgl.load(run.path / "compact.safetensors")[0].flat, smaller.flat)
    assert np.array_equal(smaller.predict(test.images), run.network.predict(test.images))


def test_fit_without_a_configuration_is_the_command_without_options(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stop(config, console):
        asked.append((config, console.quiet))
        raise MinisglError("far enough")

    monkeypatch.setattr(minisgl.run, "train", stop)
    for progress in (False, True):
        with pytest.raises(MinisglError, match="far enough"):
            minisgl.fit(progress=progress)
    assert asked == [(parsed([]), True), (parsed([]), False)]


def test_the_pages_layer_is_right_and_trains(folder: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    found: list[float] = []
    exec(compile(DIFFERENCES, "page", "exec"), {"np": np, "print": found.append})
    assert len(found) == 2
    assert max(found) < 1e-8
    options = ["--network", "prelu:build", "--data", small, "--epochs", 1, "--out", "run"]
    done = run_module("minisgl.train", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "FLOPs are not counted: act is a PReLU, whose FLOPs are not known" in " ".join(done.stdout.split())
    report = json.loads((folder / "run" / "report.json").read_text())
    assert (report["v"]["flops"], report["v"]["layers"]["fc1"]["flops"]) == (None, None)
    with pytest.raises(MinisglError, match="a layer is a PReLU, which minisgl does not have"):
        minisgl.load(folder / "run")
    network, _ = minisgl.load(folder / "run", layers=[importlib.import_module("prelu").PReLU])
    assert not np.array_equal(network.layout["act.slope"].view(network.flat), np.full(100, 0.25, np.float32))
    done = run_module("minisgl.compress", "run", "--network", "prelu:build", cwd=folder)
    refused(done, "act is a PReLU: compact does not know how zeros pass through it")


def test_layers_of_ones_own_come_from_the_network_that_is_built(folder: Path, small: Path) -> None:
    (folder / "twice.py").write_text(
        MLP.replace("def build", "class Twice(ReLU):\n    pass\n\n\ndef build").replace('"relu": ReLU()', '"relu": Twice()')
    )
    words = ["--network", "twice:build", "--epochs", 1, "--data", small, "--out", "run"]
    assert run_module("minisgl.train", *words, cwd=folder).returncode == 0
    refused(run_module("minisgl.evaluate", "run", cwd=folder), "a layer is a Twice", "give --network twice:build too")
    done = run_module("minisgl.evaluate", "run", "--network", "twice:build", cwd=folder)
    assert "% error" in done.stdout, done.stderr
    refused(
        run_module("minisgl.evaluate", "run", "--network", "mlp:build", cwd=folder),
        "with --network twice:build, not with mlp:build",
    )


# ---- what is refused

BROKEN = {
    "no module": ("", "nowhere:build", r"--network nowhere:build cannot be imported: ModuleNotFoundError"),
    "no colon": ("", "mine", "--network must be module:build, but is mine"),
    "no function": ("", "mine_net:build", "cannot be imported: AttributeError"),
    "syntax": ("def build(:", "mine_net:build", "cannot be imported: SyntaxError"),
    "it fails": ("def build(rng):\n    return 1 / 0", "mine_net:build", "fails in mine_net.py, line 2: ZeroDivisionError"),
    "no network": (
        "def build(rng):\n    return [rng]",
        "mine_net:build",
        r"return a minisgl\.nn\.Network, but returned a list",
    ),
}


@pytest.mark.parametrize(("code", "name", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_a_network_is_refused(code: str, name: str, sentence: str, folder: Path) -> None:
    (folder / "mine_net.py").write_text(code)
    try:
        with pytest.raises(MinisglError, match=sentence):
            own.builder(name)(np.random.default_rng(0))
    finally:
        sys.modules.pop("mine_net", None)


def test_what_is_not_an_experiment_is_refused(folder: Path) -> None:
    with pytest.raises(MinisglError, match=r"squares:draw must be a minisgl\.experiments\.Experiment, but is a function"):
        experiments.find("squares:draw")
    with pytest.raises(MinisglError, match="--experiment squares:CIRCLES cannot be imported: AttributeError"):
        experiments.find("squares:CIRCLES")
    with pytest.raises(MinisglError, match="there is no --preset paper: squares:SQUARES has quick"):
        minisgl.preset("paper", "squares:SQUARES")
    assert str(folder) not in sys.path


Draw = Callable[[Network, object], object]


def test_figures_of_its_own_are_drawn_last_and_one_that_fails_is_a_warning(folder: Path, monkeypatch, capfd) -> None:
    monkeypatch.syspath_prepend(folder)
    import squares  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    seen = []

    def fine(network: Network, test: object) -> Figure:
        seen.append(((folder / "run" / "report.json").exists(), len(test)))
        return Figure()

    def broken(network: Network, test: object) -> Figure:
        raise RuntimeError("no ink")

    squares.DRAWN = Experiment(
        "drawn", squares.build, squares.load, figures={"broken.png": broken, "fine.png": fine, "no/folder.png": fine}
    )
    with pytest.warns(MinisglWarning) as warned:
        run = minisgl.fit(minisgl.preset(experiment="squares:DRAWN", epochs=1, out="run"))
    assert seen == [(True, 300)] * 2
    assert {path.name for path in (run.path / "figures").iterdir()} == {
        "conv_filters.png",
        "fc_zeros.png",
        "fine.png",
        "loss_and_error.png",
        "sparsity.png",
    }
    assert capfd.readouterr() == ("", "")
    first, second = (str(warning.message) for warning in warned)
    assert first == "figures/broken.png could not be drawn: RuntimeError: no ink"
    assert second.startswith(f"{run.path / 'figures' / 'no' / 'folder.png'} cannot be written: ")


def test_no_module_is_imported_because_a_report_names_it(folder: Path) -> None:
    run_module("minisgl.train", *commands("squares:SQUARES")["train"], "--epochs", 1, "--out", "run", cwd=folder)
    (folder / "evil.py").write_text("open('imported', 'w').close()")
    report = json.loads((folder / "run" / "report.json").read_text())
    (folder / "run" / "report.json").write_text(json.dumps({**report, "experiment": "evil:X"}))
    refused(run_module("minisgl.evaluate", "run", "a.png", cwd=folder), "with an experiment of your own: name it again")
    refused(run_module("minisgl.classify", "run", "a.png", cwd=folder), "is a run of evil:X")
    assert not (folder / "imported").exists()


def test_the_gentle_settings_are_those_of_any_experiment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    own, ours = (minisgl.preset(experiment=name, penalty="l1") for name in ("squares:SQUARES", "mnist-lenet5"))
    assert own.regime == replace(ours.regime, hold=0.0)  # LeNet-5's quick has fewer epochs, and holds its rate
    assert own.regime.beta_rise == 1
