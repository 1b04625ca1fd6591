"""Shaky or regular? `python -m minisgl.classify RUN IMAGE...`

    python -m minisgl.classify runs/shaky-curves-l0-1 note.png                          a picture of your own
    python -m minisgl.classify runs/shaky-curves-l0-1 --word hello --font cursive       a word drawn in a regular hand
    python -m minisgl.classify runs/shaky-curves-l0-1 --word hello --tremor 0.15        and in a shaky one

For each picture a line, and a picture of what the network looked at: NAME-looked-at.png, in the directory --out.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from minisgl import experiments, plots
from minisgl.analysis.occlusion import occlusion_map
from minisgl.command import errors_as_sentences
from minisgl.data import curves
from minisgl.data.word_pictures import read_word
from minisgl.errors import MinisglError
from minisgl.flags import Number, Text, Whole
from minisgl.nn import Network, softmax
from minisgl.plots.occlusion import occlusion_figure
from minisgl.run import load_run

CLASSES = ("regular", "shaky")


@dataclass(frozen=True)
class ClassifyConfig:
    """Tell words in a shaky hand from words in a regular one, with a network of the experiment shaky-curves."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The run directory."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGE")] = ()
    """Pictures of single words, dark on light or light on dark, any size."""
    word: str | None = None
    """Instead of a picture: a word to draw."""
    font: Text = None
    """The drawn word's font: a built-in font's name, or a TTF file. Default: cursive."""
    tremor: Number = None
    """The drawn word's tremor, RMS in x-heights; the experiment's are 0.09 to 0.18. Default: 0, a regular hand."""
    seed: Whole = None
    """Seed of what else is random in the drawn word. Default: 0."""
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path()
    """Where the pictures of what the network looked at are written."""
    json: bool = False
    """Print one JSON list instead of lines."""


def pictures(config: ClassifyConfig) -> list[tuple[str, np.ndarray]]:
    """Names and pictures (1, 48, 128). MinisglError when one cannot be read or drawn, or nothing is asked."""
    if bool(config.images) == (config.word is not None):
        raise MinisglError("give pictures, or --word and how to draw it")
    if config.word is None:
        for option in ("font", "tremor", "seed"):
            if (value := getattr(config, option)) is not None:
                raise MinisglError(f"--{option} {value} is for a word that --word draws, and not for pictures")
        return [(str(path), read_word(path)) for path in config.images]
    if (seed := config.seed or 0) < 0:
        raise MinisglError(f"--seed must be 0 or more, and is {seed}")
    word = curves.render_word(config.word, config.font or "cursive", config.tremor or 0.0, np.random.default_rng(seed))
    return [(config.word, word[None])]


def classify(network: Network, image: np.ndarray) -> dict[str, Any]:
    """What the network says of an image (1, 48, 128): "class", and "shaky", the probability that it is."""
    p = softmax(network.forward(image[None])[0])[0]
    return {"class": CLASSES[int(p.argmax())], "shaky": float(p[1])}


def free_name(directory: Path, name: str, taken: set[Path]) -> Path:
    """Where the picture of `name` goes; two pictures of one call never overwrite each other."""
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in Path(name).stem) or "word"
    path, n = directory / f"{stem}-looked-at.png", 1
    while path in taken:
        n += 1
        path = directory / f"{stem}-looked-at-{n}.png"
    taken.add(path)
    return path


def run(config: ClassifyConfig) -> list[dict[str, Any]]:
    """Classify, write the pictures of what was looked at, and return what was found, in order."""
    network, report = load_run(config.run)
    known = experiments.EXPERIMENTS.get(report["experiment"])  # a user's own is not imported because a file names it
    if known is None or not known.read_word:
        readers = " or ".join(each.name for each in experiments.EXPERIMENTS.values() if each.read_word)
        raise MinisglError(f"{config.run} is a run of {report['experiment']}; shaky hands are told by one of {readers}")
    asked = pictures(config)  # all of them are read before anything is written
    if not config.out.is_dir():
        raise MinisglError(f"--out {config.out} is no directory")
    found, taken = [], set[Path]()
    for name, image in asked:
        answer = {"picture": name, **classify(network, image)}
        path = free_name(config.out, name, taken)
        percent = 100 * (answer["shaky"] if answer["class"] == "shaky" else 1 - answer["shaky"])
        title = f"{Path(name).name}: {answer['class']} ({percent:.1f} %)"
        plots.save(occlusion_figure(image[0], occlusion_map(network, image), title), path)
        found.append({**answer, "looked_at": str(path)})
    return found


def main() -> None:
    """Parse, classify, and exit 2 with a sentence when something is wrong."""
    with errors_as_sentences():
        config = tyro.cli(ClassifyConfig, prog="python -m minisgl.classify", args=sys.argv[1:])
        found = run(config)
        if config.json:
            print(json.dumps(found))
            return
        for answer in found:
            print(f"{answer['picture']}: {answer['class']}   (shaky: {100 * answer['shaky']:.1f} %)   {answer['looked_at']}")


if __name__ == "__main__":
    main()
