"""The tasks of chapter 02: convolution by hand."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.convolution import forward, input_gradient, kernel_gradient
from minisgl.course.checks.convolution_mistakes import CONV2D, INPUT_GRADIENT, KERNEL_GRADIENT
from minisgl.course.checks.counted import counted
from minisgl.course.checks.task import Task


def _quarters(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Small quarters: products and sums of a few are exact, in float32 too."""
    return rng.integers(-12, 13, shape) / 4


def _in_float32(case: Inputs) -> Inputs:
    return {name: value.astype(np.float32) for name, value in case.items()}


def _square_kernels_first(answer: Answer, task: Task) -> None:
    """Compare on square kernels first: with them an answer that takes rows for columns still runs, and the hint can say so."""

    def is_square(case: Inputs) -> bool:
        if "weight" in case:
            return bool(case["weight"].shape[2] == case["weight"].shape[3])
        (_, P, Q, _), (_, H, W, _) = case["dy"].shape, case["x"].shape
        return bool(H - P == W - Q)

    cases = list(task.inputs())
    answer.compare([case for case in cases if is_square(case)], task.reference, task.mistakes)
    answer.compare([case for case in cases if not is_square(case)], task.reference, task.mistakes)


def _conv2d_inputs() -> Iterator[Inputs]:
    x, weight = np.array([[[1.0, 2, 0], [0, 1, 3], [2, 0, 1]]]), np.array([[[[1.0, 2], [0, -1]]]])
    yield {"x": x, "weight": weight, "bias": np.zeros(1)}
    yield {"x": x, "weight": weight, "bias": np.array([10.0])}
    rng = np.random.default_rng(0)
    for C, K, H, W, R, S in (
        (2, 1, 3, 3, 2, 2),
        (1, 2, 3, 3, 2, 2),
        (2, 2, 4, 5, 3, 3),
        (2, 3, 5, 4, 2, 3),
        (3, 2, 4, 6, 3, 1),
        (2, 2, 3, 2, 3, 2),
    ):
        case = {
            "x": _quarters(rng, (C, H, W)),
            "weight": _quarters(rng, (K, C, R, S)),
            "bias": _quarters(rng, (K,)),
        }
        yield case
        if C == 3:
            yield _in_float32(case)


def _kernel_gradient_inputs() -> Iterator[Inputs]:
    yield {"dy": np.ones((1, 1, 1, 1)), "x": np.array([[1.0, 2], [0, -1]])[None, :, :, None]}
    rng = np.random.default_rng(0)
    for C, K, H, W, P, Q, N in (
        (1, 1, 3, 3, 2, 2, 1),
        (1, 1, 3, 3, 2, 2, 2),
        (2, 1, 3, 3, 2, 2, 1),
        (1, 2, 3, 3, 2, 2, 1),
        (2, 2, 4, 3, 3, 2, 2),
        (2, 3, 4, 4, 2, 3, 2),
        (3, 2, 4, 3, 3, 1, 3),
    ):
        case = {"dy": _quarters(rng, (K, P, Q, N)), "x": _quarters(rng, (C, H, W, N))}
        yield case
        if C == 3:
            yield _in_float32(case)


def _input_gradient_inputs() -> Iterator[Inputs]:
    weight = np.array([[[[1.0, 2], [0, -1]]]])
    yield {"dy": np.ones((1, 1, 1)), "weight": weight, "stride": 1}
    yield {"dy": np.array([[[1.0, 10]]]), "weight": weight, "stride": 1}
    yield {"dy": np.array([[[1.0, 10]]]), "weight": weight, "stride": 2}
    rng = np.random.default_rng(0)
    for C, K, P, Q, R, S, stride in (
        (1, 1, 2, 2, 2, 2, 1),
        (2, 1, 2, 2, 2, 2, 1),
        (1, 2, 2, 2, 2, 2, 1),
        (1, 1, 2, 2, 3, 3, 2),
        (2, 3, 2, 3, 3, 2, 1),
        (3, 2, 3, 2, 2, 4, 2),
        (2, 2, 2, 3, 2, 1, 3),
    ):
        dy, weight = _quarters(rng, (K, P, Q)), _quarters(rng, (K, C, R, S))
        yield {"dy": dy, "weight": weight, "stride": stride}
        if C == 3:
            yield {"dy": dy.astype(np.float32), "weight": weight.astype(np.float32), "stride": stride}


def _two_outputs_inputs() -> Iterator[Inputs]:
    yield from ({"x": np.eye(3)[i], "w": np.eye(2)[j]} for i in range(3) for j in range(2))
    rng = np.random.default_rng(0)
    yield from ({"x": _quarters(rng, (3,)), "w": _quarters(rng, (2,))} for _ in range(4))


def _three_multiplications(answer: Answer, task: Task) -> None:
    """Call the answer with numbers that count their products, and ask for exactly three."""
    plain = {"x": np.array([3.0, 5.0, 7.0]), "w": np.array([2.0, 4.0])}
    products: list[str] = []
    answer.call({name: counted(values, products) for name, values in plain.items()})
    if len(products) > 3:
        hint = "your outputs are right, but fewer products are enough: which product can both of them use?"
        answer.fail(plain, f"{len(products)} multiplications: {', '.join(products)}", "3 multiplications", hint)
    if len(products) < 3:
        hint = (
            "your outputs are right, but not all of your multiplications could be counted. Work with the numbers themselves, "
            "x[0], x[1], ..., without float(), astype() or functions that do a whole convolution."
        )
        answer.fail(plain, f"{len(products)} multiplications counted", "3 multiplications", hint)


TASKS = (
    Task(
        signature="conv2d(x, weight, bias)",
        asks="y (K, P, Q): the cross-correlation of x (C, H, W) with weight (K, C, R, S), plus bias (K,).",
        inputs=_conv2d_inputs,
        reference=forward,
        compare=_square_kernels_first,
        mistakes=CONV2D,
    ),
    Task(
        signature="kernel_gradient(dy, x)",
        asks="The gradient with respect to the kernel (K, C, R, S), from dy (K, P, Q, N) and x (C, H, W, N).",
        inputs=_kernel_gradient_inputs,
        reference=kernel_gradient,
        compare=_square_kernels_first,
        mistakes=KERNEL_GRADIENT,
    ),
    Task(
        signature="input_gradient(dy, weight, stride)",
        asks="dx (C, stride (P - 1) + R, stride (Q - 1) + S), from dy (K, P, Q) and weight (K, C, R, S).",
        inputs=_input_gradient_inputs,
        reference=input_gradient,
        compare=_square_kernels_first,
        mistakes=INPUT_GRADIENT,
    ),
    Task(
        signature="two_outputs(x, w)",
        asks="y_i = w_0 x_i + w_1 x_(i+1) for i = 0 and 1, with three multiplications; x (3,), w (2,).",
        inputs=_two_outputs_inputs,
        reference=lambda x, w: np.correlate(x, w, mode="valid"),
        mistakes={
            "your kernel is turned: w[0] multiplies x[i], w[1] multiplies x[i + 1].": lambda x, w: np.convolve(
                x, w, mode="valid"
            ),
            "the two outputs have changed places.": lambda x, w: np.correlate(x, w, mode="valid")[::-1],
            "only the first output is wrong, and only its sign in one product: w[0] times which difference?": lambda x, w: (
                np.array([w[0] * (2 * x[1] - x[0]) + w[1] * x[1], w[0] * x[1] + w[1] * x[2]])
            ),
            "only the second output is wrong, and only its sign in one product: w[1] times which difference?": lambda x, w: (
                np.array([w[0] * x[0] + w[1] * x[1], w[0] * x[1] + w[1] * (2 * x[1] - x[2])])
            ),
            "the product that both outputs share is missing.": lambda x, w: np.array(
                [w[0] * (x[0] - x[1]), w[1] * (x[2] - x[1])]
            ),
            "the shared product has a difference of the weights: how often does x[1] count in y_0 + y_1?": lambda x, w: (
                np.array([w[0] * x[0] - w[1] * x[1], (w[0] - 2 * w[1]) * x[1] + w[1] * x[2]])
            ),
        },
        afterwards=_three_multiplications,
    ),
)
