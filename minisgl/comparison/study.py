"""The study of splitting and its rivals on LeNet-5: all networks have the same zeros. `python -m minisgl.sweep --study NAME`

    trials    each method's six TRIALS at 98.4 % zeros, two seeds: settings are chosen by the error on held-out images
    zeros     each method as chosen, at 95, 98.4 and 99.5 % zeros, ten seeds
    long      six methods for 100 epochs at 98.4 % zeros, three seeds

All have the same network, images and batches, ten epochs (or 100) of which the last fifth is the refit, and as many settings
tried. hard-concrete and sparse-vd are pruned to the share of zeros when the refit begins, as group-lasso and magnitude are.
dense-small has no zeros: it has at most as many FLOPs as l0's compact network with the same seed, and in the trials as many as
that has about.

A trial is named by its place in the table. Its options are those of the command line, added to the preset quick's. `CHOSEN`
has the place of the best by mean held-out error over the two seeds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from minisgl import ranges
from minisgl.comparison.grid import REFIT, REGIMES, RIVALS, Entry, Method, dial
from minisgl.config import TrainConfig, changed
from minisgl.errors import MinisglError
from minisgl.experiments import preset

Study = Literal["trials", "zeros", "long"]
STUDIES: tuple[Study, ...] = get_args(Study)
SHARE = 0.984  # of zeros, in the trials and the long runs
SHARES = (0.95, SHARE, 0.995)
SEEDS: dict[Study, int] = {"trials": 2, "zeros": 10, "long": 3}
EPOCHS: dict[Study, int] = {"trials": 10, "zeros": 10, "long": 100}
LONG: tuple[Method, ...] = ("l0", "agp", "admm", "rigl", "hard-concrete", "sparse-vd")
FLOPS = 1_300_000  # of dense-small in the trials: l0 at 98.4 % zeros has 1.31 to 1.35 million (docs/results.md)

_REGROWING: tuple[dict[str, Any], ...] = (
    {},
    {"densities": "uniform"},
    {"regrow_share": 0.1},
    {"regrow_share": 0.5},
    {"regrow_every": 30},
    {"regrow_every": 300},
)
_GATES: tuple[dict[str, Any], ...] = tuple(
    {"lam": lam, "gate_lr": gate_lr} for gate_lr in (1.0, 5.0) for lam in (1e-6, 1e-5, 1e-4)
)
TRIALS: dict[Method, tuple[dict[str, Any], ...]] = {
    "l0": (
        {},
        {"group_lam": 0.0},
        {"group_lam": 1e-5},
        {"ramp": 0.75},
        {"hold": 0.5},
        {"beta": 0.1, "beta_rise": 200.0},
    ),
    "group-lasso": (
        {"group_lam": 1e-6},
        {"group_lam": 3e-6},
        {"group_lam": 1e-5},
        {"group_lam": 3e-5},
        {"group_lam": 1e-4},
        {"group_lam": 1e-5, "hold": 0.5},
    ),
    "magnitude": ({}, {"lr": 1e-3}, {"lr": 3e-3}, {"hold": 0.5}, {"refit_lr": 1e-3}, {"refit_lr": 4e-3}),
    "agp": ({}, {"ramp": 0.75}, {"ramp_from": 0.0}, {"sparsity_of": "layer"}, {"hold": 0.5}, {"ramp": 0.75, "hold": 0.5}),
    "random": (
        {},
        {"lr": 1e-3},
        {"lr": 4e-3},
        {"densities": "uniform"},
        {"densities": "uniform", "lr": 1e-3},
        {"densities": "uniform", "lr": 4e-3},
    ),
    "set": _REGROWING,
    "rigl": _REGROWING,
    "admm": (
        {},
        {"multiplier_every": 20},
        {"multiplier_every": 500},
        {"admm_step": "tl1"},
        {"ramp": 0.75},
        {"beta": 0.1, "beta_rise": 200.0},
    ),
    "cges": (
        {"exclusive_lam": 0.003},
        {"exclusive_lam": 0.01},
        {"exclusive_lam": 0.03},
        {"exclusive_lam": 0.1},
        {"exclusive_lam": 0.03, "group_lam": 0.003},
        {"exclusive_lam": 0.003, "group_lam": 0.03},
    ),
    "hard-concrete": _GATES,
    "hard-concrete-units": _GATES,
    "sparse-vd": (
        {"lam": 5e-6},
        {"lam": 1.7e-5},
        {"lam": 5e-5},
        {"lam": 5e-6, "ramp": 0.75},
        {"lam": 1.7e-5, "ramp": 0.75},
        {"lam": 5e-5, "ramp": 0.75},
    ),
    "dense-small": (
        {},
        {"lr": 1e-3},
        {"lr": 4e-3},
        {"hold": 0.5},
        {"weight_decay": 1e-5},
        {"weight_decay": 1e-4},
    ),
}
CHOSEN: dict[Method, int] = {}  # the places, from 1, in TRIALS


def regime(study: Study, number: float) -> str:
    """Return a run's regime as it is in its result: trial-3, zeros-98.4, long-98.4."""
    return f"{'trial' if study == 'trials' else study}-{number:g}"


def methods(study: Study) -> tuple[Method, ...]:
    """Return the methods of a study."""
    return LONG if study == "long" else tuple(TRIALS)


def regimes(study: Study) -> list[str]:
    """Return the regimes of a study."""
    numbers = {"trials": range(1, 1 + len(TRIALS["l0"])), "zeros": [100 * s for s in SHARES], "long": [100 * SHARE]}[study]
    return [regime(study, number) for number in numbers]


def all_regimes() -> list[str]:
    """Return the regimes of the grid and of the studies, in the order of their results."""
    return [*REGIMES, *(name for study in STUDIES for name in regimes(study))]


def configuration(method: Method, share: float, epochs: int, options: dict[str, Any]) -> TrainConfig:
    """Return a method's configuration that gives this share of zeros, with these options; without seed and data."""
    common = {"epochs": epochs, "refit": epochs // REFIT, **options}
    if method in RIVALS:
        given: dict[str, Any] = {dial(method): FLOPS if method == "dense-small" else share}
        return preset(**RIVALS[method], **given, **common)
    if method in ("magnitude", "group-lasso"):
        pruned = preset(penalty="none" if method == "magnitude" else method, prune=share, **common)
        return changed(pruned, {"threshold": (), "sparsity": share})  # so that the result says what all methods have in common
    return preset(penalty=method, sparsity=share, **common)


def entries(study: Study, chosen: Sequence[Method], *, holdout: int, out: Path, data: Path | None) -> tuple[Entry, ...]:
    """Return the runs of a study, seed by seed. MinisglError for a method that is not in it, or has no chosen setting yet."""
    for method in chosen:
        if method not in methods(study):
            raise MinisglError(f"--study {study} compares {', '.join(methods(study))}, and not {method}")
        if method == "dense-small" and study != "trials" and "l0" not in chosen:
            raise MinisglError(f"--study {study} with dense-small needs l0 too, whose FLOPs it gets")
        if study != "trials" and method not in CHOSEN:
            raise MinisglError(f"--study {study} needs the settings that --study trials is to find for {method}")
    runs = []
    for seed in range(SEEDS[study]):
        for method in chosen:
            for name, share, options in _settings(study, method):
                place = out / f"{method}-{name}-{seed}"
                common = {"seed": seed, "holdout": holdout, "threads": 1, "data": data, "out": place}
                config = changed(configuration(method, share, EPOCHS[study], options), common)
                ranges.check(config)
                needs = f"l0-{name}-{seed}" if method == "dense-small" and study != "trials" else None
                runs.append(Entry(method, name, seed, place, config, Path.cwd(), needs))
    return tuple(runs)


def _settings(study: Study, method: Method) -> list[tuple[str, float, dict[str, Any]]]:
    """Return each of a method's regimes in a study, with its share of zeros and its options."""
    if study == "trials":
        return [(regime(study, n), SHARE, options) for n, options in enumerate(TRIALS[method], 1)]
    options = TRIALS[method][CHOSEN[method] - 1]
    return [(regime(study, 100 * share), share, options) for share in (SHARES if study == "zeros" else (SHARE,))]
