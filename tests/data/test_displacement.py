"""The displacement has the RMS and the frequencies that its docstring states, in time or over the plane."""

import numpy as np
import pytest

from minisgl.data.curves import displacement
from minisgl.data.curves.fonts import KINDS, set_word

FINE = 0.02  # x-heights between two points of the straight lines here


def line(length: float, y: float = 0.0) -> np.ndarray:
    """A straight line (n, 2) along x."""
    x = np.arange(0, length, FINE)
    return np.stack([x, np.full_like(x, y)], axis=1)


def displaced(lines: list[np.ndarray], kind, band, rms, seed) -> np.ndarray:
    """The displacement (n, 2) of all points."""
    drawn = displacement.write(lines, kind, band, rms, np.random.default_rng(seed))
    assert [len(d) for d in drawn] == [len(given) for given in lines]
    return np.concatenate(drawn) - np.concatenate(lines)


def mean_spectrum(kind, band, words: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz, and the power at them of a pen that draws a straight line of 60 x-heights, a mean over many seeds."""
    straight = line(60)
    seconds = FINE / displacement.PEN_SPEED
    hertz = np.fft.rfftfreq(len(straight), seconds)
    window = np.hanning(len(straight))[:, None]
    power = sum(
        (np.abs(np.fft.rfft(displaced([straight], kind, band, 1.0, seed) * window, axis=0)) ** 2).sum(axis=1)
        for seed in range(words)
    )
    return hertz, power


@pytest.mark.parametrize("kind", ["single-stroke", "multi-stroke", "outline"])
@pytest.mark.parametrize("rms", [0.05, 0.2])
@pytest.mark.parametrize("band", [displacement.TREMOR, displacement.DRIFT])
def test_the_rms_is_the_one_asked_for(kind, band, rms):
    lines = [line(5), line(3, y=1)]
    d = displaced(lines, kind, band, rms, seed=3)
    assert np.sqrt((d**2).sum(axis=1).mean()) == pytest.approx(rms)
    assert d.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)


@pytest.mark.parametrize(("band", "low", "high"), [(displacement.TREMOR, 4, 6), (displacement.DRIFT, 0.2, 0.8)])
def test_along_the_path_the_spectrum_lies_in_the_band_and_peaks_in_it(band, low, high):
    hertz, power = mean_spectrum("single-stroke", band)
    inside = (hertz >= low - 0.1) & (hertz <= high + 0.1)
    assert power[inside].sum() > 0.99 * power.sum()
    peak = hertz[power.argmax()]
    assert low < peak < high
    # the spectrum is a triangle: its outer thirds hold a quarter of the power at most
    middle = (hertz > low + (high - low) / 3) & (hertz < high - (high - low) / 3)
    assert power[middle].sum() > 0.45 * power.sum()


def test_over_the_plane_the_waves_are_as_long_whatever_their_direction():
    n, side = 128, 8.0  # a square of 8 x-heights
    x = np.arange(n) * side / n
    places = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    window = np.hanning(n)[:, None] * np.hanning(n)
    f = np.fft.fftfreq(n, side / n)  # waves per x-height
    hertz = np.hypot(*np.meshgrid(f, f)) * displacement.PEN_SPEED
    power = np.zeros((n, n))
    for seed in range(30):
        d = displacement.waves(places, displacement.TREMOR, np.random.default_rng(seed)).reshape(n, n, 2)
        power += (np.abs(np.fft.fft2(d * window[:, :, None], axes=(0, 1))) ** 2).sum(axis=2)
    inside = (hertz > 3.6) & (hertz < 6.4)
    assert power[inside].sum() > 0.97 * power.sum()
    assert 4 < hertz.ravel()[power.argmax()] < 6
    horizontal = np.abs(np.meshgrid(f, f)[0]) > np.abs(np.meshgrid(f, f)[1])
    assert power[horizontal].sum() == pytest.approx(power.sum() / 2, rel=0.15)


def test_the_tremor_of_a_real_word_peaks_at_4_to_6_hz():
    lines, kind = set_word("handwriting", "cursive")
    points = np.concatenate(lines)
    seconds = displacement.travelled(points)[:, 0] / displacement.PEN_SPEED
    even = np.arange(0, seconds[-1], 0.01)
    power = 0.0
    for seed in range(20):
        d = displaced(lines, kind, displacement.TREMOR, 0.1, seed)
        d = np.stack([np.interp(even, seconds, d[:, axis]) for axis in (0, 1)])
        power = power + (np.abs(np.fft.rfft(d * np.hanning(len(even)))) ** 2).sum(axis=0)
    assert 4 < np.fft.rfftfreq(len(even), 0.01)[np.argmax(power)] < 6


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


def test_parallel_strokes_move_together_and_single_ones_do_not():
    near, other = line(30), line(30, y=0.05)
    for kind, together in (("multi-stroke", True), ("outline", True), ("single-stroke", False)):
        d = displaced([near, other], kind, displacement.TREMOR, 0.1, seed=5)
        found = correlation(d[: len(near)], d[len(near) :])
        assert (found > 0.8) if together else (abs(found) < 0.4), (kind, found)


def test_the_pen_travels_in_the_air_too():
    points = np.array([[0, 0], [3, 4], [3, 10]])
    assert displacement.travelled(points).tolist() == [[0], [5], [11]]


def test_a_stroke_that_begins_where_the_last_one_ended_begins_displaced_alike():
    first, second = line(2), line(2) + np.array([2 - FINE, 0])
    a, b = displacement.write([first, second], "single-stroke", displacement.TREMOR, 0.1, np.random.default_rng(0))
    assert a[-1] == pytest.approx(b[0])


@pytest.mark.parametrize("font", sorted(KINDS))
def test_lines_are_fine_enough_for_the_shortest_wave(font):
    lines, _ = set_word("shape", font)
    shortest = displacement.PEN_SPEED / displacement.TREMOR[1]
    assert max(np.hypot(*np.diff(each, axis=0).T).max() for each in lines) < shortest / 10
