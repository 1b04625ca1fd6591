"""Which runs `python -m minisgl.sweep` compares, each with its whole configuration."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.sweeps import run

from minisgl.comparison import grid, results
from minisgl.config import PaperConfig, changed
from minisgl.errors import MinisglError
from minisgl.experiments import preset
from minisgl.methods import METHODS
from minisgl.plots.sweep import COLOURS
from minisgl.sweep import SweepConfig


def test_the_grid_is_thirteen_runs_a_seed_all_held_out_alike(tmp_path):
    entries = grid.entries(grid.DEFAULT, grid.REGIMES, 3, epochs=12, holdout=5000, out=tmp_path, data=None)
    assert len(entries) == len({entry.name for entry in entries}) == 39
    assert [entry.seed for entry in entries] == sorted(entry.seed for entry in entries)
    for entry in entries:
        if entry.regime == "preset":
            chosen = {"seed": entry.seed, "holdout": 5000, "threads": 1, "out": tmp_path / entry.name}
            assert entry.config == changed(preset(entry.method), chosen)
            continue
        config = entry.config
        assert (config.epochs, config.data.holdout, config.threads, config.seed) == (12, 5000, 1, entry.seed)
        assert config.out == tmp_path / entry.name
        assert config.refit.refit == (2 if entry.regime == "continuation" else 0)
        assert isinstance(config.regime, PaperConfig) == (entry.regime == "paper")
        assert config.penalty.penalty == ("none" if entry.method == "magnitude" else entry.method)


@pytest.mark.parametrize(
    ("epochs", "drops", "every"),
    [(200, (40, 80, 120, 160), 40), (12, (2, 5, 7, 10), 2), (15, (3, 6, 9, 12), 3), (2, (1, 2, 3, 4), 1)],
)
def test_the_papers_schedule_is_scaled(epochs, drops, every):
    assert grid.scaled(epochs) == {"epochs": epochs, "lr_drops": drops, "beta_every": every}
    if epochs == 200:
        paper = preset("paper").regime
        assert (paper.lr_drops, paper.beta_every) == (drops, every)


def test_with_a_sparsity_every_method_gets_as_many_zeros(tmp_path):
    common = {"epochs": 8, "holdout": 1, "out": tmp_path, "data": None}
    entries = grid.entries(grid.METHODS, grid.REGIMES, 1, experiment="cifar10", **common)
    continued = {entry.method: entry.config for entry in entries if entry.regime == "continuation"}
    of_a_sparsity = grid.RIVALS.keys() - {"dense-small"}
    assert set(continued) == {"l0", "tl1", "l1-l2", "l1", "group-lasso", "magnitude", *of_a_sparsity}
    for method in of_a_sparsity:
        config = continued.pop(method)
        assert (grid.RIVALS[method]["method"], config.method.method, config.regime.sparsity, config.refit.refit) == (
            config.method.method,
            method.removesuffix("-units"),
            0.9,
            1,
        )
        assert config.penalty.sparse_layers == ("conv4", "block2.conv?")
    for method, config in continued.items():
        assert (config.regime.threshold, config.regime.sparsity, config.refit.refit) == ((), 0.9, 1)
        pruned = method in ("group-lasso", "magnitude")
        assert (config.refit.prune, config.refit.prune_layers) == ((0.9, "sparse") if pruned else (0.0, "all"))
        assert config.penalty.sparse_layers == ("conv4", "block2.conv?")
        assert config.regime.beta_rise == (1 if method in ("l1", "tl1", "l1-l2") else 200)
    assert continued["group-lasso"].penalty.group_layers == "sparse"
    assert continued["group-lasso"].penalty.group_lam == 3e-5
    assert not any(entry.zeros_from for entry in entries)
    alone = grid.entries(["magnitude"], ["continuation"], 1, experiment="cifar10", **common)
    assert [entry.name for entry in alone] == ["magnitude-continuation-0"]


def test_magnitude_brings_the_runs_whose_number_of_zeros_it_needs(tmp_path):
    entries = grid.entries(["magnitude"], grid.REGIMES, 2, epochs=6, holdout=1, out=tmp_path, data=None)
    assert [entry.name for entry in entries] == [f"{m}-continuation-{s}" for s in (0, 1) for m in ("l0", "magnitude")]
    assert [entry.zeros_from for entry in entries] == [None, "l0-continuation-0", None, "l0-continuation-1"]


@pytest.mark.parametrize("method", grid.RIVALS)
def test_a_rival_gets_as_many_zeros_or_flops_as_l0_with_its_seed(method, tmp_path):
    entries = grid.entries([method], grid.REGIMES, 2, epochs=6, holdout=1, out=tmp_path, data=None)
    assert [entry.name for entry in entries] == [f"{m}-continuation-{s}" for s in (0, 1) for m in ("l0", method)]
    rival = entries[3]
    assert (rival.zeros_from, rival.config.method.method) == ("l0-continuation-1", grid.RIVALS[method]["method"])
    known = grid.with_zeros(rival, 98.5, 70_000)
    set_to = {"flops": 70_000} if method == "dense-small" else {"sparsity": 0.985}
    assert (known.zeros_from, known.config) == (None, changed(rival.config, set_to))
    grid.require_same(grid.recorded(known.config), rival, tmp_path)
    with pytest.raises(MinisglError, match=r"sparsity is 0\.985 there, 0\.9 here|flops is 70000 there, 60000 here"):
        grid.require_same(grid.recorded(known.config), grid.with_zeros(rival, 90, 60_000), tmp_path)


def test_the_sweep_knows_every_method():
    known = {options["method"] for options in grid.RIVALS.values()}
    assert known | {"splitting", "one-shot"} == set(METHODS)  # magnitude is one-shot
    assert set(grid.METHODS) == set(COLOURS)


def test_committed_results_of_the_first_version_are_the_same_grid(tmp_path):
    committed = results.read(Path(__file__).parents[2] / "docs" / "results.jsonl")
    found = {result.name: result.config for result in committed}
    entries = grid.entries(grid.DEFAULT, grid.REGIMES, 3, epochs=10, holdout=5000, out=tmp_path, data=None)
    for entry in entries:
        zeros = 100 * found[entry.name]["prune"]
        grid.require_same(found[entry.name], grid.with_zeros(entry, zeros) if entry.zeros_from else entry, tmp_path)
    with pytest.raises(MinisglError, match=r"lr is .* there, 1\.0 here"):
        grid.require_same(found[entry.name], replace(entry, config=changed(entry.config, {"lr": 1.0})), tmp_path)
    drawn = SweepConfig(draw=Path(__file__).parents[2] / "docs" / "results.jsonl", out=tmp_path / "drawn")
    assert run(drawn)[0] == 0
