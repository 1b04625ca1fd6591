"""The tasks of chapter 15: shaky curves."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.receptive_fields import RECEPTIVE_FIELD, Layers
from minisgl.course.checks.task import Task

# ---- wavelength_in_pixels


def _wavelength_in_pixels_inputs() -> Iterator[Inputs]:
    for f, s, x in ((2.0, 3.0, 10.0), (1.0, 2.5, 8.0), (5.0, 2.5, 14.0), (0.5, 2.5, 12.0), (6.0, 2.0, 17.0), (4.0, 7.0, 0.5)):
        yield {"frequency": f, "speed": s, "x_height": x}


def _wavelength_in_pixels_reference(frequency: float, speed: float, x_height: float) -> float:
    seconds = 1 / frequency  # that one wave takes
    return float(seconds * speed * x_height)


# ---- scale_to_rms


def _scale_to_rms_inputs() -> Iterator[Inputs]:
    yield {"a": np.array([[3.0, 4.0]]), "rms": 1.0}
    yield {"a": np.array([[3.0, 4.0], [1.0, -2.0]]), "rms": 0.5}
    rng = np.random.default_rng(0)
    for shape, rms in (((3, 1), 2.0), ((5, 2), 0.1), ((24, 2), 0.18), ((4, 3), 1.5)):
        yield {"a": rng.integers(1, 9, shape) / 4, "rms": rms}


def _scale_to_rms_reference(a: np.ndarray, rms: float) -> np.ndarray:
    # K different waves, each a whole number of times on the path, and the RMS of their sum, measured
    waves, points = np.arange(1, len(a) + 1), 4 * len(a)
    d = np.cos(2 * np.pi * np.outer(np.arange(points) / points, waves) + waves**2) @ a  # (points, D)
    return np.asarray(rms * a / np.sqrt((d**2).sum(axis=1).mean()))


# ---- receptive_field


def _receptive_field_inputs() -> Iterator[Inputs]:
    curve_net: Layers = [(5, 1), (2, 2), (3, 1), (2, 2), (3, 1), (2, 2)]
    cases: list[Layers] = [[(5, 1)], [(2, 2)], [(3, 1), (3, 1)], [(2, 2), (3, 1)]]
    cases += [curve_net[:n] for n in (3, 4, 5, 6)]
    cases += [[(3, 2), (3, 2), (4, 3), (3, 1)], [(7, 4), (1, 1), (2, 2), (5, 3), (3, 2)], []]
    yield from ({"layers": layers} for layers in cases)


def _field(layers: Layers) -> int:
    """By the definition: follow unit 0 of the last layer back to the pixels that it sees."""
    seen = {0}
    for kernel, stride in reversed(layers):
        seen = {unit * stride + k for unit in seen for k in range(kernel)}
    return max(seen) - min(seen) + 1


# ---- peak_frequency


def _power(d: np.ndarray) -> np.ndarray:
    """|sum over j of d_j e^(-2 pi i m j/n)|^2 for m = 0 ... n/2, by its sum: d (n, D) -> (n//2 + 1, D)."""
    n = len(d)
    angles = 2 * np.pi * (np.outer(np.arange(n // 2 + 1), np.arange(n)) % n / n)
    return np.asarray((np.cos(angles) @ d) ** 2 + (np.sin(angles) @ d) ** 2)  # real and imaginary part


def _cosines(d: np.ndarray) -> np.ndarray:
    """The real part of the same sum, (n//2 + 1, D)."""
    n = len(d)
    return np.asarray(np.cos(2 * np.pi * (np.outer(np.arange(n // 2 + 1), np.arange(n)) % n / n)) @ d)


def _displacements() -> Iterator[Inputs]:
    """Sums of a few waves, each a whole number of times on the path: no two frequencies have nearly the same power."""
    rng = np.random.default_rng(0)
    for n, step, speed, waves in (
        (8, 0.25, 2.5, {2: (1, 0)}),
        (8, 0.5, 2.0, {0: (0, 3), 3: (0.5, 1)}),
        (12, 0.125, 2.0, {1: (0.5, 0.5), 4: (0, 2)}),
        (20, 0.1, 3.0, {3: (2, -2), 7: (1, 1)}),
        (16, 0.25, 2.0, {3: (2, 2), 7: (0, 3)}),  # the sums of the amplitudes are 4 and 3, and the powers 8 and 9
        (24, 0.5, 1.0, {2: (1.5, 1.5), 5: (0, 2.25)}),  # 3 and 2.25, and 4.5 and 5.1
        (21, 0.2, 2.0, {0: (9, -5), 2: (1, 0), 5: (0, 3)}),
        (400, 0.04, 2.5, {0: (2, 0), 13: (0.5, 0), 32: (1, 1), 80: (0, 1.2)}),
        (1000, 0.03, 1.5, {0: (0, 40), 1: (0, 1), 400: (-3, 3), 77: (0, 3.5)}),
    ):
        j = np.arange(n) / n
        d = sum(np.outer(np.cos(2 * np.pi * m * j + rng.uniform(0, 6)), a) for m, a in waves.items())
        yield {"d": np.round(d, 6), "step": step, "speed": speed}


def _peak(power: np.ndarray) -> int:
    return 1 + int(power[1:].argmax())


def _waves(d: np.ndarray) -> int:
    return _peak(_power(d).sum(axis=1))


TASKS = (
    Task(
        signature="wavelength_in_pixels(frequency, speed, x_height)",
        asks="The length of a wave in pixels; frequency in Hz, speed in x-heights per second, x_height in pixels.",
        inputs=_wavelength_in_pixels_inputs,
        reference=_wavelength_in_pixels_reference,
        mistakes={
            "your waves grow with the frequency. At twice the frequency: is one wave longer, or shorter?": (
                lambda frequency, speed, x_height: frequency / speed * x_height
            ),
            "your result is in x-heights, and pixels are wanted.": lambda frequency, speed, x_height: speed / frequency,
            "you have the number of waves on a pixel. How many pixels are there to a wave?": (
                lambda frequency, speed, x_height: frequency / (speed * x_height)
            ),
            "in larger letters the waves are longer too, in pixels; yours are shorter.": (
                lambda frequency, speed, x_height: speed / frequency / x_height
            ),
            "your result does not depend on the speed of the pen.": lambda frequency, speed, x_height: x_height / frequency,
            "you have how far the pen travels in a second: how many waves are there on that?": (
                lambda frequency, speed, x_height: speed * x_height
            ),
            "you multiply all three. At twice the frequency, is a wave longer?": lambda frequency, speed, x_height: (
                frequency * speed * x_height
            ),
            "a faster pen draws longer waves; yours are shorter.": lambda frequency, speed, x_height: (
                x_height / (frequency * speed)
            ),
        },
    ),
    Task(
        signature="scale_to_rms(a, rms)",
        asks="The amplitudes a (K, D) of K waves, times one number that gives their sum this RMS.",
        inputs=_scale_to_rms_inputs,
        reference=_scale_to_rms_reference,
        mistakes={
            "the RMS of one wave is less than its amplitude: it is rarely at its full height.": lambda a, rms: (
                rms * a / np.sqrt((a**2).sum())
            ),
            "the factor 1/2 is on the wrong side: the sum's RMS is now larger than the one wanted.": lambda a, rms: (
                rms * a / np.sqrt((a**2).sum() * 2)
            ),
            "the factor 1/2 belongs to the squares: before the root is taken, or after it?": lambda a, rms: (
                rms * a / (np.sqrt((a**2).sum()) / 2)
            ),
            "you divide by the mean square of the sum. What has to be done to it before?": lambda a, rms: (
                rms * a / ((a**2).sum() / 2)
            ),
            "you divide by the mean of the waves' squares, and together they have the sum.": lambda a, rms: (
                rms * a / np.sqrt((a**2).sum(axis=1).mean() / 2)
            ),
            "now each wave alone has this RMS, and all together have more.": lambda a, rms: (
                rms * a / np.sqrt((a**2).sum(axis=1, keepdims=True) / 2)
            ),
            "now each coordinate alone has this RMS. The pen's distance from the line has both in it.": lambda a, rms: (
                rms * a / np.sqrt((a**2).sum(axis=0) / 2)
            ),
            "you add up lengths. Waves meet now in step, now out of step: which of their sums stays the same?": lambda a, rms: (
                rms * a / (np.sqrt((a**2).sum(axis=1)).sum() / np.sqrt(2))
            ),
            "your sum always has the RMS 1.": lambda a, rms: a / np.sqrt((a**2).sum() / 2),
            "now the largest amplitude is rms. The RMS of the sum is asked for.": lambda a, rms: rms * a / np.abs(a).max(),
            "you add up the waves' amplitudes before you square: are the waves in step?": lambda a, rms: (
                rms * a / np.sqrt((a.sum(axis=0) ** 2).sum() / 2)
            ),
            "you divide by the RMS of the numbers in a. The waves together have all of their squares.": lambda a, rms: (
                rms * a / np.sqrt((a**2).mean())
            ),
        },
    ),
    Task(
        signature="receptive_field(layers)",
        asks="How many pixels in a row a unit of the last layer sees; layers is a list of (kernel, stride).",
        inputs=_receptive_field_inputs,
        reference=_field,
        mistakes=RECEPTIVE_FIELD,
    ),
    Task(
        signature="peak_frequency(d, step, speed)",
        asks="The frequency > 0, in Hz, at which d (n, 2) has most power; d has a point every `step` x-heights.",
        inputs=_displacements,
        reference=lambda d, step, speed: _waves(d) / (len(d) * step) * speed,
        mistakes={
            "you have waves per x-height: how many x-heights does the pen travel in a second?": lambda d, step, speed: (
                _waves(d) / (len(d) * step)
            ),
            "the speed is upside down: a faster pen draws the same waves in less time.": lambda d, step, speed: (
                _waves(d) / (len(d) * step) / speed
            ),
            "you have the place of the largest power, which is the number of waves on the whole path: how long is that?": (
                lambda d, step, speed: _waves(d)
            ),
            "your result does not depend on how far apart the points are.": lambda d, step, speed: _waves(d) / len(d) * speed,
            "you have the length of a wave, in x-heights, not its frequency.": lambda d, step, speed: len(d) * step / _waves(d),
            "without the first number of a list, every place in it is one less.": lambda d, step, speed: (
                (_waves(d) - 1) / (len(d) * step) * speed
            ),
            "it is right unless the displacement has a mean: frequency 0 is left out.": lambda d, step, speed: (
                int(_power(d).sum(axis=1).argmax()) / (len(d) * step) * speed
            ),
            "you look at one of the two coordinates.": lambda d, step, speed: _peak(_power(d)[:, 0]) / (len(d) * step) * speed,
            "where x and y move against each other, your sum of them is 0. Add what cannot cancel.": lambda d, step, speed: (
                _peak(_power(d.sum(axis=1, keepdims=True))[:, 0]) / (len(d) * step) * speed
            ),
            "you add up the amplitudes of the two coordinates. Power is their square.": lambda d, step, speed: (
                _peak(np.sqrt(_power(d)).sum(axis=1)) / (len(d) * step) * speed
            ),
            "you look at the second of the two coordinates alone.": lambda d, step, speed: (
                _peak(_power(d)[:, 1]) / (len(d) * step) * speed
            ),
            "that is an angle a second: a whole wave is 2 pi.": lambda d, step, speed: (
                2 * np.pi * _waves(d) / (len(d) * step) * speed
            ),
            "you square the real part only: the imaginary part has power too.": lambda d, step, speed: (
                _peak(np.asarray(_cosines(d) ** 2).sum(axis=1)) / (len(d) * step) * speed
            ),
        },
    ),
)
