"""Error against zeros of fc on shaky curves, for several penalties: `python -m benchmarks.curve_sparsity`

Every penalty is trained with four thresholds and three seeds, each in less than a minute on one thread: on PICTURES training
pictures, for EPOCHS epochs, with batches of BATCH and the learning rate LR, and otherwise like the preset quick. Two runs
are trained at a time, each in its own process, and appended to curve_sparsity.jsonl when they end. Runs in this file are not
trained again, so the command continues where it stopped. The figure shows mean and spread of the runs in the file.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from rich.console import Console

from minisgl.comparison import workers
from minisgl.data.labelled import LabelledImages
from minisgl.experiments import EXPERIMENTS, Data, preset
from minisgl.plots import save
from minisgl.training.loop import Training
from minisgl.training.setup import make_splitting
from minisgl.training.shards import running_shards

RESULTS = Path(__file__).parent / "curve_sparsity.jsonl"
FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "curve_sparsity.png"
PICTURES, EPOCHS, SEEDS = 8_000, 4, (0, 1, 2)
BATCH, LR = 16, 3e-3
VALIDATION_PICTURES = 100  # on which each epoch's error is measured; at the end all are used
JOBS = 2
THRESHOLDS = {
    "l0": (0.02, 0.04, 0.06, 0.08),
    "tl1": (0.0025, 0.005, 0.01, 0.02),
    "l1": (0.0025, 0.005, 0.01, 0.02),
    "l1-l2": (0.0025, 0.005, 0.01, 0.02),
}
COLOURS = {"l0": "#e07b00", "tl1": "#1f5fa8", "l1": "#2a8a4a", "l1-l2": "#8a3fa0"}

Run = dict[str, Any]


def train(arguments: tuple[Data, str, float, int]) -> Run:
    """Train a short run (data, penalty, threshold, seed). Return V's accuracy on the other sets and fc's zeros, in percent."""
    data, penalty, threshold, seed = arguments
    assert data.validation is not None
    experiment = EXPERIMENTS["shaky-curves"]
    options = {"threshold": threshold, "seed": seed, "epochs": EPOCHS, "batch_size": BATCH, "lr": LR, "threads": 1}
    config = preset("quick", "shaky-curves", penalty, **options)
    splitting = make_splitting(config, experiment.network(np.random.default_rng(seed)))
    training = Training(config, splitting, data.train, data.validation[:VALIDATION_PICTURES])
    seconds = 0.0
    with running_shards(config.shards, config.threads) as shards:
        for epoch in range(EPOCHS):
            seconds += training.run_epoch(shards, epoch, lambda progress: None)["seconds"]
        v = splitting.reported("v")

        def accuracy(images: LabelledImages) -> float:
            return 100 - shards.error(v, images.images, images.labels)

        return {
            "penalty": penalty,
            "threshold": threshold,
            "seed": seed,
            "validation": round(accuracy(data.validation), 2),
            "test": round(accuracy(data.test), 2),
            "fc_zeros": round(100 * float((v.layers["fc"].weight == 0).mean()), 2),
            "seconds": round(seconds, 1),
        }


def read() -> list[Run]:
    """Return the runs in the file."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def missing(runs: list[Run]) -> list[tuple[str, float, int]]:
    """Return penalty, threshold and seed of the missing runs, seed by seed, so that an early stop leaves complete curves."""
    made = {(run["penalty"], run["threshold"], run["seed"]) for run in runs}
    wanted = [(name, t, seed) for seed in SEEDS for name, ts in THRESHOLDS.items() for t in ts]
    return [key for key in wanted if key not in made]


def _mean_and_spread(values: list[float]) -> tuple[float, float, float]:
    """Return the mean, and the distances from it to the minimum and the maximum."""
    mean = statistics.mean(values)
    return mean, mean - min(values), max(values) - mean


def figure(runs: list[Run]) -> Figure:
    """Draw test error over fc's zeros, one line per penalty: the mean over the seeds, with bars from minimum to maximum."""
    drawing = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = drawing.add_subplot()
    for penalty, thresholds in THRESHOLDS.items():
        points = []
        for threshold in thresholds:
            same = [run for run in runs if (run["penalty"], run["threshold"]) == (penalty, threshold)]
            if same:
                errors = _mean_and_spread([100 - run["test"] for run in same])
                points.append((_mean_and_spread([run["fc_zeros"] for run in same]), errors))
        if points:
            zeros, errors = (np.array([point[i] for point in points]).T for i in (0, 1))  # (3, points) each
            bars = {"capsize": 2, "elinewidth": 1, "color": COLOURS[penalty]}
            axes.errorbar(zeros[0], errors[0], yerr=errors[1:], xerr=zeros[1:], fmt="o-", label=penalty, **bars)
    axes.set_xlabel("weights of fc that are exactly zero, %")
    axes.set_ylabel("test error of V, %")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator((2, 3, 4, 5, 7, 10, 15, 20, 30, 50)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return drawing


def main() -> None:
    """Train the missing runs, then draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curve_sparsity", description="Error against zeros.")
    parser.add_argument("--draw", action="store_true", help="draw the finished runs, and train nothing")
    runs, console = read(), Console()
    if not parser.parse_args().draw:
        data = EXPERIMENTS["shaky-curves"].load(None)
        data = data._replace(train=data.train[:PICTURES])
        for run in workers.outcomes(train, [(data, *key) for key in missing(runs)], JOBS):
            runs.append(run)
            with RESULTS.open("a") as file:
                file.write(json.dumps(run) + "\n")
            console.print(run, soft_wrap=True)
    save(figure(runs), FIGURE)


if __name__ == "__main__":
    main()
