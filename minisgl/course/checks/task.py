"""One task of the course: what a student's function must compute, the inputs it is tried on, and common mistakes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from minisgl.course.checks.answer import Answer, Inputs


def compare_results(answer: Answer, task: "Task") -> None:
    """The usual comparison: one result, equal to the reference on all inputs."""
    answer.compare(task.inputs(), task.reference, task.mistakes, task.exact_zeros)


@dataclass(frozen=True)
class Task:
    """One task. Its name is that of the function which the student writes."""

    signature: str
    """The function, as "hard_threshold(v, lam)"."""
    asks: str
    """What the function returns: with shapes, units and ranges."""
    inputs: Callable[[], Iterable[Inputs]]
    """The inputs it is tried on, the smallest first: the first that fails is shown."""
    reference: Callable[..., Any]
    """The right result, computed from the definition where that is possible."""
    mistakes: Mapping[str, Callable[..., Any]]
    """Functions that are wrong in a known way, by the sentence that names the mistake."""
    exact_zeros: bool = False
    """Whether a zero has to be exactly 0."""
    compare: Callable[[Answer, "Task"], None] = compare_results
    """How results are compared. A task has a function of its own where the result is not one number or one array."""
    afterwards: Callable[[Answer, "Task"], None] | None = None
    """An extra check once the results are right, such as that there are only three multiplications."""

    @property
    def name(self) -> str:
        """ "hard_threshold" of "hard_threshold(v, lam)"."""
        return self.signature.partition("(")[0]

    def check(self, answer: Answer) -> None:
        """Raise CheckFailed if the answer is not right."""
        self.compare(answer, self)
        if self.afterwards:
            self.afterwards(answer, self)
