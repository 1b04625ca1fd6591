"""`python -m minisgl.evaluate`: a run's error on a set, and the digit in a user's own picture."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from support.commands import run_module
from support.digits import write_digits

import minisgl
from minisgl.data.mnist import Digits
from minisgl.data.pictures import read_digit
from minisgl.errors import MinisglError


@pytest.fixture(scope="module")
def trained(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense network that trained on 2,000 digits for four epochs."""
    folder = tmp_path_factory.mktemp("trained")
    done = run_module("minisgl.train", "--data", small, "--penalty", "none", "--epochs", 4, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def photograph(digit: np.ndarray) -> Image.Image:
    """A digit (28, 28) as dark ink on light noisy paper, large and off-centre: what a user's camera might give."""
    pixels = Image.fromarray((digit * 255).astype(np.uint8))
    big = np.asarray(pixels.resize((140, 140), Image.Resampling.BICUBIC)) / 255
    page = np.full((300, 260), 235.0)
    page[20:160, 110:250] -= 195 * big
    page += np.random.default_rng(0).normal(0, 3, page.shape)
    return Image.fromarray(page.clip(0, 255).astype(np.uint8))


def test_the_error_on_the_set_of_the_run_and_on_another(trained: Path, small: Path, command, tmp_path: Path) -> None:
    report = minisgl.load(trained)[1]
    done = command("minisgl.evaluate", trained)
    assert f"{report['w']['test_error']:.2f} % error" in done.stdout, done.stderr
    assert "of 1,000 test images" in done.stdout

    _, test = minisgl.data.mnist.load(small)
    write_digits(tmp_path, "t10k", test[:10])
    done = command("minisgl.evaluate", trained, "--data", tmp_path)
    assert "of 10 test images" in done.stdout, done.stderr


def test_pictures_of_digits_are_read_dark_on_light_and_light_on_dark(
    trained: Path, digits: tuple[Digits, Digits], command, tmp_path: Path
) -> None:
    test = digits[1]
    chosen = [int(np.flatnonzero(test.labels == digit)[3]) for digit in range(10)]
    for digit, i in enumerate(chosen):
        picture = photograph(test.images[i, 0])
        (ImageOps.invert(picture) if digit % 2 else picture.convert("RGB")).save(tmp_path / f"{digit}.png")
    done = command("minisgl.evaluate", trained, *[f"{digit}.png" for digit in range(10)])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    predicted = [int(line.split(": ")[1].split()[0]) for line in lines]
    assert sum(a == b for a, b in enumerate(predicted)) >= 9, done.stdout  # a network of 2,000 digits may miss one
    percents = [float(word) for word in lines[0].replace("%", "").split() if word.replace(".", "").isdigit() and "." in word]
    assert sum(percents) == pytest.approx(100, abs=0.6)


def test_a_picture_becomes_what_mnist_looks_like(digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    original = digits[1].images[0]
    photograph(original[0]).save(tmp_path / "seven.png")
    image = read_digit(tmp_path / "seven.png")
    assert image.shape == (1, 28, 28)
    assert image.dtype == np.float32
    assert image.min() == 0
    assert image.max() <= 1
    assert np.corrcoef(image.ravel(), original.ravel())[0, 1] > 0.9  # the same digit, in the same place

    Image.fromarray(np.round(original[0] * 255).astype(np.uint8)).save(tmp_path / "exact.png")
    np.testing.assert_allclose(read_digit(tmp_path / "exact.png"), original, atol=1e-6)  # MNIST's own form is left alone


def test_sixteen_bits_transparency_and_rotation(digits: tuple[Digits, Digits], tmp_path: Path) -> None:
    picture = photograph(digits[1].images[0, 0])
    picture.save(tmp_path / "plain.png")
    expected = read_digit(tmp_path / "plain.png")

    deep = np.asarray(picture).astype(np.uint16) * 257
    Image.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_allclose(read_digit(tmp_path / "deep.png"), expected, atol=0.02)

    ink = Image.new("RGBA", picture.size, "black")
    ink.putalpha(ImageOps.invert(picture).point(lambda grey: max(grey - 40, 0)))
    ink.save(tmp_path / "clear.png")
    assert np.corrcoef(read_digit(tmp_path / "clear.png").ravel(), expected.ravel())[0, 1] > 0.95

    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: turn clockwise to view
    picture.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_allclose(read_digit(tmp_path / "turned.png"), expected, atol=1e-6)


def test_one_picture_that_cannot_be_read_does_not_silence_the_others(trained: Path, digits, command, tmp_path: Path) -> None:
    for i in range(2):
        photograph(digits[1].images[i, 0]).save(tmp_path / f"{i}.png")
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    done = command("minisgl.evaluate", trained, "0.png", "blank.png", "nowhere.png", "1.png")
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["0.png", "1.png"]
    blank, nowhere, end = done.stderr.splitlines()
    assert blank.startswith("minisgl: blank.png shows nothing")
    assert nowhere.startswith("minisgl: nowhere.png cannot be read: No such file")
    assert end == "minisgl: 2 of 4 pictures could not be read"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(trained: Path, command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    for words in (
        ("minisgl.evaluate", trained, "pipe.png"),
        ("minisgl.evaluate", "pipe.png"),
        ("minisgl.train", "--init", "pipe.png"),
        ("minisgl.sweep", "--draw", "pipe.png"),
    ):
        done = command(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "pipe.png" in done.stderr
        assert "Traceback" not in done.stderr


def test_pictures_that_show_nothing_or_cannot_be_read(trained: Path, command, tmp_path: Path) -> None:
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    with pytest.raises(MinisglError, match="shows nothing"):
        read_digit(tmp_path / "blank.png")
    (tmp_path / "words.png").write_text("not a picture")
    with pytest.raises(MinisglError, match="cannot be read as a picture"):
        read_digit(tmp_path / "words.png")
    photograph(np.eye(28)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:200])
    with pytest.raises(MinisglError, match="cannot be read as a picture"):
        read_digit(tmp_path / "cut.png")
    Image.new("L", (28, 28), 0).save(tmp_path / "black.png")
    with pytest.raises(MinisglError, match="shows nothing"):
        read_digit(tmp_path / "black.png")
    done = command("minisgl.evaluate", trained, "nowhere.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nowhere.png cannot be read: No such file" in done.stderr
    done = command("minisgl.evaluate", trained, "blank.png", "--data", tmp_path)
    assert done.returncode == 2
    assert "not both" in done.stderr
