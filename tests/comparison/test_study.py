"""The study of the rivals: the same zeros, images, epochs and number of settings for every method."""

from pathlib import Path

import pytest
from support.sweeps import run

from minisgl.comparison import results, study
from minisgl.comparison.grid import Entry
from minisgl.comparison.study import CHOSEN, STUDIES, TRIALS
from minisgl.config import as_flags
from minisgl.errors import MinisglError
from minisgl.sweep import SweepConfig


def planned(name: str, methods: tuple[str, ...], out: Path) -> dict:
    return {entry.name: entry.config for entry in entries(name, methods, out)}


def entries(name: str, methods: tuple[str, ...], out: Path) -> tuple[Entry, ...]:
    return study.entries(name, methods, holdout=5000, out=out, data=None)


def test_every_method_has_as_many_settings_and_all_differ():
    assert {len(settings) for settings in TRIALS.values()} == {6}
    for settings in TRIALS.values():
        assert all(settings.count(each) == 1 for each in settings)


def test_the_trials_of_all_methods_are_alike_but_for_their_settings(tmp_path):
    configs = planned("trials", tuple(TRIALS), tmp_path)
    assert len(configs) == len(TRIALS) * 6 * 2
    start = as_flags(configs["l0-trial-1-0"])
    for name, config in configs.items():
        method, _, rest = name.rpartition("-trial-")
        place, seed = map(int, rest.split("-"))
        options = TRIALS[method][place - 1]
        assert (config.epochs, config.refit.refit, config.data.holdout, config.seed) == (10, 2, 5000, seed)
        assert config.sparsity == (None if method == "dense-small" else 0.984)
        assert as_flags(config).items() >= options.items()
        for shared in {"lr", "batch_size", "shift", "weight_decay", "hold", "optimizer", "refit_lr"} - options.keys():
            assert as_flags(config)[shared] == start[shared]
        assert (config.refit.prune > 0) == (method in ("magnitude", "group-lasso"))


def test_the_other_studies_take_the_chosen_settings(tmp_path, monkeypatch):
    monkeypatch.setitem(CHOSEN, "agp", 5)
    configs = planned("zeros", ("agp",), tmp_path)
    assert len(configs) == 30
    assert [configs[f"agp-zeros-{share}-9"].sparsity for share in ("95", "98.4", "99.5")] == [0.95, 0.984, 0.995]
    assert {config.regime.hold for config in configs.values()} == {0.5}
    configs = planned("long", ("agp",), tmp_path)
    assert [(config.epochs, config.refit.refit, config.sparsity) for config in configs.values()] == [(100, 20, 0.984)] * 3


def test_what_is_not_in_a_study_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "CHOSEN", {})
    with pytest.raises(MinisglError, match=r"--study long compares .*, and not random"):
        planned("long", ("random",), tmp_path)
    with pytest.raises(MinisglError, match="--study zeros needs the settings that --study trials is to find for l0"):
        planned("zeros", ("l0",), tmp_path)
    with pytest.raises(MinisglError, match="--study zeros has its own regimes, seeds, epochs"):
        run(SweepConfig(study="zeros", out=tmp_path / "out", seeds=2, epochs=3, regimes=("paper",)))
    monkeypatch.setattr(study, "CHOSEN", dict.fromkeys(TRIALS, 1))
    with pytest.raises(MinisglError, match="--study zeros with dense-small needs l0 too, whose FLOPs it gets"):
        planned("zeros", ("dense-small",), tmp_path)
    dense = [entry for entry in entries("zeros", ("l0", "dense-small"), tmp_path) if entry.method == "dense-small"]
    assert dense[4].zeros_from == "l0-zeros-98.4-1"
    assert {name for name in STUDIES if study.methods(name)} == set(STUDIES)


@pytest.mark.parametrize("method", ["l0", "magnitude", "agp"])
def test_a_short_trial_has_exactly_its_zeros_and_is_drawn(method, tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(TRIALS, method, ({"epochs": 2, "refit": 1},))
    monkeypatch.setitem(study.SEEDS, "trials", 1)
    sweep = SweepConfig(methods=(method,), study="trials", holdout=200, data=tiny, jobs=1, out=tmp_path / "out")
    failed, printed = run(sweep)
    assert failed == 0
    assert "98.4 % of the weights of all layers are zero" in printed
    (result,) = results.read(tmp_path / "out" / "results.jsonl")
    assert (result.name, result.weights_left) == (f"{method}-trial-1-0", 430_500 - 423_612)
    assert len(result.wrong) == round(result.test_error)  # of 100 test images
    assert (tmp_path / "out" / "errors.png").is_file()
