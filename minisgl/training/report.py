"""The results of a run: report.json, and the same numbers as a table.

The test set is used here, once, after the training: W and V are each measured on it, as they would be saved.
"""

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from minisgl import experiments
from minisgl.analysis import sparsity
from minisgl.backend import device_name, get_array_module
from minisgl.config import PaperConfig, TrainConfig
from minisgl.data.labelled import LabelledImages
from minisgl.nn import Network
from minisgl.solver.protocol import Solver
from minisgl.training.environment import Environment, continued, environment
from minisgl.training.shards import Shards


def final_network(config: TrainConfig, solver: Solver) -> str:
    """Return which network is the result: V in continuation, the experiment's choice in the paper's regime, W if V is W."""
    kept = experiments.find(config.experiment).kept if isinstance(config.regime, PaperConfig) else "v"
    return kept if solver.splits else "w"


def device(xp: Any = np) -> str:
    """Return the name of the GPU, if xp is CuPy, or else of the processor, as the operating system reports it."""
    if gpu := device_name(xp):
        return gpu
    with suppress(OSError, UnicodeDecodeError):  # only Linux has this file
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe(network: Network, shards: Shards, test: LabelledImages) -> dict[str, Any]:
    """Return the report's entry for one network: test error, sparsity, FLOPs, and the counts of each layer.

    If FLOPs are unknown they are None, and "flops_unknown" says which layer is the reason. If the network is a chain that gives
    the same answer for every image, "empty_layers" has the layers without weights.
    """
    counts = sparsity.count(network)
    flops = [layer.flops for layer in counts.values() if layer.flops is not None]
    entry: dict[str, Any] = {
        "test_error": shards.error(network, test.images, test.labels),
        "weight_sparsity": sparsity.weight_sparsity(network.weights),
        "unit_sparsity": sparsity.unit_sparsity(counts),
        "flops": sum(flops) if len(flops) == len(counts) else None,
        "layers": {name: asdict(layer) for name, layer in counts.items()},
    }
    if empty := sparsity.empty_layers(network, counts):
        entry["empty_layers"] = empty
    if entry["flops"] is None:
        entry["flops_unknown"] = sparsity.flops_unknown_reason(network)
    return entry


def make(
    config: TrainConfig,
    solver: Solver,
    networks: Mapping[str, Network],
    shards: Shards,
    test: LabelledImages,
    *,
    seconds: float,
    earlier: Sequence[Environment] = (),
) -> dict[str, Any]:
    """Return the content of report.json. During training, test images are used only here.

    networks: "w" and "v" as they are measured. earlier: the environments of the run before it was resumed; if one differs,
    "earlier_versions" has them. "penalised" has the names of the layers with an r, or in which a
    rival removes weights.
    """
    xp = get_array_module(solver.network.flat)
    w = describe(networks["w"], shards, test)
    *before, now = continued(earlier, environment(xp))
    return {
        "experiment": config.experiment,
        "method": config.method.method,
        "penalty": config.penalty.penalty,
        "penalised": config.sparsified(list(solver.network.layout.weights)),
        "preset": config.preset,
        "backend": config.backend,
        "device": device(xp),
        "threads": config.threads,
        "shards": config.shards,
        "seed": config.seed,
        "epochs": config.epochs,
        "seconds": round(seconds, 1),
        "test_images": {"count": len(test), "looked_at": "once, when training was over"},
        "versions": now,
        **({"earlier_versions": before} if before else {}),
        "final": final_network(config, solver),
        "w": w,
        "v": describe(networks["v"], shards, test) if solver.splits else w,
    }


def print_table(report: dict[str, Any], console: Console) -> None:
    """Print a table for W and one for V: weights, zeros, units, dead units and FLOPs by layer, with the test error as title.

    Those of the networks for CIFAR up to WRN-16-2 fit into 80 characters.
    """
    for which in ("w", "v"):
        entry = report[which]
        saved = " (saved)" if report["final"] == which else ""
        table = Table(
            title=f"{which.upper()}{saved}: test error {entry['test_error']:.2f} %, "
            f"{entry['weight_sparsity']:.2f} % of weights zero",
            title_justify="left",
            title_style="bold" if saved else "",
        )
        for heading in ("layer", "weights", "zeros", "zeros %", "units", "dead", "FLOPs"):
            table.add_column(heading, justify="left" if heading == "layer" else "right", no_wrap=True)
        layers = list(entry["layers"].items())
        total = {key: sum(layer[key] for _, layer in layers) for key in ("weights", "zero_weights", "units", "dead_units")}
        total["flops"] = entry["flops"]
        for name, layer in (*layers, ("all", total)):
            table.add_row(
                name,
                f"{layer['weights']:,}",
                f"{layer['zero_weights']:,}",
                f"{100 * layer['zero_weights'] / layer['weights']:.2f}",
                f"{layer['units']:,}",
                f"{layer['dead_units']:,}",
                "-" if layer["flops"] is None else f"{layer['flops']:,}",
                end_section=name == layers[-1][0],
            )
        console.print(table)
    final = report[report["final"]]
    if empty := final.get("empty_layers"):
        which = report["final"].upper()
        console.print(
            f"{which} has no weights in {', '.join(empty)}: it gives the same answer for every image.", highlight=False
        )
    if reason := final.get("flops_unknown"):
        console.print(f"FLOPs are not counted: {reason}.", highlight=False, markup=False)
    console.print(f"Errors on {report['test_images']['count']:,} test images, used {report['test_images']['looked_at']}.")
