"""Known mistakes in choosing a setting, each by the sentence that names it."""

from collections.abc import Callable

import numpy as np


def chosen(score: np.ndarray, enough: np.ndarray) -> int:
    return int(np.argmin(np.where(enough, score, np.inf)))


def zeros(left: np.ndarray, of: int) -> np.ndarray:
    return 100 * (of - left.mean(axis=1)) / of


BEST_SETTING: dict[str, Callable[..., float]] = {
    "you chose by the test error. The test images measure how good the choice was: they must not influence it.": (
        lambda heldout, test, left, of, at_least: chosen(test.mean(axis=1), zeros(left, of) >= at_least)
    ),
    "you chose by both errors. The test images must not influence the choice.": (
        lambda heldout, test, left, of, at_least: chosen((heldout + test).mean(axis=1), zeros(left, of) >= at_least)
    ),
    "you chose the luckiest single run. A setting is as good as the mean of its seeds.": (
        lambda heldout, test, left, of, at_least: chosen(heldout.min(axis=1), zeros(left, of) >= at_least)
    ),
    "you compare the settings by their worst seeds; asked for is the mean.": (
        lambda heldout, test, left, of, at_least: chosen(heldout.max(axis=1), zeros(left, of) >= at_least)
    ),
    "you took the least error of all: is that network sparse enough? (Percent are compared with percent.)": (
        lambda heldout, test, left, of, at_least: int(np.argmin(heldout.mean(axis=1)))
    ),
    "no setting is ever sparse enough for you: a percentage is compared with a percentage.": (
        lambda heldout, test, left, of, at_least: chosen(heldout.mean(axis=1), zeros(left, of) / 100 >= at_least)
    ),
    "left counts the weights that are not zero: the zeros are the others.": (
        lambda heldout, test, left, of, at_least: chosen(heldout.mean(axis=1), 100 - zeros(left, of) >= at_least)
    ),
    "you took the sparsest. Of those that are sparse enough, the one with the least error is asked for.": (
        lambda heldout, test, left, of, at_least: int(np.argmin(left.mean(axis=1)))
    ),
    "your index counts only the settings that are sparse enough: it is to be one among all of them.": (
        lambda heldout, test, left, of, at_least: int(np.argmin(heldout.mean(axis=1)[zeros(left, of) >= at_least]))
    ),
    "exactly at_least percent of zeros is enough.": (
        lambda heldout, test, left, of, at_least: chosen(heldout.mean(axis=1), zeros(left, of) > at_least)
    ),
    "that is the error of the best setting; asked for is its index.": (
        lambda heldout, test, left, of, at_least: heldout.mean(axis=1)[zeros(left, of) >= at_least].min()
    ),
    "you compare the settings by their medians; asked for is the mean.": lambda heldout, test, left, of, at_least: chosen(
        np.median(heldout, axis=1), zeros(left, of) >= at_least
    ),
    "you ask for enough zeros in every run. Their mean over the seeds counts.": lambda heldout, test, left, of, at_least: (
        chosen(heldout.mean(axis=1), (100 * (of - left) / of >= at_least).all(axis=1))
    ),
    "you took the setting with the largest error.": lambda heldout, test, left, of, at_least: chosen(
        -heldout.mean(axis=1), zeros(left, of) >= at_least
    ),
    "your index is that of a single run, among all runs of all settings.": lambda heldout, test, left, of, at_least: int(
        np.argmin(np.where((zeros(left, of) >= at_least)[:, None], heldout, np.inf))
    ),
}
