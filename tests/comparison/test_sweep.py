"""`python -m minisgl.sweep`: what it makes and finds made, what it refuses, and the same on a local Dask cluster."""

import errno
import json
import os
import shutil
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support.commands import refused, run_module
from support.sweeps import run

import minisgl
from minisgl import run as train_run
from minisgl import sweep
from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.comparison import engines, grid, results
from minisgl.errors import Interrupted, MinisglError
from minisgl.formats import network_file
from minisgl.sweep import SweepConfig
from minisgl.training.directory import RunDirectory

NAMES = ["l0-continuation-0", "l0-paper-0", "magnitude-continuation-0"]


@pytest.fixture(scope="module")
def small_grid(tiny: Path) -> SweepConfig:
    """l0 in both regimes and magnitude pruning, one seed, two epochs on 200 digits, one run at a time."""
    return SweepConfig(methods=("l0", "magnitude"), seeds=1, epochs=2, holdout=200, data=tiny, jobs=1)


@pytest.fixture(scope="module")
def made(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Its directory after the command, with two processes, and what the command printed."""
    folder = tmp_path_factory.mktemp("made")
    options = ["--methods", "l0", "magnitude", "--seeds", 1, "--epochs", 2, "--holdout", 200, "--data", tiny, "--jobs", 2]
    done = run_module("minisgl.sweep", *options, "--out", "grid", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "grid", done.stdout


@pytest.fixture
def copied(made: tuple[Path, str], small_grid: SweepConfig, tmp_path: Path) -> SweepConfig:
    """The grid in a copy of its directory, which a test may damage; results.jsonl is not in it."""
    out = Path(shutil.copytree(made[0], tmp_path / "grid"))
    (out / "results.jsonl").unlink()
    return replace(small_grid, out=out)


def lines(path: Path) -> list[dict]:
    """The results in a file, without what no two runs share."""
    return [{k: v for k, v in asdict(result).items() if k != "seconds"} for result in results.read(path)]


def unfinish(path: Path) -> None:
    """Make a finished run one that was killed in its last epoch."""
    for name in ("report.json", "model.safetensors"):
        (path / name).unlink()
    max((path / "checkpoint").glob("*.safetensors")).unlink()


# ---- what comes out


def test_a_rival_has_exactly_as_many_weights_as_l0(copied):
    both = replace(copied, methods=("l0", "agp"), regimes=("continuation",))
    assert run(both)[0] == 0
    l0, agp = results.read(copied.out / "results.jsonl")
    assert (l0.method, agp.method, agp.weights_left) == ("l0", "agp", l0.weights_left)
    assert agp.config["method"] == "agp"


def test_a_line_a_run_and_a_table(made):
    out, printed = made
    shown = printed.splitlines()
    assert [shown[i].split()[0] for i in range(3)] == ["1/3", "2/3", "3/3"]
    assert "magnitude continuation seed 0" in shown[2]  # after the run it follows
    assert all("% held-out error" in line and "K FLOPs" in line for line in shown[:3])
    assert "its 200 epochs scaled to 2" in printed
    assert max(map(len, shown[3:-1])) <= 100
    assert {path.name for path in out.iterdir()} == {*NAMES, "results.jsonl", "table.md", "pareto.png"}


def test_the_results_are_true(made):
    found = results.read(made[0] / "results.jsonl")
    assert [result.name for result in found] == NAMES
    for result in found:
        network, report = minisgl.load(made[0] / result.name)
        saved = report[report["final"]]
        history = [json.loads(line) for line in (made[0] / result.name / "history.jsonl").read_text().splitlines()]
        assert (history[-1]["epoch"], history[-1]["measured_on"]) == (2, "held-out")
        assert result.heldout_error == history[-1][report["final"]]["error"]
        assert (result.test_error, result.zeros) == (saved["test_error"], saved["weight_sparsity"])
        assert result.zeros == pytest.approx(100 * (1 - result.weights_left / 430_500))
        smaller = compact(network)
        cost = footprint.measure(smaller, network_file.as_bytes(smaller))
        assert (result.flops, result.units, result.seconds) == (cost.flops, cost.units, report["seconds"])
        config = json.loads((made[0] / result.name / "config.json").read_text())
        settings = {key: value for key, value in config.items() if key not in (*grid.NOT_RECORDED, "version")}
        assert result.config == {**settings, "data": Path(settings["data"]).name}


def test_magnitude_pruning_gets_the_number_of_zeros_of_its_twin(made):
    twin, _, magnitude = results.read(made[0] / "results.jsonl")
    assert twin.zeros > 50
    assert magnitude.config["prune"] == twin.zeros / 100
    assert json.loads((made[0] / magnitude.name / "config.json").read_text())["prune"] == twin.zeros / 100


# ---- what is made already


def test_what_is_finished_is_not_made_again(made, small_grid, monkeypatch):
    monkeypatch.setattr(results, "make", None)
    before = (made[0] / "results.jsonl").read_bytes()
    failed, printed = run(replace(small_grid, out=made[0]))
    assert failed == 0
    assert printed.startswith("3 of 3 runs are in ")
    assert (made[0] / "results.jsonl").read_bytes() == before


def test_what_was_interrupted_goes_on(made, copied, monkeypatch):
    unfinish(copied.out / "l0-paper-0")
    monkeypatch.delattr(train_run, "train")  # nothing begins anew
    assert run(copied)[0] == 0
    assert lines(copied.out / "results.jsonl") == lines(made[0] / "results.jsonl")


def test_a_run_that_was_killed_before_it_wrote_its_configuration_is_trained_again(copied, monkeypatch):
    path = copied.out / "l0-paper-0"
    shutil.rmtree(path)
    (path / "checkpoint").mkdir(parents=True)
    (path / ".config.json.77.tmp").write_text("{")
    begun = []

    def begin(config, console):
        begun.append((config.out, path.exists()))
        raise MinisglError("not trained")

    monkeypatch.setattr(train_run, "train", begin)
    run(copied)
    assert begun == [(path, False)]


def test_other_runs_of_the_same_names_are_refused(made, copied, small_grid):
    words = "holds another l0-continuation-0: epochs is 2 there, 3 here; name another directory"
    with pytest.raises(MinisglError, match=words):
        run(replace(copied, epochs=3))  # its directories say so
    with pytest.raises(MinisglError, match=words):
        run(replace(small_grid, out=made[0], epochs=3))  # and so does results.jsonl


def test_results_are_shared_by_machines_that_have_the_data_elsewhere(made, small_grid, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "make", None)  # nothing is trained
    (tmp_path / "here").mkdir()
    shutil.copytree(tiny, there := tmp_path / "here" / tiny.name)
    (tmp_path / "grid").mkdir()
    shutil.copy(made[0] / "results.jsonl", tmp_path / "grid")
    assert str(tiny) not in (tmp_path / "grid" / "results.jsonl").read_text()
    assert run(replace(small_grid, data=there, out=tmp_path / "grid"))[0] == 0
    there.rename(other := tmp_path / "other-digits")
    with pytest.raises(MinisglError, match=f"data is {tiny.name} there, other-digits here"):
        run(replace(small_grid, data=other, out=tmp_path / "grid"))


def test_one_that_fails_does_not_stop_the_others(copied, tiny, monkeypatch, capsys):
    unfinish(copied.out / NAMES[0])
    for checkpoint in (copied.out / NAMES[0] / "checkpoint").iterdir():
        checkpoint.write_bytes(b"no checkpoint")
    options = ["--methods", "l0", "magnitude", "--seeds", 1, "--epochs", 2, "--holdout", 200, "--data", tiny, "--jobs", 1]
    monkeypatch.setattr(sys, "argv", ["sweep", *map(str, options), "--out", str(copied.out)])
    with pytest.raises(SystemExit) as ended:
        sweep.main()
    printed, complaint = capsys.readouterr()
    assert (ended.value.code, complaint) == (1, "minisgl: 2 of the runs failed; the same command tries them again\n")
    broken, fine, twinless = printed.splitlines()[:3]
    assert broken.startswith("1/3  l0 continuation seed 0")
    assert "failed: " in broken
    assert "is not a safetensors file" in broken
    assert fine.startswith("2/3  l0 paper seed 0")
    assert "held-out error" in fine
    assert twinless.startswith("3/3  magnitude continuation seed 0")
    assert "failed: it needs the number of zeros of l0-continuation-0, which" in twinless
    assert [line["method"] for line in lines(copied.out / "results.jsonl")] == ["l0"]


def test_an_error_of_the_system_in_one_run_does_not_stop_the_others(copied, monkeypatch):
    def fail(config, console):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(config.out))

    shutil.rmtree(path := copied.out / "l0-paper-0")
    monkeypatch.setattr(train_run, "train", fail)
    failed, printed = run(copied)
    assert failed == 1
    assert f"failed: Too many open files: {str(path)!r}" in " ".join(printed.split())
    assert len(lines(copied.out / "results.jsonl")) == 2


def test_two_sweeps_do_not_share_a_directory(copied):
    with RunDirectory(copied.out).locked(), pytest.raises(MinisglError, match="in use by another process"):
        run(copied)


def test_ctrl_c_says_how_to_go_on(copied, monkeypatch):
    def interrupted(function, entries):
        yield function(entries[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(engines, "processes", lambda jobs: nullcontext(interrupted))
    with pytest.raises(Interrupted, match="after 1 of 3 runs; the same command continues"):
        run(copied)
    assert len(lines(copied.out / "results.jsonl")) == 1


# ---- who makes them


def test_the_same_grid_on_a_dask_cluster(made, small_grid, tmp_path):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(host="127.0.0.1", **options) as cluster:
        config = replace(
            small_grid, out=tmp_path / "grid", engine="dask", scheduler=cluster.scheduler_address, jobs=SweepConfig.jobs
        )
        assert run(config)[0] == 0
    assert lines(tmp_path / "grid" / "results.jsonl") == lines(made[0] / "results.jsonl")


def test_a_scheduler_that_is_not_there(small_grid, tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "SCHEDULER_TIMEOUT", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(MinisglError, match=f"no Dask scheduler at {address}"):
            run(replace(small_grid, out=tmp_path / "grid", engine="dask", scheduler=address, jobs=SweepConfig.jobs))
    assert not (tmp_path / "grid").exists()


def test_a_process_that_is_killed():
    with pytest.raises(MinisglError, match="a process was killed"), engines.processes(2) as outcomes:
        list(outcomes(os._exit, [1, 1]))


def test_without_joblib_it_says_what_to_install(small_grid, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    words = r'joblib is not installed, and --engine dask needs it: pip install -e "\.\[sweep\]"'
    with pytest.raises(MinisglError, match=words):
        run(replace(small_grid, out=tmp_path / "grid", engine="dask", scheduler="tcp://127.0.0.1:9", jobs=SweepConfig.jobs))
    assert not (tmp_path / "grid").exists()


# ---- what is wrong


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 0}, "--seeds must be .* >= 1, but is 0"),
        ({"epochs": 1}, "--epochs must be .* >= 2, but is 1"),
        ({"jobs": 0}, "--jobs must be .* >= 1, but is 0"),
        ({"holdout": 0}, "--holdout must be .* >= 1, but is 0"),
        ({"methods": ("magnitude",), "regimes": ("paper",)}, "no run of magnitude in paper"),
        ({"methods": ()}, "there is no run"),
        ({"engine": "dask"}, "--engine dask and --scheduler"),
        ({"scheduler": "tcp://127.0.0.1:9"}, "--engine dask and --scheduler"),
        ({"data": Path("nowhere")}, "nowhere has no file"),
        ({"engine": "dask", "scheduler": "tcp://127.0.0.1:9", "jobs": 4}, "--jobs 4 is for processes on this machine"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(changes, words, small_grid, tmp_path):
    with pytest.raises(MinisglError, match=words):
        run(replace(small_grid, out=tmp_path / "grid", **changes))
    assert not (tmp_path / "grid").exists()


def test_the_command_refuses(command, tmp_path):
    refused(command("minisgl.sweep", "--epochs", 1), "--epochs")
    assert list(tmp_path.iterdir()) == []
