"""The three sets: the same from the same seed, apart in words and fonts, balanced, kept in a cache, and with no trivial cue."""

import os
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from minisgl.data import curves
from minisgl.data.curves import dataset
from minisgl.errors import MinisglError

COUNTS = (6, 4, 2)


def quiet() -> Console:
    return Console(file=StringIO())


def load(cache: Path, **options):
    return curves.load(**{"counts": COUNTS, "cache": cache, "console": quiet(), **options})


# ---- the pictures


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        load(tmp_path / name)
    (a,), (b,) = ((tmp_path / name).iterdir() for name in ("a", "b"))
    assert a.name == b.name
    assert a.read_bytes() == b.read_bytes()
    assert not np.array_equal(load(tmp_path / "a")[0].images, load(tmp_path / "a", seed=1)[0].images)


def test_a_picture_does_not_depend_on_order_or_number(tmp_path):
    few, more = load(tmp_path, counts=(2, 1, 1)), load(tmp_path, counts=(5, 3, 3))
    for a, b in zip(few, more, strict=True):
        assert np.array_equal(a.images, b.images[: len(a)])
    backwards = [curves.draw("train", i, 0) for i in reversed(range(5))]
    assert np.array_equal(np.stack(backwards[::-1]) / np.float32(255), more[0].images[:, 0])
    assert len({curves.draw(split, 0, 0).tobytes() for split in curves.SPLITS}) == 3


def test_types_shapes_and_balance(tmp_path):
    for part, count in zip(load(tmp_path), COUNTS, strict=True):
        assert part.images.shape == (count, 1, *curves.SIZE)
        assert part.images.dtype == np.float32
        assert part.images.min() >= 0
        assert part.images.max() <= 1
        assert np.bincount(part.labels).tolist() == [count / 2, count / 2]


def test_a_label_says_whether_there_is_a_tremor():
    for split in curves.SPLITS:
        tremors = np.array([curves.choose(split, i, 0)[2] for i in range(100)])
        assert (tremors[0::2] == 0).all()
        assert (tremors[1::2] >= curves.RMS[0]).all()
        assert (tremors[1::2] <= curves.RMS[1]).all()


# ---- the splits


def test_words_are_english_looking_and_in_one_split_only():
    parts = {split: set(curves.words(split)) for split in curves.SPLITS}
    every = sorted(word for part in parts.values() for word in part)
    assert len(every) == len(set(every)) == sum(len(curves.words(split)) for split in curves.SPLITS) > 2_000
    assert all(word.isascii() and word.isalpha() and word.islower() and 4 <= len(word) <= 9 for word in every)
    assert min(map(len, parts.values())) > 200


def test_fonts_are_in_one_split_only_and_every_split_has_the_three_kinds():
    names = [font for kinds in curves.FONTS.values() for fonts in kinds.values() for font in fonts]
    assert len(names) == len(set(names)) == len(curves.KINDS)
    assert all(list(kinds) == ["single-stroke", "multi-stroke", "outline"] for kinds in curves.FONTS.values())
    family = {"DejaVuSans": "train", "DejaVuSerif": "train", "STIX": "test", "times": "train", "script": "train"}
    for start, split in family.items():
        inside = {font for fonts in curves.FONTS[split].values() for font in fonts}
        assert {font for font in names if font.startswith(start) and font != "timesg"} <= inside


def test_every_font_and_many_words_of_a_split_are_drawn_and_no_others():
    for split in curves.SPLITS:
        chosen = [curves.choose(split, i, 0)[:2] for i in range(400)]
        fonts = [font for _, font in chosen]
        assert set(fonts) == {font for each in curves.FONTS[split].values() for font in each}
        kinds = [curves.KINDS[font] for font in fonts]
        assert all(100 < kinds.count(kind) < 170 for kind in set(kinds))
        assert {word for word, _ in chosen} <= set(curves.words(split))
        assert len({word for word, _ in chosen}) > 100


# ---- no trivial cue


def cues(pictures: np.ndarray) -> np.ndarray:
    """What could betray a class without a look at the curve, (N, 6 + 15 + 6) from pictures (N, H, W) in [0, 1].

    Ink (above the paper, and in all), the area, width and height of what is dark, the total gradient magnitude; the ratio of
    every two; the logarithm of each.
    """
    above = pictures - np.median(pictures, axis=(1, 2), keepdims=True)
    dark = above > 0.3
    rows, columns = dark.any(axis=2), dark.any(axis=1)
    height = rows.shape[1] - rows.argmax(axis=1) - rows[:, ::-1].argmax(axis=1)
    width = columns.shape[1] - columns.argmax(axis=1) - columns[:, ::-1].argmax(axis=1)
    gradient = np.hypot(*np.gradient(pictures, axis=(1, 2))).sum(axis=(1, 2))
    ink, total, area = np.abs(above).sum(axis=(1, 2)), pictures.sum(axis=(1, 2)), dark.sum(axis=(1, 2))
    base = [ink, total, area, width, height, gradient]
    ratios = [a / b for i, a in enumerate(base) for b in base[:i]]
    return np.stack([*base, *ratios, *np.log(base)], axis=1)


def logistic_regression(x: np.ndarray, y: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Newton's method for the weights of sigma(x w), with a small ridge."""
    w = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge * np.eye(len(w))
        w -= np.linalg.solve(hessian, x.T @ (p - y) + ridge * w)
    return w


def accuracy(fit: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    """Percent of the test's labels (N,) that a logistic regression on the fit's features (N, D) predicts."""
    mean, spread = fit[0].mean(axis=0), fit[0].std(axis=0)
    x, z = ((part[0] - mean) / spread for part in (fit, test))
    w = logistic_regression(np.c_[x, np.ones(len(x))], fit[1])
    return 100 * float(((np.c_[z, np.ones(len(z))] @ w > 0) == test[1]).mean())


@pytest.fixture(scope="module")
def features() -> dict[str, np.ndarray]:
    """The cues of the first pictures of the training and the test set."""
    return {
        split: cues(np.stack([curves.draw(split, i, 0) for i in range(count)]) / 255)
        for split, count in (("train", 1_500), ("test", 900))
    }


def test_no_trivial_cue_separates_the_classes(features):
    fit, test = ((features[split], np.arange(len(features[split])) % 2) for split in ("train", "test"))
    assert accuracy(fit, test) < 75


def test_the_cues_would_show_a_class_that_had_more_ink(features):
    dense = {split: each[:, 0] / each[:, 2] for split, each in features.items()}
    fit, test = ((features[split], dense[split] > np.median(dense["train"])) for split in ("train", "test"))
    assert accuracy(fit, test) > 90


# ---- the cache


def test_what_is_kept_is_not_drawn_again(tmp_path, monkeypatch):
    first = load(tmp_path)
    monkeypatch.setattr(dataset, "draw", None)
    console = quiet()
    for a, b in zip(first, load(tmp_path, console=console), strict=True):
        assert np.array_equal(a.images, b.images)
    assert console.file.getvalue() == ""


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b"", lambda b: b[:-50] + bytes([b[-50] ^ 1]) + b[-49:]])
def test_a_damaged_file_is_replaced(damage, tmp_path):
    first = load(tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    console = quiet()
    again = load(tmp_path, console=console)
    assert str(path) in console.file.getvalue()
    assert console.file.getvalue().count("\n") == 1
    assert np.array_equal(first[0].images, again[0].images)
    assert path.read_bytes() == whole
    assert os.listdir(tmp_path) == [path.name]


def test_the_cache_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    curves.load(counts=COUNTS, console=quiet())
    assert [path.suffix for path in (tmp_path / "minisgl").iterdir()] == [".safetensors"]
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path / "home"))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for unusable in ("", "relative"):  # the XDG specification has relative paths ignored
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert curves.default_cache() == tmp_path / "home" / ".cache" / "minisgl"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for system, folder in (("win32", tmp_path / "local"), ("linux", tmp_path / "home" / ".cache")):
        monkeypatch.setattr(dataset.sys, "platform", system)
        assert curves.default_cache() == folder / "minisgl"


def test_pictures_of_another_seed_count_or_version_are_in_another_file(tmp_path, monkeypatch):
    for options in ({}, {"seed": 1}, {"counts": (6, 4, 3)}):
        load(tmp_path, **options)
    monkeypatch.setattr(dataset.metadata, "version", lambda name: "another")
    load(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_progress_is_a_line_or_a_bar(tmp_path):
    console = Console(file=StringIO())
    load(tmp_path / "a", console=console)
    (path,) = (tmp_path / "a").iterdir()
    assert console.file.getvalue() == f"drawing 12 pictures of words, kept in {path}\n"
    terminal = Console(file=StringIO(), force_terminal=True, width=100)
    load(tmp_path / "b", console=terminal)
    assert "12/12" in terminal.file.getvalue()


@pytest.mark.parametrize("options", [{"seed": -1}, {"counts": (0, 1, 1)}])
def test_a_sentence_for_wrong_numbers(options, tmp_path):
    with pytest.raises(MinisglError, match=r"seed must be >= 0 and each count >= 1, but they are (0|-1) and (0|6), "):
        load(tmp_path, **options)


def test_a_sentence_for_a_cache_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MinisglError, match=r"file cannot be created: .*(exists|Not a directory)"):
        load(tmp_path / "file")
