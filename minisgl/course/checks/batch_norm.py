"""Batch norm of (C, m), backward, and the gradients dx that are wrong in known ways."""

import numpy as np

from minisgl.nn.gradcheck import numeric_gradient


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    """y (C, m), one number at a time."""
    y = np.zeros_like(x)
    for c in range(len(x)):
        mean = sum(x[c]) / len(x[c])
        variance = sum((one - mean) ** 2 for one in x[c]) / len(x[c])
        for i, one in enumerate(x[c]):
            y[c, i] = weight[c] * (one - mean) / np.sqrt(variance + eps) + bias[c]
    return y


def three_gradients(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> tuple[np.ndarray, ...]:
    """dx, dweight and dbias, from differences in float64, in the dtype of x."""
    dtype, bias = x.dtype, np.zeros(len(x))
    dy, x, weight = (a.astype(np.float64) for a in (dy, x, weight))
    dx = numeric_gradient(lambda at: float(np.sum(dy * forward(at, weight, bias, eps))), x)
    dweight = numeric_gradient(lambda at: float(np.sum(dy * forward(x, at, bias, eps))), weight)
    dbias = numeric_gradient(lambda at: float(np.sum(dy * forward(x, weight, at, eps))), bias)
    return dx.astype(dtype), dweight.astype(dtype), dbias.astype(dtype)


def parts(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float, ddof: int = 0) -> tuple[np.ndarray, ...]:
    """g = weight dy (C, m), z (C, m) and the deviations (C, 1); the variance is over m - ddof."""
    deviation = np.sqrt(x.var(axis=1, keepdims=True, ddof=ddof) + eps)
    return weight[:, None] * dy, (x - x.mean(axis=1, keepdims=True)) / deviation, deviation


def mean(a: np.ndarray) -> np.ndarray:
    """The mean of each channel, (C, 1)."""
    return a.mean(axis=1, keepdims=True)


def no_means(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """The mean and the variance as constants."""
    g, _, r = parts(dy, x, weight, eps)
    return g / r


def no_mean(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """The mean as a constant."""
    g, z, r = parts(dy, x, weight, eps)
    return (g - z * mean(g * z)) / r


def no_variance(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """The variance as a constant."""
    g, _, r = parts(dy, x, weight, eps)
    return (g - mean(g)) / r


def unbiased(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """With m - 1 in place of m in the variance."""
    g, z, r = parts(dy, x, weight, eps, ddof=1)
    return (g - mean(g) - z * mean(g * z)) / r


def no_scale(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """Without the weight."""
    g, z, r = parts(dy, x, np.ones_like(weight), eps)
    return (g - mean(g) - z * mean(g * z)) / r


def sums(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """With sums in place of the means."""
    g, z, r = parts(dy, x, weight, eps)
    m = x.shape[1]
    return (g - m * mean(g) - m * z * mean(g * z)) / r


def not_divided(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """Without the deviation below."""
    g, z, _ = parts(dy, x, weight, eps)
    return g - mean(g) - z * mean(g * z)


def over_the_batch(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """With the means of g over all channels."""
    g, z, r = parts(dy, x, weight, eps)
    return (g - g.mean() - z * (g * z).mean()) / r


def eps_outside(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """With eps added to the deviation."""
    r = x.std(axis=1, keepdims=True) + eps
    g, z = weight[:, None] * dy, (x - mean(x)) / r
    return (g - mean(g) - z * mean(g * z)) / r


def means_added(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """With + in place of -."""
    g, z, r = parts(dy, x, weight, eps)
    return (g + mean(g) + z * mean(g * z)) / r


def over_the_variance(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """With the variance below, without its root."""
    g, z, r = parts(dy, x, weight, eps)
    return (g - mean(g) - z * mean(g * z)) / r**2


def without_z(dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """Without the z before the second mean."""
    g, z, r = parts(dy, x, weight, eps)
    return (g - mean(g) - mean(g * z)) / r
