"""The command line: `python -m minisgl.train` trains, shows how it goes, and writes a run directory.

    python -m minisgl.train                                   LeNet-5 on MNIST with sparse group l0, preset quick
    python -m minisgl.train --penalty l1 --threshold 0.01     another penalty, another threshold
    python -m minisgl.train --experiment shaky-curves         words in a regular hand and in a shaky one
    python -m minisgl.train --preset paper --epochs 20        the paper's settings, for fewer epochs
    python -m minisgl.train --preset sparse                   the fewest weights; small: the fewest FLOPs
    python -m minisgl.train --resume runs/mnist-lenet5-l0-1   go on with a run that was interrupted or killed
    python -m minisgl.train --help                            every option, with its unit and default

Options come from one flat dataclass, flags.Flags. Whatever is wrong with them is said before anything is written.
"""

import sys
from collections.abc import Sequence

import tyro
from rich.console import Console

from minisgl.command import errors_as_sentences
from minisgl.errors import MinisglError
from minisgl.experiments import configured
from minisgl.flags import Flags, option
from minisgl.run import resume, train


def parse(arguments: Sequence[str]) -> Flags:
    """The options among the arguments. MinisglError for one that is given as None."""
    flags = tyro.cli(Flags, prog="python -m minisgl.train", args=arguments)
    for name in (word.partition("=")[0] for word in arguments if word.startswith("--")):
        if name in map(option, vars(flags)) and getattr(flags, name[2:].replace("-", "_")) is None:
            raise MinisglError(f"{name} None is no value: leave the option out")
    return flags


def run(flags: Flags, console: Console) -> None:
    """Train as the options say, or go on with a run. MinisglError when something is wrong."""
    if flags.resume is None:
        train(configured(flags), console)
    else:
        resume(flags.resume, flags, console)


def main() -> None:
    """Parse, train, and exit 2 with a sentence when something is wrong."""
    with errors_as_sentences():
        run(parse(sys.argv[1:]), Console())


if __name__ == "__main__":
    main()
