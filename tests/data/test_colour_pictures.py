"""A user's own picture becomes one like CIFAR's: upright, its middle, 3 x 32 x 32, in red, green and blue."""

import sys

import numpy as np
import pytest
from PIL import Image

from minisgl.data.pictures import MAX_SIDE, read_colour
from minisgl.errors import MinisglError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def halves(left: tuple, right: tuple, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> Image.Image:
    """A picture of this width and height with two colours."""
    picture = Image.new(mode, size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


def saved(picture: Image.Image, path, **options):
    picture.save(path, **options)
    return path


def is_colour(pixels: np.ndarray, colour: tuple, near: float = 0.01) -> bool:
    """Whether all pixels (3, H, W) have this colour, 0 to 255."""
    return bool((np.abs(pixels - np.array(colour)[:, None, None] / 255) <= near).all())


def test_a_picture_of_the_right_size_is_not_changed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    found = read_colour(saved(Image.fromarray(pixels), tmp_path / "a.png"))
    assert (found.shape, found.dtype) == ((3, 32, 32), np.float32)
    np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("size", [(64, 64), (33, 33), (5, 5), (1, 1), (300, 200), (200, 300), (1, 500), (6000, 3)])
def test_any_size(size, tmp_path):
    found = read_colour(saved(halves(RED, RED, size), tmp_path / "a.png"))
    assert found.shape == (3, 32, 32)
    assert is_colour(found, RED)
    assert read_colour(tmp_path / "a.png", size=8).shape == (3, 8, 8)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_middle_is_cut_out(transposed, tmp_path):
    picture = Image.new("RGB", (300, 100), GREEN)
    picture.paste(RED, (100, 0, 150, 100))
    picture.paste(BLUE, (150, 0, 200, 100))
    if transposed:
        picture = picture.transpose(Image.Transpose.TRANSPOSE)
    found = read_colour(saved(picture, tmp_path / "a.png"))
    found = found.swapaxes(1, 2) if transposed else found
    assert is_colour(found[:, :, 1:13], RED, 0.1)  # near an edge the filter overshoots
    assert is_colour(found[:, :, 19:31], BLUE, 0.1)


def test_a_smooth_picture_becomes_the_means_of_its_squares(tmp_path):
    x = np.arange(320) / 320
    rows, columns = np.sin(5 * x)[:, None], np.cos(7 * x)[None]
    pixels = np.round(127 + 120 * np.stack([rows * columns, rows + 0 * columns, 0 * rows + columns], axis=-1)).astype(np.uint8)
    found = read_colour(saved(Image.fromarray(pixels), tmp_path / "a.png"))
    expected = pixels.reshape(32, 10, 32, 10, 3).mean(axis=(1, 3)).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.015)


@pytest.mark.parametrize(("orientation", "where"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom"), (2, "right")])
def test_a_photograph_is_turned_upright(orientation, where, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_colour(saved(halves(RED, BLUE), tmp_path / "a.jpg", exif=exif, quality=95))
    parts = {"left": found[:, :, :12], "right": found[:, :, 20:], "top": found[:, :12], "bottom": found[:, 20:]}
    assert is_colour(parts[where], RED, 0.15)


def test_transparent_pixels_are_white(tmp_path):
    picture = halves((255, 0, 0, 0), (0, 0, 255, 255), mode="RGBA")
    for path in (saved(picture, tmp_path / "a.png"), saved(picture.quantize(), tmp_path / "palette.png")):
        found = read_colour(path)
        assert is_colour(found[:, :, :12], WHITE)
        assert is_colour(found[:, :, 20:], BLUE)
    half = read_colour(saved(Image.new("RGBA", (32, 32), (255, 0, 0, 128)), tmp_path / "half.png"))
    assert is_colour(half, (255, 127, 127))


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "I;16", "F"])
def test_other_kinds_of_pictures(mode, tmp_path):
    grey = Image.new("L", (40, 40), 255)
    grey.paste(0, (20, 0, 40, 40))
    picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    found = read_colour(saved(picture, tmp_path / ("a.png" if mode not in ("CMYK", "F") else "a.tiff")))
    assert is_colour(found[:, :, :12], WHITE)
    assert is_colour(found[:, :, 20:], (0, 0, 0))


# ---- what is refused


def refusal(path) -> str:
    with pytest.raises(MinisglError) as caught:
        read_colour(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_picture(tmp_path):
    assert "nowhere.png cannot be read: No such file" in refusal(tmp_path / "nowhere.png")
    (tmp_path / "text.png").write_text("text")
    assert "text.png cannot be read as a picture (PNG, JPEG, " in refusal(tmp_path / "text.png")
    assert "cannot be read: " in refusal(tmp_path)


def test_a_picture_that_is_too_large(tmp_path):
    path = saved(Image.new("1", (MAX_SIDE + 1, 2)), tmp_path / "large.png")
    assert f"large.png is {MAX_SIDE + 1} x 2 pixels; at most {MAX_SIDE} per side are allowed" in refusal(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_picture_that_is_cut_off(name, tmp_path):
    content = saved(halves(RED, BLUE, (200, 200)), tmp_path / name).read_bytes()
    for size in np.linspace(0, len(content) - 30, 12).astype(int):
        (tmp_path / name).write_bytes(content[:size])
        assert f"{name} cannot be read as a picture" in refusal(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    import os  # noqa: PLC0415

    os.mkfifo(tmp_path / "pipe")
    assert "cannot be read: Not a regular file" in refusal(tmp_path / "pipe")
