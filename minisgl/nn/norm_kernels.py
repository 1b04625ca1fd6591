"""Batch normalisation in training on a GPU, with the ReLU that may follow: the formulas of norm.py, in three launches a pass.

    forward     mu, s2, then y = max(gamma (x - mu) / sqrt(s2 + eps) + beta, floor)       floor: 0 with a ReLU, else -infinity
    backward    dgamma, dbeta, then dx, where a ReLU's y is not positive, dy counts as 0

Without a ReLU the backward kernels get y = 1. One more launch writes the statistics for the running means. x, y, dx and dy are
(C, m), and all other arrays are columns (C, 1).
"""

from math import inf
from typing import Any

from minisgl.backend import Array
from minisgl.kernels import Formula, Reduction

ROW_MEANS = Reduction("row_means", "T x, T count", "T mean", map="x", post="mean = a / count", sum_type="T")
ROW_VARIANCES = Reduction(
    "row_variances",
    "T x, T mean, T count",
    "T variance",
    map="(x - mean) * (x - mean)",
    post="variance = a / count",
    sum_type="T",
)
NORMALIZE = Formula(
    "normalize",
    "T x, T mean, T variance, T eps, T gamma, T beta, T floor",
    "T y",
    """
    z = (x - mean) * (gamma / sqrt(variance + eps)) + beta;
    y = where(z < floor, floor, z);
    """,
)
DGAMMA = Reduction(
    "dgamma",
    "T dy, T y, T x, T mean, T variance, T eps",
    "T dgamma",
    map="dy * (y > 0) * ((x - mean) / sqrt(variance + eps))",
    post="dgamma = a",
    sum_type="T",
)
DBETA = Reduction("dbeta", "T dy, T y", "T dbeta", map="dy * (y > 0)", post="dbeta = a", sum_type="T")
DX = Formula(
    "normalize_backward",
    "T dy, T y, T x, T mean, T variance, T eps, T gamma, T dgamma, T dbeta, T count",
    "T dx",
    """
    deviation = sqrt(variance + eps);
    along_z = (x - mean) * (-dgamma / (count * deviation));
    dx = (along_z + dy * (y > 0) - dbeta / count) * (gamma / deviation);
    """,
)
STATISTICS = Formula(
    "statistics",
    "T mean, T variance, T unbiased",
    "T running_mean, T running_var",
    """
    running_mean = mean;
    running_var = variance * unbiased;
    """,
)


def write_output(layer: Any, cache: Any, measure: bool) -> None:
    """Write y; measure: also the batch's mean and variance."""
    x, mean, variance, _, y, relu, _ = cache
    C, m = layer.channels, x.size // layer.channels
    x2, mean, variance = x.reshape(C, -1), mean[:, None], variance[:, None]
    if measure:
        ROW_MEANS(x2, m, out=mean, axis=(1,))
        ROW_VARIANCES(x2, mean, m, out=variance, axis=(1,))
    gamma, beta, floor = layer.weight[:, None], layer.bias[:, None], 0.0 if relu else -inf
    NORMALIZE(x2, mean, variance, layer.eps, gamma, beta, floor, out=y.reshape(C, -1))


def backward(layer: Any, dy: Array, cache: Any, grads: Any, dx: Array | None) -> None:
    """Write the gradients and, if it is wanted, dx (C, H, W, N)."""
    x, mean, variance, _, y, relu, _ = cache
    C, m = layer.channels, x.size // layer.channels
    dy2, x2, y2 = dy.reshape(C, -1), x.reshape(C, -1), y.reshape(C, -1) if relu else 1.0
    of_x = x2, mean[:, None], variance[:, None], layer.eps
    dgamma, dbeta = grads["weight"][:, None], grads["bias"][:, None]
    DGAMMA(dy2, y2, *of_x, out=dgamma, axis=(1,))
    DBETA(dy2, y2, out=dbeta, axis=(1,))
    if dx is not None:
        DX(dy2, y2, *of_x, layer.weight[:, None], dgamma, dbeta, m, out=dx.reshape(C, -1))
    STATISTICS(mean, variance, m / max(m - 1, 1), out=(grads["running_mean"], grads["running_var"]))
