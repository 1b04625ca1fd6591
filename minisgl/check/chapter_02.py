"""The checks of chapter 02: convolution by hand. Each says in its docstring what the task asks for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minisgl.check.answer import Answer, Inputs
from minisgl.nn import reference


def _quarters(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Small quarters: products and sums of a few are exact, in float32 too."""
    return rng.integers(-12, 13, shape) / 4


def _in_float32(case: Inputs) -> Inputs:
    return {name: value.astype(np.float32) for name, value in case.items()}


def _compare(
    answer: Answer, cases: list[Inputs], wanted: Callable[..., np.ndarray], mistakes: dict[str, Callable[..., np.ndarray]]
) -> None:
    """Square kernels first: with them an answer that takes rows for columns still runs, and can be told so."""

    def is_square(case: Inputs) -> bool:
        kernel = case["weight"] if "weight" in case else wanted(**case)
        return kernel.shape[2] == kernel.shape[3]

    answer.compare([case for case in cases if is_square(case)], wanted, mistakes)
    answer.compare([case for case in cases if not is_square(case)], wanted, mistakes)


def conv2d(answer: Answer) -> None:
    """conv2d(x, weight, bias): y (K, P, Q), the cross-correlation of x (C, H, W) with weight (K, C, R, S), plus bias (K,)."""

    def inputs() -> Iterator[Inputs]:
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

    _compare(
        answer,
        list(inputs()),
        wanted=_forward,
        mistakes={
            "your kernel is turned by 180 degrees, which is the true convolution. Here the kernel lies on the window as it is: "
            "which entry of x does weight[k, c, 0, 0] meet?": lambda x, w, b: _forward(x, w[:, :, ::-1, ::-1], b),
            "the last window of every row and column is missing. At which p does it start, if it ends in row H - 1?": (
                lambda x, w, b: _forward(x, w, b)[:, :-1, :-1]
            ),
            "rows and columns of the kernel have changed places: r goes down, s to the right.": lambda x, w, b: _forward(
                x, w.swapaxes(2, 3), b
            ),
            "only the last input channel counts: does each overwrite what the one before gave?": lambda x, w, b: _forward(
                x[-1:], w[:, -1:], b
            ),
            "only the first input channel counts: every output looks at all of them.": lambda x, w, b: _forward(
                x[:1], w[:, :1], b
            ),
            "you take the mean over the input channels, and their sum is wanted.": lambda x, w, b: (
                _forward(x, w, 0 * b) / len(x) + b[:, None, None]
            ).astype(x.dtype),
            "where is the bias?": lambda x, w, b: _forward(x, w, 0 * b),
            "the bias comes in once for every product. It stands outside the sum.": lambda x, w, b: _forward(
                x, w, b * w[0].size
            ),
            "the bias comes in once for every input channel. It stands outside the sum.": lambda x, w, b: _forward(
                x, w, b * len(x)
            ),
        },
    )


def _forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """y (K, P, Q) of one image x (C, H, W), by the loops that define it."""
    return reference.conv2d(x[..., None], weight, bias)[..., 0]


def _loss_at_every_unit(loss: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The gradient, of this shape, of a linear function: its values at the arrays with a single 1."""
    gradient = np.zeros(shape, dtype)
    for index in np.ndindex(*shape):
        unit = np.zeros(shape, dtype)
        unit[index] = 1
        gradient[index] = loss(unit)
    return gradient


def _kernel_gradient(dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(K, C, R, S): of sum(dy * y), which is linear in the weight, since the bias is 0."""
    K, P, Q, _ = dy.shape
    C, H, W, _ = x.shape
    no_bias = np.zeros(K, x.dtype)
    return _loss_at_every_unit(
        lambda weight: (dy * reference.conv2d(x, weight, no_bias)).sum(), (K, C, H - P + 1, W - Q + 1), x.dtype
    )


def kernel_gradient(answer: Answer) -> None:
    """kernel_gradient(dy, x): (K, C, R, S), the gradient with respect to the kernel: dy (K, P, Q, N), x (C, H, W, N)."""

    def inputs() -> Iterator[Inputs]:
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

    _compare(
        answer,
        list(inputs()),
        wanted=_kernel_gradient,
        mistakes={
            "your gradient is turned by 180 degrees: dweight[k, c, 0, 0] belongs to the entry that meets the first of "
            "every window.": lambda dy, x: _kernel_gradient(dy, x)[:, :, ::-1, ::-1],
            "rows and columns of the kernel have changed places: R comes before S.": (
                lambda dy, x: _kernel_gradient(dy, x).swapaxes(2, 3)
            ),
            "the first two axes have changed places: the kernel is (K, C, R, S), outputs before inputs.": (
                lambda dy, x: _kernel_gradient(dy, x).swapaxes(0, 1)
            ),
            "you take the mean over the images. The loss adds up all of them, and so does its gradient.": (
                lambda dy, x: _kernel_gradient(dy, x) / x.dtype.type(dy.shape[3])
            ),
            "you take the mean over the windows. Each weight was used in every one of them: how do their parts join?": (
                lambda dy, x: _kernel_gradient(dy, x) / x.dtype.type(dy[0].size)
            ),
            "only the first image counts.": lambda dy, x: _kernel_gradient(dy[..., :1], x[..., :1]),
            "all input channels have the same gradient: dweight[k, c] has to do with channel c of x, and no other.": (
                lambda dy, x: np.repeat(_kernel_gradient(dy, x.sum(axis=0, keepdims=True)), len(x), axis=1)
            ),
            "the last row and column of the kernel are missing: how large was R, if H - R + 1 is P?": (
                lambda dy, x: _kernel_gradient(dy, x)[:, :, :-1, :-1]
            ),
        },
    )


def _input_gradient(dy: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """(C, H, W): of sum(dy * y), which is linear in x, since the bias is 0."""
    K, P, Q = dy.shape
    _, C, R, S = weight.shape
    no_bias = np.zeros(K, dy.dtype)

    def loss(x: np.ndarray) -> np.ndarray:
        return (dy * reference.conv2d(x[..., None], weight, no_bias, stride)[..., 0]).sum()

    return _loss_at_every_unit(loss, (C, stride * (P - 1) + R, stride * (Q - 1) + S), dy.dtype)


def _without_overlap(dy: np.ndarray, weight: np.ndarray, stride: int, windows_outside: bool) -> np.ndarray:
    """The input's gradient with = where += belongs, in a loop over windows and, inside it, over the kernel, or turned about."""
    dx = np.zeros_like(_input_gradient(dy, weight, stride))
    size, kernel = dy.shape[1:], weight.shape[2:]
    if windows_outside:
        order = [(window, place) for window in np.ndindex(*size) for place in np.ndindex(*kernel)]
    else:
        order = [(window, place) for place in np.ndindex(*kernel) for window in np.ndindex(*size)]
    for (p, q), (r, s) in order:
        dx[:, p * stride + r, q * stride + s] = dy[:, p, q] @ weight[:, :, r, s]
    return dx


def _all_windows_side_by_side(dy: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """The input's gradient, with the windows one pixel apart, in an array of the right size."""
    dx, near = np.zeros_like(_input_gradient(dy, weight, stride)), _input_gradient(dy, weight, 1)
    dx[:, : near.shape[1], : near.shape[2]] = near
    return dx


def input_gradient(answer: Answer) -> None:
    """input_gradient(dy, weight, stride): dx (C, stride (P - 1) + R, stride (Q - 1) + S): dy (K, P, Q), weight (K, C, R, S)."""

    def inputs() -> Iterator[Inputs]:
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

    _compare(
        answer,
        list(inputs()),
        wanted=_input_gradient,
        mistakes={
            "your kernel is turned once too often, or once too little: by which weight did x[c, 0, 0] reach y[k, 0, 0]?": (
                lambda dy, w, stride: _input_gradient(dy, w[:, :, ::-1, ::-1], stride)
            ),
            "rows and columns of the kernel have changed places: r goes down, s to the right.": (
                lambda dy, w, stride: _input_gradient(dy, w.swapaxes(2, 3), stride)
            ),
            "where windows overlap, the last window alone counts. A pixel that was used several times hears from them all.": (
                lambda dy, w, stride: _without_overlap(dy, w, stride, windows_outside=True)
            ),
            "where windows overlap, the last place of the kernel alone counts. A pixel that was used several times hears "
            "from all of its uses.": lambda dy, w, stride: _without_overlap(dy, w, stride, windows_outside=False),
            "only the first output channel counts: a pixel hears from every output that it was part of.": (
                lambda dy, w, stride: _input_gradient(dy[:1], w[:1], stride)
            ),
            "you leave the stride out: where does window (p, q) start?": lambda dy, w, stride: _input_gradient(dy, w, 1),
            "the size is right, but the windows start at row p. With a stride, where do they?": _all_windows_side_by_side,
            "all input channels hear the same: the weights that lead back to channel c are weight[:, c].": (
                lambda dy, w, stride: np.repeat(_input_gradient(dy, w.sum(axis=1, keepdims=True), stride), w.shape[1], axis=0)
            ),
            "you take the mean over the output channels, and their sum is wanted.": lambda dy, w, stride: (
                _input_gradient(dy, w, stride) / dy.dtype.type(len(dy))
            ),
        },
    )


@dataclass(frozen=True)
class _Counted:
    """A number that notes in `tally`, one entry each, how often it and its like are multiplied with each other."""

    value: float
    tally: list[str]

    def _new(self, value: float) -> "_Counted":
        return _Counted(value, self.tally)

    def __deepcopy__(self, memo: object) -> "_Counted":
        return self  # the copy notes in the same tally

    def __float__(self) -> float:
        return self.value

    def __neg__(self) -> "_Counted":
        return self._new(-self.value)

    def __add__(self, other: Any) -> Any:
        return self._new(self.value + float(other)) if _is_number(other) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + -other if _is_number(other) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return -self + other if _is_number(other) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if not _is_number(other):
            return NotImplemented
        if isinstance(other, _Counted):
            self.tally.append(f"{self.value:g} * {other.value:g}")
        return self._new(self.value * float(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self * (1 / float(other)) if _is_number(other) and not isinstance(other, _Counted) else NotImplemented

    def __pow__(self, other: Any) -> Any:
        return self * self if other == 2 else NotImplemented


def _is_number(value: Any) -> bool:
    return isinstance(value, _Counted | int | float | np.number)


def two_outputs(answer: Answer) -> None:
    """two_outputs(x, w): y_i = w_0 x_i + w_1 x_(i+1), i = 0 and 1, for x (3,) and w (2,), with three multiplications."""
    cases: list[Inputs] = [{"x": np.eye(3)[i], "w": np.eye(2)[j]} for i in range(3) for j in range(2)]
    rng = np.random.default_rng(0)
    cases += [{"x": _quarters(rng, (3,)), "w": _quarters(rng, (2,))} for _ in range(4)]
    answer.compare(
        cases,
        wanted=lambda x, w: np.correlate(x, w, mode="valid"),
        mistakes={
            "your kernel is turned: w[0] goes with x[i], w[1] with x[i + 1].": lambda x, w: np.convolve(x, w, mode="valid"),
            "the two outputs have changed places.": lambda x, w: np.correlate(x, w, mode="valid")[::-1],
        },
    )
    plain = {"x": np.array([3.0, 5.0, 7.0]), "w": np.array([2.0, 4.0])}
    tally: list[str] = []
    answer.call({name: np.array([_Counted(float(value), tally) for value in values]) for name, values in plain.items()})
    if len(tally) > 3:
        hint = "your outputs are right, but it goes with less: which product can both of them use?"
        answer.fail(plain, f"{len(tally)} multiplications: {', '.join(tally)}", "3 multiplications", hint)
    if len(tally) < 3:
        hint = (
            "your outputs are right, but not all of your multiplications could be counted. Work with the numbers themselves, "
            "x[0], x[1], ..., without float(), astype() or functions that do a whole convolution."
        )
        answer.fail(plain, f"{len(tally)} multiplications counted", "3 multiplications", hint)
