"""Remove the units that do not affect the logits of a run's network: `python -m minisgl.compress RUN [--data DIR]`

    python -m minisgl.compress runs/mnist-lenet5-l0-1

Prints what the network costs before and after, and adds to the run's directory

    compact.safetensors        the smaller network, as minisgl.load reads it; see formats/network_file.py
    compact.onnx               the same for other programs; see formats/onnx_file.py
    figures/architecture.png   both architectures
    compact.json               the numbers of the table; written last: if it exists, so do the other files that could be made

analysis/compact.py explains which units are removed, and why the logits stay the same.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from minisgl.command import errors_as_sentences
from minisgl.flags import BUILD, OWN
from minisgl.formats import files, onnx_file
from minisgl.nn.network import EVALUATION_BATCH
from minisgl.run import Run
from minisgl.training.directory import RunDirectory

MOST_LISTED = 8  # layers whose units are listed one by one


@dataclass(frozen=True)
class CompressConfig:
    """Remove all units that do not affect the logits, and show the savings."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The run directory. compact.safetensors, compact.onnx, compact.json and a figure are added to it."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """For mnist-lenet5 and mnist-cnn4: a directory with MNIST's IDX test files, or others of the same names.
    For cifar10 and cifar100: the published archive, or a folder with its files.
    Default: the data that the run was trained on."""
    experiment: OWN = None
    """If the run used your own experiment: its name, as in training."""
    network: BUILD = None
    """If the run used your own network: its name, as in training."""


def compress(config: CompressConfig, console: Console) -> dict[str, Any]:
    """Write the compact network of a run, print the table, and return what compact.json holds.

    MinisglError if the run or the data cannot be read, onnx is not installed, or a file cannot be written; then none of the
    files is left.
    """
    onnx_file.require_onnx()
    run = Run.open(config.run, config.experiment, config.network)
    run.compress(config.data)
    report: dict[str, Any] = files.read_json(RunDirectory(config.run).compact_report)
    print_table(report, console)
    console.print(f"\neverything is in {config.run}", highlight=False, markup=False, soft_wrap=True)
    return report


def print_table(report: dict[str, Any], console: Console) -> None:
    """Print the costs before and after and their ratios, and notes on what the lines mean."""
    before, after = report["before"], report["after"]
    table = Table()
    for heading in ("", "before", "after", "times less"):
        # in a narrow terminal the units of a deep network, "1,376 in 9 layers", take two lines
        table.add_column(heading, justify="right" if heading else "left", no_wrap=heading == "")

    def row(title: str, key: str, form: str = ",", ratio: bool = True) -> None:
        a, b = before[key], after[key]
        table.add_row(title, f"{a:{form}}", f"{b:{form}}", f"{a / b:.1f}" if ratio and b else "")

    table.add_row("units", *(_units(entry["units"]) for entry in (before, after)))
    row("weights", "weights")
    row("  of them not zero", "nonzero_weights", ratio=False)
    row("FLOPs (multiply-adds + biases)", "flops")
    row("FLOPs (2 x multiply-adds)", "flops_twice")
    row("bytes, dense", "bytes_dense")
    row("bytes, zeros packed", "bytes_packed")
    row("bytes, gzip", "bytes_gzip")
    row("ms per 10,000 images", "milliseconds", ",.0f")
    row("test error, %", "test_error", ".2f", ratio=False)
    console.print(table)
    notes = (
        f"Both predict the same class for {report['same_predictions']:,} of {report['test_images']:,} test images; largest "
        f"difference of logits {report['largest_difference']:.2g}, largest logit {report['largest_logit']:.3g}. Units: outputs "
        f"of convolutions and inputs of linear layers. Dense: the file, float32. Packed: one bit for each weight, and nonzero "
        f"weights in float32. Times: processor time on one core, median of {report['rounds']} alternating passes, batches of "
        f"{EVALUATION_BATCH}, {report['device']}."
    )
    console.print(notes, highlight=False, markup=False)


def _units(units: Sequence[int]) -> str:
    """Return the units of each layer, or of a deep network their total."""
    return "-".join(map(str, units)) if len(units) <= MOST_LISTED else f"{sum(units):,} in {len(units)} layers"


def main() -> None:
    """Parse the options and compress. On an error print one sentence and exit with status 2."""
    with errors_as_sentences():
        compress(tyro.cli(CompressConfig, prog="python -m minisgl.compress", args=sys.argv[1:]), Console())


if __name__ == "__main__":
    main()
