"""The figures of docs/shaky-curves.md show what their titles say."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


def test_the_samples_have_the_regular_words_left_and_the_shaky_ones_right():
    grid = np.array(specimens.samples().axes).reshape(5, 6)
    for row in range(5):
        for column in range(6):
            index = 2 * (3 * row + column % 3) + column // 3
            assert np.array_equal(grid[row, column].images[0].get_array(), curves.draw("train", index, 0) / 255)


@pytest.mark.slow
def test_the_script_writes_every_figure(tmp_path):
    script = Path(__file__).parents[2] / "docs" / "draw_figures.py"
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    penalties = ["penalties.png", "penalty_contours.png", "penalty_groups.png"]
    assert sorted(os.listdir(tmp_path)) == ["curve_samples.png", *penalties, "tremor_scale.png"]
    done = subprocess.run([sys.executable, script, tmp_path / "nowhere"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
