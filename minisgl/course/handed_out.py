"""The exercise notebooks as they are handed out: where they are, in a checkout and in a wheel, and a copy of them to work in.

A copy never overwrites a file. So copying again adds only notebooks that are missing, and a student's answers stay as they are.
"""

from pathlib import Path

from minisgl.errors import MinisglError, require
from minisgl.formats import files, paths

PACKAGES = ("nbformat", "nbval", "ipykernel", "psutil", "pytest")  # what running answers needs
PLACES = (Path(__file__).parents[2] / "notebooks" / "exercises", Path(__file__).parent / "exercises")  # a checkout, a wheel


def require_packages(purpose: str) -> None:
    """Raise MinisglError if a package is missing that answers are run with. `purpose` is what needs it: "grading"."""
    for package in PACKAGES:
        require(package, "notebooks", purpose)


def folder() -> Path:
    """Return the folder of the exercise notebooks. MinisglError if it is missing."""
    for place in PLACES:
        if paths.is_folder(place):
            return place
    raise MinisglError(f"the exercise notebooks are missing; looked in {PLACES[0]} and {PLACES[1]}")


def notebooks(directory: Path) -> list[Path]:
    """Return the exercise notebooks in a folder, NN_name.ipynb, in their order. MinisglError if it cannot be read."""
    return [path for path in paths.entries(directory) if path.match("[0-9][0-9]_*.ipynb")]


def copy_to(directory: Path) -> tuple[int, int]:
    """Copy the exercise notebooks to a folder, which is made if it is not there, with the folders above it.

    Return how many were copied, and how many were there already and are unchanged. MinisglError if one cannot be written.
    """
    found = notebooks(folder())
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MinisglError(f"{directory} cannot be made: {error.strerror or error}") from error
    missing = [path for path in found if not paths.exists(directory / path.name)]
    for path in missing:
        with paths.reading(path):
            content = path.read_bytes()
        files.write(directory / path.name, content)
    return len(missing), len(found) - len(missing)
