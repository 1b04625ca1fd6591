"""LeNet-5 with few units, for tests of commands in which the size of the network does not matter: they take less time."""

from pathlib import Path

FEW_UNITS = ["--network", "few:build"]
SOURCE = """
from minisgl.models import lenet5


def build(rng):
    return lenet5(rng, units=(2, 4, 20, 10))
"""


def write_few_units(folder: Path) -> None:
    """Write the module `few`, which a command in this folder imports."""
    (folder / "few.py").write_text(SOURCE)
