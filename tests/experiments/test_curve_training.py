"""The shaky-curve experiment: its network's gradient, its training, its run directory, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from independent import evaluate as independently
from rich.console import Console
from support.commands import parsed

import minisgl
from minisgl import evaluate, experiments, train
from minisgl import run as runs
from minisgl.data import curves
from minisgl.errors import MinisglError
from minisgl.experiments import EXPERIMENTS, preset
from minisgl.formats import files
from minisgl.models import curve_net
from minisgl.nn import softmax_cross_entropy
from minisgl.nn.gradcheck import numeric_gradient, relative_error, require_smooth
from minisgl.training.directory import RunDirectory
from minisgl.training.loop import Training
from minisgl.training.report import final_network
from minisgl.training.setup import make_schedule, make_splitting
from minisgl.training.shards import running_shards

CURVES = ("--experiment", "shaky-curves")
LAYERS = ["conv1", "conv2", "conv3", "fc"]


def test_fc_holds_most_of_the_weights() -> None:
    network = curve_net(np.random.default_rng(0))
    assert list(network.layout.weights) == LAYERS
    assert network.input_shape == (1, *curves.SIZE)
    assert network.layers["fc"].weight.shape == (2, 3584)
    assert 2 * network.layers["fc"].weight.size > network.weights.size == 13_328
    assert network.flat.size == 13_418


def test_the_gradient_of_the_whole_network_is_that_of_differences() -> None:
    network = curve_net(np.random.default_rng(0), np.float64, channels=(2, 3, 4), size=(26, 28))
    images = next(image for seed in range(100) if (image := smooth(network, seed)) is not None)
    labels = np.array([1, 0])
    logits, tape = network.forward(images)
    gradient, _ = network.backward(softmax_cross_entropy(logits, labels)[1], tape)

    def loss(flat: np.ndarray) -> float:
        return float(softmax_cross_entropy(network.with_flat(flat).forward(images)[0], labels)[0])

    assert relative_error(numeric_gradient(loss, network.flat), gradient) <= 1e-7


def smooth(network, seed: int) -> np.ndarray | None:
    """Two Gaussian images that stay away from the network's kinks, if those of this seed do."""
    images = np.random.default_rng(seed).standard_normal((2, *network.input_shape))
    try:
        require_smooth(network, images)
    except ValueError:
        return None
    return images


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> experiments.Data:
    """4,000 pictures to learn from, and 400 of each other set."""
    return experiments.Data(*curves.load(counts=(4000, 400, 400), cache=tmp_path_factory.mktemp("pictures")))


# for a few hundred steps: fc has no time to grow beyond the threshold of a whole run
SHORT = preset("quick", "shaky-curves", lr=4e-3, batch_size=16, threshold=0.02, threads=1)


@pytest.mark.slow
def test_a_short_training_classifies_words_it_has_never_seen(pictures: experiments.Data, tmp_path: Path) -> None:
    config = replace(SHORT, epochs=4)
    splitting = make_splitting(config, curve_net(np.random.default_rng(0)))
    training = Training(config, splitting, pictures.train, pictures.validation)
    run = RunDirectory.create(tmp_path / "run", "")
    with running_shards(config.shards, config.threads) as shards:
        training.run(shards, run, lambda tick: None, lambda record: None)
        v = splitting.reported("v")
        assert shards.error(v, pictures.test.images, pictures.test.labels) < 10
    assert (v.layers["fc"].weight == 0).mean() > 0.5
    assert all((v.layers[name].weight != 0).all() for name in LAYERS[:3])
    record = run.read_history()[-1]
    assert record["measured_on"] == "validation"
    assert record["v"]["error"] < 10


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command draws 200, 50 and 60 pictures, and keeps them and its runs in the test's own folder."""
    monkeypatch.setattr(curves, "COUNTS", (200, 50, 60))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(*words: object) -> tuple[Path, dict]:
    """A run of the command in this process: its directory and report."""
    config = parsed([*CURVES, "--threads", 1, "--epochs", 1, *words])
    path = runs.train(config, Console(quiet=True)).path
    return path, json.loads((path / "report.json").read_text())


@pytest.mark.parametrize("penalty", ["l0", "tl1", "l1", "l1-l2", "none"])
def test_the_command_trains_and_saves_v(penalty: str, small: Path) -> None:
    path, report = trained("--penalty", penalty)
    assert path == Path(f"runs/shaky-curves-{penalty}-1")
    assert (report["experiment"], report["final"]) == ("shaky-curves", "w" if penalty == "none" else "v")
    assert {name: layer["weights"] for name, layer in report["v"]["layers"].items()} == dict(
        zip(LAYERS, (400, 1152, 4608, 7168), strict=True)
    )
    assert sorted(figure.name for figure in (path / "figures").iterdir()) == [
        "conv1_filters.png",
        "fc_zeros.png",
        "loss_and_error.png",
        "sparsity.png",
    ]


def test_an_independent_evaluator_finds_the_reported_error_and_zeros(small: Path) -> None:
    path, report = trained("--threshold", "0.01")
    (pictures,) = (small / "cache" / "minisgl").glob("curves-*.safetensors")
    error, zeros, weights = independently(path, pictures)
    layers = report["v"]["layers"].values()
    assert (error, weights) == (pytest.approx(report["v"]["test_error"], abs=1e-9), 13_328)
    assert zeros == sum(layer["zero_weights"] for layer in layers) > 0


def test_the_relaxed_regime_keeps_v_too(small: Path) -> None:
    path, report = trained("--preset", "paper")
    assert report["final"] == "v"
    config = json.loads((path / "config.json").read_text())
    assert (config["threshold"], config["group_lam"], config["beta_growth"]) == (None, 0, 1)
    network = curve_net(np.random.default_rng(0))
    digits = preset("paper")
    assert final_network(digits, make_splitting(digits, EXPERIMENTS["mnist-lenet5"].network(np.random.default_rng(0)))) == "w"
    ours = preset("paper", "shaky-curves", "none")
    assert final_network(ours, make_splitting(ours, network)) == "w"


def test_a_saved_run_is_loaded_and_evaluated(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, report = trained("--sparse-layers", "conv3", "fc", "--threshold", 0.03, 0.01)
    network, loaded = minisgl.load(path)
    assert loaded == report
    for name, layer in report["v"]["layers"].items():
        assert (network.layers[name].weight == 0).sum() == layer["zero_weights"]
        assert (layer["zero_weights"] > 0) == (name in ("conv3", "fc"))
    test = curves.load(counts=curves.COUNTS)[2]
    wrong = (network.forward(test.images)[0].argmax(axis=1) != test.labels).mean()
    assert 100 * wrong == pytest.approx(report["v"]["test_error"])
    evaluate.evaluate(evaluate.EvaluateConfig(path))
    assert f"{report['v']['test_error']:.2f} % error" in capsys.readouterr().out
    with pytest.raises(
        MinisglError, match=r"--data is for mnist-lenet5, mnist-cnn4, cifar10 and cifar100, and .* is a run of shaky-curves"
    ):
        evaluate.evaluate(evaluate.EvaluateConfig(path, data=small))
    with pytest.raises(MinisglError, match="pictures are for mnist-lenet5, mnist-cnn4, cifar10 and cifar100, and"):
        evaluate.evaluate(evaluate.EvaluateConfig(path, images=(small / "seven.png",)))


def test_the_same_seed_gives_the_same_bytes(small: Path) -> None:
    one, other, third = (trained("--out", name, "--seed", seed)[0] for name, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert (one / "model.safetensors").read_bytes() != (third / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "somewhere"], "--data and --holdout are not for shaky-curves"),
        (["--holdout", "100"], "--data and --holdout are not for shaky-curves"),
        (["--sparse-layers", "fc", "fc1"], "--sparse-layers names fc1; the layers are conv1, conv2, conv3, fc"),
        (["--threshold", "0.1", "0.2"], "--threshold has 2 numbers; give one, or 1, one for each of fc"),
        (["--batch-size", "201"], "--batch-size 201 is larger than the training set of 200 images"),
    ],
)
def test_what_cannot_be(options: list[str], sentence: str, small: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["minisgl.train", *CURVES, *options])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not (small / "runs").exists()


def test_a_report_of_no_known_experiment_is_refused(small: Path) -> None:
    path, report = trained()
    (path / "report.json").write_text(json.dumps({**report, "experiment": "cifar"}))
    assert minisgl.load(path)[1]["experiment"] == "cifar"  # the network's file needs none
    (path / "report.json").write_text(json.dumps({**report, "experiment": 3}))
    with pytest.raises(MinisglError, match="experiment must be text, but is 3"):
        minisgl.load(path)
    network = minisgl.load(path / "model.safetensors")[0]
    arrays = {slot.name: slot.view(network.flat) for slot in network.layout.slots}
    files.write_arrays(path / "model.safetensors", arrays, {})  # as minisgl 0.1 wrote it
    (path / "report.json").write_text(json.dumps({**report, "experiment": "cifar"}))
    with pytest.raises(MinisglError, match="mnist-lenet5, mnist-cnn4, cifar10, cifar100 or shaky-curves, but has cifar"):
        minisgl.load(path)
    (path / "report.json").write_text(json.dumps(report))
    assert minisgl.load(path)[0].flat.tobytes() == network.flat.tobytes()


def test_only_fc_is_thresholded_by_default() -> None:
    config = preset("quick", "shaky-curves")
    network = curve_net(np.random.default_rng(0))
    splitting = make_splitting(config, network)
    assert set(make_schedule(config, LAYERS).at(0, 1, 10).thresholds) == {"fc"}
    splitting.v_step(config.regime.beta, {"fc": 1.0})
    v = splitting.reported("v")
    assert not v.layers["fc"].weight.any()
    assert all((v.layers[name].weight == network.layers[name].weight).all() for name in LAYERS[:3])
    assert config.penalty.group_weight == 0
