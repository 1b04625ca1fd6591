"""Random initial weights, scaled so that signals neither grow nor vanish from layer to layer.

A unit that sums fan_in inputs of mean square m, each times a weight of variance s^2, has mean square fan_in * s^2 * m. A
ReLU then halves it. So s^2 = 2 / fan_in leaves the mean square unchanged:

    weight ~ N(0, 2 / fan_in)      He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015, eq. 10

Numbers are drawn on the host in float64 from an explicit Generator and then cast, so the initial network is the same for
every dtype and array module.
"""

from math import prod

import numpy as np


def he_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights (K, C, R, S) or (D_out, D_in), float64; fan_in is the product of all axes but the first."""
    return rng.standard_normal(shape) * np.sqrt(2.0 / prod(shape[1:]))


def normal(shape: tuple[int, ...], rng: np.random.Generator, std: float) -> np.ndarray:
    """Zero-mean Gaussian numbers with standard deviation `std`, float64."""
    return rng.standard_normal(shape) * std


def small_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Initial biases, N(0, 0.01^2), float64."""
    return normal(shape, rng, std=0.01)
