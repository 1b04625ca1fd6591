"""Known mistakes in the convolution that takes over a batch norm, each by the sentence that names it."""

from collections.abc import Callable

import numpy as np


def _factor(gamma: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return gamma / np.sqrt(variance + 1e-5)


FOLD_BATCH_NORM: dict[str, Callable[..., np.ndarray]] = {
    "weight: only gamma is in it. Batch norm also divides.": lambda weight, gamma, shift, mean, variance: (
        weight * gamma[:, None, None, None]
    ),
    "weight: gamma is missing.": lambda weight, gamma, shift, mean, variance: (
        weight * _factor(np.ones_like(gamma), variance)[:, None, None, None]
    ),
    "weight: you divide by the variance. Which number has the units of the channel itself?": (
        lambda weight, gamma, shift, mean, variance: weight * (gamma / (variance + 1e-5))[:, None, None, None]
    ),
    "weight: eps is missing, which matters where a channel hardly varies.": (
        lambda weight, gamma, shift, mean, variance: weight * (gamma / np.sqrt(variance))[:, None, None, None]
    ),
    "weight: eps is added to the variance, before the root is taken.": (
        lambda weight, gamma, shift, mean, variance: weight * (gamma / (np.sqrt(variance) + 1e-5))[:, None, None, None]
    ),
    "weight: the convolution's weight is as it was. Who multiplies now?": (lambda weight, gamma, shift, mean, variance: weight),
    "bias: the scale is folded, and the bias is only the shift. What becomes of the mean?": (
        lambda weight, gamma, shift, mean, variance: shift
    ),
    "bias: the mean is subtracted as it is, but batch norm multiplies it by the same factor as the weight.": (
        lambda weight, gamma, shift, mean, variance: shift - mean
    ),
    "bias: the mean is added. Batch norm takes it away.": lambda weight, gamma, shift, mean, variance: (
        shift + _factor(gamma, variance) * mean
    ),
    "bias: the shift is missing.": lambda weight, gamma, shift, mean, variance: -_factor(gamma, variance) * mean,
    "bias: the shift is multiplied by the factor, but batch norm adds it at the very end.": (
        lambda weight, gamma, shift, mean, variance: _factor(gamma, variance) * (shift - mean)
    ),
    "weight: you multiply by the deviation. Batch norm divides by it.": lambda weight, gamma, shift, mean, variance: (
        weight * (gamma * np.sqrt(variance + 1e-5))[:, None, None, None]
    ),
    "bias: the mean is multiplied by gamma only. What else happens to x - mean?": lambda weight, gamma, shift, mean, variance: (
        shift - gamma * mean
    ),
    "bias: the mean is divided by the deviation only. What else happens to it?": lambda weight, gamma, shift, mean, variance: (
        shift - mean / np.sqrt(variance + 1e-5)
    ),
    "bias: that is 0. What does batch norm make of an image of zeros?": lambda weight, gamma, shift, mean, variance: 0 * shift,
}
