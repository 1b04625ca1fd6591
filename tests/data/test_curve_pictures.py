"""A word's picture: whole, in its frame, the same apart from the tremor, and a sentence for what cannot be drawn."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from minisgl.data import curves
from minisgl.data.curves import dataset, displacement, fonts, glyphs
from minisgl.data.curves.fonts import set_word
from minisgl.data.curves.rendering import TRAINING, Variety, rasterise
from minisgl.data.curves.words import words
from minisgl.errors import MinisglError

REFERENCE = Path(__file__).with_name("curves_reference.png")
DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def border(picture: np.ndarray) -> np.ndarray:
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


# ---- fonts


@pytest.mark.parametrize("font", sorted(curves.KINDS))
def test_a_built_in_font_has_all_letters_and_an_o_of_height_one(font):
    for letter in set("abcdefghijklmnopqrstuvwxyz") - set(fonts.MISSING_LETTERS.get(font, "")):
        lines, kind = set_word(letter, font)
        assert kind == curves.KINDS[font]
        assert lines
        assert all(line.shape == (len(line), 2) and len(line) > 1 and np.isfinite(line).all() for line in lines)
    assert max(line[:, 1].max() for line in set_word("o", font)[0]) == pytest.approx(1, abs=0.01)


def test_outlines_are_closed_and_single_strokes_are_not():
    assert all((line[0] == line[-1]).all() for line in set_word("loop", "DejaVuSans")[0])
    assert not all((line[0] == line[-1]).all() for line in set_word("loop", "futural")[0])


def test_letters_stand_side_by_side_on_the_base_line():
    one, two = set_word("i", "futural")[0], set_word("ii", "futural")[0]
    advance = glyphs.hershey("futural")("i").advance
    assert two[len(one)] == pytest.approx(one[0] + [advance, 0])
    assert min(line[:, 1].min() for line in set_word("x", "futural")[0]) == pytest.approx(0)


def test_resampling_keeps_the_ends_and_the_length():
    corner = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.5]])
    fine = glyphs.resample(corner)
    assert fine[[0, -1]].tolist() == corner[[0, -1]].tolist()
    step = np.hypot(*np.diff(fine, axis=0).T)
    assert step.max() <= glyphs.STEP + 1e-12
    assert step.sum() == pytest.approx(1.5, abs=glyphs.STEP)


def test_symbol_fonts_are_left_out():
    symbols = {"cmex10", "cmsy10", "LastResortHE-Regular", "astrology", "markers", "music", "symbolic", "meteorology"}
    assert not symbols & curves.KINDS.keys()
    assert not any("Siz" in font or "NonUni" in font for font in curves.KINDS)


# ---- pictures


@pytest.mark.parametrize("tremor", [0.0, 0.09, 0.18])
@pytest.mark.parametrize("font", ["cursive", "gothgbt", "DejaVuSans"])
def test_a_picture_is_float32_in_0_to_1_and_repeatable(font, tremor):
    picture = curves.render_word("hello", font, tremor, rng())
    assert picture.shape == curves.SIZE
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert 0.5 < picture.max() <= 1
    assert np.array_equal(picture, curves.render_word("hello", font, tremor, rng()))
    assert not np.array_equal(picture, curves.render_word("hello", font, tremor, rng(1)))


def test_another_size_shows_the_same_word():
    small = curves.render_word("hello", "scriptc", 0.1, rng(), size=(48, 128))
    large = curves.render_word("hello", "scriptc", 0.1, rng(), size=(192, 512))
    assert large.shape == (192, 512)
    reduced = large.reshape(48, 4, 128, 4).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), reduced.ravel())[0, 1] > 0.7


def test_no_word_is_cut_off():
    for split in curves.SPLITS:
        for i in range(150):
            picture = curves.draw(split, i, seed=1) / 255
            # the ink is at least 0.58 darker than the paper, whose noise is at most 0.05
            assert np.ptp(border(picture)) < 0.45, (split, i)


def test_nothing_but_the_displacement_depends_on_the_tremor(monkeypatch):
    monkeypatch.setattr(displacement, "write", lambda lines, kind, band, rms, rng: lines)
    regular, shaky = (curves.render_word("hello", "timesr", tremor, rng()) for tremor in (0.0, 0.18))
    assert np.array_equal(regular, shaky)


def test_regular_words_drift_by_as_much_as_shaky_ones_tremble(monkeypatch):
    asked = {displacement.DRIFT: [], displacement.TREMOR: [], displacement.BEND: []}
    write = displacement.write

    def spy(lines, kind, band, rms, rng):
        asked[band].append(rms)
        return write(lines, kind, band, rms, rng)

    monkeypatch.setattr(displacement, "write", spy)
    for i in range(400):
        curves.draw("train", i, seed=2)
    assert len(asked[displacement.DRIFT]) == len(asked[displacement.TREMOR]) == 200
    low, high = curves.RMS
    assert len(asked[displacement.BEND]) == 400
    for rms in (asked[displacement.DRIFT], asked[displacement.TREMOR]):
        assert min(rms) >= low
        assert max(rms) <= high
        # uniform: the mean of 200 has a standard deviation of a fifth of a tenth of the range
        assert np.mean(rms) == pytest.approx((low + high) / 2, abs=0.1 * (high - low))


def test_training_pictures_of_both_classes_have_the_same_variety(monkeypatch):
    monkeypatch.setattr(displacement, "write", lambda lines, kind, band, rms, rng: lines)
    regular, shaky = (curves.render_word("hello", "cmr10", tremor, rng(), variety=TRAINING) for tremor in (0.0, 0.18))
    assert np.array_equal(regular, shaky)


def test_a_negative_pen_takes_ink_away_along_the_outline():
    lines = [40 * line + (8, 8) for line in set_word("o", "DejaVuSans-Bold")[0]]
    thin, plain, bold = (rasterise(lines, "outline", pen, (60, 60)) for pen in (-2.0, 0.0, 2.0))
    assert thin.min() >= 0
    assert (thin <= plain).all()
    assert (plain <= bold).all()
    around = sum(np.hypot(*np.diff(line, axis=0).T).sum() for line in lines)  # pixels
    # one pixel on the inner and one on the outer side of the outline
    assert plain.sum() - thin.sum() == pytest.approx(around, rel=0.05)
    assert bold.sum() - plain.sum() == pytest.approx(around, rel=0.05)


@pytest.mark.parametrize("font", curves.FONTS["train"]["outline"] + curves.FONTS["train"]["multi-stroke"])
def test_the_widest_word_of_a_font_has_room_in_every_variety(font):
    candidates = [word for word in words("train") if dataset._fits(word, font)]
    widest = max(candidates, key=lambda word: np.ptp(np.concatenate(set_word(word, font)[0])[:, 0]))
    extreme = Variety(*((high, high) for _, high in vars(TRAINING).values()))
    for seed in range(5):
        assert curves.render_word(widest, font, curves.RMS[1], rng(seed), variety=extreme).max() > 0.5


def test_the_smallest_tremor_moves_the_pen_by_half_a_pixel_across_its_path():
    lines, kind = set_word("hello", "futural")
    drawn = displacement.write(lines, kind, displacement.TREMOR, curves.RMS[0], rng())
    sideways = []
    for given, moved in zip(lines, drawn, strict=True):
        along = np.gradient(given, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
        sideways.append(((moved - given) * normal).sum(axis=1))
    x_height = 0.24 * curves.SIZE[0]  # the smallest, in pixels
    assert 0.4 < x_height * np.sqrt((np.concatenate(sideways) ** 2).mean()) < 0.8


def test_a_font_file_gives_what_its_built_in_name_gives():
    by_name, by_path = (curves.render_word("hello", font, 0.1, rng()) for font in ("DejaVuSans", str(DEJAVU)))
    assert np.array_equal(by_name, by_path)
    assert curves.render_word("Grüße, Ω", str(DEJAVU), 0.1, rng()).max() > 0.5


SAMPLES = [(split, i) for split in ("train", "validation", "test") for i in range(4)]


def test_the_pictures_are_the_reference_ones():
    """curves_reference.png holds them one below the other.

    After a change of the generator that is meant: Image.fromarray(np.concatenate([curves.draw(split, i, 0) for split, i in
    SAMPLES])).save(REFERENCE).
    """
    expected = np.asarray(Image.open(REFERENCE)).astype(int)
    found = np.concatenate([curves.draw(split, i, 0) for split, i in SAMPLES]).astype(int)
    assert {curves.KINDS[curves.choose(split, i, 0)[1]] for split, i in SAMPLES} == {"single-stroke", "multi-stroke", "outline"}
    assert found.shape == expected.shape
    assert (np.abs(found - expected) <= 1).mean() >= 0.999


# ---- what cannot be drawn


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"font": "comic"}, "there is no font comic: it is neither a TTF file nor one of DejaVuSans, "),
        ({"font": "cmsy10"}, "there is no font cmsy10"),
        ({"word": ""}, "the word '' has no letters to draw"),
        ({"word": "   "}, "the word '   ' has no letters to draw"),
        ({"word": "naïve"}, "the font futural lacks the letter 'ï' of 'naïve'"),
        ({"word": "vase", "font": "greek"}, "the font greek lacks the letter 'v' of 'vase'"),
        ({"word": "\u4e2d", "font": "DejaVuSans"}, "lacks the letter '\u4e2d'"),
        ({"tremor": -0.1}, "must be a number >= 0, but is -0.1"),
        ({"tremor": float("nan")}, "must be a number >= 0, but is nan"),
        ({"tremor": float("inf")}, "must be a number >= 0, but is inf"),
        ({"size": (0, 128)}, "a picture of 0 x 128 pixels cannot be drawn; sides must be from 1 to 4096"),
        ({"size": (48, 5000)}, "a picture of 48 x 5000 pixels cannot be drawn; sides must be from 1 to 4096"),
        ({"size": (2, 2)}, "'hello' in the font futural fits 2 x 2 pixels only with an x-height of 0.0 pixels"),
        ({"word": "antidisestablishmentarianism"}, "fits 48 x 128 pixels only with an x-height of "),
        ({"tremor": 50.0}, "fits 48 x 128 pixels only with an x-height of 0."),
    ],
)
def test_a_sentence_says_what_is_wrong(changes, sentence):
    arguments = {"word": "hello", "font": "futural", "tremor": 0.1, "rng": rng(), "size": (48, 128), **changes}
    with pytest.raises(MinisglError) as caught:
        curves.render_word(**arguments)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no font", "is not a font that FreeType can read: "), (b"", "is not a font that FreeType can read: ")],
)
def test_a_file_that_is_no_font(content, sentence, tmp_path):
    path = tmp_path / "bad.ttf"
    path.write_bytes(content)
    with pytest.raises(MinisglError, match=sentence):
        curves.render_word("hello", str(path), 0.1, rng())


def test_a_truncated_font_and_a_directory(tmp_path):
    whole = DEJAVU.read_bytes()
    for part in (100, 5_000, len(whole) // 2, len(whole) - 100_000):
        (tmp_path / "cut.ttf").write_bytes(whole[:part])
        try:
            picture = curves.render_word("hello", str(tmp_path / "cut.ttf"), 0.1, rng())
        except MinisglError as error:
            assert "cut.ttf" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(picture).all()
    with pytest.raises(MinisglError, match="cannot be read: Is a directory"):
        curves.render_word("hello", str(tmp_path), 0.1, rng())
