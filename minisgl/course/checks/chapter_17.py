"""The tasks of chapter 17: batch norm backward, a residual block backward, folding."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks import batch_norm
from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.folded_batch_norm import FOLD_BATCH_NORM
from minisgl.course.checks.named_results import compare_named
from minisgl.course.checks.task import Task
from minisgl.course.checks.three_gradients import compare_three_gradients
from minisgl.nn.gradcheck import numeric_gradient


def _eighths(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-16, 17, shape) / 8


# ---- batch_norm_backward


def _batch_norm_inputs() -> Iterator[Inputs]:
    yield {"dy": np.array([[1.0, 0.0, 0.0]]), "x": np.array([[-1.0, 0.0, 1.0]]), "weight": np.array([1.0]), "eps": 0.25}
    yield {"dy": np.array([[1.0, 0.0, 0.0]]), "x": np.array([[0.0, 2.0, 4.0]]), "weight": np.array([2.0]), "eps": 0.25}
    rng = np.random.default_rng(0)
    for C, m in ((1, 4), (2, 3), (3, 5), (2, 8)):
        for eps in (0.25, 1e-5):
            weight = rng.choice([-2.0, -0.5, 0.5, 1.5], C)
            yield {"dy": _eighths(rng, C, m), "x": _eighths(rng, C, m) + np.arange(m), "weight": weight, "eps": eps}
    small = {"dy": _eighths(rng, 2, 6), "x": _eighths(rng, 2, 6) + np.arange(6), "weight": np.array([1.5, -0.5])}
    yield {**{name: a.astype(np.float32) for name, a in small.items()}, "eps": 0.25}


def _unit(x: np.ndarray, eps: float) -> np.ndarray:
    return (x - batch_norm.mean(x)) / np.sqrt(x.var(axis=1, keepdims=True) + eps)


# ---- residual_backward


def _residual_inputs() -> Iterator[Inputs]:
    one = {"W1": np.array([[2.0]]), "W2": np.array([[-0.5], [1.0]]), "S": np.array([[3.0], [0.5]])}
    for dy, h in ((1.0, 3.0), (1.0, -3.0), (-2.0, 1.0)):
        yield {"dy": np.array([[dy], [0.5]]), "h": np.array([[h]]), **one}
    rng = np.random.default_rng(0)
    for D_in, D, D_out, N in ((2, 3, 2, 1), (2, 2, 3, 2), (3, 4, 2, 4), (4, 3, 5, 3)):
        yield _away_from_kinks(rng, D_in, D, D_out, N)
    yield {name: a.astype(np.float32) for name, a in _away_from_kinks(rng, 3, 3, 2, 2).items()}


def _away_from_kinks(rng: np.random.Generator, D_in: int, D: int, D_out: int, N: int) -> Inputs:
    """Random arguments at which no ReLU is near 0."""
    while True:
        h, W1 = _eighths(rng, D_in, N), _eighths(rng, D, D_in)
        if np.abs(W1 @ h).min() > 0.01:
            arrays = {"W1": W1, "W2": _eighths(rng, D_out, D), "S": _eighths(rng, D_out, D_in)}
            return {"dy": _eighths(rng, D_out, N), "h": h, **arrays}


def _residual_reference(dy: np.ndarray, h: np.ndarray, W1: np.ndarray, W2: np.ndarray, S: np.ndarray) -> np.ndarray:
    wide_dy, wide = dy.astype(np.float64), h.astype(np.float64)
    dh = numeric_gradient(lambda at: float(np.sum(wide_dy * (S @ at + W2 @ np.maximum(W1 @ at, 0)))), wide)
    return dh.astype(h.dtype)


def _body(dy: np.ndarray, h: np.ndarray, W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    return W1.T @ ((W1 @ h > 0) * (W2.T @ dy))


# ---- fold_batch_norm


def _fold_inputs() -> Iterator[Inputs]:
    def case(weight: np.ndarray, gamma: float, shift: float, mean: float, variance: float) -> Inputs:
        numbers = {"gamma": gamma, "shift": shift, "mean": mean, "variance": variance}
        return {"weight": weight, **{name: np.array([value]) for name, value in numbers.items()}}

    yield case(np.full((1, 1, 1, 1), 2.0), 3.0, 4.0, 5.0, 4.0)
    yield case(np.full((1, 1, 1, 2), 2.0), -1.0, 0.5, -2.0, 0.25)
    yield case(np.full((1, 2, 1, 1), 1.0), 1.0, 0.0, 1.0, 1e-5)  # a channel that hardly varies
    yield case(np.full((1, 1, 2, 1), -1.5), 0.5, 1.0, -2.0, 4e-5)
    rng = np.random.default_rng(0)
    for K, C, R, S in ((2, 2, 1, 1), (2, 3, 3, 3), (3, 3, 3, 3), (4, 1, 2, 3)):
        vectors = {name: _eighths(rng, K) for name in ("gamma", "shift", "mean")}
        yield {"weight": _eighths(rng, K, C, R, S), **vectors, "variance": rng.integers(1, 33, K) / 8}


def _fold_reference(
    weight: np.ndarray, gamma: np.ndarray, shift: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What batch norm makes of 0 is the bias, and what it adds to that for a weight of the filter is the new weight."""

    def normalised(u: np.ndarray) -> np.ndarray:
        channels_last = np.moveaxis(u, 0, -1)  # (..., K)
        return np.moveaxis(gamma * (channels_last - mean) / np.sqrt(variance + 1e-5) + shift, -1, 0)

    bias = normalised(np.zeros(len(weight)))
    return normalised(weight) - bias[:, None, None, None], bias


TASKS = (
    Task(
        signature="batch_norm_backward(dy, x, weight, eps)",
        asks="dx (C, m), dweight (C,) and dbias (C,) of batch norm, channel by channel over m numbers.",
        inputs=_batch_norm_inputs,
        reference=batch_norm.three_gradients,
        compare=compare_three_gradients,
        mistakes={
            "dx: both mean terms are missing. If one x moves, do the mean and the variance stay where they were?": (
                batch_norm.no_means
            ),
            "dx: the way through the variance is there, but not the one through the mean.": batch_norm.no_mean,
            "dx: the way through the mean is there, but not the one through the variance.": batch_norm.no_variance,
            "dx: your variance divides by m - 1. Batch norm's own is the plain mean of the squares.": batch_norm.unbiased,
            "dx: the weight is missing: how does dy become the gradient of z?": batch_norm.no_scale,
            "dx: you have sums where one x has only its m-th part in the mean and in the variance.": batch_norm.sums,
            "dx: a factor is missing: how far does z move if x moves by 1?": batch_norm.not_divided,
            "dx: the means are over all channels at once, but each channel has its own mean and variance.": (
                batch_norm.over_the_batch
            ),
            "dx: eps is added to the variance, before the root is taken.": batch_norm.eps_outside,
            "dweight: y = weight z + bias. What is dy multiplied by, x or something else?": lambda dy, x, weight, eps: (
                dy * x
            ).sum(axis=1),
            "dweight: that is a mean, but the weight acts on every number of its channel.": lambda dy, x, weight, eps: (
                dy * _unit(x, eps)
            ).mean(axis=1),
            "dweight: the weight itself is in it. In y it is a factor: what is left when you differentiate?": (
                lambda dy, x, weight, eps: weight * (dy * _unit(x, eps)).sum(axis=1)
            ),
            "dbias: that is a mean, but the bias is added to every number of its channel.": lambda dy, x, weight, eps: dy.mean(
                axis=1
            ),
            "dbias: the weight is in it, but the bias is added after the weight has acted.": lambda dy, x, weight, eps: (
                weight * dy.sum(axis=1)
            ),
            "dx: the means are added. If one x grows, in which direction does the mean take all z?": batch_norm.means_added,
            "dx: you divide by the variance. Which number has the units of x?": batch_norm.over_the_variance,
            "dx: the second mean comes back to each x alike: which x change the variance most?": batch_norm.without_z,
            "dweight: that is the gradient of the bias. What does the weight multiply?": lambda dy, x, weight, eps: dy.sum(
                axis=1
            ),
        },
    ),
    Task(
        signature="residual_backward(dy, h, W1, W2, S)",
        asks="dh (D_in, N) of y = S h + W2 max(W1 h, 0).",
        inputs=_residual_inputs,
        reference=_residual_reference,
        mistakes={
            "the shortcut's gradient is missing: on how many ways does h reach y?": lambda dy, h, W1, W2, S: _body(
                dy, h, W1, W2
            ),
            "only the shortcut's gradient is there: h goes through the body, too.": lambda dy, h, W1, W2, S: S.T @ dy,
            "the ReLU in the body passes every gradient: a unit that was shut has no effect on y.": lambda dy, h, W1, W2, S: (
                S.T @ dy + W1.T @ (W2.T @ dy)
            ),
            "the mask is on the shortcut as well: nothing is ever shut there.": lambda dy, h, W1, W2, S: (
                S.T @ dy * (h > 0) + _body(dy, h, W1, W2)
            ),
            "the ReLU is opened by the sign of the gradient: it was the sign of its input.": lambda dy, h, W1, W2, S: (
                S.T @ dy + W1.T @ np.maximum(W2.T @ dy, 0)
            ),
            "you take the mean of the two ways. Each of them gets all of dy.": lambda dy, h, W1, W2, S: (
                (S.T @ dy + _body(dy, h, W1, W2)) / 2
            ),
            "one way is subtracted from the other: y is a sum.": lambda dy, h, W1, W2, S: S.T @ dy - _body(dy, h, W1, W2),
            "you multiply by the ReLU's value, but its slope is 0 or 1.": lambda dy, h, W1, W2, S: (
                S.T @ dy + W1.T @ (np.maximum(W1 @ h, 0) * (W2.T @ dy))
            ),
            "your mask is upside down: when does a ReLU let a change through?": lambda dy, h, W1, W2, S: (
                S.T @ dy + W1.T @ ((W1 @ h < 0) * (W2.T @ dy))
            ),
            "the mask is that of h. What is the input of the ReLU?": lambda dy, h, W1, W2, S: (
                S.T @ dy + (h > 0) * (W1.T @ (W2.T @ dy))
            ),
            "on the shortcut negative dy are lost. Is there a ReLU on it?": lambda dy, h, W1, W2, S: (
                S.T @ np.maximum(dy, 0) + _body(dy, h, W1, W2)
            ),
            "you divide by the number of images: its 1/N is in dy already.": lambda dy, h, W1, W2, S: (
                (S.T @ dy + _body(dy, h, W1, W2)) / dy.dtype.type(h.shape[1])
            ),
        },
    ),
    Task(
        signature="fold_batch_norm(weight, gamma, shift, mean, variance)",
        asks="The weight (K, C, R, S) and the bias (K,) of one convolution that does the work of convolution and batch norm.",
        inputs=_fold_inputs,
        reference=_fold_reference,
        compare=compare_named("weight", "bias"),
        mistakes=FOLD_BATCH_NORM,
    ),
)
