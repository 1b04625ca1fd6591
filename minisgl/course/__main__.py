"""Copy the course's exercises to a folder of your own: `python -m minisgl.course DIR`

Notebooks that are in DIR already stay as they are. Work in DIR, with `jupyter lab DIR`, and run the checks in the notebooks, or
with `python -m minisgl.check DIR/05_hard_thresholding.ipynb`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from minisgl.command import errors_as_sentences
from minisgl.course import handed_out


@dataclass(frozen=True)
class CourseConfig:
    """Copy the exercise notebooks to a folder, except those that are there already."""

    directory: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """The folder. It is made if it is not there."""


def main() -> None:
    """Parse the options and copy. On an error print one sentence and exit with status 2."""
    with errors_as_sentences():
        directory = tyro.cli(CourseConfig, prog="python -m minisgl.course", args=sys.argv[1:]).directory
        copied, kept = handed_out.copy_to(directory)
        print(f"{directory}: {copied} of {copied + kept} notebooks copied; what was there is unchanged")


if __name__ == "__main__":
    main()
