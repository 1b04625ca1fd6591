"""The tasks of chapter 03: backward through the layers and the loss."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks import two_layers
from minisgl.course.checks.answer import Inputs
from minisgl.course.checks.cross_entropy import mean_loss
from minisgl.course.checks.loss_gradients import LOSS_GRADIENT
from minisgl.course.checks.pooling_windows import laid_out, of_the_whole_map, tied, to_pixel, windows, winner
from minisgl.course.checks.task import Task
from minisgl.course.checks.three_gradients import compare_three_gradients
from minisgl.nn.gradcheck import numeric_gradient
from minisgl.nn.reference import max_pool2d_backward

Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def _eighths(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-16, 17, shape) / 8


# ---- linear_backward


def _linear_inputs() -> Iterator[Inputs]:
    yield {"dy": np.array([[0.5]]), "x": np.array([[3.0]]), "weight": np.array([[-2.0]])}
    yield {"dy": np.array([[0.5, 0.25]]), "x": np.array([[3.0, -1.0]]), "weight": np.array([[-2.0]])}
    rng = np.random.default_rng(0)
    for D_out, D_in, N in ((1, 2, 1), (3, 1, 2), (2, 2, 3), (4, 3, 5), (3, 2, 0)):
        yield {"dy": _eighths(rng, D_out, N), "x": _eighths(rng, D_in, N), "weight": _eighths(rng, D_out, D_in)}
    yield {
        name: _eighths(rng, *shape).astype(np.float32) for name, shape in (("dy", (2, 3)), ("x", (4, 3)), ("weight", (2, 4)))
    }


def _linear_backward(dy: np.ndarray, x: np.ndarray, weight: np.ndarray) -> Three:
    """Differences of sum(dy * (weight @ x + bias)): exact but for rounding, because nothing in it is squared."""
    dy64, x64, weight64 = (array.astype(np.float64) for array in (dy, x, weight))
    bias = np.zeros(len(weight))
    dx = numeric_gradient(lambda at: float(np.sum(dy64 * (weight64 @ at + bias[:, None]))), x64, h=0.5)
    dweight = numeric_gradient(lambda at: float(np.sum(dy64 * (at @ x64 + bias[:, None]))), weight64, h=0.5)
    dbias = numeric_gradient(lambda at: float(np.sum(dy64 * (weight64 @ x64 + at[:, None]))), bias, h=0.5)
    return dx.astype(dy.dtype), dweight.astype(dy.dtype), dbias.astype(dy.dtype)


# ---- max_pool_backward


def _pool_inputs() -> Iterator[Inputs]:
    for window in ([3, 1, 0, 2], [1, 0, 2, 3], [-1, -2, -4, -3], [1, 2, 2, 0], [2, 2, 1, 2], [0, 0, 0, 0]):
        yield {"dy": np.array([1.5]).reshape(1, 1, 1, 1), "x": np.array(window, dtype=float).reshape(1, 2, 2, 1)}
    rng = np.random.default_rng(0)
    for C, P, Q, N in ((1, 1, 2, 1), (1, 2, 2, 1), (2, 1, 1, 2), (3, 2, 4, 2), (1, 1, 1, 0)):
        yield {"dy": _eighths(rng, C, P, Q, N), "x": rng.integers(-3, 4, (C, 2 * P, 2 * Q, N)).astype(float)}
    yield {"dy": _eighths(rng, 2, 2, 3, 1).astype(np.float32), "x": rng.integers(-3, 4, (2, 4, 6, 1)).astype(np.float32)}


# ---- loss_gradient


def _logit_inputs() -> Iterator[Inputs]:
    yield {"logits": np.array([[0.0, 0.0]]), "labels": np.array([0])}
    yield {"logits": np.array([[0.0, 2.0]]), "labels": np.array([0])}
    yield {"logits": np.array([[0.0, 2.0], [1.0, -1.0]]), "labels": np.array([1, 1])}
    rng = np.random.default_rng(0)
    for N, D in ((1, 3), (2, 3), (3, 3), (5, 10)):
        yield {"logits": _eighths(rng, N, D), "labels": rng.integers(0, D, N)}
    yield {"logits": _eighths(rng, 4, 3).astype(np.float32), "labels": rng.integers(0, 3, 4)}
    yield {"logits": np.array([[1000.0, 998.0]]), "labels": np.array([1])}
    yield {"logits": np.array([[-1000.0, -1001.0], [1000.0, -1000.0]]), "labels": np.array([1, 1])}
    yield {"logits": np.array([[1000.0, 0.0, 999.0], [-1000.0, -1002.0, -1001.0]]), "labels": np.array([2, 0])}


# ---- first_weight_gradient


def _network_inputs() -> Iterator[Inputs]:
    yield {"x": np.array([[1.0]]), "labels": np.array([0]), "W1": np.array([[2.0]]), "W2": np.array([[0.0], [0.5]])}
    yield {"x": np.array([[1.0]]), "labels": np.array([0]), "W1": np.array([[-2.0]]), "W2": np.array([[0.0], [0.5]])}
    yield {"x": np.array([[1.0, 2.0]]), "labels": np.array([0, 1]), "W1": np.array([[1.0]]), "W2": np.array([[0.5], [-1.0]])}
    rng = np.random.default_rng(0)
    for D0, D1, D2, N in ((1, 2, 2, 1), (2, 1, 2, 1), (2, 2, 2, 3), (3, 4, 2, 2), (4, 3, 3, 5)):
        yield _away_from_kinks(rng, D0, D1, D2, N)
    yield {name: a if name == "labels" else a.astype(np.float32) for name, a in _away_from_kinks(rng, 3, 2, 3, 2).items()}


def _away_from_kinks(rng: np.random.Generator, D0: int, D1: int, D2: int, N: int) -> Inputs:
    """Random arguments at which no ReLU is near 0."""
    while True:
        x, W1 = _eighths(rng, D0, N), _eighths(rng, D1, D0)
        if np.abs(W1 @ x).min() > 0.01:
            return {"x": x, "labels": rng.integers(0, D2, N), "W1": W1, "W2": _eighths(rng, D2, D1)}


TASKS = (
    Task(
        signature="linear_backward(dy, x, weight)",
        asks="dx, dweight and dbias of y = weight @ x + bias; the images are the last axis.",
        inputs=_linear_inputs,
        reference=_linear_backward,
        compare=compare_three_gradients,
        mistakes={
            "dx: this is dweight. The order wanted is dx, dweight, dbias.": lambda dy, x, weight: dy @ x.T,
            "dx: that is forward once more: what comes back is made of dy, not of x.": (
                lambda dy, x, weight: weight.T @ (weight @ x)
            ),
            "dweight: divided by N: the loss is a mean, and its 1/N is in dy already.": (
                lambda dy, x, weight: dy @ x.T / dy.shape[1]
            ),
            "dweight: rows and columns are exchanged: dweight must match weight, entry by entry.": (
                lambda dy, x, weight: x @ dy.T
            ),
            "dweight: in y each weight is multiplied by its input x, so x is the factor, not the weight itself.": (
                lambda dy, x, weight: weight * dy.sum(axis=1, keepdims=True)
            ),
            "dbias: yours is a mean, but b is added for every image, so its gradient is the sum over all of them.": (
                lambda dy, x, weight: dy.mean(axis=1)
            ),
            "dbias: only the first image counts: b reaches them all.": lambda dy, x, weight: dy[:, 0],
            "dx: divided by N: the loss is a mean, and its 1/N is in dy already.": lambda dy, x, weight: (
                weight.T @ dy / dy.shape[1]
            ),
            "dweight: only the first image counts: every image has its part in it.": lambda dy, x, weight: (
                dy[:, :1] @ x[:, :1].T
            ),
            "dweight: dy and x are summed before they are multiplied. Whose dy meets whose x then?": lambda dy, x, weight: (
                np.outer(dy.sum(axis=1), x.sum(axis=1))
            ),
            "dbias: that is one sum for all outputs, and each has its own bias.": lambda dy, x, weight: np.full(
                len(dy), dy.sum()
            ),
        },
    ),
    Task(
        signature="max_pool_backward(dy, x)",
        asks="dx of max-pooling 2 x 2 with stride 2; at a tie the first pixel in row-major order gets all of dy.",
        inputs=_pool_inputs,
        reference=lambda dy, x: max_pool2d_backward(dy, x, kernel=2, stride=2),
        exact_zeros=True,
        mistakes={
            "at a tie every winner gets all of dy: more comes back than went in. Which is the first?": lambda dy, x: laid_out(
                tied(x) * dy
            ),
            "at a tie you share dy out, but one of them should get all of it.": lambda dy, x: laid_out(
                tied(x) / tied(x).sum(axis=0) * dy
            ),
            "at a tie the last winner gets dy: the first is wanted, row by row.": lambda dy, x: to_pixel(
                winner(x, [3, 2, 1, 0]), dy
            ),
            "at a tie you go column by column: row-major means along the first row, then along the second.": lambda dy, x: (
                to_pixel(winner(x, [0, 2, 1, 3]), dy)
            ),
            "all four pixels get a gradient: if a smaller one changes a little, does the maximum change?": lambda dy, x: (
                laid_out(np.repeat(dy[None], 4, axis=0))
            ),
            "dy is spread evenly over the window: that would be right if forward took the mean.": lambda dy, x: laid_out(
                np.repeat(dy[None], 4, axis=0) / 4
            ),
            "the right places, but the values are the maxima themselves: what comes back is dy.": lambda dy, x: to_pixel(
                windows(x).argmax(axis=0), windows(x).max(axis=0)
            ),
            "the place is that of the largest |x|: forward compares x with its sign.": lambda dy, x: to_pixel(
                np.abs(windows(x)).argmax(axis=0), dy
            ),
            "negative windows get no gradient: ReLU does that. Pooling alone gives one to a negative maximum, too.": (
                lambda dy, x: to_pixel(windows(x).argmax(axis=0), dy * (windows(x).max(axis=0) > 0))
            ),
            "you look for the maximum of the whole map. Each window has its own.": lambda dy, x: np.where(
                x == x.max(axis=(1, 2), keepdims=True), laid_out(np.repeat(dy[None], 4, axis=0)), 0
            ),
            "only one pixel of the whole map gets a gradient. Each window has a maximum of its own.": of_the_whole_map,
            "the right places, but with a 1 in each: what comes back there?": lambda dy, x: to_pixel(
                windows(x).argmax(axis=0), np.ones_like(dy)
            ),
        },
    ),
    Task(
        signature="loss_gradient(logits, labels)",
        asks="The gradient (N, D) of the mean cross-entropy with respect to the logits, which may be as large as 1000.",
        inputs=_logit_inputs,
        reference=lambda logits, labels: numeric_gradient(
            lambda at: mean_loss(at, labels), logits.astype(np.float64), h=1e-5
        ).astype(logits.dtype),
        mistakes=LOSS_GRADIENT,
    ),
    Task(
        signature="first_weight_gradient(x, labels, W1, W2)",
        asks="The gradient of the mean cross-entropy of W2 max(W1 x, 0) with respect to W1.",
        inputs=_network_inputs,
        reference=two_layers.first_weight_gradient,
        mistakes={
            "the ReLU passes every gradient: a unit that was 0 has no effect on the loss.": two_layers.without_mask,
            "you divide by N once more: the 1/N of the mean is in dz already.": two_layers.divided_twice,
            "the loss is a mean over the images: is yours their sum?": two_layers.not_divided,
            "max(., 0) is applied to the slopes: it is the sign of its input that opens a ReLU, not that of the slope.": (
                two_layers.relu_of_slopes
            ),
            "you multiply by the ReLU's value: its slope is wanted, and that is 0 or 1.": two_layers.times_values,
            "the ReLU is missing, forward and back.": two_layers.no_relu,
            "that is the gradient of W2: W1 is one layer further back.": two_layers.second_weight,
            "the probabilities come back alone: where does the true class come in?": two_layers.without_labels,
            "your mask is upside down: when does a ReLU let a change through?": two_layers.mask_upside_down,
            "the logits themselves are compared with the truth: first turn them into probabilities.": (
                two_layers.without_softmax
            ),
        },
    ),
)
