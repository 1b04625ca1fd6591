"""Tremor and drift: the pen's displacement as a sum of waves.

    d(q) = sum over k of a_k cos(2 pi f_k . q + phi_k),   scaled so that sqrt(mean |d|^2) is a given RMS, in x-heights

In single-stroke fonts, q is the length of the path that the pen has travelled, moves in the air included: a tremor is a
function of time. In multi-stroke and outline fonts, q is the position in the plane, and f_k has a random direction: both edges
of a stroke then move together. The pen travels PEN_SPEED x-heights per second, so

    |f_k| = frequency in Hz / PEN_SPEED   waves per x-height;   4 to 6 Hz are wavelengths of 0.63 to 0.42 x-heights

Frequencies are drawn from the triangular distribution over a band, whose middle is the spectrum's peak. A tremor and a drift
differ only in their band.

Sources: Xue, Xin, arXiv 1902.07419 for the task; the pen's speed, the bands and the waves are our reconstruction.
"""

import numpy as np

from minisgl.data.curves.fonts import Kind

PEN_SPEED = 2.5  # x-heights of path per second: slow writing
TREMOR = (4.0, 6.0)  # Hz
DRIFT = (0.2, 0.8)  # Hz: wavelengths of 3 to 12 x-heights, a few letters
BEND = (1.0, 2.2)  # Hz: wavelengths of 1.1 to 2.5 x-heights, about one letter, which gives the letter another form
WAVES = 24


def travelled(points: np.ndarray) -> np.ndarray:
    """Return the length of the path (n, 1) up to each of the points (n, 2), including moves between strokes."""
    return np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])[:, None]


def waves(q: np.ndarray, band: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Return displacements (n, 2) of mean 0 and RMS 1 at q: path lengths (n, 1), or positions in the plane (n, 2).

    band: the lowest and the highest frequency, in Hz.
    """
    hertz = rng.triangular(band[0], (band[0] + band[1]) / 2, band[1], WAVES)
    direction = rng.normal(size=(q.shape[1], WAVES))
    f = hertz / PEN_SPEED * direction / np.linalg.norm(direction, axis=0)  # (1 or 2, WAVES)
    a = rng.normal(size=(WAVES, 2))
    phi = rng.uniform(0, 2 * np.pi, WAVES)
    d = np.cos(2 * np.pi * (q @ f) + phi) @ a  # (n, 2)
    d -= d.mean(axis=0)  # the mean would only move the whole word
    return d / np.sqrt((d**2).sum(axis=1).mean())


def write(
    lines: list[np.ndarray], kind: Kind, band: tuple[float, float], rms: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return the lines, each (n, 2), displaced by waves of an RMS of `rms` x-heights and frequencies in the band (Hz)."""
    points = np.concatenate(lines)
    q = travelled(points) if kind == "single-stroke" else points
    displaced = points + rms * waves(q, band, rng)
    return np.split(displaced, np.cumsum([len(line) for line in lines])[:-1])
