"""A trained run's network without the units that play no part: `python -m minisgl.compress RUN [--data DIR]`

    python -m minisgl.compress runs/mnist-lenet5-l0-1

Prints what the network costs before and after, and adds to the run's directory

    compact.safetensors        the smaller network, as minisgl.load reads it; see formats/network_file.py
    compact.onnx               the same for other programs; see onnx_file.py
    figures/architecture.png   both architectures
    compact.json               the numbers of the table; written last, it says that all the rest is there

compact.py says which units go, and why the logits stay the same.
"""

import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

import minisgl
from minisgl import plots
from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.command import told_in_a_sentence
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.formats import files, network_file, onnx_file
from minisgl.nn import Network
from minisgl.nn.network import EVALUATION_BATCH
from minisgl.run import load_run, load_test
from minisgl.training.directory import RunDirectory
from minisgl.training.report import device

ROUNDS = 5  # timed passes over the test images, of each network


@dataclass(frozen=True)
class CompressConfig:
    """Take out of a run's network every unit that plays no part, exactly, and say what that saves."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The run directory, to which compact.safetensors, compact.onnx, compact.json and a figure are added."""
    data: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """For mnist-lenet5: a directory with IDX test files of MNIST's names. None: the data the run was trained on."""


def compress(config: CompressConfig, console: Console) -> dict[str, Any]:
    """Write the compact network of a run, print the table, and return what compact.json holds.

    MinisglError when the run or the data cannot be read, onnx is not installed, or a file cannot be written: then none of
    the files is there.
    """
    onnx_file.require_onnx()
    network, run_report = load_run(config.run)
    test = load_test(config.run, run_report["experiment"], config.data)
    directory = RunDirectory(config.run)
    with directory.locked():
        smaller = compact(network)
        saved = network_file.as_bytes(smaller)
        report = measure((network, directory.model.read_bytes()), (smaller, saved), test)
        write(directory, smaller, saved, plots.architecture(network, smaller), report)
    print_table(report, console)
    console.print(f"\neverything is in {directory.path}", highlight=False, markup=False, soft_wrap=True)
    return report


def logits(network: Network, images: np.ndarray) -> np.ndarray:
    """Logits (N, classes) of images (N, C, H, W), in batches; MinisglError when not all are finite."""
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        batches = [images[i : i + EVALUATION_BATCH] for i in range(0, len(images), EVALUATION_BATCH)]
        found = np.concatenate([network.forward(batch)[0] for batch in batches])
    if bad := np.count_nonzero(~np.isfinite(found).all(axis=1)):
        raise MinisglError(f"the network overflows on {bad:,} of {len(images):,} test images: its weights are too large")
    return found


def measure(before: tuple[Network, bytes], after: tuple[Network, bytes], test: LabelledImages) -> dict[str, Any]:
    """The content of compact.json, for two networks with the bytes of their files."""
    outputs = [logits(network, test.images) for network, _ in (before, after)]
    predicted = [output.argmax(axis=1) for output in outputs]
    times = footprint.milliseconds([before[0], after[0]], test.images, ROUNDS)
    entries = []
    for (network, file), guesses, time in zip((before, after), predicted, times, strict=True):
        cost = footprint.measure(network, file)
        entries.append(
            asdict(cost)
            | {"flops": cost.flops, "flops_twice": cost.flops_twice}
            | {"milliseconds": time * 10_000 / len(test), "test_error": 100 * float((guesses != test.labels).mean())}
        )
    return {
        "before": entries[0],
        "after": entries[1],
        "test_images": len(test),
        "same_predictions": int((predicted[0] == predicted[1]).sum()),
        "largest_difference": float(np.abs(outputs[0] - outputs[1]).max()),
        "largest_logit": float(np.abs(outputs[0]).max()),
        "opset": onnx_file.OPSET,
        "rounds": ROUNDS,
        "device": device(),
        "versions": {"minisgl": minisgl.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }


def write(directory: RunDirectory, network: Network, saved: bytes, figure: Figure, report: dict[str, Any]) -> None:
    """Write the four files; none is left when one cannot be written."""
    picture = directory.figures / "architecture.png"
    onnx = onnx_file.to_onnx(network)
    try:
        directory.make_folders()
        files.write(directory.compact, saved)
        files.write(directory.onnx, onnx)
        plots.save(figure, picture)
        files.write_json(directory.compact_report, report)
    except MinisglError:
        for path in (directory.compact, directory.onnx, picture, directory.compact_report):
            path.unlink(missing_ok=True)
        raise


def print_table(report: dict[str, Any], console: Console) -> None:
    """Before and after, and how many times less; what the lines mean stands below."""
    before, after = report["before"], report["after"]
    table = Table()
    for heading in ("", "before", "after", "times less"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)

    def row(title: str, key: str, form: str = ",", ratio: bool = True) -> None:
        a, b = before[key], after[key]
        table.add_row(title, f"{a:{form}}", f"{b:{form}}", f"{a / b:.1f}" if ratio and b else "")

    table.add_row("units", *("-".join(map(str, entry["units"])) for entry in (before, after)))
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
        f"The same class for {report['same_predictions']:,} of {report['test_images']:,} test images; largest difference of "
        f"logits {report['largest_difference']:.2g}, largest logit {report['largest_logit']:.3g}. Units: outputs of "
        f"convolutions and inputs of linear layers. Dense: the file, float32. Packed: a bit for each weight, and those that "
        f"are not zero in float32. Times: of one core, without waiting; median of {report['rounds']} passes, in turn, batches "
        f"of {EVALUATION_BATCH}, {report['device']}."
    )
    console.print(notes, highlight=False, markup=False)


def main() -> None:
    """Parse, compress, and exit 2 with a sentence when something is wrong."""
    with told_in_a_sentence():
        compress(tyro.cli(CompressConfig, prog="python -m minisgl.compress", args=sys.argv[1:]), Console())


if __name__ == "__main__":
    main()
