"""Classify words as shaky or regular: `python -m minisgl.classify RUN IMAGE...`

    python -m minisgl.classify runs/shaky-curves-l0-1 note.png                          your own picture
    python -m minisgl.classify runs/shaky-curves-l0-1 --word hello --font cursive       a word in regular handwriting
    python -m minisgl.classify runs/shaky-curves-l0-1 --word hello --tremor 0.15        a word in shaky handwriting

Prints a line for each picture, and writes a figure of what the network looked at to NAME-looked-at.png in the directory --out.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from minisgl import experiments
from minisgl.analysis.occlusion import occlusion_map
from minisgl.command import errors_as_sentences, read_each
from minisgl.errors import MinisglError, enumerated, require_matplotlib
from minisgl.flags import Number, Text, Whole
from minisgl.formats import files, paths
from minisgl.nn import Network, softmax
from minisgl.run import load_run
from minisgl.training import figures

CLASSES = ("regular", "shaky")


@dataclass(frozen=True)
class ClassifyConfig:
    """Classify handwritten words as shaky or regular, with a shaky-curves run."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The run directory."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="[IMAGE ...]", help_behavior_hint="")] = ()
    """Pictures of single words, dark on light or light on dark, of any size."""
    word: Annotated[str | None, tyro.conf.arg(metavar="WORD", help_behavior_hint="")] = None
    """Draw and classify this word instead of pictures."""
    font: Text = None
    """Font of the drawn word: the name of a built-in font, or a TTF file. Default: cursive."""
    tremor: Number = None
    """Tremor of the drawn word, RMS in x-heights. The training set has 0.09 to 0.18. Default: 0, regular handwriting."""
    seed: Whole = None
    """Seed of the drawn word's slant, noise and other random properties. Default: 0."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path()
    """Directory for the figures of what the network looked at."""
    json: bool = False
    """Print one JSON list instead of lines of text."""


def pictures(config: ClassifyConfig) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and pictures (1, 48, 128). MinisglError if one cannot be read or drawn, or if none is given."""
    if bool(config.images) == (config.word is not None):
        raise MinisglError("give either pictures or --word")
    if config.word is None:
        for option in ("font", "tremor", "seed"):
            if (value := getattr(config, option)) is not None:
                raise MinisglError(f"--{option} {value} is for a word drawn with --word, not for pictures")
        for path, picture in read_each(config.images, require_matplotlib("minisgl.data.word_pictures", "classify").read_word):
            yield str(path), picture
        return
    if (seed := config.seed or 0) < 0:
        raise MinisglError(f"--seed must be 0 or more, but is {seed}")
    curves = require_matplotlib("minisgl.data.curves", "classify")
    word = curves.render_word(config.word, config.font or "cursive", config.tremor or 0.0, np.random.default_rng(seed))
    yield config.word, word[None]


def classify(network: Network, image: np.ndarray) -> dict[str, Any]:
    """Return the network's answer for an image (1, 48, 128): "class", and "shaky", the probability of this class."""
    p = softmax(network.forward(image[None])[0])[0]
    return {"class": CLASSES[int(p.argmax())], "shaky": float(p[1])}


def run(config: ClassifyConfig) -> Iterator[dict[str, Any]]:
    """Classify, write the figures of what the network looked at, and yield the answers in order."""
    network, report = load_run(config.run)
    known = experiments.EXPERIMENTS.get(report["experiment"])  # a user's own is not imported because a file names it
    if known is None or not known.read_word:
        readers = enumerated((each.name for each in experiments.EXPERIMENTS.values() if each.read_word), "or")
        raise MinisglError(f"{config.run} is a run of {report['experiment']}; classify needs a run of {readers}")
    if not paths.is_folder(config.out):
        raise MinisglError(f"--out {config.out} is not a directory")
    taken = set[Path]()
    for name, image in pictures(config):
        answer = {"picture": name, **classify(network, image)}
        path = figures.free_name(config.out, name, taken)
        percent = 100 * (answer["shaky"] if answer["class"] == "shaky" else 1 - answer["shaky"])
        title = f"{Path(name).name}: {answer['class']} ({percent:.1f} %)"
        draw = require_matplotlib("minisgl.plots.occlusion", "classify").occlusion_figure
        files.write(path, figures.png(partial(draw, image[0], occlusion_map(network, image), title), path))
        yield {**answer, "looked_at": str(path)}


def main() -> None:
    """Parse the options and classify. On an error print one sentence and exit with status 2."""
    with errors_as_sentences():
        config = tyro.cli(ClassifyConfig, prog="python -m minisgl.classify", args=sys.argv[1:])
        found = []
        try:
            for answer in run(config):
                found.append(answer)
                if not config.json:
                    shaky = f"(shaky: {100 * answer['shaky']:.1f} %)"
                    print(f"{answer['picture']}: {answer['class']}   {shaky}   {answer['looked_at']}")
        finally:  # those that were read, even if others could not be
            if config.json and found:
                print(json.dumps(found))


if __name__ == "__main__":
    main()
