"""The command `python -m minisgl.train`: trains a network, shows the progress, and writes a run directory.

    python -m minisgl.train                                   LeNet-5 on MNIST with l0, preset quick
    python -m minisgl.train --penalty l1 --threshold 0.01     another penalty and threshold
    python -m minisgl.train --experiment shaky-curves         words in regular or shaky handwriting
    python -m minisgl.train --preset paper --epochs 20        the paper's settings, for fewer epochs
    python -m minisgl.train --preset sparse                   the fewest weights; small: the fewest FLOPs
    python -m minisgl.train --resume runs/mnist-lenet5-l0-1   continue a run that was interrupted or killed
    python -m minisgl.train --help                            every option, with its unit and default

The options are the fields of flags.Flags. Errors in them are reported before anything is written.
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
    """Return the options in the arguments. MinisglError for an option with the value None."""
    flags = tyro.cli(Flags, prog="python -m minisgl.train", args=arguments)
    for name in (word.partition("=")[0] for word in arguments if word.startswith("--")):
        if name in map(option, vars(flags)) and getattr(flags, name[2:].replace("-", "_")) is None:
            raise MinisglError(f"{name} cannot be None: leave the option out")
    return flags


def run(flags: Flags, console: Console) -> None:
    """Train as the options say, or resume a run. MinisglError if that fails."""
    if flags.resume is None:
        train(configured(flags), console)
    else:
        resume(flags.resume, flags, console)


def main() -> None:
    """Parse the options and train. On an error print one sentence and exit with status 2."""
    with errors_as_sentences("a smaller --batch-size needs less"):
        run(parse(sys.argv[1:]), Console())


if __name__ == "__main__":
    main()
