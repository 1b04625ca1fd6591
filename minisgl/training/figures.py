"""Draw the figures of a run, after its report. A figure that cannot be drawn causes a warning; the others are still drawn."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from minisgl.backend import to_host
from minisgl.data.labelled import LabelledImages
from minisgl.nn import Network
from minisgl.training.directory import RunDirectory


def save_run_figures(
    directory: RunDirectory,
    network: Network,
    own: Mapping[str, Callable[[Network, LabelledImages], Any]],
    test: LabelledImages,
) -> None:
    """Draw the run's history, its saved network, and its experiment's additional figures (experiment.py)."""
    folder = directory.figures
    try:
        from minisgl import plots  # noqa: PLC0415  matplotlib may be missing or misconfigured

        drawn: dict[str, Callable[[], Any]] = dict(plots.run_figures(directory.read_history(), network))
        images = LabelledImages(to_host(test.images), to_host(test.labels))
    except Exception as error:
        _warn(folder, error)
        return
    drawn |= {name: partial(draw, network, images) for name, draw in own.items()}
    for name, draw in drawn.items():
        try:
            plots.save(draw(), folder / name)
        except Exception as error:  # any error in drawing: the run itself is complete
            _warn(folder / name, error)


def _warn(path: Path, error: Exception) -> None:
    what = f"{path.parent.name}/{path.name}" if path.suffix else path.name
    print(f"minisgl: {what} could not be drawn: {type(error).__name__}: {error}", file=sys.stderr)
