"""Draw figures, those of a run after its report. One that cannot be drawn causes a warning: what was trained is complete."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minisgl.backend import to_host
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError, MinisglWarning, one_line
from minisgl.formats import files
from minisgl.nn import Network
from minisgl.training.directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_run_figures(
    directory: RunDirectory,
    network: Network,
    own: Mapping[str, Callable[[Network, LabelledImages], Any]],
    test: LabelledImages,
) -> None:
    """Draw the run's history, its saved network, and its experiment's additional figures (experiment.py)."""
    directory.make_folders()
    folder = directory.figures
    try:
        from minisgl import plots  # noqa: PLC0415  matplotlib may be missing or misconfigured

        drawn = plots.run_figures(directory.read_history(), network)
        images = LabelledImages(to_host(test.images), to_host(test.labels))
    except Exception as error:
        _warn(folder, error)
        return
    for name, draw in drawn.items():
        try:
            files.write(folder / name, plots.png(draw))
        except Exception as error:
            _warn(folder / name, error)
    for name, draw_own in own.items():
        try:
            plots.save(draw_own(network, images), folder / name)
        except Exception as error:  # any error in a user's function: the run itself is complete
            _warn(folder / name, error)


def png(draw: "Callable[[], Figure]", path: Path) -> bytes:
    """Return the figure that `draw` returns, as PNG. MinisglError with the cause if it cannot be drawn; `path` names it."""
    try:
        from minisgl import plots  # noqa: PLC0415  as above

        return plots.png(draw)
    except Exception as error:
        raise MinisglError(f"{_name(path)} could not be drawn: {one_line(error)}") from error


def png_or_warning(draw: "Callable[[], Figure]", path: Path) -> bytes | None:
    """Return the same as `png`; None, after a warning, if the figure cannot be drawn."""
    try:
        return png(draw, path)
    except MinisglError as error:
        warnings.warn(str(error), MinisglWarning, stacklevel=2)
        return None


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}" if path.suffix and path.parent.name else path.name


def _warn(path: Path, error: Exception) -> None:
    warnings.warn(f"{_name(path)} could not be drawn: {one_line(error)}", MinisglWarning, stacklevel=3)
