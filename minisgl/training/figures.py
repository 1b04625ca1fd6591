"""Draw figures. A run's figures are drawn after its report is written, so the run is complete without them."""

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from minisgl.backend import to_host
from minisgl.data.labelled import LabelledImages
from minisgl.errors import MinisglError, MinisglWarning, one_line
from minisgl.formats import files
from minisgl.nn import Network
from minisgl.training.directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Settings = Literal["default", "user's"]


def save_run_figures(
    directory: RunDirectory,
    network: Network,
    own: Mapping[str, Callable[[Network, LabelledImages], Any]],
    test: LabelledImages,
) -> None:
    """Draw the run's history, its saved network, and its experiment's additional figures (experiment.py).

    One that cannot be drawn or written causes a warning.
    """
    folder = directory.figures
    try:
        from minisgl import plots  # noqa: PLC0415  matplotlib may be missing or misconfigured

        drawn = plots.run_figures(directory.read_history(), network)
        images = LabelledImages(to_host(test.images), to_host(test.labels)).floats()
    except Exception as error:
        _warn(f"{_name(folder)} could not be drawn: {one_line(error)}")
        return
    try:
        directory.make_folders()
    except MinisglError as error:
        _warn(str(error))
        return
    for name, draw in drawn.items():
        _save(draw, folder / name)
    for name, draw_own in own.items():
        _save(partial(draw_own, network, images), folder / name, settings="user's")


def _save(draw: "Callable[[], Figure]", path: Path, settings: Settings = "default") -> None:
    """Write the figure, or warn: the run itself is complete, so a full disk is no error here."""
    if (content := png_or_warning(draw, path, settings)) is not None:
        try:
            files.write(path, content)
        except MinisglError as error:
            _warn(str(error))


def png(draw: "Callable[[], Figure]", path: Path, settings: Settings = "default") -> bytes:
    """Return the figure that `draw` returns, as PNG, drawn with matplotlib's default settings or with the user's.

    MinisglError with the cause if it cannot be drawn; `path` names it.
    """
    try:
        with _quiet_if_it_fails():
            from minisgl import plots  # noqa: PLC0415  as above

            return plots.png(draw) if settings == "default" else plots.as_png(draw())
    except Exception as error:
        raise MinisglError(f"{_name(path)} could not be drawn: {one_line(error)}") from error


@contextmanager
def _quiet_if_it_fails() -> Iterator[None]:
    """A context for drawing: errors that matplotlib's C code cannot raise are printed only if it succeeds.

    Too little memory is such an error. Usually the drawing then fails too, with an error that is reported.
    """
    printed, lost = sys.unraisablehook, list[Any]()
    sys.unraisablehook = lost.append
    try:
        yield
    finally:
        sys.unraisablehook = printed
    for each in lost:
        printed(each)


def png_or_warning(draw: "Callable[[], Figure]", path: Path, settings: Settings = "default") -> bytes | None:
    """Return the same as `png`; None, after a warning, if the figure cannot be drawn."""
    try:
        return png(draw, path, settings)
    except MinisglError as error:
        _warn(str(error))
        return None


def free_name(directory: Path, name: str, taken: set[Path]) -> Path:
    """Return a path, not in `taken`, for the occlusion figure of the picture `name`, and add it to `taken`."""
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in Path(name).stem) or "picture"
    path, n = directory / f"{stem}-looked-at.png", 1
    while path in taken:
        n += 1
        path = directory / f"{stem}-looked-at-{n}.png"
    taken.add(path)
    return path


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}" if path.suffix and path.parent.name else path.name


def _warn(sentence: str) -> None:
    warnings.warn(sentence, MinisglWarning, stacklevel=3)
