"""The figures of docs/shaky-curves.md show what their titles say."""

import os

import numpy as np

from minisgl.data import curves
from minisgl.plots import curves as specimens


def test_the_scale_has_fonts_in_rows_and_tremors_in_columns():
    figure = specimens.tremor_scale()
    grid = np.array(figure.axes).reshape(len(specimens.FONTS), len(specimens.TREMORS))
    assert [axes.get_title() for axes in grid[0]] == [f"tremor {t:g}" if t else "0: regular" for t in specimens.TREMORS]
    assert [axes.get_ylabel().split("\n")[0] for axes in grid[:, 0]] == list(specimens.FONTS)
    for row, column in ((0, 0), (2, 3), (5, 5)):
        rng = np.random.default_rng(specimens.SEED)
        expected = curves.render_word(specimens.WORD, specimens.FONTS[row], specimens.TREMORS[column], rng)
        assert np.array_equal(grid[row, column].images[0].get_array(), expected)


def test_the_samples_have_the_regular_hands_left_and_the_shaky_ones_right():
    grid = np.array(specimens.samples().axes).reshape(5, 6)
    for row in range(5):
        for column in range(6):
            index = 2 * (3 * row + column % 3) + column // 3
            assert np.array_equal(grid[row, column].images[0].get_array(), curves.draw("train", index, 0) / 255)


def test_the_command_writes_both(command, tmp_path):
    done = command("minisgl.plots.curves", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(os.listdir(tmp_path)) == ["curve_samples.png", "tremor_scale.png"]
    done = command("minisgl.plots.curves", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
