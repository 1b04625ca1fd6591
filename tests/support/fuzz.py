"""Damaged input for every reader: mutated files and command lines must give a valid result or a MinisglError, nothing else.

    python tests/support/fuzz.py --count 100000              every reader in turn, reproducible from --seed
    python tests/support/fuzz.py --target idx --atheris      guided by coverage, until stopped (pip install atheris)

Each reader starts from valid examples. A mutation flips, drops, doubles or overwrites bytes, or splices two examples; numbers
that often break readers are among the overwritten ones. Memory is limited to 4 GB, so that a forged size shows itself.
"""

import argparse
import gzip
import inspect
import io
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from minisgl import config as configuration
from minisgl import ranges, train
from minisgl.analysis.compact import compact
from minisgl.data import curves, idx, pictures
from minisgl.errors import MinisglError
from minisgl.experiments import PRESETS, configured
from minisgl.formats import network_file
from minisgl.models import lenet5
from minisgl.training import checkpoint
from minisgl.training.checkpoint import Position
from minisgl.training.setup import make_splitting

SMALL = (2, 3, 4, 3)  # units of the network in the examples: files of some kilobytes
NASTY = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x00" * 8,
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"[]",
    b'"',
]
OTHERS = (None, -1, 1e300, "null\0", ["text"], {"text": 1})
Target = Callable[[bytes], None]


class Readers:
    """Each reader as a function of bytes, and valid examples for it."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.network = lenet5(np.random.default_rng(0), units=SMALL)
        self.targets: dict[str, Target] = {
            "idx": self.read_idx,
            "model": self.read_model,
            "checkpoint": self.read_checkpoint,
            "compact": self.read_compact,
            "config": self.read_config,
            "command line": self.read_words,
            "picture": self.read_picture,
            "font": self.read_font,
        }
        self.examples = {name: getattr(self, f"{name.replace(' ', '_')}_examples")() for name in self.targets}

    def _written(self, data: bytes, name: str = "file") -> Path:
        path = self.scratch / name
        path.write_bytes(data)
        return path

    def read_idx(self, data: bytes) -> None:
        for dimensions in (1, 3):
            idx.read(self._written(data), dimensions)

    def idx_examples(self) -> list[bytes]:
        images = bytes([0, 0, 8, 3]) + np.array([2, 5, 4], ">u4").tobytes() + bytes(range(40))
        labels = bytes([0, 0, 8, 1]) + np.array([3], ">u4").tobytes() + bytes([1, 2, 3])
        return [images, labels, gzip.compress(images), gzip.compress(labels)]

    def read_model(self, data: bytes) -> None:
        assert np.isfinite(network_file.read_parameters(self._written(data), self.network).flat).all()

    def model_examples(self) -> list[bytes]:
        network_file.write(self.scratch / "example", self.network)
        return [(self.scratch / "example").read_bytes()]

    def _splitting(self):
        return make_splitting(PRESETS["quick"], self.network.with_flat(self.network.flat.copy()))

    def read_checkpoint(self, data: bytes) -> None:
        directory = self.scratch / "checkpoints"
        directory.mkdir(exist_ok=True)
        (directory / "000007.safetensors").write_bytes(data)
        assert checkpoint.load(directory, self._splitting()) is not None

    def checkpoint_examples(self) -> list[bytes]:
        directory = self.scratch / "examples"
        directory.mkdir()
        return [checkpoint.save(directory, self._splitting(), Position(1, 2, 3.5, 4, 5, 6.0), {"lr": 1}).read_bytes()]

    def read_compact(self, data: bytes) -> None:
        assert np.isfinite(network_file.read(self._written(data)).flat).all()

    def compact_examples(self) -> list[bytes]:
        sparse = self.network.with_flat(self.network.flat.copy())
        sparse.layers["fc1"].weight[:, ::2] = 0  # with a Gather
        return [network_file.as_bytes(network) for network in (self.network, compact(sparse))]

    def read_config(self, data: bytes) -> None:
        ranges.check(configuration.from_json(self._written(data)))

    def config_examples(self) -> list[bytes]:
        return [json.dumps(configuration.as_json(config)).encode() for config in PRESETS.values()]

    def read_words(self, data: bytes) -> None:
        words = [word.decode(errors="replace") for word in data.split(b" ")]
        try:
            ranges.check(configured(train.parse(words)))
        except SystemExit as stop:
            if stop.code == 2:  # in the command line library's own box
                raise MinisglError("refused") from stop
            if stop.code:  # 0 is --help
                raise

    def command_line_examples(self) -> list[bytes]:
        return [
            b"--penalty tl1 --penalty-option a=1.0 --lam 1e-6",
            b"--preset paper --epochs 3 --batch-size 10 --lr 0.1 --lr-drops 1 2",
            b"--threshold 0.1 0.2 0.3 0.4 --beta 0.02 --beta-rise 10 --ramp 0.5 --seed 3",
            b"--optimizer sgd --momentum 0.9 --nesterov --group-lam 0 --v-group none",
        ]

    def read_picture(self, data: bytes) -> None:
        digit = pictures.read_digit(self._written(data))
        assert digit.shape == (1, 28, 28)
        assert np.isfinite(digit).all()

    def picture_examples(self) -> list[bytes]:
        pixels = np.full((20, 16), 255, np.uint8)
        pixels[5:15, 6:9] = 10
        made = []
        for kind in pictures.FORMATS:
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, kind)
            made.append(file.getvalue())
        return made

    def read_font(self, data: bytes) -> None:
        picture = curves.render_word("hello", str(self._written(data, "font.ttf")), 0.1, np.random.default_rng(0))
        assert picture.shape == curves.SIZE
        assert np.isfinite(picture).all()

    def font_examples(self) -> list[bytes]:
        folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        return [(folder / name).read_bytes() for name in ("cmtt10.ttf", "cmr10.ttf")]


def with_other_types(value: object) -> Iterator[object]:
    """Yield copies of a JSON value in which one of the values that it holds, itself included, is replaced by another type's."""
    yield from (other for other in OTHERS if type(other) is not type(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in with_other_types(inner))
            yield {name: kept for name, kept in value.items() if name != key}
    if isinstance(value, list):
        for i, inner in enumerate(value[:1]):
            yield from ([*value[:i], other, *value[i + 1 :]] for other in with_other_types(inner))


def mutated(rng: random.Random, examples: list[bytes]) -> bytes:
    """One example with one to eight mutations."""
    data = bytearray(rng.choice(examples))
    for _ in range(rng.choice([1, 1, 2, 4, 8])):
        end = min(len(data), rng.choice([600, len(data)]))  # headers lie in front
        at, length = rng.randrange(end + 1), rng.choice([1, 2, 4, 8, 64])
        match rng.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length]
            case 3:
                data[at : at + length] = rng.choice(NASTY)
            case 4:
                data[at : at + length] = rng.randbytes(length)
            case 5:
                other = rng.choice(examples)
                data[at:] = other[rng.randrange(len(other) + 1) :]
    return bytes(data)


def outcome(target: Target, data: bytes) -> str:
    """ "valid" or "refused"; whatever else happens is raised."""
    try:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            target(data)
    except MinisglError:
        return "refused"
    return "valid"


def run(count: int, seed: int, names: list[str] | None = None) -> Counter[str]:
    """So many mutations, over all targets in turn; how often each outcome came. Raises at the first that is neither."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        readers = Readers(Path(scratch))
        names = names or list(readers.targets)
        for i in range(count):
            name = names[i % len(names)]
            data = mutated(random.Random(f"{seed} {i}"), readers.examples[name])
            try:
                outcomes[f"{name} {outcome(readers.targets[name], data)}"] += 1
            except BaseException:
                print(f"target {name}, mutation {i} of seed {seed}: {data!r}", file=sys.stderr)
                raise
    return outcomes


def guided(name: str) -> None:
    """Hand the target to atheris, which stops at the first crash."""
    import atheris  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as scratch:
        readers = Readers(Path(scratch))
        corpus = Path(scratch) / "corpus"
        corpus.mkdir()
        for i, example in enumerate(readers.examples[name]):
            (corpus / str(i)).write_bytes(example)
        for module in [module for known, module in sys.modules.items() if known.startswith("minisgl.")]:
            for _, function in inspect.getmembers(module, inspect.isfunction):
                atheris.instrument_func(function)
        atheris.Setup([sys.argv[0], str(corpus)], lambda data: outcome(readers.targets[name], data))
        atheris.Fuzz()


def main() -> None:
    """Fuzz, and print the outcomes."""
    parser = argparse.ArgumentParser(description="Damaged input for everything that reads.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target")
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    import resource  # noqa: PLC0415 (Windows has none)

    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    if arguments.atheris:
        guided(arguments.target or "idx")
        return
    for name, count in sorted(run(arguments.count, arguments.seed, [arguments.target] if arguments.target else None).items()):
        print(f"{count:8,} {name}")


if __name__ == "__main__":
    main()
