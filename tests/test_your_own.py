"""A user's own network and experiment: docs/your-own-network.md as it is written, and what is refused."""

import importlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import parsed, run_module
from killing import without_times
from test_bad_input import refused

import minisgl
from minisgl import experiments
from minisgl.errors import MinisglError
from minisgl.experiments import Data, Experiment, own
from minisgl.experiments.arrays import as_data
from minisgl.nn import Flatten, Linear, Network

PAGE = (Path(__file__).parent.parent / "docs" / "your-own-network.md").read_text("utf-8")
MLP, SQUARES, PYTHON, PRELU, DIFFERENCES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [line.partition("#")[0].split() for line in PAGE.splitlines() if line.startswith("python -m ")]


def commands(word: str) -> dict[str, list[str]]:
    """The page's commands with this word in them: what follows the module's name, by "train", "resume", "evaluate", ..."""
    found = {}
    for _, _, module, *words in COMMANDS:
        if word in words:
            found["resume" if "--resume" in words else module.removeprefix("minisgl.")] = words
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the page's two files, in which the test works."""
    (tmp_path / "mlp.py").write_text(MLP)
    (tmp_path / "squares.py").write_text(SQUARES)
    (tmp_path / "prelu.py").write_text(PRELU)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("mlp", "squares", "prelu"):
        sys.modules.pop(name, None)


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
    [("mlp:build", ["--checkpoint-every", 2, "--data"]), ("squares:SQUARES", ["--checkpoint-every", 2, "--epochs", 20])],
)
def test_the_pages_commands_train_are_killed_resume_evaluate_and_compress(
    word: str, more: list[object], folder: Path, small: Path
) -> None:
    if more[-1] == "--data":
        more = [*more, small]
    told = commands(word)
    run = folder / told["train"][told["train"].index("--out") + 1]
    killed_after_a_checkpoint([*told["train"], *more], run)
    done = run_module("minisgl.train", "--resume", run, cwd=folder)
    refused(done, f"{run} was trained with", "of your own: name it again with", word)
    assert run_module("minisgl.train", *told["resume"], cwd=folder).returncode == 0
    unbroken = run_module("minisgl.train", *told["train"], *more, "--out", "unbroken", cwd=folder)
    assert unbroken.returncode == 0, unbroken.stderr
    for name in ("model.safetensors", "history.jsonl", "report.json"):
        assert without_times(run / name) == without_times(folder / "unbroken" / name)
    done = run_module("minisgl.evaluate", *told["evaluate"], cwd=folder)
    error = json.loads((run / "report.json").read_text())["v"]["test_error"]
    assert f"{error:.2f} % error" in done.stdout, done.stderr
    pytest.importorskip("onnx")
    done = run_module("minisgl.compress", *told["compress"], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "FLOPs" in done.stdout


def test_the_pages_sweep_makes_its_runs_in_other_processes(folder: Path, small: Path) -> None:
    pytest.importorskip("joblib")
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
    refused(done, "act is a PReLU: compact does not know how a zero passes through it")


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
    "no colon": ("", "mine", "--network must be module:build, and is mine"),
    "no function": ("", "mine_net:build", "cannot be imported: AttributeError"),
    "syntax": ("def build(:", "mine_net:build", "cannot be imported: SyntaxError"),
    "it fails": ("def build(rng):\n    return 1 / 0", "mine_net:build", "fails in mine_net.py, line 2: ZeroDivisionError"),
    "no network": (
        "def build(rng):\n    return [rng]",
        "mine_net:build",
        r"return a minisgl\.nn\.Network, and returned a list",
    ),
}


@pytest.mark.parametrize(("code", "name", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_network_that_is_none(code: str, name: str, sentence: str, folder: Path) -> None:
    (folder / "mine_net.py").write_text(code)
    try:
        with pytest.raises(MinisglError, match=sentence):
            own.builder(name)(np.random.default_rng(0))
    finally:
        sys.modules.pop("mine_net", None)


def test_an_experiment_that_is_none(folder: Path) -> None:
    with pytest.raises(MinisglError, match=r"squares:draw must be a minisgl\.experiments\.Experiment, and is a function"):
        experiments.find("squares:draw")
    with pytest.raises(MinisglError, match="--experiment squares:CIRCLES cannot be imported: AttributeError"):
        experiments.find("squares:CIRCLES")
    with pytest.raises(MinisglError, match="there is no --preset paper: squares:SQUARES has quick"):
        minisgl.preset("paper", "squares:SQUARES")
    assert str(folder) not in sys.path


def network(outputs: int = 3) -> Network:
    layers = {"flatten": Flatten(), "fc": Linear(8, outputs)}
    return Network.initialized(layers, (2, 2, 2), np.random.default_rng(0))


IMAGES, LABELS = np.zeros((5, 2, 2, 2), np.float32), np.array([0, 1, 2, 0, 1])
GOOD = (IMAGES, LABELS)


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        ((IMAGES[:, 0], LABELS), r"mine: the training set has images \(5, 2, 2\) float32; they must be \(N, C, H, W\)"),
        ((IMAGES.astype(int), LABELS), r"images \(5, 2, 2, 2\) int64; they must be .*, uint8 or float32"),
        ((IMAGES, LABELS[:4]), r"labels \(4,\) int64; they must be \(5,\), a whole number for each image"),
        ((IMAGES, LABELS / 2), r"labels \(5,\) float64; they must be \(5,\), a whole number"),
        ((IMAGES[:0], LABELS[:0]), "the training set has no images"),
        ((IMAGES[:, :1], LABELS), r"images of 1 x 2 x 2 \(C x H x W\), and the network takes 2 x 2 x 2"),
        ((IMAGES, LABELS + 1), "labels from 1 to 3; the network has 3 outputs, 0 to 2"),
        ((IMAGES, LABELS - 1), "labels from -1 to 1"),
        ((IMAGES + np.nan, LABELS), "40 NaN or infinite numbers in its images"),
        (IMAGES, "the training set must be a pair of arrays, images and labels, and is a ndarray"),
    ],
)
def test_arrays_that_do_not_fit(train: object, sentence: str) -> None:
    with pytest.raises(MinisglError, match=sentence):
        as_data((train, GOOD), "mine", network())
    with pytest.raises(MinisglError, match=sentence.replace("training", "test")):
        as_data((GOOD, train), "mine", network())


def test_what_load_may_give() -> None:
    for found in ((GOOD, GOOD), Data(GOOD, None, GOOD), [GOOD, GOOD, GOOD]):
        data = as_data(found, "mine", network())
        assert data.train.images.dtype == np.float32
    assert data.validation is not None
    wide = as_data(((np.full((5, 2, 2, 2), 255, np.uint8), LABELS.astype(np.uint8)), GOOD), "mine", network()).train
    assert (wide.images.dtype, wide.labels.dtype, wide.images.max()) == (np.float32, np.int64, 1.0)
    with pytest.raises(MinisglError, match="mine: load must return training and test images, and returned a NoneType"):
        as_data(None, "mine", network())


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
    run = minisgl.fit(minisgl.preset(experiment="squares:DRAWN", epochs=1, out="run"))
    assert seen == [(True, 300)] * 2
    assert {path.name for path in (run.path / "figures").iterdir()} == {
        "conv_filters.png",
        "fc_zeros.png",
        "fine.png",
        "loss_and_error.png",
        "sparsity.png",
    }
    out, err = capfd.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first == "minisgl: figures/broken.png could not be drawn: RuntimeError: no ink"
    assert second.startswith("minisgl: no/folder.png could not be drawn: MinisglError: ")


TREE = """
import sys
sys.path.insert(0, {tests!r})
import numpy as np
from trees import layers
from minisgl.experiments import Data, Experiment
from minisgl.nn import Network


def load(directory):
    rng = np.random.default_rng(0)
    images, labels = rng.random((300, 2, 6, 6)).astype(np.float32), rng.integers(0, 3, 300)
    return Data((images[:100], labels[:100]), (images[100:200], labels[100:200]), (images[200:], labels[200:]))


def build(rng):
    return Network.initialized(layers(), (2, 6, 6), rng)


TREE = Experiment("tree", build, load)
"""


@pytest.fixture
def grown(folder: Path) -> Path:
    """The folder, with an experiment whose network branches and whose data have a validation set."""
    (folder / "grown.py").write_text(TREE.format(tests=str(Path(__file__).parent)))
    yield folder
    sys.modules.pop("grown", None)


def test_a_network_that_branches_trains_resumes_evaluates_and_sweeps(grown: Path) -> None:
    pytest.importorskip("joblib")
    own = ["--experiment", "grown:TREE"]
    done = run_module("minisgl.train", *own, "--epochs", 2, "--batch-size", 20, "--out", "run", cwd=grown)
    assert done.returncode == 0, done.stderr
    assert "FLOPs are not counted: branch is a Sum" in " ".join(done.stdout.split())
    assert json.loads((grown / "run" / "report.json").read_text())["v"]["flops"] is None
    done = run_module("minisgl.evaluate", "run", *own, cwd=grown)
    assert "% error" in done.stdout, done.stderr
    refused(run_module("minisgl.compress", "run", *own, cwd=grown), "branch is a Sum: this needs a network that is one chain")
    words = [*own, "--methods", "l0", "--regimes", "continuation", "--seeds", 1, "--epochs", 2, "--out", "runs/sweep"]
    done = run_module("minisgl.sweep", *words, cwd=grown)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (grown / "runs" / "sweep" / "results.jsonl").read_text().splitlines()
    assert (json.loads(line)["flops"], json.loads(line)["units"], json.loads(line)["config"]["holdout"]) == (None, None, 0)
    done = run_module("minisgl.sweep", "--draw", "runs/sweep/results.jsonl", "--out", "drawn", cwd=grown)
    assert done.returncode == 0, done.stderr
    assert "| - |" in (grown / "drawn" / "table.md").read_text()


def test_what_is_held_out_of_data_with_a_validation_set(grown: Path) -> None:
    done = run_module("minisgl.train", "--experiment", "grown:TREE", "--holdout", 10, cwd=grown)
    refused(done, "--holdout 10 is for data without a validation set; here it has 100 images")
    done = run_module("minisgl.sweep", "--experiment", "squares:SQUARES", "--holdout", 900, cwd=grown)
    refused(done, "--holdout 900 leaves nothing to train on: the training set has 900 images")


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
    assert own.regime == ours.regime
    assert own.regime.beta_rise == 1
