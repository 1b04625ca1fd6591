"""`python -m minisgl.classify`: shaky or regular, for a user's own picture and for a word that is drawn."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from rich.console import Console
from support.commands import parsed, run_module

import minisgl
from minisgl import run as runs
from minisgl.data import curves
from minisgl.data.pictures import crop_to_ink
from minisgl.data.word_pictures import TARGET_X_HEIGHT, read_word, x_height
from minisgl.errors import MinisglError
from minisgl.nn import softmax


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on 60 pictures: it knows nothing, but it answers."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "COUNTS", (64, 10, 10))
        patch.setenv("XDG_CACHE_HOME", str(folder))
        words = ("--experiment", "shaky-curves", "--epochs", "1", "--threads", "1", "--out", str(folder / "run"))
        return runs.train(parsed(words), Console(quiet=True)).path


def photograph(word: str, font: str, tremor: float, scale: int = 5) -> Image.Image:
    """A drawn word as a user's camera might give it: large, dark on light, somewhere on the page."""
    picture = curves.render_word(word, font, tremor, np.random.default_rng(3), size=(48 * scale, 128 * scale))
    page = Image.fromarray((255 * (1 - picture)).astype(np.uint8))
    return ImageOps.expand(page, border=(30, 50, 70, 10), fill=int(255 * (1 - np.median(picture))))


def test_the_height_of_the_letters_is_read_off_the_strokes():
    """Within the errors that the docstring states, for ten words in all fonts; the drawn one is the first random number."""
    found = []
    for font in curves.KINDS:
        for word in ("minimum", "hello", "typing", "garden", "little", "people", "bottle", "axis", "jelly", "shadow"):
            if font in ("greek", "timesg") and "j" in word:
                continue
            drawn = 240 * np.random.default_rng(3).uniform(0.24, 0.36)
            picture = curves.render_word(word, font, 0.1, np.random.default_rng(3), size=(240, 640))
            grey = np.pad(1 - picture, 4, constant_values=1 - np.median(picture))
            found.append(x_height(crop_to_ink(Path("drawn"), grey)[0]) / drawn)
    low, middle, high = np.quantile(found, [0.02, 0.5, 0.98])
    assert 0.95 < middle < 1.05
    assert low > 0.9 / 1.15 - 0.03
    assert high < 1.43 / 1.15 + 0.03


@pytest.mark.parametrize("word", ["minimum", "hello", "typing"])
def test_letters_come_in_the_experiments_size_whatever_the_photographs(word, tmp_path):
    for scale in (2, 5):
        photograph(word, "futural", 0.1, scale).save(tmp_path / "word.png")
        picture = read_word(tmp_path / "word.png")[0]
        assert picture.shape == curves.SIZE
        assert picture.dtype == np.float32
        assert 0 <= picture.min() <= picture.max() <= 1
        rows = np.flatnonzero((picture > 0.4).any(axis=1))
        assert 0.75 * TARGET_X_HEIGHT < x_height(picture[rows[0] : rows[-1] + 1]) < 1.3 * TARGET_X_HEIGHT


def test_dark_on_light_and_light_on_dark_are_one(tmp_path):
    page = photograph("garden", "futural", 0.1)
    page.save(tmp_path / "a.png")
    ImageOps.invert(page).save(tmp_path / "b.png")
    np.testing.assert_allclose(read_word(tmp_path / "a.png"), read_word(tmp_path / "b.png"), atol=0.01)


def test_a_picture_of_the_experiments_size_is_taken_as_it_is(tmp_path):
    picture = curves.render_word("garden", "futural", 0.1, np.random.default_rng(0))
    for name, shown in (("light.png", picture), ("dark.png", 1 - picture)):
        Image.fromarray(np.round(255 * shown).astype(np.uint8)).save(tmp_path / name)
        np.testing.assert_allclose(read_word(tmp_path / name)[0], picture, atol=0.003)


def test_pictures_are_classified_and_what_was_looked_at_is_shown(trained, tmp_path):
    pictures = []
    for i, tremor in enumerate((0.0, 0.15)):
        photograph("garden", "futural", tremor).save(tmp_path / f"{i}.png")
        pictures.append(read_word(tmp_path / f"{i}.png"))
    (tmp_path / "other").mkdir()
    photograph("garden", "greek", 0.0).save(tmp_path / "other" / "0.png")
    pictures.append(read_word(tmp_path / "other" / "0.png"))
    expected = softmax(minisgl.load(trained)[0].forward(np.stack(pictures))[0])[:, 1]

    done = run_module("minisgl.classify", trained, "0.png", "1.png", "other/0.png", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [answer["picture"] for answer in found] == ["0.png", "1.png", str(Path("other/0.png"))]
    np.testing.assert_allclose([answer["shaky"] for answer in found], expected, atol=1e-5)
    assert all(answer["class"] == ("shaky" if answer["shaky"] > 0.5 else "regular") for answer in found)
    written = [answer["looked_at"] for answer in found]
    assert written == ["0-looked-at.png", "1-looked-at.png", "0-looked-at-2.png"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in written)

    lines = run_module("minisgl.classify", trained, "0.png", cwd=tmp_path).stdout.splitlines()
    assert lines == [f"0.png: {found[0]['class']}   (shaky: {100 * found[0]['shaky']:.1f} %)   0-looked-at.png"]


def test_one_picture_that_cannot_be_read_does_not_silence_the_others(trained, tmp_path):
    photograph("garden", "futural", 0.0).save(tmp_path / "fine.png")
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    for more in ((), ("--json",)):
        done = run_module("minisgl.classify", trained, "blank.png", "fine.png", *more, cwd=tmp_path)
        assert done.returncode == 2
        pictures = [answer["picture"] for answer in json.loads(done.stdout)] if more else [done.stdout.partition(":")[0]]
        assert pictures == ["fine.png"]
        assert done.stderr.splitlines()[1:] == ["minisgl: 1 of 2 pictures could not be read"]


def test_a_word_is_drawn_as_asked(trained, tmp_path):
    words = ("--word", "hello", "--font", "rowmand", "--tremor", 0.1, "--seed", 4, "--json")
    done = run_module("minisgl.classify", trained, *words, cwd=tmp_path)
    picture = curves.render_word("hello", "rowmand", 0.1, np.random.default_rng(4))
    expected = softmax(minisgl.load(trained)[0].forward(picture[None, None])[0])[0, 1]
    (answer,) = json.loads(done.stdout)
    assert answer["picture"] == "hello"
    assert answer["shaky"] == pytest.approx(float(expected), abs=1e-5)
    assert (tmp_path / "hello-looked-at.png").exists()


REFUSED = {
    "missing.png": r"missing.png cannot be read: No such file",
    "text.png": r"text.png cannot be read as a picture",
    "blank.png": r"blank.png shows nothing",
    "page.png": r"only with letters [\d.]+ pixels high, but at least 8 are needed: crop it to one word",
    "--word": r"required|expected|[Mm]issing",
    "--word hello --font nowhere": r"there is no font nowhere",
    "--word hello --font text.png": r"text.png is not a font",
    "--word hellö --font futural": r"lacks the letter 'ö'",
    "--word hello --tremor -1": r"tremor, an RMS displacement in x-heights, must be a number >= 0, but is -1",
    "--word hello --seed -1": r"--seed must be 0 or more, but is -1",
    "--word hello --out nowhere": r"--out nowhere is not a directory",
    "fine.png --font rowmand": r"--font rowmand is for a word drawn with --word, not for pictures",
    "fine.png --tremor 0": r"--tremor 0.0 is for a word drawn with --word",
    "fine.png --seed 0": r"--seed 0 is for a word drawn with --word",
    "--word hello fine.png": r"give either pictures or --word",
    "": r"give either pictures or --word",
}


@pytest.mark.parametrize(("words", "sentence"), REFUSED.items(), ids=REFUSED)
def test_an_error_is_one_sentence(words, sentence, trained, tmp_path):
    (tmp_path / "text.png").write_text("this is no picture")
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    photograph("garden", "futural", 0.0).save(tmp_path / "fine.png")
    line = np.tile(np.array(photograph("minimum", "futural", 0.0)), (1, 8))
    Image.fromarray(line).save(tmp_path / "page.png")
    before = sorted(tmp_path.iterdir())
    done = run_module("minisgl.classify", trained, *words.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert re.search(sentence, " ".join(done.stderr.split())), done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_run_of_another_experiment_is_refused(tmp_path, monkeypatch):
    from minisgl import classify  # noqa: PLC0415

    monkeypatch.setattr(classify, "load_run", lambda path: (None, {"experiment": "mnist-lenet5"}))
    with pytest.raises(MinisglError, match=r"is a run of mnist-lenet5; classify needs a run of shaky-curves"):
        list(classify.run(classify.ClassifyConfig(tmp_path, word="hello")))
