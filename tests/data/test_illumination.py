"""Photographs with a shadow are read: the light is divided out, and a picture in even light stays as it is."""

import numpy as np
import pytest
from PIL import Image

from minisgl.data import curves
from minisgl.data.illumination import flatten
from minisgl.data.pictures import crop_to_ink, read_digit
from minisgl.data.word_pictures import read_word
from minisgl.errors import MinisglError

WORDS = ("garden", "minute", "hello", "minimum", "letter", "window", "summer", "winter", "paper", "little")
FONTS = ("cursive", "futural", "rowmand", "timesi")


def page(i: int, scale: int = 5) -> np.ndarray:
    """A word, dark on light, large as in a photograph; every second one is written with a tremor."""
    picture = curves.render_word(WORDS[i % 10], FONTS[i // 10], 0.13 * (i % 2), np.random.default_rng(i))
    size = (picture.shape[1] * scale, picture.shape[0] * scale)
    return np.asarray(Image.fromarray(np.uint8(255 * (1 - picture))).resize(size), float) / 255


def shadow(shape: tuple[int, ...], angle: float, darkest: float = 0.4) -> np.ndarray:
    """A light that falls along a straight line, from 1 to `darkest`."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    along = np.cos(angle) * x / shape[1] + np.sin(angle) * y / shape[0]
    return darkest + (1 - darkest) * (along - along.min()) / np.ptp(along)


def save(path, grey: np.ndarray):
    Image.fromarray(np.uint8(np.round(255 * np.clip(grey, 0, 1)))).save(path)
    return path


def test_forty_words_under_a_shadow_are_read(tmp_path):
    rng, read = np.random.default_rng(0), 0
    for i in range(40):
        grey = page(i)
        grey = grey * shadow(grey.shape, rng.uniform(0, 2 * np.pi)) + rng.normal(scale=0.03, size=grey.shape)
        try:
            read += read_word(save(tmp_path / "word.png", grey)).shape == (1, *curves.SIZE)
        except MinisglError as error:
            assert "in even light" in str(error)  # noqa: PT017
    assert read >= 38


@pytest.mark.parametrize("dark_paper", [False, True])
@pytest.mark.parametrize("angle", np.linspace(0, 2 * np.pi, 5)[:-1])
def test_under_a_shadow_the_ink_is_where_it_is_without_one(angle, dark_paper, tmp_path):
    grey = np.pad(page(11), 60, constant_values=0.9)
    light = shadow(grey.shape, angle)
    shaded = light * grey
    if dark_paper:
        grey, shaded = 1 - grey, 1 - shaded
    inks = [np.abs(flat - np.median(flat)) > 0.4 for flat in (grey, flatten(shaded))]
    assert np.logical_and(*inks).sum() > 0.9 * np.logical_or(*inks).sum()


@pytest.mark.parametrize("i", [0, 1, 13, 27])
def test_a_picture_in_even_light_stays_as_it_is(i):
    grey = np.pad(page(i), 20, constant_values=0.93).astype(np.float32)
    assert flatten(grey) is grey
    assert np.array_equal(flatten(1 - grey), 1 - grey)


def test_a_digit_under_a_shadow_is_read_as_without_one(digits, tmp_path):
    digit = np.asarray(Image.fromarray(digits[1].images[7, 0]).resize((280, 280)))
    grey = np.pad(1 - 0.8 * np.clip(digit, 0, 1), 60, constant_values=1.0)
    plain = read_digit(save(tmp_path / "plain.png", grey))
    shaded = read_digit(save(tmp_path / "shaded.png", grey * shadow(grey.shape, 1.0)))
    assert np.corrcoef(plain.ravel(), shaded.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("ink", ["white", "black", (255, 230, 200)])
def test_ink_on_a_transparent_picture_is_read_whatever_its_colour(ink, tmp_path):
    picture = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    picture.paste(Image.new("RGBA", (12, 60), ink), (40, 15))
    picture.save(tmp_path / "one.png")
    digit = read_digit(tmp_path / "one.png")[0]
    assert digit.max() > 0.9
    assert (digit > 0.5).sum() == pytest.approx(20 * 4, abs=20)


def test_an_even_picture_shows_nothing():
    with pytest.raises(MinisglError, match="shows nothing"):
        crop_to_ink("grey.png", flatten(np.full((90, 90), 0.5)))
