"""The tasks of chapter 16: units that can go, and what they leave."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.folded_constants import FOLD_CONSTANT, folded
from minisgl.course.checks.task import Task
from minisgl.course.checks.units_left import UNITS_LEFT, Matrices, units_left


def _sparse(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Quarters of both signs, most of them zero, with a few rows and columns of zeros."""
    weight = rng.integers(-8, 9, shape) / 4 * (rng.random(shape) < 0.4)
    weight[rng.random(shape[0]) < 0.2] = 0
    weight[:, rng.random(shape[1]) < 0.2] = 0
    return weight


# ---- dead_units


def _two_layers() -> Iterator[Inputs]:
    yield {"W1": np.array([[2.0]]), "W2": np.array([[3.0]])}
    yield {"W1": np.array([[0.0]]), "W2": np.array([[3.0]])}
    yield {"W1": np.array([[2.0]]), "W2": np.array([[0.0]])}
    yield {"W1": np.array([[1.0, 0], [2, 1], [0, 0]]), "W2": np.array([[1.0, 2, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]])}
    yield {"W1": np.array([[1.0, 0], [1, 2]]), "W2": np.array([[0.0, 2]])}
    yield {"W1": np.array([[1.0, -1], [2, 1]]), "W2": np.array([[1.0, 1], [-1, 2]])}  # sums of 0, and no zeros
    yield {"W1": np.array([[1.0, -1, 0], [0, 2, 1]]), "W2": np.array([[2.0, 3], [-2, 0]])}
    rng = np.random.default_rng(0)
    for D, H, K in ((3, 4, 2), (2, 3, 4), (3, 3, 3), (6, 5, 4)):
        for _ in range(4):
            yield {"W1": _sparse(rng, H, D), "W2": _sparse(rng, K, H)}


def _empty(W: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(np.all(W == 0, axis=axis))


def _by_loops(W1: np.ndarray, W2: np.ndarray) -> np.ndarray:
    return np.array([all(w == 0 for w in row) or all(w == 0 for w in column) for row, column in zip(W1, W2.T, strict=True)])


# ---- fold_constant


def _constants() -> Iterator[Inputs]:
    for b1 in (1.5, -1.5):
        yield {"W2": np.array([[2.0]]), "b1": np.array([b1]), "b2": np.array([0.25]), "constant": np.array([True])}
    yield {"W2": np.array([[2.0]]), "b1": np.array([1.5]), "b2": np.array([0.25]), "constant": np.array([False])}
    rng = np.random.default_rng(1)
    for shape in ((3, 2), (2, 2), (2, 4), (1, 2, 2, 2), (2, 3, 3, 3), (3, 4, 2, 3), (5, 5)):
        for _ in range(3):
            K, C = shape[:2]
            yield {
                "W2": rng.integers(-8, 9, shape) / 4,
                "b1": rng.choice([-1.0, 1.0], C) * rng.integers(1, 9, C) / 4,
                "b2": rng.integers(-8, 9, K) / 4,
                "constant": rng.random(C) < 0.6,
            }


# ---- flops


def _shapes() -> Iterator[Inputs]:
    for weight, image in (
        ((1, 1), (1,)),
        ((2, 3), (3,)),
        ((1, 1, 1, 1), (1, 2, 2)),
        ((1, 1, 2, 2), (1, 3, 3)),
        ((3, 2, 1, 2), (2, 4, 3)),
        ((4, 5), (5,)),
        ((20, 1, 5, 5), (1, 28, 28)),
        ((50, 20, 5, 5), (20, 12, 12)),
        ((500, 800), (800,)),
        ((2, 3, 4, 2), (3, 7, 9)),
    ):
        yield {"weight": weight, "image": image}


def _counted(weight: tuple[int, ...], image: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Outputs of one unit, units, products in one output, positions of the image."""
    if len(weight) == 2:
        return 1, weight[0], weight[1], 1
    K, C, R, S = weight
    windows = len(range(image[1] - R + 1)) * len(range(image[2] - S + 1))
    return windows, K, C * R * S, image[1] * image[2]


def _flops(weight: tuple[int, ...], image: tuple[int, ...]) -> int:
    places, K, products, _ = _counted(weight, image)
    return sum(places * (products + 1) for _ in range(K))


def _instead(form: Callable[[int, int, int, int], int]) -> Callable[..., int]:
    return lambda weight, image: form(*_counted(weight, image))


def _whole_numbers(answer: Answer, task: Task) -> None:
    """Every result has to be a whole number, not a float."""
    for case in task.inputs():
        if not isinstance(yours := answer.call(case), int | np.integer):
            hint = f"a whole number is wanted, and yours is a {type(yours).__name__}."
            answer.fail(case, yours, task.reference(**case), hint)


# ---- units_left


def _chains() -> Iterator[Matrices]:
    yield [np.array([[2.0]])]
    yield [np.array([[2.0, 0]])]
    yield [np.array([[1.0], [0]]), np.array([[1.0, 1]])]
    yield [np.array([[1.0], [1]]), np.array([[1.0, 0]])]
    yield [np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 0]])]  # backwards, twice
    yield [np.array([[1.0, 0], [0, 0]]), np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 1]])]  # forwards, twice
    yield [np.array([[1.0, 1]]), np.array([[1.0], [0]])]  # a logit that nothing leads to
    rng = np.random.default_rng(2)
    for sizes in ((2, 3, 2), (3, 4, 4, 2), (4, 5, 6, 5, 3), (3, 6, 6, 6, 6, 2)):
        for _ in range(8):
            yield [_sparse(rng, n, m) for m, n in pairwise(sizes)]


TASKS = (
    Task(
        signature="dead_units(W1, W2)",
        asks="bool (H,): which hidden units have a row of zeros in W1 (H, D) or a column of zeros in W2 (K, H).",
        inputs=_two_layers,
        reference=_by_loops,
        mistakes={
            "you have marked the units that stay: which of them go?": lambda W1, W2: ~_by_loops(W1, W2),
            "you find those that read nothing. And those that are not read?": lambda W1, W2: _empty(W1, 1),
            "you find those that are not read. And those that read nothing?": lambda W1, W2: _empty(W2, 0),
            "you ask for both reasons at once, and one is enough.": lambda W1, W2: _empty(W1, 1) & _empty(W2, 0),
            "a sum of 0 is not all zeros: 1 and -1 add up to 0 too.": lambda W1, W2: (
                (W1.sum(axis=1) == 0) | (W2.sum(axis=0) == 0)
            ),
            "you accept one zero among a unit's weights: all of them have to be zero.": lambda W1, W2: (
                (W1 == 0).any(axis=1) | (W2 == 0).any(axis=0)
            ),
            "a negative weight is not zero: a row may have no positive number and still be read.": lambda W1, W2: (
                (W1.max(axis=1) == 0) | (W2.max(axis=0) == 0)
            ),
            "a unit that has both reasons to go is left in yours.": lambda W1, W2: _empty(W1, 1) ^ _empty(W2, 0),
        },
    ),
    Task(
        signature="fold_constant(W2, b1, b2, constant)",
        asks="b2 (K,) plus, for each constant unit, relu(b1) times its weight, or times the sum of its kernel.",
        inputs=_constants,
        reference=folded,
        mistakes=FOLD_CONSTANT,
    ),
    Task(
        signature="flops(weight, image)",
        asks="The multiply-adds plus bias additions of a convolution (stride 1, no padding) or of a linear layer.",
        inputs=_shapes,
        reference=_flops,
        mistakes={
            "the bias additions are missing.": _instead(lambda places, K, products, _: places * K * products),
            "one bias for each unit is right for a linear layer. How often does a convolution add it?": _instead(
                lambda places, K, products, _: places * K * products + K
            ),
            "that is the number of parameters: a convolution uses each of them at many places.": _instead(
                lambda places, K, products, _: K * products + K
            ),
            "without padding the kernel does not fit at every pixel: the output is smaller than the image.": _instead(
                lambda places, K, products, pixels: pixels * K * (products + 1)
            ),
            "a multiply-add counts once here, not twice.": _instead(
                lambda places, K, products, _: places * K * (2 * products + 1)
            ),
            "all of the layer's units are to be counted, not one of them.": _instead(
                lambda places, K, products, _: places * (products + 1)
            ),
            "you add a bias to every product: an output has many products, and how many biases?": _instead(
                lambda places, K, products, _: 2 * places * K * products
            ),
            "count the places at which the kernel fits once more: from the first to the last, both of them.": (
                lambda weight, image: (
                    _flops(weight, image)
                    if len(weight) == 2
                    else (image[1] - weight[2]) * (image[2] - weight[3]) * weight[0] * (int(np.prod(weight[1:])) + 1)
                )
            ),
            "the window moves in one direction only. It goes down as well as to the right.": lambda weight, image: (
                _flops(weight, image) // (1 if len(weight) == 2 else image[2] - weight[3] + 1)
            ),
            "you add one bias in all: how many units are there, and how many outputs has each?": _instead(
                lambda places, K, products, _: places * K * products + 1
            ),
            "there is a bias for each output channel, and not for each input channel.": lambda weight, image: (
                _flops(weight, image) + _counted(weight, image)[0] * (weight[1] - weight[0])
            ),
        },
        afterwards=_whole_numbers,
    ),
    Task(
        signature="units_left(weights)",
        asks="For each level, from inputs to logits, how many units lie on a path from an input to a logit.",
        inputs=lambda: ({"weights": weights} for weights in _chains()),
        reference=units_left,
        mistakes=UNITS_LEFT,
    ),
)
