"""The sentences of minisgl.course.check: every planted mistake gets its own and no other, and every sentence has its mistake.

A row of a task's table is a planted mistake, from planted/; a column is one of the sentences of the task's `mistakes`.
"""

from functools import cache
from itertools import combinations, islice

import numpy as np
import pytest
from support.course import PLANTED, SOURCES, TASKS

from minisgl.course import CheckFailed, check
from minisgl.course.checks.answer import Answer
from minisgl.course.checks.difference import close
from minisgl.course.checks.named_results import compare_named
from minisgl.course.checks.task import Task

GRADIENTS = ("dx", "dweight", "dbias")
# The names of the results, where a task has several: a sentence begins with the one that it is about.
PARTS = {"03.linear_backward": GRADIENTS, "17.batch_norm_backward": GRADIENTS, "17.fold_batch_norm": ("weight", "bias")}
SECRETS = [line for source in SOURCES for line in source.solution_lines()]


@cache
def messages(name: str) -> dict[str, str]:
    """The message that each planted mistake gets, by the part that it must have."""
    found = {}
    for function, phrase in PLANTED[name]:
        with np.errstate(all="ignore"), pytest.raises(CheckFailed) as caught:
            check(name, function)
        found[phrase] = str(caught.value)
    return found


@pytest.mark.parametrize("name", PLANTED)
def test_different_mistakes_have_different_sentences(name):
    assert len(PLANTED[name]) >= 3
    phrases = [phrase for _, phrase in PLANTED[name]]
    assert len(phrases) == len(set(phrases))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_gets_its_own_sentence_and_no_other(name):
    for phrase, message in messages(name).items():
        own = [sentence for sentence in TASKS[name].mistakes if phrase in sentence]
        said = [sentence for sentence in TASKS[name].mistakes if sentence in message]
        assert phrase in message
        assert said == own
        assert not [other for other in messages(name) if other != phrase and other in message]


@pytest.mark.parametrize("name", PLANTED)
def test_every_sentence_has_a_planted_mistake(name):
    everything = "\n".join(messages(name).values())
    assert not [sentence for sentence in TASKS[name].mistakes if sentence not in everything]


@pytest.mark.parametrize("name", PLANTED)
def test_no_message_shows_a_solution(name):
    assert not [line for message in messages(name).values() for line in SECRETS if line in message]


def test_every_check_has_planted_mistakes():
    assert set(PLANTED) == set(TASKS)


@pytest.mark.parametrize("name", sorted(set(PLANTED) - {"05.lam_to_keep"}))  # its mistakes are not functions of the inputs
def test_two_inputs_at_least_tell_a_mistake_from_the_right_result_and_from_every_other(name):
    inputs = [
        case for case in TASKS[name].inputs() if all(np.size(value) for value in case.values() if not isinstance(value, list))
    ]

    @cache
    def outcome(sentence, i):
        function = TASKS[name].mistakes[sentence] if sentence else TASKS[name].reference
        with np.errstate(all="ignore"):
            try:
                return function(*inputs[i].values())
            except (IndexError, ValueError) as error:  # a row that is not there, a matrix norm of three axes
                return type(error)

    def differ(one, other, i):
        if name not in PARTS:
            return not close(outcome(one, i), outcome(other, i))
        if one and one.partition(":")[0] != other.partition(":")[0]:
            return True
        right = outcome(one, i) if one else outcome("", i)[PARTS[name].index(other.partition(":")[0])]
        return not close(right, outcome(other, i))

    for one, other in combinations(["", *TASKS[name].mistakes], 2):
        telling = (i for i in range(len(inputs)) if differ(one, other, i))
        assert len(list(islice(telling, 2))) == 2, f"{one} | {other}"


# ---- how a sentence is chosen, on a task of four inputs

SQUARE = Task(
    signature="square(x)",
    asks="x squared, entry by entry.",
    inputs=lambda: ({"x": np.array(x)} for x in ([2.0], [1.0], [0.0], [-1.0, 3.0])),
    reference=lambda x: x * x,
    mistakes={
        "a difference of 2 from this one.": lambda x: x * x - 2,
        "each entry is doubled.": lambda x: x + x + 1,
    },
)


def said(function, task=SQUARE):
    with np.errstate(all="ignore"), pytest.raises(CheckFailed) as caught:
        task.check(Answer("99.square", function))
    return str(caught.value)


def test_a_mistake_is_named_if_all_results_are_its_own():
    assert "each entry is doubled." in said(lambda x: 2 * x + 1)


def test_agreement_on_one_input_is_not_enough():
    assert "1 of 1 entries differ" in said(lambda x: x * x - 2 if x[0] == 2 else x * x)
    assert "1 of 1 entries differ" in said(lambda x: 2 * x + 1 if x.size == 1 else x * x)


def test_an_answer_that_fails_later_on_is_named_only_with_a_mistake_that_fails_there_as_well():
    def for_one_entry(x):
        return np.array([float(x.item()) ** 2 + 1])

    assert "1 of 1 entries differ" in said(for_one_entry)
    with_this = Task(SQUARE.signature, SQUARE.asks, SQUARE.inputs, SQUARE.reference, {"only for one entry.": for_one_entry})
    assert "only for one entry." in said(for_one_entry, with_this)


def test_what_is_wrong_in_the_same_way_everywhere_is_said_for_every_task():
    assert "the opposite sign everywhere" in said(lambda x: -(x**2))
    assert "entries differ" in said(lambda x: -(x**2) if x[0] == 2 else x**2 + 1)
    assert "twice the right one, on all inputs" in said(lambda x: 2 * x * x)
    assert "half of the right one, on all inputs" in said(lambda x: x * x / 2)
    assert "look at the signs" in said(lambda x: x * x * np.where(x > 1, -1, 1))


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"16.dead_units"}))  # whose result is of booleans
def test_every_task_has_a_sentence_for_nan(name):
    def nan_like(result):
        return tuple(map(nan_like, result)) if isinstance(result, tuple) else result * np.nan

    def answer(*given):
        if name == "18.firm_threshold":  # whose v may be in another memory
            return given[0] * np.nan
        if name in ("05.lam_to_keep", "16.units_left"):
            return np.nan
        return nan_like(TASKS[name].reference(*given))

    message = said(answer, TASKS[name])
    assert "nan, not a number" in message
    assert "a division 0/0?" in message


def test_nan_is_found_at_whichever_input_it_is():
    message = said(lambda x: x**3 / x)
    assert "your result has 1 nan, not a number, the first at index 0: a division 0/0?" in message
    assert "x        [0.]" in message
    message = said(lambda x: (x + 1) ** 3 / (x + 1))  # the first wrong result is at [2.]
    assert "x        [-1.  3.]" in message
    number = Task(SQUARE.signature, SQUARE.asks, SQUARE.inputs, lambda x: float(x.sum()), {})
    assert "your result is nan" in said(lambda x: float(x.sum() * x.sum() / x.sum()), number)
    two = Task(SQUARE.signature, SQUARE.asks, SQUARE.inputs, lambda x: (x, x), {}, compare=compare_named("this", "that"))
    message = said(lambda x: (x, x * x / x), two)
    assert "that: your result has 1 nan" in message
    assert "your that   [nan]" in message
