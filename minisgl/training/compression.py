"""Compress a finished run: write its network without the dead units, in four files in the run's directory.

    compact.safetensors   compact.onnx   figures/architecture.png   compact.json

compact.json has the measured costs of the network before and after. It is written last: if it exists, so do the other files,
except a figure that could not be drawn.
"""

import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

import minisgl
from minisgl.analysis import footprint
from minisgl.analysis.compact import compact
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError
from minisgl.formats import files, network_file, onnx_file, paths
from minisgl.nn import Network
from minisgl.training import figures
from minisgl.training.directory import RunDirectory
from minisgl.training.report import device

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROUNDS = 5  # timed passes over the test images, of each network


def compress(directory: RunDirectory, network: Network, test: LabelledImages) -> Network:
    """Write the four files for the run's network, and return the smaller one. MinisglError if a file cannot be written."""
    onnx_file.require_onnx()
    with directory.locked():
        smaller = compact(network)
        saved = network_file.as_bytes(smaller)
        with paths.reading(directory.model):
            before = directory.model.read_bytes()
        report = measure((network, before), (smaller, saved), test)
        write(directory, smaller, saved, report, lambda: _figure(network, smaller))
    return smaller


def logits(network: Network, images: np.ndarray) -> np.ndarray:
    """Return the logits (N, classes) of images (N, C, H, W), computed in batches. MinisglError unless all are finite."""
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        found = network.logits(images)
    if bad := np.count_nonzero(~np.isfinite(found).all(axis=1)):
        raise MinisglError(f"the network overflows on {bad:,} of {len(images):,} test images: its weights are too large")
    return found


def measure(before: tuple[Network, bytes], after: tuple[Network, bytes], test: LabelledImages) -> dict[str, Any]:
    """Return the content of compact.json, for two networks with the bytes of their files."""
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


def _figure(before: Network, after: Network) -> "Figure":
    from minisgl import plots  # noqa: PLC0415  matplotlib may be misconfigured

    return plots.architecture(before, after)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise MinisglError(f"{path} cannot be removed: {error.strerror}") from error


def write(
    directory: RunDirectory, network: Network, saved: bytes, report: dict[str, Any], draw: "Callable[[], Figure]"
) -> None:
    """Write the four files. If one cannot be written, remove them all.

    If the figure cannot be drawn, a warning says so, and the figure of an earlier call is removed.
    """
    picture = directory.figures / "architecture.png"
    drawn = figures.png_or_warning(draw, picture)
    onnx = onnx_file.to_onnx(network)
    try:
        directory.make_folders()
        files.write(directory.compact, saved)
        files.write(directory.onnx, onnx)
        if drawn is not None:
            files.write(picture, drawn)
        else:
            _remove(picture)
        files.write_json(directory.compact_report, report)
    except BaseException:  # Ctrl-C, too
        for path in (directory.compact, directory.onnx, picture, directory.compact_report):
            with suppress(OSError):  # the user must read the first error
                path.unlink()
        raise
