"""The tasks of chapter 02: convolution by hand."""

from collections.abc import Iterator

import numpy as np

from minisgl.course.checks.answer import Answer, Inputs
from minisgl.course.checks.convolution import forward, input_gradient, kernel_gradient
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
        kernel = case["weight"] if "weight" in case else task.reference(**case)
        return kernel.shape[2] == kernel.shape[3]

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


def _without_overlap(dy: np.ndarray, weight: np.ndarray, stride: int, windows_outside: bool) -> np.ndarray:
    """The input's gradient with = in place of +=, in a loop over windows with one over the kernel in it, or the reverse."""
    dx = np.zeros_like(input_gradient(dy, weight, stride))
    size, kernel = dy.shape[1:], weight.shape[2:]
    if windows_outside:
        order = [(window, place) for window in np.ndindex(*size) for place in np.ndindex(*kernel)]
    else:
        order = [(window, place) for place in np.ndindex(*kernel) for window in np.ndindex(*size)]
    for (p, q), (r, s) in order:
        dx[:, p * stride + r, q * stride + s] = dy[:, p, q] @ weight[:, :, r, s]
    return dx


def _all_windows_side_by_side(dy: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """The input's gradient as if the windows were one pixel apart, in an array of the right size."""
    dx, near = np.zeros_like(input_gradient(dy, weight, stride)), input_gradient(dy, weight, 1)
    dx[:, : near.shape[1], : near.shape[2]] = near
    return dx


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
        mistakes={
            "your kernel is turned by 180 degrees, which is the true convolution. Here the kernel is not turned: "
            "which entry of x does weight[k, c, 0, 0] meet?": lambda x, w, b: forward(x, w[:, :, ::-1, ::-1], b),
            "the last window of every row and column is missing. At which p does it start, if it ends in row H - 1?": (
                lambda x, w, b: forward(x, w, b)[:, :-1, :-1]
            ),
            "rows and columns of the kernel have changed places: r goes down, s to the right.": lambda x, w, b: forward(
                x, w.swapaxes(2, 3), b
            ),
            "only the last input channel counts: does each overwrite what the one before gave?": lambda x, w, b: forward(
                x[-1:], w[:, -1:], b
            ),
            "only the first input channel counts: every output reads all of them.": lambda x, w, b: forward(x[:1], w[:, :1], b),
            "you take the mean over the input channels, and their sum is wanted.": lambda x, w, b: (
                forward(x, w, 0 * b) / len(x) + b[:, None, None]
            ).astype(x.dtype),
            "where is the bias?": lambda x, w, b: forward(x, w, 0 * b),
            "the bias is added once for every product. It belongs outside the sum.": lambda x, w, b: forward(
                x, w, b * w[0].size
            ),
            "the bias is added once for every input channel. It belongs outside the sum.": lambda x, w, b: forward(
                x, w, b * len(x)
            ),
        },
    ),
    Task(
        signature="kernel_gradient(dy, x)",
        asks="The gradient with respect to the kernel (K, C, R, S), from dy (K, P, Q, N) and x (C, H, W, N).",
        inputs=_kernel_gradient_inputs,
        reference=kernel_gradient,
        compare=_square_kernels_first,
        mistakes={
            "your gradient is turned by 180 degrees: dweight[k, c, 0, 0] belongs to the entry that is the first of "
            "every window.": lambda dy, x: kernel_gradient(dy, x)[:, :, ::-1, ::-1],
            "rows and columns of the kernel have changed places: R comes before S.": (
                lambda dy, x: kernel_gradient(dy, x).swapaxes(2, 3)
            ),
            "the first two axes have changed places: the kernel is (K, C, R, S), outputs before inputs.": (
                lambda dy, x: kernel_gradient(dy, x).swapaxes(0, 1)
            ),
            "you take the mean over the images. The loss adds up all of them, and so does its gradient.": (
                lambda dy, x: kernel_gradient(dy, x) / x.dtype.type(dy.shape[3])
            ),
            "you take the mean over the windows. Each weight was used in every one of them: how do their parts combine?": (
                lambda dy, x: kernel_gradient(dy, x) / x.dtype.type(dy[0].size)
            ),
            "only the first image counts.": lambda dy, x: kernel_gradient(dy[..., :1], x[..., :1]),
            "all input channels have the same gradient: dweight[k, c] depends on channel c of x, and on no other.": (
                lambda dy, x: np.repeat(kernel_gradient(dy, x.sum(axis=0, keepdims=True)), len(x), axis=1)
            ),
            "the last row and column of the kernel are missing: how large was R, if H - R + 1 is P?": (
                lambda dy, x: kernel_gradient(dy, x)[:, :, :-1, :-1]
            ),
        },
    ),
    Task(
        signature="input_gradient(dy, weight, stride)",
        asks="dx (C, stride (P - 1) + R, stride (Q - 1) + S), from dy (K, P, Q) and weight (K, C, R, S).",
        inputs=_input_gradient_inputs,
        reference=input_gradient,
        compare=_square_kernels_first,
        mistakes={
            "your kernel is turned once too often, or once too little: by which weight did x[c, 0, 0] reach y[k, 0, 0]?": (
                lambda dy, w, stride: input_gradient(dy, w[:, :, ::-1, ::-1], stride)
            ),
            "rows and columns of the kernel have changed places: r goes down, s to the right.": (
                lambda dy, w, stride: input_gradient(dy, w.swapaxes(2, 3), stride)
            ),
            "where windows overlap, only the last window counts. A pixel that was used several times adds them all up.": (
                lambda dy, w, stride: _without_overlap(dy, w, stride, windows_outside=True)
            ),
            "where windows overlap, only the last place of the kernel counts. A pixel that was used several times gets a part "
            "from all of its uses.": lambda dy, w, stride: _without_overlap(dy, w, stride, windows_outside=False),
            "only the first output channel counts: a pixel gets a part from every output that it was used in.": (
                lambda dy, w, stride: input_gradient(dy[:1], w[:1], stride)
            ),
            "you leave the stride out: where does window (p, q) start?": lambda dy, w, stride: input_gradient(dy, w, 1),
            "the size is right, but the windows start at row p. With a stride, where do they?": _all_windows_side_by_side,
            "all input channels get the same: the weights that lead back to channel c are weight[:, c].": (
                lambda dy, w, stride: np.repeat(input_gradient(dy, w.sum(axis=1, keepdims=True), stride), w.shape[1], axis=0)
            ),
            "you take the mean over the output channels, and their sum is wanted.": lambda dy, w, stride: (
                input_gradient(dy, w, stride) / dy.dtype.type(len(dy))
            ),
        },
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
        },
        afterwards=_three_multiplications,
    ),
)
